import * as z from 'zod';

/** Set by the stack. */
export const envSchema = z.object({
  TABLE_NAME: z.string().min(1),
  RECHARGE_QUEUE_URL: z.url(),
  INBOUND_SECRET: z.string().min(1),
});
