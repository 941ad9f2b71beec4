import { afterAll } from 'vitest';
import { createSandboxPayments, type SandboxPayments } from '../../local/sandbox/payments.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import type { Env } from './relay-process.ts';

export const WEBHOOK_SECRET = 'webhook-secret';

/** The platform and the payment endpoint as the test's own: faults and books are at hand. */
export interface Parties {
  platform: SandboxPlatform;
  payments: SandboxPayments;
  /** Puts them in the place of the relay's own sandbox. */
  env: Env;
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
    const secret = 'whsec_cGF5bWVudC1ob29rLXNlY3JldA==';
    const platform = await createSandboxPlatform({ apiKey, webhookSecret: WEBHOOK_SECRET });
    const payments = await createSandboxPayments({ secret });
    open.push(platform, payments);
    const emails = (books: readonly { kind: string; email: string }[], wanted: string) =>
      books.flatMap(({ kind, email }) => (kind === wanted ? [email] : []));
    return {
      platform,
      payments,
      env: {
        PLATFORM_BASE_URL: `${platform.url}/v1`,
        PLATFORM_API_KEY: apiKey,
        PAYMENT_HOOK_URL: payments.url,
        PAYMENT_HOOK_SECRET: secret,
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
