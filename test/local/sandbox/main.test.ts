import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { explain, optionsOf } from '../../../local/sandbox/main-flags.ts';
import { NODE_COMPILE_CACHE } from '../../support/command.ts';
import { call, startReceiver, useEndings } from '../../support/sandbox.ts';

const atTheEnd = useEndings();
const MAIN = join(import.meta.dirname, '../../../local/sandbox/main.ts');

/** Starts it on a free port, unless the flags say otherwise, and waits for its last line. */
async function start(...flags: string[]) {
  const env = { ...process.env, NODE_COMPILE_CACHE };
  const child = spawn(process.execPath, [MAIN, '--port', '0', ...flags], { env });
  atTheEnd(() => child.kill('SIGKILL'));
  let printed = '';
  let complaints = '';
  child.stdout.on('data', (chunk) => {
    printed += chunk;
  });
  child.stderr.on('data', (chunk) => {
    complaints += chunk;
  });
  const ended = once(child, 'exit');
  await vi.waitFor(() => expect(printed.includes('Ctrl-C') || child.exitCode !== null).toBe(true), 5_000);
  const [, url = '', key = ''] = /listens on (\S+)\/v1 \(API key: (.+)\)/.exec(printed) ?? [];
  return { child, ended, url, key, printed: () => printed, complaints: () => complaints };
}

/** Runs the printed curl lines in a shell, as they are. */
async function paste(printed: string): Promise<string[]> {
  const lines = printed.split('\n').filter((line) => line.startsWith('  curl '));
  const answers = [];
  for (const line of lines) {
    const { stdout } = await promisify(execFile)('sh', ['-c', line]);
    answers.push(stdout);
  }
  return answers;
}

describe('npm run sandbox', () => {
  it('prints its address and commands that work, and ends with 0 on Ctrl-C', async () => {
    const { child, ended, url, key, printed } = await start();
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    const [contact, message, grant, usage, fault, books] = await paste(printed());
    expect(JSON.parse(contact ?? '')).toMatchObject({ firstName: 'Jane', phone: '+15551234567' });
    expect(JSON.parse(message ?? '')).toEqual({ success: true, messageId: expect.any(String) });
    expect(JSON.parse(grant ?? '')).toMatchObject({ success: true, credits_added: 500, new_balance: 1000 });
    expect(usage).toMatch(/^Sub Account ID,.*\r\nsub-demo-example-com,demo@example.com,demo,.*,500,/);
    expect(JSON.parse(fault ?? '')).toEqual({
      faults: [{ operation: 'incoming', fault: 'rate_limited', times: 1 }],
    });
    const { events } = JSON.parse(books ?? '');
    expect(events.map(({ kind }: { kind: string }) => kind)).toEqual([
      'contact',
      'contact',
      'received',
      'grant',
    ]);
    expect((await call(`${url}/health`)).status).toBe(200);
    child.kill('SIGINT');
    expect(await ended).toEqual([0, null]);
  });

  it('takes key, secrets, addresses, rate, profile and books from its flags', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    atTheEnd(() => rmSync(folder, { recursive: true }));
    const [profile, data] = [join(folder, 'profile.json'), join(folder, 'books.jsonl')];
    const bearer = { keyHeader: 'authorization', keyPrefix: 'Bearer ' };
    const keyPlacement = { contacts: 'header', messages: 'header' };
    writeFileSync(profile, JSON.stringify({ keyPlacement, ...bearer, errorShape: 'flat' }));
    const { url: hook, received } = await startReceiver(atTheEnd);
    const { url, key, printed } = await start(
      ...['--api-key', "it's mine", '--profile', profile, '--rate', '6', '--data', data],
      ...['--webhook-url', `${hook}/webhook`, '--webhook-secret', 'one'],
      ...['--reply-url', `${hook}/reply`, '--reply-secret', 'two'],
    );
    expect(key).toBe("it's mine");
    expect(printed()).not.toContain('The secret of what it sends');
    const [contact, message, grant] = await paste(printed());
    expect(JSON.parse(contact ?? '')).toMatchObject({ phone: '+15551234567' });
    expect(JSON.parse(message ?? '')).toMatchObject({ success: true });
    expect(JSON.parse(grant ?? '')).toMatchObject({ success: true });
    await call(`${url}/sandbox/spend`, { email: 'demo@example.com', credits: 950 });
    await vi.waitFor(() => expect(received).toHaveLength(2));
    expect(received.map(({ url: path, headers }) => [path, headers['x-webhook-token']])).toEqual([
      ['/reply', 'two'],
      ['/webhook', 'one'],
    ]);
    expect((await call(`${url}/v1/contacts?apiKey=x`)).json).toEqual({
      error: 'Invalid or missing API key.',
    });
    const known = { authorization: `Bearer ${key}` };
    for (const _ of [5, 6]) await call(`${url}/v1/contacts`, undefined, known);
    expect((await call(`${url}/v1/contacts`, undefined, known)).status).toBe(429);
    expect(readFileSync(data, 'utf8')).toContain('"kind":"webhook"');
  });

  it('prints the secret it has made, for what it sends', async () => {
    const { url: hook, received } = await startReceiver(atTheEnd);
    const { url, printed } = await start('--webhook-url', hook);
    await call(`${url}/sandbox/spend`, { email: 'demo@example.com', credits: 450 });
    await vi.waitFor(() => expect(received).toHaveLength(1));
    expect(printed()).toContain(`The secret of what it sends: ${received[0]?.headers['x-webhook-token']}\n`);
  });

  it.each([
    [['--port', 'x'], /number.*at port/s],
    [['--rate', '0'], /at ratePerMinute/],
    [['--webhook-url', 'nowhere'], /Invalid URL.*at webhookUrl/s],
    [['--profile', '/nowhere.json'], /no such file/],
    [['--profile', MAIN], /main\.ts is not JSON/],
    [['--unknown'], /Unknown option '--unknown'/],
  ])('does not start with %j, and says why', (flags, why) => {
    const said = expect.toSatisfy((error: unknown) => why.test(explain(error)));
    expect(() => optionsOf(flags)).toThrow(said);
  });

  it('says in one sentence why it does not start, and ends with 1: where the port is taken', async () => {
    const { url } = await startReceiver(atTheEnd);
    const { ended, complaints } = await start('--port', new URL(url).port);
    expect(await ended).toEqual([1, null]);
    expect(complaints()).toBe(
      'Another process listens on this port: choose one with --port (0 for any free one).\n',
    );
  });
});
