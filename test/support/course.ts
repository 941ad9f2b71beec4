import { expect, onTestFinished } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { type Answer, applyAnswer, settlesAt } from '../../shared/recharge/answers.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { isFinished, type Recharge } from '../../shared/recharge/recharge.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import type { Around } from './ports.ts';
import { type Store, useLedger } from './store.ts';
import { ALL_IN_MEMORY, createWorld, PAYMENTS, type World, type WorldOptions } from './world.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What the books of both sides hold when a recharge rests. */
export const NOTHING = { captures: 0, refunds: 0, grants: 0 };
export const PAID = { captures: 1, refunds: 0, grants: 0 };
export const GRANTED = { captures: 1, refunds: 0, grants: 1 };
export const REFUNDED = { captures: 1, refunds: 1, grants: 0 };

/** Short, where a call is left without an answer: real time passes then. */
export const IMPATIENT = { callTimeoutMs: 500 };

interface Worlds {
  /** Of the running test: its table, or that the world is in memory. */
  store: () => Store & Pick<WorldOptions, 'inMemory'>;
  worldWith: (options?: WorldOptions) => Promise<World>;
}

/**
 * One engine for the tests of a file.
 *
 * @returns `store` gives the running test its table; `worldWith` makes a world on it, with one claimed recharge.
 */
export const useWorlds = (always: WorldOptions = {}): Worlds =>
  worldsOn(ALL_IN_MEMORY ? storeNowhere() : useLedger(), always);

/**
 * Worlds whose rows are in memory in `npm test`, and on the engine in `npm run test:stripe`: for what is about the course of
 * a recharge, and asks for nothing that only storage does. A contract suite holds both equal.
 */
export const useQuickWorlds = (always: WorldOptions = {}): Worlds =>
  PAYMENTS === 'stripe' ? useWorlds(always) : worldsOn(storeNowhere(), always);

/** For what asks for a store and keeps nothing there. */
function storeNowhere(): Worlds['store'] {
  const client = createDocumentClient(engineAt('http://127.0.0.1:9'));
  const store = { client, table: 'nowhere', ledger: createDynamoLedger(client, 'nowhere'), inMemory: true };
  return () => store;
}

function worldsOn(store: Worlds['store'], always: WorldOptions): Worlds {
  return {
    store,
    async worldWith(options = {}) {
      const world = await createWorld(store(), { ...always, ...options });
      onTestFinished(world.close);
      await world.claim();
      return world;
    },
  };
}

/** The sweeper finds the row due, and a new process is woken for it. */
export async function nextRun(world: World, around?: Around): Promise<Recharge> {
  world.moveTo((await world.row()).nextAttemptAt ?? 0);
  await world.start().sweeper();
  return world.start(around).run();
}

/** Until the row has ended, or a person is asked. */
export async function toRest(world: World): Promise<Recharge> {
  for (let runs = 0; runs < 10; runs += 1) {
    const row = await world.row();
    if (isFinished(row) || row.phase === 'needs_review') return row;
    await nextRun(world);
  }
  throw new Error(`it does not come to rest: ${JSON.stringify(await world.row())}`);
}

/** A person answers as soon as they may, on the command line: it reads no profile of the platform. */
export async function answer(world: World, word: Answer): Promise<void> {
  const row = await world.row();
  world.moveTo(settlesAt(row, world) ?? 0);
  const at = { now: world.now(), policy: productionPolicy };
  const said = applyAnswer(row, { answer: word, note: 'seen' }, at);
  if ('refused' in said) throw new Error(said.refused);
  expect((await world.ledger.write(row, said.next)).kind).toBe('written');
}

/** Does something just before (or after) the first call of a port. */
export function once(
  port: string,
  { before, after }: { before?: () => unknown; after?: () => unknown },
): Around {
  let done = false;
  return async (called, work) => {
    if (called !== port || done) return work();
    done = true;
    await before?.();
    const result = await work();
    await after?.();
    return result;
  };
}

/** Counts the calls of each port. */
export function counted() {
  const calls: string[] = [];
  const around: Around = (port, work) => {
    calls.push(port);
    return work();
  };
  return { around, times: (port: string) => calls.filter((call) => call === port).length };
}

export const events = ({ history }: Recharge) => history.map(({ event }) => event);

/** Minor units of January's USD that the client has spent or reserved. */
export const spent = async (world: World) => (await world.account()).spent['2026-01_USD'];
