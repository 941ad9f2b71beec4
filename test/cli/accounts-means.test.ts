import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxStripe, type SandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { addAccount } from '../../operate/accounts.ts';
import { createPatient } from '../../operate/doctor/patient.ts';
import { savedMeans } from '../../operate/doctor/stripe-checks.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { SMALLEST } from '../shared/settings/configurations.ts';
import { exits, runCommand } from '../support/command.ts';
import { useTraces } from '../support/traces.ts';

const traces = useTraces();

const KEY = 'rk_test_51MzFakeFakeFakeFake';
const EMAIL = 'jane@example.com';
let sandbox: SandboxStripe;

beforeAll(async () => {
  sandbox = await createSandboxStripe({ apiKey: KEY, apiVersion: STRIPE_API_VERSION });
});
afterAll(() => sandbox.close());

function setKey(stripeKey: string) {
  const file = join(traces().target.env.RELAY_LOCAL_DIR, 'secrets.json');
  const { inbound, outbound } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ inbound, outbound: { ...outbound, stripeKey } }));
}

beforeEach(async () => {
  const { connection, rewrite } = traces();
  setKey(KEY);
  rewrite({
    config: { ...SMALLEST, payment: { type: 'stripe', apiUrl: sandbox.url }, channels: {} },
  });
  await addAccount(connection, EMAIL, {});
});

const accounts = (...args: string[]) =>
  runCommand(['accounts', ...args], { env: { ...traces().target.env } });

describe('accounts invite', () => {
  it('prints the link to send, until when it can be used, and whose it is', async () => {
    const { code, stdout } = await accounts('invite', EMAIL);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      new RegExp(
        [
          `^${EMAIL} is the customer cus_\\w+ at Stripe, made now\\.`,
          'Send them this link\\. It can be used once, until \\d{4}-\\d\\d-\\d\\dT[\\d:]{8}Z:',
          `  ${sandbox.url}/checkout/cs_test_\\w+`,
          `What they have saved is charged from then on: npx relay accounts show ${EMAIL}\n$`,
        ].join('\n'),
      ),
    );
    const again = await accounts('invite', EMAIL, '--json');
    expect(JSON.parse(again.stdout)).toMatchObject({ email: EMAIL, customer_was: 'kept' });
  });

  it('says what is missing: another way to charge, no key, a key of the wrong mode', async () => {
    setKey('rk_live_51MzFakeFakeFakeFake');
    expect(await accounts('invite', EMAIL)).toEqual(
      exits(
        5,
        'The secret stripeKey is a live key, which takes real money, and this is not production: give a test one. Set it: npx relay secrets set stripeKey',
      ),
    );
    traces().rewrite({ config: { ...SMALLEST, channels: {} } });
    expect(await accounts('invite', EMAIL)).toEqual(exits(4, /^This relay charges through your own payment/));
  });
});

describe('accounts link', () => {
  it('shows what is charged from then on, in the client and in the list', async () => {
    const { customer } = sandbox.saveMeans(EMAIL, '5555555555554444');
    const until = `${new Date().getUTCFullYear() + 3}-12`;
    const { code, stdout } = await accounts('link', EMAIL, '--customer', customer);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringContaining(
        `  customer     ${customer}\n  pays with    mastercard ••4444, until ${until}\n`,
      ),
    });
    expect((await accounts('list')).stdout).toContain(`mastercard ••4444, until ${until}`);
    expect(JSON.parse((await accounts('show', EMAIL, '--json')).stdout).payment_method).toMatchObject({
      type: 'card',
      brand: 'mastercard',
      last4: '4444',
      expires: until,
    });
  });

  it('takes all clients at once whose customer is known, and says whom it could not link', async () => {
    const { connection } = traces();
    const { customer } = sandbox.saveMeans('bob@example.com');
    await addAccount(connection, 'bob@example.com', { customer });
    await addAccount(connection, 'carol@example.com', { customer: 'cus_gone' });
    const all = await accounts('link-all', '--yes', '--json');
    expect(all.code).toBe(1);
    expect(JSON.parse(all.stdout)).toMatchObject([
      { email: 'bob@example.com', payment_method: { last4: '4242' } },
      { email: 'carol@example.com', problem: "Stripe answers: No such customer: 'cus_gone'" },
    ]);
    expect((await accounts('link-all', '--yes')).stdout).toMatch(
      /^client +not linked\ncarol@example.com +Stripe answers.*\n0 linked, 1 not\.\n$/,
    );
  });

  it('is what doctor looks for', async () => {
    const { connection, target } = traces();
    const look = () => savedMeans(createPatient(target, Date.now));
    await addAccount(connection, 'bob@example.com', {});
    expect(await look()).toMatchObject({
      state: 'warn',
      found: expect.stringMatching(/^No means of payment is known of b\*\*\*@example\.com and 1 more/),
    });
    for (const [client, email] of [
      [EMAIL, 'first@example.com'],
      ['bob@example.com', 'second@example.com'],
    ] as const)
      await accounts('link', client, '--customer', sandbox.saveMeans(email).customer);
    expect((await look()).state).toBe('ok');
  });

  it('of another card is what a client needs who was declined too often', async () => {
    const { connection } = traces();
    await accounts('link', EMAIL, '--customer', sandbox.saveMeans('third@example.com').customer);
    const statusChange = { at: 1, note: '3 declines in a row: card_refused', forDeclines: true } as const;
    await connection.accounts.set(EMAIL, { status: 'suspended', statusChange });
    expect((await accounts('show', EMAIL)).stdout).toContain(
      `until another card is saved (npx relay accounts invite ${EMAIL}), or npx relay accounts enable ${EMAIL}`,
    );
  });

  it('is forgotten with the client who is erased', async () => {
    const { customer } = sandbox.saveMeans(EMAIL);
    await accounts(
      'link',
      EMAIL,
      '--customer',
      customer,
      '--payment-method',
      [...sandbox.state.paymentMethods.keys()].at(-1) ?? '',
    );
    await accounts('erase', EMAIL, '--yes');
    expect(JSON.stringify(await traces().connection.ledger.readAccount(EMAIL))).not.toMatch(/cus_|pm_|4242/);
  });
});
