import {
  getCountryCallingCode,
  isSupportedCountry,
  ParseError,
  parsePhoneNumberWithError,
} from 'libphonenumber-js/min';
import type { Written } from './written.ts';

export type PhoneReading = { phone: string } | { fault: string };

/**
 * A phone number as the platform takes it: `+`, country code and number, without blanks. As a person writes it: it
 * is held to the lengths of its country and no more, since which numbers are given out changes from month to month.
 *
 * @param defaultCountry two letters of ISO 3166, such as `NL`: where a number without a country code is at home.
 * @returns the number in E.164, or a sentence that says what is wrong and quotes nothing of it.
 */
export function toE164(text: string, defaultCountry?: string): PhoneReading {
  const country = defaultCountry?.toUpperCase();
  if (country !== undefined && !isSupportedCountry(country)) return { fault: NO_COUNTRY };
  try {
    const parsed = parsePhoneNumberWithError(plain(text), {
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

/**
 * A phone number as a system writes it, which makes no slips, but has forms of its own: a number with its country
 * code passes as it is where the table has none of its length. Mexico's mobiles are one digit longer in WhatsApp
 * (`+521…`), and a country may change its lengths before we do.
 *
 * Where `written` is not said, a number without `+` counts only where it can be read in one way: `0664…` is no
 * number with a country code, for none begins with 0. Most others can be somebody's at home and somebody else's
 * abroad, so they are a fault.
 *
 * @param defaultCountry as for `toE164`; `national` needs it.
 */
export function readPhone(
  text: string,
  { written, defaultCountry }: { written?: Written | undefined; defaultCountry?: string | undefined } = {},
): PhoneReading {
  const number = plain(text);
  if (number.startsWith('+')) return withCode(number);
  switch (written) {
    case 'e164':
      return { fault: 'the phone number has no +, and phone.written says that each has one' };
    case 'international':
      return withCode(`+${number.replace(/^00/, '')}`);
    case 'national':
      return toE164(number, defaultCountry ?? '');
    case undefined:
      return readUnsaid(number, defaultCountry);
  }
}

function readUnsaid(number: string, defaultCountry: string | undefined): PhoneReading {
  const atHome = toE164(number, defaultCountry);
  // No national number begins with 00, so 00 stands for the + even where no country's rules say so. The exception is
  // 0011, which is Australia's.
  if ('fault' in atHome && /^00(?!11)[1-9]/.test(number)) return toE164(`+${number.slice(2)}`);
  const abroad = `+${number}`;
  if (defaultCountry === undefined || !isWellFormed(abroad) || hasUnknownCode(abroad)) return atHome;
  // A number with the default country's own code may have a form that no table knows. With another country's code,
  // such a form may be a slip.
  const asItIs = abroad.startsWith(`+${codeOf(defaultCountry)}`) ? withCode(abroad) : toE164(abroad);
  if ('fault' in atHome) return asItIs;
  if ('phone' in asItIs && asItIs.phone === atHome.phone) return atHome;
  return {
    fault: 'the phone number can be read with and without a country code: say which in phone.written',
  };
}

/** @param number begins with `+`. */
function withCode(number: string): PhoneReading {
  const known = toE164(number);
  return 'phone' in known || !isWellFormed(number) ? known : { phone: number.replaceAll(/[^+\d]/g, '') };
}

/** Of the shortest numbers that are given out (Niue's) to the longest that E.164 allows, by their digits alone. */
const isWellFormed = (number: string) =>
  /^\+[\d\s().\-/]+$/.test(number) && /^[1-9]\d{6,14}$/.test(number.replaceAll(/\D/g, ''));

const codeOf = (country: string) => (isSupportedCountry(country) ? getCountryCallingCode(country) : '');

function hasUnknownCode(number: string): boolean {
  const read = toE164(number);
  return 'fault' in read && read.fault === FAULTS.INVALID_COUNTRY;
}

/**
 * Makes a number plain. Full-width digits and plus become plain ones. Dropped are marks of writing direction, the
 * beginning of a link or of a Twilio address, and the end of WhatsApp's own addresses.
 */
const plain = (text: string) =>
  text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .trim()
    .replace(/^(tel|sms|whatsapp|rcs):/i, '')
    .replace(/@(s\.whatsapp\.net|c\.us)$/i, '');

const NO_COUNTRY = 'the default country is not two letters of ISO 3166';

const FAULTS: Record<string, string> = {
  INVALID_COUNTRY: 'the phone number has no country code: it begins with + and the code',
  TOO_SHORT: 'the phone number is too short',
  TOO_LONG: 'the phone number is too long',
};
