import type { Action } from './action.ts';
import { actionsOf } from './actions.ts';
import { Graph } from './graph.ts';
import { notAtRest, told, violated } from './invariants.ts';
import { SWITCHED_ON } from './memory-charging.ts';
import { EMPTY_TABLE } from './memory-ledger.ts';
import { EMPTY_BOOKS } from './parties.ts';
import type { Scenario } from './scenario.ts';
import { partsOf, type World } from './world.ts';

export interface Explored {
  /** Different worlds, and the steps between them. */
  states: number;
  steps: number;
  /** Ways from the beginning to a rest. Two that differ in one step are two. */
  schedules: number;
  /** Steps of the longest way on which no world comes twice. */
  deepest: number;
  /** The shortest way to a world in which something does not hold. */
  violation?: { what: string; story: string[] };
  /** Where a person says what is not so: each such word, and what is lost by it, if anything is. */
  lies: { said: string; lost?: string; steps?: number }[];
  /** False where the limit came first. */
  complete: boolean;
}

/**
 * Comes to every world that the scenario can lead to, each once, those of few steps first. So the first violation that is
 * found has the shortest story.
 *
 * @param options.limit of states.
 * @param options.progress is called now and then.
 */
export async function explore(
  scenario: Scenario,
  {
    limit = Number.POSITIVE_INFINITY,
    progress,
  }: { limit?: number; progress?: (states: number, depth: number) => void } = {},
): Promise<Explored> {
  const graph = new Graph();
  const first = firstWorld(scenario);
  graph.find(partsOf(first));
  let layer = [first];
  let deepest = 0;
  const lies = new Map<string, { lost?: string; steps?: number }>();
  const all = () => ({ ...countsOf(graph), lies: [...lies].map(([said, loss]) => ({ said, ...loss })) });
  for (; layer.length > 0; deepest += 1) {
    const nextLayer: World[] = [];
    for (const world of layer) {
      const { actions, found } = await look(world, scenario);
      const from = graph.expanded();
      const { lie } = world;
      if (lie !== undefined && !lies.has(lie)) lies.set(lie, {});
      if (lie !== undefined && found !== undefined) {
        if (lies.get(lie)?.lost === undefined) lies.set(lie, { lost: found, steps: deepest });
        continue;
      }
      if (found !== undefined) {
        const story = await tell(graph.wayTo(from), scenario);
        return { ...all(), deepest, violation: { what: found, story }, complete: false };
      }
      for (const [index, action] of actions.entries()) {
        const next = await action.next();
        // Nothing came of it.
        if (next === world) continue;
        if (graph.find(partsOf(next), from, index)) nextLayer.push(next);
      }
      if (graph.states >= limit) return { ...all(), deepest, complete: false };
      if (progress && from % 10_000 === 0) progress(graph.states, deepest);
    }
    layer = nextLayer;
  }
  return { ...all(), deepest: deepest - 1, complete: true };
}

const countsOf = (graph: Graph) => ({
  states: graph.states,
  steps: graph.steps,
  schedules: graph.schedules(),
});

async function look(world: World, scenario: Scenario): Promise<{ actions: Action[]; found?: string }> {
  const actions = actionsOf(world, scenario);
  const broken = violated(world, scenario) ?? saidTooMuch(world, scenario);
  if (broken !== undefined) return { actions, found: broken };
  const atRest = actions.every(({ isOptional }) => isOptional);
  const stuck = atRest ? notAtRest(world, scenario) : undefined;
  return stuck === undefined ? { actions } : { actions, found: stuck };
}

function saidTooMuch({ processes }: World, scenario: Scenario): string | undefined {
  for (const { state } of processes) {
    const found = told(state.lines, scenario);
    if (found !== undefined) return found;
  }
  return undefined;
}

export function firstWorld({ startsAt, account, orders, chances }: Scenario): World {
  return {
    now: startsAt,
    table: { ...EMPTY_TABLE, accounts: new Map([[account.email, account]]) },
    switch: SWITCHED_ON,
    queue: [],
    books: EMPTY_BOOKS,
    flights: [],
    processes: [],
    unsent: [...new Set(orders.filter(({ forged }) => !forged).map(({ key }) => key))],
    chances,
    deployed: 0,
  };
}

/** @param way the number of the action at each step. */
async function tell(way: number[], scenario: Scenario): Promise<string[]> {
  const story: string[] = [];
  let world = firstWorld(scenario);
  for (const index of way) {
    const action = actionsOf(world, scenario)[index];
    if (!action) throw new Error('Bug! The same world has other actions.');
    story.push(action.say);
    world = await action.next();
  }
  return story;
}
