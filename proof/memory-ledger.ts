import { isDeepStrictEqual } from 'node:util';
import { type Account, unknownAccount } from '../shared/recharge/account.ts';
import type { DueRecharge, Ledger, Swept, WaitsFor } from '../shared/recharge/ledger.ts';
import { isGivingBack } from '../shared/recharge/machine/goodwill.ts';
import { LATEST_VERSION, type Recharge, SCHEMA_VERSION } from '../shared/recharge/recharge.ts';
import { NewerRowError, type Page, type Written } from '../shared/storage/table.ts';

/** A recharge as it is kept, with the one count of the sweeper that no reader sees. */
interface Kept {
  row: Recharge;
  unanswered: number;
  /** As it was before its last write. Absent where there was none. */
  before?: Recharge;
}

/** All recharges and accounts at one moment. A value: a verb makes another one, so that an explorer can go back. */
export interface Table {
  recharges: ReadonlyMap<string, Kept>;
  accounts: ReadonlyMap<string, Account>;
  /** As each was before its last write. */
  accountsBefore: ReadonlyMap<string, Account>;
}

export const EMPTY_TABLE: Table = { recharges: new Map(), accounts: new Map(), accountsBefore: new Map() };

/** What an eventual read may find: each row and account as it was before its last write, if it was there. */
export function before({ recharges, accountsBefore }: Table): Table {
  const rows = [...recharges].flatMap(([key, kept]): [string, Kept][] =>
    kept.before ? [[key, { row: kept.before, unanswered: 0 }]] : [],
  );
  return { recharges: new Map(rows), accounts: accountsBefore, accountsBefore };
}

/** A port whose verbs answer at once. */
export type AtOnce<Port> = {
  [Verb in keyof Port]: Port[Verb] extends (...given: infer Given) => Promise<infer Answer>
    ? (...given: Given) => Answer
    : never;
};

/** The ledger in memory: the verbs of the one on DynamoDB, which the contract suite holds equal. */
export function createMemoryLedger(holder: { table: Table }): Ledger {
  const verbs = ledgerVerbs(holder);
  return {
    claim: async (row) => verbs.claim(row),
    read: async (key) => verbs.read(key),
    write: async (read, next) => verbs.write(read, next),
    readAccount: async (email) => verbs.readAccount(email),
    writeAccount: async (read, next) => verbs.writeAccount(read, next),
    due: async (waitsFor, until, cursor) => verbs.due(waitsFor, until, cursor),
    postpone: async (due, to) => verbs.postpone(due, to),
  };
}

/** @param holder has the table as it is now, and gets the next one. */
export function ledgerVerbs(holder: { table: Table }): AtOnce<Ledger> {
  const keep = (row: Recharge, unanswered: number) => {
    const there = holder.table.recharges.get(row.key)?.row;
    const kept = { row: frozen(row), unanswered, ...(there ? { before: there } : {}) };
    const recharges = new Map(holder.table.recharges).set(row.key, kept);
    holder.table = { ...holder.table, recharges };
  };
  const standing = (key: string): Kept | undefined => {
    const kept = holder.table.recharges.get(key);
    if (kept && kept.row.v > LATEST_VERSION) throw new NewerRowError(key, kept.row.v, LATEST_VERSION);
    return kept;
  };

  return {
    claim(row): Written<Recharge> {
      const kept = standing(row.key);
      if (kept) return { kind: 'conflict', row: kept.row };
      keep(row, 0);
      return { kind: 'written', row };
    },

    read: (key) => standing(key)?.row,

    write(read, next): Written<Recharge> {
      const there = holder.table.recharges.get(read.key);
      if (there?.row.version !== read.version) {
        const kept = standing(read.key);
        if (!kept) throw new Error(`No recharge is stored under the key ${read.key}.`);
        return { kind: 'conflict', row: kept.row };
      }
      const v = isGivingBack(next) ? LATEST_VERSION : SCHEMA_VERSION;
      const row: Recharge = { ...next, v, version: read.version + 1 };
      // The sweeper's count goes with each write, also where it was not read, unless it is meant to stay.
      keep(changed(there.row, { swept: 0, ...read }, row), 0);
      return { kind: 'written', row };
    },

    readAccount: (email) => holder.table.accounts.get(email) ?? unknownAccount(email),

    writeAccount(read, next): Written<Account> {
      const kept = holder.table.accounts.get(read.email) ?? unknownAccount(read.email);
      if (kept.revision !== read.revision) return { kind: 'conflict', row: kept };
      const row: Account = { ...next, revision: read.revision + 1 };
      const accounts = new Map(holder.table.accounts).set(row.email, frozen(changed(kept, read, row)));
      const accountsBefore = new Map(holder.table.accountsBefore).set(row.email, kept);
      holder.table = { ...holder.table, accounts, accountsBefore };
      return { kind: 'written', row };
    },

    due: (waitsFor, until, cursor) => pageOf(holder.table, waitsFor, until, cursor),

    postpone({ key, nextAttemptAt }, to): Swept | undefined {
      const kept = standing(key);
      if (kept?.row.nextAttemptAt !== nextAttemptAt) return undefined;
      const swept = (kept.row.swept ?? 0) + 1;
      const unanswered = kept.unanswered + 1;
      keep({ ...kept.row, nextAttemptAt: to, swept }, unanswered);
      return { swept, unanswered };
    },
  };
}

/** What stands there, with what differs between two values, and nothing else, changed. */
function changed<Row extends object>(there: Row, before: Row, after: Row): Row {
  const row = { ...there };
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const value: unknown = Reflect.get(after, name);
    if (isDeepStrictEqual(Reflect.get(before, name), value)) continue;
    if (value === undefined) Reflect.deleteProperty(row, name);
    else Reflect.set(row, name, value);
  }
  return row;
}

/** As the table's index gives them. */
const PAGE_SIZE = 100;

function pageOf({ recharges }: Table, waitsFor: WaitsFor, until: number, cursor = '0'): Page<DueRecharge> {
  const due = [...recharges.values()].flatMap(({ row: { key, nextAttemptAt, review } }) => {
    const isHere = (review === undefined ? 'time' : 'person') === waitsFor;
    return isHere && nextAttemptAt !== undefined && nextAttemptAt <= until ? [{ key, nextAttemptAt }] : [];
  });
  const start = Number(cursor);
  const end = start + PAGE_SIZE;
  const sorted = due.sort((a, b) => a.nextAttemptAt - b.nextAttemptAt || (a.key < b.key ? -1 : 1));
  return { items: sorted.slice(start, end), ...(end < sorted.length ? { cursor: String(end) } : {}) };
}

/** Whoever changed a row that is kept would change other worlds, too. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}
