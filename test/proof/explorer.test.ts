import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { Explored } from '../../proof/explorer.ts';
import type { Found } from '../../proof/planting.ts';
import { PLANTS } from '../../proof/plants.ts';
import { SHORT } from '../../proof/scenarios.ts';

/** Seconds are a few; a machine that has other work takes longer. */
const PATIENCE_MS = 120_000;

/** A thread of its own, so that its seconds are no other test's. @returns gives what was found under a name. */
function inAThread<Result>(what: 'short' | 'planted'): (name: string) => Promise<Result> {
  const found = new Map<string, PromiseWithResolvers<Result>>();
  const under = (name: string) => {
    const known = found.get(name) ?? Promise.withResolvers<Result>();
    found.set(name, known);
    return known;
  };
  let started = false;
  return (name) => {
    if (!started) {
      started = true;
      const worker = new Worker(new URL('../support/proof-worker.ts', import.meta.url), { workerData: what });
      worker.on('message', ([of, result]: [string, Result]) => under(of).resolve(result));
      worker.on('error', (error) => {
        for (const { reject } of found.values()) reject(error);
      });
    }
    return under(name).promise;
  };
}

describe('nothing is violated, whatever the order and whatever fails:', () => {
  const found = inAThread<Explored>('short');

  it.each(SHORT.map(({ name, says }) => [name, says]))(
    '%s (%s)',
    async (name) => {
      const { violation, complete, states } = await found(name);
      expect(violation).toBeUndefined();
      expect(complete).toBe(true);
      expect(states).toBeGreaterThan(16);
    },
    PATIENCE_MS,
  );
});

describe('a bug that is planted into the code is found:', () => {
  const found = inAThread<Found>('planted');

  it.each(PLANTS.map(({ name }) => name))(
    '%s',
    async (name) => {
      // A story, and no accident of the planting.
      expect(await found(name)).toMatchObject({ what: expect.any(String), steps: expect.any(Number) });
    },
    PATIENCE_MS,
  );
});
