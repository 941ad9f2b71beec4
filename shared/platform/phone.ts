import { isSupportedCountry, ParseError, parsePhoneNumberWithError } from 'libphonenumber-js/min';

/**
 * A phone number as the platform takes it: `+`, country code and number, without blanks. Numbers are held to the
 * lengths of their country and no more: which of them are given out changes from month to month.
 *
 * @param defaultCountry two letters of ISO 3166, such as `NL`: where a number without a country code is at home.
 * @returns the number in E.164, or a sentence that says what is wrong and quotes nothing of it.
 */
export function toE164(text: string, defaultCountry?: string): { phone: string } | { fault: string } {
  const country = defaultCountry?.toUpperCase();
  if (country !== undefined && !isSupportedCountry(country)) {
    return { fault: 'the default country is not two letters of ISO 3166' };
  }
  try {
    // Full-width digits and plus, and what a link begins with, are as good as the plain ones.
    const plain = text.normalize('NFKC').trim().replace(/^tel:/i, '');
    const parsed = parsePhoneNumberWithError(plain, {
      extract: false,
      ...(country === undefined ? {} : { defaultCountry: country }),
    });
    // E.164 has no place for it, and without it somebody else would be reached.
    if (parsed.ext !== undefined) return { fault: 'the phone number has an extension' };
    return parsed.isPossible()
      ? { phone: parsed.number }
      : { fault: 'the phone number has not the length of a number of its country' };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { fault: FAULTS[error.message] ?? 'this is not a phone number' };
  }
}

const FAULTS: Record<string, string> = {
  INVALID_COUNTRY: 'the phone number has no country code: it begins with + and the code',
  TOO_SHORT: 'the phone number is too short',
  TOO_LONG: 'the phone number is too long',
};
