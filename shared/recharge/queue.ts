import * as z from 'zod/mini';
import type { AwsJson } from '../storage/aws-json.ts';
import type { RechargeMessage } from './queue-message.ts';

/** Wakes the worker for a recharge. A message holds the key alone: the row says everything else. */
export interface RechargeQueue {
  /** @throws an Error that counts the keys that were not queued; their rows come back by themselves. */
  send(keys: readonly string[]): Promise<void>;
}

/** In ASCII, all else escaped: SQS forbids some characters, and the engine on one machine some more. */
export function writeMessage(message: RechargeMessage): string {
  return JSON.stringify(message).replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const BATCH_SIZE = 10;

/** What was not taken of a batch. */
const batchSchema = z.object({ Failed: z.optional(z.array(z.unknown())) });

export function createSqsRechargeQueue(sqs: AwsJson, queueUrl: string): RechargeQueue {
  return {
    async send(keys) {
      let failed = 0;
      for (let start = 0; start < keys.length; start += BATCH_SIZE) {
        const batch = keys.slice(start, start + BATCH_SIZE);
        const { Failed } = await sqs.ask(
          'SendMessageBatch',
          {
            QueueUrl: queueUrl,
            Entries: batch.map((key, index) => ({ Id: String(index), MessageBody: writeMessage({ key }) })),
          },
          batchSchema,
        );
        failed += Failed?.length ?? 0;
      }
      if (failed > 0) throw new Error(`${failed} of ${keys.length} recharges were not queued`);
    },
  };
}
