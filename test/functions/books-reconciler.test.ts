import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { booksReconcilerDeps } from '../../functions/books-reconciler/deps.ts';
import { createBooksReconcilerHandler } from '../../functions/books-reconciler/handler.ts';
import { createSandboxStripe, type SandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { createLogger } from '../../shared/logger.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { chargeIdOf } from '../../shared/recharge/recharge.ts';
import type { OutboundSecrets } from '../../shared/settings/secrets.ts';
import { aConfig, aRecharge, utc } from '../support/builders.ts';
import { useLedger } from '../support/store.ts';

const store = useLedger();

const KEY = 'rk_test_51MzFakeFakeFakeFake';
const TENTH = utc('2026-10-10 10:00:00');
let stripe: SandboxStripe;
beforeAll(async () => {
  stripe = await createSandboxStripe({ apiKey: KEY, apiVersion: STRIPE_API_VERSION });
});
afterAll(() => stripe.close());
beforeEach(() => stripe.state.intents.clear());

/** One night. @returns what it said, and the lines of the log. */
async function night(
  now: string,
  {
    secrets = { stripeKey: KEY },
    given = {},
  }: {
    secrets?: Partial<OutboundSecrets>;
    given?: object;
  } = {},
) {
  const lines: string[] = [];
  const { client, table } = store();
  const config = aConfig({ payment: { type: 'stripe', apiUrl: stripe.url }, ...given });
  const handler = createBooksReconcilerHandler(
    booksReconcilerDeps({
      config,
      client,
      table,
      secrets: {
        get: async () => ({ channelTokens: {}, ...secrets }),
        reread: async () => 'kept',
        doubt: () => {},
      },
      live: false,
      logger: createLogger((line) => lines.push(line)),
      now: () => utc(now),
    }),
  );
  const { conclusion } = await handler();
  return { conclusion, lines: lines.map((line) => JSON.parse(line)) };
}

/** A payment of 50.00 USD at Stripe, of the tenth. */
const pay = (key: string) =>
  stripe.state.intents.set(`pi_${key}`, {
    ...{ id: `pi_${key}`, amount: 5_000, currency: 'usd', customer: 'cus_1', paymentMethod: 'pm_1' },
    ...{ status: 'succeeded', created: Math.floor(TENTH / 1_000) },
    metadata: { relay_charge_id: chargeIdOf(aRecharge({ key })), relay_recharge_key: key },
  });

const keep = (key: string) =>
  store().ledger.claim(
    aRecharge({ key, phase: 'completed', receivedAt: TENTH, paidAt: TENTH, paymentRef: `pi_${key}` }),
  );

describe('the nightly comparison', () => {
  it('says in one line that both sides agree, of the month of the day before', async () => {
    pay('key-1');
    await keep('key-1');
    const first = await night('2026-11-01 03:30:00');
    expect(first.conclusion).toContain('2026-10: the ledger has 1 payment of 50.00 USD');
    expect(first.lines).toMatchObject([
      { level: 'info', message: 'books reconciled', month: '2026-10', book_differences: 0, isWhole: true },
    ]);
    const next = await night('2026-11-02 03:30:00');
    expect(next.conclusion).toContain('2026-11: the ledger has no payment');
  });

  it('raises an alert where they do not, and where it could not ask', async () => {
    await keep('key-1');
    const { lines } = await night('2026-10-20 03:30:00');
    expect(lines.at(-1)).toMatchObject({
      level: 'alert',
      message: 'books_differ',
      month: '2026-10',
      detail: expect.stringContaining('Stripe has 50.00 USD less than the ledger, with 1 difference'),
    });
    stripe.state.intents.clear();
    const platform = { baseUrl: 'http://127.0.0.1:9/v1', usageExport: { listsGrants: true } };
    const unread = await night('2026-11-20 03:30:00', { given: { platform } });
    expect(unread.lines.at(-1)).toMatchObject({
      message: 'books_differ',
      detail: expect.stringContaining('NOT WHOLE'),
    });
  });

  it('fails where the provider cannot be asked at all', async () => {
    await expect(night('2026-10-20 03:30:00', { secrets: {} })).rejects.toThrow(/^The secret stripeKey /);
    stripe.fault({ operation: 'lookup', fault: 'unauthorized' });
    await expect(night('2026-10-20 03:30:00')).rejects.toThrow('Invalid API Key');
  });
});
