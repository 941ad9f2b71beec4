import { exec } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify, stripVTControlCharacters } from 'node:util';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startProcess } from '../../local/child-process.ts';
import { localConfig } from '../../local/config.ts';
import { takeFolder } from '../../local/state.ts';
import { NODE_COMPILE_CACHE, ROOT, runCommand } from '../support/command.ts';
import {
  isAlive,
  type Row,
  type RunningRelay,
  recordedPids,
  useEngines,
  useRelays,
} from '../support/relay-process.ts';

const { newFolder, run, start } = useRelays();
const newEngines = useEngines();

const lastLine = (text: string): Row => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
const says = ({ output }: RunningRelay, words: string) =>
  vi.waitFor(() => expect(output()).toContain(words), { timeout: 40_000, interval: 20 });
const ONCE = ['--once', '--json'];

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe.concurrent('npm start -- --once --json', () => {
  it('exits 0 with the completed recharge as its last line, also beside others on the engines they share', async () => {
    const { env } = await newEngines();
    const folders = [newFolder(), newFolder()];
    const ended = await Promise.all(
      folders.map((folder, index) => run({ folder, env, args: ONCE, threads: index === 0 })),
    );
    for (const { code, stdout, stderr } of ended) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const row = lastLine(stdout);
      expect(row).toMatchObject({
        key: expect.stringMatching(/^[0-9a-f-]{36}$/),
        phase: 'completed',
        email: 'demo@example.com',
        credits: 500,
        amount: 5_000,
        currency: 'USD',
        payment_ref: expect.stringMatching(/^pay_/),
        new_balance: 550,
      });
      expect(row.history.map(({ event }) => event)).toEqual(['received', 'paid', 'granted']);
      expect(stdout).toContain(`Recharge ${row.key}\n`);
      expect(stdout).toContain('client charged: pay_');
      expect(stdout).toContain('credits granted: balance 550');
      expect(stdout).toContain('demo@example.com now has 550 credits.');
      expect(stdout).toContain('jane writes in a chat system (channel demo): "Is my order on its way?"');
      expect(stdout).toContain('back to the chat: "You said: Is my order on its way?"');
    }
    for (const folder of folders) expect(existsSync(join(folder, 'processes.json'))).toBe(false);
  });

  it('with Stripe, and --fresh in a folder of earlier starts, shows a card saved, charged, declined, confirmed at the bank and given back', async () => {
    const folder = newFolder();
    // Nothing starts with these books, unless they are forgotten.
    writeFileSync(join(folder, 'platform.jsonl'), 'no event\n');
    const { code, stdout, stderr } = await run({
      folder,
      args: [...ONCE, '--fresh', '--payments', 'stripe'],
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lastLine(stdout)).toMatchObject({
      phase: 'completed',
      email: 'demo@example.com',
      payment_ref: expect.stringMatching(/^pi_/),
      new_balance: 550,
    });
    for (const said of [
      /npx relay accounts invite demo@example\.com --json\n {2}http:\S+\/sandbox\/stripe\/checkout\/cs_/,
      'demo@example.com pays with visa ••4242',
      'the recharge is declined (card_refused). For the client: "The bank refused the card.',
      /for them:\n {2}http:\S+\/pay\/[\w-]{32}\n/,
      /the same payment is paid \(pi_\w+\), and the recharge is completed/,
      /Stripe gives it back \(re_\w+\)/,
    ])
      expect(stdout).toMatch(said);
  });

  it('is refused where a party of one’s own takes the place of the sandbox, before anything is made', async () => {
    const folder = join(newFolder(), 'new');
    expect(await run({ folder, env: { PAYMENT_HOOK_URL: 'http://127.0.0.1:9' }, args: ['--once'] })).toEqual({
      code: 2,
      stdout: '',
      stderr:
        '--once runs the demonstration: unset PLATFORM_BASE_URL and PAYMENT_HOOK_URL, which replace the sandbox.\n',
    });
    expect(existsSync(folder)).toBe(false);
  });
});

describe('a relay that stays up', () => {
  let relay: RunningRelay;
  /** What the others said that were started in its folder at the same moment. */
  let others: string[];
  beforeAll(async () => {
    const folder = newFolder();
    const starts = await Promise.allSettled(
      [1, 2].map(() => start({ folder, env: { FORCE_COLOR: '1' }, ownEngines: true })),
    );
    others = starts.flatMap((one) => (one.status === 'rejected' ? [one.reason.message] : []));
    const [one] = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    relay = one ?? expect.unreachable(`None started: ${others}`);
    await says(relay, 'Ctrl-C stops everything');
  });

  it('has its folder alone, also where several start at once', () => {
    expect(others).toEqual([
      expect.stringMatching(/^The relay ended with 1 before it was ready: Another npm start .+\n$/),
    ]);
  });

  it('prints lines that work when they are pasted', async () => {
    const lines = relay
      .output()
      .split('\n')
      .filter((line) => /^ {2}(RELAY_LOCAL_DIR=\S+ npx|curl) /.test(line));
    expect(lines).toHaveLength(9);
    // As in a terminal of the user: another shell, with Node and npm on its path.
    const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
    const paste = async (line: string, path = PATH) =>
      (await promisify(exec)(line, { cwd: ROOT, env: { PATH: path, NODE_COMPILE_CACHE }, timeout: 50_000 }))
        .stdout;
    // One line starts npx. Of the others the shell says what npx would be given, and that runs in this process.
    const shell = newFolder();
    const tells = `#!/bin/sh\nprintf '%s\\0' "$RELAY_LOCAL_DIR" "$@"\n`;
    writeFileSync(join(shell, 'npx'), tells, { mode: 0o755 });
    const runHere = async (line: string) => {
      const [folder = '', name, ...args] = (await paste(line, `${shell}:${PATH}`)).slice(0, -1).split('\0');
      expect(name).toBe('relay');
      const { code, stdout } = await runCommand(args, { env: { RELAY_LOCAL_DIR: folder } });
      expect(code).toBe(0);
      return stdout;
    };
    const said = await Promise.all(
      lines.map((line, index) => (index === 0 || !line.includes(' npx ') ? paste(line) : runHere(line))),
    );
    expect(said[0]).toMatch(/ completed +500 +50\.00 USD +demo@example\.com /);
    expect(JSON.parse(said[1] ?? '')).toMatchObject({ email: 'client-099@example.com', balance: 50 });
    expect(said[2]).toMatch(/^202 \{"status":"received"/m);
    expect(JSON.parse(said[3] ?? '')).toMatchObject({ status: 'received' });
    expect(JSON.parse(said[4] ?? '')).toMatchObject({
      faults: [{ operation: 'grant', fault: 'error_after' }],
    });
    expect(said[5]).toMatch(/^\d+ open alerts?$/m);
    expect(JSON.parse(said[6] ?? '').events[0]).toMatchObject({ kind: 'capture', email: 'demo@example.com' });
    expect(JSON.parse(said[7] ?? '')).toMatchObject({ id: expect.stringMatching(/./) });
    expect(said[8]).toMatch(/ delivered +demo\/outgoing +jane +rrm-[0-9a-f]{24} +You said: /);
    expect(await runHere(lines[2] ?? '')).toMatch(/^200 \{"status"/m);
    expect(relay.output()).toContain(
      `stays in ${relay.folder} (RELAY_LOCAL_DIR=${relay.folder} npm start -- --fresh forgets it)`,
    );
  });

  it('tells of each webhook, charge, grant and message while it runs, and what to do where an alert is raised', async () => {
    const { url, folder } = relay;
    const email = 'client-041@example.com';
    const fault = JSON.stringify({ operation: 'grant', fault: 'error_after', email });
    await fetch(`${url}/sandbox/platform/faults`, { method: 'POST', body: fault });
    await relay.cli('webhook', 'send', '--key', 'told-1', '--email', email);
    await says(relay, `\u001b[31mRELAY_LOCAL_DIR=${folder} npx relay recharges show told-1\u001b[`);
    const lines = stripVTControlCharacters(relay.output()).split('\n');
    const of = (word: string) => lines.find((line) => line.includes(word) && line.includes('told-1'));
    expect(of('webhook')).toMatch(
      /^\d\d:\d\d:\d\d --> webhook {2}202 received .+ c\*{3}@example\.com {2}500 credits$/,
    );
    expect(of('charge')).toMatch(/ <-- charge {3}paid .+ 50\.00 USD$/);
    expect(of('grant ')).toMatch(/ <-- grant {4}unknown .+ needs_review: grant_unknown$/);
    expect(of('ALERT')).toMatch(/ !!! ALERT {4}grant_unknown .+ \(RUNBOOK\.md#grant_unknown\)$/);
    expect(lines.filter((line) => line.includes('<-- message'))).not.toEqual([]);
    // The file keeps the whole of it, for programs.
    const log = readFileSync(join(folder, 'relay.log'), 'utf8').trimEnd().split('\n');
    expect(log.map((line) => JSON.parse(line))).toContainEqual(
      expect.objectContaining({ level: 'alert', message: 'grant_unknown', key: 'told-1' }),
    );
  });

  it('refuses a second start in its folder, with --fresh too, and is not hurt by it', async () => {
    const secrets = join(relay.folder, 'secrets.json');
    renameSync(secrets, `${secrets}.aside`);
    expect(await run({ folder: relay.folder, args: ['--fresh'] })).toEqual({
      code: 1,
      stdout: '',
      stderr: `Another npm start (process ${relay.pid}) is running in ${relay.folder}. Stop it first, or set RELAY_LOCAL_DIR to another folder.\n`,
    });
    // One that does not have the folder makes no secrets for it: they would not be those that the relay runs with.
    expect(existsSync(secrets)).toBe(false);
    renameSync(`${secrets}.aside`, secrets);
    expect(
      (await relay.cli('webhook', 'send', '--key', 'after-all', '--email', 'client-050@example.com')).code,
    ).toBe(0);
    expect(await relay.reaches('after-all', 'completed')).toMatchObject({ new_balance: 1_000 });
  });

  it('leaves no engine where it is killed, and its data to the next, which ends with all it started on Ctrl-C', async () => {
    const { folder } = relay;
    const pids = recordedPids(folder);
    // The relay, the DynamoDB engine, the queues, and the sandbox's platform, payments and chat.
    expect(pids).toHaveLength(6);
    expect(pids.filter(isAlive)).toEqual(pids);
    expect(await relay.end('SIGKILL')).toMatchObject({ code: null });
    await vi.waitFor(() => expect(pids.filter(isAlive)).toEqual([]), { timeout: 30_000 });

    const next = await start({ folder, ownEngines: true });
    await says(next, 'Ctrl-C stops everything');
    const kept = (await next.json<Row[]>('recharges', 'list')).filter(
      ({ email }) => email === 'demo@example.com',
    );
    expect(kept).toMatchObject([{ new_balance: 550 }, { phase: 'completed', new_balance: 550 }]);
    const others = recordedPids(folder);
    expect(await next.end('SIGINT')).toMatchObject({ code: 0, stderr: '' });
    expect(others.filter(isAlive)).toEqual([]);
    expect(existsSync(join(folder, 'processes.json'))).toBe(false);

    // What a start leaves that does not forget with --fresh.
    takeFolder({ RELAY_LOCAL_DIR: folder }, { fresh: true }).release();
    expect(readdirSync(folder).sort()).toEqual(['relay.log', 'runtime.json', 'secrets.json']);
  });
});

describe.concurrent('npm start', () => {
  it('says that its port is taken, and leaves nothing running', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const address = other.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const folder = newFolder();
      expect(await run({ folder, args: ['--port', String(port)] })).toEqual({
        code: 1,
        stdout: '',
        stderr: `Port ${port} of 127.0.0.1 is taken by another program. Choose another with --port N, or any free one with --port 0.\n`,
      });
      expect(existsSync(join(folder, 'processes.json'))).toBe(false);
    } finally {
      other.close();
    }
  });

  it('says in one sentence what a part found that does not start', async () => {
    const booksFile = join(newFolder(), 'platform.jsonl');
    writeFileSync(booksFile, 'no event\n');
    await expect(
      startProcess('./sandbox/platform-process.ts', { booksFile, apiKey: 'key', webhookSecret: 'secret' }),
    ).rejects.toThrow(
      `./sandbox/platform-process.ts did not start: ${booksFile}, line 1: not an event of these books. Delete the file to begin anew.`,
    );
  });

  it('names the faults of RELAY_CONFIG without quoting it', () => {
    const RELAY_CONFIG = join(newFolder(), 'mine.json');
    const theirs = 'http://127.0.0.1:9';
    const env = { RELAY_CONFIG, PLATFORM_BASE_URL: `${theirs}/v1`, PAYMENT_HOOK_URL: theirs };
    const read = () => localConfig(env, { platformUrl: undefined, paymentsUrl: undefined });
    expect(read).toThrow('mine.json cannot be used:\n  - it cannot be read (ENOENT)');
    const reading = (text: string) => () => {
      writeFileSync(RELAY_CONFIG, text);
      read();
    };
    expect(reading('{"pricing": hunter2}')).toThrow('mine.json cannot be used:\n  - it is not JSON');
    expect(reading('[]')).toThrow('mine.json cannot be used:\n  - the whole file: ');
    expect(reading('{"recharge": "hunter2", "guard": []}')).toThrow(
      /^mine\.json cannot be used:\n {2}- recharge: ((?!hunter2).)+\n {2}- guard: .+$/,
    );
    expect(reading('{"recharge": {"mode": "hunter2"}, "gard": {}}')).toThrow(
      /^mine\.json cannot be used:\n {2}- recharge\.mode: ((?!hunter2).)+\n {2}- the whole file: has no setting "gard"; there are .+$/,
    );
    expect(reading('{}')).not.toThrow();
  });
});
