import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createPayPages } from '../../shared/payments/pay-pages.ts';
import type { PaymentSettings } from '../../shared/payments/settings.ts';
import { createDynamoRecharges } from '../../shared/recharge/dynamo-recharges.ts';
import { createSqsWake } from '../../shared/recharge/wake.ts';
import { bundledConfig } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { PaymentPageDeps } from './handler.ts';

/** The page's parts on one table: the same on AWS and on one machine. */
export function paymentPageDeps({
  config,
  client,
  table,
  ...given
}: {
  config: { payment: PaymentSettings };
  client: DynamoDBDocumentClient;
  table: string;
} & Pick<PaymentPageDeps, 'wake' | 'logger' | 'now'>): PaymentPageDeps {
  const { payment } = config;
  return {
    ...given,
    pages: createPayPages(client, table, given),
    recharges: createDynamoRecharges(client, table),
    payee: payment.type === 'stripe' ? payment.payee : undefined,
  };
}

/** The page's parts as the stack sets them up. */
export function depsOnAws(source: NodeJS.ProcessEnv, moduleUrl: string): PaymentPageDeps {
  const env = readEnv(envSchema, source);
  return paymentPageDeps({
    config: bundledConfig(moduleUrl),
    client: createDocumentClient(),
    table: env.TABLE_NAME,
    wake: createSqsWake(createSqs(), env.RECHARGE_QUEUE_URL),
    logger: createLogger(toStdout, { stage: env.STAGE }),
    now: Date.now,
  });
}
