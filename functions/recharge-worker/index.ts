import { createDocumentClient, outboundSecrets } from '../../shared/aws.ts';
import { bundledConfig } from '../../shared/config.ts';
import { readEnv } from '../../shared/env.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { rechargeWorkerDeps } from './deps.ts';
import { envSchema } from './env.ts';
import { createRechargeWorkerHandler } from './handler.ts';

const env = readEnv(envSchema, process.env);
export const handler = createRechargeWorkerHandler(
  rechargeWorkerDeps({
    config: bundledConfig(import.meta.url),
    client: createDocumentClient(),
    table: env.TABLE_NAME,
    secrets: outboundSecrets(env.OUTBOUND_SECRET),
    policy: productionPolicy,
    logger: createLogger(toStdout),
    now: Date.now,
  }),
);
