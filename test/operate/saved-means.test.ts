import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { createSandboxStripe, type SandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { addAccount, setAccount } from '../../operate/accounts.ts';
import { inviteClient } from '../../operate/saved-means/invite.ts';
import { linkClient, SeveralMeansError, suspensionText } from '../../operate/saved-means/link.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { createStripeClient, type StripeClient } from '../../shared/payments/stripe/client.ts';
import { clientsOf } from '../support/clients.ts';
import { useLedger } from '../support/store.ts';

const store = useLedger();

const KEY = 'rk_test_51MzFakeFakeFakeFake';
const OTHER_CARD = '5555555555554444';
let sandbox: SandboxStripe;
let stripe: StripeClient;

beforeAll(async () => {
  sandbox = await createSandboxStripe({ apiKey: KEY, apiVersion: STRIPE_API_VERSION });
  stripe = await createStripeClient(KEY, { apiUrl: sandbox.url, timeoutMs: 2_000 });
});
afterAll(() => sandbox.close());

let tests = 0;
/** Of this test alone: Stripe is that of the file. */
let email: string;
beforeEach(async () => {
  tests += 1;
  email = `client-${tests}@example.com`;
  await addAccount(connection(), email, {});
});

const connection = () => ({
  ...clientsOf(store()),
  relay: {
    name: 'recharge-relay-dev',
    stage: 'dev',
    webhookUrl: 'https://relay.example.com/webhooks/auto-recharge',
  },
});
const invite = (wanted?: { customer?: string }) => inviteClient(connection(), stripe, email, wanted);
const link = (wanted?: { customer?: string; paymentMethod?: string }) =>
  linkClient(connection(), stripe, email, wanted);
const account = () => store().ledger.readAccount(email);
const customersWith = (address: string) =>
  [...sandbox.state.customers.values()].filter((customer) => customer.email === address);

describe('an invitation', () => {
  it('makes the customer, stores it at once, and leads to a page that saves what is charged then', async () => {
    const { url, expiresAt, ...invitation } = await invite();
    const [customer] = customersWith(email);
    expect(invitation).toEqual({ email, customer: customer?.id, customerWas: 'made' });
    expect(expiresAt - Date.now()).toBeGreaterThan(23 * 3_600_000);
    expect(await account()).toMatchObject({ customer: customer?.id });
    expect(await account()).not.toHaveProperty('paymentMethod');

    expect(await (await fetch(url)).text()).toContain(email);
    const saved = await fetch(url, {
      method: 'POST',
      body: new URLSearchParams({ number: OTHER_CARD }),
      redirect: 'manual',
    });
    expect(saved.headers.get('location')).toBe('https://relay.example.com/pay/saved');
    await link();
    expect(await account()).toMatchObject({
      paymentMethod: { type: 'card', brand: 'mastercard', last4: '4444', fingerprint: 'fp_554444' },
    });
  });

  it('tells Stripe whose page it is, and in what the client pays', async () => {
    await setAccount(connection(), email, { pricePerCredit: '0.08 EUR' });
    await invite();
    expect([...sandbox.state.sessions.values()].at(-1)).toMatchObject({
      metadata: { relay_client: email },
      currency: 'eur',
    });
  });

  it('takes the customer that Stripe has by the exact email, as it is spelt there, and then the one that is stored', async () => {
    const spelt = email.replace('client', 'Client');
    await setAccount(connection(), email, { grantEmail: spelt });
    const { customer } = sandbox.saveMeans(spelt);
    expect(await invite()).toMatchObject({ customer, customerWas: 'found' });
    expect(sandbox.state.customers.get(customer)?.metadata).toEqual({ relay_client: email });
    expect(await invite()).toMatchObject({ customer, customerWas: 'kept' });
    expect(customersWith(email)).toEqual([]);
  });

  it('asks which of several customers is meant, and changes nothing', async () => {
    const ids = [...'ab'].map((name) => {
      const customer = { id: `cus_${name}_${tests}`, email, created: 1 };
      sandbox.state.customers.set(customer.id, customer);
      return customer.id;
    });
    await expect(invite()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(`accounts invite ${email} --customer cus_…`),
    });
    await expect(invite()).rejects.toThrow(ids[0]);
    expect(await account()).not.toHaveProperty('customer');
    expect(await invite({ customer: ids[1] ?? '' })).toMatchObject({ customer: ids[1], customerWas: 'kept' });
  });

  it('is refused for a customer that was deleted at Stripe, and says how to go on', async () => {
    const { customer } = await invite();
    Object.assign(sandbox.state.customers.get(customer) ?? {}, { deleted: true });
    await expect(invite()).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('--customer none'),
    });
  });

  it('is refused for a stranger and for a customer that Stripe does not know, and nothing is made there', async () => {
    await expect(inviteClient(connection(), stripe, 'stranger@example.com')).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('npx relay accounts add stranger@example.com'),
    });
    expect(customersWith('stranger@example.com')).toEqual([]);
    await expect(invite({ customer: 'cus_none' })).rejects.toMatchObject({
      kind: 'not_found',
      message: "Stripe answers: No such customer: 'cus_none'",
    });
  });
});

describe('a link', () => {
  it('takes the only means of payment, which then is charged', async () => {
    const { customer, paymentMethod } = sandbox.saveMeans(email);
    const linked = await link({ customer });
    expect(linked).toMatchObject({
      account: { customer, paymentMethod: { id: paymentMethod.id, brand: 'visa', last4: '4242' } },
    });
    expect(await account()).toEqual(linked.account);
    expect(sandbox.state.customers.get(customer)?.metadata).toEqual({ relay_client: email });
  });

  it('takes the default of several, or the one that is named', async () => {
    const { customer, paymentMethod: first } = sandbox.saveMeans(email);
    const { paymentMethod: second } = sandbox.saveMeans(email, OTHER_CARD);
    Object.assign(sandbox.state.customers.get(customer) ?? {}, { defaultPaymentMethod: second.id });
    expect((await link({ customer })).account.paymentMethod?.id).toBe(second.id);
    expect((await link({ paymentMethod: first.id })).account.paymentMethod?.id).toBe(first.id);
  });

  it('lists several without a default, each with the command that takes it', async () => {
    const { customer, paymentMethod } = sandbox.saveMeans(email);
    sandbox.saveMeans(email, 'DE89370400440532013000');
    const error = await link({ customer }).catch((thrown: unknown) => thrown);
    if (!(error instanceof SeveralMeansError)) throw error;
    expect(error.means.map(({ type, last4 }) => [type, last4])).toEqual([
      ['sepa_debit', '3000'],
      ['card', '4242'],
    ]);
    expect(error.message.split('\n')).toContain(
      `  npx relay accounts link ${email} --customer ${customer} --payment-method ${paymentMethod.id}   visa ••4242, until ${new Date().getUTCFullYear() + 3}-12`,
    );
    expect(await account()).not.toHaveProperty('customer');
  });

  it('is refused where nothing is saved, where no customer is known, and for what another client has saved', async () => {
    await expect(link()).rejects.toThrow(`npx relay accounts invite ${email}`);
    await invite();
    await expect(link()).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('has saved nothing yet'),
    });
    const other = sandbox.saveMeans('other@example.com').paymentMethod;
    await expect(link({ paymentMethod: other.id })).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining(`${other.id} is not saved for the customer`),
    });
    expect(await account()).not.toHaveProperty('paymentMethod');
  });

  it('is of the time where the rows are kept: a clock that is ahead here would outdo what the client saves next', async () => {
    const { customer, paymentMethod } = sandbox.saveMeans(email);
    const storageNow = () => connection().now() - 600_000;
    const wanted = { customer, paymentMethod: paymentMethod.id };
    await linkClient({ ...connection(), storageNow }, stripe, email, wanted);
    expect((await account()).meansChosenAt).toBe(storageNow());
  });

  it('lifts a suspension for declines with another card alone', async () => {
    const { customer } = sandbox.saveMeans(email);
    await link({ customer });
    const { ledger } = store();
    const read = await account();
    await ledger.writeAccount(read, {
      ...read,
      status: 'suspended',
      statusChange: { at: 1, note: '3 declines in a row: expired_card', forDeclines: true },
      declines: { times: 3, card: 'fp_424242' },
    });
    const { paymentMethod: again } = sandbox.saveMeans(email);
    expect(await link({ paymentMethod: again.id })).toMatchObject({
      account: { status: 'suspended' },
    });
    const { paymentMethod: another } = sandbox.saveMeans(email, OTHER_CARD);
    const lifted = await link({ paymentMethod: another.id });
    expect(lifted).toMatchObject({ suspension: 'ends', account: { status: 'active' } });
    expect(suspensionText(lifted)).toContain('active again');
    const back = await link({ paymentMethod: again.id });
    expect(back).toMatchObject({ suspension: 'comes_back', account: { status: 'suspended' } });
    expect(suspensionText(back)).toContain(`npx relay accounts enable ${email} --note`);
  });
});

describe('what Stripe does not answer', () => {
  it('to a key that lacks a right is said with its name', async () => {
    const restricted = await createSandboxStripe({
      apiKey: KEY,
      apiVersion: STRIPE_API_VERSION,
      rights: ['rak_customer_read'],
    });
    onTestFinished(restricted.close);
    const client = await createStripeClient(KEY, { apiUrl: restricted.url, timeoutMs: 2_000 });
    await expect(inviteClient(connection(), client, email)).rejects.toMatchObject({
      kind: 'not_ready',
      message: 'The key of Stripe lacks rak_customer_write: docs/stripe.md, The key and its rights.',
    });
    expect(await account()).not.toHaveProperty('customer');
  });

  it.each<[string, string | undefined, string, RegExp]>([
    ['a key that it does not know', 'rk_test_51OtherOtherOther', 'not_ready', /does not know the key/],
    ['no answer at all', undefined, 'not_ready', /^Stripe gives no answer/],
  ])('%s is said, with what to do', async (_what, key, kind, sentence) => {
    const apiUrl = key === undefined ? 'http://127.0.0.1:1' : sandbox.url;
    const client = await createStripeClient(key ?? KEY, { apiUrl, timeoutMs: 500 });
    await expect(inviteClient(connection(), client, email)).rejects.toMatchObject({
      kind,
      message: expect.stringMatching(sentence),
    });
  });
});
