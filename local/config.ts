import { basename } from 'node:path';
import * as z from 'zod';
import { SECRET_HEADER } from '../shared/events/settings.ts';
import { isSafeUrl } from '../shared/http.ts';
import { formatMoney } from '../shared/money.ts';
import { paymentUrlOf } from '../shared/payments/payment-url.ts';
import { STRIPE_API } from '../shared/payments/stripe/api.ts';
import type { Limits } from '../shared/recharge/account.ts';
import { type Config, parseConfig } from '../shared/settings/config.ts';
import { parseWith, readConfigFile } from '../shared/settings/config-file.ts';
import type { Webhook } from './events.ts';
import { namesPayments, PAYMENT_TYPES, type PaymentsKind } from './payments-kind.ts';
import { DIALECTS, type DialectName } from './sandbox/dialects/index.ts';
import { LOCAL_VERIFIERS } from './sandbox/dialects/webhook.ts';
import { DEMO_CHANNEL } from './state.ts';

/** The part of `RELAY_CONFIG` that gets the defaults here. The rest is judged with the whole. */
const section = z.looseObject({}).default({});
const fileSchema = z.looseObject({
  recharge: section,
  guard: section,
  platform: section,
  payment: section,
  channels: z.record(z.string(), z.looseObject({ outgoing: section })).default({}),
});

/** What recharges remember of the sandbox's platform and payment endpoint. */
const SANDBOX = 'sandbox';

/** How the sandbox's platform replies. Where a channel leaves that open, its bot is to reach it. */
const SANDBOX_REPLIES = {
  verifiers: LOCAL_VERIFIERS,
  id: '/messageId',
  contact: '/contactId',
  text: '/body',
};

/** The sandbox's chat system, and what proves it. */
export interface Chat {
  url: string;
  dialect: DialectName;
  secret: string;
}

/** Between the sandbox's chat system and the sandbox's platform. */
const demoChannel = ({ url, dialect, secret }: Chat) => ({
  toId: 'demo-agency',
  ...DIALECTS[dialect].settings(url, secret),
  outgoing: SANDBOX_REPLIES,
  send: { verifiers: LOCAL_VERIFIERS },
});

/**
 * The configuration of `npm start`: every client pays USD 0.10 a credit, without limits. `RELAY_CONFIG` (a file,
 * whole or in part) overrules that. The variables say where the platform and the payment endpoint are.
 *
 * @throws ConfigError if the file cannot be read, or with all faults of the result.
 */
export function localConfig(
  env: NodeJS.ProcessEnv,
  {
    platformUrl,
    paymentsUrl,
    payments = 'endpoint',
    chat,
  }: {
    platformUrl: string | undefined;
    paymentsUrl: string | undefined;
    payments?: PaymentsKind;
    chat?: Chat | undefined;
  },
): Config {
  const { recharge, guard, platform, payment, channels, ...file } = readFile(env.RELAY_CONFIG);
  return parseConfig(
    {
      ...file,
      pricing: file.pricing ?? { currency: 'USD', perCredit: '0.10' },
      recharge: {
        mode: 'live',
        verifiers: LOCAL_VERIFIERS,
        ...(recharge.credits === undefined ? { creditsField: 'credits' } : {}),
        ...recharge,
      },
      // The sandbox's payments take no money. A real platform must not grant credits for them to anybody who asks.
      // And Stripe can charge those alone of whom a card is known.
      guard: {
        unknownAccounts: paymentsUrl === undefined && payments === 'endpoint' ? 'allow' : 'refuse',
        limits: {},
        ...guard,
      },
      platform: {
        // The sandbox looks sub-accounts up. It takes 60,000 requests a minute, so as not to be slower than what is
        // tried out. Nothing is known of a real platform.
        ...(platformUrl === undefined ? {} : { subAccountLookup: true, requestsPerMinute: 60_000 }),
        ...platform,
        // Its port differs at each start, and it is the same sandbox.
        ...(platformUrl === undefined ? {} : { name: SANDBOX }),
        baseUrl: platformUrl === undefined ? env.PLATFORM_BASE_URL : `${platformUrl}/v1`,
      },
      channels: {
        ...(chat === undefined ? {} : { [DEMO_CHANNEL]: demoChannel(chat) }),
        ...(platformUrl === undefined ? channels : answeredBySandbox(channels)),
      },
      payment: paymentOf(payment, payments, { paymentsUrl, env }),
    },
    env.RELAY_CONFIG === undefined ? 'the local configuration' : basename(env.RELAY_CONFIG),
  );
}

/** What the file says of another kind of payments is left aside. */
function paymentOf(
  { type = PAYMENT_TYPES.endpoint, ...file }: z.infer<typeof section>,
  kind: PaymentsKind,
  { paymentsUrl, env }: { paymentsUrl: string | undefined; env: NodeJS.ProcessEnv },
) {
  const settings = type === PAYMENT_TYPES[kind] ? file : {};
  const address = kind === 'stripe' ? { apiUrl: paymentsUrl } : { url: paymentsUrl ?? env.PAYMENT_HOOK_URL };
  return {
    ...(kind === 'stripe' && paymentsUrl !== undefined ? { payee: 'The agency of this sandbox' } : {}),
    ...settings,
    type: PAYMENT_TYPES[kind],
    ...(kind === 'stripe' && paymentsUrl === undefined ? {} : address),
    ...(paymentsUrl === undefined ? {} : { name: SANDBOX }),
  };
}

/** Who takes the money where the command line does not say so: a file for Stripe is tried out with a Stripe. */
export function paymentsKindOf(env: NodeJS.ProcessEnv): PaymentsKind {
  const { payment } = readFile(env.RELAY_CONFIG);
  const isStripe = payment.type === PAYMENT_TYPES.stripe && env.PAYMENT_HOOK_URL === undefined;
  return isStripe ? 'stripe' : 'endpoint';
}

const answeredBySandbox = (channels: z.infer<typeof fileSchema>['channels']) =>
  Object.fromEntries(
    Object.entries(channels).map(([name, { outgoing, ...channel }]) => [
      name,
      { ...channel, outgoing: { ...SANDBOX_REPLIES, ...outgoing } },
    ]),
  );

/**
 * The platform and the payment endpoint that `RELAY_CONFIG` names. On AWS they count. Here only the environment names
 * whose money moves: a file that is tried out must not charge anybody.
 */
export function namedInFile(env: NodeJS.ProcessEnv): { platform?: string; payments?: string } {
  const { platform, payment } = readFile(env.RELAY_CONFIG);
  return {
    ...(typeof platform.baseUrl === 'string' ? { platform: platform.baseUrl } : {}),
    ...(payment.type === PAYMENT_TYPES.stripe
      ? { payments: STRIPE_API }
      : typeof payment.url === 'string'
        ? { payments: payment.url }
        : {}),
  };
}

const readFile = (path: string | undefined) =>
  parseWith(fileSchema, path === undefined ? {} : readConfigFile(path), basename(path ?? ''));

/**
 * Where `npm start` posts events. Like the other parties, it is named by a variable and not by the file: what happens
 * here must not reach the systems that the deployed relay speaks to.
 *
 * @throws an Error where the variable holds no address that may be used.
 */
export function eventsWebhook(
  env: NodeJS.ProcessEnv,
  { events }: Pick<Config, 'events'>,
): Webhook | undefined {
  const { EVENTS_WEBHOOK_URL: url, EVENTS_WEBHOOK_SECRET: secret } = env;
  if (url === undefined) return undefined;
  if (!isSafeUrl(url)) throw new Error('EVENTS_WEBHOOK_URL must be https, or http on this machine.');
  const headers = secret === undefined ? {} : { [events?.header ?? SECRET_HEADER]: secret };
  return { url, headers };
}

function limitsInWords({ dailyCount, monthlyAmount, cooldownSeconds }: Limits, currency: string): string {
  const words = [
    dailyCount === undefined ? [] : `${dailyCount} recharges a day`,
    monthlyAmount === undefined ? [] : `${formatMoney({ amount: monthlyAmount, currency })} a month`,
    cooldownSeconds === undefined ? [] : `${cooldownSeconds} s from one to the next`,
  ].flat();
  return words.length === 0 ? 'no limits' : `at most ${words.join(', ')}`;
}

/** What a start does with whose money, and which settings it lacks or leaves aside. */
export function whatIsInForce(
  { platform, payment, recharge, pricing, guard, events }: Config,
  env: NodeJS.ProcessEnv,
): string[] {
  const price =
    'perCredit' in pricing
      ? `${pricing.perCredit} ${pricing.currency} a credit`
      : `${pricing.currency}, by list`;
  const limits = limitsInWords(guard.limits, pricing.currency);
  const named = namedInFile(env);
  const isStripe = payment.type === 'stripe';
  const ownPayments = namesPayments(env, isStripe ? 'stripe' : 'endpoint');
  const [address, secret] = isStripe
    ? ['STRIPE_KEY', 'STRIPE_WEBHOOK_SECRET']
    : ['PAYMENT_HOOK_URL', 'PAYMENT_HOOK_SECRET'];
  const warnings = [
    env.PLATFORM_BASE_URL !== undefined &&
      env.PLATFORM_API_KEY === undefined &&
      'PLATFORM_API_KEY is not set',
    ownPayments && env[secret] === undefined && `${secret} is not set`,
  ].filter((warning) => warning !== false);
  const standIns = [
    env.PLATFORM_BASE_URL === undefined &&
      named.platform !== undefined &&
      `${named.platform} is not asked: set PLATFORM_BASE_URL and PLATFORM_API_KEY for that.`,
    !ownPayments &&
      named.payments !== undefined &&
      `${named.payments} is not asked: set ${address} and ${secret} for that.`,
    env.EVENTS_WEBHOOK_URL === undefined &&
      events !== undefined &&
      `${events.url} is not told of events: set EVENTS_WEBHOOK_URL and EVENTS_WEBHOOK_SECRET for that.`,
  ].filter((line) => line !== false);
  const whose = isStripe ? ' (Stripe in test mode)' : '';
  const payments = ownPayments ? whose : ` (sandbox${isStripe ? ' of Stripe' : ''}: takes no money)`;
  return [
    `  mode ${recharge.mode}, ${price}, ${limits}; clients that are not set up: ${guard.unknownAccounts === 'allow' ? 'charged, too' : 'refused'}`,
    `  platform  ${platform.baseUrl}${env.PLATFORM_BASE_URL === undefined ? ' (sandbox)' : ''}`,
    `  payments  ${paymentUrlOf(payment)}${payments}`,
    ...(env.EVENTS_WEBHOOK_URL === undefined ? [] : [`  events    ${env.EVENTS_WEBHOOK_URL}`]),
    ...standIns.map((line) => `  ${line}`),
    ...warnings.map(
      (warning) => `  ${warning}: a generated secret is used, which the other side does not know.`,
    ),
  ];
}
