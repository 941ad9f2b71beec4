import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { RECHARGE } from './dynamo-recharges.ts';
import type { RechargeQueue } from './queue.ts';

/**
 * What a function that faces the internet does where it hears that a payment has changed: the row is looked at now
 * instead of at its time. It learns nothing from whoever called, and writes two times only; what became of the payment,
 * the lookup says. A row that waits for anything else than its payment, and one that was woken already, is left alone. So
 * events that come twice, late or out of order do no harm.
 *
 * The version is not raised, as the sweeper does not raise it either: a run that is under way writes what it has learnt
 * on top.
 *
 * @returns whether the row was waiting.
 */
export function createWake(
  client: DynamoDBDocumentClient,
  table: string,
  { queue, now }: { queue: RechargeQueue; now: () => number },
): (key: string) => Promise<boolean> {
  return async (key) => {
    try {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk: RECHARGE + key },
          UpdateExpression: 'SET nextAttemptAt = :now REMOVE notBefore',
          ConditionExpression: '#phase = :pending AND notBefore > :now',
          ExpressionAttributeNames: { '#phase': 'phase' },
          ExpressionAttributeValues: { ':now': now(), ':pending': 'charge_pending' },
        }),
      );
    } catch (error) {
      if (error instanceof ConditionalCheckFailedException) return false;
      throw error;
    }
    await queue.send([key]);
    return true;
  };
}
