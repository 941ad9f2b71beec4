import { record } from '../history.ts';
import { faultOfNote } from './answers.ts';
import { LOOKS } from './machine/books.ts';
import { isGivingBack, toGoodwillRefund } from './machine/goodwill.ts';
import { progressed, sinceReview } from './machine/moves.ts';
import type { Moment } from './machine/outcome.ts';
import { isFinished, type Phase, RETRIED, type Recharge } from './recharge.ts';

/**
 * What a person may want of a recharge that does not ask them: to stop it, to have its next step now, to give its money
 * back. As with an answer, only the row is written, and the worker does the rest.
 */

/**
 * What a completed recharge becomes where a person gives its money back, all of it, or a sentence that says why not. The
 * credits stay with the client: the platform has no way to take them back.
 */
export function applyGoodwillRefund(
  row: Recharge,
  note: string,
  at: Pick<Moment, 'now' | 'policy'>,
): { next: Recharge } | { refused: string } {
  const fault = faultOfNote(note, 'Say in --note why the money is given back.');
  const refused = fault ?? whyNoGoodwillRefund(row);
  return refused === undefined ? { next: toGoodwillRefund(row, note, at) } : { refused };
}

function whyNoGoodwillRefund(row: Recharge): string | undefined {
  if (row.goodwillRefund === 'refunded') return `The money of recharge ${row.key} was given back already.`;
  if (isGivingBack(row)) return `The money of recharge ${row.key} is being given back already.`;
  if (row.phase !== 'completed') return `Recharge ${row.key} is not given back: ${NOT_COMPLETED[row.phase]}`;
  if (row.prepaid) return `Nothing was charged for recharge ${row.key}, so there is nothing to give back.`;
  return row.amount === undefined || row.paymentRef === undefined
    ? `The payment of recharge ${row.key} is not known here: give it back at the provider.`
    : undefined;
}

const ANSWER_REFUND = 'answer with recharges resolve KEY refund.';
const NOT_PAID = 'it ended unpaid. A payment that came later (paid_after_end) is given back at the provider.';
const NOT_COMPLETED: Record<Exclude<Phase, 'completed'>, string> = {
  received: 'it is not paid. To stop it: recharges stop.',
  charge_pending: 'it is not paid yet. To stop it, where the client must act: recharges stop.',
  granting: 'its credits are being granted right now. Look again in a few minutes.',
  charged: `its credits are not granted yet: ${ANSWER_REFUND}`,
  needs_review: 'it waits for an answer: recharges show prints which are possible.',
  refunding: 'its money is being given back already.',
  declined: NOT_PAID,
  blocked: NOT_PAID,
  refunded: 'its money was given back already.',
};

/**
 * The row with its next step due now instead of later, or a sentence that says why there is none. What the step is, and
 * whether it may be done, is decided as ever: a wait is cut short, and nothing else.
 */
export function applyRetry(
  row: Recharge,
  note: string | undefined,
  at: Pick<Moment, 'now' | 'policy'>,
): { next: Recharge } | { refused: string } {
  const fault = note === undefined ? undefined : faultOfNote(note, 'The note is empty.');
  const refused = fault ?? whyNoRetry(row, at);
  if (refused !== undefined) return { refused };
  const history = record(row, at, RETRIED, note);
  return { next: { ...progressed(row), nextAttemptAt: at.now, history } };
}

const LOOK_EVENTS: readonly string[] = Object.values(LOOKS);

/** Something is asked when the row comes back: the payment endpoint, or the usage export if that was asked before. */
const isAskedFor = (row: Recharge) =>
  row.review === 'charge_unknown' ||
  (row.review === 'grant_unknown' && sinceReview(row).some(({ event }) => LOOK_EVENTS.includes(event)));

function whyNoRetry(row: Recharge, { now, policy }: Pick<Moment, 'now' | 'policy'>): string | undefined {
  const refuse = (why: string) => `Recharge ${row.key} is not tried again: ${why}`;
  if (isGivingBack(row) && row.review === undefined) return undefined;
  if (row.phase === 'blocked' || row.phase === 'declined')
    return refuse(`it is ${row.phase}, and its key is burnt. To charge again: recharges start --for.`);
  if (isFinished(row) && row.review === undefined) return refuse(`it is ${row.phase}.`);
  if (row.phase === 'granting') return refuse('its credits are being granted right now.');
  if (row.review !== undefined && !isAskedFor(row))
    return refuse('it waits for an answer: recharges show prints which are possible.');
  if (row.attemptStartedAt > now + policy.clockSkewMs) {
    const planned = new Date(row.attemptStartedAt).toISOString();
    return refuse(`its payment was declined, and is tried once more at ${planned}, not before.`);
  }
  return undefined;
}

/**
 * What the row becomes where a person wants no charge of it any more, or a sentence that says why it is too late.
 * A payment that was under way is found, and kept: stopped is only what has not begun.
 */
export function applyStop(
  row: Recharge,
  note: string,
  at: Pick<Moment, 'now'>,
): { next: Recharge } | { refused: string } {
  const fault = faultOfNote(note, 'Say in --note why it is stopped.');
  if (fault !== undefined) return { refused: fault };
  if (row.stopped) return { refused: `Recharge ${row.key} was stopped already; it ends by itself.` };
  const { notBefore: _, ...rest } = row;
  const due = { ...rest, nextAttemptAt: at.now, history: record(row, at, 'stopped', note) };
  if (row.phase === 'received') return { next: { ...due, stopped: true } };
  // The next look cancels what the client has not confirmed until then.
  if (row.phase === 'charge_pending' && row.actionUrl !== undefined)
    return { next: { ...due, actBy: at.now } };
  return { refused: `Recharge ${row.key} cannot be stopped: ${TOO_LATE[row.phase]}` };
}

const ENDED = 'it has ended.';
const TOO_LATE: Record<Exclude<Phase, 'received'>, string> = {
  charge_pending: 'the provider is taking the money, and has no way back. It is granted once it is paid.',
  granting: 'it is paid, and is being granted.',
  charged: 'it is paid. To give the money back: recharges resolve, with the answer refund.',
  needs_review: 'it waits for an answer: recharges show prints which are possible.',
  refunding: 'its money is being given back.',
  completed: ENDED,
  declined: ENDED,
  blocked: ENDED,
  refunded: ENDED,
};
