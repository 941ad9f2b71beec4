import type { Action } from '../../proof/action.ts';
import { actionsOf } from '../../proof/actions.ts';
import { firstWorld } from '../../proof/explorer.ts';
import type { Answer, Call } from '../../proof/process.ts';
import type { Scenario } from '../../proof/scenario.ts';
import type { Draft, World } from '../../proof/world.ts';

/** One step of a way: what is done, in which world. */
export interface Taken {
  world: World;
  action: Action;
}

/**
 * The ways of a scenario on which one thing is other than usual: at each step of the usual way (the first of all actions, to
 * the end) each other action, and after that the usual way again.
 *
 * @param most steps.
 */
export async function* waysOf(scenario: Scenario, most: number): AsyncGenerator<Taken[]> {
  const usual = await usuallyFrom(firstWorld(scenario), scenario, most);
  yield usual;
  for (const [index, { world }] of usual.entries()) {
    for (const action of actionsOf(world, scenario).slice(1)) {
      const before = [...usual.slice(0, index), { world, action }];
      yield [...before, ...(await usuallyFrom(await action.next(), scenario, most - before.length))];
    }
  }
}

async function usuallyFrom(start: World, scenario: Scenario, most: number): Promise<Taken[]> {
  const way: Taken[] = [];
  let world = start;
  for (
    let [action] = actionsOf(world, scenario);
    action && way.length < most;
    [action] = actionsOf(world, scenario)
  ) {
    way.push({ world, action });
    world = await action.next();
  }
  return way;
}

/** How a step says which call it makes, and how: `worker-1: ledger.write, made`; `worker-1 wakes, and makes ledger.write: made`. */
const MAKES =
  /^(?<name>[^:]*?)(?:: | falls asleep after | wakes, and makes )(?<port>[a-z]+\.[a-zA-Z]+)(?:, |: )(?<way>.+)$/;

/** @returns the call that a step makes, or undefined where it makes none. */
export function callOf({ world, action }: Taken): { call: Call<Draft>; way: string } | undefined {
  const { name, port, way } = MAKES.exec(action.say)?.groups ?? {};
  const process = world.processes.find((other) => other.name === name);
  const call = [...(process?.state.calls.values() ?? [])].find((other) => other.port === port);
  return call && way !== undefined ? { call, way } : undefined;
}

/** What the call is answered in memory. */
export function answerOf({ call, way }: { call: Call<Draft>; way: string }, { world }: Taken): Answer {
  try {
    return { value: call.make({ ...world }, way) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}
