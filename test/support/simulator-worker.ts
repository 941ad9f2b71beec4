import { parentPort, workerData } from 'node:worker_threads';
import { simulatePlanted } from '../../proof/planting.ts';
import { FOUND_BY_SIMULATOR, PLANTS } from '../../proof/plants.ts';

/** Runs on Node alone: a test's own loader knows nothing of planted bugs. Posts what each of the named bugs led to. */
const { names, seeds }: { names: string[]; seeds: number } = workerData;
for (const name of names) {
  const plant = [...PLANTS, ...FOUND_BY_SIMULATOR].find((other) => other.name === name);
  if (!plant) throw new Error(`No bug is called ${name}.`);
  const first = await simulatePlanted(plant, seeds);
  parentPort?.postMessage([name, first]);
}
