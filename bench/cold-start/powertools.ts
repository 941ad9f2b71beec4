/** Powertools for AWS Lambda: its idempotency record stands for the claim, so there is no row beside it. */
import { IdempotencyConfig, makeIdempotent } from '@aws-lambda-powertools/idempotency';
import { DynamoDBPersistenceLayer } from '@aws-lambda-powertools/idempotency/dynamodb';
import { Logger } from '@aws-lambda-powertools/logger';
import { parse } from '@aws-lambda-powertools/parser';
import { ApiGatewayV2Envelope } from '@aws-lambda-powertools/parser/envelopes/api-gatewayv2';
import { JSONStringified } from '@aws-lambda-powertools/parser/helpers';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda';
import * as z from 'zod';
import { answer, isSigned } from './order.ts';

const { TABLE_NAME: tableName = '', RECHARGE_QUEUE_URL: QueueUrl, INBOUND_SECRET: SecretId } = process.env;
const secretSchema = z.object({ webhook: z.array(z.string()) });
const orderSchema = z.object({
  idempotency_key: z.string().min(1).max(255),
  email: z.email(),
  credits: z.int().positive(),
});
const logger = new Logger({ serviceName: 'recharge-webhook' });
const queue = new SQSClient({ useQueueUrlAsEndpoint: false });
const secrets = new SecretsManagerClient();
let known: string[] | undefined;

async function webhookSecrets(): Promise<string[]> {
  if (known) return known;
  const { SecretString = '{}' } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  known = secretSchema.parse(JSON.parse(SecretString)).webhook;
  return known;
}

const config = new IdempotencyConfig({});
const enqueueOnce = makeIdempotent(
  async ({ idempotency_key: key }: z.infer<typeof orderSchema>) => {
    await queue.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ key }) }));
    return { status: 'received' };
  },
  { persistenceStore: new DynamoDBPersistenceLayer({ tableName, keyAttr: 'pk' }), config },
);

export async function handler(event: APIGatewayProxyEventV2, context: Context) {
  config.registerLambdaContext(context);
  if (!isSigned(event.body ?? '', event.headers['x-webhook-signature'], await webhookSecrets()))
    return answer(401, { message: 'unauthorized' });
  const order = parse(event, ApiGatewayV2Envelope, JSONStringified(orderSchema));
  const { status } = await enqueueOnce(order);
  logger.info('webhook answered', { key: order.idempotency_key });
  return answer(202, { status });
}
