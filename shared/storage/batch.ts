import { setTimeout as sleep } from 'node:timers/promises';
import { BatchGetCommand, type DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { atMost } from '../at-most.ts';
import type { Item } from './table.ts';

/** DynamoDB's own limit. */
const KEYS_A_REQUEST = 100;
const REQUESTS_AT_ONCE = 8;
/** What a request leaves out for want of throughput is asked for again, ever later: 50, 100, 200 ms and so on. */
const AGAIN_MS = 50;
const MOST_TRIES = 8;

/**
 * Items by their keys: consistent reads, 100 a request, several requests at a time.
 *
 * @returns by key; what is not there is left out.
 */
export async function itemsByKey(
  client: DynamoDBDocumentClient,
  table: string,
  pks: Iterable<string>,
): Promise<Map<string, Item>> {
  const wanted = [...new Set(pks)];
  const items = new Map<string, Item>();
  const parts = Array.from({ length: Math.ceil(wanted.length / KEYS_A_REQUEST) }, (_, index) =>
    wanted.slice(index * KEYS_A_REQUEST, (index + 1) * KEYS_A_REQUEST),
  );
  await atMost(REQUESTS_AT_ONCE, parts, async (part) => {
    let left: Record<string, unknown>[] = part.map((pk) => ({ pk }));
    for (let tries = 0; left.length > 0; tries += 1) {
      if (tries === MOST_TRIES)
        throw new Error(`The table did not answer for ${left.length} items: try again.`);
      if (tries > 0) await sleep(AGAIN_MS * 2 ** (tries - 1));
      const { Responses = {}, UnprocessedKeys = {} } = await client.send(
        new BatchGetCommand({ RequestItems: { [table]: { Keys: left, ConsistentRead: true } } }),
      );
      for (const item of Responses[table] ?? []) items.set(String(item.pk), item);
      left = UnprocessedKeys[table]?.Keys ?? [];
    }
  });
  return items;
}
