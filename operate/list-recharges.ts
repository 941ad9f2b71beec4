import { dayOf } from '../shared/recharge/account.ts';
import type { ListedRecharge, NewerRecharge } from '../shared/recharge/dynamo-rows.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';
import { rangeOf } from './days.ts';
import { OperateError } from './error.ts';
import { byNewest, isAfter, type Look, newestFirst } from './newest-first.ts';
import { checkFilter, isWanted, type RechargeFilter } from './recharge-filter.ts';

export interface RechargePage {
  /** By when they were received, newest first. */
  rows: Recharge[];
  /** Those of a later version of this program, of which nobody knows whether they are wanted. */
  newer: NewerRecharge[];
  /** Give it back for the next page; absent on the last one. It is the key of the recharge that was looked at last. */
  cursor?: string;
  /** How many recharges were looked at for this page, by their names alone or by their rows. */
  looked: number;
  /** Back to which UTC day, `2026-10-31`, recharges were looked at. */
  lookedBackTo: string;
}

export interface PageRequest {
  /** The most rows of the page. */
  limit: number;
  /** Of the page before. */
  cursor?: string;
  /** How many days the list goes back where the filter does not say: 31 unless given. */
  recentDays?: number;
  /** How many rows are read for the page, wanted or not: 2,000 unless given, some half a second. */
  lookAtMost?: number;
}

/**
 * A page of the recharges that were received in a range of days, newest first. Where no range is given: those of the
 * last 31 days, and every unfinished one however old. A filter for unfinished ones looks at these alone.
 *
 * A page ends when it is full, or when enough was looked at for it. So a page may be short, and have a next one.
 *
 * @throws an OperateError, `refused`, if the filter makes no sense; `not_found`, if there is no such cursor.
 */
export async function listRecharges(
  connection: Pick<Connection, 'ledger' | 'rows' | 'now'>,
  filter: RechargeFilter,
  { limit, cursor, recentDays, lookAtMost = 2_000 }: PageRequest,
): Promise<RechargePage> {
  checkFilter(filter);
  const range = rangeOf(filter, connection.now(), recentDays);
  const after = cursor === undefined ? undefined : await placeOf(connection, cursor);
  const page: Looked = { rows: [], newer: [], looked: 0 };
  let cost = 0;
  // One more than is shown tells whether there is a next page.
  const wanted = () => limit + 1 - page.rows.length;
  for await (const look of newestFirst(connection, { filter, range, after, wanted })) {
    page.looked += look.looked;
    cost += look.cost;
    page.newer.push(...look.newer);
    page.rows.push(...look.rows.filter((row) => isWanted(row, filter)));
    if (page.rows.length > limit) return cutTo(limit, page);
    if (cost >= lookAtMost) return { ...page, ...endOf(look) };
  }
  return { ...page, lookedBackTo: dayOf(range.from) };
}

type Looked = Omit<RechargePage, 'cursor' | 'lookedBackTo'>;

const endOf = ({ last }: Look) => ({ cursor: last.key, lookedBackTo: dayOf(last.receivedAt) });

function cutTo(limit: number, { rows, newer, looked }: Looked): RechargePage {
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  if (last === undefined) throw new RangeError('A page has at least one row.');
  // What comes after the last row is on the next page.
  const before = newer.filter((row) => !isAfter(row, last)).sort(byNewest);
  return { rows: kept, newer: before, looked, cursor: last.key, lookedBackTo: dayOf(last.receivedAt) };
}

/** Every page of a list, one after the other, as far as they are asked for. */
export async function* pagesOfRecharges(
  connection: Parameters<typeof listRecharges>[0],
  filter: RechargeFilter,
  request: PageRequest,
): AsyncGenerator<RechargePage> {
  let next = request.cursor;
  do {
    const page = await listRecharges(connection, filter, {
      ...request,
      ...(next === undefined ? {} : { cursor: next }),
    });
    yield page;
    next = page.cursor;
  } while (next !== undefined);
}

/**
 * The last recharges of one client, newest first: for "why was this client not recharged?" and the client's page. Those
 * of the last 31 days, and the one that was reserved last, however old.
 *
 * @param limit the most of them.
 */
export async function lastRechargesOf(
  connection: Parameters<typeof listRecharges>[0],
  email: string,
  limit: number,
): Promise<Recharge[]> {
  const rows: Recharge[] = [];
  for await (const page of pagesOfRecharges(connection, { email }, { limit })) {
    rows.push(...page.rows);
    if (rows.length >= limit) return rows.slice(0, limit);
  }
  const { last } = await connection.ledger.readAccount(email);
  if (last === undefined || rows.some(({ key }) => key === last.key)) return rows;
  const { found } = await connection.rows.recharges([last.key]);
  return [...rows, ...found.values()];
}

async function placeOf({ rows }: Pick<Connection, 'rows'>, key: string): Promise<ListedRecharge> {
  const { found, newer } = await rows.recharges([key]);
  const place = found.get(key) ?? newer[0];
  if (place) return place;
  throw new OperateError('not_found', `No recharge has the key ${key}, after which the page was to begin.`);
}
