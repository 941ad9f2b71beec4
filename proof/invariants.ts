import { priceOf } from '../shared/recharge/pricing.ts';
import { isFinished, type Recharge } from '../shared/recharge/recharge.ts';
import { SECRET } from './programs.ts';
import type { Scenario } from './scenario.ts';
import { isAtRest } from './time.ts';
import { rowOf, truthOf, type World } from './world.ts';

const DAY_MS = 24 * 3_600_000;

/** What must hold in each world. @returns the sentence that is not true in this one. */
export function violated(world: World, scenario: Scenario): string | undefined {
  const { orders, account } = scenario;
  for (const order of orders) {
    const found = ofRecharge(world, scenario, order);
    if (found !== undefined) return `${order.key}: ${found}`;
  }
  const cap = account.limits.monthlyAmount;
  const taken = Object.values(world.books.charges).reduce(
    (sum, { amount, captures, refunds }) => sum + amount * (captures - refunds),
    0,
  );
  const before = Object.values(account.spent).reduce((sum, amount) => sum + amount, 0);
  if (cap !== undefined && before + taken > cap)
    return `I6: ${taken} was taken of a client whose cap is ${cap}, and who had spent ${before}`;
  const barred = chargedThoughBarred(world, scenario);
  if (barred !== undefined) return barred;
  const days = (world.now - scenario.startsAt) / DAY_MS;
  return days > scenario.mostDays ? 'I5: it has not come to rest' : undefined;
}

/** A charge may be sent so long after the last look at the client, and arrive so long after that. */
const CHARGE_ARRIVES_WITHIN_MS = 2 * 3_600_000;

/** Who is suspended is not charged. A charge that was begun before may arrive late, where anything can be late. */
function chargedThoughBarred({ table, books }: World, scenario: Scenario): string | undefined {
  const { account, sleepsMs, mayFail } = scenario;
  const { status, statusChange } = table.accounts.get(account.email) ?? account;
  if (status !== 'suspended' || statusChange === undefined) return undefined;
  const mayBeLate = sleepsMs.workers.length > 0 || mayFail('payments.charge', 'unknown, made later');
  const until = statusChange.at + (mayBeLate ? CHARGE_ARRIVES_WITHIN_MS : 0);
  return Object.values(books.charges).some(({ at }) => at > until)
    ? 'I8: a client who was suspended was charged'
    : undefined;
}

export function ofRecharge(
  world: Pick<World, 'table' | 'books'>,
  scenario: Pick<Scenario, 'orders' | 'setups'>,
  order: { key: string; email: string },
): string | undefined {
  const row = rowOf(world, order.key);
  const { captures, refunds, grants, payments } = truthOf(world, order);
  if (captures > 1) return `I2: ${captures} payments were taken`;
  if (grants.length > 1) return `I1: ${grants.length} grants were made`;
  if (grants.length > 0 && captures === 0) return 'I3: granted, and never paid';
  const isGoodwill = row?.goodwillRefund !== undefined;
  if (grants.length > 0 && refunds > 0 && !isGoodwill) return 'I3: granted, and the money given back';
  if (!row) return captures > 0 ? 'I4: paid, and there is no row' : undefined;
  return lost(row, captures, refunds, grants.length) ?? differs(scenario, row, payments, grants);
}

/** The phases that say that nothing of the client's money is here. */
const WITHOUT_MONEY = ['declined', 'blocked', 'refunded'];

function lost({ phase }: Recharge, captures: number, refunds: number, grants: number): string | undefined {
  if (captures > refunds && WITHOUT_MONEY.includes(phase)) return `I4: paid, and the row is ${phase}`;
  if (phase === 'completed' && grants === 0) return 'I4: completed, and nothing was granted';
  return phase === 'refunded' && refunds === 0 ? 'I4: refunded, and the money is still there' : undefined;
}

/** What was asked for first is what is paid and granted, whatever comes later. */
function differs(
  { orders, setups }: Pick<Scenario, 'orders' | 'setups'>,
  row: Recharge,
  payments: readonly { amount: number }[],
  grants: readonly { credits: number }[],
): string | undefined {
  const asked = orders.filter(({ key, forged }) => key === row.key && !forged);
  if (asked.length === 0) return 'I8: nobody who was verified has asked for it';
  if (!asked.some(({ credits }) => credits === row.credits))
    return `I7: nobody asked for ${row.credits} credits`;
  const isPrice = (amount: number) =>
    setups.some(({ guard }) => priceOf(row.credits, guard.pricing)?.amount === amount);
  if (!payments.every(({ amount }) => isPrice(amount))) return 'I7: another amount was taken than the price';
  return grants.some(({ credits }) => credits !== row.credits) ? 'I7: other credits were granted' : undefined;
}

/**
 * What must hold where nothing is left to happen but what nobody has to do: each recharge is at its end, or a person is
 * asked; and what the account row says was spent is what was taken.
 */
export function notAtRest(world: World, scenario: Scenario): string | undefined {
  const { table, queue, processes, chances, unsent } = world;
  if (unsent.length > 0 && !scenario.orders.every(({ forged }) => forged))
    return 'I5: the webhook was never accepted';
  if (queue.length > 0) return 'I5: a message waits for ever';
  const working = processes.find(({ kind }) => kind !== 'person');
  if (working) return `I5: ${working.name} waits for ever`;
  const rows = [...table.recharges.values()].map(({ row }) => row);
  const stuck = rows.find((row) => !isAtRest(world, row));
  if (stuck) return `I5: ${stuck.key} is ${stuck.phase}, and nothing brings it on`;
  // A person's word gives nothing back to the month.
  const spoke = chances.answers < scenario.chances.answers || chances.deeds < scenario.chances.deeds;
  if (spoke || !rows.every((row) => isFinished(row) && row.review === undefined)) return undefined;
  const taken = Object.values(world.books.charges).reduce(
    (sum, { amount, captures, refunds }) => sum + amount * (captures - refunds),
    0,
  );
  const account = table.accounts.get(scenario.account.email);
  const spent = Object.values(account?.spent ?? {}).reduce((sum, amount) => sum + amount, 0);
  const before = Object.values(scenario.account.spent).reduce((sum, amount) => sum + amount, 0);
  return spent - before === taken
    ? undefined
    : `the account row says ${spent - before} was spent, and it was ${taken}`;
}

/** What no line may hold. */
export function told(lines: readonly string[], { account }: Scenario): string | undefined {
  const line = lines.find((text) => text.includes(account.email) || text.includes(SECRET));
  return line === undefined ? undefined : `I9: the log says ${line}`;
}
