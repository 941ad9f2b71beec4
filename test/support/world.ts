import { setTimeout as sleep } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, SQSEvent } from 'aws-lambda';
import { expect } from 'vitest';
import {
  createRechargeSweeperHandler,
  type RechargeSweeperDeps,
} from '../../functions/recharge-sweeper/handler.ts';
import { rechargeWebhookDeps } from '../../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../../functions/recharge-webhook/handler.ts';
import { createRechargeWorkerHandler } from '../../functions/recharge-worker/handler.ts';
import { createSandboxPayments, type SandboxPayments } from '../../local/sandbox/payments.ts';
import { createSandboxPlatform } from '../../local/sandbox/platform.ts';
import { createSandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { createMemoryCharging, SWITCHED_ON } from '../../proof/memory-charging.ts';
import { createMemoryLedger, EMPTY_TABLE } from '../../proof/memory-ledger.ts';
import { signRequest } from '../../shared/incoming/verifiers.ts';
import { createLogger } from '../../shared/logger.ts';
import { paymentHookOf } from '../../shared/payments/hook-of.ts';
import { createPayPages } from '../../shared/payments/pay-pages.ts';
import type { PaymentHook } from '../../shared/payments/payment-hook.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import { createPlatformClient, type PlatformClient } from '../../shared/platform/client.ts';
import { type Account, unknownAccount } from '../../shared/recharge/account.ts';
import type { Charging } from '../../shared/recharge/charging.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import { type Policy, productionPolicy } from '../../shared/recharge/policy.ts';
import type { RechargeQueue } from '../../shared/recharge/queue.ts';
import type { KeyMessage } from '../../shared/recharge/queue-message.ts';
import { newRecharge, type Recharge } from '../../shared/recharge/recharge.ts';
import { draw, type RunDeps, runRecharge } from '../../shared/recharge/run-recharge.ts';
import { type Config, parseConfig } from '../../shared/settings/config.ts';
import { guardSettings, partiesOf, policyOf } from '../../shared/settings/config-in-use.ts';
import { utc } from './builders.ts';
import { type Around, everyVerb } from './ports.ts';
import type { Store } from './store.ts';

export const KEY = 'key-1';
export const EMAIL = 'demo@example.com';
const CREDITS = 500;

const WEBHOOK_SECRET = 'webhook-secret-3b1f';
const PLATFORM_KEY = 'platform-key-9d42';
/** The tests of the machine can all be run with the other payment hook: `npm run test:stripe`. */
export const PAYMENTS = process.env.RELAY_TEST_PAYMENTS === 'stripe' ? 'stripe' : 'endpoint';
/** Thousands of mutants are tried on worlds in memory: `npm run mutants`. */
export const ALL_IN_MEMORY = process.env.RELAY_TEST_TABLE === 'memory';
const STRIPE_KEY = 'rk_test_9d42OfATest';
export const PAYMENT_SECRET = `whsec_${Buffer.from('payment-secret-of-a-test').toString('base64')}`;

const noMessage = async () => expect.unreachable('There are no messages in this world.');
const NO_MESSAGES: Pick<RechargeSweeperDeps, 'messages' | 'messageQueue' | 'sweeps'> = {
  messages: {
    due: async () => ({ items: [] }),
    read: noMessage,
    rememberReplyTo: noMessage,
    write: noMessage,
  },
  messageQueue: { send: noMessage },
  sweeps: { note: async () => {} },
};

export interface WorldOptions {
  policy?: Partial<Policy>;
  /** Parts of `relay.config.json`. */
  recharge?: Record<string, unknown>;
  guard?: Record<string, unknown>;
  /** Default: the clients of the tests know the platform, and the platform them. */
  clients?: string[];
  account?: Partial<Account>;
  preflight?: boolean;
  /** Grants stand in the platform's usage export, as the profile says; default: neither. */
  listsGrants?: boolean;
  /** Recharges, accounts and the switch are kept in memory, as the contract suite proves that the table keeps them. */
  inMemory?: boolean;
  /** Who takes the money; default: the agency's own endpoint. */
  payments?: 'endpoint' | 'stripe';
  /** Stripe's test card that the clients have saved. */
  card?: string;
  /** Of the relay, for a page of ours. */
  publicUrl?: () => string;
  /** In real milliseconds; the policy's own numbers are virtual. Short where a fault hangs. */
  callTimeoutMs?: number;
}

/** What a process is made of. All processes of a world share its table, books, queue and clock. */
export interface Process {
  deps: RunDeps;
  queue: RechargeQueue;
  /** One run as the worker makes it, over within `runMs` of the policy unless told otherwise. */
  run(key?: string, leftMs?: number): Promise<Recharge>;
  /** @returns the HTTP status. */
  webhook(): Promise<number>;
  /** Delivers one message. @returns whether it is to be delivered again. */
  worker(key: string): Promise<{ failed: boolean }>;
  /** Delivers the message of a wake. */
  woken(key?: string): Promise<{ failed: boolean }>;
  sweeper(): Promise<void>;
}

export type World = Awaited<ReturnType<typeof createWorld>>;

export interface Line {
  level: string;
  message: string;
  [field: string]: unknown;
}

/**
 * One client, one table, one platform and one payment endpoint that keep true books, and a clock that
 * stands still until it is moved: 2026-01-05 12:00:00 UTC at first. Only what the network does is real time.
 */
export async function createWorld(
  { client, table, inMemory = ALL_IN_MEMORY }: Omit<Store, 'ledger'> & Pick<WorldOptions, 'inMemory'>,
  options: WorldOptions = {},
) {
  let time = utc('2026-01-05 12:00:00');
  const now = () => time;
  const clients = options.clients ?? [EMAIL];
  const platform = await createSandboxPlatform({
    apiKey: PLATFORM_KEY,
    webhookSecret: WEBHOOK_SECRET,
    clients: clients.map((email) => ({ email, balance: 50 })),
    profile: { exportListsGrants: options.listsGrants ?? false },
  });
  const { payments: whose = PAYMENTS } = options;
  const payments = await (whose === 'stripe' ? stripeWith(clients, options.card) : endpoint());
  const config = configOf(platform.url, payments, options);
  const policy = policyOf(config, { ...productionPolicy, ...options.policy });
  const timeoutMs = options.callTimeoutMs ?? 5_000;

  const kept = { table: EMPTY_TABLE, switch: SWITCHED_ON };
  const isInMemory = options.inMemory || inMemory;
  const ledger = isInMemory ? createMemoryLedger(kept) : createDynamoLedger(client, table);
  const lines: string[] = [];
  const logger = createLogger((line) => lines.push(line), { now });
  const queued: string[] = [];
  for (const email of clients) {
    await ledger.writeAccount(unknownAccount(email), {
      ...unknownAccount(email),
      status: 'active',
      ...payments.saved(email),
      ...options.account,
    });
  }

  /**
   * A new process: nothing cached, and `around` between it and every one of its ports.
   *
   * @param configured where it is not configured as this world is.
   */
  const start = (around: Around = (_port, work) => work(), configured: Config = config): Process => {
    const { publicUrl = () => 'https://relay.example.com' } = options;
    const pages = createPayPages(client, table, { baseUrl: publicUrl, now });
    const ports = portsThrough(around, {
      ledger,
      payments: inRealTimeToo(
        paymentHookOf(configured.payment, {
          secrets: {
            get: async () => ({ paymentHook: PAYMENT_SECRET, stripeKey: STRIPE_KEY, channelTokens: {} }),
          },
          live: false,
          timeoutMs,
          pageFor: pages.open,
          table,
          // The endpoint compares the time of a signature with its own clock, which is the real one.
          now: Date.now,
        }),
        now,
      ),
      platform: inRealTime(
        createPlatformClient({
          profile: configured.platform,
          apiKey: async () => PLATFORM_KEY,
          onUnauthorized: () => {},
          timeoutMs,
          now: Date.now,
        }),
        now,
      ),
      charging: isInMemory
        ? createMemoryCharging(kept, now)
        : createDynamoCharging(client, table, { freshMs: 5_000, now }),
      queue: { send: async (keys) => void queued.push(...keys) },
    });
    const { queue, ...wrapped } = ports;
    const deps: RunDeps = {
      ...wrapped,
      guard: guardSettings(config),
      preflight: options.preflight ?? false,
      parties: partiesOf(configured),
      policy,
      logger,
      draw,
      sleep,
      now,
    };
    const context = { getRemainingTimeInMillis: () => policy.runMs };
    const receive = createRechargeWebhookHandler({
      ...rechargeWebhookDeps({
        config,
        client,
        table,
        secrets: {
          get: async () => ({ webhook: [WEBHOOK_SECRET] }),
          reread: async () => 'kept',
          doubt: () => {},
        },
        queue,
        sweepAgainMs: policy.sweepAgainMs,
        logger,
        now,
      }),
      ledger: deps.ledger,
    });
    const { confirm } = ports.payments;
    const confirming = confirm && { pages: everyVerb('pages', pages, around), confirm };
    const work = createRechargeWorkerHandler({ ...deps, ...(confirming ? { confirming } : {}) });
    const worker = async (message: KeyMessage) => {
      const { batchItemFailures } = await work(messageEvent(message), context);
      return { failed: batchItemFailures.length > 0 };
    };
    const sweep = createRechargeSweeperHandler({ ...deps, queue, ...NO_MESSAGES });
    return {
      deps,
      queue,
      async run(key = KEY, leftMs = policy.runMs) {
        const row = await runRecharge(key, time + leftMs, deps);
        if (row === 'left_alone') throw new Error(`The row ${key} is of a later version.`);
        return row;
      },
      webhook: async () => (await receive(webhookEvent(time))).statusCode ?? 0,
      worker: (key) => worker({ key }),
      woken: (key = KEY) => worker({ key, woken: true }),
      sweeper: async () => void (await sweep({}, context)),
    };
  };

  return {
    platform,
    payments,
    config,
    policy,
    ledger,
    rows: createDynamoRows(client, table),
    /** Keys that wait to be delivered. */
    queued,
    now,
    start,
    advance(ms: number) {
      time += ms;
    },
    moveTo(at: number) {
      time = Math.max(time, at);
    },
    /** Claims a recharge of 500 credits for USD 50.00, as the webhook does. */
    async claim(order: { key?: string; email?: string; grantEmail?: string } = {}) {
      const row = newRecharge(
        { key: KEY, email: EMAIL, credits: CREDITS, ...order },
        time,
        time + policy.sweepAgainMs,
      );
      expect((await ledger.claim(row)).kind).toBe('written');
    },
    /** Keys of all rows that come back by themselves, whatever they wait for. */
    async unfinished(): Promise<string[]> {
      const pages = await Promise.all(
        (['time', 'person'] as const).map((waitsFor) => ledger.due(waitsFor, Number.MAX_SAFE_INTEGER)),
      );
      return pages.flatMap(({ items }) => items.map(({ key }) => key));
    },
    async row(key = KEY): Promise<Recharge> {
      const row = await ledger.read(key);
      if (!row) throw new Error(`There is no row ${key}.`);
      return row;
    },
    account: (email = EMAIL) => ledger.readAccount(email),
    /** What really happened to the recharge, by the books of both sides. */
    books(key = KEY, email = EMAIL) {
      const ours = payments.books.filter((event) => event.recharge_key === key);
      const grants = platform.books.filter((event) => event.kind === 'grant' && event.email === email);
      return {
        captures: ours.filter(({ kind }) => kind === 'capture').length,
        refunds: ours.filter(({ kind }) => kind === 'refund').length,
        grants: grants.length,
      };
    },
    /** Lets the provider decide about a pending charge or refund. @returns whether something was pending. */
    async settle(outcome: 'paid' | 'declined' | 'refunded', key = KEY): Promise<boolean> {
      const charge = payments.books.findLast((event) => event.recharge_key === key);
      if (!charge) return false;
      const response = await fetch(`${payments.url}/sandbox/charges/${charge.charge_id}/settle`, {
        method: 'POST',
        body: JSON.stringify({ outcome }),
      });
      return response.ok;
    },
    lines: (): Line[] => lines.map((line) => JSON.parse(line)),
    alerts: (): string[] =>
      lines
        .map((line): Line => JSON.parse(line))
        .filter(({ level }) => level === 'alert')
        .map(({ message }) => message),
    /** Ends the sandboxes; then no line that was written may hold a secret or a client's whole address. */
    async close() {
      await Promise.all([platform.close(), payments.close()]);
      const hidden = [WEBHOOK_SECRET, PLATFORM_KEY, PAYMENT_SECRET, STRIPE_KEY, ...clients];
      const told = lines.filter((line) => hidden.some((secret) => line.includes(secret)));
      expect(told).toEqual([]);
    },
  };
}

interface Payments extends Pick<SandboxPayments, 'url' | 'books' | 'fault' | 'close'> {
  /** How a payment's reference begins, what a decline is called at once and later, and where a client acts. */
  says: { reference: string; declined: string; declinedLater: string; notConfirmed: string; page: string };
  /** In the configuration. */
  named: object;
  /** What the account says of the client's means of payment. */
  saved(email: string): Partial<Account>;
  /** How often a payment was confirmed with its client there, under keys of their own. */
  confirms(): number;
}

async function endpoint(): Promise<Payments> {
  const payments = await createSandboxPayments({ secret: PAYMENT_SECRET });
  const says = {
    reference: 'pay_',
    declined: 'card_declined',
    declinedLater: 'card_declined',
    notConfirmed: 'cancelled',
    page: 'https://payments.example.com/confirm',
  };
  return {
    ...payments,
    says,
    named: { type: 'http', url: payments.url },
    saved: () => ({}),
    confirms: () => 0,
  };
}

async function stripeWith(clients: string[], card: string | undefined): Promise<Payments> {
  const stripe = await createSandboxStripe({ apiKey: STRIPE_KEY, apiVersion: STRIPE_API_VERSION });
  const saved = new Map(clients.map((email) => [email, stripe.saveMeans(email, card)]));
  return {
    ...stripe,
    says: {
      reference: 'pi_',
      declined: 'card_refused',
      declinedLater: 'debit_not_authorized',
      notConfirmed: 'not_confirmed',
      page: 'https://relay.example.com/pay/',
    },
    named: { type: 'stripe', apiUrl: stripe.url },
    saved(email) {
      const { customer, paymentMethod } = saved.get(email) ?? stripe.saveMeans(email);
      return { customer, paymentMethod: { id: paymentMethod.id, type: paymentMethod.type } };
    },
    confirms: () => [...stripe.state.keys.keys()].filter((key) => key.includes('_confirm')).length,
  };
}

/** Stripe's objects have real times, so the world's time since which a payment is looked for is converted. */
function inRealTimeToo(payments: PaymentHook, now: () => number): PaymentHook {
  const real = <Reference extends { startedAt?: number }>(reference: Reference): Reference =>
    reference.startedAt === undefined
      ? reference
      : { ...reference, startedAt: reference.startedAt - now() + Date.now() };
  return {
    prepareCharge: (request) => payments.prepareCharge(real(request)),
    lookup: (reference) => payments.lookup(real(reference)),
    cancel: (reference) => payments.cancel(real(reference)),
    refund: (request) => payments.refund(real(request)),
    ...(payments.confirm === undefined ? {} : { confirm: payments.confirm }),
  };
}

/** The platform's books hold real times, so the world's time since which a grant is looked for is converted. */
function inRealTime(platform: PlatformClient, now: () => number): PlatformClient {
  return {
    ...platform,
    findGrant: (grant) => platform.findGrant({ ...grant, since: grant.since - now() + Date.now() }),
    listGrants: (grants) => platform.listGrants({ ...grants, since: grants.since - now() + Date.now() }),
  };
}

function configOf(
  platformUrl: string,
  payments: Payments,
  { recharge, guard, listsGrants = false }: WorldOptions,
) {
  return parseConfig(
    {
      platform: { baseUrl: `${platformUrl}/v1`, usageExport: { listsGrants } },
      recharge: {
        mode: 'live',
        verifiers: [{ type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }],
        creditsField: 'credits',
        ...recharge,
      },
      pricing: { currency: 'USD', perCredit: '0.10' },
      guard: { limits: {}, ...guard },
      payment: payments.named,
    },
    'the configuration of this test',
  );
}

/** Only the parts the handler reads. */
function webhookEvent(now: number): APIGatewayProxyEventV2 {
  const body = JSON.stringify({ idempotency_key: KEY, email: EMAIL, credits: CREDITS });
  const headers = signRequest({ secret: WEBHOOK_SECRET, body: Buffer.from(body), now });
  return { body, headers, isBase64Encoded: false } as unknown as APIGatewayProxyEventV2;
}

function messageEvent(message: KeyMessage): SQSEvent {
  return { Records: [{ messageId: 'message-1', body: JSON.stringify(message) }] } as unknown as SQSEvent;
}

interface Ports {
  ledger: Ledger;
  payments: PaymentHook;
  platform: PlatformClient;
  charging: Charging;
  queue: RechargeQueue;
}

/** The preparation of a call and its sending are two ports: a process can stop between them. */
function portsThrough(around: Around, { ledger, payments, platform, charging, queue }: Ports): Ports {
  return {
    ledger: everyVerb('ledger', ledger, around),
    payments: {
      ...everyVerb('payments', payments, around),
      async prepareCharge(request) {
        const call = await around('payments.prepareCharge', () => payments.prepareCharge(request));
        return { send: () => around('payments.charge', call.send) };
      },
    },
    platform: {
      ...everyVerb('platform', platform, around),
      async prepareGrant(grant) {
        const call = await around('platform.prepareGrant', () => platform.prepareGrant(grant));
        return { send: () => around('platform.grant', call.send) };
      },
    },
    charging: everyVerb('charging', charging, around),
    queue: everyVerb('queue', queue, around),
  };
}
