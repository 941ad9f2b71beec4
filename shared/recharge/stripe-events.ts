import * as z from 'zod/mini';
import { DEFAULT_TOLERANCE_SECONDS } from '../incoming/standard-webhooks.ts';
import type { HmacVerifier } from '../incoming/verifier-settings.ts';
import { RECHARGE_KEY } from '../payments/stripe/intents.ts';

/**
 * How Stripe signs events: `Stripe-Signature: t=…,v1=…`, HMAC-SHA256 in hex over `{t}.{body}`, with the whole `whsec_…` as
 * key; while a secret is rolled, two `v1`. Five minutes is the tolerance of Stripe's own packages.
 * Source: docs.stripe.com/webhooks/signature, Webhooks.ts of stripe-node 23.
 */
export const STRIPE_SIGNATURE: HmacVerifier = {
  type: 'hmac',
  header: 'stripe-signature',
  encoding: 'hex',
  prefix: 'v1=',
  signs: '{timestamp}.{body}',
  timestampHeader: 'stripe-signature',
  timestampPrefix: 't=',
  toleranceSeconds: DEFAULT_TOLERANCE_SECONDS,
};

/** What an event asks for. Nothing of what it says is believed. */
export type Asks = { kind: 'wake'; key: string };

const name = z.string().check(z.minLength(1), z.maxLength(255));

const eventSchema = z.object({
  id: name,
  type: name,
  data: z.object({ object: z.looseObject({ metadata: z.nullish(z.record(z.string(), z.unknown())) }) }),
});

/**
 * @param body of an event that was verified.
 * @returns what it is called, and what it asks for; nothing for an event of anything else.
 */
export function heardIn(body: Buffer): { id?: string; type?: string; asks?: Asks } {
  const event = eventIn(body);
  if (!event) return {};
  const { id, type } = event;
  const asks = asksOf(event);
  return { id, type, ...(asks === undefined ? {} : { asks }) };
}

function eventIn(body: Buffer): z.infer<typeof eventSchema> | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(body.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** A payment has come to an end, or a try of it has. Source: docs.stripe.com/api/events/types. */
const DECIDED = ['payment_intent.succeeded', 'payment_intent.payment_failed', 'payment_intent.canceled'];

function asksOf({ type, data: { object } }: z.infer<typeof eventSchema>): Asks | undefined {
  const key = name.safeParse(object.metadata?.[RECHARGE_KEY]).data;
  return DECIDED.includes(type) && key !== undefined ? { kind: 'wake', key } : undefined;
}
