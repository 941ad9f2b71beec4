import type { Recharge } from '../../shared/recharge/recharge.ts';
import type { Around } from '../world.ts';
import { OtherSides } from './other-sides.ts';
import { People } from './people.ts';
import type { Plan } from './plan.ts';
import { Queue } from './queue.ts';
import type { Surroundings } from './running.ts';
import { Sender } from './sender.ts';
import { Stage } from './stage.ts';
import { Sweeps } from './sweeps.ts';
import { Versions } from './versions.ts';
import type { Watch } from './watch.ts';

/** Everything that starts a process, or does something by itself. */
export class Actors {
  readonly #sender: Sender;
  readonly #queue: Queue;
  readonly #sweeps: Sweeps;
  readonly #people: People;
  readonly #versions: Versions;
  readonly #otherSides: OtherSides;

  constructor(plan: Plan, around: Surroundings, watch: Watch) {
    const stage = new Stage(plan, around, watch);
    this.#sender = new Sender(stage);
    this.#queue = new Queue(stage);
    this.#sweeps = new Sweeps(stage);
    this.#people = new People(stage);
    this.#versions = new Versions(stage);
    this.#otherSides = new OtherSides(stage, this.#queue);
  }

  /** Notes everything that was planned. */
  begin(): void {
    for (const actor of [this.#sender, this.#versions, this.#people, this.#otherSides]) actor.begin();
  }

  /** After each step: what it set off. */
  stepped(): void {
    this.#queue.stepped();
    this.#otherSides.stepped();
  }

  seenBy(call: { port: string }): Around {
    return this.#sweeps.seenBy(call);
  }

  /** The row was written, or swept. */
  changed(row: Recharge): void {
    if (row.nextAttemptAt !== undefined) this.#sweeps.at(row.nextAttemptAt);
    this.#people.changed(row);
  }
}
