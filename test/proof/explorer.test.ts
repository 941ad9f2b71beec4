import { Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Explored } from '../../proof/explorer.ts';
import type { Found } from '../../proof/planting.ts';
import { PLANTS } from '../../proof/plants.ts';
import { SHORT } from '../../proof/short-scenarios.ts';
import type { Posted } from '../support/proof-worker.ts';

/** Seconds are a few; a machine that has other work takes longer. */
const PATIENCE_MS = 120_000;

/** A thread of its own, so that its seconds are no other test's. @returns gives what was found under a name. */
function inAThread<Result>(what: 'short' | 'planted', names: readonly string[]) {
  const found = new Map(names.map((name) => [name, Promise.withResolvers<Result>()]));
  beforeAll(() => {
    const worker = new Worker(new URL('../support/proof-worker.ts', import.meta.url), { workerData: what });
    worker.on('message', ([name, posted]: Posted<Result>) => {
      if ('result' in posted) found.get(name)?.resolve(posted.result);
      else found.get(name)?.reject(new Error(posted.error));
    });
    worker.on('error', (error) => {
      for (const { reject } of found.values()) reject(error);
    });
    // Whose turn has not come yet has nobody who waits for its failure.
    for (const { promise } of found.values()) promise.catch(() => {});
  });
  return (name: string) => found.get(name)?.promise;
}

describe('nothing is violated, whatever the order and whatever fails:', () => {
  const found = inAThread<Explored>(
    'short',
    SHORT.map(({ name }) => name),
  );

  it.each(SHORT.map(({ name, says }) => [name, says]))(
    '%s (%s)',
    async (name) => {
      expect(await found(name)).toMatchObject({
        complete: true,
        states: expect.toSatisfy((count) => count > 16),
      });
    },
    PATIENCE_MS,
  );
});

describe('a bug that is planted into the code is found:', () => {
  const found = inAThread<Found>(
    'planted',
    PLANTS.map(({ name }) => name),
  );

  it.each(PLANTS.map(({ name }) => name))(
    '%s',
    async (name) => {
      // A story, and no accident of the planting.
      expect(await found(name)).toMatchObject({ what: expect.any(String), steps: expect.any(Number) });
    },
    PATIENCE_MS,
  );
});
