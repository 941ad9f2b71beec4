import { createHash } from 'node:crypto';
import type { SQSRecord } from 'aws-lambda';
import * as z from 'zod/mini';
import type { AwsJson } from '../storage/aws-json.ts';
import { type Message, messageIdOf } from './message.ts';

/** Wakes the worker for a message, in the order of its contact. */
export interface MessageQueue {
  /** The queue drops a second send within five minutes, unless the message was replayed in between. */
  send(message: Message): Promise<void>;
}

/** A message of the queue, as the worker received it. */
export type Received = Pick<SQSRecord, 'messageId' | 'receiptHandle' | 'body' | 'attributes'>;

/** What the worker does to the queue. */
export interface WorkQueue {
  /** Received messages come back after this time, at most 11 hours, in their order. At most 10. */
  hide(received: readonly Received[], ms: number): Promise<void>;
  /** Copies to the dead-letter queue. */
  bury(received: Received): Promise<void>;
}

/** What of a batch was not hidden. */
const hiddenSchema = z.object({ Failed: z.optional(z.array(z.unknown())) });

const bodySchema = z.object({ message: z.string().check(z.minLength(1)) });

/** @throws where the text is no message of ours. */
export function readMessageId(body: string): string {
  return bodySchema.parse(JSON.parse(body)).message;
}

/**
 * SQS hides a message for at most 12 hours after its receipt. One hour of that is left for the run. A message that
 * waits longer comes back in between, and is hidden again.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
 */
const MAX_HIDDEN_SECONDS = 11 * 3_600;

export function createSqsMessageQueue(sqs: AwsJson, queueUrl: string): MessageQueue {
  return {
    async send(message) {
      const id = messageIdOf(message);
      await sqs.ask(
        'SendMessage',
        {
          QueueUrl: queueUrl,
          // ASCII, whatever the sender's own id is made of.
          MessageBody: JSON.stringify({ message: id }),
          MessageGroupId: groupOf(message),
          MessageDeduplicationId: `${id}-${message.queuedNo}`,
        },
        z.unknown(),
      );
    },
  };
}

export function createSqsWorkQueue(
  sqs: AwsJson,
  { queueUrl, deadLetterUrl }: { queueUrl: string; deadLetterUrl: string },
): WorkQueue {
  return {
    async hide(received, ms) {
      const VisibilityTimeout = Math.min(MAX_HIDDEN_SECONDS, Math.ceil(ms / 1_000));
      const { Failed = [] } = await sqs.ask(
        'ChangeMessageVisibilityBatch',
        {
          QueueUrl: queueUrl,
          Entries: received.map(({ receiptHandle: ReceiptHandle }, index) => ({
            Id: String(index),
            ReceiptHandle,
            VisibilityTimeout,
          })),
        },
        hiddenSchema,
      );
      if (Failed.length > 0)
        throw new Error(`${Failed.length} of ${received.length} messages were not hidden`);
    },

    async bury({ messageId, body, attributes }) {
      await sqs.ask(
        'SendMessage',
        {
          QueueUrl: deadLetterUrl,
          MessageBody: body,
          MessageGroupId: attributes.MessageGroupId ?? messageId,
          MessageDeduplicationId: messageId,
        },
        z.unknown(),
      );
    },
  };
}

/**
 * What must keep its order: one contact's messages on one channel and one way. Hashed, as a contact's id may be of
 * any characters, and is often a phone number.
 */
function groupOf({ channel, direction, content }: Message): string {
  const hash = createHash('sha256').update(`${channel}\n${direction}\n${content.contact}`).digest('hex');
  return hash.slice(0, 32);
}
