/**
 * Changes the code that moves money, one small change (a mutant) at a time, and sees whether a test fails for it.
 *
 *     npm run mutants
 *     npm run mutants -- shared/recharge/guard.ts shared/money.ts
 *     npm run mutants -- --force
 *     npm run mutants -- --workers 2
 *
 * What was found before is kept in `.stryker/`. A mutant is tried again where it survived, and where its code or one of its
 * tests has changed. What else a test stands on is not looked at: `--force` tries all again.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Stryker } from '@stryker-mutator/core';
import { EXPLAINED, type Explained } from './explained.ts';
import { ROOMS } from './rooms.ts';

/** Of a file, in percent. */
const LEAST_SCORE = 90;

type Mutant = Awaited<ReturnType<Stryker['runMutationTest']>>[number];

interface Judged {
  file: string;
  mutants: number;
  killed: number;
  /** In words. */
  unexplained: string[];
  /** Explanations of survivors that there are not. */
  needless: Explained[];
}

const print = (line: string) => process.stdout.write(`${line}\n`);

const {
  values: { force, workers },
  positionals: asked,
} = parseArgs({
  allowPositionals: true,
  options: { force: { type: 'boolean', default: false }, workers: { type: 'string', default: '1' } },
});
const strangers = asked.filter((file) => !ROOMS.some(({ files }) => files.includes(file)));
if (strangers.length > 0) {
  print(`Not among the files that are mutated (test/mutants/rooms.ts): ${strangers.join(', ')}`);
  process.exit(2);
}

const judged: Judged[] = [];
for (const { files, tests } of ROOMS) {
  for (const file of files.filter((one) => asked.length === 0 || asked.includes(one))) {
    const source = readFileSync(file, 'utf8');
    const one = judge(file, source.split('\n'), await mutate(file, tests));
    tell(one);
    judged.push(one);
  }
}
process.exitCode = report(judged) ? 0 : 1;

/**
 * What is the same for all files is in stryker.json, which holds no comments. `tsconfigFile` names no file there: Stryker
 * would read it with an API that TypeScript 7 does not have, and Vitest does not need it. And not Stryker's `testFiles`,
 * but our configuration of Vitest chooses the tests: with `testFiles`, no mutant of what runs while a module is loaded is
 * ever alive.
 */
async function mutate(file: string, tests: readonly string[]): Promise<Mutant[]> {
  process.env.RELAY_MUTANTS_TESTS = tests.join(' ');
  const incrementalFile = `.stryker/${file.replaceAll('/', '+')}.json`;
  forgetSurvivors(incrementalFile);
  const stryker = new Stryker({
    configFile: 'test/mutants/stryker.json',
    mutate: [file],
    force,
    concurrency: Number(workers),
    incrementalFile,
    reporters: [process.stdout.isTTY ? 'progress' : 'progress-append-only'],
  });
  return await stryker.runMutationTest();
}

/** They are always tried again: that a test of what runs while a module is loaded is new, Stryker does not see. */
function forgetSurvivors(incrementalFile: string): void {
  if (!existsSync(incrementalFile)) return;
  const known: { files: Record<string, { mutants: Pick<Mutant, 'status'>[] }> } = JSON.parse(
    readFileSync(incrementalFile, 'utf8'),
  );
  for (const one of Object.values(known.files))
    one.mutants = one.mutants.filter(({ status }) => status === 'Killed' || status === 'Timeout');
  writeFileSync(incrementalFile, JSON.stringify(known));
}

function judge(file: string, lines: string[], mutants: Mutant[]): Judged {
  const tried = mutants.filter(({ status }) => status !== 'RuntimeError' && status !== 'CompileError');
  const survivors = tried.filter(({ status }) => status === 'Survived' || status === 'NoCoverage');
  const placed = survivors.map((mutant) => ({ mutant, ...placeOf(mutant, lines) }));
  const ofFile = EXPLAINED.filter((one) => one.file === file);
  const isExplained = (survivor: Place) => ofFile.some((one) => isAbout(one, survivor));
  return {
    file,
    mutants: tried.length,
    killed: tried.length - survivors.length,
    unexplained: placed
      .filter((survivor) => !isExplained(survivor))
      .map(({ mutant, line, becomes }) => `line ${mutant.location.start.line}: ${line}\n      ${becomes}`),
    needless: ofFile.filter((one) => !placed.some((survivor) => isAbout(one, survivor))),
  };
}

type Place = Pick<Explained, 'line' | 'becomes'>;

function isAbout(one: Explained, { line, becomes }: Place): boolean {
  return one.line === line && one.becomes === becomes;
}

/** Numbers of lines move with every change above. The text of a line and of its change stay. */
function placeOf({ location: { start, end }, replacement = '' }: Mutant, lines: string[]): Place {
  const onOneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
  const first = lines[start.line - 1] ?? '';
  const last = lines[end.line - 1] ?? '';
  const changed = first.slice(0, start.column - 1) + replacement + last.slice(end.column - 1);
  return { line: onOneLine(first), becomes: onOneLine(changed) };
}

function percent({ mutants, killed }: Pick<Judged, 'mutants' | 'killed'>): string {
  return `${((100 * killed) / mutants).toFixed(1)} %`;
}

function tell(one: Judged): void {
  print(`${one.file}: ${percent(one)}`);
  for (const survivor of one.unexplained) print(`  survives: ${survivor}`);
  for (const { line, becomes } of one.needless)
    print(`  explained, and does not survive: ${line}\n      ${becomes}`);
}

/** @returns whether all is well. */
function report(all: Judged[]): boolean {
  print('\n| file | mutants | killed | explained | score |\n|---|---|---|---|---|');
  for (const one of all) {
    const { file, mutants, killed, unexplained } = one;
    print(
      `| ${file} | ${mutants} | ${killed} | ${mutants - killed - unexplained.length} | ${percent(one)} |`,
    );
  }
  const low = all.filter(({ mutants, killed }) => (100 * killed) / mutants < LEAST_SCORE);
  for (const { file } of low) print(`Under ${LEAST_SCORE} %: ${file}`);
  return (
    low.length === 0 && all.every(({ unexplained, needless }) => unexplained.length + needless.length === 0)
  );
}
