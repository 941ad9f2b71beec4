import { dayOf } from '../shared/recharge/account.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import type { Connection } from './connection.ts';
import { rangeOf } from './days.ts';
import { OperateError } from './error.ts';
import { newestFirst } from './newest-first.ts';
import { checkFilter } from './recharge-filter.ts';
import { type Match, matchOfRow } from './reference.ts';

export interface FoundRecharge {
  row: Recharge;
  by: Match;
}

/** A provider's dispute comes within weeks; three months of 10,000 are some four seconds. */
export const FIND_DAYS = 92;
/** More are not told apart by reading them. */
const MOST_SHOWN = 20;
const LOOKED_AT_ONCE = 400;

/**
 * Finds a recharge by whatever names it: its key, our charge id, refund id or grant mark, the payment endpoint's
 * reference of the payment or the refund, or the beginning of one of these. Only the key is found however old the
 * recharge is, with one read. For the others those of the last 92 days are looked through, and all that are unfinished.
 *
 * @param options.from the UTC day on which to begin instead: `2026-01-31`, or `200d`.
 * @param options.looked hears how many were looked at, and back to which day, while it goes on.
 * @throws an OperateError, `not_found`, that says what was looked at; `refused`, that names them, if there are several.
 */
export async function findRecharge(
  connection: Pick<Connection, 'ledger' | 'rows' | 'now'>,
  reference: string,
  options: { from?: string; looked?: (count: number, backTo: string) => void } = {},
): Promise<FoundRecharge> {
  const text = reference.trim();
  const row = await connection.ledger.read(text);
  if (row) return { row, by: { kind: 'key', whole: true } };
  const filter = { reference: text, ...(options.from === undefined ? {} : { from: options.from }) };
  checkFilter(filter);
  const range = rangeOf(filter, connection.now(), FIND_DAYS);
  const matches: FoundRecharge[] = [];
  let count = 0;
  const search = { filter, range, after: undefined, wanted: () => LOOKED_AT_ONCE };
  for await (const look of newestFirst(connection, search)) {
    count += look.looked;
    options.looked?.(count, dayOf(look.last.receivedAt));
    for (const one of look.rows) {
      const by = matchOfRow(one, text);
      // An older one may be named by the whole of it: where references are numbers, 17 begins 170.
      if (by?.whole) return { row: one, by };
      if (by) matches.push({ row: one, by });
    }
  }
  const [only, ...others] = matches;
  if (only === undefined) throw notFound(text, { count, backTo: dayOf(range.from) });
  if (others.length > 0) throw tooMany(text, matches);
  return only;
}

function tooMany(text: string, matches: FoundRecharge[]): OperateError {
  const more = matches.length - MOST_SHOWN;
  return new OperateError(
    'refused',
    [
      `${matches.length} recharges are named by what begins with ${text}:`,
      ...matches.slice(0, MOST_SHOWN).map(({ row, by }) => `  ${row.key} (${by.kind})`),
      ...(more > 0 ? [`  and ${more} older ones`] : []),
      'Give more of it, or the key of one.',
    ].join('\n'),
  );
}

function notFound(text: string, { count, backTo }: { count: number; backTo: string }): OperateError {
  return new OperateError(
    'not_found',
    `No recharge has the key ${text}. And of the recharges that were received since ${backTo}, or are unfinished ` +
      `(${count} in all), none has a charge id, ` +
      'refund id, grant mark, payment or refund reference that is this, or begins so. ' +
      `Farther back: npx relay recharges show ${shellQuoted(text)} --from 365d`,
  );
}
