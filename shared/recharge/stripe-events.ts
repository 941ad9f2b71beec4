import * as z from 'zod/mini';
import { DEFAULT_TOLERANCE_SECONDS } from '../incoming/standard-webhooks.ts';
import type { HmacVerifier } from '../incoming/verifier-settings.ts';
import { RECHARGE_KEY } from '../payments/stripe/intents.ts';
import { type StripeLook, stripeLookSchema } from '../payments/stripe/looks.ts';
import { CLIENT } from '../payments/stripe/saved-means.ts';

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

/** What an event asks for: that a recharge's payment is looked up, or that something else is looked at. */
export type Asks = { kind: 'wake'; key: string } | { kind: 'look'; look: StripeLook };

/** One that a person has started anew is longer than any of the platform. Stripe's metadata ends at 500 characters. */
const key = z.string().check(z.minLength(1), z.maxLength(500));

const eventSchema = z.object({
  id: z.string().check(z.maxLength(255)),
  type: z.string().check(z.maxLength(255)),
  data: z.object({
    object: z.looseObject({ metadata: z.nullish(z.record(z.string(), z.unknown())) }),
    previous_attributes: z.optional(z.looseObject({})),
  }),
});
type StripeEvent = z.infer<typeof eventSchema>;

/**
 * @param body of an event that was verified.
 * @returns what it is called, and what it asks for; nothing for an event about anything else.
 */
export function heardIn(body: Buffer): { id?: string; type?: string; asks?: Asks } {
  const event = eventIn(body);
  if (!event) return {};
  const { id, type } = event;
  const asks = ASKS.get(type)?.(event);
  return { id, type, ...(asks === undefined ? {} : { asks }) };
}

function eventIn(body: Buffer): StripeEvent | undefined {
  try {
    return eventSchema.safeParse(JSON.parse(body.toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

type Reads = (event: StripeEvent) => Asks | undefined;

/** A payment of ours has come to an end, or a try of it has. */
const wake: Reads = ({ data: { object } }) => {
  const named = key.safeParse(object.metadata?.[RECHARGE_KEY]).data;
  return named === undefined ? undefined : { kind: 'wake', key: named };
};

/** Undefined where a part is missing, or is no id. */
const look = (wanted: object): Asks | undefined => {
  const { data } = stripeLookSchema.safeParse(wanted);
  return data && { kind: 'look', look: data };
};

const isInvitation = ({ data: { object } }: StripeEvent) => object.metadata?.[CLIENT] !== undefined;

const dispute: Reads = ({ data: { object } }) =>
  look({
    at: 'payment',
    paymentIntent: object.payment_intent,
    dispute: { id: object.id, reason: object.reason },
  });

/** A charge and a refund of ours have the recharge in their metadata; others are not asked about. */
const refund: Reads = (event) =>
  wake(event) && look({ at: 'payment', paymentIntent: event.data.object.payment_intent });

const means: Reads = ({ data: { object, previous_attributes: before } }) =>
  look({ at: 'means', paymentMethod: object.id, customer: object.customer ?? before?.customer });

/**
 * The types that are heard, and no other. Of a page of Checkout, both types tell: a card is saved when the page is
 * left, and a bank account whose owner has to prove it days later. A charge has the metadata of its PaymentIntent.
 * Source: docs.stripe.com/api/events/types, docs.stripe.com/metadata.
 */
const ASKS = new Map<string, Reads>([
  ['payment_intent.succeeded', wake],
  ['payment_intent.payment_failed', wake],
  ['payment_intent.canceled', wake],
  ['charge.dispute.created', dispute],
  // Also when an inquiry, which takes no money, has become a dispute.
  ['charge.dispute.funds_withdrawn', dispute],
  ['charge.refunded', refund],
  ['refund.failed', refund],
  [
    'checkout.session.completed',
    (event) =>
      isInvitation(event) ? look({ at: 'saved', setupIntent: event.data.object.setup_intent }) : undefined,
  ],
  [
    'setup_intent.succeeded',
    (event) => (isInvitation(event) ? look({ at: 'saved', setupIntent: event.data.object.id }) : undefined),
  ],
  ['payment_method.updated', means],
  ['payment_method.automatically_updated', means],
  ['payment_method.detached', means],
]);

/** For whoever sets the events up at Stripe. */
export const HEARD_EVENTS: readonly string[] = [...ASKS.keys()];
