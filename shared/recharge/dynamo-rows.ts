import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { itemsByKey } from '../storage/batch.ts';
import type { Account } from './account.ts';
import { ACCOUNT, accountOf, RECHARGE, rechargeOf } from './dynamo-ledger.ts';
import type { Recharge } from './recharge.ts';

/**
 * Many rows at once, for people's lists: consistent reads, a hundred a request. What is not there is left out; the
 * order is not kept.
 */
export interface Rows {
  /** By key. @throws NewerRowError for a row of a later version of this program. */
  recharges(keys: Iterable<string>): Promise<Map<string, Recharge>>;
  /** By email. @throws NewerRowError likewise. */
  accounts(emails: Iterable<string>): Promise<Map<string, Account>>;
}

export function createDynamoRows(client: DynamoDBDocumentClient, table: string): Rows {
  const read = (prefix: string, names: Iterable<string>) =>
    itemsByKey(
      client,
      table,
      Array.from(names, (name) => prefix + name),
    );
  return {
    async recharges(keys) {
      const items = [...(await read(RECHARGE, keys)).values()].map(rechargeOf);
      return new Map(items.map((row) => [row.key, row]));
    },
    async accounts(emails) {
      const items = [...(await read(ACCOUNT, emails)).values()].map(accountOf);
      return new Map(items.map((account) => [account.email, account]));
    },
  };
}
