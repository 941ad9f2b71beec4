import { record } from '../../history.ts';
import type { Recharge } from '../recharge.ts';
import { ended } from './ends.ts';
import { toRefunding } from './moves.ts';
import type { Decision, Moment } from './outcome.ts';

/**
 * A refund of a recharge that was granted as well: goodwill, or a dispute. The row stays `completed`, because that is
 * what it is: paid and granted. Its money goes back as that of any other recharge does. So for as long as it is under
 * way, the machine sees the row as `refunding`, or as in review for its refund, and what it decides is written to the
 * row that stays `completed`.
 */
export const isGivingBack = ({ phase, goodwillRefund }: Recharge) =>
  phase === 'completed' && goodwillRefund === 'under_way';

/** A person gives the money of a completed recharge back. */
export function toGoodwillRefund(row: Recharge, note: string, at: Pick<Moment, 'now' | 'policy'>): Recharge {
  return {
    ...toRefunding(row, at),
    phase: 'completed',
    goodwillRefund: 'under_way',
    history: record(row, at, GOODWILL_REFUND, note),
  };
}

/** Of the history, with the person's note. */
export const GOODWILL_REFUND = 'goodwill_refund';

export function asRefunding(row: Recharge): Recharge {
  return { ...row, phase: row.review === undefined ? 'refunding' : 'needs_review' };
}

/** The row as it is written, of the row that was decided as `asRefunding`. */
export function asCompleted(next: Recharge, at: Parameters<typeof ended>[1], mayBeListed: boolean): Recharge {
  const completed: Recharge = { ...next, phase: 'completed' };
  if (next.phase !== 'refunded') return completed;
  // The end of a completed row, which may still have late looks before it, instead of that of a refunded one.
  return ended({ ...completed, goodwillRefund: 'refunded' }, at, mayBeListed);
}

export function decidedAsRefunding(decision: Decision, at: Moment): Decision {
  const { next, ...rest } = decision;
  return next === undefined ? rest : { ...rest, next: asCompleted(next, at, at.policy.evidence.lookUp) };
}
