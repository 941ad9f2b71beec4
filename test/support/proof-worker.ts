import { parentPort, workerData } from 'node:worker_threads';
import { explore } from '../../proof/explorer.ts';
import { explorePlanted } from '../../proof/planting.ts';
import { PLANTS } from '../../proof/plants.ts';
import { SHORT } from '../../proof/scenarios.ts';

/** Runs on Node alone: a test's own loader knows nothing of planted bugs. Posts what was found, one after the other. */
if (workerData === 'planted') {
  for (const plant of PLANTS) parentPort?.postMessage([plant.name, await explorePlanted(plant)]);
} else {
  for (const scenario of SHORT) parentPort?.postMessage([scenario.name, await explore(scenario)]);
}
