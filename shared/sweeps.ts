import { type DynamoDBDocumentClient, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';

const sweepSchema = z.object({
  /** Unix milliseconds when it ended. */
  sweptAt: z.int(),
  /** Recharges and messages that it brought back. */
  queued: z.int(),
  failed: z.boolean(),
});
/** What the last sweep left behind: for people who ask whether there are any. */
export type Sweep = z.infer<typeof sweepSchema>;

export interface Sweeps {
  /** One write. @throws what storage throws. */
  note(sweep: Sweep): Promise<void>;
  /** Undefined where there was none yet. */
  last(): Promise<Sweep | undefined>;
}

/** The key of the one item. */
export const SWEEP = 'CONTROL#sweep';
const KEY = { pk: SWEEP };

export function createSweeps(client: DynamoDBDocumentClient, table: string): Sweeps {
  return {
    async note({ sweptAt, queued, failed }) {
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: KEY,
          UpdateExpression: 'SET v = :v, sweptAt = :sweptAt, queued = :queued, #failed = :failed',
          ExpressionAttributeNames: { '#failed': 'failed' },
          ExpressionAttributeValues: { ':v': 1, ':sweptAt': sweptAt, ':queued': queued, ':failed': failed },
        }),
      );
    },

    async last() {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: KEY, ConsistentRead: true }),
      );
      return Item && sweepSchema.parse(Item);
    },
  };
}
