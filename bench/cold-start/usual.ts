/** The bundle as most write it by hand: AWS's clients, the document client and zod. */
import { ConditionalCheckFailedException, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import * as z from 'zod';
import { answer, isSigned, rowOf } from './order.ts';

const envSchema = z.object({
  TABLE_NAME: z.string().min(1),
  RECHARGE_QUEUE_URL: z.url(),
  INBOUND_SECRET: z.string().min(1),
});
const secretSchema = z.object({ webhook: z.array(z.string()) });
const orderSchema = z.object({
  idempotency_key: z.string().min(1).max(255),
  email: z.email(),
  credits: z.int().positive(),
});

const env = envSchema.parse(process.env);
const table = DynamoDBDocumentClient.from(new DynamoDBClient());
const queue = new SQSClient({ useQueueUrlAsEndpoint: false });
const secrets = new SecretsManagerClient();
let known: string[] | undefined;

async function webhookSecrets(): Promise<string[]> {
  if (known) return known;
  const { SecretString = '{}' } = await secrets.send(
    new GetSecretValueCommand({ SecretId: env.INBOUND_SECRET }),
  );
  known = secretSchema.parse(JSON.parse(SecretString)).webhook;
  return known;
}

export async function handler({ headers, body = '' }: APIGatewayProxyEventV2) {
  if (!isSigned(body, headers['x-webhook-signature'], await webhookSecrets()))
    return answer(401, { message: 'unauthorized' });
  const order = orderSchema.safeParse(JSON.parse(body));
  if (!order.success) return answer(400, { message: 'not understood' });
  const { idempotency_key: key, email, credits } = order.data;
  try {
    await table.send(
      new PutCommand({
        TableName: env.TABLE_NAME,
        Item: rowOf({ key, email, credits }),
        ConditionExpression: 'attribute_not_exists(pk)',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      }),
    );
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return answer(200, { status: 'duplicate' });
    throw error;
  }
  await queue.send(
    new SendMessageCommand({ QueueUrl: env.RECHARGE_QUEUE_URL, MessageBody: JSON.stringify({ key }) }),
  );
  process.stdout.write(`${JSON.stringify({ level: 'INFO', message: 'webhook answered', key })}\n`);
  return answer(202, { status: 'received' });
}
