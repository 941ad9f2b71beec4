import type Stripe from 'stripe';
import { NoReplyError, type StripeClient } from '../shared/payments/stripe/client.ts';
import { missingRights } from './stripe.ts';

/** A right of a restricted key, under which nothing more can be done than the relay does. */
export interface StripeRight {
  /** As Stripe's errors name it. */
  name: string;
  /** As the dashboard shows it. */
  row: string;
  level: 'Read' | 'Write';
  /**
   * Asks for it, and changes nothing: it names an object that nobody has. Stripe looks at the key's rights before it looks
   * for the object.
   */
  ask(stripe: Stripe): Promise<unknown>;
}

/**
 * Those that the relay needs; docs/stripe.md says for what. `Write` holds `Read`.
 * Sources: docs.stripe.com/keys/restricted-api-keys; the names, github.com/stripe/stripe-node/issues/2246.
 */
export const STRIPE_RIGHTS: StripeRight[] = [
  {
    name: 'rak_payment_intent_write',
    row: 'PaymentIntents',
    level: 'Write',
    ask: ({ paymentIntents }) => paymentIntents.cancel('pi_nobody'),
  },
  {
    name: 'rak_refund_write',
    row: 'Refunds',
    level: 'Write',
    ask: ({ refunds }) => refunds.create({ payment_intent: 'pi_nobody' }),
  },
  {
    name: 'rak_charge_read',
    row: 'Charges',
    level: 'Read',
    ask: ({ charges }) => charges.retrieve('ch_nobody'),
  },
  {
    name: 'rak_customer_write',
    row: 'Customers',
    level: 'Write',
    ask: ({ customers }) => customers.update('cus_nobody', { metadata: { relay: '' } }),
  },
  {
    name: 'rak_payment_method_read',
    row: 'PaymentMethods',
    level: 'Read',
    ask: ({ paymentMethods }) => paymentMethods.retrieve('pm_nobody'),
  },
  {
    name: 'rak_checkout_session_write',
    row: 'Checkout Sessions',
    level: 'Write',
    ask: ({ checkout }) =>
      checkout.sessions.create({
        mode: 'setup',
        customer: 'cus_nobody',
        currency: 'usd',
        success_url: 'https://example.com',
      }),
  },
  {
    name: 'rak_setup_intent_read',
    row: 'SetupIntents',
    level: 'Read',
    ask: ({ setupIntents }) => setupIntents.retrieve('seti_nobody'),
  },
  {
    name: 'rak_dispute_read',
    row: 'Disputes',
    level: 'Read',
    ask: ({ disputes }) => disputes.retrieve('dp_nobody'),
  },
];

/** What Stripe says to a look at a key. `answers`: whether it has the right or not, Stripe knows the key. */
export type KeyAnswer =
  | { kind: 'answers'; lacks: StripeRight[] }
  | { kind: 'unknown_key' }
  | { kind: 'no_answer'; detail: string };

/** Asks for every right at once. Nothing is changed at Stripe. */
export async function lookAtKey({ stripe, errorOf }: StripeClient): Promise<KeyAnswer> {
  const lacks: StripeRight[] = [];
  let bad: KeyAnswer | undefined;
  await Promise.all(
    STRIPE_RIGHTS.map(async (right) => {
      try {
        await right.ask(stripe);
      } catch (error) {
        const of = errorOf(error);
        if (!of) throw error;
        const { detail: cause, statusCode, message } = of;
        if (statusCode === 401) bad = { kind: 'unknown_key' };
        else if (statusCode === 403) {
          // Of several that are named each would do. Where others are named, this one is there.
          const named = missingRights(message);
          if (named.length === 0 || named.includes(right.name)) lacks.push(right);
        } else if (cause instanceof NoReplyError) bad = { kind: 'no_answer', detail: cause.message };
        else if (statusCode !== 400 && statusCode !== 404)
          bad = { kind: 'no_answer', detail: `status ${statusCode ?? 'none'}` };
      }
    }),
  );
  return bad ?? { kind: 'answers', lacks: STRIPE_RIGHTS.filter((right) => lacks.includes(right)) };
}
