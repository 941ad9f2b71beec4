import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
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

  const update = async (UpdateExpression: string, values: Record<string, unknown> = {}): Promise<Control> => {
    const { Attributes } = await client.send(
      new UpdateCommand({
        TableName: table,
        Key: KEY,
        UpdateExpression,
        ...(Object.keys(values).length === 0 ? {} : { ExpressionAttributeValues: values }),
        ReturnValues: 'ALL_NEW',
      }),
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
      const standing = await this.paused();
      // A person's pause, which has no end, is not shortened by a fault's.
      if (standing && standing.until === undefined && until !== undefined) return;
      if (until === undefined) {
        await update('SET pausedBecause = :reason REMOVE pausedUntil', { ':reason': reason });
      } else {
        await update('SET pausedBecause = :reason, pausedUntil = :until, unknownGrants = :none', {
          ':reason': reason,
          ':until': until,
          ':none': 0,
        });
      }
    },

    async resume() {
      await update('REMOVE pausedBecause, pausedUntil, unknownGrants');
    },

    async countGrant(outcome) {
      if (outcome === 'unknown') return (await update('ADD unknownGrants :one', { ':one': 1 })).unknownGrants;
      // Nothing to reset is the rule, and must not cost a write.
      if ((await control()).unknownGrants > 0) await update('SET unknownGrants = :none', { ':none': 0 });
      return 0;
    },
  };
}
