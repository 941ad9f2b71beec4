import { record } from '../history.ts';
import type { Message } from './message.ts';

/**
 * What a chat system may say of a message that it took, each counting for more than those before it. `failed` stands
 * before `delivered`: whoever has a message has it, whatever else is said, before or after. So it does not matter in
 * which order they come, or how often.
 */
export const STAGES = ['sent', 'failed', 'delivered', 'read'] as const;
export type Stage = (typeof STAGES)[number];

/** What a chat system says of a message that we gave it. */
export interface Receipt {
  /** What it calls the message. */
  externalId: string;
  stage: Stage;
  /** Its own words, which name nobody. */
  words: string;
}

/** All that is known of one message, or one part, behind the chat system. */
export interface Delivered {
  channel: string;
  externalId: string;
  /** Ours: `rrm-…`, and the part, counted from 0. Undefined where it is somebody else's, or not yet known to be ours. */
  of?: { id: string; part: number };
  /** When each was said first, in Unix milliseconds. */
  said: Partial<Record<Stage, { at: number; words: string }>>;
}

/** Of whose message it is known. */
export type Linked = Required<Omit<Delivered, 'said'>>;

/** How far it has come; undefined where the chat system has said nothing. */
export const stageOf = ({ said }: Pick<Delivered, 'said'>): Stage | undefined =>
  STAGES.findLast((stage) => said[stage] !== undefined);

/**
 * The row as what was said of a part makes it.
 *
 * @returns undefined where it stays as it is.
 */
export function withDelivered(row: Message, known: Delivered, now: number): Message | undefined {
  const stage = stageOf(known);
  // After a replay the chat system has the part under another name.
  if (known.of === undefined || stage === undefined || !row.externalIds.includes(known.externalId))
    return undefined;
  const { part } = known.of;
  const before = row.undelivered ?? [];
  const isFailed = stage === 'failed';
  // A message that failed for another reason stays as it is.
  if (before.includes(part) === isFailed || (row.status === 'failed' && before.length === 0))
    return undefined;
  const { undelivered: _, ...rest } = row;
  const left = isFailed ? [...before, part] : before.filter((other) => other !== part);
  const words = known.said[stage]?.words;
  const detail = row.externalIds.length === 1 ? words : `part ${part + 1}: ${words}`;
  const history = record(row, { now }, isFailed ? 'undelivered' : 'arrived', detail);
  const isOver = row.status === 'delivered' || row.status === 'failed';
  return {
    ...rest,
    ...(left.length === 0 ? {} : { undelivered: left }),
    status: isOver ? endOf({ undelivered: left }) : row.status,
    history,
  };
}

/** How a message ends of which all parts were taken. */
export const endOf = ({ undelivered = [] }: Pick<Message, 'undelivered'>): 'delivered' | 'failed' =>
  undelivered.length === 0 ? 'delivered' : 'failed';

/**
 * The row as it goes on, were it replayed: with the first part that did not reach the contact. Those behind it are sent
 * again, too, so that the contact reads all of it in its order.
 */
export function fromUndelivered({ undelivered, ...row }: Message): Message {
  if (undelivered === undefined) return row;
  const partsDelivered = Math.min(row.partsDelivered, ...undelivered);
  return { ...row, partsDelivered, externalIds: row.externalIds.slice(0, partsDelivered) };
}
