import { record } from '../../history.ts';
import type { Recharge } from '../recharge.ts';
import { decline, expire } from './ends.ts';
import { remind, saidTwice, toCharged, toReview, writtenAlready } from './moves.ts';
import { type Decision, type Moment, type PaymentOutcome, stop } from './outcome.ts';

/** The row is in review for want of an answer, and the daily lookup has brought one. */
export function onReviewedPayment(row: Recharge, result: PaymentOutcome['result'], at: Moment): Decision {
  switch (result.kind) {
    case 'paid':
      return {
        next: toCharged(
          {
            ...row,
            paymentRef: result.paymentRef,
            paidAt: at.now,
            history: record(row, at, 'paid', result.paymentRef),
          },
          at,
        ),
        effect: 'stop',
      };
    case 'declined':
      return decline(row, result.reason, at);
    case 'refunded':
      return decline(row, 'refunded_at_provider', at);
    case 'not_found': {
      // Final only where nothing was ever reserved, so that nobody can have been asked for money.
      const final = notFoundIsFinal(row, at) && !isReserved(row);
      return final ? expire(row, at) : remind(row, at);
    }
    case 'pending':
    case 'not_attempted':
    case 'unknown':
      // The sweeper did not bring the row. So this is the answer that sent it to review, and the answer to that write
      // got lost.
      return row.swept === undefined ? writtenAlready(row) : remind(row, at);
  }
}

/** A payment for a row that has ended without one, or for an attempt that was declined: real money, said aloud. */
export function latePayment(row: Recharge, { attempt, result }: PaymentOutcome, at: Moment): Decision {
  if (result.kind !== 'paid') return stop;
  const detail = `attempt ${attempt}: ${result.paymentRef}`;
  // Before the next attempt takes money a second time, a person looks.
  if (row.phase === 'received' && attempt < row.attempt) {
    return toReview(
      { ...row, paymentRef: result.paymentRef },
      'charge_unknown',
      at,
      `paid after all, ${detail}`,
    );
  }
  if (row.history.some((entry) => entry.event === 'paid_late' && entry.detail === detail)) return stop;
  return saidTwice({ ...row, history: record(row, at, 'paid_late', detail) }, at, 'paid_after_end', detail);
}

/** The reservation has named its amount: a call of this attempt may have been made, whatever is known of it. */
export const isReserved = ({ amount }: Recharge) => amount !== undefined;

/** An hour after the last possible call: what is not there by now does not come any more. */
export const notFoundIsFinal = ({ attemptStartedAt }: Recharge, { now, policy }: Moment) =>
  now >= attemptStartedAt + policy.notFoundFinalMs;
