import { setTimeout as sleep } from 'node:timers/promises';
import { createRechargeSweeperHandler } from '../functions/recharge-sweeper/handler.ts';
import { rechargeWebhookDeps } from '../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../functions/recharge-webhook/handler.ts';
import { rechargeWorkerDeps } from '../functions/recharge-worker/deps.ts';
import { createRechargeWorkerHandler } from '../functions/recharge-worker/handler.ts';
import { createDocumentClient, createSqsClient } from '../shared/aws.ts';
import type { Config } from '../shared/config.ts';
import { jsonResponse } from '../shared/http/responses.ts';
import type { Logger } from '../shared/logger.ts';
import { createAccounts } from '../shared/recharge/accounts.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { createSqsRechargeQueue } from '../shared/recharge/queue.ts';
import { createSecrets, inboundSecretsSchema, outboundSecretsSchema } from '../shared/secrets.ts';
import { createQueue, createTable } from './engines.ts';
import { startEventSource } from './event-source.ts';
import { type GatewayOptions, startGateway } from './gateway.ts';
import { localPolicy, SWEEP_EVERY_MS, VISIBILITY_SECONDS } from './policy.ts';
import type { LocalSecrets } from './state.ts';

const MAX_RECEIVE_COUNT = 5;
/** Invocations at a time: more do not help, two cores and one engine behind them. */
const WORKERS = 10;

export interface RelayOptions {
  port: number;
  /** Relays with the same name, on the same engines, share the work. */
  name: string;
  passes?: GatewayOptions['passes'];
  dynamodbEndpoint: string;
  sqsEndpoint: string;
  config: Config;
  secrets: LocalSecrets;
  logger: Logger;
}

/** The deployed system in one process: the same handlers, with an HTTP front, an event source and a clock. */
export async function startRelay(options: RelayOptions) {
  const { config, logger, name: table, port, passes = {} } = options;
  const client = createDocumentClient(options.dynamodbEndpoint);
  const sqs = createSqsClient(options.sqsEndpoint);
  await createTable(client, table);
  const queueUrl = await createQueue(sqs, {
    name: table,
    deadLetterName: `${table}-dead`,
    maxReceiveCount: MAX_RECEIVE_COUNT,
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
  });

  const ledger = createDynamoLedger(client, table);
  const queue = createSqsRechargeQueue(sqs, queueUrl);
  const now = Date.now;
  const { inbound, outbound } = options.secrets;
  const webhook = createRechargeWebhookHandler(
    rechargeWebhookDeps({
      config,
      client,
      table,
      secrets: createSecrets('inbound', async () => JSON.stringify(inbound), inboundSecretsSchema),
      queue,
      sweepAgainMs: localPolicy.sweepAgainMs,
      logger,
      now,
    }),
  );
  const worker = createRechargeWorkerHandler(
    rechargeWorkerDeps({
      config,
      client,
      table,
      secrets: createSecrets('outbound', async () => JSON.stringify(outbound), outboundSecretsSchema),
      policy: localPolicy,
      logger,
      now,
    }),
  );
  const sweeper = createRechargeSweeperHandler({ ledger, queue, policy: localPolicy, logger, now });

  // Before anything moves money: the port may be taken.
  const gateway = await startGateway({
    port,
    passes,
    routes: {
      'GET /health': async () => jsonResponse(200, { status: 'ok' }),
      'POST /webhooks/auto-recharge': webhook,
    },
  });
  const source = startEventSource({
    client: sqs,
    queueUrl,
    handler: worker,
    runMs: localPolicy.runMs,
    concurrency: WORKERS,
    onError: (error) => logger.error('the queue did not answer', error),
  });
  const clock = every(
    SWEEP_EVERY_MS,
    () => sweeper({}, { getRemainingTimeInMillis: () => localPolicy.runMs }),
    logger,
  );
  return {
    url: gateway.url,
    ledger,
    accounts: createAccounts(client, table, ledger),
    /** In the order of a deployment's end: no new work, then what runs, then the clients. */
    async stop() {
      await gateway.close();
      await clock.stop();
      await source.stop();
      client.destroy();
      sqs.destroy();
    },
  };
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
