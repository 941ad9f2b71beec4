import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Logger } from './logger.ts';
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

/** @param engine where an engine on one's own machine stands in for AWS. */
export function createDocumentClient(engine: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(new DynamoDBClient({ ...PATIENCE, ...engine }), {
    marshallOptions: { removeUndefinedValues: true },
  });
}

/** @param engine where an engine on one's own machine stands in for AWS. */
export function createSqsClient(engine: SQSClientConfig = {}): SQSClient {
  // Asked at the region's endpoint, or the engine's, whatever host the queue's address names.
  return new SQSClient({ ...PATIENCE, ...engine, useQueueUrlAsEndpoint: false });
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

/**
 * Waits for first requests made while a function loads: the first webhook then finds open connections.
 * A failure is only logged: the function must load, and each call of its own says what is wrong.
 */
export async function openConnections(requests: Promise<unknown>[], logger: Logger): Promise<void> {
  for (const result of await Promise.allSettled(requests)) {
    if (result.status === 'rejected')
      logger.error('a connection could not be opened at the start', result.reason);
  }
}
