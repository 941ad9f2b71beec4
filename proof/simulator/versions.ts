import { LATEST_VERSION, type Recharge, SCHEMA_VERSION } from '../../shared/recharge/recharge.ts';
import { rowOf } from '../world.ts';
import type { Stage } from './stage.ts';

/** Another configuration, the version before this one, and a later one. */
export class Versions {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  begin(): void {
    const { plan, around } = this.#stage;
    const { agenda } = around;
    const { deployments, laterVersions, upgradedAt } = plan;
    for (const { at, setup } of deployments) agenda.at(at, () => this.#stage.deploy(setup));
    for (const { from, to } of laterVersions) agenda.at(from, () => this.#writeLater(to));
    if (upgradedAt !== undefined) agenda.at(upgradedAt, () => this.#upgrade());
  }

  /** Of all that stands there, this version finds what the one before wrote: rows of that version, which knew no counterparty. */
  #upgrade(): void {
    const { around, watch } = this.#stage;
    for (const { row } of around.world.table.recharges.values()) {
      if (row.v > LATEST_VERSION) continue;
      const { paymentParty: _, platformParty: __, ...known } = row;
      watch.count('a row of the version before is found');
      watch.tell(row.key, 'this version is deployed, and finds the row of the one before');
      this.#stage.put({ ...known, v: SCHEMA_VERSION - 1, version: row.version + 1 });
    }
  }

  /** What a later version wrote stays as it is until that version comes again. */
  #writeLater(to: number): void {
    const { around, watch } = this.#stage;
    const { world, agenda, random } = around;
    const open = [...world.table.recharges.values()].filter(({ row }) => row.nextAttemptAt !== undefined);
    for (const kept of open.slice(0, random.between(1, 3))) {
      const { key, v, version } = kept.row;
      const row: Recharge = { ...kept.row, v: LATEST_VERSION + 1, version: version + 1 };
      if (v > LATEST_VERSION) continue;
      watch.count('a later version writes a row');
      watch.tell(key, 'a later version writes the row');
      this.#stage.put(row);
      agenda.at(to, () => {
        if (rowOf(world, key) !== row) watch.violated('a row of a later version was written', key);
        watch.tell(key, 'the later version writes the row as we know it');
        this.#stage.put({ ...row, v, version: row.version + 1 });
      });
    }
  }
}
