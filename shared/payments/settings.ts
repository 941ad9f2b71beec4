import * as z from 'zod';
import { isOnThisMachine, isSafeUrl } from '../http.ts';
import { partyNameSchema } from '../party-name.ts';

const httpPaymentSchema = z.strictObject({
  type: z.literal('http'),
  /** Who takes the money: recharges belong to this endpoint, and stay with it when its address moves. */
  name: partyNameSchema.exactOptional(),
  /** The agency's own endpoint; `/charges` and `/refunds` are appended. */
  url: z
    .string()
    .refine(
      (url) => isSafeUrl(url) && !/[?#]/.test(url),
      'must be https (http on this machine only), without ? and #',
    )
    .transform((url) => url.replace(/\/+$/, '')),
});

const stripePaymentSchema = z.strictObject({
  type: z.literal('stripe'),
  /** Which account of Stripe: recharges belong to it. Give another name when the key is of another account. */
  name: partyNameSchema.exactOptional(),
  /** Who charges, in words that clients know: they read it on the page where they confirm a payment. */
  payee: z
    .string()
    .trim()
    .min(1)
    .max(80)
    .regex(/^[^\p{C}]*$/u, 'must hold no invisible characters')
    .exactOptional(),
  /** Whether Stripe mails the client a receipt of each charge. */
  receipts: z.boolean().default(true),
  /**
   * Appended to the descriptor on the statements of cards; Stripe cuts the whole at 22 characters.
   * Source: docs.stripe.com/get-started/account/statement-descriptors.
   */
  descriptorSuffix: z
    .string()
    .max(20)
    .regex(/^(?=.*[A-Za-z])[^<>\\'"*]+$/, 'needs a letter, and none of < > \\ \' " *')
    .exactOptional(),
  /** A Stripe that stands on this machine, to try the relay against. */
  apiUrl: z.string().refine(isOnThisMachine, 'must be an address of this machine').exactOptional(),
});

/** The section `payment` of the configuration. */
export const paymentSchema = z.discriminatedUnion('type', [httpPaymentSchema, stripePaymentSchema]);
export type PaymentSettings = z.infer<typeof paymentSchema>;
