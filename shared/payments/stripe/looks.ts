import * as z from 'zod/mini';

/** Stripe's id of an object: `pi_3MtwBwLkdIwHu7ix28a3tqPa`. */
const id = z.string().check(z.regex(/^[A-Za-z0-9_]{4,255}$/));

/**
 * What is to be looked at at Stripe, since an event was about it. Whoever heard the event holds no key; what it said is not
 * believed.
 */
export const stripeLookSchema = z.discriminatedUnion('at', [
  /** Whether a payment was disputed, or given back by somebody else than us. The words of a dispute are for people. */
  z.object({
    at: z.literal('payment'),
    paymentIntent: id,
    dispute: z.exactOptional(z.object({ id, reason: z.string().check(z.maxLength(100)) })),
  }),
  /** What a client has saved by following an invitation. */
  z.object({ at: z.literal('saved'), setupIntent: id }),
  /** What has become of a means of payment of this customer. */
  z.object({ at: z.literal('means'), customer: id, paymentMethod: id }),
]);
export type StripeLook = z.infer<typeof stripeLookSchema>;

/** What it is about, as Stripe calls it. */
export function idIn(look: StripeLook): string {
  switch (look.at) {
    case 'payment':
      return look.paymentIntent;
    case 'saved':
      return look.setupIntent;
    case 'means':
      return look.paymentMethod;
  }
}
