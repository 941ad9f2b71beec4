import { channelWorkerDeps } from '../functions/channel-worker/deps.ts';
import { createChannelWorkerHandler } from '../functions/channel-worker/handler.ts';
import { rechargeWorkerDeps } from '../functions/recharge-worker/deps.ts';
import { createRechargeWorkerHandler } from '../functions/recharge-worker/handler.ts';
import { keepingAlerts, withAlertRows } from '../shared/alerts.ts';
import { createSqsWorkQueue } from '../shared/channels/queue.ts';
import { createLogger } from '../shared/logger.ts';
import type { Config } from '../shared/settings/config.ts';
import { createSecrets, outboundSecretsSchema } from '../shared/settings/secrets.ts';
import { createSqs } from '../shared/storage/aws-json.ts';
import { createSqsClient } from '../shared/storage/sqs-client.ts';
import { createEngineClient, engineAt } from './aws.ts';
import { startEventSource } from './event-source.ts';
import type { LocalWaits } from './policy.ts';
import type { LocalSecrets } from './state.ts';

/** What the workers work with. It is copied into their thread, so it is data. */
export interface WorkersOptions {
  table: string;
  dynamodbEndpoint: string;
  sqsEndpoint: string;
  /** Their addresses. */
  queues: { recharges: string; messages: string; messageDeadLetters: string };
  config: Config;
  waits: LocalWaits;
  secrets: LocalSecrets['outbound'];
  /** The relay's own address. */
  publicUrl: string;
}

/** Invocations at a time. With 20 an eighth of two cores waited for the engine's disk; 40 did a tenth more recharges. */
const WORKERS = 40;

/** Starts to take from the queues, with the functions as the stack has them. */
export function startWorkers(
  options: WorkersOptions,
  write: (line: string) => void,
): { stop(): Promise<void> } {
  const { table, config, waits, queues, secrets } = options;
  const { policy } = waits;
  const client = createEngineClient(options.dynamodbEndpoint);
  const sqs = createSqsClient(engineAt(options.sqsEndpoint));
  const logger = withAlertRows(createLogger(write), { client, table });
  const outbound = createSecrets('outbound', async () => JSON.stringify(secrets), outboundSecretsSchema);
  const common = { config, client, table, secrets: outbound, logger, now: Date.now };
  const recharges = rechargeWorkerDeps({
    ...common,
    policy,
    live: false,
    publicUrl: () => options.publicUrl,
  });
  const queue = createSqsWorkQueue(createSqs(engineAt(options.sqsEndpoint)), {
    queueUrl: queues.messages,
    deadLetterUrl: queues.messageDeadLetters,
  });
  const messages = channelWorkerDeps({ ...common, queue, policy: waits.messages });
  const onError = (error: unknown) => logger.error('the queue did not answer', error);
  const each = { client: sqs, runMs: policy.runMs, concurrency: WORKERS, onError };
  const sources = [
    startEventSource({
      ...each,
      queueUrl: queues.recharges,
      handler: keepingAlerts(logger, createRechargeWorkerHandler(recharges)),
    }),
    startEventSource({
      ...each,
      queueUrl: queues.messages,
      handler: keepingAlerts(logger, createChannelWorkerHandler(messages)),
      batchSize: 10,
    }),
  ];
  return {
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
      client.destroy();
      sqs.destroy();
    },
  };
}
