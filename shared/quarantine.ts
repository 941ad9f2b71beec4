import { createHash } from 'node:crypto';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { recentPage } from './table.ts';

const QUARANTINE = 'QUARANTINE#';
/** The partition of the `recent` index that names what is kept. */
const QUARANTINE_LIST = 'QUARANTINE';
/** Time enough to notice, mend the mapping and replay. */
const KEPT_DAYS = 30;

export interface QuarantinedWebhook {
  /** The path it came to. */
  route: string;
  body: Buffer;
  /** Lower-case names; what proves the sender is left out by the caller. */
  headers: Record<string, string>;
  reason: string;
  receivedAt: number;
}

export interface Quarantine {
  /**
   * Keeps an authenticated webhook whole, once, however often it comes: it is named by the hash of where it
   * came to and its bytes.
   *
   * @throws what storage throws: the sender must then be told to send it again.
   */
  keep(webhook: QuarantinedWebhook): Promise<{ id: string; isNew: boolean }>;
  /** Newest first; at most 100. */
  list(): Promise<{ id: string; receivedAt: number }[]>;
  /** Undefined where nothing is kept under this id, or its 30 days are over. */
  show(id: string): Promise<QuarantinedWebhook | undefined>;
}

const itemSchema = z.object({
  route: z.string(),
  body: z.instanceof(Uint8Array),
  headers: z.record(z.string(), z.string()),
  reason: z.string(),
  receivedAt: z.int(),
  expiresAt: z.int(),
});

export function createDynamoQuarantine(client: DynamoDBDocumentClient, table: string): Quarantine {
  return {
    async keep({ route, body, headers, reason, receivedAt }) {
      const id = createHash('sha256').update(`${route}\n`).update(body).digest('hex');
      try {
        await client.send(
          new PutCommand({
            TableName: table,
            Item: {
              pk: QUARANTINE + id,
              v: 1,
              list: QUARANTINE_LIST,
              listKey: `${receivedAt}#${id}`,
              route,
              receivedAt,
              reason,
              headers,
              body,
              expiresAt: Math.floor(receivedAt / 1_000) + KEPT_DAYS * 86_400,
            },
            // An item past its time may still stand there: DynamoDB takes days to clear it away.
            ConditionExpression: 'attribute_not_exists(pk) OR expiresAt < :now',
            ExpressionAttributeValues: { ':now': Math.floor(receivedAt / 1_000) },
          }),
        );
        return { id, isNew: true };
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return { id, isNew: false };
        throw error;
      }
    },

    async list() {
      const { items } = await recentPage(client, table, QUARANTINE_LIST);
      return items.map(({ listKey }) => {
        const [receivedAt = '', id = ''] = listKey.split('#');
        return { id, receivedAt: Number(receivedAt) };
      });
    },

    async show(id) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: QUARANTINE + id }, ConsistentRead: true }),
      );
      if (!Item) return undefined;
      const { body, expiresAt, ...webhook } = itemSchema.parse(Item);
      return expiresAt * 1_000 < Date.now() ? undefined : { ...webhook, body: Buffer.from(body) };
    },
  };
}
