import * as z from 'zod';

/** How the configuration names the other side, so that it is known again at another address. */
export const partyNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'a name is 1 to 32 small letters, digits and -');
