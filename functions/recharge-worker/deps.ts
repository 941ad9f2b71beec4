import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { paymentHookOf } from '../../shared/payments/hook-of.ts';
import { createPayPages } from '../../shared/payments/pay-pages.ts';
import { createPlatformClient } from '../../shared/platform/client.ts';
import { createPace } from '../../shared/platform/pace.ts';
import { createDynamoCharging } from '../../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createHeard } from '../../shared/recharge/heard.ts';
import { type Policy, productionPolicy } from '../../shared/recharge/policy.ts';
import { draw } from '../../shared/recharge/run-recharge.ts';
import type { Config } from '../../shared/settings/config.ts';
import { bundledConfig, guardSettings, partiesOf, policyOf } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import type { OutboundSecrets, Secrets } from '../../shared/settings/secrets.ts';
import { outboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createDocumentClient, openConnections } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { RechargeWorkerDeps } from './handler.ts';

/** A pause reaches every process within this time. */
const CHARGING_FRESH_MS = 5_000;

/** The worker's parts on one table, one platform and one payment hook: the same on AWS and on one machine. */
export function rechargeWorkerDeps({
  config,
  client,
  table,
  secrets,
  policy: waits,
  live,
  publicUrl,
  logger,
  now,
}: {
  config: Config;
  client: DynamoDBDocumentClient;
  table: string;
  secrets: Secrets<OutboundSecrets>;
  policy: Policy;
  /** Whether real money may be taken: a key of Stripe of the other mode is refused. */
  live: boolean;
  /** The relay's own address, as a client's browser reaches it. */
  publicUrl: () => string;
} & Pick<RechargeWorkerDeps, 'logger' | 'now'>): RechargeWorkerDeps {
  const policy = policyOf(config, waits);
  // An absent key is a blank one: the client says so in its own outcomes, and charging pauses.
  const apiKey = async () => (await secrets.get()).platformApiKey ?? '';
  const charging = createDynamoCharging(client, table, { freshMs: CHARGING_FRESH_MS, now });
  const ledger = createDynamoLedger(client, table, charging.getWithSwitch);
  const pages = createPayPages(client, table, { baseUrl: publicUrl, now });
  const { payment } = config;
  const payments = paymentHookOf(payment, {
    secrets,
    live,
    timeoutMs: policy.chargeCallMs,
    pageFor: pages.open,
    table,
    now,
  });
  const { confirm } = payments;
  return {
    ledger,
    payments,
    ...(confirm === undefined ? {} : { confirming: { pages, confirm } }),
    ...(payment.type === 'stripe'
      ? {
          async lookAtStripe(look) {
            // Loaded for the few events that ask for it.
            const { createStripeLooks } = await import('../../shared/recharge/stripe-looks.ts');
            const heard = createHeard(client, table, now);
            const timeoutMs = policy.chargeCallMs;
            const given = { ...payment, secrets, live, timeoutMs, ledger, heard, logger, now };
            await createStripeLooks(given)(look);
          },
        }
      : {}),
    platform: createPlatformClient({
      profile: config.platform,
      apiKey,
      // The key may have been changed a minute ago; the grant waits in `charged` meanwhile.
      onUnauthorized: () => secrets.doubt(),
      timeoutMs: policy.grantCallMs,
      pace: createPace({ requestsPerMinute: config.platform.requestsPerMinute, now }),
      now,
    }),
    charging,
    guard: guardSettings(config),
    preflight: config.platform.subAccountLookup,
    parties: partiesOf(config),
    policy,
    logger,
    draw,
    sleep,
    now,
  };
}

/** The worker's parts as the stack sets them up, their connections open before the first recharge comes. */
export async function depsOnAws(
  source: NodeJS.ProcessEnv,
  moduleUrl: string,
): Promise<RechargeWorkerDeps & { logger: AlertLogger }> {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const secrets = outboundSecrets(env.OUTBOUND_SECRET, logger);
  const deps = rechargeWorkerDeps({
    config: bundledConfig(moduleUrl),
    client,
    table: env.TABLE_NAME,
    secrets,
    policy: productionPolicy,
    live: env.STAGE === 'prod',
    publicUrl: () => env.PUBLIC_URL,
    logger,
    now: Date.now,
  });
  await openConnections([secrets.get(), deps.charging.paused()], deps.logger);
  return { ...deps, logger };
}
