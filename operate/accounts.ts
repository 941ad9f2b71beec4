import type { Account } from '../shared/recharge/account.ts';
import { type AccountSettings, LinkedIdError } from '../shared/recharge/accounts.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';

/** The clients that are set up, by their emails. */
export async function listAccounts({
  accounts,
  rows,
}: Pick<Connection, 'accounts' | 'rows'>): Promise<Account[]> {
  const emails = await accounts.list();
  const found = await rows.accounts(emails);
  return emails.flatMap((email) => found.get(email) ?? []);
}

/** @throws an OperateError, `not_found`, if neither a setting nor a webhook ever named this client. */
export async function readAccount({ accounts }: Connection, email: string): Promise<Account> {
  const account = await accounts.show(email);
  if (account) return account;
  throw new OperateError('not_found', `No account ${email}. Set it up: npx relay accounts set ${email}`);
}

/**
 * Sets a client up, or changes what is given; `null` takes a setting away. What the guard counts is never touched.
 *
 * @throws an OperateError, `refused`, if the platform's id is linked to another client.
 */
export async function setAccount(
  { accounts }: Connection,
  email: string,
  settings: AccountSettings,
): Promise<Account> {
  try {
    return await accounts.set(email, settings);
  } catch (error) {
    if (error instanceof LinkedIdError) throw new OperateError('refused', error.message);
    throw error;
  }
}

/**
 * Frees an id of the platform, whatever leads to it: no webhook that names it charges anybody any more.
 *
 * @returns the email of the client it was linked to.
 * @throws an OperateError, `not_found`, if it was linked to none.
 */
export async function unlinkAccount({ accounts }: Connection, platformId: string): Promise<string> {
  const email = await accounts.unlink(platformId);
  if (email !== undefined) return email;
  throw new OperateError('not_found', `No client is linked to the platform id ${platformId}.`);
}

/** An account for programs: settings and what the guard counted, times as ISO 8601, amounts in minor units. */
export function accountJson(account: Account) {
  const { last, reservations, revision: _r, closedTo: _c, ...rest } = account;
  return {
    ...rest,
    known: account.status !== undefined,
    last: last && { key: last.key, at: new Date(last.at).toISOString() },
    reservations: Object.values(reservations).map(({ at, ...entry }) => ({
      at: new Date(at).toISOString(),
      ...entry,
    })),
  };
}
