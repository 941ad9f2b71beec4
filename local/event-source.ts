import {
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';

export interface EventSourceOptions {
  client: SQSClient;
  queueUrl: string;
  handler: (event: SQSEvent, context: Pick<Context, 'getRemainingTimeInMillis'>) => Promise<SQSBatchResponse>;
  /** The function's timeout. Nothing ends it here; the handler is only told. */
  runMs: number;
  /** Invocations at a time, one message each. */
  concurrency: number;
  onError: (error: unknown) => void;
}

/** The queue was not there, or did not answer: not so soon again. */
const AFTER_ERROR_MS = 500;

/**
 * Lambda's event source mapping for SQS, with batches of one: a message is hidden while it is handled,
 * deleted where it succeeded, and comes back by itself, counted, where it did not.
 */
export function startEventSource(options: EventSourceOptions): { stop(): Promise<void> } {
  const { client, queueUrl, handler, runMs, onError } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();

  const handle = async (message: Message) => {
    const endsAt = Date.now() + runMs;
    const response = await handler(
      { Records: [toRecord(message)] },
      { getRemainingTimeInMillis: () => endsAt - Date.now() },
    );
    if (response.batchItemFailures.length > 0) return;
    await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
  };

  const poll = async () => {
    while (!stopping.signal.aborted) {
      try {
        const { Messages = [] } = await client.send(
          new ReceiveMessageCommand({
            QueueUrl: queueUrl,
            MaxNumberOfMessages: Math.min(10, options.concurrency - running.size),
            WaitTimeSeconds: 1,
            MessageSystemAttributeNames: ['All'],
          }),
          { abortSignal: stopping.signal },
        );
        for (const message of Messages) {
          const run: Promise<void> = handle(message)
            .catch(onError)
            .finally(() => running.delete(run));
          running.add(run);
        }
        if (running.size >= options.concurrency) await Promise.race(running);
      } catch (error) {
        if (stopping.signal.aborted) return;
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, AFTER_ERROR_MS));
      }
    }
  };

  const polling = poll();
  return {
    /** Waits for what is running: a run has its own end. */
    async stop() {
      stopping.abort();
      await polling;
      await Promise.all(running);
    },
  };
}

function toRecord(message: Message): SQSEvent['Records'][number] {
  const attributes = message.Attributes ?? {};
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: {
      ApproximateReceiveCount: attributes.ApproximateReceiveCount ?? '1',
      SentTimestamp: attributes.SentTimestamp ?? '',
      SenderId: attributes.SenderId ?? '',
      ApproximateFirstReceiveTimestamp: attributes.ApproximateFirstReceiveTimestamp ?? '',
    },
    messageAttributes: {},
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:recharges',
    awsRegion: 'us-east-1',
  };
}
