import { replayMessage as replayStored } from '../shared/channels/accept.ts';
import { type Direction, type Message, type MessageStatus, messageIdOf } from '../shared/channels/message.ts';
import { type Known, messagesOfDays } from '../shared/channels/messages.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';

export interface MessageFilter {
  channel?: string;
  direction?: Direction;
  status?: MessageStatus;
  contact?: string;
  /**
   * Default: 3. Of what is not delivered, all that are kept, because a message may be three days old when it fails.
   */
  days?: number;
}

/** The messages received in the last days, newest first. */
export async function listMessages(
  { messages, now }: Connection,
  { days, contact, ...wanted }: MessageFilter,
): Promise<Message[]> {
  const isEveryday = wanted.status === undefined || wanted.status === 'delivered';
  // Thirty days are parts of thirty-one.
  const rows = await messagesOfDays(messages, days ?? (isEveryday ? 3 : 31), now());
  const { channel, direction, status } = wanted;
  return rows.filter(
    (row) =>
      (channel === undefined || row.channel === channel) &&
      (direction === undefined || row.direction === direction) &&
      (status === undefined || row.status === status) &&
      (contact === undefined || row.content.contact === contact),
  );
}

/** @throws an OperateError, `not_found`, if no message has this id, or its 30 days are over. */
export async function readMessage({ messages }: Connection, id: string): Promise<Message> {
  const row = await messages.read(id);
  if (row) return row;
  throw notFound(id);
}

const notFound = (id: string) =>
  new OperateError('not_found', `No message has the id ${id}. Look for it: npx relay messages list`);

/**
 * Sends a message on its way again.
 *
 * @throws an OperateError that says why if it is not.
 */
export async function replayMessage(
  { messages, messageQueue, logger, now }: Pick<Connection, 'messages' | 'messageQueue' | 'logger' | 'now'>,
  id: string,
): Promise<Message> {
  const replayed = await replayStored(id, { messages, queue: messageQueue(), logger, now });
  switch (replayed.kind) {
    case 'replayed':
      return replayed.row;
    case 'not_stored':
      throw notFound(id);
    case 'refused':
      throw new OperateError('refused', `Message ${id} is not replayed: ${replayed.why}.`);
    case 'changed':
      throw new OperateError(
        'changed',
        `Message ${id} has changed meanwhile: look at it again (messages show ${id}).`,
      );
  }
}

/**
 * Sends all of them on their way again, the first received first, so that those of each contact keep their order.
 *
 * @param tell is called with each of them, and with a sentence if one is not replayed. The others are.
 * @returns how many were replayed.
 */
export async function replayAllMessages(
  connection: Connection,
  wanted: MessageFilter,
  tell: (id: string, refusal?: string) => void,
): Promise<number> {
  const rows = await listMessages(connection, wanted);
  let replayed = 0;
  for (const row of rows.toSorted((a, b) => a.receivedAt - b.receivedAt)) {
    const id = messageIdOf(row);
    try {
      await replayMessage(connection, id);
      replayed += 1;
      tell(id);
    } catch (error) {
      tell(id, error instanceof Error ? error.message : String(error));
    }
  }
  return replayed;
}

/** What was learnt of delivering to the contact of a message that goes to a chat. */
export async function knownOfContact({ messages }: Connection, row: Message): Promise<Known> {
  return row.direction === 'outgoing' ? messages.known(row.channel, row.content.contact) : {};
}

/** A message for programs, times as ISO 8601. */
export function messageJson(row: Message) {
  const { v: _v, version, receivedAt, queuedAt, queuedNo, intent: _i, ...others } = row;
  const { content, history, notBefore, ...rest } = others;
  const { id: senderId, ...message } = content;
  return {
    id: messageIdOf(row),
    ...rest,
    ...(notBefore === undefined ? {} : { notBefore: iso(notBefore) }),
    senderId,
    ...message,
    receivedAt: iso(receivedAt),
    queuedAt: iso(queuedAt),
    queuedNo,
    version,
    history: history.map(({ at, ...entry }) => ({ at: iso(at), ...entry })),
  };
}

const iso = (time: number) => new Date(time).toISOString();
