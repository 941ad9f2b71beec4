import { replayMessage } from '../shared/channels/accept.ts';
import { type Direction, type Message, type MessageStatus, messageIdOf } from '../shared/channels/message.ts';
import { messagesOfDays } from '../shared/channels/messages.ts';
import { createLogger } from '../shared/logger.ts';
import { printable } from './capture.ts';
import type { Connection } from './connection.ts';

export interface MessageListOptions {
  channel?: string;
  direction?: Direction;
  status?: MessageStatus;
  contact?: string;
  /** Default: 3, and of what is not delivered all that are kept: it may be three days old when it fails. */
  days?: number;
}

/** The messages received in the last days, newest first. */
export async function listMessages(
  { messages, now }: Connection,
  { days, contact, ...wanted }: MessageListOptions,
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

/** @throws an Error where no message has this id, or its 30 days are over. */
export async function readMessage({ messages }: Connection, id: string): Promise<Message> {
  const row = await messages.read(id);
  if (row) return row;
  throw new Error(`No message has the id ${id}. Look for it: npm run relay -- messages list`);
}

/**
 * Sends a message on its way again.
 *
 * @throws an Error that says why where it is not.
 */
export async function replay({ messages, messageQueue, now }: Connection, id: string): Promise<Message> {
  const logger = createLogger((line) => process.stderr.write(`${line}\n`));
  const replayed = await replayMessage(id, { messages, queue: messageQueue(), logger, now });
  switch (replayed.kind) {
    case 'replayed':
      return replayed.row;
    case 'not_stored':
      throw new Error(`No message has the id ${id}. Look for it: npm run relay -- messages list`);
    case 'refused':
      throw new Error(`Message ${id} is not replayed: ${replayed.why}.`);
    case 'changed':
      throw new Error(`Message ${id} has changed meanwhile: look at it again (messages show ${id}).`);
  }
}

/**
 * Sends all of them on their way again, the first received first: each contact's keep their order.
 *
 * @param tell is called with each of them, and with the sentence where one is not replayed; the others are.
 * @returns how many were replayed.
 */
export async function replayAll(
  connection: Connection,
  wanted: MessageListOptions,
  tell: (id: string, refusal?: string) => void,
): Promise<number> {
  const rows = await listMessages(connection, wanted);
  let replayed = 0;
  for (const row of rows.toSorted((a, b) => a.receivedAt - b.receivedAt)) {
    const id = messageIdOf(row);
    try {
      await replay(connection, id);
      replayed += 1;
      tell(id);
    } catch (error) {
      tell(id, error instanceof Error ? error.message : String(error));
    }
  }
  return replayed;
}

/** A message for programs, times as ISO 8601. */
export function messageJson(row: Message) {
  const { v: _v, version, receivedAt, queuedAt, queuedNo, intent: _i, content, history, ...rest } = row;
  const { id: senderId, ...message } = content;
  return {
    id: messageIdOf(row),
    ...rest,
    senderId,
    ...message,
    receivedAt: iso(receivedAt),
    queuedAt: iso(queuedAt),
    queuedNo,
    version,
    history: history.map(({ at, ...entry }) => ({ at: iso(at), ...entry })),
  };
}

/** One line a message. */
export function messageLine(row: Message): string {
  return [
    iso(row.receivedAt),
    row.status.padEnd(10),
    `${row.channel}/${row.direction}`.padEnd(20),
    printable(row.content.contact).padEnd(16),
    messageIdOf(row),
    printable(firstWords(row.content.text)),
  ].join('  ');
}

/** A message for people: what it is, and what happened when. */
export function messageText(row: Message): string {
  const { content } = row;
  const name = [content.firstName, content.lastName].filter((part) => part !== undefined).join(' ');
  const facts: [string, string | undefined][] = [
    ['status', row.status],
    ['', MEANING[row.status].replace(/replay$/, `replay ${messageIdOf(row)}`)],
    ['channel', `${row.channel}, ${row.direction}`],
    ['contact', name === '' ? content.contact : `${content.contact} (${name})`],
    ["sender's id", content.id],
    ["receiver's id", row.externalIds.join(', ') || undefined],
    ['type', content.type === 'text' ? undefined : content.type],
    ['replies to', content.replyTo],
    ['text', content.text === '' ? undefined : content.text],
    ['attachments', content.attachments.join(' ') || undefined],
  ];
  return [
    `Message ${messageIdOf(row)}`,
    ...facts.flatMap(([label, value]) =>
      value === undefined ? [] : [`  ${label.padEnd(15)}${printable(value)}`],
    ),
    '',
    ...messageTimeline(row),
  ].join('\n');
}

const MEANING: Record<MessageStatus, string> = {
  received: 'stored, not in the queue yet: within two minutes it goes on by itself',
  queued: 'on its way, or waiting for its turn',
  delivering: 'being delivered right now',
  delivered: 'its receiver has it',
  failed: 'given up; mend the cause, then: npm run relay -- messages replay',
  parked: 'it may have been delivered: look, and where it was not: npm run relay -- messages replay',
};

/** One line an event. */
export function messageTimeline({ history, receivedAt }: Pick<Message, 'history' | 'receivedAt'>): string[] {
  return history.map(({ at, event, detail, times }) => {
    const since = `+${((at - receivedAt) / 1_000).toFixed(2)} s`;
    const repeated = times === undefined ? '' : ` (${times} times)`;
    return `  ${iso(at)}  ${since.padStart(11)}  ${event}${detail === undefined ? '' : `: ${detail}`}${repeated}`;
  });
}

/** Enough to recognise it in a list, on one line. */
const WORDS_SHOWN = 40;
const firstWords = (text: string) => {
  const line = text.replaceAll(/\s+/g, ' ');
  return line.length > WORDS_SHOWN ? `${line.slice(0, WORDS_SHOWN)}…` : line;
};

const iso = (time: number) => new Date(time).toISOString();
