import { describe, expect, it } from 'vitest';
import {
  isSameMoney,
  moneyOf,
  moneyOfStripe,
  stripeAmount,
} from '../../../../shared/payments/stripe/amounts.ts';

/** Sources: docs.stripe.com/currencies, "Special cases", and ISO 4217. */
const SAME = [
  { currency: 'USD', ours: 5_000, stripes: 5_000 },
  { currency: 'JPY', ours: 500, stripes: 500 },
  { currency: 'ISK', ours: 500, stripes: 50_000 },
  { currency: 'UGX', ours: 3_000, stripes: 300_000 },
  { currency: 'MGA', ours: 500, stripes: 5 },
  { currency: 'KWD', ours: 1_230, stripes: 1_230 },
];

describe('an amount', () => {
  it.each(SAME)('of $currency $ours is $stripes at Stripe', ({ currency, ours, stripes }) => {
    const money = { amount: ours, currency };
    expect(stripeAmount(money)).toBe(stripes);
    const said = { amount: stripes, currency: currency.toLowerCase() };
    expect(moneyOfStripe(said)).toEqual(money);
    expect(moneyOf(said)).toEqual(money);
    expect(isSameMoney(said, money)).toBe(true);
    expect(isSameMoney({ ...said, amount: stripes + 1 }, money)).toBe(false);
    expect(isSameMoney({ ...said, currency: 'eur' }, money)).toBe(false);
  });

  it.each([
    ['a part of an ariary', 'MGA', 501],
    ['a last digit that is not 0', 'KWD', 1_234],
    ['more than a number holds exactly', 'USD', 2 ** 53],
  ])('that Stripe cannot write exactly is none: %s', (_, currency, amount) => {
    expect(stripeAmount({ amount, currency })).toBeUndefined();
  });

  it('of Stripe’s with a part of our unit is rounded to count, and cut off to be read', () => {
    const said = { amount: 199, currency: 'isk' };
    expect(moneyOfStripe(said)).toEqual({ amount: 2, currency: 'ISK' });
    expect(moneyOf(said)).toEqual({ amount: 1, currency: 'ISK' });
  });
});
