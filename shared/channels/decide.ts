import { type Backoff, backoffMs } from '../backoff.ts';
import { record } from '../history.ts';
import type { Delivery } from './adapter.ts';
import { type Cut, isEnded, type Message } from './message.ts';
import { endOf, fromUndelivered } from './receipt.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Every wait and limit of a message's way, in milliseconds. Call < run < the queue's visibility. */
export interface MessagePolicy {
  /** One request to the platform or the chat, from name lookup to the last byte. */
  callMs: number;
  /** How long one run may live: the Lambda's timeout. */
  runMs: number;
  /** A request begins only if the run has its own time and this margin left. */
  callMarginMs: number;
  /** A part begins only if the run has this much left, for the intent (3 tries of 2 s), the request and the result. */
  stepMs: number;
  backoff: Backoff;
  /** A message that is not delivered within this time is given up: nobody waits for it any more. */
  giveUpMs: number;
}

export const productionMessagePolicy: MessagePolicy = {
  callMs: 10 * SECOND,
  runMs: 60 * SECOND,
  callMarginMs: 5 * SECOND,
  stepMs: 25 * SECOND,
  backoff: { firstMs: 2 * SECOND, maxMs: 15 * MINUTE },
  giveUpMs: 72 * HOUR,
};

/** What an outcome that nobody knows means: `repeat` may deliver twice, `park` leaves it to a person. */
export type UnknownPolicy = 'repeat' | 'park';

/** What became of one request, and what follows from it for this message. */
export type Sent =
  | Exclude<Delivery, { kind: 'too_long' }>
  /** Certainly not delivered: it is cut into other parts from here on. */
  | { kind: 'shortened'; detail: string; cuts: readonly Cut[] };

export type Outcome =
  /** @param part as people count them. */
  | (Extract<Sent, { kind: 'delivered' }> & { part: number; parts: number })
  | Exclude<Sent, { kind: 'delivered' }>
  /** Somebody else was told to wait, and that holds for this message, too. */
  | { kind: 'held_back'; until: number }
  /** Nothing is left to send: fewer parts than were delivered, since the channel's longest text was raised. */
  | { kind: 'complete' }
  /** There was no time left to send it. */
  | { kind: 'held' }
  | { kind: 'expired' };

export interface Moment {
  now: number;
  /** 0 to 1. */
  jitter: number;
  unknown: UnknownPolicy;
  policy: MessagePolicy;
}

/** The row as it should be, and how long it waits; without `waitMs` it goes on, or has ended. */
export interface Decision {
  next: Message;
  waitMs?: number;
}

/** What an outcome makes of a row it is about. */
export function decide(row: Message, outcome: Outcome, at: Moment): Decision {
  // Another process has ended the message meanwhile. Only a delivery is still news.
  if (isEnded(row) && outcome.kind !== 'delivered') return { next: row };
  const { intent: _, ...settled } = row;
  const failed = (detail: string): Decision => ({
    next: { ...fromUndelivered(settled), status: 'failed', history: record(row, at, 'failed', detail) },
  });
  switch (outcome.kind) {
    case 'delivered':
      return { next: withPart(row, outcome, at) };
    case 'complete':
      return { next: { ...settled, status: endOf(row), history: record(row, at, endOf(row)) } };
    case 'not_applied':
      return wait(settled, 'waiting', outcome.detail, at, outcome.retryAfterMs);
    case 'moved':
      return wait(settled, 'moved', `${outcome.detail}, to ${outcome.replyTo}`, at);
    case 'shortened': {
      const length = outcome.cuts.at(-1)?.maxLength;
      const detail = `${outcome.detail}; at most ${length} characters a part from here on`;
      return wait({ ...settled, cuts: outcome.cuts }, 'shortened', detail, at);
    }
    case 'held_back':
      return heldBack(settled, outcome.until, at);
    case 'refused':
      return failed(outcome.detail);
    case 'expired':
      return failed(`not delivered within ${at.policy.giveUpMs / HOUR} hours`);
    case 'held':
      return { next: row.intent === undefined ? row : { ...settled, status: 'queued' }, waitMs: 0 };
    case 'unknown':
      if (at.unknown === 'repeat') return wait(settled, 'waiting', outcome.detail, at);
      // The intent stays. If its process is alive after all, it can still write the outcome.
      return {
        next: { ...row, status: 'parked', history: record(row, at, 'parked', outcome.detail) },
      };
  }
}

function withPart(
  { intent: _, waits: __, notBefore: ___, ...row }: Message,
  { part, parts, externalId, note }: Extract<Outcome, { kind: 'delivered' }>,
  at: Moment,
): Message {
  const rest = isEnded(row) ? row.status : 'queued';
  const said = [...(parts === 1 ? [] : [`part ${part} of ${parts}`]), ...(note === undefined ? [] : [note])];
  return {
    ...row,
    status: part < parts ? rest : endOf(row),
    partsDelivered: part,
    externalIds: externalId === undefined ? row.externalIds : [...row.externalIds, externalId],
    history: record(row, at, 'delivered', said.length === 0 ? undefined : said.join(', ')),
  };
}

/** @param askedMs what the other side asks for; never less than our own backoff, however long it is. */
function wait(row: Message, event: string, why: string, at: Moment, askedMs = 0): Decision {
  const waits = (row.waits ?? 0) + 1;
  const ownMs = backoffMs(waits, at.jitter, at.policy.backoff);
  // No message waits longer than it is worth delivering, whatever a header asks for.
  const wantedMs = Math.min(askedMs, at.policy.giveUpMs);
  const detail = wantedMs > ownMs ? `${why}; it asks for ${spoken(wantedMs)}` : why;
  const next: Message = { ...row, status: 'queued', waits, history: record(row, at, event, detail) };
  if (wantedMs <= ownMs) return { next, waitMs: ownMs };
  return { next: { ...next, notBefore: at.now + wantedMs }, waitMs: withinLife(row, wantedMs, at) };
}

/** Messages that wait for the same time come back spread over this share of the wait, or over a minute at most. */
const SPREAD = 0.1;

/** The message was not tried, so its own backoff does not grow. */
function heldBack(row: Message, until: number, at: Moment): Decision {
  const waitMs = until - at.now;
  const spreadMs = Math.round(at.jitter * Math.min(MINUTE, waitMs * SPREAD));
  const detail = `told to wait until ${new Date(until).toISOString()}`;
  return {
    next: { ...row, status: 'queued', notBefore: until, history: record(row, at, 'waiting', detail) },
    waitMs: withinLife(row, waitMs + spreadMs, at),
  };
}

/** A message that will be given up before it may be sent comes back when it is given up. */
const withinLife = ({ queuedAt }: Message, waitMs: number, { now, policy }: Moment) =>
  Math.max(0, Math.min(waitMs, queuedAt + policy.giveUpMs - now));

/** Whole units, so that equal waits in a row are one entry of the history. */
function spoken(ms: number): string {
  if (ms < 2 * MINUTE) return `${Math.round(ms / SECOND)} s`;
  return ms < 2 * HOUR ? `${Math.round(ms / MINUTE)} min` : `${Math.round(ms / HOUR)} h`;
}
