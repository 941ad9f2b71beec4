import * as fc from 'fast-check';
import { expect, it } from 'vitest';

/** Of `npm run fuzz`, for every property; `npm test` tries as many as each property says, and always the same ones. */
const RUNS = Number(process.env.RELAY_FUZZ_RUNS ?? 0);
const SEED = Number(process.env.RELAY_FUZZ_SEED ?? 1);

/** Whoever takes longer for one value hangs. A machine that has other work to do takes seconds for milliseconds. */
const PATIENCE_MS = 20_000;

/** For so long what fails is made smaller. */
const SMALLER_MS = 30_000;

/** What every object inherits. Whoever could add to it would add to every row, request and setting. */
const inherited = () =>
  [Object, Array, Function, String, Map].map(({ prototype }) => Reflect.ownKeys(prototype));
const AT_FIRST = inherited();

/**
 * A test that something holds whatever comes. What fails is made smaller first, and its seed is told: with it,
 * `npm run fuzz -- --seed N` tries the same again.
 *
 * @param runs how many `npm test` tries.
 */
export function holds<Given>(
  says: string,
  given: fc.Arbitrary<Given>,
  check: (given: Given) => unknown,
  { runs }: { runs: number },
): void {
  it(
    says,
    async () => {
      let smallerUntil = Number.POSITIVE_INFINITY;
      const property = fc.asyncProperty(given, async (one) => {
        if (Date.now() > smallerUntil) return;
        try {
          await check(one);
          expect(inherited(), 'what every object inherits').toEqual(AT_FIRST);
        } catch (error) {
          smallerUntil = Math.min(smallerUntil, Date.now() + SMALLER_MS);
          throw error;
        }
      });
      const tried = await fc.check(property, { seed: SEED, numRuns: RUNS || runs, timeout: PATIENCE_MS });
      if (tried.failed) throw new Error(toldOf(tried), { cause: tried.errorInstance });
    },
    RUNS === 0 ? undefined : 3_600_000,
  );
}

/** More of a counterexample is no help to a reader. */
const TOLD = 2_000;

function toldOf<Given>({ seed, numRuns, numShrinks, counterexample }: fc.RunDetails<Given>): string {
  const shown = JSON.stringify(counterexample, (_name, value) =>
    value?.type === 'Buffer' ? Buffer.from(value.data).toString() : value,
  )?.replaceAll(/(.{1,80}?)\1{9,}/g, (all, piece) => `(${all.length / piece.length} times ${piece})`);
  const smaller = `made smaller ${numShrinks} times`;
  return `seed ${seed}, after ${numRuns} tries, ${smaller}: ${shown?.slice(0, TOLD)}`;
}
