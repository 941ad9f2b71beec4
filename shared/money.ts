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

/** `{amount: 5000, currency: 'USD'}` → `50.00 USD`. For people, never for arithmetic. */
export function formatMoney({ amount, currency }: Money): string {
  const decimals = currencyDecimals(currency);
  const digits = String(amount).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  return decimals === 0 ? `${whole} ${currency}` : `${whole}.${digits.slice(-decimals)} ${currency}`;
}

/**
 * `decimal × factor` in minor units of `currency`, exactly, then rounded half up.
 * `0.10` (USD) × 500 = 5000; `0.0333` (USD) × 100 = 333; `0.125` (USD) × 1 = 13.
 *
 * @param decimal a non-negative decimal number as text: money is never parsed into a float.
 */
export function toMinorUnits(decimal: string, factor: number, currency: string): number {
  const [whole = '0', fraction = ''] = decimal.split('.');
  const scale = 10n ** BigInt(fraction.length);
  const minor = BigInt(whole + fraction) * BigInt(factor) * 10n ** BigInt(currencyDecimals(currency));
  return Number((minor + scale / 2n) / scale);
}
