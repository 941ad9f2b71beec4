import { answersFor, settlesAt, type Answer as Word } from '../shared/recharge/answers.ts';
import type { Policy } from '../shared/recharge/policy.ts';
import { grantMarkOf, grantMarkPrefixOf, type Recharge } from '../shared/recharge/recharge.ts';
import type { Switch } from './memory-charging.ts';
import type { Table } from './memory-ledger.ts';
import type { Books, Flight } from './parties.ts';
import type { Answer, ProcessState } from './process.ts';
import { idOf } from './values.ts';

/** What a person says of a recharge. */
export type Statement = { answer: Word; paymentRef?: string };

/** One that was started and has not ended. */
export interface Process {
  name: string;
  kind: 'webhook' | 'worker' | 'sweeper' | 'person';
  /** The recharge it is about; of a sweeper none. */
  key: string;
  /** Of a worker: what it was given. */
  message?: string;
  state: ProcessState<Draft>;
  /** Asleep at a call, since a time; `answer` is there if the call was made. */
  asleep?: { call: number; since: number; promisedTo: number; answer?: Answer };
}

/** What may still happen that nobody has to do. */
export interface Chances {
  faults: number;
  /** The platform sends an accepted webhook again. */
  resends: number;
  /** The queue delivers a message twice. */
  redeliveries: number;
  /** The queue delivers a message late: time goes on before. */
  delays: number;
  /** A person looks at a recharge, to answer. */
  answers: number;
  deeds: number;
  /** Somebody says that a payment has changed. */
  wakes: number;
  /** The other configuration is deployed. */
  deployments: number;
  /** The client is suspended, or enabled again. */
  accountChanges: number;
}

/** All there is at one moment, as a value. */
export interface World {
  now: number;
  table: Table;
  switch: Switch;
  queue: readonly string[];
  books: Books;
  flights: readonly Flight[];
  processes: readonly Process[];
  /** Keys of webhooks that the platform sends until they are accepted. */
  unsent: readonly string[];
  chances: Chances;
  /** Which configuration is deployed. */
  deployed: number;
  /** What a person has said that is not so. */
  lie?: string;
}

export type Draft = { -readonly [Part in keyof World]: World[Part] };

/** What the ports of a process reach of it. */
export type Around = Pick<Draft, 'now' | 'table' | 'switch' | 'queue' | 'books' | 'flights'>;

/** Numbers that are equal in equal worlds. */
export function partsOf(world: World): number[] {
  const { table, processes } = world;
  const parts = [
    world.now,
    idOf(world.switch),
    idOf(world.queue),
    idOf(world.books),
    idOf(world.flights),
    idOf(world.unsent),
    idOf(world.chances),
    world.deployed,
    idOf(world.lie),
    table.recharges.size,
  ];
  for (const { row, unanswered } of table.recharges.values()) parts.push(idOf(row), unanswered);
  for (const account of table.accounts.values()) parts.push(idOf(account));
  // Only somebody who reads an old version learns of it, which is a fault; and rows are read so by those of other recharges.
  if (world.chances.faults > 0) {
    for (const account of table.accountsBefore.values()) parts.push(idOf(account));
    if (table.recharges.size > 1) for (const kept of table.recharges.values()) parts.push(idOf(kept.before));
  }
  const standing = processes.map(({ state, asleep }) => [state.id, asleep ? idOf(asleep) + 1 : 0]);
  standing.sort(([a = 0, ofA = 0], [b = 0, ofB = 0]) => a - b || ofA - ofB);
  return [...parts, ...standing.flat()];
}

export const rowOf = ({ table }: Pick<World, 'table'>, key: string): Recharge | undefined =>
  table.recharges.get(key)?.row;

/** What really became of a recharge, by the books of both sides. */
export function truthOf({ books }: Pick<World, 'books'>, recharge: Pick<Recharge, 'key' | 'email'>) {
  const payments = Object.values(books.charges).filter(({ rechargeKey }) => rechargeKey === recharge.key);
  const prefix = grantMarkPrefixOf(recharge);
  const grants = books.grants.filter(({ mark }) => mark.startsWith(prefix));
  return {
    payments,
    grants,
    captures: payments.reduce((sum, { captures }) => sum + captures, 0),
    refunds: payments.reduce((sum, { refunds }) => sum + refunds, 0),
  };
}

/** A grant that was asked for has landed by then, or never will: it is the last moment before a person may look. */
export function landsBy(
  { table, now }: Pick<World, 'table' | 'now'>,
  mark: string,
  { settleMs }: Policy,
): number {
  const rows = [...table.recharges.values()].map(({ row }) => row);
  return (rows.find((row) => grantMarkOf(row) === mark)?.grantDeadline ?? now) + settleMs - 1;
}

/** Whether a person who looks now may answer all there is to answer. */
export const isSettled = ({ now }: Pick<World, 'now'>, row: Recharge, policy: Policy) =>
  now >= (settlesAt(row, { policy }) ?? 0);

/** What a person can say of a row, having looked into the books of both sides. */
export const truths = (world: Pick<World, 'books'>, row: Recharge) => statements(world, row, true);

/** …and not having looked. */
export const falsehoods = (world: Pick<World, 'books'>, row: Recharge) => statements(world, row, false);

function statements(world: Pick<World, 'books'>, row: Recharge, areTrue: boolean): Statement[] {
  const { captures, refunds, grants, payments } = truthOf(world, row);
  const isOpen = payments.some(({ status }) => status === 'processing' || status === 'acting');
  const isTrue: Record<Word, boolean> = {
    'confirm-charged': captures > refunds,
    'confirm-not-charged': captures === 0 && !isOpen,
    'confirm-granted': grants.length > 0,
    'confirm-not-granted': grants.length === 0,
    'retry-grant': grants.length === 0,
    refund: grants.length === 0 && refunds === 0,
    'confirm-refunded': refunds > 0,
  };
  return answersFor(row)
    .filter((answer) => isTrue[answer] === areTrue)
    .map((answer) =>
      answer === 'confirm-charged' ? { answer, paymentRef: 'seen at the provider' } : { answer },
    );
}
