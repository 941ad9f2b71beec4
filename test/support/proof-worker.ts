import { parentPort, workerData } from 'node:worker_threads';
import { explore } from '../../proof/explorer.ts';
import { explorePlanted } from '../../proof/planting.ts';
import { PLANTS } from '../../proof/plants.ts';
import { SHORT } from '../../proof/short-scenarios.ts';

/** What the worker posts, with the name of a plant or a scenario. One that throws keeps none after it from its turn. */
export type Posted<Result> = [name: string, found: { result: Result } | { error: string }];

/** Runs on Node alone: a test's own loader knows nothing of planted bugs. */
const searches =
  workerData === 'planted'
    ? PLANTS.map((plant) => ({ name: plant.name, search: () => explorePlanted(plant) }))
    : SHORT.map((scenario) => ({ name: scenario.name, search: () => explore(scenario) }));

for (const { name, search } of searches) {
  const found = await search().then(
    (result) => ({ result }),
    (error: unknown) => ({ error: String(error) }),
  );
  parentPort?.postMessage([name, found]);
}
