import { paymentUrlOf } from '../shared/payments/payment-url.ts';
import { STRIPE_API_VERSION } from '../shared/payments/stripe/api.ts';
import { printable } from '../shared/printable.ts';
import { unknownAccount } from '../shared/recharge/account.ts';
import { rechargeJson } from '../shared/recharge/present.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import type { Config } from '../shared/settings/config.ts';
import { startProcess } from './child-process.ts';
import {
  type Chat,
  eventsWebhook,
  localConfig,
  namedInFile,
  paymentsKindOf,
  whatIsInForce,
} from './config.ts';
import { ask, demonstrate, demonstrateMessage, SANDBOX_CLIENTS, whatToTry } from './demonstration.ts';
import { demonstrateStripe, setUpStripeClients } from './demonstration-stripe.ts';
import { bringEngine } from './engine-package.ts';
import { type Engine, startDynamo } from './engines.ts';
import { readFlags, UsageError, whatDoesNotFit } from './flags.ts';
import { createLogFile } from './log-file.ts';
import { namesPayments, type PaymentsKind } from './payments-kind.ts';
import { localWaits } from './policy.ts';
import { startRelay } from './relay.ts';
import { secretFault } from './secret-variables.ts';
import {
  DEMO_CHANNEL,
  folderId,
  type LocalSecrets,
  localFile,
  localSecrets,
  makeStripeSecrets,
  relayCommand,
  takeFolder,
  withReplySecrets,
  writeRuntime,
} from './state.ts';
import { createTalk } from './talk.ts';
import { asker, paint, say, sayPainted } from './terminal.ts';
import { MAY_BE_EVENT_SQL } from './wanted-changes.ts';
import { loadWorkers } from './workers.ts';

/** Where a browser finds the pages of the sandbox's Stripe. */
const STRIPE_PAGES = '/sandbox/stripe/';

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
/** What was started, ended in the opposite order. */
const started: (() => unknown)[] = [];
let ending: Promise<never> | undefined;

function end(code: number): Promise<never> {
  ending ??= (async () => {
    for (const stop of started.reverse()) await stop();
    process.exit(code);
  })();
  return ending;
}
process.on('SIGINT', () => end(0));
process.on('SIGTERM', () => end(0));

/** A relay that takes webhooks, and works none of them off, would look as if it ran. */
function endWithoutWorkers(error: unknown): void {
  process.stderr.write(`The workers have ended: ${printable(messageOf(error))}\n`);
  void end(1);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${printable(messageOf(error))}\n`);
  await end(error instanceof UsageError ? 2 : 1);
}

async function main(): Promise<void> {
  const flags = readFlags(process.argv.slice(2), (help) => process.stdout.write(help));
  if (flags === undefined) return;
  const { port, once, json, fresh } = flags;
  // A program that reads the last line must find the recharge there.
  const talks = !flags.quiet && !once && !json;
  const { env } = process;
  const payments = flags.payments ?? paymentsKindOf(env);
  const demo = env.PLATFORM_BASE_URL === undefined && !namesPayments(env, payments);
  const wrong = whatDoesNotFit(flags, { env, payments, demo });
  if (wrong !== undefined) throw new UsageError(wrong);
  const fault = secretFault(env);
  if (fault !== undefined) throw new Error(fault);
  if (env.DYNAMODB_ENDPOINT === undefined) await bringEngine({ confirm: asker() });
  const folder = takeFolder(env, { fresh });
  started.push(() => folder.release());
  // Only the start that has the folder makes secrets. Of two that begin at once, each would make some, and one
  // would run with secrets that the other has replaced.
  if (payments === 'stripe') makeStripeSecrets(env);
  const stored = localSecrets(env);
  const write = logOf(env, { talks });
  const workers = loadWorkers({ write, onDeath: endWithoutWorkers }, env);
  const parts = await startParts(folder, stored, { ...flags, payments });
  const { platformUrl, paymentsUrl, payments: _p, chat: _, ...engines } = parts;
  const name = tableName(env, payments);
  const config = localConfig(env, parts);
  const secrets = platformUrl === undefined ? stored : withReplySecrets(stored, Object.keys(config.channels));
  const relay = await startRelay({
    ...engines,
    port,
    name,
    passes: sandboxPasses(parts),
    config,
    waits: localWaits(env, Object.keys(config.channels)),
    secrets,
    events: { webhook: eventsWebhook(env, config), placesFile: localFile(env, 'events.json') },
    workers,
    write,
  });
  started.push(() => relay.stop());
  writeRuntime(env, {
    ...engines,
    url: relay.url,
    table: name,
    platformUrl: config.platform.baseUrl,
    paymentsUrl: paymentUrlOf(config.payment),
    queues: relay.queues,
    sandbox: [
      ...(platformUrl === undefined ? [] : (['platform'] as const)),
      ...(paymentsUrl === undefined ? [] : (['payments'] as const)),
    ],
    config,
  });

  await connectSandbox(relay, parts, { secrets, channels: config.channels });
  say(`Recharge Relay listens on ${relay.url} (log: ${localFile(env, 'relay.log')})`);
  for (const line of whatIsInForce(config, env)) say(line);
  const named = namedInFile(env);
  const isWhole = named.platform !== undefined && named.payments !== undefined;
  // Whoever brings a whole configuration has seen the demonstration, and wants to try that.
  const showing = isWhole && !once && !json ? undefined : showDemonstration(relay, parts);
  const row = await showing?.catch((error: unknown) => {
    if (once) throw error;
    // A relay that stays up helps to find out why.
    say(`${messageOf(error)}\n`);
    return undefined;
  });
  // It takes a second to load, and so comes after the recharge that is shown.
  if (flags.console && !once && !json) await serveConsole();
  if (!once) say(whatToTry(relay.url, { demo, talks, payments }, env));
  if (json && row) say(JSON.stringify(rechargeJson(row)));
  if (once) await end(row?.phase === 'completed' ? 0 : 1);
}

/**
 * What the sandbox called paid or granted is never driven against real parties, nor the other way round. So each
 * pair of parties has a table of its own. The books of the sandbox are in this folder. So on engines that others
 * use, too, its table bears the folder's name.
 */
function tableName(env: NodeJS.ProcessEnv, payments: PaymentsKind): string {
  const { PLATFORM_BASE_URL, DYNAMODB_ENDPOINT, SQS_ENDPOINT } = env;
  const shared = DYNAMODB_ENDPOINT !== undefined || SQS_ENDPOINT !== undefined;
  const ownPayments = namesPayments(env, payments);
  const ofKind = payments === 'stripe' ? '-stripe' : '';
  if (PLATFORM_BASE_URL !== undefined && ownPayments)
    return `${shared ? 'recharge-relay' : 'recharge-relay-own'}${ofKind}`;
  if (PLATFORM_BASE_URL !== undefined) return `recharge-relay-own-platform${ofKind}`;
  if (ownPayments) return `recharge-relay-own-payments${ofKind}`;
  return `recharge-relay${ofKind}${shared ? `-${folderId(env)}` : ''}`;
}

/** Each line goes into the log file, and from there to the person. */
function logOf(env: NodeJS.ProcessEnv, { talks }: { talks: boolean }): (line: string) => void {
  const write = createLogFile(localFile(env, 'relay.log'));
  if (!talks) return write;
  const tell = createTalk({ say: sayPainted, paint, relay: relayCommand(env) });
  return (line) => {
    write(line);
    tell(line);
  };
}

interface Parts {
  dynamodbEndpoint: string;
  sqsEndpoint: string;
  /** Absent where a real platform, or a test's own, stands in its place. */
  platformUrl: string | undefined;
  paymentsUrl: string | undefined;
  payments: PaymentsKind;
  /** There with the sandbox platform, whose bot answers what customers write. */
  chat: Chat | undefined;
}

/** A relay without its console is still one. */
async function serveConsole(): Promise<void> {
  try {
    const { endpoint, stop } = await startProcess('../console/local-process.ts');
    started.push(stop);
    say(`The console, in a browser on this machine: ${endpoint}`);
  } catch (error) {
    say(messageOf(error));
  }
}

/** Starts what the environment does not replace, all at once. */
async function startParts(
  folder: ReturnType<typeof takeFolder>,
  { inbound, outbound }: ReturnType<typeof localSecrets>,
  { payments, chat: dialect }: { payments: PaymentsKind; chat: Chat['dialect'] },
): Promise<Parts> {
  const { env } = process;
  const secret = outbound.channelTokens[DEMO_CHANNEL];
  if (secret === undefined) throw new Error('Bug! The secrets are without those of the demonstration.');
  const pids: number[] = [];
  const keep = (engine: Engine) => {
    started.push(() => engine.stop());
    if (engine.pid !== undefined) pids.push(engine.pid);
    folder.record(pids);
    return engine.endpoint;
  };
  const [dynamodbEndpoint, sqsEndpoint, platformUrl, paymentsUrl, chatUrl] = await Promise.all([
    env.DYNAMODB_ENDPOINT ??
      startDynamo({ dbFile: localFile(env, 'dynamodb.sqlite'), wanted: MAY_BE_EVENT_SQL }).then(keep),
    env.SQS_ENDPOINT ?? startProcess('./sqs-process.ts').then(keep),
    env.PLATFORM_BASE_URL === undefined
      ? startProcess('./sandbox/platform-process.ts', {
          apiKey: outbound.platformApiKey,
          webhookSecret: inbound.webhook[0],
          booksFile: localFile(env, 'platform.jsonl'),
        }).then(keep)
      : undefined,
    namesPayments(env, payments) ? undefined : startPayments(payments, { inbound, outbound }).then(keep),
    env.PLATFORM_BASE_URL === undefined
      ? startProcess('./sandbox/chat-process.ts', {
          dialect,
          secret,
          reports: ['delivered', 'read'],
          booksFile: localFile(env, 'chat.jsonl'),
        }).then(keep)
      : undefined,
  ]);
  const chat = chatUrl === undefined ? undefined : { url: chatUrl, dialect, secret };
  return { dynamodbEndpoint, sqsEndpoint, platformUrl, paymentsUrl, payments, chat };
}

function startPayments(kind: PaymentsKind, { inbound, outbound }: LocalSecrets): Promise<Engine> {
  const { env } = process;
  return kind === 'stripe'
    ? startProcess('./sandbox/stripe-process.ts', {
        apiKey: outbound.stripeKey,
        apiVersion: STRIPE_API_VERSION,
        webhook: { secret: inbound.stripeWebhook?.[0] },
        stateFile: localFile(env, 'stripe.json'),
      })
    : startProcess('./sandbox/payments-process.ts', {
        secret: outbound.paymentHook,
        pendingSettleMs: 5_000,
        booksFile: localFile(env, 'payments.jsonl'),
      });
}

/** The sandbox's own addresses, on the relay's port. */
function sandboxPasses({ platformUrl, paymentsUrl, payments, chat }: Parts) {
  return {
    ...(platformUrl === undefined
      ? {}
      : {
          '/sandbox/platform/v1/': { origin: platformUrl, prefix: '/v1/' },
          '/sandbox/platform/': { origin: platformUrl, prefix: '/sandbox/' },
        }),
    ...(paymentsUrl === undefined
      ? {}
      : { '/sandbox/payments/': { origin: paymentsUrl, prefix: '/sandbox/' } }),
    // Its pages, which a browser opens.
    ...(paymentsUrl === undefined || payments !== 'stripe'
      ? {}
      : { [STRIPE_PAGES]: { origin: paymentsUrl, prefix: '/' } }),
    ...(chat === undefined ? {} : { '/sandbox/chat/': { origin: chat.url, prefix: '/sandbox/' } }),
  };
}

/** @returns the recharge of the demonstration; none if a party of the sandbox is replaced. */
async function showDemonstration(
  relay: Awaited<ReturnType<typeof startRelay>>,
  { platformUrl, paymentsUrl, payments, chat }: Parts,
): Promise<Recharge | undefined> {
  if (platformUrl === undefined || paymentsUrl === undefined || chat === undefined) return undefined;
  const stage = { ...relay, platformUrl, say };
  const row = await (payments === 'stripe' ? demonstrateStripe(stage) : demonstrate(stage));
  await demonstrateMessage({ chat, say });
  return row;
}

/** Tells the sandbox where the relay is: for webhooks, for what is written in the chat, and for the bot's replies. */
async function connectSandbox(
  relay: Awaited<ReturnType<typeof startRelay>>,
  { platformUrl, paymentsUrl, payments, chat }: Parts,
  { secrets, channels }: { secrets: LocalSecrets; channels: Config['channels'] },
): Promise<void> {
  const replyAddress = (name: string) => ({
    url: `${relay.url}/channels/${name}/outgoing`,
    secret: secrets.inbound.channels[`${name}/outgoing`]?.[0],
  });
  if (platformUrl !== undefined) {
    await ask(`${platformUrl}/sandbox/webhook`, { url: `${relay.url}/webhooks/auto-recharge` });
    const byLabel = Object.entries(channels).map(([name, { label = name }]) => [label, replyAddress(name)]);
    await ask(`${platformUrl}/sandbox/replies`, {
      ...replyAddress(DEMO_CHANNEL),
      channels: Object.fromEntries(byLabel),
    });
  }
  if (chat !== undefined) {
    await ask(`${chat.url}/sandbox/relay`, { url: `${relay.url}/channels/${DEMO_CHANNEL}/incoming` });
  }
  if (paymentsUrl === undefined) return;
  const known = new Set(await relay.accounts.list());
  const missing = SANDBOX_CLIENTS.filter((email) => !known.has(email));
  if (payments === 'endpoint') {
    // None of them is there, so none is read first.
    await Promise.all(missing.map((email) => relay.accounts.set(email, {}, { read: unknownAccount(email) })));
    return;
  }
  const pages = relay.url + STRIPE_PAGES.replace(/\/$/, '');
  await ask(`${paymentsUrl}/sandbox/relay`, { events: `${relay.url}/webhooks/stripe`, pages });
  await setUpStripeClients(paymentsUrl, relay, missing);
}
