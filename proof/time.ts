import { settlesAt } from '../shared/recharge/answers.ts';
import { isFinished, type Recharge, waitingSince } from '../shared/recharge/recharge.ts';
import { type Action, setupOf, spend } from './action.ts';
import type { Scenario } from './scenario.ts';
import { sleepsOf } from './sleeps.ts';
import type { Draft, World } from './world.ts';

const HOUR = 3_600_000;

/** Time passes where nobody is at work, or where the queue is slow. It goes to the next moment at which something is due. */
export function timePasses(world: World, scenario: Scenario): Action[] {
  const { processes, queue, chances, now } = world;
  const atWork = processes.some(({ kind, asleep }) => kind !== 'person' && !asleep);
  if (atWork || isDue(world)) return [];
  const isLate = queue.length > 0;
  if (isLate && chances.delays === 0) return [];
  const to = Math.min(...moments(world, scenario).filter((moment) => moment > now));
  if (to === Number.POSITIVE_INFINITY) return [];
  const draft: Draft = { ...world, now: to };
  if (isLate) draft.chances = spend(chances, 'delays');
  // A process cannot sleep past the last time at which it may wake, nor a request be on its way longer than it may.
  const isForced =
    world.flights.some(({ by }) => by < to) ||
    processes.some(
      (process) => process.asleep && process.asleep.since + (sleepsOf(process, scenario).at(-1) ?? 0) < to,
    );
  return isForced ? [] : [{ say: `it is ${new Date(to).toISOString()}`, next: () => draft }];
}

function moments(world: World, scenario: Scenario): number[] {
  const { policy } = setupOf(world, scenario);
  const ofRows = [...world.table.recharges.values()].flatMap(({ row }) =>
    isAtRest(world, row)
      ? []
      : [row.nextAttemptAt ?? Number.POSITIVE_INFINITY, settlesAt(row, { policy }) ?? 0],
  );
  const ofSleepers = world.processes.flatMap((process) => {
    const { asleep } = process;
    return asleep ? sleepsOf(process, scenario).map((ms) => asleep.since + ms) : [];
  });
  return [...ofRows, ...ofSleepers, ...world.flights.map(({ by }) => by)];
}

/** A day and an hour: one reminder. After that nothing new happens before a person speaks. */
const REMINDED_ONCE_MS = 25 * HOUR;

/** Whether nothing brings the row on any more but a person. */
export const isAtRest = ({ now }: Pick<World, 'now'>, row: Recharge) =>
  row.review === undefined
    ? isFinished(row) && row.nextAttemptAt === undefined
    : now > waitingSince(row) + REMINDED_ONCE_MS;

export const isDue = ({ table, now }: World) =>
  [...table.recharges.values()].some(({ row }) => (row.nextAttemptAt ?? Number.POSITIVE_INFINITY) <= now);
