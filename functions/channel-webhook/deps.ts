import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { channelsAtFirstUse } from '../../shared/channels/channels.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createSqsMessageQueue } from '../../shared/channels/queue.ts';
import { createDynamoReceipts } from '../../shared/channels/receipts.ts';
import type { Channels } from '../../shared/channels/settings.ts';
import { createDynamoCapture } from '../../shared/incoming/capture.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createRefusals, type RefusalOptions } from '../../shared/incoming/refusals.ts';
import { createSecretUses } from '../../shared/incoming/secret-use.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { inboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient, openConnections } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { ChannelWebhookDeps } from './handler.ts';

/** The webhook's parts on one table: the same on AWS and on one machine. */
export function channelWebhookDeps({
  config,
  client,
  table,
  ...given
}: { config: { channels: Channels }; client: DynamoDBDocumentClient; table: string } & Pick<
  ChannelWebhookDeps,
  'secrets' | 'queue' | 'logger' | 'now'
> &
  RefusalOptions): ChannelWebhookDeps {
  return {
    ...given,
    channels: channelsAtFirstUse(config.channels),
    messages: createDynamoMessages(client, table, given.now),
    receipts: createDynamoReceipts(client, table, given.now),
    quarantine: createDynamoQuarantine(client, table),
    capture: createDynamoCapture(client, table),
    secretUses: createSecretUses(client, table, given),
    refusals: createRefusals(client, table, given),
  };
}

/** The webhook's parts as the stack sets them up, their connections open before the first message comes. */
export async function depsOnAws(
  source: NodeJS.ProcessEnv,
  moduleUrl: string,
): Promise<ChannelWebhookDeps & { logger: AlertLogger }> {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const deps = channelWebhookDeps({
    config: bundledConfig(moduleUrl),
    client,
    table: env.TABLE_NAME,
    secrets: inboundSecrets(env.INBOUND_SECRET, logger),
    queue: createSqsMessageQueue(createSqs(), env.MESSAGE_QUEUE_URL),
    logger,
    now: Date.now,
  });
  await openConnections([deps.secrets.get(), deps.messages.read('open-connection')], deps.logger);
  return { ...deps, logger };
}
