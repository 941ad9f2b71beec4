import { createDocumentClient, createSqsClient, inboundSecrets } from '../../shared/aws.ts';
import { bundledConfig } from '../../shared/config.ts';
import { readEnv } from '../../shared/env.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { createSqsRechargeQueue } from '../../shared/recharge/queue.ts';
import { rechargeWebhookDeps } from './deps.ts';
import { envSchema } from './env.ts';
import { createRechargeWebhookHandler } from './handler.ts';

const env = readEnv(envSchema, process.env);
export const handler = createRechargeWebhookHandler(
  rechargeWebhookDeps({
    config: bundledConfig(import.meta.url),
    client: createDocumentClient(),
    table: env.TABLE_NAME,
    secrets: inboundSecrets(env.INBOUND_SECRET),
    queue: createSqsRechargeQueue(createSqsClient(), env.RECHARGE_QUEUE_URL),
    sweepAgainMs: productionPolicy.sweepAgainMs,
    logger: createLogger(toStdout),
    now: Date.now,
  }),
);
