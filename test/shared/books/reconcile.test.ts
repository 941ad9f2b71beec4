import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxPayments, type SandboxPayments } from '../../../local/sandbox/payments.ts';
import { createSandboxStripe, type SandboxStripe } from '../../../local/sandbox/stripe/sandbox.ts';
import { readListedGrants } from '../../../shared/books/compared-grants.ts';
import { type ReconcileRequest, reconcile } from '../../../shared/books/reconcile.ts';
import { createEndpointBooks } from '../../../shared/payments/endpoint-books.ts';
import { createHttpPaymentHook } from '../../../shared/payments/http-payment-hook.ts';
import type { PaymentHook } from '../../../shared/payments/payment-hook.ts';
import { signingKey } from '../../../shared/payments/signed-request.ts';
import { STRIPE_API_VERSION } from '../../../shared/payments/stripe/api.ts';
import { createStripeClient, type StripeClient } from '../../../shared/payments/stripe/client.ts';
import { createStripePaymentHook } from '../../../shared/payments/stripe/payment-hook.ts';
import { createStripeBooks } from '../../../shared/payments/stripe/stripe-books.ts';
import { createDynamoRows } from '../../../shared/recharge/dynamo-rows.ts';
import { chargeIdOf, grantMarkOf, type Recharge } from '../../../shared/recharge/recharge.ts';
import { aRecharge, utc } from '../../support/builders.ts';
import { useLedger } from '../../support/store.ts';
import { makeNewer } from '../recharge/dynamo-ledger/items.ts';

const store = useLedger();

const STRIPE_KEY = 'rk_test_9d42OfATest';
const SECRET = `whsec_${Buffer.from('payment-secret-of-a-test').toString('base64')}`;
const EMAIL = 'demo@example.com';
const TENTH = utc('2026-10-10 10:00:00');
const NOW = utc('2026-11-20 12:00:00');
const party = { fingerprint: '~payments' };

/** The clock of Stripe. */
let clock = TENTH;
let sandbox: SandboxStripe;
let endpoint: SandboxPayments;
let client: StripeClient;
beforeAll(async () => {
  const now = () => clock;
  sandbox = await createSandboxStripe({ apiKey: STRIPE_KEY, apiVersion: STRIPE_API_VERSION, now });
  endpoint = await createSandboxPayments({ secret: SECRET });
  client = await createStripeClient(STRIPE_KEY, { apiUrl: sandbox.url, timeoutMs: 5_000 });
});
afterAll(() => Promise.all([sandbox.close(), endpoint.close()]));
beforeEach(() => {
  clock = TENTH;
  const { intents, refunds, disputes, keys } = sandbox.state;
  for (const rows of [intents, refunds, disputes, keys]) rows.clear();
});

const stripe = (table = 'ours'): PaymentHook =>
  createStripePaymentHook({
    secret: async () => STRIPE_KEY,
    live: false,
    timeoutMs: 5_000,
    apiUrl: sandbox.url,
    receipts: false,
    table,
    pageFor: async () => 'https://relay.example.com/pay/token',
    now: () => clock,
  });
const http = (): PaymentHook =>
  createHttpPaymentHook({ url: endpoint.url, secret: async () => SECRET, timeoutMs: 5_000, now: Date.now });

const mark = (key: string) => grantMarkOf(aRecharge({ key, grantNo: 1 }));

/** Takes 50.00 USD for a recharge, as the relay does. @returns the provider's reference. */
async function charge(hook: PaymentHook, key: string, at = TENTH): Promise<string> {
  clock = at;
  const { customer, paymentMethod } = sandbox.saveMeans(EMAIL);
  const call = await hook.prepareCharge({
    chargeId: chargeIdOf(aRecharge({ key })),
    rechargeKey: key,
    account: { email: EMAIL, customer, paymentMethod: paymentMethod.id },
    credits: 500,
    money: { amount: 5_000, currency: 'USD' },
    description: 'Auto-recharge of 500 credits',
    startedAt: at,
  });
  const outcome = await call.send();
  if (outcome.kind !== 'paid') throw new Error(`It is not paid: ${outcome.kind}`);
  return outcome.paymentRef;
}

/** A recharge of 500 credits that was completed, unless told otherwise. */
async function keep(key: string, given: Partial<Recharge> = {}): Promise<void> {
  const { receivedAt = TENTH } = given;
  const history = [
    { at: receivedAt, event: 'received' },
    { at: receivedAt + 2_000, event: 'granted' },
  ];
  const times = { receivedAt, paidAt: receivedAt + 1_000, history };
  await store().ledger.claim(aRecharge({ key, phase: 'completed', ...times, ...given }));
}

/** Paid and granted, and both sides know it. */
async function recharged(hook: PaymentHook, key: string, given: Partial<Recharge> = {}): Promise<string> {
  const paymentRef = await charge(hook, key, given.receivedAt);
  await keep(key, { ...given, paymentRef });
  return paymentRef;
}

const HEADER = 'Sub Account ID,Sub Account Email,Date,Amount,Reason,Credit Type,Description\n';
const line = (
  key: string,
  { credits = '500', email = EMAIL, ofMark = mark(key), date = '2026-10-10' } = {},
) => `sub_1,${email},${date},${credits},Credits added,Grant,${ofMark} Auto-recharge\n`;

const exported = (...lines: string[]): ReconcileRequest['grants'] => {
  return async () => ({
    kind: 'listed',
    grants: (await readListedGrants(HEADER + lines.join(''))) ?? expect.unreachable('It is no export.'),
  });
};

const OCTOBER = { month: '2026-10', from: utc('2026-10-01 00:00:00'), to: utc('2026-11-01 00:00:00') };
const NOVEMBER = { month: '2026-11', from: utc('2026-11-01 00:00:00'), to: utc('2026-12-01 00:00:00') };

const books = (given: Partial<ReconcileRequest> = {}, now = NOW) => {
  const { client: dynamo, table, ledger } = store();
  return reconcile(
    { ledger, rows: createDynamoRows(dynamo, table), now: () => now },
    {
      month: OCTOBER,
      lookBackDays: 40,
      provider: createStripeBooks(client),
      party,
      table: 'ours',
      grants: async () => ({ kind: 'left_out', why: 'nobody asked' }),
      sleep: async () => {},
      ...given,
    },
  );
};

/** What differs: the word, which recharge, what to look for, what both sides say, and how much more the other has. */
const differences = async (given: Partial<ReconcileRequest> = {}) =>
  (await books(given)).differences.map(({ word, key, ref, ledger, there, more }) => [
    word,
    key,
    ref,
    `${ledger} | ${there}`,
    more?.amount,
  ]);

describe('the books of a month at Stripe', () => {
  it('agree where every payment and refund is on both sides, whichever month each side has it in', async () => {
    await recharged(stripe(), 'plain');
    await recharged(stripe(), 'at-the-border', {
      receivedAt: utc('2026-10-31 23:59:59'),
      paidAt: utc('2026-11-01 00:00:01'),
    });
    const givenBack = await recharged(stripe(), 'given-back');
    clock = utc('2026-11-03 10:00:00');
    const refund = await client.stripe.refunds.create({ payment_intent: givenBack });
    const row = await store().ledger.read('given-back');
    if (row)
      await store().ledger.write(row, {
        ...row,
        goodwillRefund: 'refunded',
        refundedAt: clock,
        refundRef: refund.id,
      });
    // Not ours: another business of the agency's, and a card that was refused.
    sandbox.state.intents.set('pi_other', {
      ...(sandbox.state.intents.get(givenBack) ?? expect.unreachable('It is there.')),
      id: 'pi_other',
      metadata: {},
    });
    sandbox.fault({ operation: 'charge', fault: 'decline' });
    await expect(charge(stripe(), 'poor')).rejects.toThrow('declined');

    const october = await books();
    expect(october).toMatchObject({ differences: [], isWhole: true });
    expect(october.provider).toMatchObject({ name: 'Stripe', payments: 2, compared: 2, listed: true });
    expect(october.conclusion).toBe(
      '2026-10: the ledger has 2 payments of 100.00 USD, net 100.00 USD; Stripe has the same; grants were not compared ' +
        'with the platform.',
    );
    const november = await books({ month: NOVEMBER });
    expect(november.differences).toEqual([]);
    expect(november.conclusion).toContain(
      'the ledger has 1 payment of 50.00 USD and 1 refund of 50.00 USD, net 0.00 USD; Stripe has the same',
    );
    expect(november.conclusion).toContain('The month is not over.');
  });

  it('have a payment for a recharge that the ledger does not have', async () => {
    const ref = await charge(stripe(), 'stranger');
    expect(await differences()).toEqual([
      ['payment_unknown_here', 'stranger', ref, 'no such recharge | 50.00 USD', 5_000],
    ]);
    const { conclusion } = await books();
    expect(conclusion).toBe(
      '2026-10: the ledger has no payment; Stripe has 50.00 USD more than the ledger, with 1 difference; grants were not ' +
        'compared with the platform.',
    );
  });

  it('leave the payments of another relay at the same account out, and count them', async () => {
    await charge(stripe('theirs'), 'stranger');
    await charge(stripe('theirs'), 'another');
    // Of a table that was restored under another name.
    await recharged(stripe('before'), 'restored');
    const found = await books();
    expect(found).toMatchObject({ differences: [], isWhole: true });
    expect(found.provider).toMatchObject({ compared: 1, otherRelays: [{ table: 'theirs', payments: 2 }] });
    expect(found.conclusion).toContain('Stripe has the same');
  });

  it('have a payment that the ledger does not count as paid, and say what each recharge needs', async () => {
    const refs = {
      ended: await charge(stripe(), 'ended'),
      asked: await charge(stripe(), 'asked'),
      open: await charge(stripe(), 'open'),
    };
    await keep('ended', { phase: 'declined', reason: 'card_declined' });
    await keep('asked', { phase: 'needs_review', review: 'charge_unknown' });
    await keep('open', { phase: 'charge_pending', paymentRef: refs.open });
    const found = await books();
    const byKey = new Map(found.differences.map((difference) => [difference.key, difference]));
    expect([...byKey.values()].map(({ word, more }) => [word, more?.amount])).toEqual(
      Array.from({ length: 3 }, () => ['payment_not_booked', 5_000]),
    );
    expect(byKey.get('ended')).toMatchObject({
      ref: refs.ended,
      ledger: 'declined (card_declined)',
      todo: expect.stringContaining('recharges start demo@example.com --credits 500 --no-charge'),
    });
    expect(byKey.get('asked')?.todo).toContain(`confirm-charged --payment-ref ${refs.asked}`);
    expect(byKey.get('open')?.todo).toContain('npx relay recharges retry open');
  });

  it('lack a payment that the ledger has, or have another amount, or one that only a person has confirmed', async () => {
    await keep('gone', { paymentRef: 'pi_gone' });
    await keep('refused', { paymentRef: await charge(stripe(), 'refused') });
    await keep('less', { paymentRef: await charge(stripe(), 'less'), amount: 4_000 });
    const refused = (await store().ledger.read('refused'))?.paymentRef ?? '';
    const intent = sandbox.state.intents.get(refused);
    if (intent) intent.status = 'canceled';
    const { amount: _a, currency: _c, ...unpriced } = aRecharge({ key: 'confirmed', phase: 'completed' });
    const said = [{ at: TENTH, event: 'confirm-charged', detail: 'seen' }];
    const confirmed = await charge(stripe(), 'confirmed');
    await store().ledger.claim({
      ...unpriced,
      ...{ receivedAt: TENTH, paidAt: TENTH, paymentRef: confirmed, history: said },
    });
    expect((await differences()).toSorted()).toEqual(
      [
        ['payment_missing', 'gone', 'pi_gone', '50.00 USD | not found', -5_000],
        ['payment_missing', 'refused', refused, '50.00 USD | canceled', -5_000],
        [
          'payment_differs',
          'less',
          expect.stringMatching(/^pi_/),
          expect.stringMatching(/^40\.00 USD as pi_\w+ \| 50\.00 USD as pi_\w+$/),
          1_000,
        ],
        [
          'payment_amount_unknown',
          'confirmed',
          confirmed,
          'paid, by the word of a person | 50.00 USD',
          5_000,
        ],
      ].toSorted(),
    );
  });

  it('have one payment, where two recharges of the ledger have it', async () => {
    const ref = await recharged(stripe(), 'paid');
    await keep('confirmed', { paymentRef: ref });
    expect(await differences()).toEqual([
      ['payment_differs', 'confirmed', ref, '50.00 USD | the payment of another recharge, paid', -5_000],
    ]);
  });

  it('are not whole where a later version of the relay wrote the recharge that a payment names', async () => {
    await charge(stripe(), 'newer');
    await keep('newer', { receivedAt: utc('2026-08-01 10:00:00') });
    await makeNewer(store(), 'newer');
    const found = await books();
    expect(found).toMatchObject({ differences: [], isWhole: false });
    expect(found.provider.unanswered).toMatchObject([{ key: 'newer' }]);
  });

  it('have a refund that was made in the dashboard, also of a payment of long ago', async () => {
    const longAgo = await recharged(stripe(), 'long-ago', { receivedAt: utc('2026-09-05 10:00:00') });
    const lately = await recharged(stripe(), 'lately');
    clock = utc('2026-10-20 10:00:00');
    const whole = await client.stripe.refunds.create({ payment_intent: longAgo });
    const part = await client.stripe.refunds.create({ payment_intent: lately, amount: 2_000 });
    expect(await differences()).toEqual([
      ['refund_not_booked', 'lately', part.id, 'nothing given back | 20.00 USD given back', -2_000],
      ['refund_not_booked', 'long-ago', whole.id, 'nothing given back | 50.00 USD given back', -5_000],
    ]);
  });

  it('lack a refund that the ledger has: it failed afterwards, or is not certain yet', async () => {
    const refundedAt = utc('2026-10-12 10:00:00');
    const back = { goodwillRefund: 'refunded', refundedAt } as const;
    await recharged(stripe(), 'failed', back);
    const pending = await recharged(stripe(), 'pending', back);
    sandbox.fault({ operation: 'refund', fault: 'pending' });
    const refund = await client.stripe.refunds.create({ payment_intent: pending });
    expect((await differences()).toSorted()).toEqual([
      [
        'refund_missing',
        'failed',
        expect.stringMatching(/^pi_/),
        '50.00 USD given back | nothing given back',
        5_000,
      ],
      [
        'refund_missing',
        'pending',
        refund.id,
        '50.00 USD given back | nothing given back, and 50.00 USD that is pending',
        5_000,
      ],
    ]);
  });

  it('have a dispute, and none where it was won, or is an inquiry', async () => {
    const disputed = sandbox.dispute(await recharged(stripe(), 'disputed'));
    sandbox.dispute(await recharged(stripe(), 'won'), 'won');
    sandbox.dispute(await recharged(stripe(), 'asked'), 'warning_needs_response');
    expect(await differences()).toEqual([
      ['payment_disputed', 'disputed', disputed.id, 'paid | 50.00 USD disputed (needs_response)', -5_000],
    ]);
  });

  it('are read page by page, and what began with another provider is not asked about', async () => {
    for (let index = 0; index < 101; index += 1)
      sandbox.state.intents.set(`pi_${index}`, {
        ...{ id: `pi_${index}`, amount: 100, currency: 'usd', customer: 'cus_1', paymentMethod: 'pm_1' },
        ...{ status: 'succeeded', metadata: { relay_charge_id: `rr_${index}_1` } },
        created: Math.floor(TENTH / 1_000),
      });
    await keep('elsewhere', { paymentRef: 'pay_1', paymentParty: 'the-former-endpoint' });
    const found = await books();
    expect(found.differences).toHaveLength(101);
    expect(found.provider).toMatchObject({ payments: 1, compared: 0, ofOthers: 1 });
  });
});

describe('the books of a month at a payment endpoint', () => {
  const key = signingKey(SECRET) ?? expect.unreachable('It is a secret.');
  const provider = () => createEndpointBooks({ url: endpoint.url, key, timeoutMs: 5_000, now: Date.now });

  it('agree, as far as it is asked; and say how far that was', async () => {
    for (const one of ['http-1', 'http-2', 'http-3']) await recharged(http(), one);
    const whole = await books({ provider: provider() });
    expect(whole).toMatchObject({ differences: [], isWhole: true });
    expect(whole.conclusion).toContain('the payment endpoint, asked about 3 of them, has the same');
    const part = await books({ provider: provider(), mostAsked: 2 });
    expect(part.provider).toMatchObject({ compared: 2, notAsked: 1, listed: false });
    expect(part.conclusion).toContain('NOT WHOLE');
  });

  it('differ where it knows no such payment, has given it back, or says another amount', async () => {
    await keep('http-gone', { paymentRef: 'pay_gone' });
    const back = await recharged(http(), 'http-back');
    await http().refund({
      refundId: 'by-hand',
      chargeId: chargeIdOf(aRecharge({ key: 'http-back' })),
      paymentRef: back,
      rechargeKey: 'http-back',
      money: { amount: 5_000, currency: 'USD' },
    });
    const other = await charge(http(), 'http-other');
    await keep('http-other', { paymentRef: other, amount: 4_000 });
    expect((await differences({ provider: provider() })).toSorted()).toEqual([
      ['payment_differs', 'http-other', other, '40.00 USD | status 200 about another amount', undefined],
      ['payment_missing', 'http-gone', 'pay_gone', '50.00 USD | not found', -5_000],
      [
        'refund_not_booked',
        'http-back',
        expect.any(String),
        'nothing given back | 50.00 USD given back',
        -5_000,
      ],
    ]);
  });

  it('are not whole where it gives no answer', async () => {
    await recharged(http(), 'http-silent');
    endpoint.fault({ operation: 'lookup', fault: 'error' });
    const found = await books({ provider: provider() });
    expect(found).toMatchObject({ differences: [], isWhole: false });
    expect(found.provider.unanswered).toEqual([{ key: 'http-silent', detail: 'status 500' }]);
  });
});

describe("the platform's grants", () => {
  it('agree, but for those at the edge of the month, which stand in the export of another one', async () => {
    await recharged(stripe(), 'plain');
    await recharged(stripe(), 'at-the-edge', { receivedAt: utc('2026-10-31 23:00:00') });
    // The export of a month holds some of the next day, and a file may hold more.
    await keep('next-day', { receivedAt: utc('2026-11-01 00:10:00'), paymentRef: 'pi_of_november' });
    await keep('next-week', { receivedAt: utc('2026-11-08 00:10:00'), paymentRef: 'pi_of_november' });
    const grants = exported(
      line('plain'),
      line('next-day', { date: '2026-11-01' }),
      line('next-week', { date: '2026-11-08' }),
    );
    const found = await books({ grants });
    expect(found).toMatchObject({ differences: [], isWhole: true });
    expect(found.platform).toMatchObject({ same: 1, credits: 500, atTheEdge: [mark('at-the-edge')] });
    expect(found.conclusion).toContain('the platform lists the same 1 grant of 500 credits.');
  });

  it('differ in each way in which they can', async () => {
    for (const key of ['missing', 'twice', 'less', 'elsewhere', 'refused'])
      await recharged(
        stripe(),
        key,
        key === 'refused' ? { phase: 'needs_review', review: 'grant_unknown' } : {},
      );
    const found = await differences({
      grants: exported(
        ...[line('twice'), line('twice')],
        ...[line('less', { credits: '400' }), line('elsewhere', { email: 'other@example.com' })],
        ...[line('refused'), line('unknown', { ofMark: 'rr-0123456789ab-1' })],
        // Taken back by somebody.
        line('missing', { credits: '-500' }),
      ),
    });
    const about = (key: string) => `500 credits as ${mark(key)}`;
    expect(found.toSorted()).toEqual(
      [
        ['grant_missing', 'missing', mark('missing'), `${about('missing')} | nothing`, undefined],
        [
          'grant_twice',
          'twice',
          mark('twice'),
          `${about('twice')} | ${about('twice')}, ${about('twice')}`,
          undefined,
        ],
        [
          'grant_differs',
          'less',
          mark('less'),
          `${about('less')} | 400 credits as ${mark('less')}`,
          undefined,
        ],
        [
          'grant_differs',
          'elsewhere',
          mark('elsewhere'),
          `${about('elsewhere')} | ${about('elsewhere')}, to other@example.com`,
          undefined,
        ],
        [
          'grant_not_booked',
          'refused',
          mark('refused'),
          `needs review (grant_unknown) | ${about('refused')}`,
          undefined,
        ],
        [
          'grant_unknown_here',
          undefined,
          'rr-0123456789ab-1',
          'no such recharge | 500 credits as rr-0123456789ab-1',
          undefined,
        ],
      ].toSorted(),
    );
  });

  it('cannot be compared where the export lists none at all', async () => {
    await recharged(stripe(), 'plain');
    const found = await books({ grants: exported() });
    expect(found).toMatchObject({ differences: [], isWhole: false, platform: { kind: 'unreadable' } });
  });
});
