import { readFileSync } from 'node:fs';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import Stripe from 'stripe';
import { describe, expect, it, vi } from 'vitest';
import { createEvents } from '../../../local/sandbox/stripe/events.ts';
import { REFUSED } from '../../../shared/incoming/refusals.ts';
import { createSecretUses, secretId } from '../../../shared/incoming/secret-use.ts';
import { chargeIdOf } from '../../../shared/recharge/recharge.ts';
import { HEARD_EVENTS } from '../../../shared/recharge/stripe-events.ts';
import { aPaymentEvent, EMAIL, PREVIOUS, SECRET, SEPA, signed, useHearing } from './hearing.ts';

const { store, aRelay } = useHearing();

const WAKE = JSON.stringify({ key: 'key-1', woken: true });
const MINUTE = 60_000;

describe('a debit that is being processed', () => {
  it('is granted at once when its bank decides, instead of in an hour, and once, however often Stripe says so', async () => {
    const relay = await aRelay();
    await relay.saved(SEPA);
    const row = await relay.charged();
    expect(row).toMatchObject({ phase: 'charge_pending' });
    await relay.settle(chargeIdOf(row), 'paid');
    await relay.hears('payment_intent.succeeded');
    expect(await relay.row()).toMatchObject({ phase: 'completed' });

    const [intent] = relay.stripe.state.intents.values();
    for (const type of ['payment_intent.succeeded', 'payment_intent.succeeded', 'payment_intent.canceled'])
      relay.stripe.emit(type, intent);
    await relay.hears('payment_intent.canceled');
    await relay.hears('payment_intent.succeeded', 3);
    expect(await relay.row()).toMatchObject({ phase: 'completed' });
    expect(relay.books()).toEqual({ captures: 1, grants: 1 });
  });

  it('is declined as soon as its bank refuses', async () => {
    const relay = await aRelay();
    await relay.saved(SEPA);
    await relay.settle(chargeIdOf(await relay.charged()), 'declined');
    await relay.hears('payment_intent.payment_failed');
    expect(await relay.row()).toMatchObject({ phase: 'declined' });
    expect(relay.books()).toEqual({ captures: 0, grants: 0 });
  });

  it.each(['payment_intent.succeeded', 'payment_intent.canceled'])(
    'is neither granted nor ended by an event %s that is not so',
    async (type) => {
      const relay = await aRelay();
      await relay.saved(SEPA);
      await relay.charged();
      const body = aPaymentEvent(type);
      expect((await relay.post(body, signed(body))).status).toBe(200);
      expect(await relay.work()).toEqual([]);
      expect(await relay.row()).toMatchObject({ phase: 'charge_pending' });
      expect(relay.books()).toEqual({ captures: 0, grants: 0 });
    },
  );
});

it('a payment that comes after its recharge was declined is told once, with its reference', async () => {
  const relay = await aRelay();
  await relay.saved('4000000000009995');
  expect(await relay.charged()).toMatchObject({ phase: 'declined' });
  const [intent] = relay.stripe.state.intents.values();
  Object.assign(intent ?? {}, { status: 'succeeded', charge: 'ch_late' });
  relay.stripe.emit('payment_intent.succeeded', intent);
  await relay.hears('payment_intent.succeeded');
  relay.stripe.emit('payment_intent.succeeded', intent);
  await relay.hears('payment_intent.succeeded', 2);
  const rung = relay.alerts().map(({ message, key, detail }) => ({ message, key, detail }));
  expect(rung).toEqual([{ message: 'paid_after_end', key: 'key-1', detail: `attempt 1: ${intent?.id}` }]);
  expect(await relay.row()).toMatchObject({ phase: 'declined', sayAgain: 'paid_after_end' });
});

describe('an event', () => {
  it('that Stripe’s own package signs is heard, and that package verifies what the sandbox signs', async () => {
    const relay = await aRelay();
    const body = aPaymentEvent();
    const answer = await relay.post(body, signed(body));
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ status: 'heard' });
    expect(await relay.taken()).toEqual([WAKE]);

    const request = vi.spyOn(globalThis, 'fetch').mockResolvedValue(new Response());
    const options = {
      url: () => 'https://relay.example.com',
      secret: SECRET,
      apiVersion: '2026-10-28.endive',
    };
    createEvents({ ...options, now: Date.now, sleep: async () => {} }).emit('payment_intent.succeeded', {});
    const { body: sent, headers } = request.mock.calls[0]?.[1] ?? {};
    request.mockRestore();
    const signature = new Headers(headers).get('stripe-signature') ?? '';
    const event = Stripe.webhooks.constructEvent(String(sent), signature, SECRET);
    expect(event.type).toBe('payment_intent.succeeded');
  });

  it('that is signed with a previous secret is heard, and the use is noted: who rolls it knows when to drop it', async () => {
    const relay = await aRelay();
    const body = aPaymentEvent();
    const before = Date.now();
    expect((await relay.post(body, signed(body, { secret: PREVIOUS }))).status).toBe(200);
    expect(await relay.taken()).toEqual([WAKE]);
    const { client, table } = store();
    const uses = createSecretUses(client, table, { logger: { error: () => {} }, now: Date.now });
    const usedAt = await uses.lastUsed('stripeWebhook', secretId('stripeWebhook', PREVIOUS));
    expect(usedAt).toBeGreaterThanOrEqual(before);
  });

  it('that is signed with both, as Stripe does while a secret is rolled, is heard', async () => {
    const relay = await aRelay({ secrets: [SECRET] });
    const body = aPaymentEvent();
    const [one, other] = [SECRET, 'whsec_new'].map((secret) => signed(body, { secret })['stripe-signature']);
    const both = { 'stripe-signature': `${other},${one?.split(',')[1]}` };
    expect((await relay.post(body, both)).status).toBe(200);
  });

  it.each<[string, (body: string) => Record<string, string>, string]>([
    ['of another secret', (body) => signed(body, { secret: 'whsec_other' }), 'the signature does not match'],
    ['of another body', () => signed('{}'), 'the signature does not match'],
    ['six minutes old', (body) => signed(body, { at: Date.now() - 6 * MINUTE }), 'the timestamp is too old'],
    ['without a signature', () => ({}), 'no header stripe-signature'],
    ['with the secret of the platform’s webhook', (body) => signed(body, { secret: 'another' }), 'match'],
  ])('%s is refused, and counted with its reason', async (_name, headersFor, reason) => {
    const relay = await aRelay();
    const body = aPaymentEvent();
    const answer = await relay.post(body, headersFor(body));
    expect(answer.status).toBe(401);
    expect(await relay.taken()).toEqual([]);
    const { client, table } = store();
    const pk = REFUSED + new Date().toISOString().slice(0, 13);
    const { Item = {} } = await client.send(new GetCommand({ TableName: table, Key: { pk } }));
    const [counted] = Object.keys(Item).filter((name) => name.startsWith('/webhooks/stripe 401'));
    expect(counted).toContain(reason);
    expect(JSON.stringify([relay.lines, await answer.text()])).not.toContain('whsec_');
  });

  it('is refused where no secret is set', async () => {
    const relay = await aRelay({ secrets: [] });
    const body = aPaymentEvent();
    expect((await relay.post(body, signed(body, { secret: '' }))).status).toBe(401);
    expect((await relay.post(body, signed(body))).status).toBe(401);
  });

  it('rings as refused only where it claims to be signed: what strangers post does not', async () => {
    const relay = await aRelay();
    await relay.post('{}', {});
    await relay.post('{}', { 'stripe-signature': 't=1,v1=0' });
    const counted = relay.lines.filter((line) => line.payment_webhook_401_plausible === 1);
    expect(counted).toHaveLength(1);
  });

  it.each([
    ['of another type', aPaymentEvent('invoice.paid')],
    ['of a payment that is only made', aPaymentEvent('payment_intent.created')],
    ['of a payment that is no recharge', aPaymentEvent('payment_intent.succeeded', { order: '7' })],
    ['of a payment without metadata', aPaymentEvent('payment_intent.succeeded', {})],
    ['with a key that is no text', aPaymentEvent('payment_intent.succeeded', { relay_recharge_key: 7 })],
    [
      'with an endless key',
      aPaymentEvent('payment_intent.succeeded', { relay_recharge_key: 'k'.repeat(501) }),
    ],
    ['of a kind without an object', '{"id":"evt_1","object":"v2.core.event","type":"v1.payment_intent"}'],
    ['that is no JSON', 'hello'],
    ['that is a list', '[]'],
  ])('%s is answered 200, and asks for nothing', async (_name, body) => {
    const relay = await aRelay();
    const answer = await relay.post(body, signed(body));
    expect([answer.status, await answer.json()]).toEqual([200, { status: 'ignored' }]);
    expect(await relay.taken()).toEqual([]);
  });

  it('that is too large is refused before it is verified', async () => {
    const relay = await aRelay();
    expect((await relay.post(' '.repeat(256 * 1024 + 1), {})).status).toBe(413);
  });

  it('that cannot be queued is to be sent again', async () => {
    const relay = await aRelay();
    relay.breakQueue();
    const body = aPaymentEvent();
    expect((await relay.post(body, signed(body))).status).toBe(500);
  });

  it('that is heard stands in docs/stripe.md, for whoever chooses them at Stripe', () => {
    const rows = /\| event \|.*?\n\n/s.exec(readFileSync('docs/stripe.md', 'utf8'))?.[0] ?? '';
    const named = rows.split('\n').flatMap((row) => row.split(' | ')[0]?.match(/\w+\.[\w.]+/g) ?? []);
    expect(named.toSorted()).toEqual(HEARD_EVENTS.toSorted());
  });

  it('is heard of a recharge that was started anew, whose key is longer than the platform’s', async () => {
    const relay = await aRelay();
    const key = `op-1-${'k'.repeat(255)}`;
    const body = aPaymentEvent('payment_intent.succeeded', { relay_recharge_key: key });
    expect((await relay.post(body, signed(body))).status).toBe(200);
    expect((await relay.taken()).map((message) => JSON.parse(message))).toEqual([{ key, woken: true }]);
  });

  it('holds nothing of the client in the log', async () => {
    const relay = await aRelay();
    await relay.saved();
    await relay.charged();
    await relay.hears('payment_intent.succeeded');
    expect(JSON.stringify(relay.lines)).not.toContain(EMAIL);
  });
});
