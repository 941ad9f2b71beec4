import * as z from 'zod';

const NOT_AN_EMAIL = 'is not an email address in plain ASCII';

/**
 * An email in the form under which an account is kept: trimmed, in lower case.
 *
 * It is ASCII only, so that no look-alike gets another's row. That is asked before the letters change, because the
 * lower case of the Kelvin sign is an ASCII k.
 */
export const emailSchema = z
  .string('must be text')
  .trim()
  .max(254, NOT_AN_EMAIL)
  .regex(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, NOT_AN_EMAIL)
  .toLowerCase();
