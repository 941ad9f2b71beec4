import { Numbering, Numbers } from './numbering.ts';

/** Which worlds there are, and how one comes from one to the next. Numbers of worlds are in the order of their finding. */
export class Graph {
  readonly #worlds = new Numbering();
  readonly #parents = new Numbers();
  readonly #actions = new Numbers();
  /** The worlds that follow on each, one list after the other, and where each list begins. */
  readonly #following = new Numbers();
  readonly #begins = new Numbers();

  get states(): number {
    return this.#worlds.size;
  }

  /**
   * @param parts whole numbers, which are equal in equal worlds.
   * @param parent absent of the first world.
   * @returns whether the world is new.
   */
  find(parts: readonly number[], parent?: number, action = 0): boolean {
    const before = this.states;
    const number = this.#worlds.ofNumbers(parts);
    if (parent !== undefined) this.#following.push(number);
    if (number < before) return false;
    this.#parents.push(parent ?? 0);
    this.#actions.push(action);
    return true;
  }

  /** Worlds are expanded in the order in which they were found. @returns the number of the one that is next. */
  expanded(): number {
    this.#begins.push(this.#following.length);
    return this.#begins.length - 1;
  }

  /** @returns the number of the action at each step. */
  wayTo(world: number): number[] {
    const way: number[] = [];
    for (let at = world; at > 0; at = this.#parents.at(at) ?? 0) way.push(this.#actions.at(at) ?? 0);
    return way.reverse();
  }

  get steps(): number {
    return this.#following.length;
  }

  /**
   * Ways from the first world to a rest: from each world as many as from all that follow on it; from one that nothing follows
   * on, one.
   *
   * @throws an Error where a world comes again on one way: there is no end to that.
   */
  schedules(): number {
    const open = new Uint8Array(this.states);
    const ways = new Float64Array(this.states);
    const path: { world: number; at: number }[] = [{ world: 0, at: this.#beginOf(0) }];
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const { world } = step;
      open[world] = 1;
      const next = step.at < this.#beginOf(world + 1) ? this.#following.at(step.at) : undefined;
      if (next === undefined) {
        open[world] = 2;
        ways[world] ||= 1;
        path.pop();
        const before = path.at(-1);
        if (before) ways[before.world] = (ways[before.world] ?? 0) + (ways[world] ?? 0);
        continue;
      }
      step.at += 1;
      if (open[next] === 0) path.push({ world: next, at: this.#beginOf(next) });
      else if (open[next] === 2) ways[world] = (ways[world] ?? 0) + (ways[next] ?? 0);
      else throw new Error(`I5: world ${next} comes again and again`);
    }
    return ways[0] ?? 0;
  }

  /** One that was not expanded has no list. */
  #beginOf(world: number): number {
    return this.#begins.at(world) ?? this.#following.length;
  }
}
