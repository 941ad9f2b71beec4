import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Logger } from '../logger.ts';

/**
 * 2 s a try and 3 tries: a run of 60 s must end with its writes made, and DynamoDB answers in under
 * 20 ms or not at all.
 */
export const PATIENCE = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 1_000, requestTimeout: 2_000, throwOnRequestTimeout: true },
};

/** @param engine where an engine on one's own machine stands in for AWS. */
export function createTableClient(engine: DynamoDBClientConfig = {}): DynamoDBClient {
  const client = new DynamoDBClient({ ...PATIENCE, ...engine });
  // For each request it makes two copies of all that goes and comes, for a logger that does nothing: 3 % of a recharge.
  client.middlewareStack.remove('loggerMiddleware');
  return client;
}

/** @param engine where an engine on one's own machine stands in for AWS. */
export function createDocumentClient(engine: DynamoDBClientConfig = {}): DynamoDBDocumentClient {
  return DynamoDBDocumentClient.from(createTableClient(engine), {
    marshallOptions: { removeUndefinedValues: true },
  });
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
