import { describe, expect, it } from 'vitest';
import {
  currencyDecimals,
  formatMoney,
  majorUnits,
  readAmount,
  readMoney,
  timesExactly,
  toMinorUnits,
} from '../../shared/money.ts';

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
    expect(() => currencyDecimals(currency)).toThrow('A currency is three capital letters, such as USD.');
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

  it('has its sign before it where it is owed, as a spreadsheet reads it', () => {
    expect(majorUnits({ amount: -5_000, currency: 'USD' })).toBe('-50.00');
    expect(majorUnits({ amount: -5, currency: 'USD' })).toBe('-0.05');
    expect(majorUnits({ amount: -5, currency: 'JPY' })).toBe('-5');
  });
});

describe('an amount as a person writes it', () => {
  it.each([
    ['200', '200', undefined],
    ['0.0315', '0.0315', undefined],
    ['200.00 EUR', '200.00', 'EUR'],
    ['200.00eur', '200.00', 'EUR'],
    ['EUR 200,00', '200.00', 'EUR'],
    ['EUR200', '200', 'EUR'],
    [' 200 EUR\n', '200', 'EUR'],
    ['0,125', '0.125', undefined],
    ['1,2500', '1.2500', undefined],
    ['1250,50', '1250.50', undefined],
    ['1250,500', '1250.500', undefined],
  ])('%s is %s %s', (text, decimal, currency) => {
    expect(readAmount(text)).toEqual({ decimal, currency });
  });

  it.each([
    ['1,250', 'may mean 1250 or 1.250: write one of these'],
    ['125,500', 'may mean 125500 or 125.500: write one of these'],
    ['1,250.00', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['1.250,00', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['-5', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['€200', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['EUR 200 EUR', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['1234567890123', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['1e3', 'must be a number, and a currency where another one is meant, such as "200.00 EUR"'],
    ['200 XXQ', 'names XXQ, which is no currency of ISO 4217'],
  ])('%j is not understood', (text, fault) => {
    expect(readAmount(text)).toEqual({ fault });
  });

  it.each([
    ['200', 'USD', 20_000, 'USD'],
    ['200.5 EUR', 'USD', 20_050, 'EUR'],
    ['30000', 'JPY', 30_000, 'JPY'],
    ['60.125', 'KWD', 60_125, 'KWD'],
    ['60,5', 'KWD', 60_500, 'KWD'],
  ])('%s, where %s is configured, is %i minor units of %s', (text, configured, amount, currency) => {
    expect(readMoney(text, configured)).toEqual({ amount, currency });
  });

  it.each([
    ['200.005', 'USD', 'has more decimals than USD, which has 2'],
    ['200.0', 'JPY', 'has more decimals than JPY, which has none'],
    ['0.0001 KWD', 'USD', 'has more decimals than KWD, which has 3'],
    ['1,250', 'USD', 'may mean 1250 or 1.250: write one of these'],
    ['200', undefined, 'names no currency, and none is configured here: write it as in "200.00 EUR"'],
  ])('%s is never rounded nor guessed', (text, configured, fault) => {
    expect(readMoney(text, configured)).toEqual({ fault });
  });

  it('comes back from the text that shows it', () => {
    for (const money of [
      { amount: 5, currency: 'USD' },
      { amount: 7_500, currency: 'JPY' },
      { amount: 1, currency: 'KWD' },
      { amount: 999_999_999_999_999, currency: 'KWD' },
    ]) {
      expect(readMoney(formatMoney(money), undefined)).toEqual(money);
    }
  });
});

it.each([
  ['0.10', 500, '50'],
  ['0.0333', 50, '1.665'],
  ['0.0005', 1, '0.0005'],
  ['12.5', 3, '37.5'],
  ['7', 3, '21'],
])('%s × %i is exactly %s', (decimal, factor, exact) => {
  expect(timesExactly(decimal, factor)).toBe(exact);
});
