import type { Recharge } from '../recharge.ts';
import { unwatched } from './ends.ts';
import { latePayment } from './late-payment.ts';
import { progressed } from './moves.ts';
import { type Decision, type Moment, type PaymentOutcome, stop } from './outcome.ts';

/** It ended without a payment. One that came all the same would be told by nobody. */
const hasEndedUnpaid = ({ phase }: Recharge) => phase === 'declined' || phase === 'blocked';

/**
 * Somebody says that the payment has changed. What they say may be late, repeated or wrong: it changes nothing but when the
 * payment is looked up. That this was heard is on disk before the look. So a flood becomes one look in `wokenMs`, and a
 * run whose answer is older loses to this write.
 */
export function onWoken(row: Recharge, { now, policy }: Moment): Decision {
  const { wokenMs } = policy.pending;
  const isAsked = row.phase === 'charge_pending' || row.review === 'charge_unknown' || hasEndedUnpaid(row);
  if (!isAsked) return stop;
  const isLookedAt = row.wokenAt !== undefined && now < row.wokenAt + wokenMs;
  if (!isLookedAt) return { next: { ...row, wokenAt: now }, effect: 'look_up_payment' };
  // The look before may be older than what is said now. All others come back by themselves.
  return hasEndedUnpaid(row) && row.nextAttemptAt === undefined
    ? { next: { ...row, nextAttemptAt: now + wokenMs }, effect: 'stop' }
    : stop;
}

/**
 * What was said within `wokenMs` of another wake was not heard, and an answer may be older than what was said. So the
 * next looks come soon, each twice as long after the wake as the one before.
 */
export function askAgainMs({ wokenAt }: Recharge, { now, policy: { pending } }: Moment): number {
  return wokenAt === undefined
    ? pending.askMs
    : Math.min(pending.askMs, Math.max(pending.wokenMs, now - wokenAt));
}

/** Whether the row, which has ended, comes back for another look at its payment. */
export const awaitsLook = (row: Recharge) =>
  hasEndedUnpaid(row) && row.wokenAt !== undefined && row.sayAgain === undefined;

/** Brought back for a look at its payment, which is only over once there was an answer. */
export function onPaymentAfterEnd(row: Recharge, outcome: PaymentOutcome, at: Moment): Decision {
  const { kind } = outcome.result;
  const isSilent = kind === 'unknown' || kind === 'not_attempted';
  if (isSilent) return outcome.asked === 'lookup' ? lookAgain(row, at) : stop;
  const late = latePayment(awaitsLook(row) ? unwatched(row) : row, outcome, at);
  const isOver = late.next === undefined && awaitsLook(row) && row.nextAttemptAt !== undefined;
  return isOver ? { ...late, next: unwatched(row) } : late;
}

/** There was no answer: asked again for a day, ever more rarely. What even then is not known, the month's books show. */
export function lookAgain(row: Recharge, at: Moment): Decision {
  const { wokenAt } = row;
  if (!awaitsLook(row) || wokenAt === undefined) return stop;
  const isOver = at.now >= wokenAt + at.policy.reminderMs;
  return {
    next: isOver ? unwatched(row) : { ...progressed(row), nextAttemptAt: at.now + askAgainMs(row, at) },
    effect: 'stop',
  };
}
