/**
 * Explores the scenarios, or those that are named, and prints what was found.
 *
 *     npm run proof
 *     npm run proof -- "two faults" person
 *     npm run proof -- --short
 */
import { type Explored, explore } from './explorer.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS, SHORT } from './scenarios.ts';

const given = process.argv.slice(2);
const names = given.filter((name) => name !== '--short');
const all = given.includes('--short') ? SHORT : SCENARIOS;
const chosen = names.length === 0 ? all : all.filter(({ name }) => names.includes(name));

for (const scenario of chosen) {
  const startedAt = Date.now();
  const found = await explore(scenario, {
    progress: (states, depth) =>
      process.stderr.write(`\r${scenario.name}: ${states} states, ${depth} steps deep`),
  });
  process.stderr.write('\r\x1b[K');
  process.stdout.write(`${lineOf(scenario, found, (Date.now() - startedAt) / 1_000)}\n`);
  if (found.violation) {
    const { what, story } = found.violation;
    process.stdout.write(`${what}\n${story.map((step, index) => `  ${index + 1}. ${step}`).join('\n')}\n`);
    process.exitCode = 1;
  }
}

function lineOf(
  { name }: Scenario,
  { states, steps, schedules, deepest }: Explored,
  seconds: number,
): string {
  const counts = [states, steps, schedules.toPrecision(3), deepest, `${seconds.toFixed(1)} s`];
  return `| ${name} | ${counts.join(' | ')} |`;
}
