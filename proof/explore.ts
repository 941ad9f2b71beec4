/**
 * Explores the scenarios, or those that are named, and prints what was found.
 *
 *     npm run proof
 *     npm run proof -- "two faults" person
 *     npm run proof -- --short
 *     npm run proof -- --planted
 */
import type { Explored } from './explorer.ts';
import { explorePlanted, watchedProgram } from './planting.ts';
import { PLANTS } from './plants.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);

const given = process.argv.slice(2);
if (given.includes('--planted')) await planted();
else await explored(given);

async function explored(asked: string[]): Promise<void> {
  const { explore, SHORT, SCENARIOS, seen, TRANSITIONS } = await watchedProgram();
  const names = asked.filter((name) => name !== '--short');
  const all = asked.includes('--short') ? SHORT : SCENARIOS;
  print('| scenario | worlds | steps | schedules | longest | seconds |\n|---|---|---|---|---|---|');
  for (const scenario of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const startedAt = Date.now();
    const progress = (states: number, depth: number) =>
      process.stderr.write(`\r${scenario.name}: ${states} worlds, ${depth} steps deep`);
    const found = await explore(scenario, { progress });
    process.stderr.write('\r\x1b[K');
    print(lineOf(scenario.name, found, (Date.now() - startedAt) / 1_000));
    if (found.violation) tell(found.violation);
  }
  const reached = TRANSITIONS.filter((transition) => seen.has(transition));
  print(
    `\nThe machine decided ${reached.length} of ${TRANSITIONS.length} pairs of a phase and an outcome. Not reached:`,
  );
  for (const [stands, outcomes] of byPhase(
    TRANSITIONS.filter((transition) => !seen.has(transition)),
    TRANSITIONS,
  )) {
    print(`- ${stands}: ${outcomes.join(', ')}`);
  }
}

function lineOf(
  name: string,
  { states, steps, schedules, deepest, complete }: Explored,
  seconds: number,
): string {
  const counts = [states, steps, schedules.toPrecision(3), deepest, seconds.toFixed(1)];
  return `| ${name}${complete ? '' : ' (not to the end)'} | ${counts.join(' | ')} |`;
}

function tell({ what, story }: NonNullable<Explored['violation']>): void {
  print(`\n${what}`);
  for (const [index, step] of story.entries()) print(`  ${index + 1}. ${step}`);
  print('');
  process.exitCode = 1;
}

/** By where the row stands; all outcomes of one kind are one entry. */
function byPhase(
  transitions: readonly string[],
  all: readonly string[],
): [stands: string, outcomes: string[]][] {
  const kinds = Map.groupBy(transitions, (transition) => transition.split(' ').slice(0, 2).join(' '));
  const entries = [...kinds].flatMap(([kind, ofKind]) => {
    const count = all.filter((transition) => transition.startsWith(`${kind} `) || transition === kind).length;
    return ofKind.length === count && count > 1 ? [`${kind} (all)`] : ofKind;
  });
  const phases = Map.groupBy(entries, (entry) => entry.split(': ')[0] ?? '');
  return [...phases].map(([stands, ofPhase]) => [
    stands,
    ofPhase.map((entry) => entry.slice(stands.length + 2)),
  ]);
}

async function planted(): Promise<void> {
  print('| planted bug | scenario | what is violated | steps | worlds |\n|---|---|---|---|---|');
  for (const plant of PLANTS) {
    const { what = 'NOT FOUND', steps = 0, states } = await explorePlanted(plant);
    if (steps === 0) process.exitCode = 1;
    const short = what.startsWith('I9') ? 'I9: the log names the client' : what;
    print(`| ${plant.name} | ${plant.scenario} | ${short.replace('key-1: ', '')} | ${steps} | ${states} |`);
  }
}
