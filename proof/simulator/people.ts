import { answersFor } from '../../shared/recharge/answers.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { ledgerVerbs } from '../memory-ledger.ts';
import { deed, person } from '../programs.ts';
import { rowOf } from '../world.ts';
import { DAY, HOUR, MINUTE, SECOND } from './plan.ts';
import { resultOf, type Stage } from './stage.ts';

/** Those who are asked, and those who want something by themselves. */
export class People {
  readonly #stage: Stage;
  /** For whom somebody is on their way already. */
  readonly #visited = new Set<string>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    const { plan, around } = this.#stage;
    for (const at of plan.deeds) around.agenda.at(at, () => this.#want());
  }

  changed(row: Recharge): void {
    const isImpatient = row.phase === 'charged' && this.#stage.around.random.chance(0.02);
    if (row.review !== undefined || isImpatient || (answersFor(row).length > 0 && row.phase !== 'charged'))
      this.#visit(row.key);
  }

  /** Somebody who is asked comes after hours or days, and again if that settled nothing. */
  #visit(key: string): void {
    if (this.#visited.has(key)) return;
    this.#visited.add(key);
    const { around, watch } = this.#stage;
    const { agenda, random, world } = around;
    const left = (said: unknown) => {
      this.#visited.delete(key);
      watch.count(`a person looks: ${said ?? 'storage did not answer'}`);
      const row = rowOf(world, key);
      if (row && answersFor(row).length > 0 && row.phase !== 'charged') this.#visit(key);
    };
    agenda.in(random.spread(random.chance(0.5) ? SECOND : HOUR, random.chance(0.5) ? HOUR : 3 * DAY), () =>
      this.#stage.start(
        'person',
        key,
        (name, setup) => person(name, key, setup),
        (end) => left(resultOf(end)),
      ),
    );
  }

  /** A person wants something of whichever recharge came last, or its client is suspended for some hours. */
  #want(): void {
    const { around, watch } = this.#stage;
    const { world, random, agenda } = around;
    const rows = [...world.table.recharges.values()].slice(-4);
    if (rows.length === 0) return;
    const { key, email } = random.pick(rows).row;
    const what = random.pick(['stop', 'retry', 'give back', 'suspend', 'answer'] as const);
    watch.count(`a person wants to ${what}`);
    watch.tell(key, `a person wants to ${what}`);
    if (what === 'suspend') {
      this.#setStatus(email, 'suspended');
      agenda.in(random.spread(MINUTE, 3 * DAY), () => this.#setStatus(email, 'active'));
    } else if (what === 'answer') this.#visit(key);
    else this.#stage.start('person', key, (name, setup) => deed(name, key, what, setup));
  }

  #setStatus(email: string, status: 'active' | 'suspended'): void {
    const { world, agenda } = this.#stage.around;
    const verbs = ledgerVerbs(world);
    const read = verbs.readAccount(email);
    if (read.status === undefined || read.status === 'disabled') return;
    const statusChange = { at: agenda.now, note: 'a person wants it' };
    verbs.writeAccount(read, { ...read, status, statusChange });
  }
}
