import { registerHooks } from 'node:module';
import type { Explored, explore } from './explorer.ts';
import type { Bug, Plant } from './plants.ts';
import type { Scenario } from './scenario.ts';
import type { Part } from './simulator/simulated.ts';
import type { simulateSeed } from './simulator/simulation.ts';

/** Of the address of a module: in which copy of the program it is. */
const COPY = 'copy';

/** By the name of the copy: what is other in it. */
const copies = new Map<string, Bug>();

const copyOf = (url: string | undefined) =>
  url?.startsWith('file:') ? new URL(url).searchParams.get(COPY) : undefined;

/** What a module of a copy imports is of the same copy. Packages are shared. */
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const copy = copyOf(context.parentURL);
    if (!copy || !found.url.startsWith('file:') || found.url.includes('/node_modules/')) return found;
    const url = new URL(found.url);
    url.searchParams.set(COPY, copy);
    return { ...found, url: url.href };
  },
  load(url, context, next) {
    const loaded = next(url, context);
    const plant = copies.get(copyOf(url) ?? '');
    if (!plant || !new URL(url).pathname.endsWith(`/${plant.file}`)) return loaded;
    return { ...loaded, source: planted(String(loaded.source), plant) };
  },
});

/** @throws an Error where the line is not there any more: then the plant proves nothing. */
function planted(source: string, { name, file, line, instead }: Bug): string {
  if (source.split(line).length !== 2)
    throw new Error(`"${name}" cannot be planted: ${file} has not this line once: ${line}`);
  return source.replace(line, () => instead);
}

export interface Found extends Pick<Explored, 'states'> {
  /** Absent where the scenario found nothing. */
  what?: string;
  steps?: number;
}

/** A copy of the program with one line of one file changed. @returns loads a module of it, by its address from here. */
function copyWith(bug: Bug): <Module>(address: string | URL) => Promise<Module> {
  const copy = String(copies.size + 1);
  copies.set(copy, bug);
  return (address) => {
    const url = new URL(address, import.meta.url);
    url.searchParams.set(COPY, copy);
    return import(url.href);
  };
}

/** Explores a scenario with the code as it would be with this bug. */
export async function explorePlanted(plant: Plant): Promise<Found> {
  const { explore, SHORT, SCENARIOS } = await explorerOf(copyWith(plant));
  const scenario = [...SHORT, ...SCENARIOS].find(({ name }) => name === plant.scenario);
  if (!scenario) throw new Error(`There is no scenario ${plant.scenario}.`);
  const { states, violation } = await explore(scenario);
  return violation ? { states, what: violation.what, steps: violation.story.length } : { states };
}

async function explorerOf(load: ReturnType<typeof copyWith>) {
  const explorer = await load<{ explore: typeof explore }>('./explorer.ts');
  const scenarios = await load<Record<'SCENARIOS', readonly Scenario[]>>('./scenarios.ts');
  const short = await load<Record<'SHORT', readonly Scenario[]>>('./short-scenarios.ts');
  return { ...explorer, ...scenarios, ...short };
}

/** A module as it would be with this bug, in it or in whatever it imports. @param url of the module's file. */
export const importPlanted = <Module>(bug: Bug, url: URL): Promise<Module> => copyWith(bug)(url);

/** Simulates seeds, from 1 on, with the code as it would be with this bug, until something does not hold. */
export async function simulatePlanted(
  plant: Bug,
  seeds: number,
): Promise<Part['violations'][number] | undefined> {
  const { simulateSeed } = await simulatorOf(copyWith(plant));
  for (let seed = 1; seed <= seeds; seed += 1) {
    const [violation] = (await simulateSeed(seed)).violations;
    if (violation) return violation;
  }
  return undefined;
}

const simulatorOf = (load: ReturnType<typeof copyWith>) =>
  load<{ simulateSeed: typeof simulateSeed }>('./simulator/simulation.ts');

/** The program as it is, but for somebody who notes what the machine is asked. */
const WATCHED: Bug = {
  name: 'watched',
  file: 'shared/recharge/run-recharge.ts',
  line: "import { decide } from './machine/machine.ts';",
  instead: "import { decide } from '../../proof/watched.ts';",
};

/** @returns with `seen`, the pairs of where a row stands and an outcome that the machine was asked to decide. */
export const watchedExplorer = () => watched(explorerOf);
export const watchedSimulator = () => watched(simulatorOf);

async function watched<Program>(programOf: (load: ReturnType<typeof copyWith>) => Promise<Program>) {
  const load = copyWith(WATCHED);
  const program = await programOf(load);
  return { ...program, ...(await load<{ seen: Set<string> }>('./watched.ts')) };
}
