import type { Page, Written } from '../storage/table.ts';
import type { Account } from './account.ts';
import type { Recharge } from './recharge.ts';

/** What brings a row on: time alone, or a person's word. Those for a person are few, and counted. */
export type WaitsFor = 'time' | 'person';

export interface DueRecharge {
  key: string;
  nextAttemptAt: number;
}

/** What a sweep leaves on a row. */
export interface Swept {
  /** Sweeps since the row last made progress. */
  swept: number;
  /** Sweeps since anybody last wrote the row, this one included. */
  unanswered: number;
}

/**
 * How new an answer is. `strong`: it holds every write that ended before the question. `eventual`: it may be one of a
 * moment ago, for half a read unit. Only what an old answer cannot make wrong may follow from that one.
 */
export type Consistency = 'strong' | 'eventual';

/**
 * Where recharges and accounts are kept: seven verbs, each one conditional write or one read of a single item, which is
 * consistent unless it is asked for otherwise. (`due` reads an index: what it names is read again before anything is
 * decided.)
 *
 * A verb throws when storage did not answer; then nobody knows whether its write happened, and the
 * caller reads the row again.
 */
export interface Ledger {
  /** Puts the row of a new key. `conflict`: the key is known, here is its row. */
  claim(row: Recharge): Promise<Written<Recharge>>;
  /** @throws NewerRowError for a row of a later version of this program. */
  read(key: string, consistency?: Consistency): Promise<Recharge | undefined>;
  /** Writes what differs between the row that was read and `next`, if the row is still the one that was read. */
  write(read: Recharge, next: Recharge): Promise<Written<Recharge>>;
  readAccount(email: string, consistency?: Consistency): Promise<Account>;
  writeAccount(read: Account, next: Account): Promise<Written<Account>>;
  /** Rows whose next attempt is due at a time, the most overdue first: unfinished ones, and those looked at late. */
  due(waitsFor: WaitsFor, until: number, cursor?: string): Promise<Page<DueRecharge>>;
  /**
   * Moves a due row on before it is queued, unless someone else did.
   *
   * @returns undefined where it had moved already.
   * @throws NewerRowError for a row of a later version of this program, which stays as it is.
   */
  postpone(due: DueRecharge, to: number): Promise<Swept | undefined>;
}
