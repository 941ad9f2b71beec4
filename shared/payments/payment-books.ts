import type { Money } from '../money.ts';
import type { ChargeReference } from './payment-hook.ts';

/** Money that a client's bank has taken back, or wants back. */
export interface BookedDispute {
  ref: string;
  money: Money;
  /** In the provider's word. */
  status: string;
}

/**
 * What became of one payment by the provider's books: all of it, in whichever month it moved. Amounts are in the smallest
 * unit of the currency.
 */
export interface BookedPayment {
  /** The provider's id of the payment. */
  ref: string;
  /** Ours. */
  chargeId: string;
  /** The platform's idempotency key, where the provider kept it. */
  rechargeKey?: string;
  /** Of the ledger that the payment belongs to, where the provider kept its name. */
  table?: string;
  /** What was taken; absent where nothing was. */
  taken?: Money;
  /** What the payment is, in a word. */
  status: string;
  /** Given back for certain. */
  refunded: number;
  /** Given back, and not certain yet. */
  refundPending: number;
  /** Of what was given back. */
  refundRefs: string[];
  /** For which money is with the client's bank. */
  disputes: BookedDispute[];
}

export type BookAnswer =
  | { kind: 'found'; payment: BookedPayment }
  /** It knows no such payment, or one that was not paid; `status` says which. */
  | { kind: 'not_paid'; status: string }
  /** It knows the payment, and says something else of it than we asked about. */
  | { kind: 'differs'; detail: string }
  /** Nothing was learnt. */
  | { kind: 'no_answer'; detail: string };

/** The payment provider's side of the books. Nothing here changes anything. */
export interface PaymentBooks {
  /** Of the provider, as it stands in a sentence. */
  name: string;
  /**
   * Every payment of a relay that was begun in these days, or given back or disputed in them. Absent where the provider
   * can only be asked about what we name.
   *
   * @param range Unix milliseconds, without its end.
   */
  list?(range: { from: number; to: number }): Promise<BookedPayment[]>;
  /** What became of one charge. */
  look(charge: ChargeReference): Promise<BookAnswer>;
}
