/**
 * What somebody waits for at the command line: from the start of a process to its end, with what it compiled the last
 * time at hand.
 *
 *     npm run bench:starts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { msOf } from './command.ts';
import { type Figure, type Measured, printed, quick } from './figures.ts';
import { startRelay } from './relay.ts';

/** As `npm run relay` starts it. */
const COMMAND = ['--import', './preflight.mjs', 'cli/process.ts'];
const ROUNDS = 9;
const GOAL_COMMAND_MS = 250;
const GOAL_SYNTH_MS = 5_000;
const GOAL_FIRST_RECHARGE_MS = 5_000;

const listSchema = z.array(z.object({ key: z.string() })).min(1);

export async function measureStarts(): Promise<Measured> {
  return {
    title: 'Starts',
    how:
      `From the start of a process to its end; the lower quartile of ${ROUNDS} (3 where it takes seconds), after one that ` +
      'was not counted. `npm start -- --once` starts everything, shows a recharge from webhook to grant and a message, ' +
      'and ends.',
    figures: [
      ...(await commands()),
      await timed('npm run synth', ['npm', 'run', '-s', 'synth'], { rounds: 3, atMost: GOAL_SYNTH_MS }),
      await once(),
    ],
  };
}

interface Options {
  env?: NodeJS.ProcessEnv;
  rounds?: number;
  atMost?: number;
}

async function timed(what: string, [command = '', ...args]: string[], options: Options): Promise<Figure> {
  const { env = process.env, rounds = ROUNDS, atMost } = options;
  // The first one compiles, and is not counted.
  await msOf(command, args, env);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) times.push(await msOf(command, args, env));
  return { what, value: quick(times), unit: 'ms', ...(atMost === undefined ? {} : { goal: { atMost } }) };
}

/** On a relay whose one recharge is the demonstration's. */
async function commands(): Promise<Figure[]> {
  const { env, stop } = await startRelay();
  try {
    const list = execFileSync(process.execPath, [...COMMAND, 'recharges', 'list', '--json'], { env });
    const [{ key } = { key: '' }] = listSchema.parse(JSON.parse(list.toString()));
    const show = ['recharges', 'show', key];
    return [
      await timed('recharges show', [process.execPath, ...COMMAND, ...show], {
        env,
        atMost: GOAL_COMMAND_MS,
      }),
      await timed('the same by npx, which takes its own time', ['npx', 'relay', ...show], { env }),
      await timed('--help, which loads every command', [process.execPath, ...COMMAND, '--help'], { env }),
    ];
  } finally {
    await stop();
  }
}

async function once(): Promise<Figure> {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
  try {
    return await timed('npm start -- --once', ['npm', 'start', '-s', '--', '--once', '--port', '0'], {
      env: { ...process.env, RELAY_LOCAL_DIR: folder },
      rounds: 3,
      atMost: GOAL_FIRST_RECHARGE_MS,
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (import.meta.main) process.stdout.write(printed(await measureStarts()));
