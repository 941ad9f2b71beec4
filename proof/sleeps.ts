import {
  type Action,
  type Call,
  faultsOf,
  goesOn,
  makeCall,
  replace,
  setupOf,
  spend,
  waysOf,
} from './action.ts';
import type { Answer, ProcessState } from './process.ts';
import type { Setup } from './programs.ts';
import type { Scenario } from './scenario.ts';
import { type Draft, landsBy, type Process, type World } from './world.ts';

const HOUR = 3_600_000;

const CHARGE = 'payments.charge';
const GRANT = 'platform.grant';

/** It dies or falls asleep, before the call or after it. To die after a call is to die before the next one. */
export function interruptions(
  world: World,
  process: Process,
  call: number,
  made: Call,
  scenario: Scenario,
  ways: readonly string[],
): Action[] {
  const chances = spend(world.chances, 'faults');
  const say = (what: string) => `${process.name} ${what} ${made.port}`;
  const dies: Action = {
    say: say('dies before'),
    next() {
      const draft: Draft = { ...world, chances };
      replace(draft, process, undefined);
      return draft;
    },
  };
  if (process.kind === 'person') return [];
  const mayDie = scenario.mayFail(made.port, 'dies') ? [dies] : [];
  if (sleepsOf(process, scenario).length === 0 || !scenario.mayFail(made.port, 'sleeps')) return mayDie;
  const before: Action = {
    say: say('falls asleep before'),
    next() {
      const draft: Draft = { ...world, chances };
      const promisedTo = promisedFor(world, made, setupOf(world, scenario));
      replace(draft, process, { ...process, asleep: { call, since: world.now, promisedTo } });
      return draft;
    },
  };
  const after = ways.map(
    (way): Action => ({
      say: `${say('falls asleep after')}, ${way}`,
      next() {
        const draft: Draft = { ...world, chances };
        return asleepAfter(draft, process, call, makeCall(draft, made, way), sleepsOf(process, scenario));
      },
    }),
  );
  return [...mayDie, before, ...after];
}

/**
 * Who would only end, whenever it wakes, is as good as dead. And where a process does not look at the clock before its next call,
 * it makes no difference on which side of that it sleeps, but to the promise about the bytes of a charge or grant.
 */
async function asleepAfter(
  draft: Draft,
  process: Process,
  call: number,
  answer: Answer,
  sleepsMs: readonly number[],
) {
  const { state } = process;
  const since = draft.now;
  const reached = await state.hear(call, answer, since);
  const [next, ...others] = reached.calls;
  const isSameBeforeNext =
    next && others.length === 0 && !reached.lookedAtClock && ![CHARGE, GRANT].includes(next[1].port);
  if (reached.end && (await endsAlways(state, call, answer, since, sleepsMs)))
    replace(draft, process, undefined);
  else if (isSameBeforeNext)
    replace(draft, process, {
      ...process,
      state: reached,
      asleep: { call: next[0], since, promisedTo: Number.POSITIVE_INFINITY },
    });
  else
    replace(draft, process, {
      ...process,
      asleep: { call, since, promisedTo: Number.POSITIVE_INFINITY, answer },
    });
  return draft;
}

async function endsAlways(
  state: ProcessState<Draft>,
  call: number,
  answer: Answer,
  since: number,
  sleepsMs: readonly number[],
) {
  for (const ms of sleepsMs) if (!(await state.hear(call, answer, since + ms)).end) return false;
  return true;
}

/** A webhook and a sweeper have no deadline of their own: what matters is what others have done by the time they wake. */
export const sleepsOf = ({ kind }: Process, { sleepsMs }: Scenario) =>
  kind === 'worker' ? sleepsMs.workers : sleepsMs.others;

/** Whoever sleeps may wake at any moment after the shortest sleep, and makes the call now, or goes on with its answer. */
export function wakes(
  world: World,
  process: Process,
  { call: number, since, promisedTo, answer }: NonNullable<Process['asleep']>,
  scenario: Scenario,
): Action[] {
  const call = process.state.calls.get(number);
  const [shortest = 0] = sleepsOf(process, scenario);
  if (!call || world.now < since + shortest) return [];
  const ordinary = answer ? ['made'] : waysOf(call, scenario);
  const faults = answer || world.chances.faults === 0 ? [] : faultsOf(call, scenario);
  return [...ordinary, ...faults].map((way) => ({
    say: `${process.name} wakes${answer ? '' : `, and makes ${call.port}: ${way}`}`,
    next() {
      const draft: Draft = { ...world };
      if (answer) return goesOn(draft, process, process.state.hear(number, answer, world.now));
      if (faults.includes(way)) draft.chances = spend(draft.chances, 'faults');
      // Between the last look at the clock and the bytes nothing can be known. What is promised ends here.
      if (world.now > promisedTo) {
        replace(draft, process, undefined);
        return draft;
      }
      return goesOn(draft, process, process.state.hear(number, makeCall(draft, call, way), world.now));
    },
  }));
}

/** How long after this moment a call, if it is made, does what is promised. */
export function promisedFor(
  world: Pick<World, 'table' | 'now'>,
  { port, given }: Pick<Call, 'port' | 'given'>,
  { policy }: Setup,
): number {
  if (port === CHARGE) return world.now + HOUR;
  return port === GRANT ? landsBy(world, String(given[0]), policy) : Number.POSITIVE_INFINITY;
}
