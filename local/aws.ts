import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { SQSClientConfig } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDocumentClient } from '../shared/storage/clients.ts';

/**
 * An engine wants a signature, and checks none. Some read in it which service is meant. A true one for each request
 * would cost a tenth of all the work.
 */
const unsigned = (service: string) => ({
  'x-amz-date': '20260101T000000Z',
  authorization: `AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/${service}/aws4_request, SignedHeaders=x-amz-date, Signature=0`,
});
const TO_DYNAMODB = unsigned('dynamodb');
const TO_SQS = unsigned('sqs');

type Signer = Extract<DynamoDBClientConfig['signer'], { sign: unknown }>;

const signer: Signer = {
  async sign(request) {
    const isDynamo = request.headers['x-amz-target']?.startsWith('DynamoDB');
    Object.assign(request.headers, isDynamo ? TO_DYNAMODB : TO_SQS);
    return request;
  },
};

/**
 * The settings of a client of an engine on this machine. It is more patient than on AWS: here a flood of webhooks
 * waits for its turn in one process, and there each webhook has its own.
 */
export function engineAt(endpoint: string) {
  return {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    signer,
    requestHandler: { connectionTimeout: 10_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  } satisfies DynamoDBClientConfig & SQSClientConfig;
}

/** What the SDK adds to each request for AWS alone: which SDK asks, and for which call of Lambda. */
const FOR_AWS = ['getUserAgentMiddleware', 'recursionDetectionMiddleware'];

/** A client of the engine's tables, which spares itself a tenth of the work of a request: nobody reads that part of it. */
export function createEngineClient(endpoint: string): DynamoDBDocumentClient {
  const client = createDocumentClient(engineAt(endpoint));
  for (const name of FOR_AWS) client.middlewareStack.remove(name);
  return client;
}
