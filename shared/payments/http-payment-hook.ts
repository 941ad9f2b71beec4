import { randomUUID } from 'node:crypto';
import { sendOnce } from '../http.ts';
import { chargeBody, refundBody, type Subject } from './contract.ts';
import { type Answer, readCharge, readLookup, readRefund } from './http-answers.ts';
import type { ChargeOutcome, LookupOutcome, PaymentHook } from './payment-hook.ts';
import { type Call, isEndpointUrl, signedRequest, signingKey } from './signed-request.ts';

export interface HttpPaymentHookOptions {
  /** The endpoint; `/charges` and `/refunds` are appended. https, or http on this machine. */
  url: string;
  /**
   * `whsec_` and base64; a text without `whsec_` that is no base64 is the key itself. Asked before every
   * call, and free to throw where it cannot be read: nothing was sent then.
   */
  secret: () => Promise<string>;
  /** For one whole call; nothing is repeated here. */
  timeoutMs: number;
  /** Unix time in milliseconds. */
  now: () => number;
}

/**
 * The agency's own payment endpoint. Every request is signed after Standard Webhooks (`webhook-id`,
 * `webhook-timestamp`, `webhook-signature` over the exact body; a GET and a cancel sign the empty body).
 *
 * A charge or a refund repeats the same bytes under the same `webhook-id` and `Idempotency-Key`; only the
 * timestamp and with it the signature are new. Lookups and cancels carry a new `webhook-id` each, so that
 * an endpoint which drops repeated messages still answers them. Ids must be ASCII: they travel in headers.
 *
 * @throws TypeError where `url` is unsafe, or has a query or a fragment.
 */
export function createHttpPaymentHook(options: HttpPaymentHookOptions): PaymentHook {
  if (!isEndpointUrl(options.url)) {
    throw new TypeError('the payment hook needs an https URL without ? and #');
  }

  async function ask(call: Call, subject: Subject): Promise<LookupOutcome> {
    const send = await prepare(options, call);
    return readLookup(await send(), subject);
  }

  return {
    async prepareCharge(request) {
      const id = request.chargeId;
      const call: Call = {
        method: 'POST',
        path: '/charges',
        id,
        idempotencyKey: id,
        body: chargeBody(request),
      };
      const post = await prepare(options, call);
      return {
        async send(): Promise<ChargeOutcome> {
          const answer = await post();
          return readCharge(answer, request, options.now());
        },
      };
    },
    lookup(reference) {
      const { chargeId } = reference;
      const id = `${chargeId}_lookup_${randomUUID()}`;
      return ask({ method: 'GET', path: `/charges/${encodeURIComponent(chargeId)}`, id }, reference);
    },
    cancel(reference) {
      const { chargeId } = reference;
      const id = `${chargeId}_cancel_${randomUUID()}`;
      return ask({ method: 'POST', path: `/charges/${encodeURIComponent(chargeId)}/cancel`, id }, reference);
    },
    async refund(request) {
      const id = request.refundId;
      const call: Call = {
        method: 'POST',
        path: '/refunds',
        id,
        idempotencyKey: id,
        body: refundBody(request),
      };
      const post = await prepare(options, call);
      const answer = await post();
      return readRefund(answer, request, options.now());
    },
  };
}

/** Everything that has to be awaited or can fail, so that the returned call is nothing but the request. */
async function prepare(
  { url, secret, timeoutMs, now }: HttpPaymentHookOptions,
  call: Call,
): Promise<() => Promise<Answer>> {
  const key = signingKey(await secret());
  if (key === undefined) {
    const detail = 'the payment hook secret is empty or malformed';
    return () => Promise.resolve({ kind: 'no_secret', detail });
  }
  const request = signedRequest(url, call, { key, signedAt: new Date(now()) });
  return () => sendOnce({ ...request, timeoutMs });
}
