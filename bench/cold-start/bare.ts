/** The least that AWS's clients allow: no document client, and checks by hand. */
import { ConditionalCheckFailedException, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { answer, isSigned, rowOf } from './order.ts';

const { TABLE_NAME: TableName, RECHARGE_QUEUE_URL: QueueUrl, INBOUND_SECRET: SecretId } = process.env;
const table = new DynamoDBClient();
const queue = new SQSClient({ useQueueUrlAsEndpoint: false });
const secrets = new SecretsManagerClient();
let known: string[] | undefined;

async function webhookSecrets(): Promise<string[]> {
  if (known) return known;
  const { SecretString = '{}' } = await secrets.send(new GetSecretValueCommand({ SecretId }));
  const { webhook } = JSON.parse(SecretString);
  known = Array.isArray(webhook) ? webhook.map(String) : [];
  return known;
}

export async function handler({ headers, body = '' }: APIGatewayProxyEventV2) {
  if (!isSigned(body, headers['x-webhook-signature'], await webhookSecrets()))
    return answer(401, { message: 'unauthorized' });
  const { idempotency_key: key, email, credits } = JSON.parse(body);
  if (typeof key !== 'string' || typeof email !== 'string' || typeof credits !== 'number')
    return answer(400, { message: 'not understood' });
  const Item = Object.fromEntries(
    Object.entries(rowOf({ key, email, credits })).map(([name, value]) => [
      name,
      typeof value === 'number' ? { N: String(value) } : { S: value },
    ]),
  );
  try {
    const ConditionExpression = 'attribute_not_exists(pk)';
    await table.send(new PutItemCommand({ TableName, Item, ConditionExpression }));
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return answer(200, { status: 'duplicate' });
    throw error;
  }
  await queue.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify({ key }) }));
  process.stdout.write(`${JSON.stringify({ level: 'INFO', message: 'webhook answered', key })}\n`);
  return answer(202, { status: 'received' });
}
