/**
 * Tries every property of test/fuzz for long, with new values, and prints the seed that brings the same ones back.
 *
 *     npm run fuzz
 *     npm run fuzz -- --runs 20000 --seed 7
 *     npm run fuzz -- channels
 */
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';

const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string' } },
  allowPositionals: true,
});
const seed = values.seed ?? String(Math.floor(Math.random() * 2 ** 31));
process.env.RELAY_FUZZ_RUNS = values.runs;
process.env.RELAY_FUZZ_SEED = seed;
const again = `npm run fuzz -- --runs ${values.runs} --seed ${seed}`;
process.stdout.write(`The same again: ${again}\n`);
const vitest = await startVitest(positionals, { mode: 'fuzz', run: true });
await vitest.close();
