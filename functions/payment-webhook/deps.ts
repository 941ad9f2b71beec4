import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { createRefusals, type RefusalOptions } from '../../shared/incoming/refusals.ts';
import { createSecretUses } from '../../shared/incoming/secret-use.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createSqsAskToLook, createSqsWake } from '../../shared/recharge/wake.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { inboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient, openConnections } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { PaymentWebhookDeps } from './handler.ts';

/** The webhook's parts on one table: the same on AWS and on one machine. */
export function paymentWebhookDeps({
  client,
  table,
  ...given
}: { client: DynamoDBDocumentClient; table: string } & Pick<
  PaymentWebhookDeps,
  'secrets' | 'wake' | 'askToLook' | 'logger' | 'now'
> &
  RefusalOptions): PaymentWebhookDeps {
  return {
    ...given,
    secretUses: createSecretUses(client, table, given),
    refusals: createRefusals(client, table, given),
  };
}

/** The webhook's parts as the stack sets them up, its secret read before the first event comes. */
export async function depsOnAws(
  source: NodeJS.ProcessEnv,
): Promise<PaymentWebhookDeps & { logger: AlertLogger }> {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const sqs = createSqs();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const deps = paymentWebhookDeps({
    client,
    table: env.TABLE_NAME,
    secrets: inboundSecrets(env.INBOUND_SECRET, logger),
    wake: createSqsWake(sqs, env.RECHARGE_QUEUE_URL),
    askToLook: createSqsAskToLook(sqs, env.RECHARGE_QUEUE_URL),
    logger,
    now: Date.now,
  });
  await openConnections([deps.secrets.get()], logger);
  return { ...deps, logger };
}
