import { isDeepStrictEqual } from 'node:util';
import { type Answer, applyAnswer } from '../shared/recharge/answers.ts';
import { applyGoodwillRefund, applyRetry, applyStop } from '../shared/recharge/deeds.ts';
import type { Circumstances } from '../shared/recharge/next-step.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { timeOfStorage } from './time.ts';

/** @throws an OperateError, `not_found`, if no recharge has this key. */
export async function readRecharge({ ledger }: Pick<Connection, 'ledger'>, key: string): Promise<Recharge> {
  const row = await ledger.read(key);
  if (row) return row;
  throw new OperateError(
    'not_found',
    `No recharge has the key ${key}. Look for it: npx relay recharges show ${shellQuoted(key)}`,
  );
}

/** What is to be done about a recharge depends on this, besides its row. */
export async function circumstancesOf({
  charging,
  policy,
  now,
}: Pick<Connection, 'charging' | 'policy' | 'now'>): Promise<Circumstances & { policy: Policy }> {
  return { now: now(), policy, pause: await charging.paused() };
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
  if (written.kind === 'conflict' && !isOwn(written.row, applied.next)) throw changed();
  return written.row;
}

/**
 * A lost answer to our own write looks like a lost race. What we wrote is known by its history, which holds the note and
 * the time: the phase may be the same where the worker wrote.
 */
const isOwn = (standing: Recharge, meant: Recharge) => isDeepStrictEqual(standing.history, meant.history);

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
    if (written.kind === 'written' || isOwn(written.row, applied.next)) return written.row;
    row = written.row;
  }
}
