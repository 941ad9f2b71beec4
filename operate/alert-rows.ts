import { DeleteCommand, type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { type AlertRow, alertOf } from '../shared/alert-row.ts';
import { ALERT, ALERTS_LIST } from '../shared/alerts.ts';
import { itemsByKey } from '../shared/storage/batch.ts';
import { recentPage, standingItem } from '../shared/storage/table.ts';

/** The alerts that were raised, for people. */
export interface AlertRows {
  /** Those that rang last, up to so many, the last one first. */
  latest(most: number): Promise<AlertRow[]>;
  /** How many of the last hundred rang since a time (Unix milliseconds): one read of the index. */
  since(time: number): Promise<number>;
  /**
   * Takes a client off an alert: the address, and the other side's words, which may hold it. An alert that is about the
   * client alone goes.
   */
  eraseClient(alert: Pick<AlertRow, 'id' | 'subject'>, email: string): Promise<void>;
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

    async eraseClient({ id, subject }, email) {
      const item = { TableName: table, Key: { pk: ALERT + id } };
      if (subject.toLowerCase() === email) {
        await client.send(new DeleteCommand(item));
        return;
      }
      // It may ring meanwhile for another client, whose address then stays.
      await standingItem(() =>
        client.send(
          new UpdateCommand({
            ...item,
            UpdateExpression: 'REMOVE email, detail',
            ConditionExpression: 'attribute_exists(pk) AND (attribute_not_exists(email) OR email = :email)',
            ExpressionAttributeValues: { ':email': email },
          }),
        ),
      );
    },
  };
}
