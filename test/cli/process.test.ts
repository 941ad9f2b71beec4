import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { localSecrets } from '../../local/state.ts';
import { COMMAND, runCommand, startCommand } from '../support/command.ts';
import { pastedFrom, useOperator } from '../support/operator.ts';
import type { Env } from '../support/relay-process.ts';

vi.setConfig({ testTimeout: 60_000 });

const { folder, shell, aws, newStack } = useOperator();

const NOWHERE = { RELAY_LOCAL_DIR: join(folder, 'none') };

describe('a command where no relay was started', () => {
  it.each([
    ['recharges', 'list'],
    ['accounts', 'list'],
    ['pause', '--note', 'a look'],
    ['resume'],
    ['webhook', 'send'],
    ['quarantine', 'list'],
    ['capture', 'list'],
    ['secrets', 'list'],
    ['channels', 'list'],
    ['messages', 'list'],
    ['platform', 'subaccounts', 'get', 'demo@example.com'],
    ['probe'],
  ])('says what is missing, and ends with 5: %s', async (...args) => {
    const said = await runCommand(args, { env: NOWHERE });
    expect(said).toMatchObject({ code: 5, stdout: '' });
    expect(said.stderr).toMatch(/^No (relay was started|platform is known).+\n$/);
  });
});

describe.concurrent('a command as a process', () => {
  it("starts, says what it says in the test's own process, and ends so", async () => {
    const args = ['recharges', 'list'];
    const said = await startCommand(args, { env: NOWHERE }).ended;
    expect(said.code).toBe(5);
    expect(said).toEqual(await runCommand(args, { env: NOWHERE }));
  });

  // The help loads every command.
  it('ends with 0 where it did what it was asked', async () => {
    const help = await startCommand(['--help'], { env: {} }).ended;
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toContain('\n  recharges ');
    expect(help).toEqual(await runCommand(['--help'], { env: {} }));
  });

  it('ends in peace where the reader closes the pipe early, as head does', async () => {
    const stack = newStack();
    const file = join(folder, 'relay.config.json');
    writeFileSync(file, '{}');
    const env = { ...shell, RELAY_CONFIG: file };
    const { child, ended } = startCommand(['--stack', stack.name, 'secrets', 'list'], { env });
    child.stdout.destroy();
    expect(await ended).toEqual({ code: 0, stdout: '', stderr: '' });
  });
});

const API_KEY = 'api-key-of-the-agency';

/** Runs a command at a terminal of its own (util-linux). */
const SCRIPT = '/usr/bin/script';

/** A folder in which `npm start` has run, and its secrets as they are stored. */
function newHome() {
  const env = { RELAY_LOCAL_DIR: mkdtempSync(join(folder, 'home-')) };
  localSecrets(env);
  const file = join(env.RELAY_LOCAL_DIR, 'secrets.json');
  return { env, file, secrets: (): any => JSON.parse(readFileSync(file, 'utf8')) };
}

describe.skipIf(!existsSync(SCRIPT) || process.platform !== 'linux')('on a terminal', () => {
  /** Types one text after each question. */
  async function atTerminal(args: string, typed: (string | (() => string))[], env: Env = {}) {
    const child = spawn(SCRIPT, ['-qefc', `node ${COMMAND} ${args}`, '/dev/null'], {
      cwd: folder,
      env: { ...shell, ...env },
    });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (!text.endsWith(': ')) return;
      const answer = typed.shift() ?? '';
      child.stdin.write(typeof answer === 'string' ? answer : answer());
    });
    const [code] = await once(child, 'close');
    return { code, shown };
  }

  it('the questions are shown, and nothing that is typed', async () => {
    const stack = newStack();
    // With a slip of the finger that is taken back.
    const typed = ['from-the-platformX\x7f\r', `${API_KEY}\r`, '\r'];
    const { code, shown } = await atTerminal(`--stack ${stack.name} secrets init`, typed);
    expect({ code, typed }).toEqual({ code: 0, typed: [] });
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['from-the-platform'] });
    const [hook] = pastedFrom(stack.file);
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: hook });
    expect(shown).toContain("The platform's API key (empty line: not now): \r\n");
    for (const value of ['from-the-platform', API_KEY, `${hook}`]) expect(shown).not.toContain(value);
  });

  it.each(['first\rsecond\r', 'first\rsecond'])(
    'a secret that is pasted in two lines is refused: %j',
    async (pasted) => {
      const stack = newStack();
      const { code, shown } = await atTerminal(`--stack ${stack.name} secrets set platformApiKey`, [pasted]);
      expect(code).toBe(1);
      expect(shown).toBe(
        `Relay: ${stack.name}\r\n` +
          "The platform's API key: \r\nThere were more lines than questions: paste one line each. Nothing was changed.\r\n",
      );
      expect(aws().valueOf(stack.outbound)).toBeUndefined();
    },
  );

  it('a change by another command, while a question is open, is not undone', async () => {
    const home = newHome();
    const before = home.secrets();
    const answer = () => {
      const meanwhile = home.secrets();
      meanwhile.outbound.channelTokens.quick = 'quicker';
      writeFileSync(home.file, JSON.stringify(meanwhile), { mode: 0o600 });
      return 'mine\r';
    };
    const { code, shown } = await atTerminal('secrets set platformApiKey', [answer], home.env);
    expect(code).toBe(4);
    expect(shown).toBe(
      `Relay: local (${home.env.RELAY_LOCAL_DIR})\r\n` +
        "The platform's API key: \r\nplatformApiKey could not be set: Somebody else has changed it meanwhile: look, and run this again.\r\n",
    );
    expect(home.secrets().outbound).toEqual({
      ...before.outbound,
      channelTokens: { ...before.outbound.channelTokens, quick: 'quicker' },
    });
  });

  it('Ctrl-C changes nothing', async () => {
    const stack = newStack();
    const { code, shown } = await atTerminal(`--stack ${stack.name} secrets init`, ['one\r', '\x03']);
    expect(code).toBe(1);
    expect(shown).toContain('Nothing was changed.\r\n');
    expect(aws().valueOf(stack.inbound)).toBeUndefined();
  });
});
