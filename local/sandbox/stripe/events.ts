import { createHmac } from 'node:crypto';
import { newId } from './state.ts';

/** How often an event is sent again where the receiver does not answer 2xx; Stripe goes on for three days. */
const TRIES = 20;
const AGAIN_MS = 500;

/**
 * Sends events as Stripe does: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 of `{t}.{body}`, until it is answered 2xx.
 * Source: docs.stripe.com/webhooks/signature.
 *
 * @param apiVersion that of the endpoint's objects.
 */
export function createEvents({
  url,
  secret,
  apiVersion,
  now,
  sleep,
}: {
  /** Read before every try; undefined: nobody listens. */
  url: () => string | undefined;
  secret: string;
  apiVersion: string;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}) {
  const sent: { type: string; status: number | 'no answer' }[] = [];

  async function post(type: string, body: string): Promise<void> {
    for (let n = 0; n < TRIES; n += 1) {
      const to = url();
      if (to === undefined) return;
      const t = Math.floor(now() / 1_000);
      const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex');
      const response = await fetch(to, {
        method: 'POST',
        body,
        headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': `t=${t},v1=${v1}` },
      }).catch(() => undefined);
      sent.push({ type, status: response?.status ?? 'no answer' });
      if (response?.ok) return;
      await sleep(AGAIN_MS);
    }
  }

  return {
    /** Every try to deliver. */
    sent: sent as readonly { type: string; status: number | 'no answer' }[],
    /** @param before of what the event changed, where its type tells that. */
    emit(type: string, object: unknown, before?: object): void {
      const event = {
        id: newId('evt'),
        object: 'event',
        api_version: apiVersion,
        created: Math.floor(now() / 1_000),
        livemode: false,
        pending_webhooks: 1,
        request: null,
        type,
        data: { object, ...(before === undefined ? {} : { previous_attributes: before }) },
      };
      void post(type, JSON.stringify(event));
    },
  };
}
