import { expect, it } from 'vitest';
import { loadWorkers } from '../../local/workers.ts';
import type { WorkersOptions } from '../../local/workers-parts.ts';

it('workers that end before their time are told of, and can still be stopped', async () => {
  const { promise: death, resolve: onDeath } = Promise.withResolvers<unknown>();
  const workers = loadWorkers({ write: () => {}, onDeath }, {});
  // What they work with is wrong, which nothing in them expects.
  void workers.start({} as WorkersOptions);
  expect(String(await death)).toMatch(/^TypeError/);
  await workers.stop();
});
