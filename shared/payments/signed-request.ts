import { Webhook } from 'standardwebhooks';
import { isSafeUrl, type OutgoingRequest } from '../http.ts';

/** One call of the contract, before it is signed. */
export interface Call {
  method: 'GET' | 'POST';
  /** Behind the endpoint's address. */
  path: string;
  /** The Standard Webhooks message id. It must be ASCII: it travels in a header. */
  id: string;
  body?: Record<string, unknown>;
  idempotencyKey?: string;
}

/** https, or http on this machine, and nothing behind which `/charges` could not be appended. */
export const isEndpointUrl = (url: string) => isSafeUrl(url) && !/[?#]/.test(url);

/**
 * A request after Standard Webhooks: `webhook-id`, `webhook-timestamp`, and `webhook-signature` over the exact body. A
 * GET, and a POST without a body, sign the empty body.
 */
export function signedRequest(
  url: string,
  { method, path, id, body, idempotencyKey }: Call,
  { key, signedAt }: { key: Webhook; signedAt: Date },
): Omit<OutgoingRequest, 'timeoutMs'> {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = {
    accept: 'application/json',
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1000)),
    'webhook-signature': key.sign(id, signedAt, text),
  };
  return {
    method,
    url: url.replace(/\/+$/, '') + path,
    headers,
    ...(method === 'GET' ? {} : { body: text }),
  };
}

/**
 * @param text `whsec_` and base64; a text without `whsec_` that is no base64 is the key itself.
 * @returns undefined where it is empty or malformed.
 */
export function signingKey(text: string): Webhook | undefined {
  // A secret pasted into a store often ends in a line feed.
  const secret = text.trim();
  try {
    return new Webhook(secret);
  } catch {
    return secret === '' || secret.startsWith('whsec_')
      ? undefined
      : new Webhook(Buffer.from(secret), { format: 'raw' });
  }
}
