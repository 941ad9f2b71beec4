import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createPaymentWebhookHandler } from '../../functions/payment-webhook/handler.ts';
import { signRequest } from '../../shared/incoming/verifiers.ts';
import { createLogger } from '../../shared/logger.ts';
import { createHttpPaymentHook } from '../../shared/payments/http-payment-hook.ts';
import type { ChargeRequest, RefundRequest } from '../../shared/payments/payment-hook.ts';
import { createStripePaymentHook } from '../../shared/payments/stripe/payment-hook.ts';
import { createPlatformClient } from '../../shared/platform/client.ts';
import {
  createPlatformOperations,
  PlatformError,
  type PlatformOperations,
} from '../../shared/platform/operations.ts';
import { platformProfileSchema } from '../../shared/platform/profile.ts';
import { STRIPE_SIGNATURE } from '../../shared/recharge/stripe-events.ts';
import { holds } from '../support/fuzz.ts';
import { hostileHeaders, hostileText, mutated, written } from '../support/hostile.ts';
import { aReply, useReplies } from '../support/replies.ts';

const NOW = 1_767_605_400_123;
const KEY = 'rk_test_51CanaryCanaryCanary';
const CLIENT = 'jane.roe-canary@example.com';

const replies = useReplies();

/** What can be kept in a row, shown to a person, and read again. */
function expectKeepable(outcome: object): void {
  const said = JSON.stringify(outcome);
  expect(said).not.toContain(KEY);
  for (const value of Object.values(outcome))
    if (typeof value === 'string') expect(value.length).toBeLessThan(700);
  expect(JSON.parse(said)).toEqual(outcome);
  expect(said.length).toBeLessThan(1_500);
  const { retryAfterMs = 0 } = Object(outcome);
  expect(Number.isSafeInteger(retryAfterMs) && retryAfterMs >= 0, said).toBe(true);
}

const parsed = (body: Buffer): any => {
  try {
    return JSON.parse(body.toString().replace(/^\ufeff/, ''));
  } catch {
    return undefined;
  }
};
const number = (said: unknown) => (said === undefined || said === null ? undefined : Number(said));

const ERRORS = [
  { error: { code: 'insufficient_credits', message: `insufficient credits for ${CLIENT}, key ${KEY}` } },
  { error: 'Not Found' },
  { message: 'no', code: 404 },
];
const GRANTED = {
  success: true,
  sub_account_id: 'sub-7',
  credits_added: 500,
  new_balance: 542.5,
  email: CLIENT,
};
const FOUND = { success: true, data: { email: CLIENT, uid: 'sub-7', usage_limits: { credits: 42.5 } } };
const EXPORT = [
  'Sub account id,Sub account email,Date,Amount,Reason,Credit type,Description',
  `sub-7,${CLIENT},2026-01-05,500,grant,added,rr-7f3a-1 Auto-recharge`,
  `sub-7,${CLIENT},2026-01-05,-1.5,usage,used,"rr-7f3a-2, said ""hi"""`,
];
const anExport = fc.array(fc.tuple(fc.nat(2), fc.nat(60), hostileText), { maxLength: 3 }).map((edits) => {
  const lines = [...EXPORT];
  for (const [line, at, text] of edits)
    lines[line] = `${lines[line]?.slice(0, at)}${text}${lines[line]?.slice(at + 1)}`;
  return Buffer.from(lines.join('\r\n'));
});

const options = () => ({
  profile: platformProfileSchema.parse({ baseUrl: `${replies.url()}/v1`, subAccountLookup: true }),
  apiKey: async () => KEY,
  onUnauthorized: () => {},
  timeoutMs: 5_000,
  now: () => NOW,
});

describe('whatever the platform answers', () => {
  holds(
    'a grant counts as granted only where it says so of these credits and this client',
    aReply([GRANTED, GRANTED, ...ERRORS]),
    async (answer) => {
      replies.say(answer);
      const prepared = await createPlatformClient(options()).prepareGrant({
        ...{ email: CLIENT, platformId: 'sub-7', credits: 500, description: 'rr-7f3a-1 Auto-recharge' },
      });
      const result = await prepared.send();
      expectKeepable(result);
      expect(JSON.stringify(result)).not.toContain(CLIENT);
      if (result.kind !== 'granted') return;
      const said = parsed(answer.body);
      expect([200, 201, 202]).toContain(answer.status);
      expect([String(said.success), number(said.credits_added)]).toEqual(['true', 500]);
      // What is no text, or blank, names nobody.
      if (typeof said.email === 'string' && said.email.trim() !== '')
        expect(said.email.trim().toLowerCase()).toBe(CLIENT);
      expect(Math.abs(result.newBalance ?? 0)).toBeLessThan(2 ** 53);
    },
    { runs: 60 },
  );

  holds(
    'a client is found, or is not known, only where it says so',
    aReply([FOUND, { success: false }, ...ERRORS]),
    async (answer) => {
      replies.say(answer);
      const result = await createPlatformClient(options()).subAccount(CLIENT);
      if (result.kind === 'not_found') expect([200, 404]).toContain(answer.status);
      if (result.kind === 'found') expect(parsed(answer.body).success).toBe(true);
      else expectKeepable(result);
    },
    { runs: 40 },
  );

  holds(
    'a grant is found in its export only where one line has its mark and its credits',
    fc.record({ status: fc.constantFrom(200, 200, 200, 500), body: anExport }),
    async ({ status, body }) => {
      replies.say({ status, headers: {}, body });
      const client = createPlatformClient(options());
      const since = NOW - 86_400_000;
      const asked = { mark: 'rr-7f3a-1', markPrefix: 'rr-7f3a-', email: CLIENT, credits: 500, since };
      const found = await client.findGrant(asked);
      const { kind, marks = [] } = { marks: undefined, ...(await client.listGrants(asked)) };
      expectKeepable(found);
      if (found.kind === 'found') {
        expect(body.toString()).toMatch(/rr-7f3a-1\b/);
        expect(body.toString()).toContain('500');
      }
      if (kind === 'listed') for (const mark of marks) expect(body.toString()).toContain(mark);
    },
    { runs: 40 },
  );

  const CALLS: ((operations: PlatformOperations) => Promise<unknown>)[] = [
    (operations) => operations.createContact({ email: CLIENT, firstName: 'Jane' }),
    (operations) => operations.findContact({ phoneNumber: '+15551234567' }),
    (operations) => operations.addToList('list-1', 'contact-1'),
    (operations) => operations.sendMessage({ fromId: '7', customChannel: 'chat', body: 'Hello' }),
    (operations) => operations.receiveMessage({ messageSid: '1', fromId: '7', toId: 'a', body: 'Hello' }),
  ];
  holds(
    'to a contact or a message, it is a result or an error that says what to do',
    fc.record({
      call: fc.constantFrom(...CALLS),
      answer: aReply([
        { id: 'contact-1', firstName: 'Jane', phone: '+15551234567', createdAt: '2026-01-05T09:30:00Z' },
        { success: true, messageId: 'message-1' },
        ...ERRORS,
      ]),
    }),
    async ({ call, answer }) => {
      replies.say(answer);
      try {
        await call(createPlatformOperations(options()));
        expect(answer.status === 404 || answer.status < 300).toBe(true);
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        expectKeepable({ ...error, message: error.message });
        expect(error.message).toMatch(/\.$/);
      }
    },
    { runs: 50 },
  );
});

const CHARGE: ChargeRequest = {
  chargeId: 'rr_1_1',
  rechargeKey: 'key-1',
  account: { email: CLIENT, customer: 'cus_1', paymentMethod: 'pm_1' },
  credits: 500,
  money: { amount: 5_000, currency: 'USD' },
  description: 'Auto-recharge of 500 credits',
  startedAt: NOW,
};
const REFUND: RefundRequest = { ...CHARGE, refundId: 'rr_1_refund', paymentRef: 'pi_1' };

const ANSWERS = [
  { status: 'paid', payment_ref: 'pay_1', amount: 5_000, currency: 'USD', charge_id: 'rr_1_1' },
  { status: 'declined', reason: 'insufficient_funds', retryable: true },
  { status: 'pending', payment_ref: 'pay_1', action_url: 'https://pay.example.com/act' },
  { status: 'refunded', refund_ref: 're_1', refund_id: 'rr_1_refund' },
  { status: 'refused', reason: 'too old' },
  { status: 'not_found' },
];
const STATUS_OF_DEED = ['charge', 'lookup', 'cancel', 'refund'] as const;

describe('whatever the payment endpoint answers', () => {
  holds(
    'a payment counts only where it says so of this charge and this money',
    fc.record({ deed: fc.constantFrom(...STATUS_OF_DEED), answer: aReply(ANSWERS) }),
    async ({ deed, answer }) => {
      replies.say(answer);
      const secret = async () => `whsec_${Buffer.from(KEY).toString('base64')}`;
      const hook = createHttpPaymentHook({ url: replies.url(), secret, timeoutMs: 5_000, now: () => NOW });
      const outcome =
        deed === 'charge'
          ? await (await hook.prepareCharge(CHARGE)).send()
          : deed === 'refund'
            ? await hook.refund(REFUND)
            : await hook[deed](CHARGE);
      expectKeepable(outcome);
      const said = parsed(answer.body);
      if (outcome.kind === 'paid') {
        expect([answer.status, said.status]).toEqual([200, 'paid']);
        expect(outcome.paymentRef).toBe(String(said.payment_ref));
        expect(number(said.amount) ?? 5_000).toBe(5_000);
        expect(
          String(said.currency ?? 'USD')
            .trim()
            .toUpperCase(),
        ).toBe('USD');
        expect(said.charge_id ?? 'rr_1_1').toBe('rr_1_1');
      }
      if (outcome.kind === 'declined' || outcome.kind === 'refunded' || outcome.kind === 'not_found')
        expect(said.status).toBe(outcome.kind);
      if (outcome.kind === 'not_attempted')
        expect([400, 401, 403, 404, 422, 429], outcome.detail).toContain(answer.status);
    },
    { runs: 100 },
  );
});

const INTENT = {
  id: 'pi_1',
  object: 'payment_intent',
  status: 'succeeded',
  amount: 5_000,
  currency: 'usd',
  latest_charge: { id: 'ch_1', object: 'charge', amount_refunded: 0 },
  last_payment_error: null,
  metadata: { relay_charge_id: 'rr_1_1', relay_recharge_key: 'key-1' },
};
const DECLINED = {
  code: 'card_declined',
  decline_code: 'insufficient_funds',
  type: 'card_error',
  message: 'no',
};
const OF_STRIPE = [
  INTENT,
  INTENT,
  { ...INTENT, status: 'requires_payment_method', last_payment_error: DECLINED },
  { ...INTENT, status: 'requires_action' },
  { object: 'list', data: [INTENT], has_more: false },
  { error: { ...DECLINED, payment_intent: INTENT } },
  {
    error: { type: 'invalid_request_error', code: 'resource_missing', message: `No such customer ${CLIENT}` },
  },
  { id: 're_1', object: 'refund', status: 'succeeded', amount: 5_000, metadata: {} },
];

describe('whatever Stripe answers', () => {
  holds(
    'a payment counts only where it says so of this money, and a refusal has a word of ours',
    fc.record({
      deed: fc.constantFrom(...STATUS_OF_DEED),
      byId: fc.boolean(),
      answer: aReply(OF_STRIPE, ['decline_code', 'advice_code', 'failure_reason']),
    }),
    async ({ deed, byId, answer }) => {
      replies.say(answer);
      const hook = createStripePaymentHook({
        secret: async () => KEY,
        live: false,
        timeoutMs: 5_000,
        apiUrl: replies.url(),
        pageFor: async ({ chargeId }) => `https://relay.example.com/pay/${chargeId}`,
        receipts: false,
        table: 'the-table',
        now: () => NOW,
      });
      const reference = { ...CHARGE, customer: 'cus_1', ...(byId ? { paymentRef: 'pi_1' } : {}) };
      const outcome =
        deed === 'charge'
          ? await (await hook.prepareCharge(CHARGE)).send()
          : deed === 'refund'
            ? await hook.refund(REFUND)
            : await hook[deed](reference);
      expectKeepable(outcome);
      const said = parsed(answer.body);
      if (outcome.kind === 'paid') {
        const intents = [said, ...(Array.isArray(said.data) ? said.data : []), said.error?.payment_intent];
        const paid = intents.find((intent) => intent?.status === 'succeeded');
        expect([paid.amount, String(paid.currency).toUpperCase()]).toEqual([5_000, 'USD']);
        expect(outcome.paymentRef).toEqual(expect.stringMatching(/./));
        expect(paid.id).toBe(outcome.paymentRef);
      }
      if (outcome.kind === 'declined' || outcome.kind === 'refused')
        expect(outcome.reason).toEqual(expect.stringMatching(/^[\w ]{1,60}$/));
    },
    { runs: 100 },
  );
});

const EVENTS = [
  ...['payment_intent.succeeded', 'payment_intent.payment_failed'].map((type) => ({
    ...{ id: 'evt_1', type },
    data: { object: { id: 'pi_1', metadata: { relay_recharge_key: 'key-1', relay_charge_id: 'rr_1_1' } } },
  })),
  {
    ...{ id: 'evt_2', type: 'charge.dispute.created' },
    data: { object: { id: 'dp_1', payment_intent: 'pi_1', reason: 'fraudulent' } },
  },
  {
    ...{ id: 'evt_3', type: 'checkout.session.completed' },
    data: { object: { setup_intent: 'seti_1', metadata: { relay_client: CLIENT } } },
  },
  {
    ...{ id: 'evt_4', type: 'payment_method.detached' },
    data: { object: { id: 'pm_1', customer: null }, previous_attributes: { customer: 'cus_1' } },
  },
];

describe('whatever Stripe sends', () => {
  holds(
    'is answered; what was verified has somebody look, or is passed over, and nothing else is done',
    fc.record({
      body: written(mutated(EVENTS, ['metadata', 'payment_intent', 'customer', 'relay_recharge_key'])),
      headers: hostileHeaders(['stripe-signature']),
      isProved: fc.boolean(),
    }),
    async ({ body, headers, isProved }) => {
      const done: unknown[] = [];
      const lines: string[] = [];
      const handler = createPaymentWebhookHandler({
        secrets: { get: async () => ({ stripeWebhook: [KEY] }), reread: async () => 'kept', doubt: () => {} },
        wake: async (key) => void done.push(key),
        askToLook: async (look) => void done.push(look),
        secretUses: { saw: async () => {} },
        refusals: { answered: async () => {} },
        logger: createLogger((line) => lines.push(line)),
        now: () => NOW,
      });
      const proof = isProved ? signRequest({ secret: KEY, body, now: NOW, verifier: STRIPE_SIGNATURE }) : {};
      const event = {
        headers: { ...headers, ...proof },
        body: body.toString('base64'),
        isBase64Encoded: true,
      };
      const { statusCode, body: said } = await handler(event);
      expect([200, 401, 413]).toContain(statusCode);
      if (!isProved) expect(statusCode).not.toBe(200);
      expect(done).toHaveLength(statusCode === 200 && said?.includes('heard') ? 1 : 0);
      // Each word of it stands in the event.
      for (const text of JSON.stringify(done).matchAll(/"(key-1|[a-z]+_1)"/g))
        expect(body.toString()).toContain(text[1]);
      for (const line of lines) expect(line).not.toMatch(new RegExp(`${KEY}|${CLIENT}`));
    },
    { runs: 100 },
  );
});
