import { keysOfDue, namedOfDays } from '../shared/books/listed.ts';
import { isUnfinished } from '../shared/books/month-books.ts';
import { dayOf } from '../shared/recharge/account.ts';
import type { ListedRecharge, NewerRecharge } from '../shared/recharge/dynamo-rows.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';
import type { Range } from './days.ts';
import { hasRowConditions, isOfUnfinished, mayBeWanted, type RechargeFilter } from './recharge-filter.ts';

/** What was looked at in one go. */
export interface Look {
  /** Newest first. */
  rows: Recharge[];
  newer: NewerRecharge[];
  /** How many recharges were looked at, by their names alone or by their rows. */
  looked: number;
  /** In rows that are read. Ten names cost as much as one. */
  cost: number;
  /** The oldest that was looked at. */
  last: ListedRecharge;
}

export interface Search {
  filter: RechargeFilter;
  range: Range;
  /** Only what comes after this one. */
  after: ListedRecharge | undefined;
  /** How many rows are still wanted. */
  wanted: () => number;
}

/**
 * Reads recharges, newest first, as far as it is asked to. Those of the range of days; where nobody said from when on,
 * also the older ones that are unfinished. A filter for unfinished ones looks at these alone.
 */
export async function* newestFirst(
  connection: Pick<Connection, 'ledger' | 'rows'>,
  search: Search,
): AsyncGenerator<Look> {
  const { filter, range, after } = search;
  if (isOfUnfinished(filter)) {
    yield* unfinished(connection, search, range.isOpenEnded ? {} : range);
    return;
  }
  if (after === undefined || after.receivedAt >= range.from) yield* ofRange(connection, search);
  const canBeUnfinished = filter.phase === undefined;
  if (range.isOpenEnded && canBeUnfinished) yield* unfinished(connection, search, { to: range.from });
}

/** As the index `recent` has it. */
export function byNewest(a: ListedRecharge, b: ListedRecharge): number {
  if (a.receivedAt !== b.receivedAt) return b.receivedAt - a.receivedAt;
  if (a.email !== b.email) return a.email < b.email ? 1 : -1;
  return a.key < b.key ? 1 : -1;
}

/** Whether one comes after another in a list. */
export const isAfter = (one: ListedRecharge, other: ListedRecharge) =>
  one.key !== other.key && byNewest(one, other) > 0;

/** Rows that are read at a time where few of them may be wanted. */
const LOOKED_AT_ONCE = 400;

async function* ofRange({ rows }: Pick<Connection, 'rows'>, search: Search): AsyncGenerator<Look> {
  const { filter, range, after, wanted } = search;
  const first = after === undefined ? -1 : range.days.indexOf(dayOf(after.receivedAt));
  const named =
    first === -1 ? namedOfDays(rows, range.days) : namedOfDays(rows, range.days.slice(first), after);
  for await (const page of named) {
    const candidates = page.filter((listed) => mayBeWanted(listed, filter));
    const skipped = page.length - candidates.length;
    while (candidates.length > 0) {
      const size = hasRowConditions(filter) ? Math.max(LOOKED_AT_ONCE, wanted()) : Math.max(1, wanted());
      const part = candidates.splice(0, size);
      const { found, newer } = await rows.recharges(part.map(({ key }) => key));
      const inOrder = part.flatMap(({ key }) => found.get(key) ?? []);
      for (const last of part.slice(-1))
        yield { rows: inOrder, newer: newer.sort(byNewest), looked: part.length, cost: part.length, last };
    }
    for (const last of page.slice(-1))
      yield { rows: [], newer: [], looked: skipped, cost: page.length / 10, last };
  }
}

/** All of them are read, for the index has them by when they are due. They are few, unless something is wrong. */
async function* unfinished(
  { ledger, rows }: Pick<Connection, 'ledger' | 'rows'>,
  { filter, after }: Pick<Search, 'filter' | 'after'>,
  { from = 0, to = Number.POSITIVE_INFINITY }: { from?: number; to?: number },
): AsyncGenerator<Look> {
  const keys = await keysOfDue(ledger);
  const { found, newer } = await rows.recharges(keys);
  const isThere = (row: ListedRecharge) =>
    row.receivedAt >= from &&
    row.receivedAt < to &&
    (after === undefined || isAfter(row, after)) &&
    mayBeWanted(row, filter);
  const open = [...found.values()].filter((row) => isUnfinished(row) && isThere(row)).sort(byNewest);
  const unread = newer.filter(isThere).sort(byNewest);
  const last = [...open, ...unread].sort(byNewest).at(-1);
  if (last) yield { rows: open, newer: unread, looked: keys.length, cost: keys.length, last };
}
