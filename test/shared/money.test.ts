import { describe, expect, it } from 'vitest';
import { currencyDecimals, formatMoney, toMinorUnits } from '../../shared/money.ts';

describe('the decimals of a currency', () => {
  it.each([
    ['JPY', 0],
    ['KRW', 0],
    ['USD', 2],
    ['EUR', 2],
    ['KWD', 3],
    ['BHD', 3],
    ['IQD', 3],
    ['CLF', 4],
    // Shops write them without decimals; ISO 4217, and with it payment providers, count hundredths.
    ['HUF', 2],
    ['IDR', 2],
    ['COP', 2],
    ['PKR', 2],
  ])('%s is written with %i', (currency, decimals) => {
    expect(currencyDecimals(currency)).toBe(decimals);
  });

  it.each(['', 'US', 'USDT', '12$'])('%j is no currency', (currency) => {
    expect(() => currencyDecimals(currency)).toThrow(RangeError);
  });
});

describe('a price times a number of credits, in minor units', () => {
  it.each([
    ['0.10', 500, 'USD', 5_000],
    ['1', 1, 'USD', 100],
    ['0', 500, 'USD', 0],
    ['19.99', 3, 'USD', 5_997],
    ['007.50', 2, 'EUR', 1_500],
    ['15', 100, 'JPY', 1_500],
    ['10.50', 500, 'HUF', 525_000],
    ['0.025', 1_000, 'KWD', 25_000],
    ['1.234', 1, 'KWD', 1_234],
  ])('%s × %i in %s is %i', (decimal, factor, currency, minor) => {
    expect(toMinorUnits(decimal, factor, currency)).toBe(minor);
  });

  it.each([
    ['half goes up', '0.125', 1, 'USD', 13],
    ['below half goes down', '0.124999999', 1, 'USD', 12],
    ['above half goes up', '0.125000001', 1, 'USD', 13],
    ['half of a yen goes up', '0.5', 1, 'JPY', 1],
    ['below half of a yen goes down', '0.499999999', 1, 'JPY', 0],
    ['above half of a yen goes up', '1.500000001', 1, 'JPY', 2],
    ['half of a fils goes up', '0.0005', 1, 'KWD', 1],
    ['below half of a fils goes down', '0.000499999', 1, 'KWD', 0],
    ['half of an even cent goes up, too: no banker’s rounding', '0.025', 1, 'USD', 3],
    ['a half that floats would lose (1.005 is 1.00499… as a float)', '1.005', 1, 'USD', 101],
    ['another one (8.345)', '8.345', 1, 'USD', 835],
  ])('%s', (_, decimal, factor, currency, minor) => {
    expect(toMinorUnits(decimal, factor, currency)).toBe(minor);
  });

  it('is rounded once, on the whole amount', () => {
    expect(toMinorUnits('0.0333', 100, 'USD')).toBe(333);
    expect(toMinorUnits('0.004', 1_000, 'USD')).toBe(400);
    expect(toMinorUnits('0.4', 5, 'JPY')).toBe(2);
  });

  it('is exact where floats are not', () => {
    expect(toMinorUnits('0.07', 100, 'USD')).toBe(700);
    expect(toMinorUnits('1.1', 3, 'USD')).toBe(330);
    expect(toMinorUnits('0.000000001', 999_999_999, 'USD')).toBe(100);
    expect(toMinorUnits('999999999.999999999', 1, 'USD')).toBe(100_000_000_000);
    expect(toMinorUnits('123456.789', 729_000, 'USD')).toBe(8_999_999_918_100);
    expect(toMinorUnits('90071992.54740991', 1_000_000, 'USD')).toBe(9_007_199_254_740_991);
  });
});

describe('money, for people', () => {
  it.each([
    [5_000, 'USD', '50.00 USD'],
    [5, 'USD', '0.05 USD'],
    [50, 'USD', '0.50 USD'],
    [0, 'USD', '0.00 USD'],
    [123_456_789, 'EUR', '1234567.89 EUR'],
    [1_500, 'JPY', '1500 JPY'],
    [0, 'JPY', '0 JPY'],
    [1_234, 'KWD', '1.234 KWD'],
    [7, 'KWD', '0.007 KWD'],
  ])('%i %s is %s', (amount, currency, text) => {
    expect(formatMoney({ amount, currency })).toBe(text);
  });
});
