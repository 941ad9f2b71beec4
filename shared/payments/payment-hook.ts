import type { Prepared } from '../http.ts';
import type { Money } from '../money.ts';

/**
 * A charge, frozen in the account's reservation before the first call. Every repetition sends exactly
 * these parameters under the same `chargeId`, whatever the configuration says by then.
 */
export interface ChargeRequest {
  /** Our key for this attempt, sent as `Idempotency-Key` and used for every later lookup. */
  chargeId: string;
  /** The platform's idempotency key, for the reader of the provider's dashboard. */
  rechargeKey: string;
  account: {
    email: string;
    platformId?: string;
    customer?: string;
    /** The provider's id of the saved card or bank account. */
    paymentMethod?: string;
  };
  credits: number;
  money: Money;
  description: string;
  /** Unix milliseconds: nothing of this attempt is older. */
  startedAt: number;
}

/** What later calls need in order to find the same payment again. */
export interface ChargeReference {
  chargeId: string;
  /** The money the answer must speak of: an answer about another amount is `unknown`. Absent: not known here. */
  money?: Money;
  paymentRef?: string;
  /** What the hook knows the client by, where an attempt is reserved. */
  customer?: string;
  /** Unix milliseconds: nothing of this attempt is older. */
  startedAt?: number;
  /** The page that was made for the client, who still has to act. */
  actionUrl?: string;
}

export interface RefundRequest extends ChargeReference {
  money: Money;
  /** One key per recharge, for ever. */
  refundId: string;
  rechargeKey: string;
}

export type Paid = { kind: 'paid'; paymentRef: string };
export type Declined = { kind: 'declined'; reason: string; retryable: boolean };
/** `actionUrl`: the hosted page on which the client must act; without it the provider is processing. */
export type Pending = { kind: 'pending'; paymentRef: string; actionUrl?: string };
/** This one call did nothing. Says nothing about the charge: an earlier call may have worked. */
export type NotAttempted = {
  kind: 'not_attempted';
  detail: string;
  retryAfterMs?: number;
  /** True where only the agency's developer can mend it (a wrong URL, a refused signature). */
  misconfigured?: boolean;
};
/** `misconfigured` as above: an answer that only the agency's developer can make usable. */
export type Unknown = { kind: 'unknown'; detail: string; misconfigured?: boolean };

export type ChargeOutcome = Paid | Declined | Pending | NotAttempted | Unknown;
export type LookupOutcome =
  | Paid
  | Declined
  | Pending
  | { kind: 'refunded'; refundRef?: string }
  | { kind: 'not_found' }
  | Unknown;
export type RefundOutcome =
  | { kind: 'refunded'; refundRef?: string }
  | { kind: 'pending' }
  | { kind: 'refused'; reason: string }
  | NotAttempted
  | Unknown;

/** The client is at their browser now. */
export interface ConfirmRequest extends ChargeReference {
  paymentRef: string;
  /** Where their bank sends them back to. */
  returnUrl: string;
  /** Tells this wish of the client from their others. */
  wish: number;
  /** The last look before the bytes, which is free of waits. */
  mayBegin(): boolean;
}

/** `client_goes`: their bank wants to see them, on its page. `decided`: the payment has changed, and a lookup says how. */
export type ConfirmOutcome =
  | { kind: 'client_goes'; url: string }
  | { kind: 'decided' }
  | NotAttempted
  | Unknown;

/**
 * The agency's way to take money. No method throws for what a provider or a network does: that is an
 * outcome. `charge` and `refund` must be idempotent per id on the provider's side.
 */
export interface PaymentHook {
  /** Two steps, so that the deadline can be checked between the last `await` and the first byte. */
  prepareCharge(request: ChargeRequest): Promise<Prepared<ChargeOutcome>>;
  lookup(reference: ChargeReference): Promise<LookupOutcome>;
  /** Withdraws a payment the client has not acted upon, and answers what the charge is now. */
  cancel(reference: ChargeReference): Promise<LookupOutcome>;
  refund(request: RefundRequest): Promise<RefundOutcome>;
  /**
   * Asks for the same payment once more, now that its client is there. Never a second payment. Absent where the page for
   * the client is the provider's own.
   */
  confirm?(request: ConfirmRequest): Promise<ConfirmOutcome>;
}
