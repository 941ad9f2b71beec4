import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { Charging, Pause } from './charging.ts';

const KEY = { pk: 'CONTROL#charging' };

const controlSchema = z.object({
  pausedBecause: z.string().exactOptional(),
  pausedUntil: z.int().exactOptional(),
  unknownGrants: z.int().default(0),
});
type Control = z.infer<typeof controlSchema>;

/**
 * The switch as one item of the table. Its state is kept for `freshMs` in each process, so that asking
 * it before every charge costs no request: a pause reaches every process within that time.
 */
export function createDynamoCharging(
  client: DynamoDBDocumentClient,
  table: string,
  { freshMs, now }: { freshMs: number; now: () => number },
): Charging {
  let known: { control: Promise<Control>; readAt: number } | undefined;

  const control = (): Promise<Control> => {
    if (known && now() < known.readAt + freshMs) return known.control;
    const reading = client
      .send(new GetCommand({ TableName: table, Key: KEY, ConsistentRead: true }))
      .then(({ Item }) => controlSchema.parse(Item ?? {}));
    const mine = { control: reading, readAt: now() };
    known = mine;
    reading.catch(() => {
      if (known === mine) known = undefined;
    });
    return reading;
  };

  const update = async (input: Omit<UpdateCommandInput, 'TableName' | 'Key'>): Promise<Control> => {
    const { Attributes } = await client.send(
      new UpdateCommand({ TableName: table, Key: KEY, ...input, ReturnValues: 'ALL_NEW' }),
    );
    const written = controlSchema.parse(Attributes ?? {});
    known = { control: Promise.resolve(written), readAt: now() };
    return written;
  };

  return {
    async paused(): Promise<Pause | undefined> {
      const { pausedBecause, pausedUntil } = await control();
      if (pausedBecause === undefined) return undefined;
      if (pausedUntil === undefined) return { reason: pausedBecause };
      return now() < pausedUntil ? { reason: pausedBecause, until: pausedUntil } : undefined;
    },

    async pause({ reason, until }) {
      if (until === undefined) {
        await update({
          UpdateExpression: 'SET pausedBecause = :reason REMOVE pausedUntil',
          ExpressionAttributeValues: { ':reason': reason },
        });
        return;
      }
      try {
        await update({
          UpdateExpression: 'SET pausedBecause = :reason, pausedUntil = :until, unknownGrants = :none',
          // No pause is shortened: a person's has no end, and may be younger than what is known here.
          ConditionExpression: 'attribute_not_exists(pausedBecause) OR pausedUntil < :until',
          ExpressionAttributeValues: { ':reason': reason, ':until': until, ':none': 0 },
        });
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        known = undefined;
      }
    },

    async resume() {
      await update({ UpdateExpression: 'REMOVE pausedBecause, pausedUntil, unknownGrants' });
    },

    async countGrant(outcome) {
      if (outcome === 'unknown') {
        const counted = await update({
          UpdateExpression: 'ADD unknownGrants :one',
          ExpressionAttributeValues: { ':one': 1 },
        });
        return counted.unknownGrants;
      }
      // Nothing to reset is the rule, and must not cost a write.
      if ((await control()).unknownGrants > 0) {
        await update({
          UpdateExpression: 'SET unknownGrants = :none',
          ExpressionAttributeValues: { ':none': 0 },
        });
      }
      return 0;
    },
  };
}
