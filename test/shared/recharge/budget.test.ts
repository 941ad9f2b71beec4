import { describe, expect, it } from 'vitest';
import type { PaymentHook } from '../../../shared/payments/payment-hook.ts';
import { unknownAccount } from '../../../shared/recharge/account.ts';
import type { Charging } from '../../../shared/recharge/charging.ts';
import { createDynamoCharging } from '../../../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../../../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../../../shared/recharge/ledger.ts';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { newRecharge, type Recharge } from '../../../shared/recharge/recharge.ts';
import { draw, type RunDeps, runRecharge } from '../../../shared/recharge/run-recharge.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const EMAIL = `${'e'.repeat(52)}@example.com`;
const FIRST = Date.UTC(2026, 0, 5, 9, 0, 0, 123);
const SECOND = Date.UTC(2026, 0, 5, 11, 0, 0, 456);

/** Fails where a happy recharge calls what it should not. */
const notExpected = (): never => {
  throw new Error('A happy recharge does not call this.');
};

const payments: PaymentHook = {
  prepareCharge: async () => ({
    send: async () => ({ kind: 'paid', paymentRef: 'pi_3MtwBwLkdIwHu7ix28a3tqPa' }),
  }),
  lookup: notExpected,
  cancel: notExpected,
  refund: notExpected,
};
const platform: RunDeps['platform'] = {
  prepareGrant: async () => ({ send: async () => ({ kind: 'granted', newBalance: 549.75 }) }),
  subAccount: notExpected,
  findGrant: notExpected,
  listGrants: notExpected,
};

/** The clock that a worker's parts and its runs share. */
const clock = { now: FIRST };

/** What a worker keeps from one recharge to the next. */
interface Worker {
  ledger: Ledger;
  charging: Charging;
}

/** As the worker's function sets it up. */
function startWorker(): Worker {
  const { client, table } = store();
  const charging = createDynamoCharging(client, table, { freshMs: 5_000, now: () => clock.now });
  return { ledger: createDynamoLedger(client, table, charging.getWithSwitch), charging };
}

const depsOf = (worker: Worker): RunDeps => ({
  ...worker,
  payments,
  platform,
  draw,
  sleep: notExpected,
  guard: {
    mode: 'live',
    unknownAccounts: 'refuse',
    credits: { min: 1, max: 1_000 },
    limits: { cooldownSeconds: 600, dailyCount: 5, monthlyAmount: 50_000 },
    suspendAfterDeclines: 3,
    pricing: { currency: 'USD', perCredit: '0.10' },
  },
  preflight: false,
  parties: {
    payment: { fingerprint: '~01234567' },
    platform: { fingerprint: '~89abcdef' },
  },
  policy: productionPolicy,
  logger: {
    info: () => {},
    error: (_message, error) => expect.unreachable(String(error)),
    alert: notExpected,
  },
  now: () => clock.now,
});

const order = (key: string, now: number) =>
  newRecharge({ key, email: EMAIL, credits: 500 }, now, now + productionPolicy.sweepAgainMs);

/** From the accepted webhook to the end, as the functions do it. */
async function recharge(worker: Worker, key: string, now: number): Promise<Recharge | 'left_alone'> {
  clock.now = now;
  expect((await store().ledger.claim(order(key, now))).kind).toBe('written');
  return runRecharge(key, now + productionPolicy.runMs, depsOf(worker));
}

/** A client who has a status, limits of their own, and one recharge behind them. */
async function regularClient(): Promise<void> {
  const { ledger } = store();
  await ledger.writeAccount(unknownAccount(EMAIL), {
    ...unknownAccount(EMAIL),
    status: 'active',
    customer: 'cus_NffrFeUfNV2Hib',
    limits: { dailyCount: 3 },
  });
  expect(await recharge(startWorker(), 'a'.repeat(64), FIRST)).toMatchObject({ phase: 'completed' });
}

describe('on DynamoDB, with a key and an email of 64 characters,', () => {
  it('a happy recharge of a regular client is 7 requests, 7 write units and 3 read units, where the switch was long not read', async () => {
    await regularClient();
    const counted = meter(store().client);
    const row = await recharge(startWorker(), 'b'.repeat(64), SECOND);
    expect(counted).toMatchObject({ requests: 7, writeUnits: 7, readUnits: 3 });
    expect(row).toMatchObject({ phase: 'completed', amount: 5_000, currency: 'USD', newBalance: 549.75 });
    expect(await store().ledger.readAccount(EMAIL)).toMatchObject({
      last: { key: 'b'.repeat(64) },
      counts: { '2026-01-05': 2 },
      spent: { '2026-01_USD': 10_000 },
    });
  });

  it('and a read unit less, where another recharge has just read it', async () => {
    await regularClient();
    const worker = startWorker();
    clock.now = SECOND;
    await worker.charging.paused();
    const counted = meter(store().client);
    expect(await recharge(worker, 'b'.repeat(64), SECOND)).toMatchObject({ phase: 'completed' });
    expect(counted).toMatchObject({ requests: 7, writeUnits: 7, readUnits: 2 });
  });

  it('a duplicate of the webhook is 1 request', async () => {
    const { ledger, client } = store();
    await regularClient();
    const counted = meter(client);
    expect((await ledger.claim(order('a'.repeat(64), SECOND))).kind).toBe('conflict');
    expect(counted).toMatchObject({ requests: 1, readUnits: 0 });
  });
});
