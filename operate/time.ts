import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';

/** Clocks that are set by the network are milliseconds apart. */
export const APART_MS = 60_000;

/**
 * The time by which deeds are judged: that of storage, which all processes share. Something must have been read before.
 *
 * @throws an OperateError, `not_ready`, where storage does not say it, or this machine's clock is wrong: a person who
 *   looks at this clock to see whether an hour is over would err.
 */
export function timeOfStorage({ storageNow, now }: Pick<Connection, 'storageNow' | 'now'>): number {
  const time = storageNow();
  if (time === undefined) {
    throw new OperateError(
      'not_ready',
      'Nothing was written: the answers of the table carry no date, so nobody can say what time it is there.',
    );
  }
  const aheadMs = now() - time;
  if (Math.abs(aheadMs) <= APART_MS) return time;
  const minutes = (Math.abs(aheadMs) / 60_000).toFixed(1);
  throw new OperateError(
    'not_ready',
    `Nothing was written: this computer's clock is ${minutes} minutes ${aheadMs > 0 ? 'ahead of' : 'behind'} the ` +
      `table's (${new Date(time).toISOString()}). Set the clock, then run this again.`,
  );
}

/**
 * How far this machine's clock is ahead of storage's, in milliseconds; negative: behind. Something must have been read
 * before. Undefined where storage does not say its time.
 */
export function aheadOfStorageMs({
  storageNow,
  now,
}: Pick<Connection, 'storageNow' | 'now'>): number | undefined {
  const time = storageNow();
  return time === undefined ? undefined : now() - time;
}
