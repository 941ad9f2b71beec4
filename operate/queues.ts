import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';

/** The two queues of the relay, and the dead-letter queue of each, by their URLs. */
export interface QueueUrls {
  recharges: string;
  rechargeDeadLetters: string;
  messages: string;
  messageDeadLetters: string;
}

/** What a deed needs to ask them. */
export interface Queues {
  sqs: SQSClient;
  urls: QueueUrls;
}

/** How much one of the queues holds: as SQS counts, which may be a minute behind. */
export interface QueueDepth {
  queue: 'recharges' | 'messages';
  /** Not received yet. */
  waiting: number;
  /** Received: being worked on right now, or hidden until it is time to try again. */
  hidden: number;
  /** In its dead-letter queue, hidden ones too. */
  deadLetters: number;
}

/**
 * @throws what SQS throws: another network, no rights (`sqs:GetQueueAttributes`), or a queue that is gone.
 */
export async function readQueueDepths(queues: Queues): Promise<QueueDepth[]> {
  const { recharges, rechargeDeadLetters, messages, messageDeadLetters } = queues.urls;
  const pairs = [
    { queue: 'recharges', url: recharges, deadLetterUrl: rechargeDeadLetters },
    { queue: 'messages', url: messages, deadLetterUrl: messageDeadLetters },
  ] as const;
  return Promise.all(
    pairs.map(async ({ queue, url, deadLetterUrl }) => {
      const [live, dead] = await Promise.all([countsOf(queues, url), countsOf(queues, deadLetterUrl)]);
      return { queue, ...live, deadLetters: dead.waiting + dead.hidden };
    }),
  );
}

/** @returns the messages of one queue. */
export async function countsOf({ sqs }: Queues, url: string): Promise<{ waiting: number; hidden: number }> {
  const { Attributes: counts = {} } = await sqs.send(
    new GetQueueAttributesCommand({
      QueueUrl: url,
      AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
    }),
  );
  return {
    waiting: Number(counts.ApproximateNumberOfMessages ?? 0),
    hidden: Number(counts.ApproximateNumberOfMessagesNotVisible ?? 0),
  };
}
