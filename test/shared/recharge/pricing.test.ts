import { describe, expect, it } from 'vitest';
import { calculatePrice, type Pricing, priceOf, pricingSchema } from '../../../shared/recharge/pricing.ts';

const perCredit = (price: string, currency = 'USD'): Pricing => ({ currency, perCredit: price });

describe('a price per credit', () => {
  it.each<[Pricing, number, number]>([
    [perCredit('0.10'), 500, 5_000],
    [perCredit('0.10'), 1, 10],
    [perCredit('15', 'JPY'), 500, 7_500],
    [perCredit('0.5', 'JPY'), 3, 2],
    [perCredit('0.025', 'KWD'), 500, 12_500],
    [perCredit('0.0005', 'KWD'), 1, 1],
  ])('%j sells %i credits for %i', (pricing, credits, amount) => {
    expect(priceOf(credits, pricing)).toEqual({ amount, currency: pricing.currency });
  });

  it('is rounded half up, once, on the whole amount', () => {
    expect(priceOf(1, perCredit('0.125'))?.amount).toBe(13);
    expect(priceOf(1, perCredit('0.1249'))?.amount).toBe(12);
    expect(priceOf(1, perCredit('0.1251'))?.amount).toBe(13);
    expect(priceOf(100, perCredit('0.0333'))?.amount).toBe(333);
  });

  it('is exact for large numbers', () => {
    expect(priceOf(123_456_789, perCredit('0.07'))?.amount).toBe(864_197_523);
    expect(priceOf(999_999_999, perCredit('1.005'))?.amount).toBe(100_499_999_900);
  });
});

describe('a minimum charge', () => {
  const pricing: Pricing = { currency: 'USD', perCredit: '0.10', minimumCharge: '5.00' };

  it('raises a smaller amount, and only a smaller one', () => {
    expect(priceOf(49, pricing)).toEqual({ amount: 500, currency: 'USD' });
    expect(priceOf(50, pricing)).toEqual({ amount: 500, currency: 'USD' });
    expect(priceOf(51, pricing)).toEqual({ amount: 510, currency: 'USD' });
  });

  it('is a decimal of the same currency', () => {
    expect(priceOf(1, { currency: 'JPY', perCredit: '1', minimumCharge: '100' })?.amount).toBe(100);
    expect(priceOf(1, { currency: 'KWD', perCredit: '0.001', minimumCharge: '0.150' })?.amount).toBe(150);
  });

  it('holds for tiers as well', () => {
    const tiers: Pricing = { currency: 'USD', tiers: [{ perCredit: '0.01' }], minimumCharge: '1.00' };
    expect(priceOf(99, tiers)?.amount).toBe(100);
    expect(priceOf(101, tiers)?.amount).toBe(101);
  });
});

describe('packs', () => {
  const pricing: Pricing = {
    currency: 'USD',
    packs: [
      { credits: 100, price: '12.00' },
      { credits: 500, price: '49.99' },
    ],
  };

  it('are sold at their price, whatever they hold', () => {
    expect(priceOf(100, pricing)).toEqual({ amount: 1_200, currency: 'USD' });
    expect(priceOf(500, pricing)).toEqual({ amount: 4_999, currency: 'USD' });
  });

  it.each([99, 101, 200, 499, 600])('have no price for %i credits, which nobody sells', (credits) => {
    expect(priceOf(credits, pricing)).toBeUndefined();
  });
});

describe('tiers', () => {
  const pricing: Pricing = {
    currency: 'USD',
    tiers: [{ upTo: 100, perCredit: '0.12' }, { upTo: 1_000, perCredit: '0.10' }, { perCredit: '0.08' }],
  };

  it.each([
    [1, 12],
    [100, 1_200],
    [101, 1_010],
    [1_000, 10_000],
    [1_001, 8_008],
    [50_000, 400_000],
  ])('price all of %i credits by the first tier that reaches them: %i', (credits, amount) => {
    expect(priceOf(credits, pricing)).toEqual({ amount, currency: 'USD' });
  });

  it('have no price past a last tier that ends', () => {
    const closed: Pricing = { currency: 'USD', tiers: [{ upTo: 100, perCredit: '0.12' }] };
    expect(priceOf(100, closed)?.amount).toBe(1_200);
    expect(priceOf(101, closed)).toBeUndefined();
  });
});

const tiersUpTo = (...reaches: (number | undefined)[]) =>
  reaches.map((upTo) => ({ upTo, perCredit: '0.10' }));

describe('a configured price list', () => {
  it.each<[string, unknown]>([
    ['a price per credit', { currency: 'USD', perCredit: '0.10' }],
    ['a minimum charge', { currency: 'JPY', perCredit: '15', minimumCharge: '500' }],
    ['packs', { currency: 'KWD', packs: [100, 500].map((credits) => ({ credits, price: '12.500' })) }],
    ['tiers', { currency: 'EUR', tiers: [{ upTo: 100, perCredit: '0.12' }, { perCredit: '0.1' }] }],
    ['nine digits before the point and nine after', { currency: 'USD', perCredit: '999999999.999999999' }],
  ])('may hold %s', (_, given) => {
    expect(pricingSchema.parse(given)).toEqual(given);
  });

  it.each<[string, unknown]>([
    ['no price', { currency: 'USD' }],
    ['no currency', { perCredit: '0.10' }],
    ['a currency in small letters', { currency: 'usd', perCredit: '0.10' }],
    ['a currency that does not exist', { currency: 'XQQ', perCredit: '0.10' }],
    ['a price as a number, which has been a float', { currency: 'USD', perCredit: 0.1 }],
    ['a negative price', { currency: 'USD', perCredit: '-0.10' }],
    ['a price with a comma', { currency: 'USD', perCredit: '0,10' }],
    ['a price with a currency sign', { currency: 'USD', perCredit: '$0.10' }],
    ['a price with an exponent', { currency: 'USD', perCredit: '1e2' }],
    ['a price without its zero', { currency: 'USD', perCredit: '.10' }],
    ['a price that ends in a point', { currency: 'USD', perCredit: '1.' }],
    ['an empty price', { currency: 'USD', perCredit: '' }],
    ['a price with a line feed', { currency: 'USD', perCredit: '0.10\n' }],
    ['ten digits after the point', { currency: 'USD', perCredit: '0.0000000001' }],
    ['ten digits before the point', { currency: 'USD', perCredit: '1000000000' }],
    ['two kinds of price', { currency: 'USD', perCredit: '0.10', packs: [{ credits: 1, price: '1' }] }],
    ['no packs', { currency: 'USD', packs: [] }],
    ['a pack of no credits', { currency: 'USD', packs: [{ credits: 0, price: '1' }] }],
    ['a pack of half a credit', { currency: 'USD', packs: [{ credits: 0.5, price: '1' }] }],
    [
      'two packs of one size',
      {
        currency: 'USD',
        packs: [
          { credits: 5, price: '1' },
          { credits: 5, price: '2' },
        ],
      },
    ],
    [
      'a minimum charge with packs',
      { currency: 'USD', packs: [{ credits: 1, price: '1' }], minimumCharge: '5' },
    ],
    ['no tiers', { currency: 'USD', tiers: [] }],
    ['a tier without a price', { currency: 'USD', tiers: [{ upTo: 100 }] }],
    ['two tiers of one reach', { currency: 'USD', tiers: tiersUpTo(100, 100) }],
    ['a tier that reaches less than the one before', { currency: 'USD', tiers: tiersUpTo(50, 100, 99) }],
    ['a tier behind one without an end', { currency: 'USD', tiers: tiersUpTo(50, undefined, 100) }],
    ['two tiers without an end', { currency: 'USD', tiers: tiersUpTo(50, undefined, undefined) }],
    ['a misspelt field', { currency: 'USD', perCredit: '0.10', minimalCharge: '5' }],
  ])('may not hold %s', (_, given) => {
    expect(pricingSchema.safeParse(given).success).toBe(false);
  });

  it('that fits nothing is refused with a sentence that says what does', () => {
    expect(pricingSchema.safeParse({ currency: 'USD' }).error?.issues[0]?.message).toBe(
      'give currency and one of perCredit ("0.10"), packs ([{credits, price}]) or tiers ([{upTo, perCredit}])',
    );
  });
});

describe('how a price comes about', () => {
  const usd = (amount: number) => ({ amount, currency: 'USD' });

  it('is the exact product, rounded, and raised to the minimum where it is less', () => {
    const pricing: Pricing = { currency: 'USD', perCredit: '0.0333', minimumCharge: '5.00' };
    expect(calculatePrice(50, pricing)).toEqual({
      basis: { kind: 'per_credit', perCredit: '0.0333' },
      exact: '1.665',
      rounded: usd(167),
      minimum: usd(500),
      money: usd(500),
    });
    expect(calculatePrice(500, pricing)).toMatchObject({
      exact: '16.65',
      rounded: usd(1_665),
      money: usd(1_665),
    });
  });

  it('names the tier, and the pack', () => {
    const tiers: Pricing = {
      currency: 'USD',
      tiers: [{ upTo: 999, perCredit: '0.12' }, { perCredit: '0.10' }],
    };
    expect(calculatePrice(999, tiers)?.basis).toEqual({ kind: 'tier', perCredit: '0.12', upTo: 999 });
    expect(calculatePrice(1_000, tiers)?.basis).toStrictEqual({ kind: 'tier', perCredit: '0.10' });
    const packs: Pricing = { currency: 'USD', packs: [{ credits: 500, price: '45.00' }] };
    expect(calculatePrice(500, packs)).toMatchObject({
      basis: { kind: 'pack', price: '45.00' },
      money: usd(4_500),
    });
    expect(calculatePrice(501, packs)).toBeUndefined();
  });
});
