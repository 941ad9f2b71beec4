import type Stripe from 'stripe';
import type { Money } from '../../money.ts';
import type { Declined, Paid, Unknown } from '../payment-hook.ts';
import { isSameMoney } from './amounts.ts';
import { type CardError, declined } from './declines.ts';

/** Under this name the metadata of a PaymentIntent holds our charge id. */
export const CHARGE_ID = 'relay_charge_id';
/** And the platform's idempotency key. */
export const RECHARGE_KEY = 'relay_recharge_key';
/** And the table of its ledger: several relays may charge through one account at Stripe. */
export const LEDGER_TABLE = 'relay_table';
/** That of a refund holds our refund id: one without was made by somebody else. */
export const REFUND_ID = 'relay_refund_id';

/** What a PaymentIntent says of its charge. `act`: only the client can go on, on their bank's page. */
export type Said = Paid | Declined | Unknown | { kind: 'processing' } | { kind: 'act' };

const AUTHENTICATION_REQUIRED = 'authentication_required';

/**
 * Source: docs.stripe.com/payments/paymentintents/lifecycle. `succeeded` alone is paid. A declined intent goes back to
 * `requires_payment_method`, as one does whose bank wants to see the client: that one can still be paid.
 *
 * @param money what it must be about, where that is known.
 */
export function saidOf(intent: Stripe.PaymentIntent, money: Money | undefined): Said {
  // Whoever answered in Stripe's place: nothing is granted for a payment that nobody could look up again.
  if (!isStripeId(intent.id)) return unusable('an answer about a payment without an id');
  if (money !== undefined && !isSameMoney(intent, money)) {
    return unusable(
      `${intent.id} is about ${intent.amount} ${intent.currency}, and another amount was asked for`,
    );
  }
  switch (intent.status) {
    case 'succeeded':
      return { kind: 'paid', paymentRef: intent.id };
    case 'processing':
      return { kind: 'processing' };
    case 'requires_action':
      return { kind: 'act' };
    case 'requires_payment_method':
      return isForTheClient(intent.last_payment_error)
        ? { kind: 'act' }
        : declined(intent.last_payment_error);
    case 'canceled':
      return {
        kind: 'declined',
        reason: intent.cancellation_reason === 'abandoned' ? 'not_confirmed' : 'cancelled',
        retryable: false,
      };
    case 'requires_confirmation':
    case 'requires_capture':
      return unusable(`${intent.id} is ${intent.status}, which a charge of ours never is`);
    default:
      return unusable(`${intent.id} has the status ${String(intent.status)}, which is not known here`);
  }
}

/** The bank wants to see the client before it pays, and they have not been sent there, or have not come yet. */
export const isForTheClient = (error: Pick<CardError, 'code' | 'decline_code'> | null): boolean =>
  error?.code === AUTHENTICATION_REQUIRED || error?.decline_code === AUTHENTICATION_REQUIRED;

export const unusable = (detail: string): Unknown => ({
  kind: 'unknown',
  detail: detail.slice(0, 150),
  misconfigured: true,
});

/** Ids of Stripe end at 255 characters: docs.stripe.com/upgrades#what-changes-does-stripe-consider-to-be-backwards-compatible */
export const isStripeId = (id: unknown): id is string => typeof id === 'string' && /^[!-~]{1,255}$/.test(id);
