import { type Message, messageIdOf } from '../shared/channels/message.ts';
import {
  itemOfMessage,
  type Known,
  keptUntil,
  LIST,
  MARKED,
  MESSAGE,
  type Messages,
  messageOf,
} from '../shared/channels/messages.ts';
import type { Item, Page, Written } from '../shared/storage/table.ts';

/** What is kept of a contact. */
interface KeptContact extends Known {
  at?: number;
  expiresAt: number;
}

/**
 * The messages in memory: the verbs of those on DynamoDB, which the contract suite holds equal. Rows are kept in the
 * form of their items, and read through the same schema, so that a row which nobody could read again is found.
 *
 * @param now Unix milliseconds.
 */
export function createMemoryMessages(now: () => number): Messages {
  const rows = new Map<string, Item>();
  const contacts = new Map<string, KeptContact>();
  const isOver = (expiresAt: unknown) => Number(expiresAt) * 1_000 <= now();
  const standing = (id: string) => rows.get(id);
  const keep = (row: Message): Written<Message> => {
    rows.set(messageIdOf(row), itemIn(row));
    return { kind: 'written', row };
  };
  const keyOf = (channel: string, contact: string) => JSON.stringify([channel, contact]);
  const idsBy = (wanted: (item: Item) => boolean, key: (item: Item) => string | number, down = false) => {
    const found = [...rows.values()].filter(wanted);
    const sorted = found.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
    return (down ? sorted.reverse() : sorted).map(({ pk }) => String(pk).slice(MESSAGE.length));
  };
  return {
    async mark(message) {
      const there = standing(messageIdOf(message));
      // In whole seconds, as the condition has it.
      const isFree = there === undefined || Number(there.expiresAt) <= Math.floor(now() / 1_000);
      return isFree ? keep(message) : { kind: 'conflict', row: messageOf(there) };
    },

    async read(id) {
      const item = standing(id);
      return item === undefined || isOver(item.expiresAt) ? undefined : messageOf(item);
    },

    async write(read, next) {
      const there = standing(messageIdOf(read));
      if (there?.version !== read.version) return { kind: 'conflict', row: messageOf(there ?? {}) };
      return keep({ ...next, version: read.version + 1 });
    },

    async due(until, cursor) {
      const isDue = ({ open, nextAttemptAt }: Item) => open === MARKED && Number(nextAttemptAt) <= until;
      return pageOf(
        idsBy(isDue, ({ nextAttemptAt }) => Number(nextAttemptAt)),
        cursor,
      );
    },

    async list(day, cursor) {
      return pageOf(
        idsBy(
          ({ list }) => list === LIST + day,
          ({ listKey }) => String(listKey),
          true,
        ),
        cursor,
      );
    },

    async rememberReplyTo({ channel, contact, replyTo, at }) {
      const before = contacts.get(keyOf(channel, contact));
      if ((before?.at ?? 0) > at) return;
      contacts.set(keyOf(channel, contact), { ...before, replyTo, at, expiresAt: keptUntil(at) });
    },

    async rememberLength({ channel, contact, maxLength, at }) {
      const before = contacts.get(keyOf(channel, contact));
      contacts.set(keyOf(channel, contact), { ...before, maxLength, expiresAt: keptUntil(at) });
    },

    async known(channel, contact) {
      const { replyTo, maxLength, expiresAt = 0 } = contacts.get(keyOf(channel, contact)) ?? {};
      if (isOver(expiresAt)) return {};
      return {
        ...(replyTo === undefined ? {} : { replyTo }),
        ...(maxLength === undefined ? {} : { maxLength }),
      };
    },
  };
}

/** The wire has no members that are undefined. */
const itemIn = (row: Message): Item => JSON.parse(JSON.stringify(itemOfMessage(row)));

/** As the table's indexes give them. */
const PAGE_SIZE = 100;

function pageOf(ids: string[], cursor = '0'): Page<string> {
  const end = Number(cursor) + PAGE_SIZE;
  return { items: ids.slice(Number(cursor), end), ...(end < ids.length ? { cursor: String(end) } : {}) };
}
