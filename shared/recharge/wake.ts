import * as z from 'zod/mini';
import type { StripeLook } from '../payments/stripe/looks.ts';
import type { AwsJson } from '../storage/aws-json.ts';
import { writeMessage } from './queue.ts';
import type { RechargeMessage } from './queue-message.ts';

/**
 * What a function that faces the internet does where it hears that a payment has changed: the worker looks the payment up
 * now instead of at its time. Whoever called is not believed, and the function needs no right to any row. So calls that
 * come twice, late, out of order or for no recharge of ours do no harm.
 *
 * @throws what the queue throws: then nobody was woken, and the payment is looked up at its time.
 */
export type Wake = (key: string) => Promise<void>;

export const createSqsWake =
  (sqs: AwsJson, queueUrl: string): Wake =>
  (key) =>
    send(sqs, queueUrl, { key, woken: true });

/** Likewise, for what is no payment that a recharge waits for: the worker looks at it at Stripe. */
export type AskToLook = (look: StripeLook) => Promise<void>;

export const createSqsAskToLook =
  (sqs: AwsJson, queueUrl: string): AskToLook =>
  (look) =>
    send(sqs, queueUrl, { stripe: look });

async function send(sqs: AwsJson, queueUrl: string, message: RechargeMessage): Promise<void> {
  const MessageBody = writeMessage(message);
  await sqs.ask('SendMessage', { QueueUrl: queueUrl, MessageBody }, z.unknown());
}
