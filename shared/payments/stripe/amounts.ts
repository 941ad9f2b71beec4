import { currencyDecimals, type Money } from '../../money.ts';

/**
 * The currencies whose smallest unit Stripe counts otherwise than ISO 4217 does.
 * Source: docs.stripe.com/currencies, "Special cases": amounts of ISK and UGX are written with two decimals that must be
 * 00. MGA is written without decimals.
 */
const STRIPE_DECIMALS: Record<string, number> = { ISK: 2, UGX: 2, MGA: 0 };

/** Of the currencies with three decimals, Stripe takes amounts that end in 0 only (the same page). */
const LAST_DIGIT_ZERO = 3;

/**
 * An amount as Stripe writes it.
 *
 * @returns undefined where Stripe cannot write it exactly: nothing is rounded here.
 */
export function stripeAmount({ amount, currency }: Money): number | undefined {
  const ours = currencyDecimals(currency);
  const theirs = STRIPE_DECIMALS[currency] ?? ours;
  const scaled = amount * 10 ** (theirs - ours);
  if (!Number.isSafeInteger(scaled)) return undefined;
  return theirs === LAST_DIGIT_ZERO && scaled % 10 !== 0 ? undefined : scaled;
}

/** What Stripe's amount and currency are, in the currency's smallest unit by ISO 4217. */
export function moneyOfStripe({ amount, currency: code }: { amount: number; currency: string }): Money {
  const currency = code.toUpperCase();
  const ours = currencyDecimals(currency);
  const theirs = STRIPE_DECIMALS[currency] ?? ours;
  return { amount: Math.round(amount / 10 ** (theirs - ours)), currency };
}

/** Whether an amount and a currency of Stripe's are this money. */
export const isSameMoney = (said: { amount: number; currency: string }, money: Money): boolean =>
  said.currency.toUpperCase() === money.currency && said.amount === stripeAmount(money);

/** What an amount of Stripe's is in the smallest unit of ISO 4217: for texts, so a part of a unit is cut off. */
export function moneyOf(said: { amount: number; currency: string }): Money {
  const currency = said.currency.toUpperCase();
  const ours = currencyDecimals(currency);
  return { currency, amount: Math.trunc(said.amount / 10 ** ((STRIPE_DECIMALS[currency] ?? ours) - ours)) };
}
