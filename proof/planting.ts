import { registerHooks } from 'node:module';
import type { Explored, explore } from './explorer.ts';
import type { Plant } from './plants.ts';
import type { Scenario } from './scenario.ts';

/** Of the address of a module: in which copy of the program it is. */
const COPY = 'copy';

/** By the name of the copy: what is other in it. */
const copies = new Map<string, Plant>();

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
function planted(source: string, { name, file, line, instead }: Plant): string {
  if (source.split(line).length !== 2)
    throw new Error(`"${name}" cannot be planted: ${file} has not this line once: ${line}`);
  return source.replace(line, () => instead);
}

export interface Found extends Pick<Explored, 'states'> {
  /** Absent where the scenario found nothing. */
  what?: string;
  steps?: number;
}

/** Explores a scenario with the code as it would be with this bug. */
export async function explorePlanted(plant: Plant): Promise<Found> {
  const copy = String(copies.size + 1);
  copies.set(copy, plant);
  const explorer: { explore: typeof explore } = await import(`./explorer.ts?${COPY}=${copy}`);
  const scenarios: { SHORT: readonly Scenario[] } = await import(`./scenarios.ts?${COPY}=${copy}`);
  const scenario = scenarios.SHORT.find(({ name }) => name === plant.scenario);
  if (!scenario) throw new Error(`There is no scenario ${plant.scenario}.`);
  const { states, violation } = await explorer.explore(scenario);
  return violation ? { states, what: violation.what, steps: violation.story.length } : { states };
}
