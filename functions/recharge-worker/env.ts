import * as z from 'zod';

/** Set by the stack. */
export const envSchema = z.object({
  STAGE: z.string().min(1),
  TABLE_NAME: z.string().min(1),
  /** Of the HTTP API. */
  PUBLIC_URL: z.url(),
  OUTBOUND_SECRET: z.string().min(1),
});
