import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxStripe, type SandboxStripe } from '../../../local/sandbox/stripe/sandbox.ts';
import type { ChargeRequest, ConfirmRequest } from '../../../shared/payments/payment-hook.ts';
import { STRIPE_API_VERSION } from '../../../shared/payments/stripe/api.ts';
import { createStripeClient, type StripeClient } from '../../../shared/payments/stripe/client.ts';
import { confirmIntent } from '../../../shared/payments/stripe/confirm.ts';
import { createStripePaymentHook } from '../../../shared/payments/stripe/payment-hook.ts';

const KEY = 'rk_test_51MzFakeFakeFakeFake';
const EMAIL = 'jane@example.com';
const HOUR = 3_600_000;

let stripe: SandboxStripe;
let now: number;
let key: string;

beforeEach(async () => {
  now = Date.now();
  key = KEY;
  stripe = await createSandboxStripe({ apiKey: KEY, apiVersion: STRIPE_API_VERSION, now: () => now });
});
afterEach(() => stripe.close());

const hookOf = (options: Partial<Parameters<typeof createStripePaymentHook>[0]> = {}) =>
  createStripePaymentHook({
    secret: async () => key,
    live: false,
    timeoutMs: 1_000,
    apiUrl: stripe.url,
    pageFor: async ({ chargeId }) => `https://relay.example.com/pay/of-${chargeId}`,
    receipts: true,
    table: 'the-table',
    now: () => now,
    ...options,
  });

function chargeOf(number?: string, given: Partial<ChargeRequest> = {}): ChargeRequest {
  const { customer, paymentMethod } = stripe.saveMeans(EMAIL, number);
  return {
    chargeId: 'rr_1_1',
    rechargeKey: 'key-1',
    account: { email: EMAIL, customer, paymentMethod: paymentMethod.id },
    credits: 500,
    money: { amount: 5_000, currency: 'USD' },
    description: 'Auto-recharge of 500 credits',
    startedAt: now,
    ...given,
  };
}

const charge = async (request: ChargeRequest, hook = hookOf()) => (await hook.prepareCharge(request)).send();
const referenceOf = ({ chargeId, money, startedAt, account: { customer = '' } }: ChargeRequest) => ({
  chargeId,
  money,
  startedAt,
  customer,
});
const kinds = () => stripe.books.map(({ kind }) => kind);
const pageOf = (chargeId: string) => `https://relay.example.com/pay/of-${chargeId}`;
const intentId = () => [...stripe.state.intents.keys()].at(-1) ?? '';

describe('a charge', () => {
  it('is paid, once for its id, with what the client and the agency look for', async () => {
    const request = chargeOf();
    const paid = { kind: 'paid', paymentRef: expect.stringMatching(/^pi_/) };
    expect(await charge(request)).toEqual(paid);
    expect(await charge(request)).toEqual(paid);
    expect(kinds()).toEqual(['capture']);
    expect([...stripe.state.intents.values()]).toMatchObject([
      {
        amount: 5_000,
        currency: 'usd',
        receiptEmail: EMAIL,
        description: 'Auto-recharge of 500 credits',
        metadata: {
          relay_charge_id: 'rr_1_1',
          relay_recharge_key: 'key-1',
          relay_table: 'the-table',
          relay_credits: '500',
        },
      },
    ]);
  });

  it('puts its bytes on the wire before anything else in the process goes on', async () => {
    const prepared = await hookOf().prepareCharge(chargeOf());
    const order: string[] = [];
    const answered = prepared.send().then(() => order.push('answered'));
    await new Promise((resolve) => setImmediate(resolve));
    order.push('another turn');
    await answered;
    expect(order).toEqual(['another turn', 'answered']);
    expect(kinds()).toEqual(['capture']);
  });

  it.each<[string, string, string, boolean]>([
    ['generic_decline', '4000000000000341', 'card_refused', true],
    ['insufficient_funds', '4000000000009995', 'insufficient_funds', true],
    ['lost_card', '4000000000009987', 'card_refused', false],
    ['expired_card', '4000000000000069', 'expired_card', false],
    ['processing_error', '4000000000000119', 'bank_unavailable', true],
  ])(
    'that is declined (%s) says why in our words, and whether it may pass',
    async (_code, number, reason, retryable) => {
      const request = chargeOf(number);
      const declined = { kind: 'declined', reason, retryable };
      expect(await charge(request)).toEqual(declined);
      expect(await charge(request)).toEqual(declined);
      expect(await hookOf().lookup(referenceOf(request))).toEqual(declined);
      expect(kinds()).toEqual(['decline']);
    },
  );

  it.each([
    { network_advice_code: '03' },
    { network_advice_code: '21' },
    { network_decline_code: '43' },
    { network_decline_code: 'R1' },
    { advice_code: 'do_not_try_again' },
    { advice_code: 'confirm_card_data' },
  ])('is not tried again where network or advice say %o, whatever else is said', async (said) => {
    const request = chargeOf('4000000000009995');
    const method = [...stripe.state.paymentMethods.values()].at(-1);
    // Not that of every other client with this card.
    if (method) method.behaviour = Object.assign({}, method.behaviour, said);
    expect(await charge(request)).toMatchObject({ kind: 'declined', retryable: false });
  });

  it('waits for the client where the bank wants to see them, with our page, which the lookup names again', async () => {
    const request = chargeOf('4000002760003184');
    const pending = {
      kind: 'pending',
      paymentRef: expect.stringMatching(/^pi_/),
      actionUrl: pageOf('rr_1_1'),
    };
    expect(await charge(request)).toEqual(pending);
    expect(await hookOf().lookup(referenceOf(request))).toEqual(pending);
    const known = {
      ...referenceOf(request),
      paymentRef: intentId(),
      actionUrl: 'https://relay.example.com/pay/first',
    };
    expect(await hookOf().lookup(known)).toEqual({ ...pending, actionUrl: known.actionUrl });
    expect(kinds()).toEqual(['pending']);
  });

  it('of a bank account is pending until the bank has decided, and nobody has to act', async () => {
    const request = chargeOf('DE89370400440532013000', { money: { amount: 5_000, currency: 'EUR' } });
    const pending = { kind: 'pending', paymentRef: expect.stringMatching(/^pi_/) };
    expect(await charge(request)).toEqual(pending);
    expect(await hookOf().lookup(referenceOf(request))).toEqual(pending);
  });

  it.each(['customer', 'paymentMethod'] as const)(
    'without a %s is declined, and Stripe is not asked',
    async (missing) => {
      const request = chargeOf();
      const { [missing]: _, ...account } = request.account;
      expect(await charge({ ...request, account: { ...account, email: EMAIL } })).toEqual({
        kind: 'declined',
        reason: 'no_payment_method',
        retryable: false,
      });
      expect(stripe.state.keys.size).toBe(0);
    },
  );

  it.each(['deleted', 'detached'])(
    'of a card that was %s is declined, since no payment is listed',
    async (how) => {
      const request = chargeOf();
      if (how === 'deleted') stripe.state.paymentMethods.clear();
      else stripe.detach(request.account.paymentMethod ?? '');
      expect(await charge(request)).toEqual({
        kind: 'declined',
        reason: 'payment_method_gone',
        retryable: false,
      });
    },
  );

  it('of a card that was removed after it had been charged is paid: the answer was lost, not the payment', async () => {
    const request = chargeOf();
    stripe.fault({ operation: 'charge', fault: 'reset_after' });
    expect(await charge(request)).toMatchObject({ kind: 'unknown' });
    stripe.state.paymentMethods.clear();
    stripe.state.keys.clear();
    expect(await charge(request)).toMatchObject({ kind: 'paid' });
    expect(kinds()).toEqual(['capture']);
  });

  it.each([49, 100_000_000])('of %d cents is declined: Stripe takes 50 to 99,999,999', async (amount) => {
    const request = chargeOf(undefined, { money: { amount, currency: 'USD' } });
    expect(await charge(request)).toEqual({
      kind: 'declined',
      reason: 'amount_not_possible',
      retryable: false,
    });
    expect(kinds()).toEqual([]);
  });

  it.each<[string, object]>([
    ['in_progress', { kind: 'unknown', detail: expect.stringContaining('idempotency_key_in_use') }],
    ['rate_limited', { kind: 'not_attempted', retryAfterMs: 2_000, detail: 'status 429 rate_limit' }],
    ['lock_timeout', { kind: 'not_attempted', detail: 'status 429 lock_timeout' }],
    ['error_before', { kind: 'unknown', detail: 'status 500' }],
    ['error_after', { kind: 'unknown', detail: 'status 500' }],
    ['garbage', { kind: 'unknown', detail: expect.any(String) }],
    ['unauthorized', { kind: 'not_attempted', detail: 'status 401', misconfigured: true }],
    ['forbidden', { kind: 'not_attempted', detail: 'status 403', misconfigured: true }],
    [
      'bad_request',
      { kind: 'not_attempted', detail: expect.stringContaining('parameter_unknown'), misconfigured: true },
    ],
  ])('that meets "%s"', async (fault, outcome) => {
    stripe.fault({ operation: 'charge', fault });
    expect(await charge(chargeOf())).toEqual(outcome);
  });

  it.each(['hang_before', 'hang_after', 'reset_before', 'reset_after'])(
    'that gets no answer (%s) is unknown, and is asked once',
    async (fault) => {
      stripe.fault({ operation: 'charge', fault });
      const outcome = await charge(chargeOf(), hookOf({ timeoutMs: 300 }));
      expect(outcome).toEqual({ kind: 'unknown', detail: expect.stringMatching(/^no answer: /) });
      expect(kinds()).toEqual(fault.endsWith('after') ? ['capture'] : []);
    },
  );

  it('whose connection was refused was not attempted', async () => {
    const request = chargeOf();
    await stripe.close();
    expect(await charge(request)).toEqual({
      kind: 'not_attempted',
      detail: expect.stringMatching(/^not sent: /),
    });
  });

  it('under a key with other parameters is unknown, and the lookup says what became of the first', async () => {
    const request = chargeOf();
    await charge(request);
    const other = { ...request, description: 'another text' };
    expect(await charge(other)).toMatchObject({
      kind: 'unknown',
      detail: expect.stringContaining('same parameters'),
    });
    expect(await hookOf().lookup(referenceOf(request))).toMatchObject({ kind: 'paid' });
  });

  it('is a new payment once Stripe has forgotten its key: nobody here asks so late', async () => {
    const request = chargeOf();
    await charge(request);
    now += 25 * HOUR;
    await charge(request);
    expect(kinds()).toEqual(['capture', 'capture']);
    const { kind, detail } = Object(await hookOf().lookup(referenceOf(request)));
    expect([kind, detail]).toEqual([
      'unknown',
      expect.stringMatching(/several payments have this charge id: pi_.*, pi_/),
    ]);
  });
});

describe('the key', () => {
  it.each<[string, boolean, RegExp]>([
    ['', false, /the secret stripeKey is not set/],
    ['pk_test_12345678901', false, /is the publishable key/],
    ['rk_live_12345678901', false, /is a live key, which takes real money/],
    ['rk_test_12345678901', true, /is a test key, which takes no money in production/],
  ])('"%s" (production: %s) is refused before anything is sent', async (given, live, sentence) => {
    key = given;
    const hook = hookOf({ live });
    const request = chargeOf();
    const outcome = { detail: expect.stringMatching(sentence), misconfigured: true };
    expect(await charge(request, hook)).toEqual({ kind: 'not_attempted', ...outcome });
    expect(await hook.lookup(referenceOf(request))).toEqual({ kind: 'unknown', ...outcome });
    expect(await hook.cancel(referenceOf(request))).toEqual({ kind: 'unknown', ...outcome });
    expect(stripe.state.keys.size).toBe(0);
  });

  it('is used from the next call on where it was changed', async () => {
    key = 'rk_test_another00000';
    expect(await charge(chargeOf())).toMatchObject({ detail: 'status 401' });
    key = ` ${KEY}\n`;
    const hook = hookOf();
    expect(await charge(chargeOf(), hook)).toMatchObject({ kind: 'paid' });
  });
});

describe('a lookup', () => {
  it('finds a payment whose answer was lost among many of the customer', async () => {
    const request = chargeOf();
    stripe.fault({ operation: 'charge', fault: 'reset_after' });
    await charge(request);
    for (let n = 0; n < 120; n += 1) await charge({ ...request, chargeId: `rr_other_${n}` });
    expect(await hookOf().lookup(referenceOf(request))).toMatchObject({ kind: 'paid' });
    expect(await hookOf().lookup({ ...referenceOf(request), chargeId: 'rr_never_1' })).toEqual({
      kind: 'not_found',
    });
  });

  it('of a payment that another account of Stripe holds proves nothing', async () => {
    const request = chargeOf();
    const elsewhere = { ...referenceOf(request), paymentRef: 'pi_of_another_account' };
    expect(await hookOf().lookup(elsewhere)).toMatchObject({ kind: 'unknown', misconfigured: true });
    const { customer: _, ...nobody } = referenceOf(request);
    expect(await hookOf().lookup(nobody)).toEqual({
      kind: 'unknown',
      detail: 'UnknownCustomerError: the customer is not known',
    });
    expect(await hookOf().lookup({ ...nobody, customer: 'cus_gone' })).toMatchObject({
      kind: 'unknown',
      misconfigured: true,
    });
  });

  it('does not believe a payment of another amount', async () => {
    const request = chargeOf();
    await charge(request);
    const other = { ...referenceOf(request), money: { amount: 4_000, currency: 'USD' } };
    expect(await hookOf().lookup(other)).toMatchObject({ kind: 'unknown', misconfigured: true });
  });

  it.each(['error', 'hang', 'garbage', 'unauthorized', 'rate_limited'])(
    'that meets "%s" learns nothing',
    async (fault) => {
      const request = chargeOf();
      await charge(request);
      stripe.fault({ operation: 'lookup', fault });
      expect(await hookOf({ timeoutMs: 300 }).lookup(referenceOf(request))).toMatchObject({
        kind: 'unknown',
      });
    },
  );
});

describe('a payment that only the client can bring on', () => {
  it('is cancelled, and can then not be paid any more', async () => {
    const request = chargeOf('4000002760003184');
    await charge(request);
    expect(await hookOf().cancel(referenceOf(request))).toEqual({
      kind: 'declined',
      reason: 'not_confirmed',
      retryable: false,
    });
    expect(kinds()).toEqual(['pending', 'cancel']);
  });

  it('that was paid a moment before is paid, and not cancelled', async () => {
    const request = chargeOf();
    await charge(request);
    expect(await hookOf().cancel(referenceOf(request))).toMatchObject({ kind: 'paid' });
    expect(kinds()).toEqual(['capture']);
  });

  it('of a debit that is being processed is not cancelled', async () => {
    const request = chargeOf('DE89370400440532013000');
    await charge(request);
    expect(await hookOf().cancel(referenceOf(request))).toMatchObject({ kind: 'pending' });
  });
});

describe('a refund', () => {
  async function paidOf(request = chargeOf()) {
    const outcome = await charge(request);
    if (outcome.kind !== 'paid') throw new Error(outcome.kind);
    const { paymentRef } = outcome;
    return { ...referenceOf(request), paymentRef, refundId: 'rr_1_1_refund', rechargeKey: 'key-1' };
  }

  it('gives everything back, once, and the lookup says so', async () => {
    const request = await paidOf();
    const refunded = { kind: 'refunded', refundRef: expect.stringMatching(/^re_/) };
    expect(await hookOf().refund(request)).toEqual(refunded);
    expect(await hookOf().refund(request)).toEqual(refunded);
    expect(await hookOf().lookup(request)).toEqual(refunded);
    expect(kinds()).toEqual(['capture', 'refund']);
  });

  it('gives nothing back twice where Stripe has forgotten the key', async () => {
    const request = await paidOf();
    await hookOf().refund(request);
    now += 25 * HOUR;
    expect(await hookOf().refund(request)).toEqual({ kind: 'refunded' });
    expect(kinds()).toEqual(['capture', 'refund']);
  });

  it('of a payment of which somebody has given a part back is refused, and the set-up is not blamed', async () => {
    const request = await paidOf();
    stripe.refundByHand(request.paymentRef, 1);
    expect(await hookOf().refund(request)).toEqual({ kind: 'refused', reason: 'partly_refunded' });
  });

  it('that is pending is pending, and is no refund yet for the lookup', async () => {
    const request = await paidOf();
    stripe.fault({ operation: 'refund', fault: 'pending' });
    expect(await hookOf().refund(request)).toEqual({ kind: 'pending' });
    expect(await hookOf().lookup(request)).toMatchObject({ kind: 'paid' });
    const { charge_id } = stripe.books.at(-1) ?? { charge_id: '' };
    await fetch(`${stripe.url}/sandbox/charges/${charge_id}/settle`, {
      method: 'POST',
      body: '{"outcome":"refunded"}',
    });
    expect(await hookOf().lookup(request)).toMatchObject({ kind: 'refunded' });
  });

  it.each<[string, object]>([
    ['refuse', { kind: 'refused', reason: 'expired_or_canceled_card' }],
    ['error_before', { kind: 'unknown', detail: 'status 500' }],
    ['error_after', { kind: 'unknown', detail: 'status 500' }],
    ['rate_limited', { kind: 'not_attempted', retryAfterMs: 2_000, detail: 'status 429 rate_limit' }],
  ])('that meets "%s"', async (fault, outcome) => {
    const request = await paidOf();
    stripe.fault({ operation: 'refund', fault });
    expect(await hookOf().refund(request)).toEqual(outcome);
  });

  it('of half an amount that was given back in the dashboard leaves the payment paid', async () => {
    const request = await paidOf();
    const intent = stripe.state.intents.get(request.paymentRef);
    stripe.state.refunds.set('re_x', {
      id: 're_x',
      intent: intent?.id ?? '',
      amount: 2_500,
      status: 'succeeded',
      metadata: {},
      created: 0,
    });
    expect(await hookOf().lookup(request)).toMatchObject({ kind: 'paid' });
  });
});

describe('amounts', () => {
  it.each<[string, number, number | undefined]>([
    ['USD', 5_000, 5_000],
    ['JPY', 500, 500],
    ['ISK', 500, 50_000],
    ['UGX', 3_000, 300_000],
    ['KWD', 1_230, 1_230],
  ])('%s %d are sent as Stripe writes them', async (currency, amount, sent) => {
    expect(await charge(chargeOf(undefined, { money: { amount, currency } }))).toMatchObject({
      kind: 'paid',
    });
    expect([...stripe.state.intents.values()].at(-1)?.amount).toBe(sent);
  });

  it('that Stripe cannot write exactly are declined, never rounded', async () => {
    const request = chargeOf(undefined, { money: { amount: 1_234, currency: 'KWD' } });
    expect(await charge(request)).toEqual({
      kind: 'declined',
      reason: 'amount_not_possible',
      retryable: false,
    });
    expect(kinds()).toEqual([]);
  });
});

describe('a payment whose client is there', () => {
  const RETURN = 'https://relay.example.com/pay/token?at=back';
  const toConfirm = (request: ChargeRequest, more: Partial<ConfirmRequest> = {}): ConfirmRequest => ({
    ...referenceOf(request),
    paymentRef: intentId(),
    returnUrl: RETURN,
    wish: 1,
    mayBegin: () => true,
    ...more,
  });
  const confirm = (request: ConfirmRequest, hook = hookOf()) => hook.confirm?.(request);
  const REFUSED = { code: 'payment_intent_authentication_failure' };

  async function asked(number = '4000002760003184') {
    const request = chargeOf(number);
    await charge(request);
    const intent = stripe.state.intents.get(intentId());
    if (intent === undefined) throw new Error('There is no intent.');
    return { request, intent };
  }

  it('leads to the page of the bank, which leads back, and is the same payment', async () => {
    const { request, intent } = await asked();
    const outcome = await confirm(toConfirm(request));
    expect(outcome).toEqual({ kind: 'client_goes', url: `${stripe.url}/bank/${intent.id}` });
    expect(intent).toMatchObject({ status: 'requires_action', returnUrl: RETURN });
    expect(await confirm(toConfirm(request))).toEqual(outcome);
    expect(await confirm(toConfirm(request, { wish: 2 }))).toEqual(outcome);
    expect(stripe.state.intents.size).toBe(1);
    expect(kinds()).toEqual(['pending']);
  });

  it.each(['pays', 'decline', 'pending'])(
    'that is decided at once (%s) is to be looked up',
    async (fault) => {
      const { request } = await asked();
      stripe.fault({ operation: 'confirm', fault });
      expect(await confirm(toConfirm(request))).toEqual({ kind: 'decided' });
    },
  );

  it.each([
    ['paid', { status: 'succeeded' }],
    ['cancelled', { status: 'canceled' }],
    ['refused by the bank', { status: 'requires_payment_method', lastError: REFUSED }],
  ] as const)('and that was %s meanwhile is not brought back to life', async (_what, becomes) => {
    const { request, intent } = await asked();
    await confirm(toConfirm(request));
    const seen = { ...intent };
    for (const status of ['requires_payment_method', 'requires_action'] as const) {
      // What a late call has read is over by the time it is sent.
      const lastError = { code: 'authentication_required' };
      Object.assign(intent, { ...seen, status, lastError });
      stripe.fault({ operation: 'confirm', fault: 'pays' });
      await confirm(
        toConfirm(request, {
          wish: 3,
          mayBegin: () => {
            Object.assign(intent, becomes);
            return true;
          },
        }),
      );
      expect(intent).toMatchObject(becomes);
    }
    expect(kinds()).toEqual(['pending']);
  });

  it('leads to the page that stands, where Stripe does not confirm once more while the client is asked', async () => {
    const { request, intent } = await asked();
    const first = await confirm(toConfirm(request));
    const { stripe: real, errorOf } = await createStripeClient(KEY, { apiUrl: stripe.url, timeoutMs: 1_000 });
    const standing = await real.paymentIntents.retrieve(intent.id);
    const refusal = new Stripe.errors.StripeInvalidRequestError({
      type: 'invalid_request_error',
      code: 'payment_intent_unexpected_state',
      payment_intent: standing,
    });
    const refusing = { retrieve: async () => standing, confirm: () => Promise.reject(refusal) };
    const client = { stripe: { paymentIntents: refusing }, errorOf } as unknown as StripeClient;
    expect(await confirmIntent(client, toConfirm(request, { wish: 2 }), () => now)).toEqual(first);
  });

  it('and asks too late is not confirmed', async () => {
    const { request, intent } = await asked();
    expect(await confirm(toConfirm(request, { mayBegin: () => false }))).toMatchObject({
      kind: 'not_attempted',
    });
    expect(intent.status).toBe('requires_payment_method');
  });

  it.each<[string, string]>([
    ['forbidden', 'not_attempted'],
    ['rate_limited', 'not_attempted'],
    ['error_before', 'unknown'],
    ['hang_after', 'unknown'],
  ])('and that meets "%s" is %s', async (fault, kind) => {
    const { request } = await asked();
    stripe.fault({ operation: 'confirm', fault });
    expect(await confirm(toConfirm(request), hookOf({ timeoutMs: 300 }))).toMatchObject({ kind });
  });
});
