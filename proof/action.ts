import type { Answer, Call as CallOn, ProcessState } from './process.ts';
import type { Setup } from './programs.ts';
import type { Scenario } from './scenario.ts';
import type { Chances, Draft, Process, World } from './world.ts';

export type Call = CallOn<Draft>;

/** One thing that can happen next. */
export interface Action {
  say: string;
  /** Nobody has to do it: a world in which only such is left is at rest. */
  isOptional?: boolean;
  /** @returns the same world where nothing came of it. */
  next(): Promise<World> | World;
}

export const setupOf = ({ deployed }: World, { setups }: Scenario): Setup => setups[deployed] ?? setups[0];

export const spend = (chances: Chances, chance: keyof Chances): Chances => ({
  ...chances,
  [chance]: chances[chance] - 1,
});

/** What may become of a call where nobody is at fault… */
export const waysOf = ({ port, ways }: Call, scenario: Scenario) => scenario.ways[port] ?? ways;

/** …and where somebody is. */
export const faultsOf = (call: Call, scenario: Scenario) =>
  call.faults.filter(
    (fault) => scenario.mayFail(call.port, fault) && !waysOf(call, scenario).includes(fault),
  );

export function makeCall(draft: Draft, call: Call, way: string): Answer {
  try {
    return { value: call.make(draft, way) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

export function made(
  world: World,
  process: Process,
  number: number,
  call: Call,
  way: string,
  isFault: boolean,
) {
  const draft: Draft = { ...world };
  const answer = makeCall(draft, call, way);
  if (isFault) draft.chances = spend(draft.chances, 'faults');
  return goesOn(draft, process, process.state.hear(number, answer, world.now));
}

export function goesOn(
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

export function replace(draft: Draft, process: Process, by: Process | undefined): void {
  draft.processes = draft.processes.flatMap((other) => (other === process ? (by ? [by] : []) : [other]));
}

/** What the outside hears of a process that has ended. */
export function ended(draft: Draft, { kind, key, name, message }: Process, end: Answer): void {
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
