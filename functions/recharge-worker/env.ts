import * as z from 'zod';

/** Set by the stack. */
export const envSchema = z.object({
  TABLE_NAME: z.string().min(1),
  OUTBOUND_SECRET: z.string().min(1),
});
