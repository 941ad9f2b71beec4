import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { type AlertRow, alertOf } from '../shared/alert-row.ts';
import { ALERTS_LIST } from '../shared/alerts.ts';
import { itemsByKey } from '../shared/storage/batch.ts';
import { recentPage } from '../shared/storage/table.ts';

/** The alerts that were raised, for people. */
export interface AlertRows {
  /** Those that rang last, up to so many, the last one first. */
  latest(most: number): Promise<AlertRow[]>;
  /** How many of the last hundred rang since a time (Unix milliseconds): one read of the index. */
  since(time: number): Promise<number>;
}

export function createAlertRows(client: DynamoDBDocumentClient, table: string): AlertRows {
  return {
    async latest(most) {
      const pks: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await recentPage(client, table, ALERTS_LIST, cursor);
        pks.push(...page.items.map(({ pk }) => pk));
        cursor = page.cursor;
      } while (cursor !== undefined && pks.length < most);
      const items = await itemsByKey(client, table, pks.slice(0, most));
      const rows = [...items.values()].map(alertOf).filter((row) => row !== undefined);
      return rows.sort((a, b) => b.lastAt - a.lastAt);
    },

    async since(time) {
      const { items } = await recentPage(client, table, ALERTS_LIST);
      const from = new Date(time).toISOString();
      return items.filter(({ listKey }) => listKey >= from).length;
    },
  };
}
