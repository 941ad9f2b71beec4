import Stripe from 'stripe';
import { afterEach, expect, vi } from 'vitest';
import { paymentWebhookDeps } from '../../../functions/payment-webhook/deps.ts';
import { createPaymentWebhookHandler } from '../../../functions/payment-webhook/handler.ts';
import { rechargeWorkerDeps } from '../../../functions/recharge-worker/deps.ts';
import { createRechargeWorkerHandler } from '../../../functions/recharge-worker/handler.ts';
import { startGateway } from '../../../local/gateway.ts';
import { createSandboxPlatform } from '../../../local/sandbox/platform.ts';
import { createSandboxStripe } from '../../../local/sandbox/stripe/sandbox.ts';
import { createLogger } from '../../../shared/logger.ts';
import { STRIPE_API_VERSION } from '../../../shared/payments/stripe/api.ts';
import { createStripeClient } from '../../../shared/payments/stripe/client.ts';
import { CLIENT, savedMeansOf } from '../../../shared/payments/stripe/saved-means.ts';
import type { Account } from '../../../shared/recharge/account.ts';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { newRecharge, type Recharge } from '../../../shared/recharge/recharge.ts';
import { keepMeans } from '../../../shared/recharge/saved-means.ts';
import { createSqsAskToLook, createSqsWake } from '../../../shared/recharge/wake.ts';
import { parseConfig } from '../../../shared/settings/config.ts';
import {
  createSecrets,
  inboundSecretsSchema,
  outboundSecretsSchema,
} from '../../../shared/settings/secrets.ts';
import { useQueue } from '../../support/queue.ts';
import { useLedger } from '../../support/store.ts';

export const EMAIL = 'jane@example.com';
export const SECRET = 'whsec_9f2c4e6a8b0d1f3e5a7c';
export const PREVIOUS = 'whsec_0a1b2c3d4e5f60718293';
export const STRIPE_KEY = 'rk_test_51HearingHearingHearing';
const PLATFORM_KEY = 'platform-key';
export const SEPA = 'DE89370400440532013000';

/** Milliseconds where nothing else runs. */
const PATIENCE = { timeout: 15_000, interval: 20 };

/** A relay that hears a Stripe over HTTP, with its worker: the test hands on what waits in the queue. */
export function useHearing() {
  const store = useLedger();
  const queue = useQueue();
  const open: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of open.splice(0).reverse()) await close();
  });

  async function aRelay({
    secrets = [SECRET, PREVIOUS],
    key = STRIPE_KEY,
  }: {
    secrets?: string[];
    key?: string;
  } = {}) {
    const { client, table, ledger } = store();
    const { sender, url: queueUrl, taken } = queue();
    const lines: Record<string, any>[] = [];
    const logger = createLogger((line) => lines.push(JSON.parse(line)));
    const now = Date.now;
    let broken = false;
    const handler = createPaymentWebhookHandler(
      paymentWebhookDeps({
        client,
        table,
        countEveryMs: 0,
        secrets: createSecrets(
          'inbound',
          async () => JSON.stringify({ webhook: ['another'], stripeWebhook: secrets }),
          inboundSecretsSchema,
        ),
        askToLook: createSqsAskToLook(sender, queueUrl),
        wake: (key) =>
          broken ? Promise.reject(new Error('no answer')) : createSqsWake(sender, queueUrl)(key),
        logger,
        now,
      }),
    );
    const gateway = await startGateway({ port: 0, routes: { 'POST /webhooks/stripe': handler } });
    const url = `${gateway.url}/webhooks/stripe`;
    const platform = await createSandboxPlatform({
      apiKey: PLATFORM_KEY,
      webhookSecret: 'unused',
      clients: [{ email: EMAIL, balance: 50 }],
    });
    const stripe = await createSandboxStripe({
      apiKey: STRIPE_KEY,
      apiVersion: STRIPE_API_VERSION,
      webhook: { url, secret: SECRET },
    });
    open.push(() => gateway.close(), platform.close, stripe.close);
    const worker = createRechargeWorkerHandler(
      rechargeWorkerDeps({
        config: parseConfig(
          {
            platform: { baseUrl: `${platform.url}/v1` },
            recharge: { mode: 'live', creditsField: 'credits' },
            pricing: { currency: 'EUR', perCredit: '0.10' },
            guard: { limits: {} },
            payment: { type: 'stripe', apiUrl: stripe.url },
          },
          'the test',
        ),
        client,
        table,
        live: false,
        publicUrl: () => 'https://relay.example.com',
        secrets: createSecrets(
          'outbound',
          async () => JSON.stringify({ platformApiKey: PLATFORM_KEY, stripeKey: key }),
          outboundSecretsSchema,
        ),
        policy: productionPolicy,
        logger,
        now,
      }),
    );
    const deliver = (body: string) =>
      worker({ Records: [{ messageId: 'message-1', body }] } as any, {
        getRemainingTimeInMillis: () => 60_000,
      });

    return {
      url,
      stripe,
      platform,
      lines,
      /** Posts bytes as they are. */
      post: (body: string, headers: Record<string, string>) => fetch(url, { method: 'POST', body, headers }),
      taken,
      breakQueue() {
        broken = true;
      },
      /** The worker takes what waits in the queue. @returns the ids of what failed. */
      async work(): Promise<string[]> {
        const failed: string[] = [];
        for (const body of await taken()) {
          const { batchItemFailures } = await deliver(body);
          failed.push(...batchItemFailures.map(() => body));
        }
        return failed;
      },
      /** Waits for an event of this type to be delivered so often, and works it off. */
      async hears(type: string, times = 1): Promise<string[]> {
        await vi.waitFor(() => {
          const heard = stripe.sent.filter((one) => one.type === type && one.status === 200);
          expect(heard.length).toBeGreaterThanOrEqual(times);
        }, PATIENCE);
        return this.work();
      },
      alerts: () => lines.filter(({ level }) => level === 'alert'),
      /** The client, with a saved means of payment. */
      async saved(number?: string) {
        const { customer, paymentMethod } = stripe.saveMeans(EMAIL, number);
        const sdk = await connect();
        const method = savedMeansOf(await sdk.paymentMethods.retrieve(paymentMethod.id));
        await keepMeans(ledger, EMAIL, { customer, paymentMethod: method }, { judge: () => {}, now: now() });
        return { customer, paymentMethod };
      },
      /** As a person links it. */
      async link(customer: string, id: string) {
        const method = savedMeansOf(await (await connect()).paymentMethods.retrieve(id));
        const given = { judge: () => {}, chosenAt: now(), now: now() };
        await keepMeans(ledger, EMAIL, { customer, paymentMethod: method }, given);
      },
      /** The client, whose account names a customer who has saved nothing yet. */
      async known(settings: Partial<Account> = {}): Promise<string> {
        const { id } = await (await connect()).customers.create({ email: EMAIL });
        const account = await ledger.readAccount(EMAIL);
        await ledger.writeAccount(account, { ...account, status: 'active', customer: id, ...settings });
        return id;
      },
      /** A page on which the client may save a card, and what happens when they do. */
      async invitation(customer: string) {
        const metadata = { [CLIENT]: EMAIL };
        const page = await (await connect()).checkout.sessions.create({
          mode: 'setup',
          customer,
          currency: 'eur',
          success_url: 'https://relay.example.com/pay/saved',
          metadata,
          setup_intent_data: { metadata },
        });
        return (number: string) =>
          fetch(page.url ?? '', {
            method: 'POST',
            body: new URLSearchParams({ number }),
            redirect: 'manual',
          });
      },
      deliver,
      /** A recharge, as far as it goes now. */
      async charged(key = 'key-1'): Promise<Recharge> {
        const at = now();
        await ledger.claim(newRecharge({ key, email: EMAIL, credits: 500 }, at, at + 180_000));
        await deliver(JSON.stringify({ key }));
        return this.row(key);
      },
      async row(key = 'key-1'): Promise<Recharge> {
        const row = await ledger.read(key);
        if (!row) throw new Error(`There is no row ${key}.`);
        return row;
      },
      account: () => ledger.readAccount(EMAIL),
      /** Stripe's bank decides about a debit. */
      async settle(chargeId: string, outcome: 'paid' | 'declined'): Promise<void> {
        const settled = await fetch(`${stripe.url}/sandbox/charges/${chargeId}/settle`, {
          method: 'POST',
          body: JSON.stringify({ outcome }),
        });
        expect(settled.status).toBe(200);
      },
      books: (key = 'key-1') => ({
        captures: stripe.books.filter((one) => one.kind === 'capture' && one.recharge_key === key).length,
        grants: platform.books.filter((one) => one.kind === 'grant').length,
      }),
    };

    /** Through the official package. */
    async function connect() {
      const { stripe: sdk } = await createStripeClient(STRIPE_KEY, { apiUrl: stripe.url, timeoutMs: 5_000 });
      return sdk;
    }
  }
  return { store, queue, aRelay };
}

/** What Stripe's own package signs. */
export function signed(body: string, { secret = SECRET, at = Date.now() } = {}): Record<string, string> {
  const timestamp = Math.floor(at / 1_000);
  return {
    'stripe-signature': Stripe.webhooks.generateTestHeaderString({ payload: body, secret, timestamp }),
  };
}

/** An event about a payment of this recharge, as Stripe writes it. */
export const aPaymentEvent = (
  type = 'payment_intent.succeeded',
  metadata: object = { relay_recharge_key: 'key-1' },
) =>
  JSON.stringify({
    id: 'evt_1',
    object: 'event',
    api_version: STRIPE_API_VERSION,
    type,
    data: { object: { id: 'pi_1', object: 'payment_intent', status: 'succeeded', metadata } },
  });
