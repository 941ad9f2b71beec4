import * as z from 'zod';
import { type Money, toMinorUnits } from '../money.ts';

const decimal = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,9})?$/, 'a price is a decimal number as text, such as "0.10"');
const credits = z.int().positive();

const currency = z
  .string()
  .regex(/^[A-Z]{3}$/, 'a currency is three capital letters, such as "USD"')
  .refine((code) => Intl.supportedValuesOf('currency').includes(code), 'not a currency of ISO 4217');

/** What a client pays. Exactly one of `perCredit`, `packs` and `tiers`. */
export const pricingSchema = z.union(
  [
    z.strictObject({ currency, perCredit: decimal, minimumCharge: decimal.optional() }),
    z.strictObject({
      currency,
      packs: z
        .array(z.strictObject({ credits, price: decimal }))
        .min(1)
        .refine(
          (packs) => new Set(packs.map((pack) => pack.credits)).size === packs.length,
          'two packs are of one size',
        ),
    }),
    z.strictObject({
      currency,
      tiers: z
        .array(z.strictObject({ upTo: credits.optional(), perCredit: decimal }))
        .min(1)
        .refine(
          (tiers) =>
            tiers.every(
              ({ upTo = Infinity }, index) => upTo > (index === 0 ? 0 : (tiers[index - 1]?.upTo ?? Infinity)),
            ),
          'each tier must reach further, and only the last may lack upTo',
        ),
      minimumCharge: decimal.optional(),
    }),
  ],
  {
    error:
      'give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])',
  },
);
export type Pricing = z.infer<typeof pricingSchema>;

/**
 * The price of `credits` in minor units; rounding is half up, once, on the whole amount.
 * `packs` sell exactly the listed numbers of credits; with `tiers`, the first tier that reaches the number
 * gives the price of every credit of it (volume pricing). `minimumCharge` raises a smaller amount.
 *
 * @returns undefined where the price list has no price for this number of credits.
 */
export function priceOf(credits: number, pricing: Pricing): Money | undefined {
  const { currency } = pricing;
  if ('packs' in pricing) {
    const pack = pricing.packs.find((candidate) => candidate.credits === credits);
    return pack && { amount: toMinorUnits(pack.price, 1, currency), currency };
  }
  const perCredit = 'tiers' in pricing ? perCreditOf(credits, pricing.tiers) : pricing.perCredit;
  if (perCredit === undefined) return undefined;
  const amount = toMinorUnits(perCredit, credits, currency);
  const minimum = pricing.minimumCharge === undefined ? 0 : toMinorUnits(pricing.minimumCharge, 1, currency);
  return { amount: Math.max(amount, minimum), currency };
}

function perCreditOf(credits: number, tiers: { upTo?: number | undefined; perCredit: string }[]) {
  return tiers.find((tier) => tier.upTo === undefined || credits <= tier.upTo)?.perCredit;
}
