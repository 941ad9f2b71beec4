import * as z from 'zod/mini';
import { stripeLookSchema } from '../payments/stripe/looks.ts';

/** Apart from the queue itself: the webhook, which queues keys only, loads no schema of them. */

/**
 * The recharge to drive. `woken`: its payment is said to have changed, and is looked up before its time. An earlier
 * version of the worker reads the key alone, and lets the row wait.
 */
const keySchema = z.object({
  key: z.string().check(z.minLength(1)),
  woken: z.exactOptional(z.literal(true)),
});
export type KeyMessage = z.infer<typeof keySchema>;

/** Or something is to be looked at at Stripe. An earlier version of the worker fails such a message, so that it is kept. */
const messageSchema = z.union([keySchema, z.object({ stripe: stripeLookSchema })]);
export type RechargeMessage = z.infer<typeof messageSchema>;

/** @throws where the text is no message of ours. */
export function readMessage(body: string): RechargeMessage {
  return messageSchema.parse(JSON.parse(body));
}
