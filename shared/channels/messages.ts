import { createHash } from 'node:crypto';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import {
  historySchema,
  type Item,
  itemOfHistory,
  openPage,
  type Page,
  pkOfKnownVersion,
  recentPage,
  standingItem,
  updateOf,
  type Written,
} from '../storage/table.ts';
import { DIRECTIONS, MESSAGE_STATUSES, MESSAGE_VERSION, type Message, messageIdOf } from './message.ts';

/** Where a contact takes replies, as the newest of its messages says. */
export interface ReplyTo {
  channel: string;
  contact: string;
  replyTo: string;
  /** When that message was received, in Unix milliseconds. */
  at: number;
}

/** What is known of delivering to a contact. */
export interface Known {
  /** Undefined where the contact itself is the place. */
  replyTo?: string;
  /** The longest text that the other side said it takes for this contact, in UTF-16 units. */
  maxLength?: number;
}

/** The messages on disk. Every verb is one request on one item. */
export interface Messages {
  /** Puts a new message, unless one of its id stands there: `conflict` brings that one. */
  mark(message: Message): Promise<Written<Message>>;
  /** Consistent. Undefined where none is stored, or its 30 days are over. */
  read(id: string): Promise<Message | undefined>;
  /** Writes `next` with the next version, where the row is still what was read. */
  write(read: Message, next: Message): Promise<Written<Message>>;
  /**
   * The ids of the messages that are still `received` a minute after they should have been queued, the oldest first.
   * They come from an index, which lags behind: `read` has the truth.
   */
  due(until: number, cursor?: string): Promise<Page<string>>;
  /** The ids of those received on a UTC day (`2026-01-05`), newest first; `read` knows which are over. */
  list(day: string, cursor?: string): Promise<Page<string>>;
  /** What an older message says does not replace what a newer one said. */
  rememberReplyTo(place: ReplyTo): Promise<void>;
  /** The other side takes no longer text than this. */
  rememberLength(contact: { channel: string; contact: string; maxLength: number; at: number }): Promise<void>;
  /** Consistent. */
  known(channel: string, contact: string): Promise<Known>;
}

export const MESSAGE = 'MESSAGE#';
/** The partitions of the `recent` index that name the messages of a UTC day. */
export const LIST = 'MESSAGES#';
const CONTACT = 'CONTACT#';
/** The partition of the `open` index that names what is marked, and not yet said to be queued. */
export const MARKED = 'message';
/**
 * How long the sweeper leaves a mark to the webhook that wrote it, which lives for 10 s at most. The message may have
 * been queued although its row could not say so. A second sending is then harmless: the queue drops it within
 * 5 minutes, and later the worker goes by the row.
 */
const LEFT_ALONE_MS = 60_000;

const DAY_SECONDS = 86_400;
/** Longer than any sender repeats itself, and than the queue keeps a message (14 days). */
const MESSAGE_DAYS = 30;
/** A reply may come long after what it answers. */
const CONTACT_DAYS = 400;

/** @param now Unix milliseconds: DynamoDB takes days to clear away what is over. */
export function createDynamoMessages(
  client: DynamoDBDocumentClient,
  table: string,
  now: () => number,
): Messages {
  const get = async (pk: string) => {
    const { Item } = await client.send(
      new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }),
    );
    return Item && expirySchema.parse(Item).expiresAt * 1_000 > now() ? Item : undefined;
  };
  const remember = (
    channel: string,
    contact: string,
    update: Omit<UpdateCommandInput, 'TableName' | 'Key'>,
  ) =>
    standingItem(() =>
      client.send(
        new UpdateCommand({ TableName: table, Key: { pk: contactPk(channel, contact) }, ...update }),
      ),
    );
  return {
    async mark(message) {
      const standing = await standingItem(() =>
        client.send(
          new PutCommand({
            TableName: table,
            Item: itemOfMessage(message),
            ConditionExpression: 'attribute_not_exists(pk) OR expiresAt <= :now',
            ExpressionAttributeValues: { ':now': Math.floor(now() / 1_000) },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
      );
      return standing ? { kind: 'conflict', row: messageOf(standing) } : { kind: 'written', row: message };
    },

    async read(id) {
      const item = await get(MESSAGE + id);
      return item && messageOf(item);
    },

    async write(read, next) {
      const row = { ...next, v: MESSAGE_VERSION, version: read.version + 1 };
      // An older version that did not know the index may have moved the row on and left it in the index. So index
      // fields that are not meant to stay are removed even if they were not read.
      const before = { ...itemOfMessage(read), open: null, nextAttemptAt: null };
      const update = updateOf(before, itemOfMessage(row), {
        attribute: 'version',
        was: read.version,
      });
      const standing = await standingItem(() =>
        client.send(new UpdateCommand({ TableName: table, ...update })),
      );
      return standing ? { kind: 'conflict', row: messageOf(standing) } : { kind: 'written', row };
    },

    async due(until, cursor) {
      return idsOf(await openPage(client, table, MARKED, until, cursor));
    },

    async list(day, cursor) {
      return idsOf(await recentPage(client, table, LIST + day, cursor));
    },

    async rememberReplyTo({ channel, contact, replyTo, at }) {
      await remember(channel, contact, {
        UpdateExpression: 'SET v = :v, replyTo = :replyTo, #at = :at, expiresAt = :expiresAt',
        ConditionExpression: 'attribute_not_exists(#at) OR #at <= :at',
        ExpressionAttributeNames: { '#at': 'at' },
        ExpressionAttributeValues: { ':v': 1, ':replyTo': replyTo, ':at': at, ':expiresAt': keptUntil(at) },
      });
    },

    async rememberLength({ channel, contact, maxLength, at }) {
      await remember(channel, contact, {
        UpdateExpression: 'SET v = :v, maxLength = :maxLength, expiresAt = :expiresAt',
        ExpressionAttributeValues: { ':v': 1, ':maxLength': maxLength, ':expiresAt': keptUntil(at) },
      });
    },

    async known(channel, contact) {
      return knownSchema.parse((await get(contactPk(channel, contact))) ?? {});
    },
  };
}

/** When what is known of a contact is forgotten, in Unix seconds. */
export const keptUntil = (at: number) => Math.floor(at / 1_000) + CONTACT_DAYS * DAY_SECONDS;

/**
 * All that are stored of those received in the last UTC days, the newest first; an index names them, so one that
 * was received this very second may be missing.
 *
 * @param days 1 is today.
 * @param now Unix milliseconds.
 */
export const messagesOfDays = (
  messages: Pick<Messages, 'list' | 'read'>,
  days: number,
  now: number,
): Promise<Message[]> => Array.fromAsync(eachMessage(messages, lastDays(days, now)));

/** Those received on these UTC days, in the order of the days, the newest of each first; read as far as one goes on. */
export async function* eachMessage(
  { list, read }: Pick<Messages, 'list' | 'read'>,
  days: readonly string[],
): AsyncGenerator<Message> {
  for (const day of days) {
    let cursor: string | undefined;
    do {
      const page = await list(day, cursor);
      for (const row of await Promise.all(page.items.map((id) => read(id)))) if (row !== undefined) yield row;
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
}

/**
 * A message is kept for 30 days from when it was received or last replayed. Nobody replays one for a year, and however
 * many days somebody asks for, each is a request.
 */
const MOST_DAYS = 366;

/** UTC days, today first: a year of them at most. */
export const lastDays = (count: number, now: number): string[] =>
  Array.from({ length: Math.min(count, MOST_DAYS) }, (_, day) => dayOf(now - day * DAY_SECONDS * 1_000));

const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

const idsOf = (page: Page<{ pk: string }>): Page<string> => ({
  ...page,
  items: page.items.map(({ pk }) => pk.slice(MESSAGE.length)),
});

/** Hashed: an external system may name a contact by a phone number or an email address. */
function contactPk(channel: string, contact: string): string {
  return `${CONTACT}${channel}#${createHash('sha256').update(contact).digest('hex').slice(0, 32)}`;
}

const expirySchema = z.object({ expiresAt: z.int() });
const knownSchema = z.object({
  replyTo: z.exactOptional(z.string()),
  maxLength: z.exactOptional(z.int()),
});

const time = z.int();
const text = z.string();

const contentSchema = z.object({
  id: text,
  contact: text,
  type: z.enum(['text', 'reaction']),
  text,
  attachments: z.array(text),
  firstName: z.exactOptional(text),
  lastName: z.exactOptional(text),
  email: z.exactOptional(text),
  replyTo: z.exactOptional(text),
  campaignId: z.exactOptional(text),
});

const messageSchema = z.object({
  v: z.int(),
  channel: text,
  direction: z.enum(DIRECTIONS),
  content: contentSchema,
  status: z.enum(MESSAGE_STATUSES),
  version: z.int(),
  receivedAt: time,
  queuedNo: z.int(),
  queuedAt: time,
  intent: z.exactOptional(text),
  partsDelivered: z.int(),
  externalIds: z.array(text),
  undelivered: z.exactOptional(z.array(z.int())),
  waits: z.exactOptional(z.int()),
  notBefore: z.exactOptional(time),
  cuts: z.exactOptional(z.array(z.object({ fromPart: z.int(), maxLength: z.int() }))),
  history: historySchema,
});

/** @throws NewerRowError, or a ZodError for what is no message. */
export function messageOf(item: Item): Message {
  pkOfKnownVersion(item, MESSAGE_VERSION);
  return messageSchema.parse(item);
}

/** As it stands in the table. */
export function itemOfMessage(message: Message): Item {
  const { history, ...rest } = message;
  const id = messageIdOf(message);
  return {
    ...rest,
    pk: MESSAGE + id,
    list: LIST + dayOf(message.receivedAt),
    listKey: `${message.receivedAt}#${id}`,
    ...(message.status === 'received'
      ? { open: MARKED, nextAttemptAt: message.queuedAt + LEFT_ALONE_MS }
      : {}),
    expiresAt: Math.floor(message.queuedAt / 1_000) + MESSAGE_DAYS * DAY_SECONDS,
    history: itemOfHistory(history),
  };
}
