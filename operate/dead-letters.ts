import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  type Message as SqsMessage,
} from '@aws-sdk/client-sqs';
import { isEnded, type Message, messageIdOf } from '../shared/channels/message.ts';
import { readMessageId } from '../shared/channels/queue.ts';
import { idIn, type StripeLook } from '../shared/payments/stripe/looks.ts';
import { createSqsRechargeQueue } from '../shared/recharge/queue.ts';
import { type RechargeMessage, readMessage } from '../shared/recharge/queue-message.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
import { createSqsAskToLook } from '../shared/recharge/wake.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { replayMessage } from './messages.ts';
import { countsOf, type QueueDepth, type Queues } from './queues.ts';

export type DeadLetterQueue = QueueDepth['queue'];
export const DEAD_LETTER_QUEUES = ['recharges', 'messages'] as const satisfies DeadLetterQueue[];

/** One message of a dead-letter queue, and the row that it names. */
export interface DeadLetter {
  queue: DeadLetterQueue;
  /** SQS's own id of it. */
  id: string;
  /** When it was first queued, in Unix milliseconds. Of a chat message: when its copy was laid here. */
  sentAt: number;
  /** The key of the recharge, the id of the chat message, or Stripe's id; absent where it cannot be read. */
  names?: string;
  /** What the worker is to look at at Stripe, instead of driving a recharge. */
  look?: StripeLook;
  /** The phase of the recharge, or the status of the chat message; absent where nothing of this name is stored. */
  state?: string;
  /** What a replay does with it. */
  plan: 'queue' | 'forget' | 'leave';
  /** Why, in a sentence. */
  why: string;
}

/** What became of one that was replayed. */
export interface ReplayedLetter extends DeadLetter {
  done: 'queued' | 'forgotten' | 'dropped' | 'left';
}

export type ReplayedLetters = Record<ReplayedLetter['done'], number>;

/** For programs. */
export const deadLetterJson = ({ id, queue, sentAt, names, state, plan, why }: DeadLetter) => ({
  id,
  queue,
  sent_at: new Date(sentAt).toISOString(),
  names,
  state,
  plan,
  why,
});

/** @returns how many each dead-letter queue holds, as far as SQS knows; those that are just being listed, too. */
export async function countDeadLetters(
  connection: Pick<Connection, 'queues'>,
): Promise<Record<DeadLetterQueue, number>> {
  const queues = await connection.queues();
  const counts = await Promise.all(
    DEAD_LETTER_QUEUES.map(async (queue) => {
      const { waiting, hidden } = await countsOf(queues, urlOf(queues, queue));
      return waiting + hidden;
    }),
  );
  return { recharges: counts[0] ?? 0, messages: counts[1] ?? 0 };
}

type Asked = Pick<Connection, 'queues' | 'ledger' | 'messages' | 'messageQueue' | 'logger' | 'now'>;

/**
 * Looks at what lies in a dead-letter queue, and leaves it there. SQS shows a message only by handing it out, hidden
 * from others meanwhile: all are given back at the end, and by themselves within a minute if this process dies. Of an
 * ordered queue SQS hands out no more than the first ten messages of each contact.
 *
 * @param limit no more than these are looked at.
 */
export async function listDeadLetters(
  connection: Asked,
  queue: DeadLetterQueue,
  limit: number,
): Promise<DeadLetter[]> {
  const hands = await openHands(await connection.queues(), queue);
  try {
    const letters: DeadLetter[] = [];
    while (letters.length < limit) {
      const fresh = await hands.take(limit - letters.length);
      if (fresh.length === 0) break;
      for (const message of fresh) letters.push(await letterOf(connection, queue, message));
    }
    return letters.sort((a, b) => a.sentAt - b.sentAt);
  } finally {
    await hands.giveBack();
  }
}

/**
 * Brings each on its way again, and takes it out of the dead-letter queue. What a recharge or message still needs is
 * decided by its row, so that a repetition does no harm: whatever has ended is only taken out. Ten at a time are held
 * in memory, and what stays. What names nothing is left, unless it is to be dropped.
 *
 * @param options.dropUnreadable takes out what names nothing, too. It is gone then.
 * @param tell hears of each when it is done.
 */
export async function replayDeadLetters(
  connection: Asked,
  queue: DeadLetterQueue,
  { dropUnreadable = false }: { dropUnreadable?: boolean },
  tell: (letter: ReplayedLetter) => void,
): Promise<ReplayedLetters> {
  const hands = await openHands(await connection.queues(), queue);
  const counts: ReplayedLetters = { queued: 0, forgotten: 0, dropped: 0, left: 0 };
  try {
    for (;;) {
      const fresh = await hands.take(BATCH);
      if (fresh.length === 0) return counts;
      for (const message of fresh) {
        const letter = await letterOf(connection, queue, message);
        const done = await bring(connection, letter, dropUnreadable);
        if (done !== 'left') await hands.remove(message);
        counts[done] += 1;
        tell({ ...letter, done });
      }
    }
  } finally {
    await hands.giveBack();
  }
}

async function bring(
  connection: Asked,
  { queue, names = '', look, plan }: DeadLetter,
  dropUnreadable: boolean,
): Promise<ReplayedLetter['done']> {
  if (plan === 'forget') return 'forgotten';
  if (plan === 'leave') return dropUnreadable ? 'dropped' : 'left';
  if (queue === 'recharges') {
    const { sender, urls } = await connection.queues();
    if (look) await createSqsAskToLook(sender, urls.recharges)(look);
    else await createSqsRechargeQueue(sender, urls.recharges).send([names]);
    return 'queued';
  }
  try {
    await replayMessage(connection, names);
    return 'queued';
  } catch (error) {
    // It went on since it was read: its row needs no copy any more.
    const isMoving = error instanceof OperateError && ['changed', 'refused'].includes(error.kind);
    if (isMoving) return 'forgotten';
    throw error;
  }
}

async function letterOf(connection: Asked, queue: DeadLetterQueue, message: SqsMessage): Promise<DeadLetter> {
  const { MessageId = '', Body = '', Attributes = {} } = message;
  const letter = { queue, id: MessageId, sentAt: Number(Attributes.SentTimestamp ?? 0) };
  const held = contentOf(queue, Body);
  if (held === undefined)
    return { ...letter, plan: 'leave', why: 'it is no message of ours: find out who may send to the queue' };
  if (typeof held === 'string')
    return { ...letter, names: held, ...ofMessage(await connection.messages.read(held)) };
  if ('stripe' in held) return { ...letter, ...ofLook(held.stripe) };
  return { ...letter, names: held.key, ...ofRecharge(await connection.ledger.read(held.key)) };
}

/** The id of a chat message, or a message about recharges. */
function contentOf(queue: DeadLetterQueue, body: string): string | RechargeMessage | undefined {
  try {
    return queue === 'recharges' ? readMessage(body) : readMessageId(body);
  } catch {
    return undefined;
  }
}

type Planned = Pick<DeadLetter, 'state' | 'plan' | 'why'>;

const ofLook = (look: StripeLook): Pick<DeadLetter, 'names' | 'look' | 'plan' | 'why'> => ({
  names: idIn(look),
  look,
  plan: 'queue',
  why: 'the worker looks at it at Stripe again',
});

function ofRecharge(row: Recharge | undefined): Planned {
  if (row === undefined) return { plan: 'leave', why: 'no recharge has this key' };
  const { phase: state } = row;
  if (isFinished(row)) return { state, plan: 'forget', why: 'the recharge has ended' };
  if (state === 'needs_review') {
    return { state, plan: 'forget', why: 'the recharge waits for a person, not for the queue' };
  }
  return { state, plan: 'queue', why: 'the worker takes it up again, once it is due' };
}

function ofMessage(row: Message | undefined): Planned {
  if (row === undefined) return { plan: 'leave', why: 'no message of this id is stored any more' };
  const { status: state } = row;
  if (state === 'failed' || state === 'parked') {
    return { state, plan: 'queue', why: 'it is tried again, as a new message to the queue' };
  }
  return {
    state,
    plan: 'forget',
    why: isEnded(row) ? 'it is delivered' : `${messageIdOf(row)} is on its way already`,
  };
}

const urlOf = ({ urls }: Queues, queue: DeadLetterQueue) =>
  queue === 'recharges' ? urls.rechargeDeadLetters : urls.messageDeadLetters;

/** What SQS hands out at once. */
const BATCH = 10;
/** Longer than ten rows take to be read and replayed. Whoever dies meanwhile hides them for no longer than this. */
const HIDDEN_SECONDS = 60;
/** A short poll asks a part of SQS's servers. So it may find nothing where there is something. */
const LONG_POLL_SECONDS = 1;

/** What was handed out to us, until it is removed or given back. */
async function openHands(queues: Queues, queue: DeadLetterQueue) {
  const { sqs } = queues;
  const QueueUrl = urlOf(queues, queue);
  const { waiting: expected } = await countsOf(queues, QueueUrl);
  /** The handles, by SQS's ids. */
  const held = new Map<string, string | undefined>();
  let handedOut = 0;
  return {
    /** @returns at most so many that were not handed out before; none where there are no more. */
    async take(most: number): Promise<SqsMessage[]> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: Math.min(BATCH, most),
          VisibilityTimeout: HIDDEN_SECONDS,
          WaitTimeSeconds: handedOut < expected ? LONG_POLL_SECONDS : 0,
          MessageSystemAttributeNames: ['SentTimestamp'],
        }),
      );
      const fresh = Messages.filter(({ MessageId = '' }) => !held.has(MessageId));
      for (const { MessageId = '', ReceiptHandle } of Messages) held.set(MessageId, ReceiptHandle);
      handedOut += fresh.length;
      return fresh;
    },
    async remove({ MessageId = '', ReceiptHandle }: SqsMessage): Promise<void> {
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }));
      held.delete(MessageId);
    },
    /** Others see them at once. One that could not be given back comes back by itself. */
    async giveBack(): Promise<void> {
      const left = [...held.values()];
      for (let start = 0; start < left.length; start += BATCH) {
        const Entries = left.slice(start, start + BATCH).map((ReceiptHandle, index) => ({
          Id: String(index),
          ReceiptHandle,
          VisibilityTimeout: 0,
        }));
        await sqs.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
      }
    },
  };
}
