import { answersFor } from '../shared/recharge/answers.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';
import { type Action, type Call, made, setupOf, spend } from './action.ts';
import type { Program } from './process.ts';
import { deed, person } from './programs.ts';
import type { Scenario } from './scenario.ts';
import { begin } from './starts.ts';
import { type Draft, falsehoods, isSettled, type Process, rowOf, type World } from './world.ts';

/** People who look at a recharge, or want something of it. */
export function personsBegin(world: World, scenario: Scenario): Action[] {
  const { chances, processes } = world;
  const setup = setupOf(world, scenario);
  return [...world.table.recharges.values()].flatMap(({ row }): Action[] => {
    const { key } = row;
    if (processes.some((process) => process.kind === 'person' && process.key === key)) return [];
    const begins = (
      say: string,
      chance: 'answers' | 'deeds',
      program: (name: string) => Program<Draft>,
    ): Action => ({
      say,
      isOptional: true,
      next: () => readsFirst(world, chance, key, program, `${scenario.name} ${say}`),
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

/** Whoever wants what is refused at once has changed nothing: it is the same world. */
async function readsFirst(
  world: World,
  chance: 'answers' | 'deeds',
  key: string,
  program: (name: string) => Program<Draft>,
  of: string,
): Promise<World> {
  const chances = spend(world.chances, chance);
  const begun = await begin({ ...world, chances }, 'person', key, program, of);
  const process = begun.processes.at(-1);
  const [reads] = process?.state.calls ?? [];
  if (!process || !reads) return world;
  const [number, call] = reads;
  const next = await made(begun, process, number, call, 'made', false);
  return next.processes.length === world.processes.length ? world : next;
}

/** A person looks into the books of both sides, as soon as they may answer all there is to answer. */
export function looks(
  world: World,
  process: Process,
  number: number,
  call: Call,
  scenario: Scenario,
): Action[] {
  const row = rowOf(world, process.key);
  if (!row || !isSettled(world, row, setupOf(world, scenario).policy)) return [];
  if (scenario.lies) return lies(world, process, number, call, row);
  const hasWords = (way: string) => call.make({ ...world }, way) !== undefined;
  return call.ways.filter(hasWords).map((way) => ({
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
