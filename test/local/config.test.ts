import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { localConfig, paymentsKindOf, whatIsInForce } from '../../local/config.ts';

const PLATFORM = 'http://127.0.0.1:4001';
const PAYMENTS = 'http://127.0.0.1:4002';

describe('the configuration of npm start', () => {
  it('charges known clients 0.10 USD a credit, without limits, in the sandbox', () => {
    const config = localConfig({}, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS });
    expect(config.pricing).toEqual({ currency: 'USD', perCredit: '0.10' });
    expect(config.guard).toEqual({ unknownAccounts: 'refuse', limits: {}, suspendAfterDeclines: 3 });
    expect(config.recharge).toMatchObject({ mode: 'live', creditsField: 'credits' });
    expect(config.platform).toMatchObject({ baseUrl: 'http://127.0.0.1:4001/v1', subAccountLookup: true });
  });

  it('takes unknown clients only where a payment endpoint of your own takes their money', () => {
    const own = {
      PLATFORM_BASE_URL: 'https://api.example.com/v1',
      PAYMENT_HOOK_URL: 'https://pay.example.com',
    };
    const both = localConfig(own, { platformUrl: undefined, paymentsUrl: undefined });
    expect(both.guard.unknownAccounts).toBe('allow');
    expect(both.platform.subAccountLookup).toBe(false);
    const platformOnly = localConfig(own, { platformUrl: undefined, paymentsUrl: PAYMENTS });
    expect(platformOnly.guard.unknownAccounts).toBe('refuse');
  });

  it('is as fast as the sandbox, and with a real platform no faster than on AWS', () => {
    const sandbox = localConfig({}, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS });
    expect(sandbox.platform.requestsPerMinute).toBe(60_000);
    const own = { PLATFORM_BASE_URL: 'https://api.example.com/v1' };
    const real = localConfig(own, { platformUrl: undefined, paymentsUrl: PAYMENTS });
    expect(real.platform.requestsPerMinute).toBe(600);
  });

  it.each([PLATFORM, undefined])(
    'sends as many requests as RELAY_CONFIG says (sandbox: %s)',
    (platformUrl) => {
      const folder = mkdtempSync(join(tmpdir(), 'local-config-'));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      const RELAY_CONFIG = join(folder, 'mine.json');
      writeFileSync(RELAY_CONFIG, '{"platform":{"requestsPerMinute":90}}');
      const env = { RELAY_CONFIG, PLATFORM_BASE_URL: 'https://api.example.com/v1' };
      expect(localConfig(env, { platformUrl, paymentsUrl: PAYMENTS }).platform.requestsPerMinute).toBe(90);
    },
  );
});

describe('who takes the money', () => {
  const file = (payment: object) => {
    const folder = mkdtempSync(join(tmpdir(), 'local-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const RELAY_CONFIG = join(folder, 'mine.json');
    writeFileSync(RELAY_CONFIG, JSON.stringify({ payment }));
    return { RELAY_CONFIG };
  };
  const ofStripe = { type: 'stripe', payee: 'Acme', receipts: false };
  const ofEndpoint = { type: 'http', url: 'https://pay.example.com', name: 'ours' };

  it('is the sandbox’s Stripe where a file for Stripe is tried out, with what the file says of it', () => {
    const env = file(ofStripe);
    expect(paymentsKindOf(env)).toBe('stripe');
    const config = localConfig(env, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS, payments: 'stripe' });
    expect(config.payment).toEqual({ ...ofStripe, apiUrl: PAYMENTS, name: 'sandbox' });
    expect(whatIsInForce(config, env)).toEqual(
      expect.arrayContaining([
        `  payments  ${PAYMENTS} (sandbox of Stripe: takes no money)`,
        '  https://api.stripe.com is not asked: set STRIPE_KEY and STRIPE_WEBHOOK_SECRET for that.',
      ]),
    );
  });

  it('is Stripe in test mode where the environment holds its key', () => {
    const env = { ...file(ofStripe), STRIPE_KEY: 'rk_test_51MzNoRealKey' };
    const config = localConfig(env, { platformUrl: PLATFORM, paymentsUrl: undefined, payments: 'stripe' });
    expect(config.payment).toEqual(ofStripe);
    expect(config.guard.unknownAccounts).toBe('refuse');
    expect(whatIsInForce(config, env)).toEqual(
      expect.arrayContaining([
        '  payments  https://api.stripe.com (Stripe in test mode)',
        '  STRIPE_WEBHOOK_SECRET is not set: a generated secret is used, which the other side does not know.',
      ]),
    );
  });

  it('is what was typed, and what a file says of the other kind is left aside', () => {
    const typed = { platformUrl: PLATFORM, paymentsUrl: PAYMENTS };
    expect(localConfig(file(ofStripe), { ...typed, payments: 'endpoint' }).payment).toEqual({
      type: 'http',
      url: PAYMENTS,
      name: 'sandbox',
    });
    expect(localConfig(file(ofEndpoint), { ...typed, payments: 'stripe' }).payment).toMatchObject({
      type: 'stripe',
      apiUrl: PAYMENTS,
    });
    expect(paymentsKindOf(file(ofEndpoint))).toBe('endpoint');
    expect(paymentsKindOf({ ...file(ofStripe), PAYMENT_HOOK_URL: 'http://127.0.0.1:9' })).toBe('endpoint');
  });
});

describe('what a start says of itself', () => {
  const own = {
    PLATFORM_BASE_URL: 'https://api.example.com/v1',
    PAYMENT_HOOK_URL: 'https://pay.example.com',
  };

  it('is whose money moves at which price, and which secret was forgotten', () => {
    const config = localConfig(own, { platformUrl: undefined, paymentsUrl: undefined });
    expect(whatIsInForce(config, { ...own, PLATFORM_API_KEY: 'key' })).toEqual([
      '  mode live, 0.10 USD a credit, no limits; clients that are not set up: charged, too',
      '  platform  https://api.example.com/v1',
      '  payments  https://pay.example.com',
      '  PAYMENT_HOOK_SECRET is not set: a generated secret is used, which the other side does not know.',
    ]);
  });

  it('is what a client is held to, in whole units', () => {
    const config = localConfig(own, { platformUrl: undefined, paymentsUrl: undefined });
    const limits = { dailyCount: 3, monthlyAmount: 20_000, cooldownSeconds: 600 };
    const [first] = whatIsInForce(
      { ...config, guard: { ...config.guard, unknownAccounts: 'refuse', limits } },
      own,
    );
    expect(first).toContain(
      'at most 3 recharges a day, 200.00 USD a month, 600 s from one to the next; clients',
    );
  });

  it('names the parties of a file that are not asked, because the environment alone says whose money moves', () => {
    const folder = mkdtempSync(join(tmpdir(), 'local-config-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const RELAY_CONFIG = join(folder, 'mine.json');
    const parties = {
      platform: { baseUrl: 'https://api.example.com/v1' },
      payment: { url: 'https://pay.example.com' },
    };
    writeFileSync(RELAY_CONFIG, JSON.stringify(parties));
    const config = localConfig({ RELAY_CONFIG }, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS });
    expect(whatIsInForce(config, { RELAY_CONFIG }).slice(1)).toEqual([
      '  platform  http://127.0.0.1:4001/v1 (sandbox)',
      '  payments  http://127.0.0.1:4002 (sandbox: takes no money)',
      '  https://api.example.com/v1 is not asked: set PLATFORM_BASE_URL and PLATFORM_API_KEY for that.',
      '  https://pay.example.com is not asked: set PAYMENT_HOOK_URL and PAYMENT_HOOK_SECRET for that.',
    ]);
  });

  it('names the sandbox where it stands in for a part', () => {
    const config = localConfig({}, { platformUrl: PLATFORM, paymentsUrl: PAYMENTS });
    expect(whatIsInForce(config, {}).slice(1)).toEqual([
      '  platform  http://127.0.0.1:4001/v1 (sandbox)',
      '  payments  http://127.0.0.1:4002 (sandbox: takes no money)',
    ]);
  });
});
