import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { SQSClientConfig } from '@aws-sdk/client-sqs';

/** An engine wants a signature, and checks none. To make a true one for each request costs a tenth of all the work. */
const NO_SIGNATURE = {
  'x-amz-date': '20260101T000000Z',
  authorization:
    'AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/local/aws4_request, SignedHeaders=x-amz-date, Signature=0',
};

type Signer = Extract<DynamoDBClientConfig['signer'], { sign: unknown }>;

const signer: Signer = {
  async sign(request) {
    Object.assign(request.headers, NO_SIGNATURE);
    return request;
  },
};

/**
 * The settings of a client of an engine on this machine. More patient than on AWS: a flood of webhooks waits for its
 * turn in one process here, where there each has its own.
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
