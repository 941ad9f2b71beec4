import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { createDynamoCapture } from '../../shared/incoming/capture.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createRefusals, type RefusalOptions } from '../../shared/incoming/refusals.ts';
import { createSecretUses } from '../../shared/incoming/secret-use.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createDynamoRecharges } from '../../shared/recharge/dynamo-recharges.ts';
import { linkedEmail } from '../../shared/recharge/linked-email.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { createSqsRechargeQueue } from '../../shared/recharge/queue.ts';
import type { RechargeConfig } from '../../shared/recharge/settings.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { inboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient, openConnections } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { RechargeWebhookDeps } from './handler.ts';

/** The webhook's parts on one table: the same on AWS and on one machine. */
export function rechargeWebhookDeps({
  config,
  client,
  table,
  ...given
}: { config: { recharge: RechargeConfig }; client: DynamoDBDocumentClient; table: string } & Pick<
  RechargeWebhookDeps,
  'secrets' | 'queue' | 'sweepAgainMs' | 'logger' | 'now'
> &
  RefusalOptions): RechargeWebhookDeps {
  return {
    ...given,
    config: config.recharge,
    ledger: createDynamoRecharges(client, table),
    accounts: { emailOf: (platformId) => linkedEmail(client, table, platformId) },
    quarantine: createDynamoQuarantine(client, table),
    capture: createDynamoCapture(client, table),
    secretUses: createSecretUses(client, table, given),
    refusals: createRefusals(client, table, given),
  };
}

/** The webhook's parts as the stack sets them up, their connections open before the first webhook comes. */
export async function depsOnAws(
  source: NodeJS.ProcessEnv,
  moduleUrl: string,
): Promise<RechargeWebhookDeps & { logger: AlertLogger }> {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const deps = rechargeWebhookDeps({
    config: bundledConfig(moduleUrl),
    client,
    table: env.TABLE_NAME,
    secrets: inboundSecrets(env.INBOUND_SECRET, logger),
    queue: createSqsRechargeQueue(createSqs(), env.RECHARGE_QUEUE_URL),
    sweepAgainMs: productionPolicy.sweepAgainMs,
    logger,
    now: Date.now,
  });
  await openConnections([deps.secrets.get(), deps.ledger.read('open-connection')], deps.logger);
  return { ...deps, logger };
}
