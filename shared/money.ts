/** An amount in the currency's smallest unit (cents for USD, whole yen for JPY, fils for KWD). */
export interface Money {
  /** Integer minor units. */
  amount: number;
  /** ISO 4217 code, upper case. */
  currency: string;
}

/**
 * How many decimals a currency is written with: 2 for USD, 0 for JPY, 3 for KWD.
 * Source: the currency table of the JavaScript runtime (ISO 4217 through ECMA-402).
 *
 * @throws RangeError where `currency` is not a three-letter code.
 */
export function currencyDecimals(currency: string): number {
  return (
    new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2
  );
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
