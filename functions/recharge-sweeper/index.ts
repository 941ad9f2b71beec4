import { createDocumentClient, createSqsClient } from '../../shared/aws.ts';
import { readEnv } from '../../shared/env.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { createSqsRechargeQueue } from '../../shared/recharge/queue.ts';
import { envSchema } from './env.ts';
import { createRechargeSweeperHandler } from './handler.ts';

const env = readEnv(envSchema, process.env);
export const handler = createRechargeSweeperHandler({
  ledger: createDynamoLedger(createDocumentClient(), env.TABLE_NAME),
  queue: createSqsRechargeQueue(createSqsClient(), env.RECHARGE_QUEUE_URL),
  policy: productionPolicy,
  logger: createLogger(toStdout),
  now: Date.now,
});
