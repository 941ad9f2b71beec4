import * as z from 'zod/mini';

/** Set by the stack. */
export const envSchema = z.object({
  STAGE: z.string().check(z.minLength(1)),
  /** Stands in the commands that a person is told to paste. */
  STACK: z.string().check(z.minLength(1)),
  EVENT_BUS: z.string().check(z.minLength(1)),
  ALARM_TOPIC: z.string().check(z.minLength(1)),
  DEAD_LETTER_URL: z.url(),
});
