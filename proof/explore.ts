/**
 * Explores the scenarios, or those that are named, and prints what was found. What has been found already, with the code as
 * it is, is kept in `.proof/`.
 *
 *     npm run proof
 *     npm run proof -- "two faults" person
 *     npm run proof -- --short
 *     npm run proof -- --planted
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { type Found, foundSchema, progressSchema } from './found.ts';
import { Kept } from './kept.ts';
import { explorePlanted } from './planting.ts';
import { PLANTS } from './plants.ts';
import type { Scenario } from './scenario.ts';
import { SCENARIOS } from './scenarios.ts';
import { SHORT } from './short-scenarios.ts';
import { IMPOSSIBLE, sorted, TRANSITIONS } from './transitions.ts';

const print = (line: string) => process.stdout.write(`${line}\n`);

const given = process.argv.slice(2);
if (given.includes('--planted')) await planted();
else await explored(given);

async function explored(asked: string[]): Promise<void> {
  const isShort = asked.includes('--short');
  const names = asked.filter((name) => !name.startsWith('--'));
  const scenarios = (isShort ? SHORT : SCENARIOS).filter(
    ({ name }) => names.length === 0 || names.includes(name),
  );
  const kept = new Kept(isShort ? 'short' : 'scenarios', foundSchema);
  await exploreAll(scenarios, isShort, kept);
  print('| scenario | worlds | steps | schedules | longest | seconds |\n|---|---|---|---|---|---|');
  const seen = new Set<string>();
  for (const { name } of scenarios) {
    const found = kept.get(name);
    if (!found) {
      process.exitCode = 1;
      print(`| ${name} (not explored) |`);
      continue;
    }
    print(lineOf(name, found));
    if (found.violation) tell(found.violation);
    for (const transition of found.seen) seen.add(transition);
  }
  tellLies(scenarios.flatMap(({ name }) => kept.get(name)?.lies ?? []));
  const isWhole = !isShort && SCENARIOS.every(({ name }) => kept.get(name)?.complete === true);
  tellTransitions(seen, isWhole && scenarios.length === SCENARIOS.length);
}

/** On as many cores as there are: each scenario is a process of its own. Those in which most may happen come first. */
async function exploreAll(
  scenarios: readonly Scenario[],
  isShort: boolean,
  kept: Kept<Found>,
): Promise<void> {
  const size = ({ chances }: Scenario) => Object.values(chances).reduce((sum, chance) => sum + chance, 0);
  const waiting = scenarios.filter(({ name }) => !kept.get(name)).sort((a, b) => size(b) - size(a));
  const running = new Map<string, string>();
  let done = scenarios.length - waiting.length;
  const show = () => {
    const lines = [...running].map(([name, how]) => `${name}: ${how}`);
    const line = [`${done} of ${scenarios.length} scenarios`, ...lines].join(' · ');
    process.stderr.write(
      process.stderr.isTTY ? `\r\x1b[K${line.slice(0, process.stderr.columns - 1)}` : `${line}\n`,
    );
  };
  const timer = setInterval(show, process.stderr.isTTY ? 1_000 : 60_000);
  const one = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const { name } = next;
      const found = await inAChild(name, isShort, (how) => running.set(name, how));
      running.delete(name);
      done += 1;
      if (found) kept.set(name, found);
      else process.stderr.write(`\n${name}: the process ended before its scenario.\n`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, one));
  clearInterval(timer);
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
}

function inAChild(name: string, isShort: boolean, show: (how: string) => void): Promise<Found | undefined> {
  const child = fork(new URL('./child.ts', import.meta.url), [name, ...(isShort ? ['--short'] : [])]);
  let found: Found | undefined;
  child.on('message', (message) => {
    const progress = progressSchema.safeParse(message);
    if (progress.success) show(`${progress.data.states} worlds, ${progress.data.depth} steps deep`);
    else found = foundSchema.parse(message);
  });
  return new Promise((resolve) => child.on('exit', () => resolve(found)));
}

function lineOf(name: string, { states, steps, schedules, deepest, complete, seconds }: Found): string {
  const counts = [states, steps, schedules.toPrecision(3), deepest, seconds.toFixed(1)];
  return `| ${name}${complete ? '' : ' (not to the end)'} | ${counts.join(' | ')} |`;
}

function tell({ what, story }: NonNullable<Found['violation']>): void {
  print(`\n${what}`);
  for (const [index, step] of story.entries()) print(`  ${index + 1}. ${step}`);
  print('');
  process.exitCode = 1;
}

/** What nobody can check is printed, and is no failure. */
function tellLies(lies: Found['lies']): void {
  if (lies.length === 0) return;
  print('\n| a person says wrongly | what is lost | steps |\n|---|---|---|');
  for (const { said, lost, steps } of lies) print(`| ${said} | ${lost ?? 'nothing'} | ${steps ?? ''} |`);
}

/** @param isWhole all scenarios have come to their end: then a pair that is neither reached nor named is a failure. */
function tellTransitions(seen: ReadonlySet<string>, isWhole: boolean): void {
  const { wrong, untried, unnamed, reached } = sorted(seen);
  for (const [pair, why] of wrong) print(`\nWas reached, and cannot be (${why}): ${pair}`);
  if (wrong.length > 0 || (isWhole && unnamed.length > 0)) process.exitCode = 1;
  print(
    `\nOf ${TRANSITIONS.length} pairs of a phase and an outcome the machine was asked ${seen.size}. ${IMPOSSIBLE.size} cannot be, ` +
      `and no scenario puts together what it takes for ${untried.length} (proof/transitions.ts says why).`,
  );
  if (reached.length > 0) print('Of those that no scenario is made for, it came all the same to:');
  for (const [stands, outcomes] of byPhase(reached, TRANSITIONS))
    print(`- ${stands}: ${outcomes.join(', ')}`);
  if (unnamed.length > 0) print(`Neither reached nor named, ${unnamed.length}:`);
  for (const [stands, outcomes] of byPhase(unnamed, TRANSITIONS))
    print(`- ${stands}: ${outcomes.join(', ')}`);
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
