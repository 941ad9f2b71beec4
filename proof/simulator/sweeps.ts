import { LATEST_VERSION } from '../../shared/recharge/recharge.ts';
import { sweeper } from '../programs.ts';
import type { Around } from '../world.ts';
import { MINUTE, SECOND } from './plan.ts';
import type { Stage } from './stage.ts';

/** The last few minutes. */
const TABLES_KEPT = 20;

/** The clock of the sweeper, and the index that it reads. */
export class Sweeps {
  readonly #stage: Stage;
  readonly #noted = new Set<number>();
  /** As they were when somebody looked for what is due. */
  readonly #tables: { at: number; table: Around['table'] }[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** A sweep begins each minute. One that would find nothing does nothing, and is left out. */
  at(time: number): void {
    const { agenda } = this.#stage.around;
    const at = Math.ceil(Math.max(time, agenda.now + 1) / MINUTE) * MINUTE;
    if (this.#noted.has(at)) return;
    this.#noted.add(at);
    agenda.at(at, () => {
      this.#noted.delete(at);
      if (!this.#isDue()) return;
      this.#stage.start('sweeper', '', sweeper, () => {
        if (this.#isDue()) this.at(agenda.now);
      });
      // Should it die, or sleep, the next minute has a sweep of its own.
      this.at(at + 1);
    });
  }

  /** The index follows the table, mostly at once. Everything else is read as it is. */
  seenBy({ port }: { port: string }): Around {
    const { around, watch } = this.#stage;
    const { world, agenda, troubles, random } = around;
    if (port !== 'ledger.due') return world;
    const { now } = agenda;
    const before = this.#tables.findLast(({ at }) => at < now - random.spread(SECOND, 10 * MINUTE));
    this.#tables.push({ at: now, table: world.table });
    this.#tables.splice(0, this.#tables.length - TABLES_KEPT);
    if (!before || !troubles.happens('stale', now)) return world;
    watch.count('the index is read as it was');
    return { ...world, table: before.table };
  }

  #isDue(): boolean {
    const { world, agenda } = this.#stage.around;
    for (const { row } of world.table.recharges.values())
      if (row.nextAttemptAt !== undefined && row.nextAttemptAt <= agenda.now && row.v <= LATEST_VERSION)
        return true;
    return false;
  }
}
