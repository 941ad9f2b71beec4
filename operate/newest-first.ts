import { dayOf } from '../shared/recharge/account.ts';
import type { ListedRecharge, NewerRecharge } from '../shared/recharge/dynamo-rows.ts';
import { isGivingBack } from '../shared/recharge/machine/goodwill.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
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
  const { filter, wanted } = search;
  for await (const named of namedNewestFirst(rows, search)) {
    const candidates = named.filter((listed) => mayBeWanted(listed, filter));
    const skipped = named.length - candidates.length;
    while (candidates.length > 0) {
      const size = hasRowConditions(filter) ? Math.max(LOOKED_AT_ONCE, wanted()) : Math.max(1, wanted());
      const part = candidates.splice(0, size);
      const { found, newer } = await rows.recharges(part.map(({ key }) => key));
      const inOrder = part.flatMap(({ key }) => found.get(key) ?? []);
      for (const last of part.slice(-1))
        yield { rows: inOrder, newer: newer.sort(byNewest), looked: part.length, cost: part.length, last };
    }
    for (const last of named.slice(-1))
      yield { rows: [], newer: [], looked: skipped, cost: named.length / 10, last };
  }
}

/** Days that are asked about at the same time. */
const DAYS_AT_ONCE = 8;

/**
 * What the index names, day after day. At first one day is asked about, for it may fill the page; then two, four and
 * eight at a time, for many days of a small agency are empty.
 */
async function* namedNewestFirst(
  rows: Connection['rows'],
  { range, after }: Pick<Search, 'range' | 'after'>,
): AsyncGenerator<ListedRecharge[]> {
  const first = after === undefined ? -1 : range.days.indexOf(dayOf(after.receivedAt));
  const days = first === -1 ? range.days : range.days.slice(first);
  for (
    let from = 0, atOnce = 1;
    from < days.length;
    from += atOnce, atOnce = Math.min(2 * atOnce, DAYS_AT_ONCE)
  ) {
    const together = days.slice(from, from + atOnce);
    const pages = await Promise.all(
      together.map((day, index) => rows.ofDay(day, first !== -1 && from + index === 0 ? after : undefined)),
    );
    // Small days are read together: a request for each would be as many as days.
    let small: ListedRecharge[] = [];
    for (const [index, page] of pages.entries()) {
      small.push(...page.items);
      for (let { cursor } = page; cursor !== undefined; ) {
        yield small;
        const next = await rows.ofDay(together[index] ?? '', cursor);
        small = next.items;
        cursor = next.cursor;
      }
    }
    yield small;
  }
}

/** All of them are read, for the index has them by when they are due. They are few, unless something is wrong. */
async function* unfinished(
  { ledger, rows }: Pick<Connection, 'ledger' | 'rows'>,
  { filter, after }: Pick<Search, 'filter' | 'after'>,
  { from = 0, to = Number.POSITIVE_INFINITY }: { from?: number; to?: number },
): AsyncGenerator<Look> {
  const keys: string[] = [];
  for (const waitsFor of ['time', 'person'] as const) {
    let cursor: string | undefined;
    do {
      const page = await ledger.due(waitsFor, Number.MAX_SAFE_INTEGER, cursor);
      keys.push(...page.items.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
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

/** A recharge that has ended comes back, too, if it is looked at late. */
const isUnfinished = (row: Recharge) => !isFinished(row) || row.review !== undefined || isGivingBack(row);
