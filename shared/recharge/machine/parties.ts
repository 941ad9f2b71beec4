import { type Counterparties, idOf, isSameParty } from '../counterparty.ts';
import type { Recharge } from '../recharge.ts';
import { onGrantsListed } from './books.ts';
import { isOver, remind, toReview, wait, withFrozen } from './moves.ts';
import type { Decision, Effect, Moment, Outcome } from './outcome.ts';
import { lookAgain } from './woken.ts';

/** Whom each effect asks. */
const ASKS: Partial<Record<Effect, keyof Counterparties>> = {
  charge: 'payment',
  look_up_payment: 'payment',
  cancel_payment: 'payment',
  look_up_refund: 'payment',
  refund: 'payment',
  grant: 'platform',
  look_up_grant: 'platform',
  list_grants: 'platform',
};

const NAMES = { payment: 'payment endpoint', platform: 'platform' } as const;

/** Of the history: the row waits until the party it began with is configured again, or a person speaks. */
export const OTHER_COUNTERPARTY = 'other_counterparty';

/** Whether a person may answer for a row that nobody here can ask about. */
export const awaitsCounterparty = ({ history }: Recharge) => history.at(-1)?.event === OTHER_COUNTERPARTY;

/**
 * The decision, unless its effect would ask somebody else than the recharge began with: another endpoint would charge a
 * second time, and another one's "not found" proves nothing.
 *
 * @param again decides with nothing granted in this run.
 */
export function onlyWithOwnParties(
  row: Recharge,
  outcome: Outcome,
  decision: Decision,
  at: Moment,
  again: (at: Moment) => Decision,
): Decision {
  const asks = ASKS[decision.effect];
  if (asks === undefined) return decision;
  const known = withFrozen(row, 'frozen' in outcome ? outcome.frozen : undefined);
  const began = known[asks === 'payment' ? 'paymentParty' : 'platformParty'];
  if (isSameParty(began, at.parties[asks])) return decision;
  // Paid a moment ago: that is kept first, and the row waits from `charged` on.
  if (decision.effect === 'grant' && row.phase !== 'charged') return again({ ...at, timeToGrant: false });
  const why = `began with ${NAMES[asks]} ${began}, and ${idOf(at.parties[asks])} is configured`;
  return awaitParty(known, at, why);
}

function awaitParty(row: Recharge, at: Moment, why: string): Decision {
  switch (row.phase) {
    case 'received':
      if (at.now >= row.attemptStartedAt + at.policy.lookupSilentMs)
        return toReview(row, 'charge_unknown', at, why);
      break;
    case 'charge_pending':
      if (isOver(row, at)) return toReview(row, 'charge_unknown', at, why);
      break;
    case 'refunding':
      if (isOver(row, at)) return toReview(row, 'refund_unknown', at, why);
      break;
    case 'needs_review':
      return remind(row, at);
    case 'completed':
    case 'refunded':
      return onGrantsListed(row, { kind: 'no_answer', detail: why }, at);
    case 'declined':
    case 'blocked':
      return lookAgain(row, at);
    case 'charged':
    case 'granting':
      break;
  }
  const waits = wait(row, at, why, undefined, OTHER_COUNTERPARTY);
  // This is said once for each change, not with every look. The sweeper's own alert says that nothing goes on.
  return awaitsCounterparty(row) ? waits : { ...waits, alert: { word: 'other_counterparty', detail: why } };
}
