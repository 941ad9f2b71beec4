import type { ProcessState } from './process.ts';
import { namesIn } from './programs.ts';
import { idOf } from './values.ts';
import type { Draft, Process, World } from './world.ts';

/**
 * The first name that is nowhere in this world any more. Tokens are compared with each other, and nothing else is done with
 * them: so it makes no difference how many workers there were before whom nothing remembers.
 */
export function freeName(world: World): string {
  const known = namesKnown(world);
  for (let number = 1; ; number += 1) if (!known.has(`worker-${number}`)) return `worker-${number}`;
}

function namesKnown({ table, processes }: Pick<World, 'table' | 'processes'>): Set<string> {
  const known = new Set(
    processes.flatMap(({ name, state, asleep }) => [
      name,
      ...namesHeard(state),
      ...(asleep?.answer ? namesIn(asleep.answer) : []),
    ]),
  );
  for (const { row } of table.recharges.values()) for (const name of namesIn(row)) known.add(name);
  return known;
}

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

/**
 * Whether another worker has learnt the same, and nobody has learnt the name of either. Then it makes no difference which of the
 * two goes on.
 */
export function hasTwin(world: World, process: Process): boolean {
  const { processes } = world;
  const twin = processes.find(
    ({ kind, state, asleep }, index) =>
      kind === 'worker' &&
      index < processes.indexOf(process) &&
      state.learnt === process.state.learnt &&
      idOf(asleep) === idOf(process.asleep),
  );
  if (!twin) return false;
  const others = processes.filter((other) => other !== twin && other !== process);
  const known = new Set([...namesKnown({ ...world, processes: others }), ...namesHeard(process.state)]);
  return !known.has(twin.name) && !known.has(process.name);
}
