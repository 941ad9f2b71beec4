import { isDeepStrictEqual } from 'node:util';
import type { Money } from '../shared/money.ts';
import { type Account, dayOf, type Reservation, spentNameOf } from '../shared/recharge/account.ts';
import { type AccountSettings, LinkedIdError } from '../shared/recharge/accounts.ts';
import { faultOfNote } from '../shared/recharge/answers.ts';
import { limitsOf } from '../shared/recharge/guard.ts';
import type { Pricing } from '../shared/recharge/pricing.ts';
import { moneyOf, type Recharge } from '../shared/recharge/recharge.ts';
import { shellQuoted } from '../shared/shell.ts';
import { pricingOf, readSettings, type WrittenSettings } from './client-settings.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { nearest } from './nearest.ts';
import type { Terms } from './terms.ts';

/** A client with what a person asks of one. */
export interface ClientOverview {
  account: Account;
  /** Their own price list, or else the configuration's; undefined where that is not known here. */
  pricing: Pricing | undefined;
  /** Reserved in this UTC month, in the currency in which they pay. */
  spent: Money | undefined;
  /** For a UTC month; undefined where there is none, or where it is not known here. */
  cap: Money | undefined;
  /** How many of their recharges the guard has let through today (UTC), and how many it does a day, where that is limited. */
  today: number;
  dailyLimit: number | undefined;
  /** The recharge that was reserved last. */
  last: Recharge | undefined;
}

export interface AccountFilter {
  status?: NonNullable<Account['status']>;
  /** Only those whose email has this text, in lower case. */
  containing?: string;
  /** Clients after this email, in alphabetical order. */
  after?: string;
  limit: number;
}

type Reading = Pick<Connection, 'accounts' | 'rows' | 'terms' | 'now'>;

/**
 * The clients that are set up, in alphabetical order, each with their last recharge. Reads a hundred rows a request.
 *
 * @returns `more` where the limit left some out.
 */
export async function listAccounts(
  connection: Reading,
  { status, containing = '', after = '', limit }: AccountFilter,
): Promise<{ clients: ClientOverview[]; more: boolean }> {
  const { accounts, rows } = connection;
  const emails = (await accounts.list()).filter((email) => email > after && email.includes(containing));
  // Filtered or not, no more is read than is shown, and one client more to know whether there are others.
  const found: Account[] = [];
  for (let next = 0; next < emails.length && found.length <= limit; ) {
    const part = emails.slice(next, next + Math.max(limit + 1 - found.length, 100));
    next += part.length;
    const read = await rows.accounts(part);
    found.push(
      ...part
        .flatMap((email) => read.get(email) ?? [])
        .filter((one) => status === undefined || one.status === status),
    );
  }
  const clients = await overviews(connection, found.slice(0, limit));
  return { clients, more: found.length > limit };
}

/** @throws an OperateError, `not_found`, if neither a setting nor a webhook ever named this client. */
export async function readAccount(connection: Reading, email: string): Promise<ClientOverview> {
  const account = await connection.accounts.show(email);
  if (!account) throw await unknownClient(connection, email, 'show');
  const [client] = await overviews(connection, [account]);
  if (client) return client;
  throw new Error('Bug! An account has no overview.');
}

async function overviews({ rows, terms, now }: Reading, accounts: Account[]): Promise<ClientOverview[]> {
  const lastKeys = accounts.flatMap(({ last }) => (last ? [last.key] : []));
  const { found: recharges } = await rows.recharges(lastKeys);
  return accounts.map((account) => overviewOf(account, recharges, terms(), now()));
}

function overviewOf(
  account: Account,
  recharges: Map<string, Recharge>,
  terms: Terms | undefined,
  now: number,
): ClientOverview {
  const pricing = pricingOf(account, terms);
  const currency = pricing?.currency;
  const limits = limitsOf(account, { limits: terms?.limits ?? {} });
  const inCurrency = (amount: number | undefined) =>
    amount === undefined || currency === undefined ? undefined : { amount, currency };
  return {
    account,
    pricing,
    spent: inCurrency(currency === undefined ? 0 : (account.spent[spentNameOf(now, currency)] ?? 0)),
    cap: inCurrency(limits.monthlyAmount),
    today: account.counts[dayOf(now)] ?? 0,
    dailyLimit: limits.dailyCount,
    last: account.last && recharges.get(account.last.key),
  };
}

type Changing = Pick<Connection, 'accounts' | 'ledger' | 'terms'>;

/**
 * Sets a new client up.
 *
 * @throws an OperateError, `refused`, if there is one of this email; a SettingFaults if a setting cannot be meant.
 */
export const addAccount = (connection: Changing, email: string, written: WrittenSettings): Promise<Account> =>
  changeAccount(connection, email, written, ({ status }) => {
    if (status === undefined) return;
    throw new OperateError(
      'refused',
      `The client ${email} is set up already. To change them: npx relay accounts set ${shellQuoted(email)}`,
    );
  });

/**
 * Changes what is given of a client; `none` takes a setting away. What the guard counts is never touched.
 *
 * @throws an OperateError, `not_found`, if nobody set this client up; it names those that may be meant. `refused`, if the
 *   platform's id is linked to another client; a SettingFaults if a setting cannot be meant.
 */
export async function setAccount(
  connection: Changing,
  email: string,
  written: WrittenSettings,
): Promise<Account> {
  const { status } = await connection.ledger.readAccount(email);
  if (status === undefined) throw await unknownClient(connection, email, 'set');
  return changeAccount(connection, email, written, stillKnown);
}

async function changeAccount(
  { accounts, ledger, terms }: Changing,
  email: string,
  written: WrittenSettings,
  judge: (account: Account) => void,
): Promise<Account> {
  const read = await ledger.readAccount(email);
  judge(read);
  const settings = readSettings(written, read, terms());
  return writeSettings(accounts, email, settings, {
    read,
    judge(account) {
      judge(account);
      // A limit in money was understood in the currency of this price.
      if (!isDeepStrictEqual(account.pricing, read.pricing)) throw changedMeanwhile(email);
    },
  });
}

/** Who was erased since must not come back by a change that was meant for them. */
export function stillKnown({ email, status }: Account): void {
  if (status === undefined) throw changedMeanwhile(email);
}

export const changedMeanwhile = (email: string) =>
  new OperateError('changed', `The client ${email} was changed meanwhile. Nothing was written: look again.`);

/** @throws an OperateError, `refused`, where the platform's id is linked to another client. */
export async function writeSettings(
  accounts: Pick<Connection['accounts'], 'set'>,
  email: string,
  settings: AccountSettings,
  options: { judge?: (account: Account) => void; read?: Account } = {},
): Promise<Account> {
  try {
    return await accounts.set(email, settings, options);
  } catch (error) {
    if (error instanceof LinkedIdError) throw new OperateError('refused', error.message);
    throw error;
  }
}

export interface StatusDeed {
  status: 'active' | 'suspended';
  /** Why, for whoever looks at the client later. */
  note: string;
  /** Who says so, where that is known. */
  by?: string;
}

/**
 * Suspends a client, or enables one that is suspended or disabled. It lasts until somebody says otherwise. What is not
 * charged yet is not charged any more; what is paid is granted.
 *
 * @returns the account, and whether anything changed: a client who is so already by a person's word keeps the note of then.
 * @throws an OperateError, `not_found` or `refused`, if there is no such client, or the note cannot be kept; `changed`, if
 *   the client was suspended anew while they were enabled.
 */
export async function setStatus(
  connection: Changing & Pick<Connection, 'now'>,
  email: string,
  { status, note, by }: StatusDeed,
): Promise<{ account: Account; changed: boolean }> {
  const fault = faultOfNote(
    note,
    `Say in --note why the client is ${status === 'active' ? 'enabled' : 'suspended'}.`,
  );
  if (fault !== undefined) throw new OperateError('refused', fault);
  const { accounts, ledger, now } = connection;
  const read = await ledger.readAccount(email);
  if (read.status === undefined)
    throw await unknownClient(connection, email, status === 'active' ? 'enable' : 'suspend', ' --note "why"');
  // What a person says outlasts the relay's own suspension, which another card would end.
  const isOurs = status === 'suspended' && read.statusChange?.forDeclines === true;
  if (read.status === status && !isOurs) return { account: read, changed: false };
  const statusChange = { at: now(), note: note.trim(), ...(by === undefined ? {} : { by }) };
  const judge = (account: Account) => {
    stillKnown(account);
    // Who ends a suspension has looked at this one. Another may have come since, for a dispute.
    const isSame = isDeepStrictEqual(account.statusChange, read.statusChange);
    if (status === 'active' && !isSame) throw changedMeanwhile(email);
  };
  const account = await accounts.set(email, { status, statusChange }, { read, judge });
  return { account, changed: true };
}

/**
 * Frees an id of the platform, whatever leads to it: no webhook that names it charges anybody any more.
 *
 * @returns the email of the client it was linked to.
 * @throws an OperateError, `not_found`, if it was linked to none.
 */
export async function unlinkAccount(
  { accounts }: Pick<Connection, 'accounts'>,
  platformId: string,
): Promise<string> {
  const email = await accounts.unlink(platformId);
  if (email !== undefined) return email;
  throw new OperateError('not_found', `No client is linked to the platform id ${platformId}.`);
}

/** Says whom a person may have meant, and how the client is set up. */
export async function unknownClient(
  { accounts }: Pick<Connection, 'accounts'>,
  email: string,
  command: string,
  options = '',
): Promise<OperateError> {
  const near = nearest(email, await accounts.list());
  return new OperateError(
    'not_found',
    [
      `There is no client ${email}.`,
      ...near.map(
        (other) => `Did you mean ${other}? npx relay accounts ${command} ${shellQuoted(other)}${options}`,
      ),
      `To set them up: npx relay accounts add ${shellQuoted(email)}`,
    ].join('\n'),
  );
}

const iso = (time: number) => new Date(time).toISOString();

/**
 * A client for programs: times as ISO 8601, amounts in minor units with their currency, prices and limits as they are
 * in the configuration's own words.
 */
export function clientJson({ account, pricing, spent, cap, today, dailyLimit, last }: ClientOverview) {
  const { limits, statusChange, reservations } = account;
  return {
    email: account.email,
    known: account.status !== undefined,
    status: account.status,
    status_change: statusChange && {
      at: iso(statusChange.at),
      note: statusChange.note,
      by: statusChange.by,
      for_declines: statusChange.forDeclines,
    },
    platform_id: account.platformId,
    grant_email: account.grantEmail,
    customer: account.customer,
    payment_method: account.paymentMethod,
    pricing,
    own_pricing: account.pricing !== undefined,
    limits: {
      daily_count: limits.dailyCount,
      monthly_cap: limits.monthlyAmount === undefined ? undefined : cap,
      cooldown_seconds: limits.cooldownSeconds,
    },
    monthly_cap: cap,
    spent_this_month: spent,
    recharges_today: today,
    daily_limit: dailyLimit,
    last: last && {
      key: last.key,
      reserved_at: account.last && iso(account.last.at),
      phase: last.phase,
      reason: last.review ?? last.reason,
      credits: last.credits,
      ...moneyOf(last),
    },
    recharges_by_day: account.counts,
    reserved_by_month: Object.entries(account.spent).map(([name, amount]) => {
      const [month, currency] = name.split('_');
      return { month, amount, currency };
    }),
    reservations: Object.values(reservations).map(reservationJson),
  };
}

const reservationJson = ({ at, platformId, balanceBefore, money, paymentMethod, ...entry }: Reservation) => ({
  at: iso(at),
  ...entry,
  ...money,
  payment_method: paymentMethod,
  platform_id: platformId,
  balance_before: balanceBefore,
});
