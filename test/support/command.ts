import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type * as z from 'zod';
import { EXIT, type ExitCode } from '../../cli/failure.ts';
import { main } from '../../cli/main.ts';
import { schemaOf } from '../../cli/output-schema.ts';
import type { Io } from '../../cli/program.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * What a command that did nothing has said, and its exit code (cli/failure.ts).
 *
 * @param sentences all of its lines, or one pattern. A line that points to the help may follow.
 */
export function exits(code: ExitCode, ...sentences: string[] | [RegExp]) {
  const [first] = sentences;
  const said = `${sentences.join('\n')}\n`;
  if (first instanceof RegExp) return { code, stdout: '', stderr: expect.stringMatching(first) };
  return { code, stdout: '', stderr: code === EXIT.usage ? expect.stringContaining(said) : said };
}

export interface CommandOptions {
  /** All that the command knows of the environment. */
  env: NodeJS.ProcessEnv;
  /** The working directory; default: the root of the repository. */
  cwd?: string;
  /** All of standard input. */
  input?: string;
  /** Whether a person types the input, and the output is shown to them. */
  isTerminal?: boolean;
  /** Default: as long as it is asked to. */
  sleep?: (ms: number) => Promise<unknown>;
}

/** The surroundings of a command, and what it says there. */
export function ioOf({ env, input = '', isTerminal = false, sleep = wait }: CommandOptions) {
  const said = { stdout: '', stderr: '' };
  const writer = (channel: keyof typeof said) =>
    Object.assign(
      new Writable({
        decodeStrings: false,
        write(chunk, _encoding, done) {
          said[channel] += chunk.toString();
          done();
        },
      }),
      isTerminal ? { isTTY: true, columns: 120 } : {},
    );
  const io: Io = {
    stdin: Object.assign(Readable.from(input === '' ? [] : [Buffer.from(input)]), { isTTY: isTerminal }),
    stdout: writer('stdout'),
    stderr: writer('stderr'),
    env,
    now: Date.now,
    sleep,
  };
  return { io, said };
}

/** What a command that changes something says before it does; test/cli/ways.test.ts tries it, and nobody else needs it. */
const NAMED_RELAY = /^Relay: .+\n/m;

/** Parts of a configuration, which are written as they stand there. */
const CONFIGURATION = new Set(['config', 'section', 'settings', 'matching', 'pricing']);

/** What `--json` prints has names in snake_case, in whatever test a command runs. */
function expectOneStyle(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inside] of Object.entries(value)) {
    if (/[a-z][A-Z]/.test(name)) throw new Error(`"${name}" in what --json prints is not snake_case.`);
    if (!CONFIGURATION.has(name)) expectOneStyle(inside);
  }
}

/** The schema of a command line's output. The options that choose the relay may stand before its name. */
function schemaFor(args: string[]): z.ZodType | undefined {
  const words = args.filter((arg, index) => !/^--(stack|local)/.test(arg) && args[index - 1] !== '--stack');
  return schemaOf(words.slice(0, 2).join(' ')) ?? schemaOf(words[0] ?? '');
}

/** @throws an Error that names the field, if what `--json` printed is not what docs/cli.schema.json says. */
function expectDocumented(args: string[], printed: unknown): void {
  expectOneStyle(printed);
  schemaFor(args)?.parse(printed);
}

/**
 * `npx relay …` in the test's own process: the same but for the start and the end of a process, which
 * test/cli/process.test.ts tries. It takes some 20 ms, where a process takes half a second.
 */
export async function runCommand(args: string[], options: CommandOptions): Promise<Ended> {
  const { io, said } = ioOf(options);
  const code = await surroundedBy(options, () => main(args, io));
  if (args.includes('--json') && said.stdout !== '') expectDocumented(args, JSON.parse(said.stdout));
  return { code, ...said, stderr: said.stderr.replace(NAMED_RELAY, '') };
}

/** What a command does not take from its `io`: AWS's SDK reads its settings, and files their folder, themselves. */
const PROCESS_WIDE = /^(AWS_|HOME$)/;

const settings = () => Object.entries(process.env).filter(([name]) => PROCESS_WIDE.test(name));

function replaceSettings(wanted: [string, string | undefined][]): void {
  for (const [name] of settings()) delete process.env[name];
  Object.assign(process.env, Object.fromEntries(wanted));
}

/** Commands that run now: all of them with the same settings. */
let current: { key: string; running: number; over: Promise<void>; end: () => void } | undefined;

/** Runs beside commands with the same process settings. Waits until commands with other settings have ended. */
async function surroundedBy<Result>(
  { env, cwd = ROOT }: Pick<CommandOptions, 'env' | 'cwd'>,
  run: () => Promise<Result>,
): Promise<Result> {
  const wanted = Object.entries(env).filter(
    ([name, value]) => PROCESS_WIDE.test(name) && value !== undefined,
  );
  const key = JSON.stringify([wanted, cwd]);
  while (current !== undefined && current.key !== key) await current.over;
  current ??= settle(key, wanted, cwd);
  const mine = current;
  mine.running += 1;
  try {
    return await run();
  } finally {
    mine.running -= 1;
    if (mine.running === 0) {
      current = undefined;
      mine.end();
    }
  }
}

function settle(key: string, wanted: [string, string | undefined][], cwd: string) {
  const before = { settings: settings(), cwd: process.cwd() };
  replaceSettings(wanted);
  process.chdir(cwd);
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const end = () => {
    replaceSettings(before.settings);
    process.chdir(before.cwd);
    resolve();
  };
  return { key, running: 0, over, end };
}

/** The command line as a process of its own. */
export const COMMAND = join(ROOT, 'cli/process.ts');

/** Half the time of a start, of which the tests make many. */
export const NODE_COMPILE_CACHE = join(ROOT, 'node_modules/.cache/compiled');

/** `node cli/process.ts …`; it gets no other environment. */
export function startCommand(args: string[], { env, cwd = ROOT, input = '' }: CommandOptions) {
  const child = spawn(process.execPath, [COMMAND, ...args], { cwd, env: { NODE_COMPILE_CACHE, ...env } });
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].setEncoding('utf8').on('data', (text: string) => {
      said[channel] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = once(child, 'close').then(
    ([code]): Ended => ({ code, ...said, stderr: said.stderr.replace(NAMED_RELAY, '') }),
  );
  return { child, ended };
}
