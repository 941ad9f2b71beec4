import { answersFor, settlesAt } from '../shared/recharge/answers.ts';
import { isFinished, type Recharge, waitingSince } from '../shared/recharge/recharge.ts';
import { ledgerVerbs } from './memory-ledger.ts';
import { land, settlements } from './parties.ts';
import { type Answer, type Call as CallOn, ProcessState, type Program as ProgramOn } from './process.ts';
import { deed, namesIn, person, type Setup, sweeper, webhook, worker } from './programs.ts';
import type { Scenario } from './scenario.ts';
import {
  type Chances,
  type Draft,
  falsehoods,
  isSettled,
  landsBy,
  type Process,
  rowOf,
  type World,
} from './world.ts';

type Call = CallOn<Draft>;
type Program = ProgramOn<Draft>;

/** One thing that can happen next. */
export interface Action {
  say: string;
  /** Nobody has to do it: a world in which only such is left is at rest. */
  isOptional?: boolean;
  /** Each of the states that a process newly comes to is looked at for what it logged. */
  next(): Promise<World> | World;
}

const HOUR = 3_600_000;

const CHARGE = 'payments.charge';
const GRANT = 'platform.grant';

/** All that can happen next, in an order that is always the same. */
export function actionsOf(world: World, scenario: Scenario): Action[] {
  // What one process does for itself alone commutes with all that others do: it is done first. And a process that waits
  // before its first call might as well have begun later.
  const alone = world.processes.find(
    (process) => !process.asleep && (process.state.isNew || isAlone(world, process)),
  );
  if (alone) return stepsOf(world, alone, scenario);
  return [
    ...world.processes.flatMap((process) => stepsOf(world, process, scenario)),
    ...starts(world, scenario),
    ...ofOthers(world, scenario),
    ...timePasses(world, scenario),
  ];
}

const setupOf = ({ deployed }: World, { setups }: Scenario): Setup => setups[deployed] ?? setups[0];

const spend = (chances: Chances, chance: keyof Chances): Chances => ({
  ...chances,
  [chance]: chances[chance] - 1,
});

// ── Steps of a process ───────────────────────────────────────────────────────────────────────────────

function stepsOf(world: World, process: Process, scenario: Scenario): Action[] {
  if (process.asleep) return wakes(world, process, process.asleep, scenario);
  return [...process.state.calls].flatMap(([number, call]) => {
    if (call.port === 'person.look') return looks(world, process, number, call, scenario);
    const step = (way: string, isFault: boolean): Action => ({
      say: `${process.name}: ${call.port}, ${way}`,
      isOptional: process.kind === 'person' && !process.state.isNew,
      next: () => made(world, process, number, call, way, isFault),
    });
    const ways = scenario.ways[call.port] ?? call.ways;
    const steps = ways.map((way) => step(way, false));
    if (world.chances.faults === 0) return steps;
    const faults = call.faults.filter((fault) => scenario.mayFail(call.port, fault));
    return [
      ...steps,
      ...faults.map((fault) => step(fault, true)),
      ...interruptions(world, process, number, call, scenario, ways),
    ];
  });
}

/**
 * Calls that neither see nor change anything that anybody else sees or changes. What is put into the queue changes nothing for who
 * is at work, and nobody waits for time while its sender is.
 */
const ALONE = ['payments.prepareCharge', 'platform.prepareGrant', 'sleep', 'queue.send'];
/** Of these that is so while charging is on, and nobody can be about to pause it. */
const OF_THE_SWITCH = ['charging.paused', 'charging.grantWentThrough'];

function isAlone(world: World, { state: { calls } }: Process): boolean {
  const [first, ...others] = calls.values();
  if (first === undefined || others.length > 0) return false;
  return ALONE.includes(first.port) || (OF_THE_SWITCH.includes(first.port) && !mayBePaused(world));
}

/** Charging is paused by a worker that cannot prepare a grant, or hears that no client's would go through. */
const mayBePaused = ({ chances, switch: { pause }, processes }: World) =>
  chances.faults > 0 || pause !== undefined || processes.some(({ state }) => knowsAgencyFault(state));

function makeCall(draft: Draft, call: Call, way: string): Answer {
  try {
    return { value: call.make(draft, way) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function made(world: World, process: Process, number: number, call: Call, way: string, isFault: boolean) {
  const draft: Draft = { ...world };
  const answer = makeCall(draft, call, way);
  if (isFault) draft.chances = spend(draft.chances, 'faults');
  return goesOn(draft, process, process.state.hear(number, answer, world.now));
}

function goesOn(
  draft: Draft,
  process: Process,
  state: ProcessState<Draft> | Promise<ProcessState<Draft>>,
): World | Promise<World> {
  if (state instanceof Promise) return state.then((reached) => goesOn(draft, process, reached));
  const { asleep: _, ...awake } = process;
  replace(draft, process, state.end ? undefined : { ...awake, state });
  if (state.end) ended(draft, process, state.end);
  return draft;
}

function replace(draft: Draft, process: Process, by: Process | undefined): void {
  draft.processes = draft.processes.flatMap((other) => (other === process ? (by ? [by] : []) : [other]));
}

/** What the outside hears of a process that has ended. */
function ended(draft: Draft, { kind, key, name, message }: Process, end: Answer): void {
  if (kind === 'webhook') {
    // Refused for good, it would only be refused again.
    const isAnswered = 'value' in end && typeof end.value === 'number' && end.value < 500;
    if (isAnswered) draft.unsent = draft.unsent.filter((other) => other !== key);
  }
  const isDone = 'value' in end && end.value === 0;
  if (kind !== 'worker' || isDone) return;
  // Nothing but the message brings this question back.
  if (message !== key && message !== undefined) draft.queue = [...draft.queue, message].sort();
  else throw new Error(`${name} reported its message as failed.`);
}

/** It dies or falls asleep, before the call or after it. To die after a call is to die before the next one. */
function interruptions(
  world: World,
  process: Process,
  call: number,
  made: Call,
  scenario: Scenario,
  ways: readonly string[],
): Action[] {
  const chances = spend(world.chances, 'faults');
  const say = (what: string) => `${process.name} ${what} ${made.port}`;
  const dies: Action = {
    say: say('dies before'),
    next() {
      const draft: Draft = { ...world, chances };
      replace(draft, process, undefined);
      return draft;
    },
  };
  if (process.kind === 'person') return [];
  const mayDie = scenario.mayFail(made.port, 'dies') ? [dies] : [];
  if (sleepsOf(process, scenario).length === 0 || !scenario.mayFail(made.port, 'sleeps')) return mayDie;
  const before: Action = {
    say: say('falls asleep before'),
    next() {
      const draft: Draft = { ...world, chances };
      const promisedTo = promisedFor(world, made, setupOf(world, scenario));
      replace(draft, process, { ...process, asleep: { call, since: world.now, promisedTo } });
      return draft;
    },
  };
  const after = ways.map(
    (way): Action => ({
      say: `${say('falls asleep after')}, ${way}`,
      next() {
        const draft: Draft = { ...world, chances };
        return asleepAfter(draft, process, call, makeCall(draft, made, way), sleepsOf(process, scenario));
      },
    }),
  );
  return [...mayDie, before, ...after];
}

/**
 * Who would only end, whenever it wakes, is as good as dead. And where a process does not look at the clock before its next call,
 * it makes no difference on which side of that it sleeps, but to the promise about the bytes of a charge or grant.
 */
async function asleepAfter(
  draft: Draft,
  process: Process,
  call: number,
  answer: Answer,
  sleepsMs: readonly number[],
) {
  const { state } = process;
  const since = draft.now;
  const reached = await state.hear(call, answer, since);
  const [next, ...others] = reached.calls;
  const isSameBeforeNext =
    next && others.length === 0 && !reached.lookedAtClock && ![CHARGE, GRANT].includes(next[1].port);
  if (reached.end && (await endsAlways(state, call, answer, since, sleepsMs)))
    replace(draft, process, undefined);
  else if (isSameBeforeNext)
    replace(draft, process, {
      ...process,
      state: reached,
      asleep: { call: next[0], since, promisedTo: Number.POSITIVE_INFINITY },
    });
  else
    replace(draft, process, {
      ...process,
      asleep: { call, since, promisedTo: Number.POSITIVE_INFINITY, answer },
    });
  return draft;
}

async function endsAlways(
  state: ProcessState<Draft>,
  call: number,
  answer: Answer,
  since: number,
  sleepsMs: readonly number[],
) {
  for (const ms of sleepsMs) if (!(await state.hear(call, answer, since + ms)).end) return false;
  return true;
}

/** A webhook and a sweeper have no deadline of their own: what matters is what others have done by the time they wake. */
const sleepsOf = ({ kind }: Process, { sleepsMs }: Scenario) =>
  kind === 'worker' ? sleepsMs.workers : sleepsMs.others;

function wakes(
  world: World,
  process: Process,
  { call: number, since, promisedTo, answer }: NonNullable<Process['asleep']>,
  scenario: Scenario,
): Action[] {
  const call = process.state.calls.get(number);
  const [shortest = 0] = sleepsOf(process, scenario);
  if (!call || world.now < since + shortest) return [];
  const isFault = (way: string) => call.faults.includes(way);
  const faults = call.faults.filter(
    (fault) => world.chances.faults > 0 && scenario.mayFail(call.port, fault),
  );
  const ways = answer ? ['made'] : [...(scenario.ways[call.port] ?? call.ways), ...faults];
  return ways.map((way) => ({
    say: `${process.name} wakes${answer ? '' : `, and makes ${call.port}: ${way}`}`,
    next() {
      const draft: Draft = { ...world };
      if (answer) return goesOn(draft, process, process.state.hear(number, answer, world.now));
      if (isFault(way)) draft.chances = spend(draft.chances, 'faults');
      // Between the last look at the clock and the bytes nothing can be known. What is promised ends here.
      if (world.now > promisedTo) {
        replace(draft, process, undefined);
        return draft;
      }
      return goesOn(draft, process, process.state.hear(number, makeCall(draft, call, way), world.now));
    },
  }));
}

/** How long after this moment a call, if it is made, does what is promised. */
export function promisedFor(
  world: Pick<World, 'table' | 'now'>,
  { port, given }: Pick<Call, 'port' | 'given'>,
  { policy }: Setup,
): number {
  if (port === CHARGE) return world.now + HOUR;
  return port === GRANT ? landsBy(world, String(given[0]), policy) : Number.POSITIVE_INFINITY;
}

function looks(world: World, process: Process, number: number, call: Call, scenario: Scenario): Action[] {
  const row = rowOf(world, process.key);
  if (!row || !isSettled(world, row, setupOf(world, scenario).policy)) return [];
  if (scenario.lies) return lies(world, process, number, call, row);
  return call.ways.map((way) => ({
    say: `${process.name} looks, and has ${way}`,
    isOptional: true,
    next: () => made(world, process, number, call, way, false),
  }));
}

function lies(world: World, process: Process, number: number, call: Call, row: Recharge): Action[] {
  return falsehoods(world, row).flatMap(({ answer }, index) => {
    const way = call.faults[index];
    if (way === undefined) return [];
    const lie = `${answer}, of ${row.review ?? row.phase}`;
    const next = () => made({ ...world, lie }, process, number, call, way, false);
    return [{ say: `${process.name} says wrongly ${lie}`, isOptional: true, next }];
  });
}

// ── Processes that begin ─────────────────────────────────────────────────────────────────────────────

/**
 * The first name that is nowhere in this world any more. Tokens are compared with each other, and nothing else is done with
 * them: so it makes no difference how many workers there were before whom nothing remembers.
 */
function freeName({ table, processes }: World): string {
  const known = new Set(
    processes.flatMap(({ name, state, asleep }) => [
      name,
      ...namesHeard(state),
      ...(asleep?.answer ? namesIn(asleep.answer) : []),
    ]),
  );
  for (const { row } of table.recharges.values()) for (const name of namesIn(row)) known.add(name);
  for (let number = 1; ; number += 1) if (!known.has(`worker-${number}`)) return `worker-${number}`;
}

const faulty = new WeakMap<ProcessState<Draft>, boolean>();

function knowsAgencyFault(state: ProcessState<Draft>): boolean {
  const { before } = state;
  if (!before) return false;
  const known = faulty.get(state);
  if (known !== undefined) return known;
  const { port, answer } = before.heard;
  const isHere = port.startsWith('platform.') && ('error' in answer || hasAgencyFault(answer.value));
  const found = isHere || knowsAgencyFault(before.state);
  faulty.set(state, found);
  return found;
}

const hasAgencyFault = (value: unknown) =>
  typeof value === 'object' && value !== null && 'agencyFault' in value;

const heard = new WeakMap<ProcessState<Draft>, ReadonlySet<string>>();

/** Whose tokens the process has read since its start. */
function namesHeard(state: ProcessState<Draft>): ReadonlySet<string> {
  const { before } = state;
  const names =
    heard.get(state) ??
    (before ? new Set([...namesHeard(before.state), ...namesIn(before.heard.answer)]) : new Set<string>());
  heard.set(state, names);
  return names;
}

/** By program, setting and time: what two schedules start alike is one process. */
const begun = new Map<string, Promise<ProcessState<Draft>>>();

async function begin(
  draft: Draft,
  kind: Process['kind'],
  key: string,
  programOf: (name: string) => Program,
  of: string,
  message?: string,
) {
  // A worker draws tokens, which name it. All others are alike, so that it makes no difference who came first.
  const name = kind === 'worker' ? freeName(draft) : `${kind} ${key}`.trim();
  const id = `${of} ${name} ${draft.deployed} ${draft.now}`;
  const starting = begun.get(id) ?? ProcessState.start(programOf(name), draft.now);
  begun.set(id, starting);
  const state = await starting;
  const process: Process = { name, kind, key, state, ...(message === undefined ? {} : { message }) };
  if (state.end) ended(draft, process, state.end);
  else draft.processes = [...draft.processes, process];
  return draft;
}

function starts(world: World, scenario: Scenario): Action[] {
  const { processes, chances, queue, unsent } = world;
  const setup = setupOf(world, scenario);
  const isOn = (kind: Process['kind'], key?: string) =>
    processes.some(
      (process) => process.kind === kind && !process.asleep && (key === undefined || process.key === key),
    );

  const webhooks = scenario.orders.flatMap((order, index): Action[] => {
    const { key, forged = false } = order;
    const isFirst = unsent.includes(key) && !forged;
    const program = (name: string) => webhook(name, order, setup);
    if (isFirst ? isOn('webhook', key) : chances.resends === 0) return [];
    // The first orders come in their order; nothing depends on who comes first.
    if (isFirst && unsent[0] !== key) return [];
    const next = () =>
      begin(
        { ...world, ...(isFirst ? {} : { chances: spend(chances, 'resends') }) },
        'webhook',
        key,
        program,
        `${scenario.name} order ${index}`,
      );
    return [{ say: `the platform sends the webhook of ${key}`, isOptional: !isFirst, next }];
  });

  const busy = processes.filter(({ kind, asleep }) => kind === 'worker' && !asleep).length;
  const deliveries = [...new Set(queue)].flatMap((message): Action[] => {
    if (busy >= scenario.workers) return [];
    const woken = message.startsWith(WOKEN);
    const key = woken ? message.slice(WOKEN.length) : message;
    const program = (name: string) => worker(name, key, setup, woken);
    const rest = queue.toSpliced(queue.indexOf(message), 1);
    const next = (given: Partial<World>) => () =>
      begin({ ...world, ...given }, 'worker', key, program, `${scenario.name} worker ${message}`, message);
    const say = `the queue delivers ${message}`;
    const deliver: Action = { say, next: next({ queue: rest }) };
    const again = { chances: spend(chances, 'redeliveries') };
    return chances.redeliveries === 0
      ? [deliver]
      : [deliver, { say: `${say}, and keeps it`, isOptional: true, next: next(again) }];
  });

  const sweeps: Action[] =
    isDue(world) && !isOn('sweeper')
      ? [
          {
            say: 'it is time to sweep',
            next: () => begin({ ...world }, 'sweeper', '', (name) => sweeper(name, setup), scenario.name),
          },
        ]
      : [];
  return [...webhooks, ...deliveries, ...sweeps, ...persons(world, scenario)];
}

function persons(world: World, scenario: Scenario): Action[] {
  const { chances, processes } = world;
  const setup = setupOf(world, scenario);
  return [...world.table.recharges.values()].flatMap(({ row }): Action[] => {
    const { key } = row;
    if (processes.some((process) => process.kind === 'person' && process.key === key)) return [];
    const begins = (
      say: string,
      chance: 'answers' | 'deeds',
      program: (name: string) => Program,
    ): Action => ({
      say,
      isOptional: true,
      next: () =>
        begin(
          { ...world, chances: spend(chances, chance) },
          'person',
          key,
          program,
          `${scenario.name} ${say}`,
        ),
    });
    const answers =
      chances.answers > 0 && answersFor(row).length > 0
        ? [begins(`a person looks at ${key}`, 'answers', (name) => person(name, key, setup))]
        : [];
    const deeds = scenario.deeds.map((what) =>
      begins(`a person wants to ${what} ${key}`, 'deeds', (name) => deed(name, key, what, setup)),
    );
    return chances.deeds > 0 ? [...answers, ...deeds] : answers;
  });
}

/** What a message begins with that says that a payment has changed. */
const WOKEN = 'woken ';

const isDue = ({ table, now }: World) =>
  [...table.recharges.values()].some(({ row }) => (row.nextAttemptAt ?? Number.POSITIVE_INFINITY) <= now);

// ── The others, and time ─────────────────────────────────────────────────────────────────────────────

function ofOthers(world: World, scenario: Scenario): Action[] {
  const { chances } = world;
  const change = (say: string, isOptional: boolean, alter: (draft: Draft) => void): Action => ({
    say,
    isOptional,
    next() {
      const draft: Draft = { ...world };
      alter(draft);
      return draft;
    },
  });
  const deployment = change('another configuration is deployed', true, (draft) => {
    draft.deployed += 1;
    draft.chances = spend(chances, 'deployments');
  });
  const { email } = scenario.account;
  const account = change('the client is suspended, or enabled again', true, (draft) => {
    draft.chances = spend(chances, 'accountChanges');
    const verbs = ledgerVerbs(draft);
    const read = verbs.readAccount(email);
    const status = read.status === 'active' ? 'suspended' : 'active';
    verbs.writeAccount(read, { ...read, status, statusChange: { at: draft.now, note: 'a person wants it' } });
  });
  const wakes = [...world.table.recharges.keys()].map((key) =>
    change(`somebody says that the payment of ${key} has changed`, true, (draft) => {
      draft.queue = [...draft.queue, WOKEN + key].sort();
      draft.chances = spend(chances, 'wakes');
    }),
  );
  return [
    ...(chances.wakes > 0 ? wakes : []),
    ...world.flights.map((flight) =>
      change(`a late ${flight.kind} arrives`, false, (draft) => land(draft, flight)),
    ),
    ...settlements(world).map(({ say, settle }) => change(say, true, settle)),
    ...(chances.deployments > 0 && world.deployed + 1 < scenario.setups.length ? [deployment] : []),
    ...(chances.accountChanges > 0 ? [account] : []),
  ];
}

/** Time passes where nobody is at work, or where the queue is slow. It goes to the next moment at which something is due. */
function timePasses(world: World, scenario: Scenario): Action[] {
  const { processes, queue, chances, now } = world;
  const atWork = processes.some(({ kind, asleep }) => kind !== 'person' && !asleep);
  if (atWork || isDue(world)) return [];
  const isLate = queue.length > 0;
  if (isLate && chances.delays === 0) return [];
  const to = Math.min(...moments(world, scenario).filter((moment) => moment > now));
  if (to === Number.POSITIVE_INFINITY) return [];
  const draft: Draft = { ...world, now: to };
  if (isLate) draft.chances = spend(chances, 'delays');
  // A process cannot sleep past the last time at which it may wake, nor a request be on its way longer than it may.
  const isForced =
    world.flights.some(({ by }) => by < to) ||
    processes.some(
      (process) => process.asleep && process.asleep.since + (sleepsOf(process, scenario).at(-1) ?? 0) < to,
    );
  return isForced ? [] : [{ say: `it is ${new Date(to).toISOString()}`, next: () => draft }];
}

function moments(world: World, scenario: Scenario): number[] {
  const { policy } = setupOf(world, scenario);
  const ofRows = [...world.table.recharges.values()].flatMap(({ row }) =>
    isAtRest(world, row)
      ? []
      : [row.nextAttemptAt ?? Number.POSITIVE_INFINITY, settlesAt(row, { policy }) ?? 0],
  );
  const ofSleepers = world.processes.flatMap((process) => {
    const { asleep } = process;
    return asleep ? sleepsOf(process, scenario).map((ms) => asleep.since + ms) : [];
  });
  return [...ofRows, ...ofSleepers, ...world.flights.map(({ by }) => by)];
}

/** A day and an hour: one reminder. After that nothing new happens before a person speaks. */
const REMINDED_ONCE_MS = 25 * HOUR;

/** Whether nothing brings the row on any more but a person. */
export const isAtRest = ({ now }: Pick<World, 'now'>, row: Recharge) =>
  row.review === undefined
    ? isFinished(row) && row.nextAttemptAt === undefined
    : now > waitingSince(row) + REMINDED_ONCE_MS;
