import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import {
  type DynamoDBDocumentClient,
  GetCommand,
  UpdateCommand,
  type UpdateCommandInput,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import type { Charging, Pause } from './charging.ts';

const KEY = { pk: 'CONTROL#charging' };
/** A longer list would say no more, and the item must stay small in an outage of any size. */
const MOST_FAILED = 10;

const controlSchema = z.object({
  pausedBecause: z.exactOptional(z.string()),
  pausedUntil: z.exactOptional(z.int()),
  pausedAt: z.exactOptional(z.int()),
  pausedBy: z.exactOptional(z.string()),
  /** Clients whose grants did not go through, since one last did. A set of the table is never empty: absent, then. */
  failedClients: z._default(z.set(z.string()), new Set()),
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
      const { pausedBecause, pausedUntil, pausedAt, pausedBy } = await control();
      if (pausedBecause === undefined || now() >= (pausedUntil ?? Number.POSITIVE_INFINITY)) return undefined;
      return {
        reason: pausedBecause,
        ...(pausedUntil === undefined ? {} : { until: pausedUntil }),
        ...(pausedAt === undefined ? {} : { since: pausedAt }),
        ...(pausedBy === undefined ? {} : { by: pausedBy }),
      };
    },

    async pause({ reason, until, by }) {
      // What the relay pauses again and again has lasted since the first time, until a grant went through.
      const since = until === undefined ? ':at' : 'if_not_exists(pausedAt, :at)';
      const set = ['pausedBecause = :reason', `pausedAt = ${since}`];
      const remove: string[] = [];
      (until === undefined ? remove : set).push(until === undefined ? 'pausedUntil' : 'pausedUntil = :until');
      (by === undefined ? remove : set).push(by === undefined ? 'pausedBy' : 'pausedBy = :by');
      try {
        await update({
          UpdateExpression: `SET ${set.join(', ')}${remove.length === 0 ? '' : ` REMOVE ${remove.join(', ')}`}`,
          ExpressionAttributeValues: {
            ':reason': reason,
            ':at': now(),
            ...(by === undefined ? {} : { ':by': by }),
            ...(until === undefined ? {} : { ':until': until }),
          },
          // No pause is shortened: a person's has no end, and may be younger than what is known here.
          ...(until === undefined
            ? {}
            : { ConditionExpression: 'attribute_not_exists(pausedBecause) OR pausedUntil < :until' }),
        });
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        known = undefined;
      }
    },

    async resume() {
      await update({
        UpdateExpression: 'REMOVE pausedBecause, pausedUntil, pausedAt, pausedBy, failedClients',
      });
    },

    async grantFailed(email) {
      try {
        const { failedClients } = await update({
          UpdateExpression: 'ADD failedClients :client',
          ConditionExpression: 'attribute_not_exists(failedClients) OR size(failedClients) < :most',
          ExpressionAttributeValues: { ':client': new Set([email]), ':most': MOST_FAILED },
        });
        return failedClients.size;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return MOST_FAILED;
        throw error;
      }
    },

    async grantWentThrough() {
      // Mostly there is nothing to end, and that must not cost a write.
      const { failedClients, pausedUntil } = await control();
      if (failedClients.size === 0 && pausedUntil === undefined) return false;
      try {
        await update({
          UpdateExpression: 'REMOVE failedClients, pausedBecause, pausedUntil, pausedAt, pausedBy',
          ConditionExpression: 'attribute_exists(pausedUntil)',
        });
        return pausedUntil !== undefined && now() < pausedUntil;
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        // A person's pause has no end: only they end it.
        await update({ UpdateExpression: 'REMOVE failedClients' });
        return false;
      }
    },
  };
}
