import type { ListedRecharge, Rows } from '../recharge/dynamo-rows.ts';
import type { Ledger } from '../recharge/ledger.ts';

export const DAY_MS = 86_400_000;

/** Days that are asked about at the same time. */
const DAYS_AT_ONCE = 8;

/**
 * What the index names of recharges received on these days, day after day, newest first. At first one day is asked about,
 * for it may fill the page; then two, four and eight at a time, for many days of a small agency are empty.
 *
 * @param days `2026-10-31`, newest first.
 * @param after of the first day, only what comes after this one.
 */
export async function* namedOfDays(
  rows: Pick<Rows, 'ofDay'>,
  days: readonly string[],
  after?: ListedRecharge,
): AsyncGenerator<ListedRecharge[]> {
  for (
    let from = 0, atOnce = 1;
    from < days.length;
    from += atOnce, atOnce = Math.min(2 * atOnce, DAYS_AT_ONCE)
  ) {
    const together = days.slice(from, from + atOnce);
    const pages = await Promise.all(
      together.map((day, index) => rows.ofDay(day, from + index === 0 ? after : undefined)),
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

/** Keys of all that comes back by itself: what is unfinished, and what is looked at late. Few, unless something is wrong. */
export async function keysOfDue(ledger: Pick<Ledger, 'due'>): Promise<string[]> {
  const keys: string[] = [];
  for (const waitsFor of ['time', 'person'] as const) {
    let cursor: string | undefined;
    do {
      const page = await ledger.due(waitsFor, Number.MAX_SAFE_INTEGER, cursor);
      keys.push(...page.items.map(({ key }) => key));
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  return keys;
}
