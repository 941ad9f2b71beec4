import { describe, expect, it } from 'vitest';
import { createHeard } from '../../../shared/recharge/heard.ts';
import { refundIdOf } from '../../../shared/recharge/recharge.ts';
import { createStripeLooks } from '../../../shared/recharge/stripe-looks.ts';
import { aPaymentEvent, EMAIL, STRIPE_KEY, signed, useHearing } from './hearing.ts';

const { store, aRelay } = useHearing();

const VISA = '4242424242424242';
const MASTERCARD = '5555555555554444';

type Relay = Awaited<ReturnType<typeof aRelay>>;

const alertsOf = (relay: Relay) =>
  relay.alerts().map(({ message, key, detail }) => ({ message, key, detail }));

describe('a card that a client saves by an invitation', () => {
  it('is charged from then on', async () => {
    const relay = await aRelay();
    const customer = await relay.known();
    await (await relay.invitation(customer))(VISA);
    await relay.hears('setup_intent.succeeded');
    expect(await relay.account()).toMatchObject({
      customer,
      paymentMethod: {
        type: 'card',
        brand: 'visa',
        last4: '4242',
        expires: expect.stringMatching(/^\d{4}-12$/),
      },
    });
    expect(await relay.charged()).toMatchObject({ phase: 'completed' });
  });

  it('is kept once, whichever of the two events comes, and however often', async () => {
    const relay = await aRelay();
    await (await relay.invitation(await relay.known()))(VISA);
    await relay.hears('checkout.session.completed');
    await relay.hears('setup_intent.succeeded');
    const kept = await relay.account();
    expect(kept.paymentMethod?.last4).toBe('4242');
    const [session] = relay.stripe.state.sessions.values();
    for (let again = 0; again < 3; again += 1)
      relay.stripe.emit('setup_intent.succeeded', {
        id: session?.setupIntent,
        metadata: { relay_client: EMAIL },
      });
    await relay.hears('setup_intent.succeeded', 4);
    expect(await relay.account()).toEqual(kept);
  });

  it('stays, where an earlier invitation is heard of after it', async () => {
    const relay = await aRelay();
    const customer = await relay.known();
    const [earlier, later] = [await relay.invitation(customer), await relay.invitation(customer)];
    await earlier(VISA);
    const [first] = relay.stripe.state.paymentMethods.values();
    if (first) first.created -= 60;
    await later(MASTERCARD);
    await relay.hears('setup_intent.succeeded', 2);
    const [session] = relay.stripe.state.sessions.values();
    const setup = { id: session?.setupIntent, metadata: { relay_client: EMAIL } };
    relay.stripe.emit('setup_intent.succeeded', setup);
    await relay.hears('setup_intent.succeeded', 3);
    expect(relay.stripe.state.paymentMethods.get(session?.paymentMethod ?? '')?.last4).toBe('4242');
    expect((await relay.account()).paymentMethod?.last4).toBe('4444');
  });

  it('gives way to what a person has linked since, also where Stripe tells of it late or again', async () => {
    const relay = await aRelay();
    const customer = await relay.known();
    await (await relay.invitation(customer))(VISA);
    await relay.hears('setup_intent.succeeded');
    const [session] = relay.stripe.state.sessions.values();
    const [invited] = relay.stripe.state.paymentMethods.values();
    if (invited) invited.created -= 60;
    // Saved long before, and chosen a moment ago.
    const { paymentMethod } = relay.stripe.saveMeans(EMAIL, MASTERCARD);
    paymentMethod.created -= 3_600;
    await relay.link(customer, paymentMethod.id);
    relay.stripe.emit('setup_intent.succeeded', {
      id: session?.setupIntent,
      metadata: { relay_client: EMAIL },
    });
    await relay.hears('setup_intent.succeeded', 2);
    expect(await relay.account()).toMatchObject({ paymentMethod: { id: paymentMethod.id, last4: '4444' } });
  });

  it('brings a suspension back that another card had ended, and says so', async () => {
    const relay = await aRelay();
    const customer = await relay.known({
      status: 'suspended',
      statusChange: { at: Date.now(), note: '3 declines in a row', forDeclines: true },
      declines: { times: 3, card: 'fp_424242' },
    });
    await (await relay.invitation(customer))(MASTERCARD);
    await relay.hears('setup_intent.succeeded');
    expect(await relay.account()).toMatchObject({ status: 'active' });
    const [other] = relay.stripe.state.paymentMethods.values();
    if (other) other.created -= 60;
    await (await relay.invitation(customer))(VISA);
    await relay.hears('setup_intent.succeeded', 2);
    expect(await relay.account()).toMatchObject({ status: 'suspended', paymentMethod: { last4: '4242' } });
    expect(alertsOf(relay)).toMatchObject([{ message: 'client_suspended' }]);
  });

  it.each([
    [VISA, 'suspended'],
    [MASTERCARD, 'active'],
  ])('%s: a suspension for declines of 4242 leaves the client %s', async (number, status) => {
    const relay = await aRelay();
    const customer = await relay.known({
      status: 'suspended',
      statusChange: { at: Date.now(), note: '3 declines in a row', forDeclines: true },
      declines: { times: 3, card: 'fp_424242' },
    });
    await (await relay.invitation(customer))(number);
    await relay.hears('setup_intent.succeeded');
    expect(await relay.account()).toMatchObject({ status, paymentMethod: { last4: number.slice(-4) } });
  });

  it('is nobody’s where the account has another customer by now, or was erased', async () => {
    const relay = await aRelay();
    const save = await relay.invitation(await relay.known());
    await relay.known();
    await save(VISA);
    await relay.hears('setup_intent.succeeded');
    expect(await relay.account()).not.toHaveProperty('paymentMethod');
  });

  it('means nothing where it was no invitation of ours', async () => {
    const relay = await aRelay();
    await relay.known();
    relay.stripe.emit('setup_intent.succeeded', { id: 'seti_1', metadata: {} });
    relay.stripe.emit('checkout.session.completed', { id: 'cs_1', mode: 'payment', metadata: null });
    await relay.hears('checkout.session.completed');
    await relay.hears('setup_intent.succeeded');
    expect(relay.lines.map(({ word }) => word)).toEqual(['ignored', 'ignored']);
  });
});

describe('a saved card', () => {
  it('that its bank has renewed is shown as it is now', async () => {
    const relay = await aRelay();
    const { paymentMethod } = await relay.saved(VISA);
    const before = await relay.account();
    relay.stripe.renew(paymentMethod.id, '4242424242421111');
    await relay.hears('payment_method.automatically_updated');
    const { paymentMethod: after } = await relay.account();
    expect(after).toMatchObject({ id: paymentMethod.id, last4: '1111', fingerprint: 'fp_421111' });
    expect(after?.expires).not.toBe(before.paymentMethod?.expires);
  });

  it('is known by its customer’s mark where the customer has another email', async () => {
    const relay = await aRelay();
    const { customer, paymentMethod } = await relay.saved(VISA);
    const kept = relay.stripe.state.customers.get(customer);
    Object.assign(kept ?? {}, { email: 'books@example.com', metadata: { relay_client: EMAIL } });
    relay.stripe.renew(paymentMethod.id, '4242424242421111');
    await relay.hears('payment_method.automatically_updated');
    expect((await relay.account()).paymentMethod?.last4).toBe('1111');
  });

  it('that was taken away is charged no more, and nobody’s else is touched', async () => {
    const relay = await aRelay();
    const { customer } = await relay.saved(VISA);
    const { paymentMethod: other } = relay.stripe.saveMeans(EMAIL, MASTERCARD);
    relay.stripe.renew(other.id, '5555555555551111');
    await relay.hears('payment_method.automatically_updated');
    relay.stripe.detach(other.id);
    await relay.hears('payment_method.detached');
    const { paymentMethod } = await relay.account();
    expect(paymentMethod?.last4).toBe('4242');
    relay.stripe.detach(paymentMethod?.id ?? '');
    await relay.hears('payment_method.detached', 2);
    const account = await relay.account();
    expect(account).toMatchObject({ status: 'active', customer });
    expect(account).not.toHaveProperty('paymentMethod');
    expect(await relay.charged()).toMatchObject({ phase: 'declined', reason: 'no_payment_method' });
  });

  it('of which a look is late gives way to another that was saved meanwhile', async () => {
    const relay = await aRelay();
    const { customer, paymentMethod } = await relay.saved(VISA);
    const { client, table, ledger } = store();
    let isFirst = true;
    const look = createStripeLooks({
      ledger: {
        ...ledger,
        async readAccount(email) {
          const account = await ledger.readAccount(email);
          if (isFirst) {
            isFirst = false;
            await relay.saved(MASTERCARD);
          }
          return account;
        },
      },
      heard: createHeard(client, table, Date.now),
      secrets: { get: async () => ({ stripeKey: STRIPE_KEY }) },
      live: false,
      timeoutMs: 5_000,
      apiUrl: relay.stripe.url,
      logger: { info() {}, error() {}, alert() {} },
      now: Date.now,
    });
    await look({ at: 'means', customer, paymentMethod: paymentMethod.id });
    expect((await relay.account()).paymentMethod?.last4).toBe('4444');
  });

  it('of a client whom nobody knows, or a customer who is gone, is left alone', async () => {
    const relay = await aRelay();
    const { paymentMethod } = relay.stripe.saveMeans('other@example.com', VISA);
    relay.stripe.renew(paymentMethod.id, MASTERCARD);
    expect(await relay.hears('payment_method.automatically_updated')).toEqual([]);
    expect(await store().ledger.readAccount('other@example.com')).toMatchObject({ revision: 0 });
  });
});

describe('a dispute', () => {
  async function disputed() {
    const relay = await aRelay();
    await relay.saved(VISA);
    const row = await relay.charged();
    const dispute = relay.stripe.dispute(row.paymentRef ?? '');
    await relay.hears('charge.dispute.created');
    return { relay, row, dispute };
  }

  it('suspends the client and is told with the recharge and what was granted', async () => {
    const { relay, row, dispute } = await disputed();
    const note = `Dispute ${dispute.id} (fraudulent) of payment ${row.paymentRef}, recharge key-1`;
    expect(await relay.account()).toMatchObject({ status: 'suspended', statusChange: { note } });
    expect(alertsOf(relay)).toEqual([
      {
        message: 'payment_disputed',
        key: 'key-1',
        detail: `${dispute.id} (fraudulent) of payment ${row.paymentRef}; 500 credits were granted`,
      },
    ]);
    expect(await relay.charged('key-2')).toMatchObject({ phase: 'blocked', reason: 'account_suspended' });
  });

  it('that is heard again suspends nobody whom a person has enabled since, and rings no second time', async () => {
    const { relay, row, dispute } = await disputed();
    const account = await relay.account();
    await store().ledger.writeAccount(account, { ...account, status: 'active' });
    relay.stripe.emit('charge.dispute.created', {
      id: dispute.id,
      payment_intent: row.paymentRef,
      reason: 'fraudulent',
    });
    await relay.hears('charge.dispute.created', 2);
    expect(await relay.account()).toMatchObject({ status: 'active' });
    expect(relay.alerts()).toHaveLength(1);
  });

  it('is not ended by another card, also where the client was suspended for declines before', async () => {
    const relay = await aRelay();
    const { customer } = await relay.saved(VISA);
    const row = await relay.charged();
    const account = await relay.account();
    const forDeclines = { at: Date.now(), note: '3 declines in a row', forDeclines: true } as const;
    await store().ledger.writeAccount(account, {
      ...account,
      status: 'suspended',
      statusChange: forDeclines,
    });
    relay.stripe.dispute(row.paymentRef ?? '');
    await relay.hears('charge.dispute.created');
    await (await relay.invitation(customer))(MASTERCARD);
    await relay.hears('setup_intent.succeeded');
    expect(await relay.account()).toMatchObject({
      status: 'suspended',
      paymentMethod: { last4: '4444' },
      statusChange: { note: expect.stringContaining('Dispute') },
    });
  });

  it('of which the charge itself says nothing is told, and suspends nobody', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const { paymentRef } = await relay.charged();
    relay.stripe.emit('charge.dispute.created', {
      id: 'du_forged',
      payment_intent: paymentRef,
      reason: 'general',
    });
    await relay.hears('charge.dispute.created');
    expect(await relay.account()).toMatchObject({ status: 'active' });
    expect(relay.alerts().map(({ message }) => message)).toEqual(['payment_disputed']);
  });

  it('that begins as an inquiry is told, and suspends the client once it takes the money', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const { paymentRef = '' } = await relay.charged();
    const inquiry = { id: 'dp_inquiry', payment_intent: paymentRef, reason: 'general' };
    relay.stripe.emit('charge.dispute.created', inquiry);
    await relay.hears('charge.dispute.created');
    expect(await relay.account()).toMatchObject({ status: 'active' });
    const terms = { id: inquiry.id, intent: paymentRef, amount: 5_000, created: 1 };
    relay.stripe.state.disputes.set(inquiry.id, { ...terms, status: 'needs_response' });
    for (const times of [1, 2]) {
      relay.stripe.emit('charge.dispute.funds_withdrawn', inquiry);
      await relay.hears('charge.dispute.funds_withdrawn', times);
    }
    expect(await relay.account()).toMatchObject({ status: 'suspended' });
    expect(relay.alerts().map(({ message }) => message)).toEqual(['payment_disputed', 'payment_disputed']);
  });

  it('of a payment that is no recharge of this relay is none of ours', async () => {
    const relay = await aRelay();
    const { customer, paymentMethod } = await relay.saved(VISA);
    await relay.charged();
    const [own] = relay.stripe.state.intents.values();
    const others = [{}, { relay_recharge_key: 'key-1', relay_charge_id: 'rr_another_relay_1' }];
    for (const [index, metadata] of others.entries()) {
      const id = `pi_other_${index}`;
      if (own) relay.stripe.state.intents.set(id, { ...own, id, metadata: { ...metadata } });
      relay.stripe.dispute(id);
    }
    expect(await relay.hears('charge.dispute.created', 2)).toEqual([]);
    expect(relay.alerts()).toEqual([]);
    expect(await relay.account()).toMatchObject({ status: 'active', customer });
    expect(paymentMethod.customer).toBe(customer);
  });
});

describe('a refund', () => {
  it('that somebody makes in the dashboard is told once, with its amount and what was granted', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const row = await relay.charged();
    const { id } = relay.stripe.refundByHand(row.paymentRef ?? '', 2_000);
    await relay.hears('charge.refunded');
    const second = relay.stripe.refundByHand(row.paymentRef ?? '', 3_000);
    await relay.hears('charge.refunded', 2);
    expect(alertsOf(relay)).toEqual([
      { message: 'refunded_elsewhere', key: 'key-1', detail: `${id}: 20.00 EUR; 500 credits were granted` },
      {
        message: 'refunded_elsewhere',
        key: 'key-1',
        detail: `${second.id}: 30.00 EUR; 500 credits were granted`,
      },
    ]);
    expect(await relay.row()).toEqual(row);
    expect(await relay.account()).toMatchObject({ status: 'active' });
  });

  it('of the relay that the bank sends back after it was done is told once', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const row = await relay.charged();
    const { ledger } = store();
    await ledger.write(row, { ...row, goodwillRefund: 'refunded', refundedAt: Date.now() });
    const metadata = { relay_refund_id: refundIdOf(row), relay_recharge_key: row.key };
    relay.stripe.state.refunds.set('re_1', {
      ...{ id: 're_1', intent: row.paymentRef ?? '', amount: 5_000, status: 'failed', created: 1 },
      metadata,
    });
    for (const times of [1, 2]) {
      relay.stripe.emit('refund.failed', { id: 're_1', payment_intent: row.paymentRef, metadata });
      await relay.hears('refund.failed', times);
    }
    expect(alertsOf(relay)).toMatchObject([
      {
        message: 'refund_failed',
        key: 'key-1',
        detail: expect.stringContaining('re_1: 50.00 EUR came back'),
      },
    ]);
  });

  it('that the relay makes is no news', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const row = await relay.charged();
    const [intent] = relay.stripe.state.intents.values();
    relay.stripe.state.refunds.set('re_1', {
      ...{ id: 're_1', intent: intent?.id ?? '', amount: 5_000, status: 'succeeded', created: 1 },
      metadata: { relay_refund_id: refundIdOf(row) },
    });
    relay.stripe.emit('charge.refunded', { payment_intent: intent?.id, metadata: intent?.metadata });
    await relay.hears('charge.refunded');
    expect(relay.alerts()).toEqual([]);
  });
});

describe('what is to be looked at', () => {
  it('comes again while Stripe does not answer, and is done then', async () => {
    const relay = await aRelay();
    await relay.saved(VISA);
    const row = await relay.charged();
    relay.stripe.fault({ operation: 'lookup', fault: 'error' });
    relay.stripe.refundByHand(row.paymentRef ?? '');
    const [failed = ''] = await relay.hears('charge.refunded');
    expect(relay.alerts()).toEqual([]);
    expect(await relay.deliver(failed)).toEqual({ batchItemFailures: [] });
    expect(relay.alerts()).toHaveLength(1);
  });

  it('comes again where the key cannot be used, and the log says why', async () => {
    const relay = await aRelay({ key: 'rk_live_5112345678' });
    await relay.known();
    relay.stripe.emit('setup_intent.succeeded', { id: 'seti_1', metadata: { relay_client: EMAIL } });
    expect(await relay.hears('setup_intent.succeeded')).toHaveLength(1);
    expect(relay.lines.at(-1)?.error).toContain('stripeKey is a live key');
  });

  it.each([
    ['charge.dispute.created', { id: 'du_1', reason: 'general', payment_intent: null }],
    ['charge.refunded', { id: 'ch_1', payment_intent: 'pi_1', metadata: {} }],
    ['payment_method.detached', { id: 'pm_1', customer: null }],
    ['payment_method.updated', { id: 'pm_1/../x', customer: 'cus_1' }],
    ['setup_intent.succeeded', { id: 7, metadata: { relay_client: EMAIL } }],
  ])('is nothing for an event %s that lacks a part', async (type, object) => {
    const relay = await aRelay();
    const body = JSON.stringify({ ...JSON.parse(aPaymentEvent(type)), data: { object } });
    expect(await (await relay.post(body, signed(body))).json()).toEqual({ status: 'ignored' });
    expect(await relay.taken()).toEqual([]);
  });
});
