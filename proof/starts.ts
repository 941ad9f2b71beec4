import { type Action, ended, setupOf, spend } from './action.ts';
import { freeName } from './names.ts';
import { ProcessState, type Program as ProgramOn } from './process.ts';
import { sweeper, webhook, worker } from './programs.ts';
import type { Scenario } from './scenario.ts';
import { isDue } from './time.ts';
import type { Draft, Process, World } from './world.ts';

type Program = ProgramOn<Draft>;

/** By program, setting and time: what two schedules start alike is one process. */
const begun = new Map<string, Promise<ProcessState<Draft>>>();

/** @param of what the process is begun for: two with the same differ in their names alone. */
export async function begin(
  draft: Draft,
  kind: Process['kind'],
  key: string,
  programOf: (name: string) => Program,
  of: string,
  message?: string,
) {
  // A worker draws tokens, which name it. All others are alike, so that it makes no difference who came first.
  const name = kind === 'worker' ? freeName(draft) : `${kind} ${key}`.trim();
  const alike = `${of} ${draft.deployed}`;
  const id = `${alike} ${name} ${draft.now}`;
  const starting = begun.get(id) ?? ProcessState.start(programOf(name), draft.now, alike);
  begun.set(id, starting);
  const state = await starting;
  const process: Process = { name, kind, key, state, ...(message === undefined ? {} : { message }) };
  if (state.end) ended(draft, process, state.end);
  else draft.processes = [...draft.processes, process];
  return draft;
}

/** Webhooks, messages and sweeps: whoever begins then. */
export function starts(world: World, scenario: Scenario): Action[] {
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

  // A message that nobody has taken yet does nothing: so it comes when it is delivered.
  const wakes =
    chances.wakes === 0 || busy >= scenario.workers
      ? []
      : [...world.table.recharges.keys()].map(
          (key): Action => ({
            say: `somebody says that the payment of ${key} has changed`,
            isOptional: true,
            next: () =>
              begin(
                { ...world, chances: spend(chances, 'wakes') },
                'worker',
                key,
                (name) => worker(name, key, setup, true),
                `${scenario.name} worker ${WOKEN}${key}`,
                WOKEN + key,
              ),
          }),
        );

  const sweeps: Action[] =
    isDue(world) && !isOn('sweeper')
      ? [
          {
            say: 'it is time to sweep',
            next: () => begin({ ...world }, 'sweeper', '', (name) => sweeper(name, setup), scenario.name),
          },
        ]
      : [];
  return [...webhooks, ...deliveries, ...sweeps, ...wakes];
}

/** What a message begins with that says that a payment has changed. */
const WOKEN = 'woken ';
