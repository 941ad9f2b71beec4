import type { Recharge } from '../../shared/recharge/recharge.ts';
import type { Answer, Program } from '../process.ts';
import type { Setup } from '../programs.ts';
import type { Around } from '../world.ts';
import { DAY, MINUTE, type Plan, SECOND } from './plan.ts';
import { type About, Running, type Surroundings } from './running.ts';
import type { Watch } from './watch.ts';

/** Timeouts of the functions. A person has none. */
const RUNS_MS = { webhook: 10 * SECOND, sweeper: 50 * SECOND, worker: MINUTE, person: 100 * DAY };

/** How a process has ended. */
export type End = Answer | 'died';

/** @returns what the process returned; undefined where it died or threw. */
export const resultOf = (end: End): unknown => (end !== 'died' && 'value' in end ? end.value : undefined);

/** What all who act in a simulation have in common: the plan, the world, who watches, and how a process begins. */
export class Stage {
  readonly plan: Plan;
  readonly around: Surroundings;
  readonly watch: Watch;
  #deployed = 0;
  #started = 0;

  constructor(plan: Plan, around: Surroundings, watch: Watch) {
    this.plan = plan;
    this.around = around;
    this.watch = watch;
  }

  /** With which processes begin now. */
  get setup(): Setup {
    return this.plan.setups[this.#deployed] ?? this.plan.setups[0];
  }

  deploy(setup: number): void {
    this.#deployed = setup;
    this.watch.count(`setup ${setup} is deployed`);
    this.watch.tell('', `setup ${setup} is deployed`);
  }

  start(
    kind: About['kind'],
    key: string,
    programOf: (name: string, setup: Setup) => Program<Around>,
    ended: (end: End) => void = () => {},
  ): void {
    this.#started += 1;
    const { setup, around } = this;
    const name = `${kind}-${this.#started}`;
    const mostMs = this.plan.isLambda ? RUNS_MS[kind] : RUNS_MS.person;
    new Running(name, { kind, key, setup, mostMs }, around, ended).start(programOf(name, setup));
  }

  /** Past the ledger, as another version of the program would write. */
  put(row: Recharge): void {
    const { world } = this.around;
    const kept = world.table.recharges.get(row.key);
    const recharges = new Map(world.table.recharges).set(row.key, { unanswered: 0, ...kept, row });
    world.table = { ...world.table, recharges };
    this.watch.look();
  }
}
