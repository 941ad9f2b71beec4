import type Stripe from 'stripe';
import { type Reply, readJson, sendOnce } from '../../http.ts';
import { STRIPE_API, STRIPE_API_VERSION } from './api.ts';

/** A call that brought no answer of Stripe's: whether its request may have arrived. */
export class NoReplyError extends Error {
  readonly reply: Exclude<Reply, { kind: 'response' }>;

  constructor(reply: Exclude<Reply, { kind: 'response' }>) {
    super(reply.detail);
    this.name = 'NoReplyError';
    this.reply = reply;
  }
}

export interface StripeClient {
  stripe: Stripe;
  /** The error of Stripe's that this is. */
  errorOf(error: unknown): Stripe.errors.StripeError | undefined;
}

/**
 * Stripe's own client, loaded when it is first needed (it takes 13 ms), on our own way of sending: a fresh connection for
 * each call, so that it is known whether a request left, and one try. The package repeats a call whose connection was
 * closed even where retries are switched off (`RequestSender._shouldRetry` of stripe-node 23), but only by the code of the
 * error, which ours does not have.
 *
 * Between the call of a method and the bytes on the wire nothing but promises that are settled already are awaited:
 * telemetry, which asks the operating system, is off.
 *
 * @param key `sk_…` or `rk_…`.
 */
export async function createStripeClient(
  key: string,
  { apiUrl = STRIPE_API, timeoutMs }: { apiUrl?: string; timeoutMs: number },
): Promise<StripeClient> {
  const { default: Client } = await import('stripe');
  const { protocol, hostname, port } = new URL(apiUrl);
  const stripe = new Client(key, {
    apiVersion: STRIPE_API_VERSION,
    protocol: protocol === 'http:' ? 'http' : 'https',
    host: hostname,
    port: port || (protocol === 'http:' ? 80 : 443),
    timeout: timeoutMs,
    maxNetworkRetries: 0,
    telemetry: false,
    httpClient: sendingOnce,
  });
  return { stripe, errorOf: (error) => (error instanceof Client.errors.StripeError ? error : undefined) };
}

/** An answer of a list of a hundred payments is some 300 KB. */
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

const sendingOnce: Stripe.HttpClient = {
  getClientName: () => 'recharge-relay',
  async makeRequest(host, port, path, method, headers, body, protocol, timeoutMs) {
    const reply = await sendOnce({
      method: method === 'GET' ? 'GET' : 'POST',
      url: `${protocol}://${host}:${port}${path}`,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)]),
      ),
      ...(method === 'GET' ? {} : { body }),
      timeoutMs,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    });
    if (reply.kind !== 'response') throw new NoReplyError(reply);
    return {
      getStatusCode: () => reply.status,
      getHeaders: () => reply.headers,
      getRawResponse: () => reply,
      toStream: () => reply.body,
      async toJSON() {
        const json = readJson(reply.body);
        if (typeof json !== 'object' || json === null) throw new Error(`status ${reply.status}, and no JSON`);
        return json;
      },
    };
  },
};
