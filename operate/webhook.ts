import { findReceiver } from './connection.ts';
import { configuredVerifiers, proofsFor } from './proofs.ts';
import { WEBHOOK_ROUTE } from './routes.ts';
import type { Target } from './target.ts';

/**
 * Sends an auto-recharge webhook as the platform would, signed.
 *
 * @param webhook.url where to; undefined: the relay's own address.
 * @param webhook.now Unix milliseconds.
 * @returns what was answered.
 * @throws an OperateError, `not_ready`, if there is no relay, or no secret to sign with.
 */
export async function sendWebhook(
  target: Target,
  { body, url, now }: { body: Buffer; url: string | undefined; now: number },
): Promise<{ ok: boolean; status: number; body: string }> {
  const { url: base, secret } = await findReceiver(target, url);
  const receiver = new URL(base).pathname === '/' ? new URL(WEBHOOK_ROUTE, base) : new URL(base);
  // The secret itself is told to nobody but the relay.
  const verifiers = url === undefined ? configuredVerifiers(WEBHOOK_ROUTE, target) : [];
  const response = await fetch(receiver, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(url === undefined ? { 'x-webhook-token': secret } : {}),
      ...proofsFor(verifiers, { secret, body, now }),
    },
    body,
  });
  return { ok: response.ok, status: response.status, body: await response.text() };
}
