import { DeleteMessageBatchCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createQueue, type Engine, queueUrl } from '../../local/engines.ts';
import { startSqs } from '../../local/sqs.ts';
import { createSqsRechargeQueue, type RechargeQueue } from '../../shared/recharge/queue.ts';
import { type AwsJson, createSqs } from '../../shared/storage/aws-json.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';

export interface TestQueue {
  queue: RechargeQueue;
  client: SQSClient;
  sender: AwsJson;
  /** New and empty for every test. */
  url: string;
  deadLetterUrl: string;
  /** The bodies of all messages that wait, which are gone from then on; in the order of the alphabet. */
  taken(): Promise<string[]>;
  /** Makes the queue anew, under the same URL, after a test deleted it. */
  restore(): Promise<unknown>;
}

/**
 * One SQS engine for the tests of a file; a queue for each of them.
 *
 * @returns gives the running test its queue.
 */
export function useQueue(): () => TestQueue {
  let engine: Engine | undefined;
  let queue: TestQueue | undefined;
  let queues = 0;

  beforeAll(async () => {
    engine = await startSqs();
  });
  beforeEach(async () => {
    if (!engine) throw new Error('Bug! The engine was not started.');
    const client = createSqsClient(engineAt(engine.endpoint));
    const sender = createSqs(engineAt(engine.endpoint));
    queues += 1;
    const definition = {
      name: `recharges-${queues}`,
      deadLetterName: `recharges-${queues}-dead`,
      visibilityTimeoutSeconds: 30,
      maxReceiveCount: 5,
    };
    const url = await createQueue(client, definition);
    queue = {
      queue: createSqsRechargeQueue(sender, url),
      client,
      sender,
      url,
      deadLetterUrl: await queueUrl(client, definition.deadLetterName),
      taken: () => takeAll(client, url),
      restore: () => createQueue(client, definition),
    };
    return () => client.destroy();
  });
  afterAll(() => engine?.stop());

  return () => {
    if (!queue) throw new Error('Bug! There is a queue inside of tests only.');
    return queue;
  };
}

async function takeAll(client: SQSClient, url: string): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { Messages: messages = [] } = await client.send(
      new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 0 }),
    );
    if (messages.length === 0) return bodies.sort();
    bodies.push(...messages.map(({ Body = '' }) => Body));
    await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: url,
        Entries: messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
  }
}
