import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createSqsMessageQueue } from '../../shared/channels/queue.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { createSqsRechargeQueue } from '../../shared/recharge/queue.ts';
import { readEnv } from '../../shared/settings/env.ts';
import { createSqs } from '../../shared/storage/aws-json.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSweeps } from '../../shared/sweeps.ts';
import { envSchema } from './env.ts';
import type { RechargeSweeperDeps } from './handler.ts';

/** The sweeper's parts as the stack sets them up. */
export function depsOnAws(source: NodeJS.ProcessEnv): RechargeSweeperDeps & { logger: AlertLogger } {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const sqs = createSqs();
  return {
    ledger: createDynamoLedger(client, env.TABLE_NAME),
    queue: createSqsRechargeQueue(sqs, env.RECHARGE_QUEUE_URL),
    messages: createDynamoMessages(client, env.TABLE_NAME, Date.now),
    messageQueue: createSqsMessageQueue(sqs, env.MESSAGE_QUEUE_URL),
    sweeps: createSweeps(client, env.TABLE_NAME),
    policy: productionPolicy,
    logger: withAlertRows(createLogger(toStdout, { stage: env.STAGE }), { client, table: env.TABLE_NAME }),
    now: Date.now,
  };
}
