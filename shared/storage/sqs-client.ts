import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { PATIENCE } from './clients.ts';

/**
 * All of SQS, for what works on queues as such. Who only sends takes `createSqs`.
 *
 * @param engine where an engine on one's own machine stands in for AWS.
 */
export function createSqsClient(engine: SQSClientConfig = {}): SQSClient {
  // Asked at the region's endpoint, or the engine's, whatever host the queue's address names.
  return new SQSClient({ ...PATIENCE, ...engine, useQueueUrlAsEndpoint: false });
}
