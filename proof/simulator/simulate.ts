/**
 * Simulates weeks of the relay, drawn from seeds, and prints what happened. What has been simulated already, with the code as
 * it is, is kept in `.proof/`: a run that was stopped goes on where it stopped.
 *
 *     npm run simulate -- --seeds 500
 *     npm run simulate -- --seeds 500 --seed 2001
 *     npm run simulate -- --seed 17
 *     npm run simulate -- --wrong --seeds 500
 *
 * With `--wrong`, half of what people answer is not so. What is lost by that is printed, and is no violation.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Kept } from '../kept.ts';
import { sorted, TRANSITIONS } from '../transitions.ts';
import { coverageOf, wrongWordsOf } from './coverage.ts';
import { EMPTY_PART, type Part, type Seeds, simulatedSchema, together } from './simulated.ts';
import { simulateSeed } from './simulation.ts';

/** A part takes some seconds. */
const SEEDS_A_PART = 50;
const DEFAULT_SEEDS = 500;
/** More than a few of one kind help nobody. */
const MOST_TOLD = 5;

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Of the answers of people, in a run of those who err. */
const WRONG_SHARE = 0.5;

const { values } = parseArgs({
  options: { seeds: { type: 'string' }, seed: { type: 'string' }, wrong: { type: 'boolean' } },
});
const wrongShare = values.wrong ? WRONG_SHARE : 0;
const first = wholeNumber('--seed', values.seed ?? '1');
const result =
  values.seeds === undefined && values.seed !== undefined
    ? await simulateSeed(first, { wrongShare })
    : await simulateAll(wholeNumber('--seeds', values.seeds ?? String(DEFAULT_SEEDS)), first);
tell(result);
if (result.violations.length > 0) process.exitCode = 1;

function wholeNumber(name: string, given: string): number {
  if (/^[1-9]\d{0,8}$/.test(given)) return Number(given);
  process.stderr.write(`${name} is a whole number from 1 on, not ${given}.\n`);
  process.exit(2);
}

/** On as many cores as there are. */
async function simulateAll(seeds: number, first: number): Promise<Part> {
  const kept = new Kept(wrongShare > 0 ? 'simulated-wrong' : 'simulated', simulatedSchema);
  const parts = Array.from({ length: Math.ceil(seeds / SEEDS_A_PART) }, (_, index) => {
    const from = first + index * SEEDS_A_PART;
    return { from, to: Math.min(from + SEEDS_A_PART, first + seeds), wrongShare };
  });
  const nameOf = ({ from, to }: Seeds) => `${from}-${to - 1}`;
  const waiting = parts.filter((part) => !kept.get(nameOf(part)));
  let done = parts.reduce((sum, part) => sum + (kept.get(nameOf(part))?.seeds ?? 0), 0);
  let found = 0;
  const show = () => process.stderr.write(`\r\x1b[K${done} of ${seeds} seeds, ${found} violations`);
  const timer = setInterval(show, process.stderr.isTTY ? 1_000 : 60_000);
  const one = async () => {
    if (waiting.length === 0) return;
    const child = fork(new URL('./child.ts', import.meta.url));
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const part = await inChild(child, next);
      kept.set(nameOf(next), part);
      done += part.seeds;
      found += part.violations.length;
    }
    child.disconnect();
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, one));
  } finally {
    clearInterval(timer);
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  }
  return parts.reduce((sum, part) => together(sum, kept.get(nameOf(part)) ?? EMPTY_PART), EMPTY_PART);
}

function inChild(child: ChildProcess, seeds: Seeds): Promise<Part> {
  return new Promise((resolve, reject) => {
    const left = () =>
      reject(new Error(`The process that simulated ${seeds.from} to ${seeds.to} has ended.`));
    child.once('exit', left);
    child.once('message', (message) => {
      child.off('exit', left);
      resolve(simulatedSchema.parse(message));
    });
    child.send(seeds);
  });
}

function tell(all: Part): void {
  for (const { seed, key, what, story } of all.violations.slice(0, MOST_TOLD)) {
    print(`Seed ${seed}: ${key}: ${what}`);
    for (const line of story) print(`  ${line}`);
    print(`To see it again: npm run simulate -- ${values.wrong ? '--wrong ' : ''}--seed ${seed}\n`);
  }
  if (all.violations.length > 0)
    print(`Violations in the seeds ${all.violations.map(({ seed }) => seed).join(', ')}\n`);
  for (const line of coverageOf(all)) print(line);
  if (values.wrong) for (const line of wrongWordsOf(all)) print(line);
  tellPairs(all);
}

/** One seed alone is not watched. What is said wrongly may bring a row to where it cannot be. */
function tellPairs({ seen }: Part): void {
  if (seen.length === 0) return;
  const { wrong, reached } = sorted(new Set(seen));
  for (const [pair, why] of wrong) print(`Was reached, and cannot be (${why}): ${pair}`);
  if (wrong.length > 0 && !values.wrong) process.exitCode = 1;
  print(
    `Of ${TRANSITIONS.length} pairs of a phase and an outcome the machine was asked ${seen.length}. No scenario of the explorer ` +
      `comes to these ${reached.length} of them:`,
  );
  for (const pair of reached) print(`- ${pair}`);
}
