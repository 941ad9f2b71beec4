import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Change, confirmChange } from '../../cli/confirm.ts';
import { failureOf, UsageError } from '../../cli/failure.ts';
import { relayCommand } from '../../local/state.ts';
import { OperateError } from '../../operate/error.ts';
import { type CommandOptions, exits, ioOf, runCommand } from '../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-ways-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (args: string[], { env, ...more }: Partial<CommandOptions> = {}) =>
  runCommand(args, { env: { RELAY_LOCAL_DIR: folder, ...env }, ...more });

describe('which relay is meant', () => {
  const used = async (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const { stdout } = await run([...args, 'use', '--json'], { env });
    return JSON.parse(stdout).stack;
  };

  it('is the one named, else that of the shell, else the one remembered, else the local one', async () => {
    expect(await used([])).toBeNull();
    expect(await run(['use', 'recharge-relay-prod'])).toMatchObject({
      code: 0,
      stdout: 'Commands speak to recharge-relay-prod, which is production: changes are asked about.\n',
    });
    expect(readFileSync(join(folder, 'stack'), 'utf8')).toBe('recharge-relay-prod\n');
    expect(await used([])).toBe('recharge-relay-prod');
    const RELAY_STACK = 'recharge-relay-dev';
    expect(await used([], { RELAY_STACK })).toBe(RELAY_STACK);
    expect((await run(['use'], { env: { RELAY_STACK } })).stderr).toBe(
      'RELAY_STACK is set to recharge-relay-dev, and goes before what is remembered.\n',
    );
    expect(await used(['--stack', 'recharge-relay-eu'], { RELAY_STACK })).toBe('recharge-relay-eu');
    expect((await run(['--local', 'recharges', 'list'], { env: { RELAY_STACK } })).stderr).toMatch(
      /^No relay was started in /,
    );
    // What npm start proposes to paste reaches the relay that it has started.
    const env = { RELAY_LOCAL_DIR: folder };
    expect(relayCommand(env)).toBe(`RELAY_LOCAL_DIR=${folder} npx relay --local`);
    expect((await run(['use', '--local'])).stdout).toBe(`Commands speak to the local relay, in ${folder}.\n`);
    expect(existsSync(join(folder, 'stack'))).toBe(false);
    expect(relayCommand(env)).toBe(`RELAY_LOCAL_DIR=${folder} npx relay`);
    expect(relayCommand({ ...env, RELAY_STACK })).toBe(`RELAY_LOCAL_DIR=${folder} npx relay --local`);
  });

  it('is said to be no name, before anything begins', async () => {
    const env = { RELAY_STACK: 'no name' };
    expect(await run(['recharges', 'list'], { env })).toEqual(
      exits(2, "RELAY_STACK: a stack's name is letters, digits and -."),
    );
    expect(await run(['recharges', 'lit'], { env })).toEqual(exits(2, /^unknown command 'lit'/));
    expect(await run(['--local', '--stack', 'recharge-relay-dev', 'recharges', 'list'])).toEqual(
      exits(2, '--stack and --local exclude each other.'),
    );
  });
});

describe('before a change', () => {
  async function change(name: string | undefined, more: Partial<CommandOptions & Change> = {}) {
    const { io, said } = ioOf({ env: { RELAY_LOCAL_DIR: folder }, isTerminal: true, ...more });
    const tell = (line: string) => io.stderr.write(`${line}\n`);
    const asked: Change = { question: 'Stop it?', yes: false, ...more };
    const outcome = await confirmChange({ io, tell, stack: () => name }, asked).then(
      () => 'done',
      (error: OperateError) => `${error.kind}: ${error.message}`,
    );
    return [...said.stderr.trimEnd().split('\n'), outcome];
  }
  const DEV = 'recharge-relay-dev';
  const PROD = 'recharge-relay-prod';
  const NO = 'refused: That is no yes. Nothing was done.';

  it.each<[string, string | undefined, Partial<CommandOptions & Change>, string[]]>([
    ['the local relay is named', undefined, {}, [`Relay: local (${folder})`, 'done']],
    ['a relay on AWS is named', DEV, { isTerminal: false }, [`Relay: ${DEV}`, 'done']],
    ['production is asked about', PROD, { input: 'y\n' }, [`Relay: ${PROD}`, 'Stop it? [y/N]', 'done']],
    ['another answer is a no', PROD, { input: 'ok\n' }, [`Relay: ${PROD}`, 'Stop it? [y/N]', NO]],
    ['no answer is a no', PROD, {}, [`Relay: ${PROD}`, 'Stop it? [y/N]', NO]],
    ['--yes is an answer', PROD, { yes: true }, [`Relay: ${PROD}`, 'done']],
    [
      'production needs --yes where nobody is asked',
      PROD,
      { isTerminal: false, input: 'yes\n' },
      [`Relay: ${PROD}`, 'refused: Stop it? Nobody is at a terminal to say so: add --yes. Nothing was done.'],
    ],
    [
      'a large change is asked about everywhere',
      undefined,
      { always: true, input: 'Yes\n' },
      [`Relay: local (${folder})`, 'Stop it? [y/N]', 'done'],
    ],
  ])('%s', async (_what, name, more, expected) => {
    expect(await change(name, more)).toEqual(expected);
  });
});

describe('a command that failed', () => {
  it('ends with a code that says why, for a program', () => {
    const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect([
      failureOf(new Error('a bug')),
      failureOf(new UsageError('both')),
      failureOf(new OperateError('not_found', 'none')),
      failureOf(new OperateError('changed', 'newer')),
      failureOf(new OperateError('refused', 'no')),
      failureOf(new OperateError('not_ready', 'not set')),
      failureOf(new Error('fetch failed', { cause: network })),
    ]).toEqual([
      { code: 'failed', exit: 1 },
      { code: 'usage', exit: 2 },
      { code: 'not_found', exit: 3 },
      { code: 'changed', exit: 4 },
      { code: 'refused', exit: 4 },
      { code: 'not_ready', exit: 5 },
      { code: 'unreachable', exit: 5 },
    ]);
  });

  it('says it in JSON where that is asked for, and nothing else', async () => {
    const { code, stdout, stderr } = await run(['recharges', 'list', '--json']);
    expect({ code, stderr }).toEqual({ code: 5, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      error: { code: 'not_ready', message: expect.stringMatching(/^No relay was started in /) },
    });
    const misspelt = await run(['recharges', 'list', '--jason', '--json']);
    expect(misspelt).toMatchObject({ code: 2, stderr: '' });
    expect(JSON.parse(misspelt.stdout)).toEqual({
      error: { code: 'usage', message: "unknown option '--jason'\n(Did you mean --json?)" },
    });
  });

  it('points to the help of the command that was meant', async () => {
    const pointing = async (...args: string[]) => (await run(args)).stderr.trimEnd().split('\n').at(-1);
    expect(await pointing('rechrges')).toBe('Help: npx relay --help');
    expect(await pointing('recharges', 'lst')).toBe('Help: npx relay recharges --help');
    expect(await pointing('recharges', 'show')).toBe('Help: npx relay recharges show --help');
    expect(await pointing('--stack', 'x', 'recharges', 'show', 'a', 'b')).toBe(
      'Help: npx relay recharges show --help',
    );
    expect(await run(['recharges'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^Usage: relay recharges/),
    });
  });

  it('says its version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });
});
