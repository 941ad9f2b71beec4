import { dayOf } from '../../shared/recharge/account.ts';
import { isFinished } from '../../shared/recharge/recharge.ts';
import type { Charge } from '../parties.ts';
import type { Around } from '../world.ts';
import { DAY, HOUR, MINUTE, MONTH, type Plan, SPENT_BEFORE } from './plan.ts';
import { timeOf } from './story.ts';

/** What must hold of a client, over all of their recharges. Each says in a sentence what does not hold, or nothing. */

type Seen = Pick<Around, 'table' | 'books'>;

/** A charge is sent within an hour of the last look at the client, by a process that slept, and lands an hour later. */
const BEGUN_LANDS_MS = 2 * HOUR + MINUTE;

/** I8: who was suspended is not charged any more, once what was begun before has landed. */
export function chargedThoughBarred(
  { table }: Seen,
  { rechargeKey }: Charge,
  now: number,
): string | undefined {
  const email = table.recharges.get(rechargeKey)?.row.email ?? '';
  const { status, statusChange } = table.accounts.get(email) ?? {};
  const since = status === 'suspended' ? statusChange?.at : undefined;
  return since !== undefined && now > since + BEGUN_LANDS_MS
    ? `I8: charged, and the client is suspended since ${timeOf(since)}`
    : undefined;
}

/**
 * I6. An amount belongs to the day and the month of its reservation, which is up to a day older than the charge. Only what
 * certainly belongs to a day or a month is counted.
 */
export function overLimits(seen: Seen, plan: Plan, email: string): string | undefined {
  const limits = plan.accounts.find((account) => account.email === email)?.limits ?? {};
  if (limits.monthlyAmount === undefined && limits.dailyCount === undefined) return undefined;
  const amounts = new Map([[MONTH.slice(0, 7), SPENT_BEFORE]]);
  const times = new Map<string, number>();
  for (const { charge, receivedAt } of chargesOf(seen, email)) {
    const reserved = [dayOf(Math.max(receivedAt, charge.at - DAY)), dayOf(charge.at)] as const;
    const [month, latest] = [reserved[0].slice(0, 7), reserved[1].slice(0, 7)];
    const taken = charge.amount * (charge.captures - charge.refunds);
    if (month === latest) amounts.set(month, (amounts.get(month) ?? 0) + taken);
    if (reserved[0] === reserved[1]) times.set(reserved[0], (times.get(reserved[0]) ?? 0) + 1);
  }
  const most = Math.max(0, ...amounts.values());
  if (limits.monthlyAmount !== undefined && most > limits.monthlyAmount)
    return `I6: ${most} was taken in a month of a client whose cap is ${limits.monthlyAmount}`;
  const mostTimes = Math.max(0, ...times.values());
  return limits.dailyCount !== undefined && mostTimes > limits.dailyCount
    ? `I6: ${mostTimes} charges a day of a client who may have ${limits.dailyCount}`
    : undefined;
}

/**
 * Where all recharges of a client have ended without a person's word, their account row says what was taken.
 *
 * @param spoken the recharges of which a person has spoken: their word gives nothing back to a month.
 */
export function wronglySpent(seen: Seen, email: string, spoken: ReadonlySet<string>): string | undefined {
  const { accounts, recharges } = seen.table;
  const account = accounts.get(email);
  // A month is kept for 32 days.
  if (account?.status === undefined || account.spent[MONTH] === undefined) return undefined;
  const own = [...recharges.values()].flatMap(({ row }) => (row.email === email ? [row] : []));
  if (!own.every((row) => isFinished(row) && !spoken.has(row.key))) return undefined;
  const said = Object.values(account.spent).reduce((sum, amount) => sum + amount, -SPENT_BEFORE);
  const taken = chargesOf(seen, email).reduce(
    (sum, { charge: { amount, captures, refunds } }) => sum + amount * (captures - refunds),
    0,
  );
  return said === taken ? undefined : `the account row says ${said} was spent, and it was ${taken}`;
}

/** The charges of a client, each with the time when its recharge was received. */
function chargesOf({ table, books }: Seen, email: string): { charge: Charge; receivedAt: number }[] {
  return Object.values(books.charges).flatMap((charge) => {
    const row = table.recharges.get(charge.rechargeKey)?.row;
    return row?.email === email ? [{ charge, receivedAt: row.receivedAt }] : [];
  });
}
