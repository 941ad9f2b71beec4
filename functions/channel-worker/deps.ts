import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { channelsAtFirstUse } from '../../shared/channels/channels.ts';
import { type MessagePolicy, productionMessagePolicy } from '../../shared/channels/decide.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createSqsWorkQueue } from '../../shared/channels/queue.ts';
import { createDynamoReceipts } from '../../shared/channels/receipts.ts';
import type { Channels } from '../../shared/channels/settings.ts';
import { settleReceipts } from '../../shared/channels/settle-receipts.ts';
import { createTargets } from '../../shared/channels/target.ts';
import { createDynamoWaits } from '../../shared/channels/waits.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createPlatformOperations } from '../../shared/platform/operations.ts';
import { createPace } from '../../shared/platform/pace.ts';
import type { PlatformProfile } from '../../shared/platform/profile.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import type { OutboundSecrets, Secrets } from '../../shared/settings/secrets.ts';
import { outboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient, openConnections } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { ChannelWorkerDeps } from './handler.ts';

/** The worker's parts on one table and one platform: the same on AWS and on one machine. */
export function channelWorkerDeps({
  config,
  client,
  table,
  secrets,
  ...given
}: {
  config: { platform: PlatformProfile; channels: Channels };
  client: DynamoDBDocumentClient;
  table: string;
  secrets: Secrets<OutboundSecrets>;
  policy: MessagePolicy;
} & Pick<ChannelWorkerDeps, 'queue' | 'logger' | 'now'>): ChannelWorkerDeps {
  const { policy, logger, now } = given;
  const messages = createDynamoMessages(client, table, now);
  const receipts = createDynamoReceipts(client, table, now);
  // A key or token may have been changed a minute ago; the message waits meanwhile.
  const onUnauthorized = () => secrets.doubt();
  const targets = createTargets({
    channels: channelsAtFirstUse(config.channels),
    operations: createPlatformOperations({
      profile: config.platform,
      // An absent key is a blank one: the client says so in its own outcome.
      apiKey: async () => (await secrets.get()).platformApiKey ?? '',
      onUnauthorized,
      timeoutMs: policy.callMs,
      now,
      pace: createPace({ requestsPerMinute: config.platform.requestsPerMinute, now }),
    }),
    messages,
    link: async (of) => settleReceipts(await receipts.link(of), { messages, receipts, logger, now }),
    waits: createDynamoWaits(client, table, now),
    secrets,
    callMs: policy.callMs,
    onUnauthorized,
    now,
  });
  return { ...given, messages, targets, sleep };
}

/** The worker's parts as the stack sets them up, their connections open before the first message comes. */
export async function depsOnAws(
  source: NodeJS.ProcessEnv,
  moduleUrl: string,
): Promise<ChannelWorkerDeps & { logger: AlertLogger }> {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const secrets = outboundSecrets(env.OUTBOUND_SECRET, logger);
  const deps = channelWorkerDeps({
    config: bundledConfig(moduleUrl),
    client,
    table: env.TABLE_NAME,
    secrets,
    queue: createSqsWorkQueue(createSqs(), {
      queueUrl: env.MESSAGE_QUEUE_URL,
      deadLetterUrl: env.MESSAGE_DEAD_LETTER_URL,
    }),
    policy: productionMessagePolicy,
    logger,
    now: Date.now,
  });
  await openConnections([secrets.get(), deps.messages.read('open-connection')], deps.logger);
  return { ...deps, logger };
}
