import * as z from 'zod';

/** Set by the stack. */
export const envSchema = z.object({
  STAGE: z.string().min(1),
  TABLE_NAME: z.string().min(1),
  RECHARGE_QUEUE_URL: z.url(),
});
