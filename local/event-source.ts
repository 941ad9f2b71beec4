import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { isFifo } from './engines.ts';
import { inBatches } from './in-batches.ts';

export interface EventSourceOptions {
  client: SQSClient;
  queueUrl: string;
  handler: (event: SQSEvent, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<SQSBatchResponse>;
  /** The function's timeout. Nothing ends the function here; the handler is only told. */
  runMs: number;
  /** Messages of an event at most, 1 to 10. Default: 1. */
  batchSize?: number;
  /** Invocations at a time. */
  concurrency: number;
  onError: (error: unknown) => void;
}

/** The wait after the queue was not there, or did not answer. */
const AFTER_ERROR_MS = 500;

/** SQS gives, and forgets, no more at once. */
const MOST_AT_ONCE = 10;
/** Far shorter than messages are hidden. Of an ordered queue a message that is not forgotten holds its group back. */
const FORGOTTEN_WITHIN_MS = 50;

/**
 * Lambda's event source mapping for SQS. Messages are hidden while they are handled. Those that succeeded are
 * deleted. The others come back by themselves, and are counted; how long they stay hidden is the queue's setting,
 * or what the handler has made it. Of an ordered queue, what is received together is one event, in its order. The
 * queue itself holds back what follows in a group.
 */
export function startEventSource(options: EventSourceOptions): { stop(): Promise<void> } {
  const { client, queueUrl, handler, runMs, batchSize = 1, concurrency, onError } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  /** What is handled and not yet forgotten takes the place of nothing else. */
  const forgetting = new Set<Promise<void>>();
  const track = (these: Set<Promise<void>>, work: Promise<unknown>) => {
    const tracked = work.then(() => {}, onError).finally(() => these.delete(tracked));
    these.add(tracked);
  };

  const remove = async (receiptHandles: string[]) => {
    const { Failed = [] } = await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: receiptHandles.map((ReceiptHandle, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    );
    if (Failed.length > 0) throw new Error(`${Failed.length} messages were handled, and not deleted`);
  };
  const forget = inBatches(remove, MOST_AT_ONCE, isFifo(queueUrl) ? 0 : FORGOTTEN_WITHIN_MS);

  const handle = async (messages: Message[]) => {
    const endsAt = Date.now() + runMs;
    const records = messages.map((message) => toRecord(message, queueUrl));
    const { batchItemFailures } = await handler(
      { Records: records },
      { getRemainingTimeInMillis: () => endsAt - Date.now() },
    );
    const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
    const done = records.filter(({ messageId }) => !failed.has(messageId));
    // As in Lambda: a report that names what was not in the event is no report, and the whole event failed.
    if (done.length === 0 || done.length + failed.size > records.length) return;
    track(forgetting, Promise.all(done.map(({ receiptHandle }) => forget(receiptHandle))));
  };

  const poll = async () => {
    while (!stopping.signal.aborted) {
      try {
        const most = isFifo(queueUrl) ? batchSize : (concurrency - running.size) * batchSize;
        const { Messages = [] } = await client.send(
          new ReceiveMessageCommand({
            QueueUrl: queueUrl,
            MaxNumberOfMessages: Math.min(MOST_AT_ONCE, most),
            WaitTimeSeconds: 1,
            MessageSystemAttributeNames: ['All'],
          }),
          { abortSignal: stopping.signal },
        );
        for (let start = 0; start < Messages.length; start += batchSize) {
          track(running, handle(Messages.slice(start, start + batchSize)));
        }
        // Not for each one that has ended: a request brings several.
        while (running.size > concurrency / 2) await Promise.race(running);
      } catch (error) {
        if (stopping.signal.aborted) return;
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, AFTER_ERROR_MS));
      }
    }
  };

  const polling = poll();
  return {
    /** Waits for what is running. A run has its own end. */
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(running);
      await Promise.all(forgetting);
    },
  };
}

function toRecord(message: Message, queueUrl: string): SQSEvent['Records'][number] {
  const attributes = message.Attributes ?? {};
  const { MessageGroupId, MessageDeduplicationId, SequenceNumber } = attributes;
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ApproximateReceiveCount: attributes.ApproximateReceiveCount ?? '1',
      SentTimestamp: attributes.SentTimestamp ?? '',
      SenderId: attributes.SenderId ?? '',
      ApproximateFirstReceiveTimestamp: attributes.ApproximateFirstReceiveTimestamp ?? '',
      ...(MessageGroupId === undefined ? {} : { MessageGroupId }),
      ...(MessageDeduplicationId === undefined ? {} : { MessageDeduplicationId }),
      ...(SequenceNumber === undefined ? {} : { SequenceNumber }),
    },
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queueUrl.split('/').at(-1)}`,
    awsRegion: 'us-east-1',
  };
}
