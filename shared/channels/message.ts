import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import { type HistoryEntry, record } from '../history.ts';

/** A channel's name, which stands in addresses, rows and secrets. */
export const channelNameSchema = z.string().check(z.regex(/^[a-z0-9-]{1,40}$/));

/** Written to every row. A reader accepts this version and the one before; a newer row is left alone. */
export const MESSAGE_VERSION = 1;

/**
 * Which way a message goes: `incoming` from an external chat into the platform, `outgoing` from the
 * platform to the chat, `send` from the agency's own systems into the platform. The address it came to
 * says so, never a field of it.
 */
export const DIRECTIONS = ['incoming', 'outgoing', 'send'] as const;
export type Direction = (typeof DIRECTIONS)[number];

/** `received`, `queued` and `delivering` are under way; the others are the end, until someone replays them. */
export const MESSAGE_STATUSES = [
  'received',
  'queued',
  'delivering',
  'delivered',
  'failed',
  'parked',
] as const;
export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** What is relayed, whatever system it came from. */
export interface Content {
  /** The sender's own id of it, 1 to 255 characters: the same id on the same channel and way is the same message. */
  id: string;
  /** The contact's id in the external system, which is `fromId` at the platform: who wrote, or whom it is for. */
  contact: string;
  type: 'text' | 'reaction';
  /** Blank only where there are attachments. */
  text: string;
  /** Addresses of files. They travel as links. */
  attachments: string[];
  firstName?: string;
  lastName?: string;
  email?: string;
  /** Where the external system takes replies to this contact, where that is not the contact itself. */
  replyTo?: string;
  campaignId?: string;
}

/** From this part on, counted from 0, the receiver takes no longer text than this, in UTF-16 units. */
export interface Cut {
  fromPart: number;
  maxLength: number;
}

/** One message on its way: one item of the table. Times are Unix milliseconds. */
export interface Message {
  v: number;
  channel: string;
  direction: Direction;
  content: Content;
  status: MessageStatus;
  /** +1 with every write; every write is conditional on the version that was read. */
  version: number;
  receivedAt: number;
  /** How often it was queued: a replay is another message to the queue, and the same to the receiver. */
  queuedNo: number;
  /** When it was received, or last replayed: its time to be delivered, and its time on disk, count from here. */
  queuedAt: number;
  /**
   * Drawn by the process that is about to deliver a part, if a repetition would be a second message. A process that
   * finds an intent knows that the part may have been sent. Only the process that drew it may write the outcome.
   */
  intent?: string;
  /** A message is cut into parts where the target's limit demands it; those before this one are delivered. */
  partsDelivered: number;
  /** What the receiver calls it, one id a part, where it says so. */
  externalIds: string[];
  /**
   * The parts, counted from 0, that the receiver took and then said that they did not reach the contact. A message that
   * `failed` and has some has failed for nothing else.
   */
  undelivered?: number[];
  /**
   * How often in a row the message has had to wait; absent if it has not. The history cannot be counted for this: a
   * long history loses its middle, so the count would be too low and each wait too short.
   */
  waits?: number;
  /** It is not sent before: the receiver asked for that. A replay does not wait for it. */
  notBefore?: number;
  /** What the receiver said that it takes, where that is less than we knew. */
  cuts?: readonly Cut[];
  history: HistoryEntry[];
}

export function newMessage(
  of: { channel: string; direction: Direction; content: Content },
  now: number,
): Message {
  return {
    v: MESSAGE_VERSION,
    ...of,
    status: 'received',
    version: 1,
    receivedAt: now,
    queuedNo: 1,
    queuedAt: now,
    partsDelivered: 0,
    externalIds: [],
    history: record({ history: [] }, { now }, 'received'),
  };
}

/** Nothing more happens to it by itself. */
export const isEnded = ({ status }: Message) =>
  status === 'delivered' || status === 'failed' || status === 'parked';

/** What names a message for people and for the receivers that dedupe: stable for ever, and recognisably ours. */
export function messageIdOf(message: {
  channel: string;
  direction: Direction;
  content: { id: string };
}): string {
  const { channel, direction, content } = message;
  const hash = createHash('sha256').update(`${channel}\n${direction}\n${content.id}`).digest('hex');
  return `${OWN_ID_PREFIX}${hash.slice(0, 24)}`;
}

const OWN_ID_PREFIX = 'rrm-';

/** Whether an id is one we gave: a message that comes back to us under it is our own echo. */
export const isOwnId = (id: string) => new RegExp(`^${OWN_ID_PREFIX}[0-9a-f]{24}(-\\d+)?$`).test(id);
