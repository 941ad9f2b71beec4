import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { SANDBOX_CLIENTS } from '../../local/demonstration.ts';
import { createSandboxPayments, type SandboxPayments } from '../../local/sandbox/payments.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { createSandboxStripe } from '../../local/sandbox/stripe/sandbox.ts';
import { connect } from '../../operate/connection.ts';
import { createLogger } from '../../shared/logger.ts';
import { STRIPE_API_VERSION } from '../../shared/payments/stripe/api.ts';
import type { Env } from './relay-process.ts';
import { PAYMENTS } from './world.ts';

export const WEBHOOK_SECRET = 'webhook-secret';

/** The platform and the payment endpoint as the test's own: faults and books are at hand. */
export interface Parties {
  platform: SandboxPlatform;
  payments: Pick<SandboxPayments, 'url' | 'books' | 'fault'>;
  /** Puts them in the place of the relay's own sandbox. */
  env: Env;
  /** Whatever clients must have saved with whoever takes the money, once a relay stands in this folder. */
  ready(folder: string): Promise<void>;
  /** The client of each payment that was really taken, in order. */
  captures(): string[];
  /** The client of each grant that was really made, in order. */
  grants(): string[];
}

/** Closed after the last test of the file. */
export function useParties(): () => Promise<Parties> {
  const open: { close(): Promise<void> }[] = [];
  afterAll(async () => {
    await Promise.all(open.map((party) => party.close()));
  });
  return async () => {
    const apiKey = 'platform-key';
    const platform = await createSandboxPlatform({ apiKey, webhookSecret: WEBHOOK_SECRET });
    const { payments, env, ready } = await (PAYMENTS === 'stripe' ? stripe() : endpoint());
    open.push(platform, payments);
    const emails = (books: readonly { kind: string; email: string }[], wanted: string) =>
      books.flatMap(({ kind, email }) => (kind === wanted ? [email] : []));
    return {
      platform,
      payments,
      ready,
      env: {
        ...env,
        PLATFORM_BASE_URL: `${platform.url}/v1`,
        PLATFORM_API_KEY: apiKey,
        // They answer at once, or hang because a test says so.
        PLATFORM_TIMEOUT_SECONDS: '3',
        PAYMENT_HOOK_TIMEOUT_SECONDS: '3',
        WEBHOOK_SECRET,
      },
      captures: () => emails(payments.books, 'capture'),
      grants: () => emails(platform.books, 'grant'),
    };
  };
}

type Taking = Pick<Parties, 'ready' | 'env'> & { payments: Parties['payments'] & { close(): Promise<void> } };

async function endpoint(): Promise<Taking> {
  const secret = 'whsec_cGF5bWVudC1ob29rLXNlY3JldA==';
  const payments = await createSandboxPayments({ secret });
  const env = { PAYMENT_HOOK_URL: payments.url, PAYMENT_HOOK_SECRET: secret };
  return { payments, env, ready: async () => {} };
}

async function stripe(): Promise<Taking> {
  const apiKey = 'rk_test_OfThePartiesOfATest';
  const { close, ...payments } = await createSandboxStripe({ apiKey, apiVersion: STRIPE_API_VERSION });
  const folder = mkdtempSync(join(tmpdir(), 'relay-parties-'));
  const RELAY_CONFIG = join(folder, 'relay.config.json');
  writeFileSync(RELAY_CONFIG, JSON.stringify({ payment: { type: 'stripe', apiUrl: payments.url } }));
  return {
    payments: {
      ...payments,
      async close() {
        await close();
        rmSync(folder, { recursive: true });
      },
    },
    env: { RELAY_CONFIG, STRIPE_KEY: apiKey },
    async ready(RELAY_LOCAL_DIR) {
      const target = { stack: undefined, env: { RELAY_LOCAL_DIR } };
      const { accounts } = await connect(target, { logger: createLogger(() => {}), now: Date.now });
      const known = new Set(await accounts.list());
      const missing = SANDBOX_CLIENTS.filter((email) => !known.has(email));
      await Promise.all(
        missing.map((email) => {
          const { customer, paymentMethod } = payments.saveMeans(email);
          return accounts.set(email, {
            customer,
            paymentMethod: { id: paymentMethod.id, type: paymentMethod.type },
          });
        }),
      );
    },
  };
}

/** A webhook of the platform, with the secret as its token. */
export async function send(
  { url }: { url: string },
  payload: Record<string, unknown>,
  token = WEBHOOK_SECRET,
) {
  const response = await fetch(`${url}/webhooks/auto-recharge`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-webhook-token': token },
    body: JSON.stringify(payload),
  });
  return { status: response.status, body: await response.json() };
}
