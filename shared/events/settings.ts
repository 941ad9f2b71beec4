import * as z from 'zod';
import { isSafeUrl } from '../http.ts';

/** The header of our deliveries that holds the secret, unless the configuration names another. */
export const SECRET_HEADER = 'x-webhook-token';

/** The agency's own address for events. */
export const eventsSchema = z.strictObject({
  url: z
    .string()
    .refine(
      (url) => isSafeUrl(url) && !url.includes('#'),
      'must be https (http on this machine only), without #',
    ),
  header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'must be the name of a header')
    .default(SECRET_HEADER),
});
export type EventsSettings = z.infer<typeof eventsSchema>;
