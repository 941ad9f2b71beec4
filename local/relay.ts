import { setTimeout as sleep } from 'node:timers/promises';
import type { SQSClient } from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { channelWebhookDeps } from '../functions/channel-webhook/deps.ts';
import { createChannelWebhookHandler } from '../functions/channel-webhook/handler.ts';
import { paymentPageDeps } from '../functions/payment-page/deps.ts';
import { createPaymentPageHandler } from '../functions/payment-page/handler.ts';
import { paymentWebhookDeps } from '../functions/payment-webhook/deps.ts';
import { createPaymentWebhookHandler } from '../functions/payment-webhook/handler.ts';
import { createRechargeSweeperHandler } from '../functions/recharge-sweeper/handler.ts';
import { rechargeWebhookDeps } from '../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../functions/recharge-webhook/handler.ts';
import { type AlertLogger, keepingAlerts, withAlertRows } from '../shared/alerts.ts';
import { isEnded } from '../shared/channels/message.ts';
import { createDynamoMessages, messagesOfDays } from '../shared/channels/messages.ts';
import { createSqsMessageQueue } from '../shared/channels/queue.ts';
import { jsonResponse } from '../shared/incoming/responses.ts';
import { createLogger, type Logger } from '../shared/logger.ts';
import { createAccounts } from '../shared/recharge/accounts.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { createSqsRechargeQueue } from '../shared/recharge/queue.ts';
import { createSqsAskToLook, createSqsWake } from '../shared/recharge/wake.ts';
import type { Config } from '../shared/settings/config.ts';
import {
  createSecrets,
  type InboundSecrets,
  inboundSecretsSchema,
  outboundSecretsSchema,
  type Secrets,
} from '../shared/settings/secrets.ts';
import { type AwsJson, createSqs } from '../shared/storage/aws-json.ts';
import { createSqsClient } from '../shared/storage/sqs-client.ts';
import { createSweeps } from '../shared/sweeps.ts';
import { createEngineClient, engineAt } from './aws.ts';
import { queueUrl as createdQueueUrl, createQueue, createTable } from './engines.ts';
import { type EventsOptions, startEvents } from './events.ts';
import { type GatewayOptions, startGateway } from './gateway.ts';
import { inBatches } from './in-batches.ts';
import { startNightly } from './nightly.ts';
import { type LocalWaits, SWEEP_EVERY_MS } from './policy.ts';
import type { LocalSecrets } from './state.ts';
import type { Workers } from './workers.ts';

const MAX_RECEIVE_COUNT = 5;
/** A message waits by being received again. It ends by a verdict, never by this count. */
const MAX_MESSAGE_RECEIVE_COUNT = 1_000;
/** UTC days within which a message is delivered or given up (72 h), whatever the hour. */
const DAYS_UNDER_WAY = 4;

export interface RelayOptions {
  port: number;
  /** Relays with the same name, on the same engines, share the work. */
  name: string;
  passes?: GatewayOptions['passes'];
  dynamodbEndpoint: string;
  sqsEndpoint: string;
  config: Config;
  waits: LocalWaits;
  secrets: LocalSecrets;
  /** Where events go, and where it is kept how far they went. */
  events: Pick<EventsOptions, 'webhook' | 'placesFile'>;
  /** They are loading already. */
  workers: Workers;
  /** Takes each line of the log. */
  write: (line: string) => void;
}

/** What the parts of this process share. */
interface Shared {
  options: RelayOptions;
  logger: AlertLogger;
  client: DynamoDBDocumentClient;
  sqs: SQSClient;
  sender: AwsJson;
  inbound: Secrets<InboundSecrets>;
  now: () => number;
}

/** The deployed system in one process: the same handlers, with an HTTP front, event sources and a clock. */
export async function startRelay(options: RelayOptions) {
  const { name: table, port, passes = {}, secrets } = options;
  const { policy } = options.waits;
  const client = createEngineClient(options.dynamodbEndpoint);
  const sqs = createSqsClient(engineAt(options.sqsEndpoint));
  await createTable(client, table);
  const plain = createLogger(options.write);
  const logger = withAlertRows(plain, { client, table });
  const shared: Shared = {
    options,
    logger,
    client,
    sqs,
    sender: createSqs(engineAt(options.sqsEndpoint)),
    inbound: createSecrets('inbound', async () => JSON.stringify(secrets.inbound), inboundSecretsSchema),
    now: Date.now,
  };
  const recharges = await rechargeParts(shared);
  const messages = await messageParts(shared);

  // Before anybody can write: what is written later must come after what waited.
  await messages.requeueUnfinished();
  // Before anything moves money: the port may be taken.
  const gateway = await startGateway({
    port,
    passes,
    routes: {
      'GET /health': async () => jsonResponse(200, { status: 'ok' }),
      'POST /webhooks/auto-recharge': recharges.webhook,
      'POST /webhooks/stripe': recharges.paymentWebhook,
      'GET /pay/{token}': recharges.paymentPage,
      'POST /pay/{token}': recharges.paymentPage,
      'POST /channels/{channel}/{direction}': messages.webhook,
    },
  });
  const { dynamodbEndpoint, sqsEndpoint, config, waits, workers } = options;
  const queues = {
    recharges: recharges.queueUrl,
    rechargeDeadLetters: recharges.deadLetterUrl,
    messages: messages.queueUrl,
    messageDeadLetters: messages.deadLetterUrl,
  };
  await workers.start({
    table,
    dynamodbEndpoint,
    sqsEndpoint,
    queues,
    config,
    waits,
    secrets: secrets.outbound,
    publicUrl: gateway.url,
  });
  const { ledger, queue } = recharges;
  const sweepDue = createRechargeSweeperHandler({
    ledger,
    queue,
    messages: messages.messages,
    messageQueue: messages.queue,
    sweeps: createSweeps(client, table),
    policy,
    logger,
    now: shared.now,
  });
  const sweeper = keepingAlerts(logger, sweepDue);
  const sweep = () => sweeper({}, { getRemainingTimeInMillis: () => policy.runMs });
  const clock = every(SWEEP_EVERY_MS, sweep, logger);
  const nightly = options.config.reconcile?.nightly ? [await startReconciler(shared)] : [];
  // With a logger that writes no rows: an alert about an event would be one more event.
  const events = await startEvents({
    ...options.events,
    dynamodbEndpoint,
    client,
    table,
    limits: config.guard.limits,
    runbookUrl: config.runbookUrl,
    logger: plain,
  });
  return {
    url: gateway.url,
    ledger,
    accounts: createAccounts(client, table, ledger),
    queues,
    /** In the order of a deployment's end: no new work, then what runs, then the clients. */
    async stop() {
      await gateway.close();
      await clock.stop();
      await Promise.all(nightly.map((reconciler) => reconciler.stop()));
      await workers.stop();
      await events.stop();
      client.destroy();
      sqs.destroy();
    },
  };
}

async function rechargeParts({ options, logger, client, sqs, sender, inbound, now }: Shared) {
  const { config, waits, name: table } = options;
  const deadLetterName = `${table}-dead`;
  const queueUrl = await createQueue(sqs, {
    name: table,
    deadLetterName,
    maxReceiveCount: MAX_RECEIVE_COUNT,
    visibilityTimeoutSeconds: waits.visibilitySeconds,
  });
  const ledger = createDynamoLedger(client, table);
  const queue = createSqsRechargeQueue(sender, queueUrl);
  // On AWS each webhook has a process of its own, and nobody to go with.
  const together = inBatches((keys: string[]) => queue.send(keys), 10);
  const common = { config, client, table, logger, now };
  const { policy } = waits;
  const webhook = rechargeWebhookDeps({
    ...common,
    countEveryMs: 0,
    secrets: inbound,
    queue: {
      async send(keys) {
        await Promise.all(keys.map(together));
      },
    },
    sweepAgainMs: policy.sweepAgainMs,
  });
  const paymentWebhook = paymentWebhookDeps({
    ...common,
    countEveryMs: 0,
    secrets: inbound,
    wake: createSqsWake(sender, queueUrl),
    askToLook: createSqsAskToLook(sender, queueUrl),
  });
  const paymentPage = paymentPageDeps({ ...common, wake: createSqsWake(sender, queueUrl) });
  return {
    ledger,
    queue,
    deadLetterUrl: await createdQueueUrl(sqs, deadLetterName),
    webhook: keepingAlerts(logger, createRechargeWebhookHandler(webhook)),
    paymentWebhook: keepingAlerts(logger, createPaymentWebhookHandler(paymentWebhook)),
    paymentPage: createPaymentPageHandler(paymentPage),
    queueUrl,
  };
}

async function messageParts({ options, logger, client, sqs, sender, inbound, now }: Shared) {
  const { config, waits, name: table } = options;
  const deadLetterName = `${table}-messages-dead.fifo`;
  const queueUrl = await createQueue(sqs, {
    name: `${table}-messages.fifo`,
    deadLetterName,
    maxReceiveCount: MAX_MESSAGE_RECEIVE_COUNT,
    visibilityTimeoutSeconds: waits.visibilitySeconds,
  });
  const deadLetterUrl = await createdQueueUrl(sqs, deadLetterName);
  const common = { config, client, table, logger, now };
  const messages = createDynamoMessages(client, table, now);
  const queue = createSqsMessageQueue(sender, queueUrl);
  const webhook = channelWebhookDeps({ ...common, countEveryMs: 0, secrets: inbound, queue });
  return {
    messages,
    queue,
    deadLetterUrl,
    webhook: keepingAlerts(logger, createChannelWebhookHandler(webhook)),
    queueUrl,
    /**
     * A queue inside this process ended with the last process. What it held is queued again, in its order. A queue
     * that outlived the process takes that for what it has already, or the worker does. A message that is only
     * `received` has no place in that order yet. Its sender sends it again, or the sweeper finds it.
     */
    async requeueUnfinished() {
      const rows = await messagesOfDays(messages, DAYS_UNDER_WAY, now());
      const unfinished = rows.filter((row) => !isEnded(row) && row.status !== 'received');
      for (const row of unfinished.sort((a, b) => a.queuedAt - b.queuedAt)) await queue.send(row);
    },
  };
}

/** The month's books, compared each night, as by the function of that name on AWS. */
async function startReconciler({ options, logger, client, now }: Shared) {
  const { booksReconcilerDeps } = await import('../functions/books-reconciler/deps.ts');
  const { createBooksReconcilerHandler } = await import('../functions/books-reconciler/handler.ts');
  const { config, name: table, secrets: given } = options;
  const secrets = createSecrets(
    'outbound',
    async () => JSON.stringify(given.outbound),
    outboundSecretsSchema,
  );
  const deps = booksReconcilerDeps({ config, client, table, secrets, live: false, logger, now });
  return startNightly(keepingAlerts(logger, createBooksReconcilerHandler(deps)), { logger, now });
}

/** Runs `action` again and again, never twice at once. */
function every(ms: number, action: () => Promise<unknown>, logger: Logger) {
  const stopping = new AbortController();
  const running = (async () => {
    while (!stopping.signal.aborted) {
      await action().catch((error: unknown) => logger.error('a sweep failed', error));
      await sleep(ms, undefined, { signal: stopping.signal }).catch(() => {});
    }
  })();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
