/** An amount in the currency's smallest unit (cents for USD, whole yen for JPY, fils for KWD). */
export interface Money {
  /** Integer minor units. */
  amount: number;
  /** ISO 4217 code, upper case. */
  currency: string;
}

/**
 * The currencies that are not written with two decimals, by ISO 4217 (list one, amendment 177). The runtime's own
 * table is another: it gives what shops write, 0 for HUF and IDR, and would make an amount a hundredth.
 */
const OTHER_DECIMALS: Record<string, number> = Object.fromEntries([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'
    .split(' ')
    .map((code) => [code, 0]),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((code) => [code, 3]),
  ...'CLF UYW'.split(' ').map((code) => [code, 4]),
]);

/**
 * How many decimals a currency's smallest unit stands for: 2 for USD, 0 for JPY, 3 for KWD.
 *
 * @throws RangeError where `currency` is not three capital letters.
 */
export function currencyDecimals(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) throw new RangeError('A currency is three capital letters, such as USD.');
  return OTHER_DECIMALS[currency] ?? 2;
}

/** Whether it is a code of ISO 4217 that the runtime knows. */
export const isCurrency = (code: string) => Intl.supportedValuesOf('currency').includes(code);

/** `{amount: 5000, currency: 'USD'}` → `50.00 USD`. For people, never for arithmetic. */
export const formatMoney = (money: Money): string => `${majorUnits(money)} ${money.currency}`;

/** `{amount: -5000, currency: 'USD'}` → `-50.00`, as a spreadsheet reads it. */
export function majorUnits({ amount, currency }: Money): string {
  const decimals = currencyDecimals(currency);
  const digits = String(Math.abs(amount)).padStart(decimals + 1, '0');
  const whole = `${amount < 0 ? '-' : ''}${digits.slice(0, digits.length - decimals)}`;
  return decimals === 0 ? whole : `${whole}.${digits.slice(-decimals)}`;
}

/**
 * `decimal × factor` in minor units of `currency`, exactly, then rounded half up.
 * `0.10` (USD) × 500 = 5000; `0.0333` (USD) × 100 = 333; `0.125` (USD) × 1 = 13.
 *
 * @param decimal a non-negative decimal number as text: money is never parsed into a float.
 */
export function toMinorUnits(decimal: string, factor: number, currency: string): number {
  const { digits, decimals } = productOf(decimal, factor);
  const scale = 10n ** BigInt(decimals);
  const minor = digits * 10n ** BigInt(currencyDecimals(currency));
  return Number((minor + scale / 2n) / scale);
}

/** `decimal × factor` without rounding, as a decimal: `0.0333` × 50 = `1.665`. */
export function timesExactly(decimal: string, factor: number): string {
  const product = productOf(decimal, factor);
  const digits = String(product.digits).padStart(product.decimals + 1, '0');
  const at = digits.length - product.decimals;
  const rest = digits.slice(at).replace(/0+$/, '');
  return rest === '' ? digits.slice(0, at) : `${digits.slice(0, at)}.${rest}`;
}

/** `decimal × factor` is `digits`, of which so many are `decimals`. */
function productOf(decimal: string, factor: number): { digits: bigint; decimals: number } {
  const [, fraction = ''] = decimal.split('.');
  return { digits: BigInt(decimal.replace('.', '')) * BigInt(factor), decimals: fraction.length };
}

/** An amount as a person writes it, in whole units of a currency that may stand before or behind it. */
export interface WrittenAmount {
  /** With a point, whatever was written. */
  decimal: string;
  /** Undefined: the text names none. */
  currency: string | undefined;
}

/**
 * Reads `200`, `0.08`, `200.00 EUR`, `EUR 200,00`. A comma is a decimal point, as much of Europe writes it, unless it
 * may as well separate thousands (`1,250`).
 *
 * @returns a fault that ends a sentence about the text.
 */
export function readAmount(text: string): WrittenAmount | { fault: string } {
  const parts = /^(?:([a-z]{3})\s*)?(\d{1,12}(?:[.,]\d{1,9})?)(?:\s*([a-z]{3}))?$/i.exec(text.trim());
  const fault = 'must be a number, and a currency where another one is meant, such as "200.00 EUR"';
  if (!parts) return { fault };
  const [, before, number = '', after] = parts;
  if (before !== undefined && after !== undefined) return { fault };
  if (/^[1-9]\d{0,2},\d{3}$/.test(number)) {
    return {
      fault: `may mean ${number.replace(',', '')} or ${number.replace(',', '.')}: write one of these`,
    };
  }
  const currency = (before ?? after)?.toUpperCase();
  if (currency !== undefined && !isCurrency(currency)) {
    return { fault: `names ${currency}, which is no currency of ISO 4217` };
  }
  return { decimal: number.replace(',', '.'), currency };
}

/**
 * An amount as a person writes it (`readAmount`), in minor units. Nothing is rounded.
 *
 * @param currency the one that counts where the text names none. Undefined: it must name one.
 */
export function readMoney(text: string, currency: string | undefined): Money | { fault: string } {
  const written = readAmount(text);
  if ('fault' in written) return written;
  const named = written.currency ?? currency;
  if (named === undefined) {
    return { fault: 'names no currency, and none is configured here: write it as in "200.00 EUR"' };
  }
  const decimals = currencyDecimals(named);
  if ((written.decimal.split('.')[1]?.length ?? 0) > decimals) {
    return { fault: `has more decimals than ${named}, which has ${decimals === 0 ? 'none' : decimals}` };
  }
  return { amount: toMinorUnits(written.decimal, 1, named), currency: named };
}
