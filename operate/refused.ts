import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { REFUSED } from '../shared/incoming/refusals.ts';
import { itemsByKey } from '../shared/storage/batch.ts';

/** How often something was refused at one route for one reason. */
export interface RefusedCount {
  route: string;
  status: number;
  reason: string;
  count: number;
  /** Unix milliseconds when the last of them was written down: a minute late at most. */
  lastAt: number;
}

/** What was refused, and is kept nowhere. */
export interface RefusedCounts {
  /**
   * Counted by the hour, from the whole UTC hour on in which `since` lies; the most frequent first.
   *
   * @param since Unix milliseconds, at most 40 days back.
   */
  since(since: number, now: number): Promise<RefusedCount[]>;
}

const HOUR_MS = 3_600_000;
/** The names of counts are a route, a status and a reason. */
const COUNT = /^(?<route>\/\S*) (?<status>\d{3}) (?<reason>.*)$/s;

export function createRefusedCounts(client: DynamoDBDocumentClient, table: string): RefusedCounts {
  return {
    async since(since, now) {
      const hours: string[] = [];
      const from = since - (since % HOUR_MS);
      for (let at = from; at <= now; at += HOUR_MS)
        hours.push(REFUSED + new Date(at).toISOString().slice(0, 13));
      const items = await itemsByKey(client, table, hours);
      const counts = new Map<string, RefusedCount>();
      for (const item of items.values()) {
        const { lastAt } = z.object({ lastAt: z.int() }).parse(item);
        for (const [name, count] of Object.entries(item)) {
          const { route = '', status = '', reason = '' } = COUNT.exec(name)?.groups ?? {};
          if (status === '' || typeof count !== 'number') continue;
          const before = counts.get(name);
          counts.set(name, {
            ...{ route, status: Number(status), reason },
            count: count + (before?.count ?? 0),
            lastAt: Math.max(lastAt, before?.lastAt ?? 0),
          });
        }
      }
      return [...counts.values()].sort((a, b) => b.count - a.count);
    },
  };
}

/** A count for programs. */
export const refusedJson = ({ lastAt, ...count }: RefusedCount) => ({
  ...count,
  last_at: new Date(lastAt).toISOString(),
});
