import * as z from 'zod/mini';

const NOT_AN_EMAIL = 'is not an email address in plain ASCII';

/** An email as it is spelt, trimmed. It is ASCII only, so that no look-alike gets another's row. */
export const spelledEmailSchema = z
  .string('must be text')
  .check(
    z.trim(),
    z.maxLength(254, NOT_AN_EMAIL),
    z.regex(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/, NOT_AN_EMAIL),
  );

/**
 * An email in the form under which an account is kept: in lower case. Its letters were looked at before they change,
 * because the lower case of the Kelvin sign is an ASCII k.
 */
export const emailSchema = spelledEmailSchema.check(z.toLowerCase());
