import { isDeepStrictEqual } from 'node:util';
import { dayOf } from '../shared/recharge/account.ts';
import { type Answer, applyAnswer } from '../shared/recharge/answers.ts';
import { applyGoodwillRefund, applyRetry, applyStop } from '../shared/recharge/deeds.ts';
import { isFinished, type Phase, type Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { timeOfStorage } from './time.ts';

export interface RechargeFilter {
  phase?: Phase;
  email?: string;
  days: number;
}

const DAY_MS = 24 * 3_600_000;

/** The recharges received in the last days, newest first, and every unfinished one however old. */
export async function listRecharges(
  { ledger, now }: Connection,
  options: RechargeFilter,
): Promise<Recharge[]> {
  const recent = new Set<string>();
  const due = new Set<string>();
  const collect = async (
    keys: Set<string>,
    next: (cursor?: string) => Promise<{ keys: string[]; cursor?: string }>,
  ) => {
    let page = await next();
    for (;;) {
      for (const key of page.keys) keys.add(key);
      if (page.cursor === undefined) return;
      page = await next(page.cursor);
    }
  };
  for (let day = 0; day < options.days; day += 1) {
    await collect(recent, async (cursor) => {
      const { items, ...rest } = await ledger.list(dayOf(now() - day * DAY_MS), options.email, cursor);
      return { keys: items, ...rest };
    });
  }
  for (const waitsFor of ['time', 'person'] as const) {
    await collect(due, async (cursor) => {
      const { items, ...rest } = await ledger.due(waitsFor, Number.MAX_SAFE_INTEGER, cursor);
      return { keys: items.map(({ key }) => key), ...rest };
    });
  }
  const rows: Recharge[] = [];
  for (const key of new Set([...recent, ...due])) {
    const row = await ledger.read(key);
    const wanted =
      row &&
      // A recharge that has ended is due, too, if it is looked at late.
      (recent.has(key) || !isFinished(row)) &&
      (options.email === undefined || row.email === options.email) &&
      (options.phase === undefined || row.phase === options.phase);
    if (wanted) rows.push(row);
  }
  return rows.sort((a, b) => b.receivedAt - a.receivedAt);
}

/** @throws an OperateError, `not_found`, if no recharge has this key. */
export async function readRecharge({ ledger }: Pick<Connection, 'ledger'>, key: string): Promise<Recharge> {
  const row = await ledger.read(key);
  if (row) return row;
  throw new OperateError(
    'not_found',
    `No recharge has the key ${key}. Look for it: npx relay recharges list`,
  );
}

export interface Resolution {
  answer: Answer;
  note: string;
  paymentRef?: string;
  /** The version that was shown to the person. If the row has another one, they answered something else. */
  version: number;
}

/**
 * Writes a person's answer, if the row is still the one that they saw. The answer is never decided again on a newer
 * row: the person must look again.
 *
 * @returns the row as it is now. The worker does the rest.
 * @throws an OperateError, `changed`, `refused` or `not_found`, if the answer is not taken; nothing is written
 *   then.
 */
export async function resolveRecharge(
  connection: Pick<Connection, 'ledger' | 'policy' | 'now' | 'storageNow'>,
  key: string,
  { version, ...statement }: Resolution,
): Promise<Recharge> {
  const { policy, ledger } = connection;
  const row = await readRecharge(connection, key);
  const changed = () =>
    new OperateError(
      'changed',
      `Recharge ${key} has changed since version ${version} was shown. Nothing was written: look at it again, and ` +
        'answer what it says now.',
    );
  if (version !== row.version) throw changed();
  const applied = applyAnswer(row, statement, { now: timeOfStorage(connection), policy });
  if ('refused' in applied) throw new OperateError('refused', applied.refused);
  const written = await ledger.write(row, applied.next);
  // A lost answer to our own write looks like a lost race. The row is then what we wrote.
  const own = written.row.version === row.version + 1 && written.row.phase === applied.next.phase;
  if (written.kind === 'conflict' && !own) throw changed();
  return written.row;
}

type Ledgered = Pick<Connection, 'ledger' | 'policy' | 'now' | 'storageNow'>;
type Applied = { next: Recharge } | { refused: string };

/**
 * Stops a recharge that has not been charged. No charge of it begins any more, and a page that waits for the client
 * is cancelled. A payment that was under way is kept.
 *
 * @returns the row as it is now. The worker ends it.
 * @throws an OperateError, `refused` or `not_found`, if it is too late, or there is no such recharge.
 */
export const stopRecharge = (connection: Ledgered, key: string, note: string): Promise<Recharge> =>
  writeDeed(connection, key, (row, at) => applyStop(row, note, at));

/**
 * Has the next step of a waiting recharge done within a minute, instead of when it is due.
 *
 * @returns the row as it is now. The worker does the step.
 * @throws an OperateError, `refused` or `not_found`, if nothing waits for a time, or there is no such recharge.
 */
export const retryRecharge = (connection: Ledgered, key: string, note?: string): Promise<Recharge> =>
  writeDeed(connection, key, (row, at) => applyRetry(row, note, at));

/**
 * Gives the money of a completed recharge back, all of it. The client keeps the credits.
 *
 * @returns the row as it is now. The worker does the rest.
 * @throws an OperateError, `refused` or `not_found`, if there is nothing to give back, or no such recharge.
 */
export const refundRecharge = (connection: Ledgered, key: string, note: string): Promise<Recharge> =>
  writeDeed(connection, key, (row, at) => applyGoodwillRefund(row, note, at));

/** Decides a deed on the row as it is, however often that changes meanwhile, and writes it. */
async function writeDeed(
  connection: Ledgered,
  key: string,
  apply: (row: Recharge, at: { now: number; policy: Connection['policy'] }) => Applied,
): Promise<Recharge> {
  const { ledger, policy } = connection;
  let row = await readRecharge(connection, key);
  for (;;) {
    const applied = apply(row, { now: timeOfStorage(connection), policy });
    if ('refused' in applied) throw new OperateError('refused', applied.refused);
    const written = await ledger.write(row, applied.next);
    const own = isDeepStrictEqual(written.row.history, applied.next.history);
    if (written.kind === 'written' || own) return written.row;
    row = written.row;
  }
}
