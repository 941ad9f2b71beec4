import { record } from '../history.ts';
import type { Logger } from '../logger.ts';
import { type Content, type Message, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';
import type { MessageQueue } from './queue.ts';

export interface AcceptDeps extends QueueDeps {
  messages: Pick<Messages, 'mark' | 'write' | 'rememberReplyTo'>;
}

export type Accepted =
  | { kind: 'new' | 'duplicate'; row: Message }
  /** The id belongs to another message, which stands. Nothing was done. */
  | { kind: 'other_content'; row: Message };

/**
 * Takes a message in: marked, then queued, then said to be queued.
 *
 * - A process that ends between mark and queue leaves a mark that was never queued. The sender, who got no answer,
 *   sends again, and finds the mark: were that a duplicate, the message would be lost. So a mark in `received` is
 *   queued again, whoever wrote it. The queue takes both for one within five minutes, and later the worker does.
 * - The other way round, queued and then marked, the worker could find no row, and a duplicate would be queued as
 *   often as it comes.
 *
 * @throws where it was not stored or not queued: the sender must then be told to send it again.
 */
export async function acceptMessage(message: Message, deps: AcceptDeps): Promise<Accepted> {
  const marked = await deps.messages.mark(message);
  const { row } = marked;
  const isNew = marked.kind === 'written';
  if (!isNew && !isSameMessage(row.content, message.content)) return { kind: 'other_content', row };
  if (row.status !== 'received') return { kind: 'duplicate', row };

  const { channel, direction, content, receivedAt: at } = row;
  // Only the chat itself says where it takes replies; and before the message is on its way, for a reply may be quick.
  if (direction === 'incoming' && content.replyTo !== undefined) {
    await deps.messages.rememberReplyTo({ channel, contact: content.contact, replyTo: content.replyTo, at });
  }
  return { kind: isNew ? 'new' : 'duplicate', row: await enqueue(row, deps) };
}

interface QueueDeps {
  messages: Pick<Messages, 'write'>;
  queue: MessageQueue;
  logger: Logger;
}

async function enqueue(row: Message, { messages, queue, logger }: QueueDeps): Promise<Message> {
  await queue.send(row);
  const queued: Message = { ...row, status: 'queued' };
  try {
    // A worker may have been quicker; then what it wrote stands.
    return (await messages.write(row, queued)).row;
  } catch (error) {
    // It is queued. To say that it is not would have a sender without ids of its own send it twice.
    logger.error('a message is queued, but its row could not say so', error, { id: messageIdOf(row) });
    return queued;
  }
}

/** Names may change meanwhile, and so may the signature on the address of a file. */
function isSameMessage(a: Content, b: Content): boolean {
  const told = ({ contact, type, text, attachments }: Content) =>
    JSON.stringify([contact, type, text, attachments.map((url) => url.replace(/[?#].*$/, ''))]);
  return told(a) === told(b);
}

const MINUTE = 60_000;
/** A mark that old was not queued by whoever wrote it: a webhook takes 10 s at most. */
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

export interface ReplayDeps extends QueueDeps {
  messages: Pick<Messages, 'read' | 'write'>;
  now: () => number;
}

/**
 * Sends a message on its way again: one that failed, one whose outcome is not known (it may then arrive twice:
 * a person decides that), or one that is on disk but in no queue. What was delivered of it is not sent again.
 *
 * The row first: it gives the number under which the queue takes the message for a new one. A process that ends
 * between row and queue leaves a mark in `received`, to be replayed again in five minutes.
 *
 * @throws what storage or the queue throws.
 */
export async function replayMessage(id: string, deps: ReplayDeps): Promise<Replayed> {
  const row = await deps.messages.read(id);
  if (!row) return { kind: 'not_stored' };
  const now = deps.now();
  const why = whyNotReplayed(row, now);
  if (why !== undefined) return { kind: 'refused', why };
  const { intent: _, waits: __, ...rest } = row;
  const written = await deps.messages.write(row, {
    ...rest,
    status: 'received',
    queuedNo: row.queuedNo + 1,
    queuedAt: now,
    history: record(row, { now }, 'replayed'),
  });
  if (written.kind === 'conflict') return { kind: 'changed', row: written.row };
  return { kind: 'replayed', row: await enqueue(written.row, deps) };
}

function whyNotReplayed({ status, queuedAt }: Message, now: number): string | undefined {
  switch (status) {
    case 'failed':
    case 'parked':
      return undefined;
    case 'delivered':
      return 'it is delivered';
    case 'received':
      return now - queuedAt >= MARK_IS_OLD_MS ? undefined : 'it was received less than 5 minutes ago';
    case 'queued':
    case 'delivering':
      return now - queuedAt >= QUEUED_IS_OLD_MS ? undefined : 'it is still on its way';
  }
}
