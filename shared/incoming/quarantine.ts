import { createHash } from 'node:crypto';
import {
  DeleteCommand,
  type DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { recentPage, standingItem } from '../storage/table.ts';

const QUARANTINE = 'QUARANTINE#';
/** The attributes that say that an item was told of. */
export const TOLD_ATTRIBUTES = ['pk', 'told'];
/** The partitions of the `recent` index that name what is kept. */
const QUARANTINE_LIST = 'QUARANTINE';
const CAPTURED_LIST = 'CAPTURED';
/** The reason of a delivery that nobody verified, kept because an operator asked for it. */
export const CAPTURED = 'captured';
/** Time enough to notice, mend the mapping and replay. */
const KEPT_DAYS = 30;
/** Of a reason, in the list: enough to recognise it, and a sort key ends at 1 KB. The item has all of it. */
const LISTED_CHARACTERS = 150;

export interface QuarantinedWebhook {
  /** The path it came to. */
  route: string;
  body: Buffer;
  /** Lower-case names; what proves the sender is left out by the caller, unless it was captured. */
  headers: Record<string, string>;
  /** Of a captured one. */
  query?: Record<string, string>;
  reason: string;
  receivedAt: number;
}

export interface ListedWebhook {
  id: string;
  receivedAt: number;
  route: string;
  reason: string;
}

export interface Quarantine {
  /**
   * Keeps an authenticated webhook whole, and only once, however often it comes: its id is the hash of the path it came
   * to and its bytes. For captured ones the headers count too: the body of a test is always the same, and the headers
   * are what one wants to see.
   *
   * @param tell reports, once, that the webhook is kept and under which id. If the process ends after storing and
   *   before reporting, the sender gets no answer and sends it again; the repetition is then reported.
   * @returns the id.
   * @throws what storage throws: the sender must then be told to send it again.
   */
  keep(webhook: QuarantinedWebhook, tell?: (id: string) => void): Promise<string>;
  /**
   * Newest first, read page by page as far as the caller goes on. Captured ones are a separate list, because nobody
   * verified them. A reason is cut to its beginning. Items that an earlier version kept are listed without a reason.
   *
   * @param options.after the id after which the list starts. If nothing is kept under it, the list starts at the
   *   newest.
   */
  list(options?: { of?: typeof CAPTURED; after?: string }): AsyncIterable<ListedWebhook>;
  /** Undefined where nothing is kept under this id, or its 30 days are over. */
  show(id: string): Promise<QuarantinedWebhook | undefined>;
}

const itemSchema = z.object({
  route: z.string(),
  body: z.instanceof(Uint8Array),
  headers: z.record(z.string(), z.string()),
  query: z.exactOptional(z.record(z.string(), z.string())),
  reason: z.string(),
  receivedAt: z.int(),
  expiresAt: z.int(),
});

export function createDynamoQuarantine(client: DynamoDBDocumentClient, table: string): Quarantine {
  /** A page begins behind an item's keys, as the index has them. */
  const cursorAfter = async (id: string) => {
    const { Item } = await client.send(
      new GetCommand({
        TableName: table,
        Key: { pk: QUARANTINE + id },
        ProjectionExpression: 'pk, #list, listKey',
        ExpressionAttributeNames: { '#list': 'list' },
      }),
    );
    return Item && JSON.stringify(Item);
  };
  return {
    async keep({ route, body, headers, query, reason, receivedAt }, tell) {
      const captured = reason === CAPTURED;
      const hash = createHash('sha256').update(`${route}\n`);
      if (captured) hash.update(`${JSON.stringify([headers, query])}\n`);
      const id = hash.update(body).digest('hex');
      const pk = QUARANTINE + id;
      const standing = await standingItem(() =>
        client.send(
          new PutCommand({
            TableName: table,
            Item: {
              pk,
              v: 1,
              list: captured ? CAPTURED_LIST : QUARANTINE_LIST,
              listKey: `${receivedAt}#${id}#${route}#${reason.slice(0, LISTED_CHARACTERS)}`,
              route,
              receivedAt,
              reason,
              headers,
              query,
              body,
              expiresAt: Math.floor(receivedAt / 1_000) + KEPT_DAYS * 86_400,
            },
            // An item past its time may still stand there: DynamoDB takes days to clear it away.
            ConditionExpression: 'attribute_not_exists(pk) OR expiresAt < :now',
            ExpressionAttributeValues: { ':now': Math.floor(receivedAt / 1_000) },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
      );
      if (tell === undefined || standing?.told === true) return id;
      tell(id);
      await client.send(
        new UpdateCommand({
          TableName: table,
          Key: { pk },
          UpdateExpression: 'SET told = :true',
          ConditionExpression: 'attribute_exists(pk)',
          ExpressionAttributeValues: { ':true': true },
        }),
      );
      return id;
    },

    async *list({ of, after } = {}) {
      let cursor = after && (await cursorAfter(after));
      do {
        const page = await recentPage(client, table, of ? CAPTURED_LIST : QUARANTINE_LIST, cursor);
        for (const { listKey } of page.items) {
          const [receivedAt = '', id = '', route = '', ...reason] = listKey.split('#');
          yield { id, receivedAt: Number(receivedAt), route, reason: reason.join('#') };
        }
        cursor = page.cursor;
      } while (cursor !== undefined);
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

/** Deletes what is kept under an id, before its 30 days are over. Apart from the rest: no function needs it. */
export async function forgetQuarantined(
  client: DynamoDBDocumentClient,
  table: string,
  id: string,
): Promise<void> {
  await client.send(new DeleteCommand({ TableName: table, Key: { pk: QUARANTINE + id } }));
}
