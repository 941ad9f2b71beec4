import { GetQueueAttributesCommand, type SQSClient } from '@aws-sdk/client-sqs';
import type { AwsJson } from '../shared/storage/aws-json.ts';

/** The two queues of the relay, and the dead-letter queue of each, by their URLs. */
export interface QueueUrls {
  recharges: string;
  rechargeDeadLetters: string;
  messages: string;
  messageDeadLetters: string;
  /** On AWS alone: changes that could not be read, and events that the agency's own address did not take. */
  unreadChanges?: string | undefined;
  undeliveredEvents?: string | undefined;
}

/** What a deed needs to ask them. */
export interface Queues {
  sqs: SQSClient;
  /** What sends to them as the functions do. */
  sender: AwsJson;
  urls: QueueUrls;
}

type Asked = Pick<Queues, 'sqs' | 'urls'>;

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
export async function readQueueDepths(queues: Asked): Promise<QueueDepth[]> {
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

/** Events that were not sent. A number is absent where there is no such queue. */
export interface UnsentEvents {
  unread?: number;
  undelivered?: number;
}

/** @throws like `readQueueDepths`. */
export async function countUnsentEvents(queues: Asked): Promise<UnsentEvents> {
  const { unreadChanges, undeliveredEvents } = queues.urls;
  const count = async (url: string | undefined) => {
    if (url === undefined) return undefined;
    const { waiting, hidden } = await countsOf(queues, url);
    return waiting + hidden;
  };
  const [unread, undelivered] = await Promise.all([count(unreadChanges), count(undeliveredEvents)]);
  return {
    ...(unread === undefined ? {} : { unread }),
    ...(undelivered === undefined ? {} : { undelivered }),
  };
}

/** @returns the messages of one queue. */
export async function countsOf(
  { sqs }: Pick<Queues, 'sqs'>,
  url: string,
): Promise<{ waiting: number; hidden: number }> {
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
