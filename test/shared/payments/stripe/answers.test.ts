import { beforeEach, describe, expect, it } from 'vitest';
import type { ChargeReference, ChargeRequest } from '../../../../shared/payments/payment-hook.ts';
import { createStripePaymentHook } from '../../../../shared/payments/stripe/payment-hook.ts';
import { AnsweringPlatform } from '../../platform/answering.ts';

/** Stripe's own client against an API that answers as each test says: what an answer means, whoever sends it. */
const stripe = new AnsweringPlatform();
const KEY = 'rk_test_51MzFakeFakeFakeFake';
const NOW = Date.UTC(2026, 0, 5, 12);
let key: string;
let pages: unknown[];

beforeEach(() => {
  key = KEY;
  pages = [];
});

type Answer = [status: number, body: object];

const says = (...answers: Answer[]) => {
  stripe.answer = (response) => {
    const [status, body] = answers.shift() ?? [
      500,
      { error: { type: 'api_error', message: 'asked too often' } },
    ];
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };
};
const fault = (status: number, error: object = {}): Answer => [
  status,
  { error: { type: 'invalid_request_error', message: 'No.', ...error } },
];
const listing = (...data: object[]): Answer => [200, { object: 'list', has_more: false, data }];
const intent = (given: object = {}) => ({
  id: 'pi_1',
  object: 'payment_intent',
  status: 'succeeded',
  amount: 5_000,
  currency: 'usd',
  metadata: { relay_charge_id: 'rr_1_1', relay_recharge_key: 'key-1' },
  last_payment_error: null,
  latest_charge: { id: 'ch_1', amount_refunded: 0 },
  ...given,
});
const answered = (given: object = {}): Answer => [200, intent(given)];
const ACTS = { status: 'requires_action' };

/** Each request: its method and path, and its parameters. */
const asked = () =>
  stripe.seen.map(({ method, url, body }) => {
    const [path = '', query = ''] = url.split('?');
    return [`${method} ${path}`, Object.fromEntries(new URLSearchParams(body || query))];
  });
const paths = () => asked().map(([path]) => path);

const hookOf = (options: Partial<Parameters<typeof createStripePaymentHook>[0]> = {}) =>
  createStripePaymentHook({
    secret: async () => key,
    live: false,
    timeoutMs: 1_000,
    apiUrl: stripe.baseUrl,
    pageFor: async (payment) => {
      pages.push(payment);
      return 'https://relay.example.com/pay/1';
    },
    receipts: false,
    table: 'the-table',
    now: () => NOW,
    ...options,
  });

const request: ChargeRequest = {
  chargeId: 'rr_1_1',
  rechargeKey: 'key-1',
  account: { email: 'jane@example.com', customer: 'cus_1', paymentMethod: 'pm_1' },
  credits: 500,
  money: { amount: 5_000, currency: 'USD' },
  description: 'Auto-recharge of 500 credits',
  startedAt: NOW,
};
const reference: ChargeReference = {
  chargeId: 'rr_1_1',
  money: request.money,
  startedAt: NOW,
  customer: 'cus_1',
};
const byId = { ...reference, paymentRef: 'pi_1' };

const charge = async (given: Partial<ChargeRequest> = {}, hook = hookOf()) =>
  (await hook.prepareCharge({ ...request, ...given })).send();

const CREATE = 'POST /v1/payment_intents';
const LIST = 'GET /v1/payment_intents';
const GET = 'GET /v1/payment_intents/pi_1';
const CANCEL = 'POST /v1/payment_intents/pi_1/cancel';
const PAID = { kind: 'paid', paymentRef: 'pi_1' };
const declinedFor = (reason: string) => ({ kind: 'declined', reason, retryable: false });
const misconfigured = (detail: string) => ({ kind: 'not_attempted', detail, misconfigured: true });
const unusable = (detail: unknown) => ({ kind: 'unknown', detail, misconfigured: true });

describe('a charge', () => {
  const PARAMS = {
    amount: '5000',
    currency: 'usd',
    customer: 'cus_1',
    payment_method: 'pm_1',
    off_session: 'true',
    confirm: 'true',
    return_url: 'https://example.com/',
    description: 'Auto-recharge of 500 credits',
    'metadata[relay_charge_id]': 'rr_1_1',
    'metadata[relay_recharge_key]': 'key-1',
    'metadata[relay_table]': 'the-table',
    'metadata[relay_credits]': '500',
  };

  it('is one request, the same to the letter each time, under the charge’s own key', async () => {
    says(answered(), answered());
    expect(await charge()).toEqual(PAID);
    expect(await charge()).toEqual(PAID);
    expect(asked()).toEqual([
      [CREATE, PARAMS],
      [CREATE, PARAMS],
    ]);
    expect(stripe.seen[0]?.headers).toMatchObject({
      'idempotency-key': 'rr_1_1',
      authorization: `Bearer ${KEY}`,
    });
  });

  it('has the address for a receipt, and the words for the statement, where the agency wants them', async () => {
    says(answered());
    await charge({}, hookOf({ receipts: true, descriptorSuffix: 'CREDITS' }));
    expect(asked()).toEqual([
      [CREATE, { ...PARAMS, receipt_email: 'jane@example.com', statement_descriptor_suffix: 'CREDITS' }],
    ]);
  });

  it.each<[string, Partial<ChargeRequest>, string]>([
    [
      'of a client who has no customer',
      { account: { email: 'x', paymentMethod: 'pm_1' } },
      'no_payment_method',
    ],
    [
      'of a client who has saved nothing',
      { account: { email: 'x', customer: 'cus_1' } },
      'no_payment_method',
    ],
    [
      'of an amount that Stripe cannot write',
      { money: { amount: 1_234, currency: 'KWD' } },
      'amount_not_possible',
    ],
  ])('%s is declined without a question', async (_, given, reason) => {
    expect(await charge(given)).toEqual(declinedFor(reason));
    expect(stripe.seen).toEqual([]);
  });

  it('that is being processed waits, and nobody has to act', async () => {
    says(answered({ status: 'processing' }));
    expect(await charge()).toEqual({ kind: 'pending', paymentRef: 'pi_1' });
    expect(pages).toEqual([]);
  });

  const AUTHENTICATION = { code: 'authentication_required', type: 'card_error' };

  it.each<[string, Answer]>([
    ['as an answer', answered(ACTS)],
    ['as an error', fault(402, { ...AUTHENTICATION, payment_intent: intent() })],
    [
      'as a decline',
      fault(402, {
        type: 'card_error',
        code: 'card_declined',
        decline_code: 'authentication_required',
        payment_intent: intent(),
      }),
    ],
  ])('whose bank wants to see the client waits for them, with a page of ours: %s', async (_, answer) => {
    says(answer);
    expect(await charge()).toEqual({
      kind: 'pending',
      paymentRef: 'pi_1',
      actionUrl: 'https://relay.example.com/pay/1',
    });
    expect(pages).toEqual([{ rechargeKey: 'key-1', chargeId: 'rr_1_1', paymentIntent: 'pi_1' }]);
  });

  it.each<[string, object, object]>([
    [
      'of its payment',
      { code: 'card_declined', decline_code: 'insufficient_funds', payment_intent: intent() },
      { kind: 'declined', reason: 'insufficient_funds', retryable: true },
    ],
    ['without a code', { payment_intent: intent() }, declinedFor('card_refused')],
    [
      'without a payment',
      { code: 'card_declined', decline_code: 'expired_card' },
      declinedFor('expired_card'),
    ],
    [
      'that names no payment to confirm',
      { code: 'authentication_required' },
      declinedFor('authentication_failed'),
    ],
  ])('that the card refused is declined: %s', async (_, error, outcome) => {
    says(fault(402, { type: 'card_error', ...error }));
    expect(await charge()).toEqual(outcome);
  });

  it('whose page could not be made is not known', async () => {
    says(answered(ACTS));
    const pageFor = async () => {
      throw new Error('x'.repeat(200));
    };
    expect(await charge({}, hookOf({ pageFor }))).toEqual({
      kind: 'unknown',
      detail: `Error: ${'x'.repeat(143)}`,
    });
  });

  it.each<[string, Answer, object]>([
    ['fails', fault(500, { type: 'api_error' }), { kind: 'unknown', detail: 'status 500' }],
    ['refuses the key', fault(401), misconfigured('status 401')],
    [
      'knows its key of another charge',
      fault(400, { type: 'idempotency_error' }),
      { kind: 'unknown', detail: 'status 400 No.' },
    ],
    [
      'is busy',
      fault(429, { code: 'rate_limit' }),
      { kind: 'not_attempted', detail: 'status 429 rate_limit' },
    ],
  ])('while Stripe %s is one question', async (_, answer, outcome) => {
    says(answer);
    expect(await charge()).toEqual(outcome);
    expect(paths()).toEqual([CREATE]);
  });
});

describe('a charge that Stripe refuses beforehand', () => {
  const GONE = fault(400, { code: 'resource_missing' });

  it.each<[string, Answer, Answer, object]>([
    ['is declined where no payment is listed', GONE, listing(), declinedFor('payment_method_gone')],
    [
      'for its amount is declined for that',
      fault(400, { code: 'amount_too_small' }),
      listing(),
      declinedFor('amount_not_possible'),
    ],
    ['is paid where an earlier call of it was', GONE, listing(intent()), PAID],
    [
      'is not known where Stripe does not list payments',
      GONE,
      fault(500),
      { kind: 'unknown', detail: 'status 500' },
    ],
  ])('%s', async (_, refusal, list, outcome) => {
    says(refusal, list);
    expect(await charge()).toEqual(outcome);
    expect(paths()).toEqual([CREATE, LIST]);
  });

  it('is not known where an earlier call was paid and given back', async () => {
    const back = { latest_charge: { id: 'ch_1', amount_refunded: 5_000 } };
    says(GONE, listing(intent(back)), listing({ id: 're_1', status: 'succeeded', amount: 5_000 }));
    expect(await charge()).toEqual({ kind: 'unknown', detail: 'status 400 resource_missing No.' });
  });

  const METHOD = 'GET /v1/payment_methods/pm_1';

  it.each<[string, Answer]>([
    ['is nobody’s', [200, { id: 'pm_1', customer: null }]],
    ['is another customer’s', [200, { id: 'pm_1', customer: 'cus_2' }]],
    ['is another customer’s, in full', [200, { id: 'pm_1', customer: { id: 'cus_2' } }]],
    ['is not there any more', fault(404, { code: 'resource_missing' })],
  ])('without a code is declined where the means of payment %s', async (_, method) => {
    says(fault(400), method, listing());
    expect(await charge()).toEqual(declinedFor('payment_method_gone'));
    expect(paths()).toEqual([CREATE, METHOD, LIST]);
  });

  it.each<[string, Answer]>([
    ['is still the customer’s', [200, { id: 'pm_1', customer: 'cus_1' }]],
    ['is still the customer’s, in full', [200, { id: 'pm_1', customer: { id: 'cus_1' } }]],
    ['cannot be asked about', fault(500, { type: 'api_error' })],
  ])('without a code is the agency’s to mend where the means of payment %s', async (_, method) => {
    says(fault(400), method);
    expect(await charge()).toEqual(misconfigured('status 400 No.'));
    expect(paths()).toEqual([CREATE, METHOD]);
  });
});

describe('the key', () => {
  it('that cannot be used sends nothing, and is the agency’s to mend', async () => {
    key = 'pk_test_1';
    const detail = expect.stringMatching(/^the secret stripeKey is the publishable key/);
    const hook = hookOf();
    expect(await charge({}, hook)).toEqual({ ...misconfigured(''), detail });
    expect(await hook.lookup(reference)).toEqual(unusable(detail));
    expect(await hook.cancel(reference)).toEqual(unusable(detail));
    expect(await hook.refund({ ...byId, money: request.money, refundId: 'r', rechargeKey: 'key-1' })).toEqual(
      {
        ...misconfigured(''),
        detail,
      },
    );
    const wish = { ...byId, returnUrl: 'https://relay.example.com/', wish: 1, mayBegin: () => true };
    expect(await hook.confirm?.(wish)).toEqual({ ...misconfigured(''), detail });
    expect(stripe.seen).toEqual([]);
  });

  it('may be changed, and have blanks around it, while the relay runs', async () => {
    says(answered(), answered());
    const hook = hookOf();
    await hook.lookup(byId);
    key = ' rk_test_another00000\n';
    await hook.lookup(byId);
    expect(stripe.seen.map(({ headers }) => headers.authorization)).toEqual([
      `Bearer ${KEY}`,
      'Bearer rk_test_another00000',
    ]);
  });
});

describe('a lookup', () => {
  it('asks for the payment that is known, and for no other', async () => {
    says(answered());
    expect(await hookOf().lookup(byId)).toEqual(PAID);
    expect(asked()).toEqual([[GET, { 'expand[0]': 'latest_charge' }]]);
  });

  it('else looks through the customer’s payments since the attempt began', async () => {
    says(listing(intent({ id: 'pi_0', metadata: {} }), intent()), listing(intent()));
    expect(await hookOf().lookup(reference)).toEqual(PAID);
    const { startedAt: _, ...undated } = reference;
    await hookOf().lookup(undated);
    const list = { customer: 'cus_1', limit: '100', 'expand[0]': 'data.latest_charge' };
    expect(asked()).toEqual([
      [LIST, { ...list, 'created[gte]': String(Date.UTC(2026, 0, 5, 11, 50) / 1_000) }],
      [LIST, { ...list, 'created[gte]': '-600' }],
    ]);
  });

  it.each<[string, Answer, object]>([
    ['that finds none has found none', listing(intent({ metadata: {} })), { kind: 'not_found' }],
    [
      'that finds several is for a person',
      listing(intent(), intent({ id: 'pi_2' })),
      unusable('several payments have this charge id: pi_1, pi_2'),
    ],
    ['that fails says nothing', fault(500, { type: 'api_error' }), { kind: 'unknown', detail: 'status 500' }],
    [
      'of a customer whom Stripe does not know is the agency’s to mend',
      fault(404, { code: 'resource_missing' }),
      unusable('status 404 resource_missing No.'),
    ],
    [
      'of another amount is not believed',
      listing(intent({ amount: 4_000 })),
      unusable('pi_1 is about 4000 usd, and another amount was asked for'),
    ],
  ])('%s', async (_, answer, outcome) => {
    says(answer);
    expect(await hookOf().lookup(reference)).toEqual(outcome);
  });

  it('of a payment whose customer is not known proves nothing', async () => {
    const { customer: _, ...nobody } = reference;
    expect(await hookOf().lookup(nobody)).toEqual({
      kind: 'unknown',
      detail: 'UnknownCustomerError: the customer is not known',
    });
    expect(stripe.seen).toEqual([]);
  });

  it('for which no page could be made is told in 150 characters', async () => {
    says(answered(ACTS));
    const pageFor = async () => {
      throw new Error('x'.repeat(200));
    };
    expect(await hookOf({ pageFor }).lookup(byId)).toEqual({
      kind: 'unknown',
      detail: `Error: ${'x'.repeat(143)}`,
    });
  });

  it('leads the client to the page that they were sent to before', async () => {
    says(answered(ACTS), answered(ACTS), answered({ ...ACTS, metadata: {} }));
    const first = { ...byId, actionUrl: 'https://relay.example.com/pay/first' };
    expect(await hookOf().lookup(first)).toMatchObject({ actionUrl: first.actionUrl });
    expect(pages).toEqual([]);
    expect(await hookOf().lookup(byId)).toMatchObject({ actionUrl: 'https://relay.example.com/pay/1' });
    await hookOf().lookup(byId);
    expect(pages).toMatchObject([{ rechargeKey: 'key-1' }, { rechargeKey: '' }]);
  });
});

describe('a payment of which something was given back', () => {
  const charged = (latest_charge: unknown) => answered({ latest_charge });
  const back = (amount: number, given: object = {}) => ({
    id: 're_1',
    status: 'succeeded',
    amount,
    ...given,
  });
  const SOME = { id: 'ch_1', amount_refunded: 1 };
  const ALL = { kind: 'refunded', refundRef: 're_1' };

  it.each<[string, object[], object]>([
    ['all of it', [back(5_000)], ALL],
    ['all of it in parts', [back(4_999), back(1, { id: 're_2' })], ALL],
    ['all of it, by a refund without a usable id', [back(5_000, { id: ' ' })], { kind: 'refunded' }],
    ['a part', [back(4_999)], PAID],
    ['all of it, not yet for certain', [back(4_999), back(1, { status: 'pending' })], PAID],
    ['nothing in the end', [back(5_000, { status: 'failed' })], PAID],
  ])('%s', async (_, refunds, outcome) => {
    says(charged(SOME), listing(...refunds));
    expect(await hookOf().lookup(byId)).toEqual(outcome);
    expect(asked()[1]).toEqual(['GET /v1/refunds', { payment_intent: 'pi_1', limit: '100' }]);
  });

  it.each<[string, unknown]>([
    ['nothing was', { id: 'ch_1', amount_refunded: 0 }],
    ['the charge was not told', 'ch_1'],
    ['there is no charge', null],
  ])('is paid, and no refund is asked for, where %s', async (_, latest) => {
    says(charged(latest));
    expect(await hookOf().lookup(byId)).toEqual(PAID);
    expect(paths()).toEqual([GET]);
  });

  it('is not asked about where it was not paid', async () => {
    says(answered({ status: 'processing', latest_charge: SOME }));
    expect(await hookOf().lookup(byId)).toMatchObject({ kind: 'pending' });
    expect(paths()).toEqual([GET]);
  });
});

describe('a cancel', () => {
  const CANCELED = { status: 'canceled', cancellation_reason: 'abandoned' };

  it('withdraws what waits for the client, and says what it is then', async () => {
    says(answered(ACTS), answered(CANCELED), answered(CANCELED));
    expect(await hookOf().cancel(byId)).toEqual(declinedFor('not_confirmed'));
    expect(paths()).toEqual([GET, CANCEL, GET]);
    expect(asked()[1]).toEqual([CANCEL, { cancellation_reason: 'abandoned' }]);
  });

  it.each([
    ['that is paid', { status: 'succeeded' }, 'paid'],
    ['that is being processed', { status: 'processing' }, 'pending'],
  ])('leaves alone what %s', async (_, given, kind) => {
    says(answered(given), answered(given));
    expect(await hookOf().cancel(byId)).toMatchObject({ kind });
    expect(paths()).toEqual([GET, GET]);
  });

  it('of what there is not finds nothing', async () => {
    says(listing(), listing());
    expect(await hookOf().cancel(reference)).toEqual({ kind: 'not_found' });
  });

  it('that Stripe refuses, since it was confirmed a moment ago, has what it is now looked up', async () => {
    says(answered(ACTS), fault(400, { code: 'payment_intent_unexpected_state' }), answered());
    expect(await hookOf().cancel(byId)).toEqual(PAID);
  });

  it('of several payments is for a person, and nothing more is asked', async () => {
    says(listing(intent(ACTS), intent({ id: 'pi_2' })));
    expect(await hookOf().cancel(reference)).toEqual(
      unusable('several payments have this charge id: pi_1, pi_2'),
    );
    expect(paths()).toEqual([LIST]);
  });
});

describe('a refund', () => {
  const asks = { ...byId, money: request.money, refundId: 'rr_1_1_refund', rechargeKey: 'key-1' };
  const REFUND = 'POST /v1/refunds';
  const made = (given: object): Answer => [200, { id: 're_1', object: 'refund', ...given }];

  it('is one request under its own key', async () => {
    says(made({ status: 'succeeded' }));
    expect(await hookOf().refund(asks)).toEqual({ kind: 'refunded', refundRef: 're_1' });
    expect(asked()).toEqual([
      [
        REFUND,
        {
          payment_intent: 'pi_1',
          amount: '5000',
          'metadata[relay_refund_id]': 'rr_1_1_refund',
          'metadata[relay_recharge_key]': 'key-1',
        },
      ],
    ]);
    expect(stripe.seen[0]?.headers).toMatchObject({ 'idempotency-key': 'rr_1_1_refund' });
  });

  it.each<[string, object, object]>([
    ['succeeded, without a usable id', { status: 'succeeded', id: ' ' }, { kind: 'refunded' }],
    ['pending', { status: 'pending' }, { kind: 'pending' }],
    ['waiting for the client', { status: 'requires_action' }, { kind: 'pending' }],
    [
      'failed',
      { status: 'failed', failure_reason: 'expired_or_canceled_card' },
      { kind: 'refused', reason: 'expired_or_canceled_card' },
    ],
    ['failed for no reason', { status: 'failed' }, { kind: 'refused', reason: 'failed' }],
    ['cancelled', { status: 'canceled' }, { kind: 'refused', reason: 'canceled' }],
    [
      'something new',
      { status: `new ${'x'.repeat(200)}` },
      { kind: 'unknown', detail: `re_1 has the status new ${'x'.repeat(126)}` },
    ],
    ['nothing', { status: null }, { kind: 'unknown', detail: 're_1 has the status none' }],
  ])('that is %s', async (_, given, outcome) => {
    says(made(given));
    expect(await hookOf().refund(asks)).toEqual(outcome);
  });

  it('of a payment that nobody knows, or that Stripe cannot write, is not attempted', async () => {
    const { paymentRef: _, ...nothing } = asks;
    const unwritten = { ...asks, money: { amount: 1_234, currency: 'KWD' } };
    for (const refund of [nothing, unwritten]) {
      expect(await hookOf().refund(refund)).toEqual(misconfigured('the payment to give back is not known'));
    }
    expect(stripe.seen).toEqual([]);
  });

  it.each<[string, object]>([
    ['charge_already_refunded', { kind: 'refunded' }],
    ...[
      'charge_disputed',
      'charge_not_refundable',
      'refund_disputed_payment',
      'insufficient_funds',
      'balance_insufficient',
    ].map((code): [string, object] => [code, { kind: 'refused', reason: code }]),
  ])('that Stripe refuses with the code %s', async (code, outcome) => {
    says(fault(400, { code }));
    expect(await hookOf().refund(asks)).toEqual(outcome);
    expect(paths()).toEqual([REFUND]);
  });

  it('of more than what is left is refused, for a person', async () => {
    says(fault(400), answered({ latest_charge: { id: 'ch_1', amount_refunded: 1 } }));
    expect(await hookOf().refund(asks)).toEqual({ kind: 'refused', reason: 'partly_refunded' });
    expect(asked()[1]).toEqual([GET, { 'expand[0]': 'latest_charge' }]);
  });

  it.each<[string, Answer]>([
    ['nothing was given back', answered()],
    ['the charge is not told', answered({ latest_charge: 'ch_1' })],
    ['there is no charge', answered({ latest_charge: null })],
    ['Stripe does not say', fault(500, { type: 'api_error' })],
  ])('that Stripe refuses without a code is the agency’s to mend where %s', async (_, payment) => {
    says(fault(400), payment);
    expect(await hookOf().refund(asks)).toEqual(misconfigured('status 400 No.'));
  });

  it.each<[string, Answer, object]>([
    [
      'does not know the payment',
      fault(404, { code: 'resource_missing' }),
      misconfigured('status 404 resource_missing No.'),
    ],
    ['fails', fault(500, { type: 'api_error' }), { kind: 'unknown', detail: 'status 500' }],
    ['is busy', fault(429), { kind: 'not_attempted', detail: 'status 429' }],
    ['refuses the key', fault(401), misconfigured('status 401')],
  ])('while Stripe %s', async (_, answer, outcome) => {
    says(answer);
    expect(await hookOf().refund(asks)).toEqual(outcome);
    expect(paths()).toEqual([REFUND]);
  });
});

it('a client who comes to a payment that is decided has nothing to confirm', async () => {
  says(answered());
  const wish = { ...byId, returnUrl: 'https://relay.example.com/', wish: 1, mayBegin: () => true };
  expect(await hookOf().confirm?.(wish)).toEqual({ kind: 'decided' });
});
