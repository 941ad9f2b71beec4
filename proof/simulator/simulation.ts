import type { Account } from '../../shared/recharge/account.ts';
import { SWITCHED_ON } from '../memory-charging.ts';
import { EMPTY_TABLE } from '../memory-ledger.ts';
import { EMPTY_BOOKS } from '../parties.ts';
import type { Around } from '../world.ts';
import { Actors } from './actors.ts';
import { Agenda } from './agenda.ts';
import { DAY, type Plan, planOf } from './plan.ts';
import { Random } from './random.ts';
import type { Asked, Made, Surroundings } from './running.ts';
import type { Part } from './simulated.ts';
import { Troubles } from './troubles.ts';
import { Watch } from './watch.ts';

/** Longer than all deadlines of a recharge, one after the other. */
const MOST_QUIET_MS = 45 * DAY;

const drained = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Another ledger and switch beside those in memory, which are called alike and have to answer alike. */
export interface Beside {
  begin(accounts: readonly Account[]): Promise<void>;
  /** @throws an Error where it does not answer as the one in memory did. */
  make(
    call: Pick<Asked<unknown>, 'port' | 'given'>,
    way: string,
    made: Made<unknown>,
    now: number,
  ): Promise<void>;
}

/** Its weeks are those that another had beside it, and are told without it. */
const NOBODY: Beside = { begin: async () => {}, make: async () => {} };

export interface Options {
  beside?: Beside;
  /** How many of the answers of people say what is not so; none, where nothing is said. */
  wrongShare?: number;
}

/** Some weeks of a relay, all of them drawn from the seed: the same seed is the same weeks. */
export async function simulateSeed(seed: number, options: Options = {}): Promise<Part> {
  const { steps, counts, found } = await run(seed, options, false);
  const part = { seeds: 1, steps, counts: Object.fromEntries(counts), violations: [], seen: [] };
  if (found === undefined) return part;
  // Nothing is told but where there is something to tell: the same weeks come again.
  const told = await run(seed, options.beside ? { ...options, beside: NOBODY } : options, true);
  return { ...part, violations: [{ seed, ...found, story: told.storyOf(found.key) }] };
}

/** What is written past all ports is in memory alone. */
const withPortsAlone = ({ upgradedAt: _, ...plan }: Plan): Plan => ({
  ...plan,
  laterVersions: [],
  deeds: [],
});

function made<Value>(call: Asked<Value>, way: string, world: Around): Made<Value> {
  try {
    return { value: call.make(world, way) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

async function run(seed: number, { beside, wrongShare = 0 }: Options, isTold: boolean): Promise<Watch> {
  const random = new Random(seed);
  const plan = beside ? withPortsAlone(planOf(random)) : planOf(random);
  await beside?.begin(plan.accounts);
  const agenda = new Agenda(plan.startsAt);
  const world: Around = {
    now: plan.startsAt,
    table: { ...EMPTY_TABLE, accounts: new Map(plan.accounts.map((account) => [account.email, account])) },
    switch: SWITCHED_ON,
    queue: [],
    books: EMPTY_BOOKS,
    flights: [],
  };
  const watch = new Watch(plan, world, agenda, { isTold, onChange: (row) => actors.changed(row) });
  const around: Surroundings = {
    agenda,
    world,
    random,
    troubles: new Troubles(random, plan.spells, plan.quietAt),
    skewMs: plan.skewMs,
    wrongShare,
    make<Value>(call: Asked<Value>, way: string): Made<Value> | Promise<Made<Value>> {
      if (!beside) return made(call, way, actors.seenBy(call));
      const answer = made(call, way, world);
      return beside.make(call, way, answer, agenda.now).then(() => answer);
    },
    made(step) {
      watch.made(step);
      actors.stepped();
    },
    wrote: (running, line) => watch.wrote(running, line),
    said(running, what) {
      watch.count(what);
      watch.tell(running.about.key, `${running.name} ${what}`);
    },
  };
  const actors = new Actors(plan, around, watch);
  actors.begin();
  const endsAt = plan.quietAt + MOST_QUIET_MS;
  let event = agenda.next();
  for (; event && event.at <= endsAt && watch.found === undefined; event = agenda.next()) {
    world.now = event.at;
    await event.run();
    await drained();
  }
  watch.rest(event === undefined);
  return watch;
}
