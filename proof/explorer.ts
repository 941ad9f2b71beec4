import { type Action, actionsOf } from './actions.ts';
import { notAtRest, told, violated } from './invariants.ts';
import { SWITCHED_ON } from './memory-charging.ts';
import { EMPTY_TABLE } from './memory-ledger.ts';
import { EMPTY_BOOKS } from './parties.ts';
import type { Scenario } from './scenario.ts';
import { nameOf, type World } from './world.ts';

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
  graph.find(nameOf(first), -1, 0);
  let layer = [first];
  let deepest = 0;
  for (; layer.length > 0; deepest += 1) {
    const nextLayer: World[] = [];
    for (const world of layer) {
      const { actions, found } = await look(world, scenario);
      const from = graph.expanded();
      if (found !== undefined) {
        const story = await tell(graph.wayTo(from), scenario);
        return { ...graph.counts(), deepest, violation: { what: found, story }, complete: false };
      }
      for (const [index, action] of actions.entries()) {
        const next = await action.next();
        if (graph.find(nameOf(next), from, index)) nextLayer.push(next);
      }
      if (graph.states >= limit) return { ...graph.counts(), deepest, complete: false };
      if (progress && from % 10_000 === 0) progress(graph.states, deepest);
    }
    layer = nextLayer;
  }
  return { ...graph.counts(), deepest: deepest - 1, complete: true };
}

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

function firstWorld({ startsAt, account, orders, chances }: Scenario): World {
  return {
    now: startsAt,
    table: { ...EMPTY_TABLE, accounts: new Map([[account.email, account]]) },
    switch: SWITCHED_ON,
    queue: [],
    books: EMPTY_BOOKS,
    flights: [],
    processes: [],
    started: 0,
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

/** A map holds 16.7 million. */
const NAMES_A_MAP = 16_000_000;

/** Which worlds there are, and how one comes from one to the next. Numbers of worlds are in the order of their finding. */
class Graph {
  readonly #numbers = [new Map<string, number>()];
  readonly #parents: number[] = [];
  readonly #actions: number[] = [];
  /** The worlds that follow on each, one list after the other, and where each list begins. */
  readonly #following: number[] = [];
  readonly #begins: number[] = [];

  get states(): number {
    return this.#parents.length;
  }

  /** @returns whether the world is new. */
  find(name: string, parent: number, action: number): boolean {
    const known = this.#numberOf(name);
    if (parent >= 0) this.#following.push(known ?? this.states);
    if (known !== undefined) return false;
    this.#add(name);
    this.#parents.push(parent);
    this.#actions.push(action);
    return true;
  }

  /** Worlds are expanded in the order in which they were found. @returns the number of the one that is next. */
  expanded(): number {
    this.#begins.push(this.#following.length);
    return this.#begins.length - 1;
  }

  wayTo(world: number): number[] {
    const way: number[] = [];
    for (let at = world; at > 0; at = this.#parents[at] ?? 0) way.push(this.#actions[at] ?? 0);
    return way.reverse();
  }

  counts(): Pick<Explored, 'states' | 'steps' | 'schedules'> {
    return { states: this.states, steps: this.#following.length, schedules: this.#schedules() };
  }

  #numberOf(name: string): number | undefined {
    for (const numbers of this.#numbers) {
      const known = numbers.get(name);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  #add(name: string): void {
    const last = this.#numbers.at(-1);
    if (last && last.size < NAMES_A_MAP) last.set(name, this.states);
    else this.#numbers.push(new Map([[name, this.states]]));
  }

  /** From each world as many as from all that follow on it; from one that nothing follows on, one. */
  #schedules(): number {
    const open = new Uint8Array(this.states);
    const ways = new Float64Array(this.states);
    const path: { world: number; at: number }[] = [{ world: 0, at: this.#begins[0] ?? 0 }];
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const { world } = step;
      open[world] = 1;
      const end = this.#begins[world + 1] ?? this.#following.length;
      const next = step.at < end ? this.#following[step.at] : undefined;
      if (next === undefined) {
        open[world] = 2;
        ways[world] ||= 1;
        path.pop();
        const before = path.at(-1);
        if (before) ways[before.world] = (ways[before.world] ?? 0) + (ways[world] ?? 0);
        continue;
      }
      step.at += 1;
      if (open[next] === 0) path.push({ world: next, at: this.#begins[next] ?? this.#following.length });
      else if (open[next] === 2) ways[world] = (ways[world] ?? 0) + (ways[next] ?? 0);
      else throw new Error(`I5: world ${next} comes again and again`);
    }
    return ways[0] ?? 0;
  }
}
