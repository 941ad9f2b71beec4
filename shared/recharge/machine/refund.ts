import type { Recharge, ReviewReason } from '../recharge.ts';
import { finish } from './ends.ts';
import {
  asAsked,
  detailOf,
  isOver,
  misconfigured,
  progressed,
  toReview,
  wait,
  writtenAlready,
} from './moves.ts';
import { type Decision, type Moment, type Outcome, stop } from './outcome.ts';

type RefundResult = Extract<Outcome, { kind: 'refund' }>['result'];

/** The review an answer leads to: a refusal at once, silence and delay past the refund's deadline. */
const REVIEWS: Partial<Record<RefundResult['kind'], ReviewReason>> = {
  refused: 'refund_failed',
  pending: 'refund_unknown',
  not_attempted: 'refund_unknown',
  unknown: 'refund_unknown',
};

export function onRefund(row: Recharge, result: RefundResult, at: Moment): Decision {
  const refunded = result.kind === 'refunded' || result.kind === 'found_refunded';
  // The refund has one key, so this answer is proof, however late it comes.
  const inReview = row.review === 'refund_unknown' || row.review === 'refund_failed';
  if (row.phase !== 'refunding' && !(inReview && refunded)) {
    return row.review !== undefined && row.review === REVIEWS[result.kind] ? writtenAlready(row) : stop;
  }
  switch (result.kind) {
    case 'found_refunded':
    case 'refunded':
      return {
        release: { reason: 'refunded', retryable: false },
        ...finish(refundedBy(row, result, at), at, 'refunded', refundRefOf(result)),
      };
    case 'not_refunded':
      return { effect: 'refund' };
    case 'refused':
      return toReview(row, 'refund_failed', at, result.reason);
    case 'pending':
      return waitForRefund(progressed(row), at, 'refund pending', at.policy.refund.askMs);
    case 'not_attempted':
      return {
        ...misconfigured(result),
        ...waitForRefund(
          row,
          at,
          `refund not attempted: ${detailOf(result)}`,
          asAsked(result.retryAfterMs, at),
        ),
      };
    case 'unknown':
      return { ...misconfigured(result), ...waitForRefund(row, at, `refund unknown: ${detailOf(result)}`) };
  }
}

function refundedBy(row: Recharge, result: RefundResult, { now }: Moment): Recharge {
  const refundRef = refundRefOf(result);
  return { ...row, phase: 'refunded', refundedAt: now, ...(refundRef === undefined ? {} : { refundRef }) };
}

const refundRefOf = (result: RefundResult) => ('refundRef' in result ? result.refundRef : undefined);

function waitForRefund(row: Recharge, at: Moment, why: string, waitMs?: number): Decision {
  if (isOver(row, at)) return toReview(row, 'refund_unknown', at, why);
  return wait(row, at, why, waitMs);
}
