import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { writeMessage } from './queue.ts';

/**
 * What a function that faces the internet does where it hears that a payment has changed: the worker looks the payment up
 * now instead of at its time. Whoever called is not believed, and the function needs no right to any row. So calls that
 * come twice, late, out of order or for no recharge of ours do no harm.
 *
 * @throws what the queue throws: then nobody was woken, and the payment is looked up at its time.
 */
export type Wake = (key: string) => Promise<void>;

export function createSqsWake(client: SQSClient, queueUrl: string): Wake {
  return async (key) => {
    const MessageBody = writeMessage({ key, woken: true });
    await client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody }));
  };
}
