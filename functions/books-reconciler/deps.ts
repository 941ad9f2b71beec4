import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { exportedGrants } from '../../shared/books/exported-grants.ts';
import { createLogger, toStdout } from '../../shared/logger.ts';
import { createEndpointBooks } from '../../shared/payments/endpoint-books.ts';
import type { PaymentBooks } from '../../shared/payments/payment-books.ts';
import type { PaymentSettings } from '../../shared/payments/settings.ts';
import { signingKey } from '../../shared/payments/signed-request.ts';
import { createStripeClient } from '../../shared/payments/stripe/client.ts';
import { faultOfKey } from '../../shared/payments/stripe/key.ts';
import { createStripeBooks } from '../../shared/payments/stripe/stripe-books.ts';
import { createPace } from '../../shared/platform/pace.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import type { Config } from '../../shared/settings/config.ts';
import { bundledConfig, partiesOf } from '../../shared/settings/config-in-use.ts';
import { readEnv } from '../../shared/settings/env.ts';
import type { OutboundSecrets, Secrets } from '../../shared/settings/secrets.ts';
import { outboundSecrets } from '../../shared/settings/secrets-manager.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { envSchema } from './env.ts';
import type { BooksReconcilerDeps } from './handler.ts';

/** A question each, and nobody waits: who does not answer within it is asked again tomorrow. */
const LOOK_TIMEOUT_MS = 5_000;
/** A page of a list, and the platform's whole export. */
const LIST_TIMEOUT_MS = 60_000;

/** The reconciler's parts on one table, one platform and one payment provider. */
export function booksReconcilerDeps({
  config,
  client,
  table,
  secrets,
  live,
  logger,
  now,
}: {
  config: Pick<Config, 'payment' | 'platform'>;
  client: DynamoDBDocumentClient;
  table: string;
  secrets: Secrets<OutboundSecrets>;
  /** Whether real money is taken: a key of Stripe of the other mode is refused. */
  live: boolean;
} & Pick<BooksReconcilerDeps, 'logger' | 'now'>): BooksReconcilerDeps {
  const { payment, platform } = config;
  return {
    ledger: createDynamoLedger(client, table),
    rows: createDynamoRows(client, table),
    table,
    provider: async () => providerOf(payment, await secrets.get(), { live, now }),
    party: partiesOf(config).payment,
    grants: (month) =>
      exportedGrants(
        {
          profile: platform,
          apiKey: async () => (await secrets.get()).platformApiKey ?? '',
          onUnauthorized: () => secrets.doubt(),
          timeoutMs: LIST_TIMEOUT_MS,
          pace: createPace({ requestsPerMinute: platform.requestsPerMinute, now }),
          now,
        },
        month,
      ),
    logger,
    now,
    sleep,
  };
}

async function providerOf(
  payment: PaymentSettings,
  { paymentHook = '', stripeKey = '' }: OutboundSecrets,
  { live, now }: { live: boolean; now: () => number },
): Promise<PaymentBooks> {
  if (payment.type === 'stripe') {
    const fault = faultOfKey(stripeKey, live);
    if (fault !== undefined) throw new Error(`The secret stripeKey ${fault}.`);
    const { apiUrl } = payment;
    const url = apiUrl === undefined ? {} : { apiUrl };
    return createStripeBooks(await createStripeClient(stripeKey, { timeoutMs: LIST_TIMEOUT_MS, ...url }));
  }
  const key = signingKey(paymentHook);
  if (key === undefined) throw new Error('The secret of the payment endpoint is empty or malformed.');
  return createEndpointBooks({ url: payment.url, key, timeoutMs: LOOK_TIMEOUT_MS, now });
}

/** The reconciler's parts as the stack sets them up. */
export function depsOnAws(
  source: NodeJS.ProcessEnv,
  moduleUrl: string,
): BooksReconcilerDeps & { logger: AlertLogger } {
  const env = readEnv(envSchema, source);
  const client = createDocumentClient();
  const plain = createLogger(toStdout, { stage: env.STAGE });
  const logger = withAlertRows(plain, { client, table: env.TABLE_NAME });
  const deps = booksReconcilerDeps({
    config: bundledConfig(moduleUrl),
    client,
    table: env.TABLE_NAME,
    secrets: outboundSecrets(env.OUTBOUND_SECRET, logger),
    live: env.STAGE === 'prod',
    logger,
    now: Date.now,
  });
  return { ...deps, logger };
}
