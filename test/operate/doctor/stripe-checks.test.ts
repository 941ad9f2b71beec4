import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createSandboxStripe } from '../../../local/sandbox/stripe/sandbox.ts';
import { localSecrets, readStoredSecrets, writeRuntime, writeStoredSecrets } from '../../../local/state.ts';
import { createPatient } from '../../../operate/doctor/patient.ts';
import { stripeKey } from '../../../operate/doctor/stripe-checks.ts';
import { findPaymentEndpoint } from '../../../operate/payments/endpoint.ts';
import { STRIPE_RIGHTS } from '../../../operate/stripe-rights.ts';
import { STRIPE_API_VERSION } from '../../../shared/payments/stripe/api.ts';
import { SMALLEST } from '../../shared/settings/configurations.ts';

const KEY = 'rk_test_51MzFakeFakeFakeFake';
const ALL = STRIPE_RIGHTS.map(({ name }) => name);

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** A relay here that Stripe pays, with this key; what its doctor sees, and Stripe's own books. */
async function look({
  key = KEY,
  rights = ALL,
  apiUrl,
}: {
  key?: string;
  rights?: string[];
  apiUrl?: string;
} = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'relay-stripe-'));
  const sandbox = await createSandboxStripe({
    apiKey: key.startsWith('sk_') ? key : KEY,
    apiVersion: STRIPE_API_VERSION,
    rights,
  });
  endings.push(
    () => sandbox.close(),
    () => rmSync(folder, { recursive: true, force: true }),
  );
  const target = { stack: undefined, env: { RELAY_LOCAL_DIR: folder } };
  localSecrets(target.env);
  const stored = readStoredSecrets(target.env);
  if (!stored) throw new Error('There are no secrets.');
  const { secrets, version } = stored;
  writeStoredSecrets(target.env, { ...secrets, outbound: { ...secrets.outbound, stripeKey: key } }, version);
  writeRuntime(target.env, {
    url: 'http://127.0.0.1:1',
    dynamodbEndpoint: 'http://127.0.0.1:1',
    table: 'none',
    config: { ...SMALLEST, payment: { type: 'stripe', apiUrl: apiUrl ?? sandbox.url }, channels: {} },
  });
  return { target, sandbox, findings: await stripeKey(createPatient(target, Date.now)) };
}

describe("a look at Stripe's key", () => {
  it('finds nothing wrong with a restricted key that has the rights of the documentation, and changes nothing', async () => {
    const { findings, sandbox } = await look();
    expect(findings).toEqual([
      { state: 'ok', found: 'Stripe knows the key, which has all the rights that the relay needs.' },
    ]);
    const { customers, intents, refunds, sessions } = sandbox.state;
    expect([customers, intents, refunds, sessions].map(({ size }) => size)).toEqual([0, 0, 0, 0]);
  });

  it.each(ALL)('names the right %s where it is missing', async (right) => {
    const { findings } = await look({ rights: ALL.filter((name) => name !== right) });
    expect(findings).toMatchObject([
      { id: `stripe_right:${right}`, state: 'fail', found: expect.stringContaining(`(${right})`) },
    ]);
  });

  it('knows that who may write may read', async () => {
    const rights = ALL.map((name) => name.replace(/_read$/, '_write'));
    expect((await look({ rights })).findings).toMatchObject([{ state: 'ok' }]);
  });

  it('warns of a key that may do everything', async () => {
    const { findings } = await look({ key: 'sk_test_51MzFakeFakeFakeFake' });
    expect(findings).toMatchObject([{ state: 'warn', todo: expect.stringContaining('restricted key') }]);
  });

  it('says that Stripe does not know it, or does not answer', async () => {
    expect((await look({ key: 'rk_test_51OtherOtherOther' })).findings).toMatchObject([
      { state: 'fail', found: 'Stripe does not know the key, or it has expired: nobody is charged.' },
    ]);
    expect((await look({ apiUrl: 'http://127.0.0.1:1' })).findings).toMatchObject([
      { state: 'fail', found: expect.stringContaining('Stripe gives no usable answer (') },
    ]);
  });

  it('does not ask with a key of the wrong mode', async () => {
    await expect(look({ key: 'rk_live_51MzFakeFakeFakeFake' })).rejects.toThrow('There is no key');
  });
});

it('payments test says that there is no endpoint to try where Stripe takes the money', async () => {
  const { target } = await look();
  await expect(findPaymentEndpoint(target)).rejects.toThrow('npx relay doctor');
});

it('the documentation lists the rights that are looked for', () => {
  const page = readFileSync(new URL('../../../docs/stripe.md', import.meta.url), 'utf8');
  const listed = [...page.matchAll(/^\| (?<row>[\w ]+) \| (?<level>Read|Write) \|/gm)].map(
    ({ groups: { row, level } = {} }) => `${row}: ${level}`,
  );
  expect(listed).toEqual(STRIPE_RIGHTS.map(({ row, level }) => `${row}: ${level}`));
  const chosen = page.match(/(?<=%5D=)rak_\w+/g);
  expect(chosen).toEqual([...ALL, ...ALL]);
});
