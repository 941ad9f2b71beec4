import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxPayments, type SandboxPayments } from '../../local/sandbox/payments.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { createSandboxStripe, type SandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { createHttpPaymentHook } from '../../shared/payments/http-payment-hook.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { createPlatformClient } from '../../shared/platform/client.ts';
import { platformProfileSchema } from '../../shared/platform/profile.ts';
import { chargeIdOf, grantMarkOf } from '../../shared/recharge/recharge.ts';
import { SMALLEST } from '../shared/settings/configurations.ts';
import { aRecharge } from '../support/builders.ts';
import { exits, runCommand } from '../support/command.ts';
import { useTraces } from '../support/traces.ts';

const traces = useTraces();

const STRIPE_KEY = 'rk_test_51MzFakeFakeFakeFake';
const SECRET = 'whsec_cGF5bWVudC1ob29rLXNlY3JldA==';
const EMAIL = 'jane@example.com';
/** Commands go by the real clock. */
const MONTH = new Date().toISOString().slice(0, 7);

const folder = mkdtempSync(join(tmpdir(), 'relay-reconcile-'));
let stripe: SandboxStripe;
let payments: SandboxPayments;
let platform: SandboxPlatform;
beforeAll(async () => {
  stripe = await createSandboxStripe({ apiKey: STRIPE_KEY, apiVersion: STRIPE_API_VERSION });
  payments = await createSandboxPayments({ secret: SECRET });
  platform = await createSandboxPlatform({
    apiKey: 'platform-key',
    webhookSecret: 'webhook-secret',
    clients: [{ email: EMAIL, balance: 50 }],
    profile: { exportListsGrants: true },
  });
});
afterAll(async () => {
  await Promise.all([stripe.close(), payments.close(), platform.close()]);
  rmSync(folder, { recursive: true });
});

const withStripe = () =>
  traces().rewrite({
    config: { ...SMALLEST, payment: { type: 'stripe', apiUrl: stripe.url }, channels: {} },
  });
const withEndpoint = () =>
  traces().rewrite({ config: { ...SMALLEST, payment: { type: 'http', url: payments.url }, channels: {} } });

beforeEach(() => {
  const file = join(traces().target.env.RELAY_LOCAL_DIR, 'secrets.json');
  const { inbound, outbound } = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ inbound, outbound: { ...outbound, stripeKey: STRIPE_KEY } }));
  const config = { platform: { baseUrl: `${platform.url}/v1`, usageExport: { listsGrants: true } } };
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
});

const platformEnv = () => ({ PLATFORM_BASE_URL: `${platform.url}/v1`, PLATFORM_API_KEY: 'platform-key' });

const reconcile = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand(['reconcile', '--month', MONTH, ...args], {
    env: { ...traces().target.env, PAYMENT_HOOK_URL: payments.url, PAYMENT_HOOK_SECRET: SECRET, ...env },
  });

/** Charged at the endpoint, granted on the platform, and in the ledger. */
async function recharged(key: string): Promise<void> {
  const now = Date.now();
  const times = { receivedAt: now, attemptStartedAt: now, paidAt: now };
  const granted = [{ at: now, event: 'granted' }];
  const row = aRecharge({ key, email: EMAIL, phase: 'completed', ...times, history: granted });
  const hook = createHttpPaymentHook({
    url: payments.url,
    secret: async () => SECRET,
    timeoutMs: 5_000,
    now: Date.now,
  });
  const call = await hook.prepareCharge({
    chargeId: chargeIdOf(row),
    rechargeKey: key,
    account: { email: EMAIL },
    credits: 500,
    money: { amount: 5_000, currency: 'USD' },
    description: 'Auto-recharge of 500 credits',
    startedAt: now,
  });
  const paid = await call.send();
  const client = createPlatformClient({
    profile: platformProfileSchema.parse({ baseUrl: `${platform.url}/v1` }),
    apiKey: async () => 'platform-key',
    onUnauthorized: () => {},
    timeoutMs: 5_000,
    now: Date.now,
  });
  const grant = await client.prepareGrant({ email: EMAIL, credits: 500, description: grantMarkOf(row) });
  await grant.send();
  if (paid.kind !== 'paid') throw new Error('It is not paid.');
  await traces().connection.ledger.claim({ ...row, paymentRef: paid.paymentRef });
}

describe('reconcile', () => {
  it('ends with one line and 0, where an endpoint of one’s own and the platform say the same', async () => {
    withEndpoint();
    await recharged('key-1');
    const env = { ...platformEnv(), RELAY_CONFIG: join(folder, 'config.json') };
    const { code, stdout, stderr } = await reconcile([], env);
    expect(stdout).toBe(
      `${MONTH}: the ledger has 1 payment of 50.00 USD, net 50.00 USD; the payment endpoint, asked about 1 of them, has ` +
        'the same; the platform lists the same 1 grant of 500 credits. The month is not over.\n',
    );
    expect(stderr).toContain('It lists none, so a payment that the ledger does not have is not found.');
    expect(code).toBe(0);
    const json = JSON.parse((await reconcile(['--json'], env)).stdout);
    expect(json).toMatchObject({ agrees: true, is_whole: true, differences: [], platform: { same: 1 } });
  });

  it('says each difference with what to do, and ends with 1', async () => {
    withStripe();
    const now = Math.floor(Date.now() / 1_000);
    stripe.state.intents.set('pi_1', {
      ...{ id: 'pi_1', amount: 5_000, currency: 'usd', customer: 'cus_1', paymentMethod: 'pm_1' },
      ...{ status: 'succeeded', created: now },
      metadata: { relay_charge_id: 'rr_0d465532d4d7057850ccebafc9cfa436_1', relay_recharge_key: 'key-9' },
    });
    const file = join(folder, 'usage.csv');
    writeFileSync(
      file,
      'Sub Account ID,Sub Account Email,Date,Amount,Reason,Credit Type,Description\n' +
        `sub_1,${EMAIL},2026-11-02,500,Credits added,Grant,rr-0123456789ab-1 Auto-recharge\n`,
    );
    const { code, stdout } = await reconcile(['--export', file]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      [
        'payment_unknown_here',
        '  means       The provider has taken money for a recharge that is not in this ledger.',
        '  recharge    key-9',
        '  look for    pi_1',
        '  the ledger  no such recharge',
        '  Stripe      50.00 USD',
        '  to do       Does another relay, or another stage, charge through this account? Then this is its own. If not, find ' +
          'out who made the payment, and give it back at Stripe.',
        '',
        'grant_unknown_here',
        '  means         The platform lists a grant of a recharge that is not in this ledger.',
        `  client        ${EMAIL}`,
        '  look for      rr-0123456789ab-1',
        '  the ledger    no such recharge',
        '  the platform  500 credits as rr-0123456789ab-1',
        '  to do         Is the recharge older than those that were looked at (--look-back), or of another relay? If not, ' +
          'find out who granted it.',
        '',
        `${MONTH}: the ledger has no payment; Stripe has 50.00 USD more than the ledger, with 1 difference; grants on the ` +
          'platform have 1 difference. The month is not over.',
        '',
      ].join('\n'),
    );
    const json = JSON.parse((await reconcile(['--json'], platformEnv())).stdout);
    expect(json).toMatchObject({
      agrees: false,
      differences: [
        { word: 'payment_unknown_here', more: { amount: 5_000, currency: 'USD' }, at: 'provider' },
      ],
      platform: { state: 'left_out' },
    });
  });

  it('says what cannot be: a file that is no export, a key of Stripe that is not set or may not ask', async () => {
    withStripe();
    const file = join(folder, 'config.json');
    expect(await reconcile(['--export', file])).toEqual(exits(4, /is not the platform's usage export/));
    expect(await reconcile(['--export', 'nowhere.csv'])).toEqual(exits(4, /cannot be read \(ENOENT\)/));
    stripe.fault({ operation: 'lookup', fault: 'unauthorized' });
    expect(await reconcile([])).toEqual(exits(5, /Stripe does not know the key/));
  });
});
