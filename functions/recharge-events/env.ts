import * as z from 'zod';

/** Set by the stack. */
export const envSchema = z.object({
  STAGE: z.string().min(1),
  /** Stands in the commands that a person is told to paste. */
  STACK: z.string().min(1),
  EVENT_BUS: z.string().min(1),
  ALARM_TOPIC: z.string().min(1),
  DEAD_LETTER_URL: z.url(),
});
