import { watchedSimulator } from '../planting.ts';
import { EMPTY_PART, seedsSchema, together } from './simulated.ts';

const { simulateSeed, seen } = await watchedSimulator();

/** A process that simulates the seeds that it is told, and tells its parent what happened. */
process.on('message', async (message) => {
  const { from, to, wrongShare } = seedsSchema.parse(message);
  let part = EMPTY_PART;
  for (let seed = from; seed < to; seed += 1) part = together(part, await simulateSeed(seed, { wrongShare }));
  process.send?.({ ...part, seen: [...seen].sort() });
  seen.clear();
});
