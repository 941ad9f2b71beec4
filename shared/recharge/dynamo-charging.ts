import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand, type UpdateCommandInput } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { itemsByKey } from '../storage/batch.ts';
import { getItem, type Item } from '../storage/table.ts';
import type { Charging, Pause } from './charging.ts';
import type { GetRow } from './dynamo-recharges.ts';

const PK = 'CONTROL#charging';
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

interface DynamoCharging extends Charging {
  /**
   * Reads another item and, where what is known of the switch is not fresh, the switch in the same request. Who reads a
   * recharge asks the switch next. So the first recharge for a while costs no more requests than the others.
   */
  getWithSwitch: GetRow;
}

/**
 * The switch as one item of the table. Its state is kept for `freshMs` in each process, so that asking
 * it before every charge costs no request: a pause reaches every process within that time.
 */
export function createDynamoCharging(
  client: DynamoDBDocumentClient,
  table: string,
  { freshMs, now }: { freshMs: number; now: () => number },
): DynamoCharging {
  let known: { control: Promise<Control>; readAt: number } | undefined;

  const fresh = () => (known && now() < known.readAt + freshMs ? known.control : undefined);

  /** @param reading begun just now. */
  const learn = (reading: Promise<Item | undefined>): Promise<Control> => {
    const learning = reading.then((item) => controlSchema.parse(item ?? {}));
    const mine = { control: learning, readAt: now() };
    known = mine;
    learning.catch(() => {
      if (known === mine) known = undefined;
    });
    return learning;
  };

  const control = () => fresh() ?? learn(getItem(client, table, PK));

  const update = async (input: Omit<UpdateCommandInput, 'TableName' | 'Key'>): Promise<Control> => {
    const { Attributes } = await client.send(
      new UpdateCommand({ TableName: table, Key: { pk: PK }, ...input, ReturnValues: 'ALL_NEW' }),
    );
    const written = controlSchema.parse(Attributes ?? {});
    known = { control: Promise.resolve(written), readAt: now() };
    return written;
  };

  return {
    async getWithSwitch(pk) {
      if (fresh()) return getItem(client, table, pk);
      const reading = itemsByKey(client, table, [pk, PK]);
      void learn(reading.then((items) => items.get(PK)));
      return (await reading).get(pk);
    },

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
