import { record } from '../history.ts';
import { erasedNameOf, isFinished, type Recharge } from './recharge.ts';

/** Of the history: the client's address, and what else names them, was taken off the row. */
export const CLIENT_ERASED = 'client_erased';

/** In the place of an address within a text. */
const LEFT_OUT = '(erased)';

/** Why a client cannot be erased while they have this recharge; undefined where it is no reason. */
export function whyNotErase(row: Recharge): 'unfinished' | 'looked_at_late' | undefined {
  if (!isFinished(row) || row.review !== undefined) return 'unfinished';
  return row.nextAttemptAt === undefined ? undefined : 'looked_at_late';
}

/**
 * The row without what names the client. What the books need stays: credits, amount, times, the payment's reference,
 * and the key, by which a repeated webhook is recognised.
 *
 * @param addresses what the client is called in texts of the history.
 */
export function withoutClient(row: Recharge, addresses: string[], at: { now: number }): Recharge {
  const { grantEmail, platformId: _p, actionUrl: _u, balanceBefore: _b, newBalance: _n, ...rest } = row;
  const names = [...addresses, ...(grantEmail === undefined ? [] : [grantEmail])];
  const history = row.history.map(({ detail, ...entry }) =>
    detail === undefined ? entry : { ...entry, detail: withoutNames(detail, names) },
  );
  return { ...rest, email: erasedNameOf(row), history: record({ history }, at, CLIENT_ERASED) };
}

const withoutNames = (text: string, names: string[]): string =>
  names.reduce(
    (left, name) => left.replaceAll(new RegExp(name.replaceAll(/\W/g, '\\$&'), 'gi'), LEFT_OUT),
    text,
  );
