import * as z from 'zod/mini';

/** Set by the stack. */
export const envSchema = z.object({
  STAGE: z.string().check(z.minLength(1)),
  TABLE_NAME: z.string().check(z.minLength(1)),
  OUTBOUND_SECRET: z.string().check(z.minLength(1)),
});
