import type { Money } from '../../money.ts';
import type { ChargeOutcome, LookupOutcome, RefundOutcome } from '../../payments/payment-hook.ts';
import type { GrantEvidence, GrantResult, GrantsListed } from '../../platform/client.ts';
import type { Counterparties } from '../counterparty.ts';
import type { Policy } from '../policy.ts';
import type { LossWord, Recharge, Refusal, ReviewReason } from '../recharge.ts';

/** What the account row says of this attempt: the parameters every call of it uses. */
export interface Frozen {
  /** Absent where it is prepaid. */
  money?: Money;
  /** Nothing is to be charged. */
  prepaid?: true;
  customer?: string;
  /** The provider's id of the saved card or bank account. */
  paymentMethod?: string;
  platformId?: string;
  /** The address the grant names. */
  grantEmail: string;
  balanceBefore?: number;
  /** Whom the attempt belongs to, by `idOf` of a counterparty. */
  paymentParty?: string;
  platformParty?: string;
}

/**
 * What was learnt. Charge outcomes are facts about an `attempt`, grant outcomes about a `token`: the tag
 * travels with the outcome, so that a late one is never taken for an answer about something newer.
 */
export type Outcome =
  /**
   * The row was queued: by the webhook, or by the sweeper. `woken`: by somebody who says that its payment has changed. They
   * are not believed, and the payment is looked up.
   */
  | { kind: 'due'; woken?: boolean }
  /** The attempt is reserved since `at`. `fresh`: by this very run, so that nothing can have been charged yet. */
  | { kind: 'reserved'; attempt: number; fresh: boolean; at: number; frozen: Frozen }
  | { kind: 'refused'; attempt: number; word: Refusal; money?: Money }
  /** Nothing is reserved, and it is too late to begin: only a lookup may speak now. */
  | { kind: 'not_reserved'; attempt: number }
  /**
   * Nothing was done, for a reason that passes: the platform gave no answer, no time left. `switchedOff`: by a switch of
   * the agency's own, the pause or the mode, which says so itself.
   */
  | { kind: 'held'; why: string; switchedOff?: boolean }
  | {
      kind: 'payment';
      attempt: number;
      /** Which question brought it. A silent lookup says nothing of a charge; a silent charge may have taken money. */
      asked: 'charge' | 'lookup' | 'cancel';
      result: ChargeOutcome | LookupOutcome;
      frozen?: Frozen;
    }
  /** `unpaid`: nothing was sent, for no reservation of this attempt, or no payment, says that it was paid. */
  | { kind: 'grant'; token: string; result: GrantResult | { kind: 'unpaid'; detail: string } }
  /** What the platform's books say of the grant that this token was drawn for. */
  | { kind: 'grant_evidence'; token: string; result: GrantEvidence }
  /** Every grant of this recharge, whichever, that stands in the platform's books. */
  | { kind: 'grants_listed'; result: GrantsListed }
  | {
      kind: 'refund';
      result: RefundOutcome | { kind: 'found_refunded'; refundRef?: string } | { kind: 'not_refunded' };
    };

export type PaymentOutcome = Extract<Outcome, { kind: 'payment' }>;

/** Held back by our own pace, or by the wait that the platform asked for: nobody's fault, and no news. */
export function isPaced(result: Extract<Outcome, { kind: 'grant' }>['result']): boolean {
  if (result.kind !== 'not_applied' || result.agencyFault !== undefined) return false;
  return result.unsent === true && result.retryAfterMs !== undefined;
}

export interface Released {
  reason: string;
  retryable: boolean;
}

/** The one thing to do next, after the row is written. */
export type Effect =
  | 'stop'
  /** Look at the account: reserve this attempt, or learn what is reserved. */
  | 'reserve'
  | 'charge'
  | 'look_up_payment'
  | 'cancel_payment'
  | 'grant'
  | 'look_up_grant'
  | 'list_grants'
  | 'look_up_refund'
  | 'refund';

export interface Decision {
  /** The row to write, on condition that the version is still the one that was read. */
  next?: Recharge;
  /**
   * Give the reserved amount back before `next` is written: a proven decline or refund. The reservation
   * keeps these words, so that a crash between the two writes loses nothing of the decision.
   */
  release?: Released;
  /** Said once `next`, if there is one, is written. */
  alert?: {
    word: RechargeAlert;
    detail?: string;
    /** Word and detail are said of one client at most once a day: who fires all day must not ring all day. */
    daily?: true;
  };
  effect: Effect;
}

/** Alerts the machine itself raises; every review reason is one. */
export type RechargeAlert =
  | ReviewReason
  | LossWord
  | 'recharge_blocked'
  | 'recharge_expired'
  | 'client_must_act'
  | 'monthly_cap_reached'
  | 'review_waiting'
  | 'payment_hook_misconfigured'
  | 'other_counterparty';

/** What a decision may depend on besides row and outcome. Nothing here is read by the machine itself. */
export interface Moment {
  now: number;
  policy: Policy;
  /** Whom this process would ask. */
  parties: Counterparties;
  /** Random; drawn together with the outcome, so that a repeated decision recognises its own write. */
  token: string;
  /** Between 0 and 1, drawn likewise: spreads the retries. */
  jitter: number;
  /** Whether enough of this run is left to write `granting`, POST, and write the result. */
  timeToGrant: boolean;
}

export const stop: Decision = { effect: 'stop' };
