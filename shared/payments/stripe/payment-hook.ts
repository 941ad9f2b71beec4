import type Stripe from 'stripe';
import type {
  ChargeOutcome,
  ChargeReference,
  ChargeRequest,
  Declined,
  LookupOutcome,
  NotAttempted,
  Paid,
  PaymentHook,
  Pending,
  RefundOutcome,
  RefundRequest,
  Unknown,
} from '../payment-hook.ts';
import { stripeAmount } from './amounts.ts';
import { createStripeClient, type StripeClient } from './client.ts';
import { declined } from './declines.ts';
import { failureOf, silenceOf } from './errors.ts';
import {
  CHARGE_ID,
  isForTheClient,
  isStripeId,
  LEDGER_TABLE,
  RECHARGE_KEY,
  REFUND_ID,
  type Said,
  saidOf,
  unusable,
} from './intents.ts';
import { faultOfKey } from './key.ts';

/** A payment that only the client can bring on, and what identifies it. */
export interface PaymentToConfirm {
  rechargeKey: string;
  chargeId: string;
  paymentIntent: string;
}

export interface StripePaymentHookOptions {
  /**
   * A restricted key, `rk_test_…` or `rk_live_…`. Asked before every call, and free to throw where it cannot be read:
   * nothing was sent then.
   */
  secret: () => Promise<string>;
  /** Whether real money may be taken: a test key in production is refused, and a live key anywhere else. */
  live: boolean;
  /** For one request. The package's own default is 80 s; what a charge takes is below 10. */
  timeoutMs: number;
  /** Default: Stripe's own. */
  apiUrl?: string;
  /** Of the ledger. Each payment bears its name, so that its own relay can be told from others at this account. */
  table: string;
  /** Makes the page on which a client confirms a payment. */
  pageFor(payment: PaymentToConfirm): Promise<string>;
  /** Appended to the statement's descriptor of card payments, 22 characters with it. */
  descriptorSuffix?: string;
  /** Whether Stripe mails the client a receipt. */
  receipts: boolean;
  /** Unix time in milliseconds. */
  now: () => number;
}

/**
 * Charges saved cards and bank accounts with PaymentIntents, while the client is not there. Our charge id is the
 * idempotency key and stands in the metadata. Stripe forgets a key after 24 h, and we stop using it before.
 *
 * A payment is found again by its id, else among the customer's latest PaymentIntents, whose list is up to date. Stripe's
 * search is not: it lags by a minute, and in an outage by an hour.
 */
export function createStripePaymentHook(options: StripePaymentHookOptions): PaymentHook {
  const { now } = options;
  let known: { key: string; client: StripeClient } | undefined;

  /** @throws what reading the key throws. */
  async function clientOf(): Promise<StripeClient | { fault: string }> {
    const key = (await options.secret()).trim();
    const fault = faultOfKey(key, options.live);
    if (fault !== undefined) return { fault: `the secret stripeKey ${fault}` };
    if (known?.key !== key) known = { key, client: await createStripeClient(key, options) };
    return known.client;
  }

  /** @returns what Stripe says of the payment now; undefined where it knows none. */
  async function find(
    client: StripeClient,
    reference: ChargeReference,
  ): Promise<Stripe.PaymentIntent | undefined> {
    const { paymentRef, customer, chargeId, startedAt = 0 } = reference;
    if (paymentRef !== undefined) return client.stripe.paymentIntents.retrieve(paymentRef, WITH_CHARGE);
    if (customer === undefined) throw new UnknownCustomerError();
    const found: Stripe.PaymentIntent[] = [];
    const list = client.stripe.paymentIntents.list({
      customer,
      created: { gte: Math.floor((startedAt - CLOCKS_APART_MS) / 1_000) },
      limit: 100,
      expand: WITH_CHARGE.expand.map((field) => `data.${field}`),
    });
    for await (const intent of list) if (intent.metadata[CHARGE_ID] === chargeId) found.push(intent);
    const [first, ...others] = found;
    if (others.length > 0) {
      throw new SeveralPaymentsError(found.map(({ id }) => id));
    }
    return first;
  }

  async function outcomeOf(
    said: Said,
    intent: Stripe.PaymentIntent,
    reference: ChargeReference,
  ): Promise<Paid | Declined | Pending | Unknown> {
    if (said.kind === 'processing') return { kind: 'pending', paymentRef: intent.id };
    if (said.kind !== 'act') return said;
    const { chargeId } = reference;
    const payment = { rechargeKey: intent.metadata[RECHARGE_KEY] ?? '', chargeId, paymentIntent: intent.id };
    const actionUrl = reference.actionUrl ?? (await options.pageFor(payment));
    return { kind: 'pending', paymentRef: intent.id, actionUrl };
  }

  async function lookUp(client: StripeClient, reference: ChargeReference): Promise<LookupOutcome> {
    try {
      const intent = await find(client, reference);
      if (!intent) return { kind: 'not_found' };
      const said = await outcomeOf(saidOf(intent, reference.money), intent, reference);
      return said.kind === 'paid' ? ((await refunded(client, intent)) ?? said) : said;
    } catch (error) {
      return askedInVain(client, error, now());
    }
  }

  async function charge(
    client: StripeClient,
    request: ChargeRequest,
    params: Stripe.PaymentIntentCreateParams,
  ): Promise<ChargeOutcome> {
    const reference = referenceOf(request);
    try {
      const intent = await client.stripe.paymentIntents.create(params, { idempotencyKey: request.chargeId });
      return await outcomeOf(saidOf(intent, request.money), intent, reference);
    } catch (error) {
      const of = client.errorOf(error);
      if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };
      if (of.statusCode === 402) {
        return of.payment_intent && isForTheClient(of)
          ? await outcomeOf({ kind: 'act' }, of.payment_intent, reference)
          : declined(of);
      }
      const failure = failureOf(of, now());
      if (failure.kind === 'invalid') return refusedBeforehand(client, failure, reference);
      const isGone =
        failure.kind === 'not_attempted' &&
        of.statusCode === 400 &&
        (await isDetached(client, request.account));
      return isGone
        ? refusedBeforehand(client, { code: 'payment_method_detached', detail: failure.detail }, reference)
        : failure;
    }
  }

  /**
   * Stripe would not execute it, and will not execute it later. But an earlier call of this very charge may have been
   * executed, before the card was removed: only where no payment is listed it is a decline.
   */
  async function refusedBeforehand(
    client: StripeClient,
    { code, detail }: { code: string; detail: string },
    reference: ChargeReference,
  ): Promise<ChargeOutcome> {
    const found = await lookUp(client, reference);
    if (found.kind === 'not_found') {
      const word = code.startsWith('amount_') ? 'amount_not_possible' : 'payment_method_gone';
      return { kind: 'declined', reason: word, retryable: false };
    }
    return found.kind === 'refunded' ? { kind: 'unknown', detail } : found;
  }

  return {
    async prepareCharge(request) {
      const params = paramsOf(request, options);
      if ('kind' in params) return { send: () => Promise.resolve(params) };
      const client = await clientOf();
      if ('fault' in client) return { send: () => Promise.resolve(misconfigured(client.fault)) };
      return { send: () => charge(client, request, params) };
    },

    async lookup(reference) {
      const client = await clientOf();
      return 'fault' in client ? unusable(client.fault) : lookUp(client, reference);
    },

    async cancel(reference) {
      const client = await clientOf();
      if ('fault' in client) return unusable(client.fault);
      try {
        const intent = await find(client, reference);
        if (intent && saidOf(intent, undefined).kind === 'act')
          await client.stripe.paymentIntents.cancel(intent.id, { cancellation_reason: 'abandoned' });
      } catch (error) {
        // It may have been confirmed in this very moment: what it is now, the lookup says.
        if (!client.errorOf(error)) return askedInVain(client, error, now());
      }
      return lookUp(client, reference);
    },

    async confirm(request) {
      const client = await clientOf();
      if ('fault' in client) return misconfigured(client.fault);
      // Loaded for those few payments alone that a client has to confirm.
      const { confirmIntent } = await import('./confirm.ts');
      return confirmIntent(client, request, now);
    },

    async refund(request) {
      const client = await clientOf();
      return 'fault' in client ? misconfigured(client.fault) : giveBack(client, request, now());
    },
  };
}

/**
 * Whether the means of payment is not the customer's any more. To charge one that was detached, Stripe answers 400 with a
 * sentence and without a code, as to a request that is set up wrongly. So the means itself is asked.
 */
async function isDetached(
  { stripe, errorOf }: StripeClient,
  { customer, paymentMethod = '' }: ChargeRequest['account'],
): Promise<boolean> {
  try {
    const { customer: owner } = await stripe.paymentMethods.retrieve(paymentMethod);
    return (typeof owner === 'string' ? owner : owner?.id) !== customer;
  } catch (error) {
    return errorOf(error)?.code === 'resource_missing';
  }
}

/** Stripe's clock and ours. */
const CLOCKS_APART_MS = 10 * 60_000;

const WITH_CHARGE = { expand: ['latest_charge'] };

/** One key makes one payment: a person has to see how there came to be several. */
class SeveralPaymentsError extends Error {
  constructor(ids: string[]) {
    super(`several payments have this charge id: ${ids.join(', ')}`);
    this.name = 'SeveralPaymentsError';
  }
}

/** Nobody says whose payments to look through: that proves nothing about any of them. */
class UnknownCustomerError extends Error {
  constructor() {
    super('the customer is not known');
    this.name = 'UnknownCustomerError';
  }
}

function askedInVain({ errorOf }: StripeClient, error: unknown, now: number): Unknown {
  if (error instanceof SeveralPaymentsError) return unusable(error.message);
  const of = errorOf(error);
  return of ? silenceOf(of, now) : { kind: 'unknown', detail: String(error).slice(0, 150) };
}

const misconfigured = (detail: string): NotAttempted => ({
  kind: 'not_attempted',
  detail,
  misconfigured: true,
});

const referenceOf = ({
  chargeId,
  money,
  account: { customer },
  startedAt,
}: ChargeRequest): ChargeReference => ({
  chargeId,
  money,
  startedAt,
  ...(customer === undefined ? {} : { customer }),
});

/**
 * Where the client's browser would be sent after a bank's page. Off-session there is no browser, and a bank that wants one
 * is an error (402). But Stripe refuses to confirm without such an address where the account's dashboard allows any means
 * of payment with a page of its own, whatever is charged. One address for all: a repeated charge is the same to the letter.
 * Sources: docs.stripe.com/payments/save-and-reuse, "Charge the saved payment method later";
 * github.com/woocommerce/woocommerce-gateway-stripe/issues/2982.
 */
const NOBODY_RETURNS_TO = 'https://example.com/';

/** The request, which the row and its reservation fix to the letter; or why there is none, whenever it is asked. */
function paramsOf(
  { chargeId, rechargeKey, account, credits, money, description }: ChargeRequest,
  { table, descriptorSuffix, receipts }: StripePaymentHookOptions,
): Stripe.PaymentIntentCreateParams | Declined {
  const { customer, paymentMethod, email } = account;
  if (customer === undefined || paymentMethod === undefined) {
    return { kind: 'declined', reason: 'no_payment_method', retryable: false };
  }
  const amount = stripeAmount(money);
  if (amount === undefined) return { kind: 'declined', reason: 'amount_not_possible', retryable: false };
  return {
    amount,
    currency: money.currency.toLowerCase(),
    customer,
    payment_method: paymentMethod,
    off_session: true,
    confirm: true,
    return_url: NOBODY_RETURNS_TO,
    description,
    metadata: {
      [CHARGE_ID]: chargeId,
      [RECHARGE_KEY]: rechargeKey,
      [LEDGER_TABLE]: table,
      relay_credits: String(credits),
    },
    ...(receipts ? { receipt_email: email } : {}),
    ...(descriptorSuffix === undefined ? {} : { statement_descriptor_suffix: descriptorSuffix }),
  };
}

/** Whether all of a payment was given back, for certain: a refund that is pending may still fail. */
async function refunded(
  { stripe }: StripeClient,
  { id, amount, latest_charge: charge }: Stripe.PaymentIntent,
): Promise<LookupOutcome | undefined> {
  if (typeof charge === 'string' || charge === null || charge.amount_refunded === 0) return undefined;
  const done: Stripe.Refund[] = [];
  for await (const refund of stripe.refunds.list({ payment_intent: id, limit: 100 })) {
    if (refund.status === 'succeeded') done.push(refund);
  }
  const back = done.reduce((sum, refund) => sum + refund.amount, 0);
  const refundRef = done[0]?.id;
  return back < amount ? undefined : { kind: 'refunded', ...(isStripeId(refundRef) ? { refundRef } : {}) };
}

/** Source: docs.stripe.com/refunds. Stripe gives no more back than was paid, so a forgotten key gives nothing twice. */
async function giveBack(client: StripeClient, request: RefundRequest, now: number): Promise<RefundOutcome> {
  const { paymentRef, refundId, rechargeKey } = request;
  const amount = stripeAmount(request.money);
  if (paymentRef === undefined || amount === undefined)
    return misconfigured('the payment to give back is not known');
  try {
    const refund = await client.stripe.refunds.create(
      {
        payment_intent: paymentRef,
        amount,
        metadata: { [REFUND_ID]: refundId, [RECHARGE_KEY]: rechargeKey },
      },
      { idempotencyKey: refundId },
    );
    return outcomeOfRefund(refund);
  } catch (error) {
    const of = client.errorOf(error);
    if (!of) return { kind: 'unknown', detail: String(error).slice(0, 150) };
    if (of.code === 'charge_already_refunded') return { kind: 'refunded' };
    const failure = failureOf(of, now);
    if (of.code !== undefined && CANNOT_BE_REFUNDED.includes(of.code))
      return { kind: 'refused', reason: of.code };
    if (of.statusCode === 400 && (await isPartlyRefunded(client, paymentRef)))
      return { kind: 'refused', reason: 'partly_refunded' };
    return failure.kind === 'invalid' ? misconfigured(failure.detail) : failure;
  }
}

/**
 * Whether somebody has given a part back. To give back more than what is left, Stripe answers 400 with a sentence and
 * without a code, as to a request that is set up wrongly. What is still owed, a person decides.
 */
async function isPartlyRefunded({ stripe, errorOf }: StripeClient, paymentRef: string): Promise<boolean> {
  try {
    const { latest_charge: charge } = await stripe.paymentIntents.retrieve(paymentRef, WITH_CHARGE);
    return typeof charge === 'object' && charge !== null && charge.amount_refunded > 0;
  } catch (error) {
    if (errorOf(error)) return false;
    throw error;
  }
}

/** Source: docs.stripe.com/error-codes. */
const CANNOT_BE_REFUNDED: readonly string[] = [
  'charge_disputed',
  'charge_not_refundable',
  'refund_disputed_payment',
  'insufficient_funds',
  'balance_insufficient',
];

function outcomeOfRefund({ id, status, failure_reason: reason }: Stripe.Refund): RefundOutcome {
  switch (status) {
    case 'succeeded':
      return { kind: 'refunded', ...(isStripeId(id) ? { refundRef: id } : {}) };
    case 'pending':
    case 'requires_action':
      return { kind: 'pending' };
    case 'failed':
    case 'canceled':
      return { kind: 'refused', reason: reason ?? status };
    default:
      return { kind: 'unknown', detail: `${id} has the status ${status ?? 'none'}`.slice(0, 150) };
  }
}
