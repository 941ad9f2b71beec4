import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  createSecrets,
  inboundSecretsSchema,
  outboundSecretsSchema,
  readFromSecretsManager,
} from './secrets.ts';

/**
 * 2 s a try and 3 tries: a run of 60 s must end with its writes made, and DynamoDB answers in under
 * 20 ms or not at all.
 */
const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

/** @param endpoint an embedded engine's address; absent on AWS. */
export function createDocumentClient(endpoint?: string): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...PATIENCE, ...local(endpoint) }), {
    marshallOptions: { removeUndefinedValues: true },
  });
}

/** @param endpoint an embedded engine's address; absent on AWS. */
export function createSqsClient(endpoint?: string): SQSClient {
  return new SQSClient({
    ...PATIENCE,
    ...local(endpoint),
    ...(endpoint ? { useQueueUrlAsEndpoint: false } : {}),
  });
}

/** @param secretId name or ARN in Secrets Manager; kept for 5 minutes. */
export function inboundSecrets(secretId: string) {
  return createSecrets(
    'inbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    inboundSecretsSchema,
  );
}

/** @param secretId name or ARN in Secrets Manager; kept for 5 minutes. */
export function outboundSecrets(secretId: string) {
  return createSecrets(
    'outbound',
    readFromSecretsManager(new SecretsManagerClient(PATIENCE), secretId),
    outboundSecretsSchema,
  );
}

/** An engine on this machine checks no signature, but wants one. */
const local = (endpoint: string | undefined) =>
  endpoint === undefined
    ? {}
    : { endpoint, region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };
