import { parentPort } from 'node:worker_threads';
import * as fc from 'fast-check';
import { importPlanted } from '../../proof/planting.ts';
import { CHANNEL_BUGS } from './channel-bugs.ts';
import { aCourse, live } from './chat-courses.ts';
import type { ChatSimulation } from './chat-simulation.ts';

/** Should one not be found, that is half a minute. */
const MOST_COURSES = 1_000;

/** Runs on Node alone: a test's own loader knows nothing of planted bugs. Posts what each bug led to, and in which course. */
for (const bug of CHANNEL_BUGS) {
  const { ChatSimulation: Simulation } = await importPlanted<{ ChatSimulation: typeof ChatSimulation }>(
    bug,
    new URL('./chat-simulation.ts', import.meta.url),
  );
  let lived = 0;
  for (const course of fc.sample(aCourse, { numRuns: MOST_COURSES, seed: bug.seed })) {
    lived += 1;
    const what = await live(course, Simulation).then(
      () => undefined,
      (error: unknown) => String(error),
    );
    if (what === undefined) continue;
    parentPort?.postMessage([bug.name, { courses: lived, what }]);
    break;
  }
}
