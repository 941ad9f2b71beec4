import { record } from '../../history.ts';
import type { Recharge } from '../recharge.ts';
import { progressed } from './moves.ts';
import type { Decision, Moment } from './outcome.ts';

/**
 * Whether the platform's books could show a grant too many: a grant was called not made, and whoever said so may have
 * erred.
 */
const couldHoldTooMany = ({ phase, grantNo }: Recharge) =>
  (phase === 'completed' && grantNo > 1) || (phase === 'refunded' && grantNo > 0);

/**
 * Ends the row: it leaves the index of open rows, at once or after its late looks, and is kept for good.
 *
 * @param at.jitter spreads the late looks: rows that ended at the same time, after an outage, are not looked at at
 *   the same time.
 * @param mayBeListed whether the platform's books may show grants. Where they do not after all, the first look sees
 *   that, and is the last.
 */
export function ended(
  row: Recharge,
  { now, policy, jitter = 0 }: Pick<Moment, 'now' | 'policy'> & { jitter?: number },
  mayBeListed: boolean,
): Recharge {
  const { actionUrl: _u, actBy: _a, review: _r, ...rest } = unwatched(row);
  if (!mayBeListed || !couldHoldTooMany(row)) {
    return rest.sayAgain === undefined ? rest : { ...rest, nextAttemptAt: now + policy.reminderMs };
  }
  const { lateFirstMs, lateLastMs, lateSpreadMs } = policy.evidence;
  const from = now + Math.round(jitter * lateSpreadMs);
  return { ...rest, nextAttemptAt: from + lateFirstMs, phaseDeadline: from + lateLastMs };
}

/** Nothing brings it back. */
export function unwatched(row: Recharge): Recharge {
  const { nextAttemptAt: _n, phaseDeadline: _d, ...rest } = progressed(row);
  return rest;
}

export function finish(row: Recharge, at: Moment, event: string, detail?: string): Decision {
  return {
    next: { ...ended(row, at, at.policy.evidence.lookUp), history: record(row, at, event, detail) },
    effect: 'stop',
  };
}

/** The end without a payment, on a provider's word; what was reserved is given back. */
export function decline(row: Recharge, reason: string, at: Moment): Decision {
  return {
    release: { reason, retryable: false },
    ...finish({ ...row, phase: 'declined', reason }, at, 'declined', reason),
  };
}

/** Nobody was asked for money, and nobody will be: the client gets no credits unless a person starts it again. */
export function expire(row: Recharge, at: Moment): Decision {
  return { ...decline(row, 'expired', at), alert: { word: 'recharge_expired', daily: true } };
}
