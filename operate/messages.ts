import { replayMessage as replayStored } from '../shared/channels/accept.ts';
import { type Direction, type Message, type MessageStatus, messageIdOf } from '../shared/channels/message.ts';
import { eachMessage, type Known, lastDays } from '../shared/channels/messages.ts';
import { STAGES, type Stage, stageOf } from '../shared/channels/receipt.ts';
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
  /** Only those received from this time on, in Unix milliseconds. Counts instead of `days`. */
  since?: number;
}

/** Thirty days are parts of thirty-one. */
const KEPT_DAYS = 31;
const DAY_MS = 86_400_000;

/**
 * The messages received in the last days, newest first, read as far as the caller goes on.
 *
 * @param after goes on behind this one.
 */
export async function* findMessages(
  { messages, now }: Pick<Connection, 'messages' | 'now'>,
  { days, since, ...wanted }: MessageFilter,
  after?: Message,
): AsyncGenerator<Message> {
  const isEveryday = wanted.status === undefined || wanted.status === 'delivered';
  const back = since === undefined ? (days ?? (isEveryday ? 3 : KEPT_DAYS)) : daysSince(since, now());
  const order = ({ receivedAt, ...row }: Message) => `${receivedAt}#${messageIdOf(row)}`;
  const all = lastDays(back, now());
  const newest = after === undefined ? undefined : new Date(after.receivedAt).toISOString();
  const left = newest === undefined ? all : all.filter((day) => day <= newest);
  for await (const row of eachMessage(messages, left)) {
    if (since !== undefined && row.receivedAt < since) continue;
    if (after !== undefined && order(row) >= order(after)) continue;
    if (fits(row, wanted)) yield row;
  }
}

/** How many UTC days the time since then has a part in. */
const daysSince = (since: number, now: number) =>
  Math.min(KEPT_DAYS, Math.floor(now / DAY_MS) - Math.floor(since / DAY_MS) + 1);

const fits = (
  row: Message,
  { channel, direction, status, contact }: Omit<MessageFilter, 'days' | 'since'>,
): boolean =>
  (channel === undefined || row.channel === channel) &&
  (direction === undefined || row.direction === direction) &&
  (status === undefined || row.status === status) &&
  (contact === undefined || row.content.contact === contact);

/** A page of what `findMessages` finds. */
export interface MessagePage {
  rows: Message[];
  /** Whether there are more behind the last one. */
  more: boolean;
}

/**
 * @param page.after the id of the last one that was seen.
 * @throws an OperateError, `not_found`, if there is no such message any more.
 */
export async function listMessages(
  connection: Pick<Connection, 'messages' | 'now'>,
  wanted: MessageFilter,
  { limit, after }: { limit: number; after?: string },
): Promise<MessagePage> {
  const rows: Message[] = [];
  const from = after === undefined ? undefined : await readMessage(connection, after);
  for await (const row of findMessages(connection, wanted, from)) {
    if (rows.length === limit) return { rows, more: true };
    rows.push(row);
  }
  return { rows, more: false };
}

/** What became of a channel's messages, both ways. */
export interface ChannelCount {
  channel: string;
  delivered: number;
  /** Still on their way. */
  waiting: number;
  /** Given up, or parked because it is not known whether they arrived. */
  failed: number;
}

/** Each is read on its own. More are said to be more. */
const MOST_COUNTED = 200;

/** Counts the messages of the last day by channel, and of them the newest 200. */
export async function countByChannel(
  connection: Pick<Connection, 'messages' | 'now'>,
): Promise<{ channels: ChannelCount[]; more: boolean }> {
  const counts = new Map<string, ChannelCount>();
  let seen = 0;
  for await (const { channel, status } of findMessages(connection, { since: connection.now() - DAY_MS })) {
    seen += 1;
    if (seen > MOST_COUNTED) break;
    const count = counts.get(channel) ?? { channel, delivered: 0, waiting: 0, failed: 0 };
    counts.set(channel, count);
    if (status === 'delivered') count.delivered += 1;
    else if (status === 'failed' || status === 'parked') count.failed += 1;
    else count.waiting += 1;
  }
  const channels = [...counts.values()].sort((a, b) => a.channel.localeCompare(b.channel));
  return { channels, more: seen > MOST_COUNTED };
}

/** @throws an OperateError, `not_found`, if no message has this id, or its 30 days are over. */
export async function readMessage({ messages }: Pick<Connection, 'messages'>, id: string): Promise<Message> {
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

/** A message that is to be replayed. */
export interface Replayable {
  id: string;
  channel: string;
  direction: Direction;
  receivedAt: number;
}

/**
 * Which messages a replay of all would take: the first received first, so that those of each contact keep their order.
 * Of each only this much is kept in memory.
 */
export async function planReplay(
  connection: Pick<Connection, 'messages' | 'now'>,
  wanted: MessageFilter & { status: 'failed' | 'parked' },
): Promise<Replayable[]> {
  const plan: Replayable[] = [];
  for await (const row of findMessages(connection, wanted)) {
    const { channel, direction, receivedAt } = row;
    plan.push({ id: messageIdOf(row), channel, direction, receivedAt });
  }
  return plan.reverse().sort((a, b) => a.receivedAt - b.receivedAt);
}

/**
 * Sends these on their way again, one after the other. One that is not replayed keeps no other from it: it may have
 * been replayed meanwhile, so all of this may be repeated.
 *
 * @param tell is called with each of them, and with a sentence if one is not replayed.
 * @returns how many were replayed.
 */
export async function replayMessages(
  connection: Parameters<typeof replayMessage>[0],
  plan: readonly Replayable[],
  tell: (id: string, refusal?: string) => void,
): Promise<number> {
  let replayed = 0;
  for (const { id } of plan) {
    try {
      await replayMessage(connection, id);
      replayed += 1;
      tell(id);
    } catch (error) {
      if (!(error instanceof OperateError)) throw error;
      tell(id, error.message);
    }
  }
  return replayed;
}

/** What was learnt of delivering to the contact of a message that goes to a chat. */
export async function knownOfContact({ messages }: Connection, row: Message): Promise<Known> {
  return row.direction === 'outgoing' ? messages.known(row.channel, row.content.contact) : {};
}

/** How far a part has come behind the chat system that took it, and all that was said of it, in its order. */
export interface PartReceipts {
  /** As people count them. */
  part: number;
  externalId: string;
  stage: Stage;
  said: { at: number; stage: Stage; words: string }[];
}

/** Of the parts of which the chat system has said anything. */
export async function receiptsOf(
  { receipts }: Pick<Connection, 'receipts'>,
  { direction, channel, externalIds }: Pick<Message, 'direction' | 'channel' | 'externalIds'>,
): Promise<PartReceipts[]> {
  if (direction !== 'outgoing') return [];
  const read = await Promise.all(externalIds.map((externalId) => receipts.read(channel, externalId)));
  return read.flatMap((known, index) => {
    const stage = known && stageOf(known);
    if (known === undefined || stage === undefined) return [];
    const { externalId, said } = known;
    const all = STAGES.flatMap((one) => (said[one] === undefined ? [] : [{ stage: one, ...said[one] }]));
    return [{ part: index + 1, externalId, stage, said: all.sort((a, b) => a.at - b.at) }];
  });
}

/** The same for programs. */
export const receiptsJson = (receipts: readonly PartReceipts[]) =>
  receipts.map(({ part, externalId, stage, said }) => ({
    part,
    external_id: externalId,
    status: stage,
    said: said.map((one) => ({ at: iso(one.at), status: one.stage, words: one.words })),
  }));

/** A message for programs, times as ISO 8601. */
export function messageJson(row: Message) {
  const { content, status, channel, direction } = row;
  return {
    id: messageIdOf(row),
    status,
    channel,
    direction,
    sender_id: content.id,
    contact: content.contact,
    type: content.type,
    text: content.text,
    attachments: content.attachments,
    first_name: content.firstName,
    last_name: content.lastName,
    email: content.email,
    reply_to: content.replyTo,
    campaign_id: content.campaignId,
    parts_delivered: row.partsDelivered,
    external_ids: row.externalIds,
    not_before: row.notBefore === undefined ? undefined : iso(row.notBefore),
    cuts: row.cuts?.map(({ fromPart, maxLength }) => ({ from_part: fromPart, max_length: maxLength })),
    waits: row.waits,
    received_at: iso(row.receivedAt),
    queued_at: iso(row.queuedAt),
    queued_no: row.queuedNo,
    version: row.version,
    history: row.history.map(({ at, ...entry }) => ({ at: iso(at), ...entry })),
  };
}

const iso = (time: number) => new Date(time).toISOString();
