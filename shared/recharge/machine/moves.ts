import { backoffMs } from '../../backoff.ts';
import { type HistoryEntry, record } from '../../history.ts';
import type { NotAttempted, Unknown } from '../../payments/payment-hook.ts';
import type { LossWord, Recharge, ReviewReason } from '../recharge.ts';
import { type Decision, type Frozen, type Moment, stop } from './outcome.ts';

/** Paid, with certainty not granted, due at once, and with its full time, and all its tries, to be granted. */
export function toCharged(row: Recharge, { now, policy }: Pick<Moment, 'now' | 'policy'>): Recharge {
  const { review: _r, notApplied: _n, ...rest } = progressed(row);
  return { ...rest, phase: 'charged', nextAttemptAt: now, phaseDeadline: now + policy.grantGiveUpMs };
}

/** From here the row is never granted again: `refundStartedAt` stays for ever. */
export function toRefunding(row: Recharge, { now, policy }: Pick<Moment, 'now' | 'policy'>): Recharge {
  const { review: _, ...rest } = progressed(row);
  return {
    ...rest,
    phase: 'refunding',
    refundStartedAt: row.refundStartedAt ?? now,
    nextAttemptAt: now,
    phaseDeadline: now + policy.refund.giveUpMs,
  };
}

/**
 * A loss that nobody can undo by looking at the row. It is said now, and once more when the row comes back after its
 * end, a day later or with its late looks.
 */
export function saidTwice(row: Recharge, at: Moment, word: LossWord, detail: string): Decision {
  const noted = { ...row, sayAgain: word };
  const comesBack = row.nextAttemptAt !== undefined;
  return {
    next: comesBack ? noted : { ...noted, nextAttemptAt: at.now + at.policy.reminderMs },
    alert: { word, detail },
    effect: 'stop',
  };
}

export function toReview(row: Recharge, review: ReviewReason, at: Moment, detail: string): Decision {
  const { phaseDeadline: _d, unsent: _u, ...rest } = progressed(row);
  const { evidence, reminderMs } = at.policy;
  const dueMs = review === 'grant_unknown' && evidence.lookUp ? evidence.firstMs : reminderMs;
  return {
    next: {
      ...rest,
      phase: 'needs_review',
      review,
      nextAttemptAt: at.now + dueMs,
      history: record(row, at, review, detail),
    },
    alert: { word: review, detail },
    effect: 'stop',
  };
}

export function remind(row: Recharge, at: Moment): Decision {
  return {
    next: {
      ...progressed(row),
      nextAttemptAt: at.now + at.policy.reminderMs,
      history: record(row, at, 'reminded', row.review),
    },
    ...reviewWaiting(row),
    effect: 'stop',
  };
}

export function reviewWaiting({ review }: Recharge): Pick<Decision, 'alert'> {
  return { alert: { word: 'review_waiting', ...(review === undefined ? {} : { detail: review }) } };
}

/**
 * The one way to wait. `waitMs` where the other side named a time; else exponential backoff with full
 * jitter, its exponent the number of waits in a row.
 */
export function wait(row: Recharge, at: Moment, why: string, waitMs?: number, event = 'waiting'): Decision {
  const history = record(row, at, event, why);
  const ownMs = backoffMs(timesInARow(history, event), at.jitter, at.policy.backoff);
  const dueAt = at.now + Math.round(waitMs ?? ownMs);
  return { next: { ...row, nextAttemptAt: dueAt, notBefore: dueAt, history }, effect: 'stop' };
}

/** The time that this phase may take is over. */
export const isOver = ({ phaseDeadline = Infinity }: Recharge, { now }: Pick<Moment, 'now'>) =>
  now >= phaseDeadline;

/** Clocks kept by NTP are milliseconds apart; a row that is woken this much too early goes on. */
const EARLY_MS = 1_000;

/** The row waits, and its time has not come: duplicates of a webhook, or of a message, do not make it hurry. */
export const isWaiting = ({ notBefore = 0 }: Recharge, { now }: Pick<Moment, 'now'>) =>
  now + EARLY_MS < notBefore;

/**
 * Entries that were left out of a long history count as well. If they were something else, a wait only comes out
 * longer than it need be.
 */
export function timesInARow(history: readonly HistoryEntry[], word: string): number {
  const progress = history.findLastIndex(({ event }) => event !== word && event !== 'left_out');
  return history.slice(progress + 1).reduce((sum, { times }) => sum + (times ?? 1), 0);
}

/** The other side named a time: honoured, up to our longest wait. */
export function asAsked(retryAfterMs: number | undefined, at: Moment): number | undefined {
  return retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, at.policy.backoff.maxMs);
}

/**
 * After progress, or after a wait that is as it should be, the row waits for nothing older, and fruitless sweeps are
 * counted from zero.
 */
export function progressed(row: Recharge): Recharge {
  const { swept: _s, notBefore: _n, ...rest } = row;
  return rest;
}

/** The reservation's parameters, once they are known, belong on the row: the reservation is pruned one day. */
export function withFrozen(row: Recharge, frozen: Frozen | undefined): Recharge {
  if (frozen === undefined) return row;
  // The row has the webhook's spelling of the address, and the agency may have said since that `email` is the right
  // one. And a recharge is prepaid by the account row's word alone.
  const { grantEmail: _e, prepaid: _p, ...rest } = row;
  return {
    ...rest,
    ...frozen.money,
    ...(frozen.prepaid ? { prepaid: true } : {}),
    ...(frozen.grantEmail === row.email ? {} : { grantEmail: frozen.grantEmail }),
    ...(frozen.platformId === undefined ? {} : { platformId: frozen.platformId }),
    ...(frozen.balanceBefore === undefined ? {} : { balanceBefore: frozen.balanceBefore }),
    ...(frozen.paymentParty === undefined ? {} : { paymentParty: frozen.paymentParty }),
    ...(frozen.platformParty === undefined ? {} : { platformParty: frozen.platformParty }),
  };
}

/** What was written since the row came to the review it is in. */
export function sinceReview({ history, review }: Recharge): HistoryEntry[] {
  return history.slice(history.findLastIndex(({ event }) => event === review) + 1);
}

/**
 * For events that come again and again while a person is waited for. There is one entry of each kind, with the latest
 * time and detail and a count. So a review of a month makes the row no longer than one of a day.
 */
export function recordLatest(
  row: Recharge,
  at: Pick<Moment, 'now'>,
  event: string,
  detail?: string,
): HistoryEntry[] {
  const earlier = sinceReview(row).filter((entry) => entry.event === event);
  const others = row.history.filter((entry) => !earlier.includes(entry));
  const history = record({ history: others }, at, event, detail);
  const latest = history.at(-1);
  const times = earlier.reduce((sum, entry) => sum + (entry.times ?? 1), 1);
  return latest === undefined || times === 1 ? history : [...history.slice(0, -1), { ...latest, times }];
}

/** The row already holds this very answer. The answer to that write got lost, and the alert perhaps with it. */
export function writtenAlready({ review }: Recharge): Decision {
  return review === undefined ? stop : { alert: { word: review }, effect: 'stop' };
}

/** Of the history: this wait ends only when whoever runs this relay mends something of theirs. */
export const FOR_YOU = 'yours to mend: ';

export const detailOf = ({ misconfigured, detail }: NotAttempted | Unknown) =>
  (misconfigured ? FOR_YOU : '') + detail;

/** Only the agency's developer can mend it, so it is said at once, whatever else is decided. */
export function misconfigured({ misconfigured, detail }: NotAttempted | Unknown): Pick<Decision, 'alert'> {
  // A row that waits meets this every quarter of an hour. It is told once a day for each client and each word.
  return misconfigured ? { alert: { word: 'payment_hook_misconfigured', detail, daily: true } } : {};
}
