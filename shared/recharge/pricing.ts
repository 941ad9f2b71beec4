import * as z from 'zod/mini';
import { isCurrency, type Money, timesExactly, toMinorUnits } from '../money.ts';

/** A price as text, in major units. */
export const priceSchema = z
  .string()
  .check(z.regex(/^\d{1,9}(\.\d{1,9})?$/, 'a price is a decimal number as text, such as "0.10"'));
const credits = z.int().check(z.positive());

const currency = z
  .string()
  .check(
    z.regex(/^[A-Z]{3}$/, { error: 'a currency is three capital letters, such as "USD"', abort: true }),
    z.refine(isCurrency, 'not a currency of ISO 4217'),
  );

/** What a client pays. Exactly one of `perCredit`, `packs` and `tiers`. */
export const pricingSchema = z.union(
  [
    z.strictObject({ currency, perCredit: priceSchema, minimumCharge: z.optional(priceSchema) }),
    z.strictObject({
      currency,
      packs: z.array(z.strictObject({ credits, price: priceSchema })).check(
        z.minLength(1),
        z.refine(
          (packs) => new Set(packs.map((pack) => pack.credits)).size === packs.length,
          'two packs are of one size',
        ),
      ),
    }),
    z.strictObject({
      currency,
      tiers: z.array(z.strictObject({ upTo: z.optional(credits), perCredit: priceSchema })).check(
        z.minLength(1),
        z.refine(
          (tiers) => isRising(tiers.map(({ upTo = Infinity }) => upTo)),
          'each tier must reach further, and only the last may lack upTo',
        ),
      ),
      minimumCharge: z.optional(priceSchema),
    }),
  ],
  {
    error:
      'give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])',
  },
);

function isRising(numbers: number[]): boolean {
  return numbers.slice(1).every((number, before) => number > (numbers[before] ?? 0));
}

export type Pricing = z.infer<typeof pricingSchema>;

/** How a price came about, step by step. */
export interface Calculation {
  /** What the price list has for this number of credits. */
  basis:
    | { kind: 'per_credit'; perCredit: string }
    /** All credits cost what this tier says. `upTo` is absent on the last one. */
    | { kind: 'tier'; perCredit: string; upTo?: number }
    | { kind: 'pack'; price: string };
  /** Major units, before rounding. */
  exact: string;
  rounded: Money;
  /** Where the price list has one, whether it raised the amount or not. */
  minimum?: Money;
  /** What the client pays. */
  money: Money;
}

/**
 * The price of `credits`; rounding is half up, once, on the whole amount.
 * `packs` sell exactly the listed numbers of credits; with `tiers`, the first tier that reaches the number
 * gives the price of every credit of it (volume pricing). `minimumCharge` raises a smaller amount.
 *
 * @returns undefined where the price list has no price for this number of credits.
 */
export function calculatePrice(credits: number, pricing: Pricing): Calculation | undefined {
  const { currency } = pricing;
  if ('packs' in pricing) {
    const pack = pricing.packs.find((candidate) => candidate.credits === credits);
    if (!pack) return undefined;
    const money = { amount: toMinorUnits(pack.price, 1, currency), currency };
    const exact = timesExactly(pack.price, 1);
    return { basis: { kind: 'pack', price: pack.price }, exact, rounded: money, money };
  }
  const basis = basisOf(credits, pricing);
  if (basis === undefined) return undefined;
  const rounded = { amount: toMinorUnits(basis.perCredit, credits, currency), currency };
  const exact = timesExactly(basis.perCredit, credits);
  if (pricing.minimumCharge === undefined) return { basis, exact, rounded, money: rounded };
  const minimum = { amount: toMinorUnits(pricing.minimumCharge, 1, currency), currency };
  return {
    basis,
    exact,
    rounded,
    minimum,
    money: { amount: Math.max(minimum.amount, rounded.amount), currency },
  };
}

/** What `calculatePrice` comes to, in minor units. */
export const priceOf = (credits: number, pricing: Pricing): Money | undefined =>
  calculatePrice(credits, pricing)?.money;

function basisOf(credits: number, pricing: Exclude<Pricing, { packs: unknown }>) {
  if (!('tiers' in pricing)) return { kind: 'per_credit' as const, perCredit: pricing.perCredit };
  const tier = pricing.tiers.find(({ upTo }) => upTo === undefined || credits <= upTo);
  if (tier === undefined) return undefined;
  const { upTo, perCredit } = tier;
  return { kind: 'tier' as const, perCredit, ...(upTo === undefined ? {} : { upTo }) };
}
