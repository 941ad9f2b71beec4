import type { Recharge } from '../../shared/recharge/recharge.ts';
import { type Around, truthOf } from '../world.ts';

/**
 * Whether a person was asked what the books of the other side say anyhow: a machine that may read them would have ended
 * this review by itself. Looked at when the person answers, so that nothing is on its way any more. What the agency has to
 * decide, and what its payment endpoint has not decided yet, is not needless.
 */
export function isNeedless(world: Pick<Around, 'books'>, row: Recharge): boolean {
  const { payments, grants, refunds } = truthOf(world, row);
  switch (row.review) {
    case 'charge_unknown':
      return payments.every(({ status }) => status !== 'processing' && status !== 'acting');
    case 'grant_unknown':
    case 'grant_differs':
      return true;
    case 'grant_refused':
    case 'grant_expired':
      return grants.length > 0;
    case 'refund_unknown':
    case 'refund_failed':
      return refunds > 0;
    default:
      return false;
  }
}
