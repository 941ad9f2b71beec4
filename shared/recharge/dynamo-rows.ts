import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { itemsByKey } from '../storage/batch.ts';
import { cursorAfter, type Item, NewerRowError, type Page, recentPage } from '../storage/table.ts';
import type { Account } from './account.ts';
import { ACCOUNT, accountOf } from './dynamo-accounts.ts';
import { keyOf, listKeyOf, RECHARGE, rechargeOf } from './dynamo-recharges.ts';
import { ALIAS, aliasSchema } from './linked-email.ts';
import type { Recharge } from './recharge.ts';

/** What the index says of a recharge, before its row is read. */
export interface ListedRecharge {
  key: string;
  email: string;
  /** Unix milliseconds. */
  receivedAt: number;
}

/** A row that a later version of this program wrote: it can be named, and is not read. */
export interface NewerRecharge extends ListedRecharge {
  /** Its schema version. */
  v: number;
}

/** Many rows at once, for people's lists. What moves money reads its rows one by one, from the ledger. */
export interface Rows {
  /**
   * Names the recharges received on a UTC day (`2026-01-05`), newest first, up to a thousand a page.
   *
   * @param from the cursor of the page before, or the recharge of this day after which the page begins.
   */
  ofDay(day: string, from?: string | ListedRecharge): Promise<Page<ListedRecharge>>;
  /**
   * Consistent reads, a hundred a request. What is not there is left out.
   *
   * @returns by key, in no order; beside them those of a later version of this program, which hide no other.
   */
  recharges(keys: Iterable<string>): Promise<{ found: Map<string, Recharge>; newer: NewerRecharge[] }>;
  /** Likewise, by email. @throws NewerRowError for a row of a later version of this program. */
  accounts(emails: Iterable<string>): Promise<Map<string, Account>>;
  /** Emails of the accounts that are linked to the platform's ids, by those ids. */
  linkedEmails(platformIds: Iterable<string>): Promise<Map<string, string>>;
}

/** A thousand names are some 150 KB. */
const NAMES_A_PAGE = 1_000;

export function createDynamoRows(client: DynamoDBDocumentClient, table: string): Rows {
  const read = (prefix: string, names: Iterable<string>) =>
    itemsByKey(
      client,
      table,
      Array.from(names, (name) => prefix + name),
    );
  return {
    async ofDay(day, from) {
      const list = RECHARGE + day;
      const cursor = typeof from === 'object' ? cursorAfter(list, indexKeyOf(from)) : from;
      const page = await recentPage(client, table, list, cursor, NAMES_A_PAGE);
      return { ...page, items: page.items.map(listedOf) };
    },

    async recharges(keys) {
      const found = new Map<string, Recharge>();
      const newer: NewerRecharge[] = [];
      for (const item of (await read(RECHARGE, keys)).values()) {
        try {
          const row = rechargeOf(item);
          found.set(row.key, row);
        } catch (error) {
          if (!(error instanceof NewerRowError)) throw error;
          newer.push(newerOf(item));
        }
      }
      return { found, newer };
    },

    async accounts(emails) {
      const items = [...(await read(ACCOUNT, emails)).values()].map(accountOf);
      return new Map(items.map((account) => [account.email, account]));
    },
    async linkedEmails(platformIds) {
      const items = [...(await read(ALIAS, platformIds)).entries()];
      return new Map(items.map(([pk, item]) => [pk.slice(ALIAS.length), aliasSchema.parse(item).email]));
    },
  };
}

const indexKeyOf = (listed: ListedRecharge) => ({ pk: RECHARGE + listed.key, listKey: listKeyOf(listed) });

function listedOf({ pk, listKey }: { pk: string; listKey: string }): ListedRecharge {
  const end = listKey.indexOf('#');
  return { key: keyOf(pk), email: listKey.slice(end + 1), receivedAt: Number(listKey.slice(0, end)) };
}

const newerSchema = z.object({ pk: z.string(), listKey: z.string(), v: z.int() });

/** Versions differ in what a row holds, not in how it is found. */
function newerOf(item: Item): NewerRecharge {
  const named = newerSchema.parse(item);
  return { ...listedOf(named), v: named.v };
}
