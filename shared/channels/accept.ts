import { record } from '../history.ts';
import type { Logger } from '../logger.ts';
import { type Content, isEnded, type Message, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';
import type { MessageQueue } from './queue.ts';
import { fromUndelivered } from './receipt.ts';

interface OnItsWayDeps {
  messages: Pick<Messages, 'rememberReplyTo' | 'write'>;
  queue: MessageQueue;
  logger: Logger;
}

export interface AcceptDeps extends OnItsWayDeps {
  messages: Pick<Messages, 'mark' | 'rememberReplyTo' | 'write'>;
  /** Whether it would have the same id, were it sent again. Default: it would. */
  isRepeatable?: (content: Content) => boolean;
}

export type Accepted =
  | { kind: 'new' | 'duplicate'; row: Message }
  /** The id belongs to another message, which stands. Nothing was done. */
  | { kind: 'other_content'; row: Message };

/**
 * Takes a message in: marked, then queued, then said to be queued.
 *
 * - A process that ends between mark and queue leaves a mark that was never queued. The sender got no answer, sends
 *   again and finds the mark. It must not be told that this is a duplicate and all is well. So a mark in `received`
 *   is queued again, whoever wrote it. The queue drops the second one within five minutes, and later the worker does.
 * - Not every sender sends again. A minute later, the sweeper finds the mark.
 * - If a repetition would be another message to us, the sender is not asked for one. The sweeper takes the stored row.
 * - The order is not queue first, mark second: the worker could find no row, and every duplicate would be queued.
 *
 * @throws where it was not stored or not queued: the sender must then be told to send it again.
 */
export async function acceptMessage(message: Message, deps: AcceptDeps): Promise<Accepted> {
  const marked = await deps.messages.mark(message);
  const { row } = marked;
  const isNew = marked.kind === 'written';
  if (!isNew && !isSameMessage(row.content, message.content)) return { kind: 'other_content', row };
  if (row.status !== 'received') return { kind: 'duplicate', row };

  const kind = isNew ? 'new' : 'duplicate';
  try {
    return { kind, row: await bringOnItsWay(row, deps) };
  } catch (error) {
    if (deps.isRepeatable?.(message.content) ?? true) throw error;
    deps.logger.error('a message is stored, and not known to be in the queue', error, {
      id: messageIdOf(row),
    });
    return { kind, row };
  }
}

/**
 * All the steps after the mark. The process that finds a mark does all of them again: an earlier run may have ended
 * at any step, and each step may be done twice.
 *
 * @throws where it was not queued. It is then still in `received`.
 */
async function bringOnItsWay(
  row: Message,
  { messages, queue, logger }: OnItsWayDeps,
  history = row.history,
): Promise<Message> {
  const { channel, direction, content, receivedAt: at } = row;
  // Only the chat itself says where it takes replies. This is stored before the message is queued, as replies may be
  // quick.
  if (direction === 'incoming' && content.replyTo !== undefined) {
    await messages.rememberReplyTo({ channel, contact: content.contact, replyTo: content.replyTo, at });
  }
  await queue.send(row);
  const queued: Message = { ...row, status: 'queued', history };
  try {
    // If a worker was quicker, its write stands.
    return (await messages.write(row, queued)).row;
  } catch (error) {
    // The message is queued. If we reported a failure, a sender without ids of its own would send it twice.
    logger.error('a message is queued, but its row could not say so', error, { id: messageIdOf(row) });
    return queued;
  }
}

interface AgainDeps extends OnItsWayDeps {
  messages: Pick<Messages, 'read' | 'rememberReplyTo' | 'write'>;
  now: () => number;
}

/**
 * Queues a message that was marked or replayed and then left in `received`.
 *
 * @returns false if it is already on its way, or has ended. The index that named it lags behind.
 * @throws NewerRowError, and what storage or the queue throws.
 */
export async function sweepMessage(id: string, deps: AgainDeps): Promise<boolean> {
  const row = await deps.messages.read(id);
  if (!row) return false;
  // An older version that did not know the index may have left the row in it. Any write takes the row out.
  if (isEnded(row)) await deps.messages.write(row, row);
  if (row.status !== 'received') return false;
  const now = deps.now();
  await bringOnItsWay(row, deps, record(row, { now }, 'swept', 'stored, and not known to be in the queue'));
  return true;
}

/** Names may change meanwhile, and so may the signature on the address of a file. */
function isSameMessage(a: Content, b: Content): boolean {
  const told = ({ contact, type, text, attachments }: Content) =>
    JSON.stringify([contact, type, text, attachments.map((url) => url.split(/[?#]/, 1))]);
  return told(a) === told(b);
}

const MINUTE = 60_000;
/** Neither the process that wrote a mark (10 s at most) nor the sweeper (2 minutes) queues it later than this. */
const MARK_IS_OLD_MS = 5 * MINUTE;
/** An hour past the time within which a message is delivered or given up: the queue no longer holds it. */
const QUEUED_IS_OLD_MS = 73 * 60 * MINUTE;

export type Replayed =
  | { kind: 'replayed'; row: Message }
  | { kind: 'not_stored' }
  /** Delivered, or still under way. */
  | { kind: 'refused'; why: string }
  /** It changed meanwhile: look again. */
  | { kind: 'changed'; row: Message };

/**
 * Sends a message on its way again: one that failed, one whose outcome is not known (it may then arrive twice:
 * a person decides that), or one that is on disk but in no queue. What was delivered of it is not sent again, but for
 * what comes behind a part that did not reach the contact.
 *
 * The row is written first: it holds the number that makes the message a new one for the queue. A process that ends
 * between row and queue leaves a mark in `received`, and the sweeper finds it like any other.
 *
 * @throws what storage or the queue throws.
 */
export async function replayMessage(id: string, deps: AgainDeps): Promise<Replayed> {
  const row = await deps.messages.read(id);
  if (!row) return { kind: 'not_stored' };
  const now = deps.now();
  const why = whyNotReplayed(row, now);
  if (why !== undefined) return { kind: 'refused', why };
  const { intent: _, waits: __, notBefore: ___, ...rest } = fromUndelivered(row);
  const written = await deps.messages.write(row, {
    ...rest,
    status: 'received',
    queuedNo: row.queuedNo + 1,
    queuedAt: now,
    history: record(row, { now }, 'replayed'),
  });
  if (written.kind === 'conflict') return { kind: 'changed', row: written.row };
  return { kind: 'replayed', row: await bringOnItsWay(written.row, deps) };
}

function whyNotReplayed({ status, queuedAt }: Message, now: number): string | undefined {
  switch (status) {
    case 'failed':
    case 'parked':
      return undefined;
    case 'delivered':
      return 'it is delivered';
    case 'received':
      return now - queuedAt >= MARK_IS_OLD_MS
        ? undefined
        : 'it was received or replayed less than 5 minutes ago, and goes on by itself';
    case 'queued':
    case 'delivering':
      return now - queuedAt >= QUEUED_IS_OLD_MS ? undefined : 'it is still on its way';
  }
}
