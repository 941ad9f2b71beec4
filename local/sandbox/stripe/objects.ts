import type { DeclineError } from './cards.ts';
import type { Customer, Dispute, Intent, PaymentMethod, Refund, Session, StripeState } from './state.ts';

/** Stripe's objects as its API writes them, as far as anybody here reads them. Source: docs.stripe.com/api. */

export const list = (url: string, data: unknown[], hasMore = false) => ({
  object: 'list',
  url,
  has_more: hasMore,
  data,
});

/** Of one that was deleted, Stripe keeps the id: docs.stripe.com/api/customers/retrieve. */
export const customerObject = ({
  id,
  email,
  created,
  defaultPaymentMethod,
  metadata = {},
  deleted,
}: Customer) =>
  deleted
    ? { id, object: 'customer', deleted }
    : {
        id,
        object: 'customer',
        email,
        created,
        livemode: false,
        metadata,
        invoice_settings: { default_payment_method: defaultPaymentMethod ?? null },
      };

export const methodObject = ({
  id,
  customer,
  type,
  brand,
  last4,
  expMonth,
  expYear,
  fingerprint,
  created,
}: PaymentMethod) => ({
  id,
  object: 'payment_method',
  customer,
  type,
  created,
  livemode: false,
  metadata: {},
  ...(type === 'card'
    ? {
        card: {
          brand,
          last4,
          exp_month: expMonth,
          exp_year: expYear,
          fingerprint,
          country: 'DE',
          funding: 'credit',
        },
      }
    : { sepa_debit: { last4, fingerprint, country: 'DE', bank_code: '37040044' } }),
});

export const errorObject = (error: DeclineError) => ({
  type: 'card_error',
  message: `Your card was declined (${error.decline_code ?? error.code}).`,
  ...error,
});

const refundsOf = ({ refunds }: StripeState, intent: string) =>
  [...refunds.values()].filter((refund) => refund.intent === intent);

/** What was given back, or is on its way. */
export const givenBack = (state: StripeState, intent: string) =>
  refundsOf(state, intent)
    .filter(({ status }) => status !== 'failed')
    .reduce((sum, { amount }) => sum + amount, 0);

export const chargeObject = (state: StripeState, intent: Intent) => ({
  id: intent.charge,
  object: 'charge',
  amount: intent.amount,
  amount_refunded: givenBack(state, intent.id),
  refunded: givenBack(state, intent.id) >= intent.amount,
  currency: intent.currency,
  payment_intent: intent.id,
  paid: intent.status === 'succeeded',
  disputed: [...state.disputes.values()].some((dispute) => dispute.intent === intent.id),
  // Copied when the charge is made; source: docs.stripe.com/metadata.
  metadata: intent.metadata,
});

const failedWith = ({ paymentMethods }: StripeState, { paymentMethod }: Intent) => {
  const method = paymentMethods.get(paymentMethod);
  return method === undefined ? {} : { payment_method: methodObject(method) };
};

export const intentObject = (
  state: StripeState,
  intent: Intent,
  expand: readonly string[],
  bankUrl: string,
) => ({
  id: intent.id,
  object: 'payment_intent',
  amount: intent.amount,
  amount_received: intent.status === 'succeeded' ? intent.amount : 0,
  currency: intent.currency,
  customer: intent.customer,
  payment_method: intent.status === 'requires_payment_method' ? null : intent.paymentMethod,
  status: intent.status,
  metadata: intent.metadata,
  description: intent.description ?? null,
  receipt_email: intent.receiptEmail ?? null,
  created: intent.created,
  livemode: false,
  client_secret: `${intent.id}_secret_test`,
  last_payment_error:
    intent.lastError === undefined
      ? null
      : { ...errorObject(intent.lastError), ...failedWith(state, intent) },
  cancellation_reason: intent.cancellationReason ?? null,
  latest_charge:
    intent.charge === undefined
      ? null
      : expand.includes('latest_charge')
        ? chargeObject(state, intent)
        : intent.charge,
  next_action:
    intent.status === 'requires_action'
      ? { type: 'redirect_to_url', redirect_to_url: { url: bankUrl, return_url: intent.returnUrl ?? null } }
      : null,
});

/** @param payment the whole payment, where it was asked for. */
export const refundObject = (
  { id, intent, amount, status, failureReason, metadata, created }: Refund,
  currency: string,
  payment?: object,
) => ({
  id,
  object: 'refund',
  payment_intent: payment ?? intent,
  amount,
  currency,
  status,
  metadata,
  created,
  ...(failureReason === undefined ? {} : { failure_reason: failureReason }),
});

/** Source: docs.stripe.com/api/disputes/object. */
export const disputeObject = (
  { id, intent, amount, status, created }: Dispute,
  { charge, currency }: Intent,
  payment?: object,
) => ({
  id,
  object: 'dispute',
  charge,
  payment_intent: payment ?? intent,
  amount,
  currency,
  status,
  reason: 'fraudulent',
  created,
  livemode: false,
  metadata: {},
});

/** How long a page can be used, unless it was made for less: docs.stripe.com/api/checkout/sessions/create. */
const CHECKOUT_SECONDS = 24 * 3_600;

export const sessionObject = (session: Session, url: string) => ({
  id: session.id,
  object: 'checkout.session',
  mode: 'setup',
  customer: session.customer,
  status: session.status,
  setup_intent: session.setupIntent,
  url: session.status === 'open' ? url : null,
  metadata: session.metadata,
  livemode: false,
  created: session.created,
  expires_at: session.created + CHECKOUT_SECONDS,
});

export const setupIntentObject = (session: Session) => ({
  id: session.setupIntent,
  object: 'setup_intent',
  customer: session.customer,
  payment_method: session.paymentMethod ?? null,
  status: session.status === 'complete' ? 'succeeded' : 'requires_payment_method',
  metadata: session.metadata,
});
