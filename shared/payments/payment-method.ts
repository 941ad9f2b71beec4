import * as z from 'zod/mini';

/** A card or bank account that a client has saved at the payment provider. What is shown of it is no card data. */
export const paymentMethodSchema = z.object({
  /** The provider's id. */
  id: z.string(),
  /** `card`, `sepa_debit` … */
  type: z.string(),
  brand: z.exactOptional(z.string()),
  last4: z.exactOptional(z.string()),
  /** `2027-03`: its last month. */
  expires: z.exactOptional(z.string()),
  /** The same for the same card, however often it is saved. */
  fingerprint: z.exactOptional(z.string()),
});
export type PaymentMethod = z.infer<typeof paymentMethodSchema>;

/** For people: `visa ••4242, until 2029-12`. */
export function meansText({ type, brand, last4, expires }: PaymentMethod): string {
  const named = `${brand ?? type.replaceAll('_', ' ')}${last4 === undefined ? '' : ` ••${last4}`}`;
  return expires === undefined ? named : `${named}, until ${expires}`;
}
