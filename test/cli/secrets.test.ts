import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proofsFor } from '../../operate/proofs.ts';
import { secretNamed } from '../../operate/secret-names.ts';
import { verifierSchema, verifyRequest } from '../../shared/incoming/verifiers.ts';
import { MAIN, pastedFrom, refused, useOperator } from '../support/operator.ts';
import { type Env, ROOT, useRelays } from '../support/relay-process.ts';

const API_KEY = 'api-key-of-the-agency';
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** Runs a command at a terminal of its own (util-linux). */
const SCRIPT = '/usr/bin/script';

const { folder, shell, aws, cli, newStack } = useOperator();
const { start } = useRelays();

const readable = (owner: string) =>
  `# New secrets of ${owner}. Paste each one where it belongs, then delete this file.\n`;

const VERIFIERS = [
  { type: 'token' },
  { type: 'hmac', header: 'x-signature' },
  { type: 'standard-webhooks' },
].map((verifier) => verifierSchema.parse(verifier));

/** Runs lines of JavaScript over `local/state.ts` of that folder, and returns what they print. */
function withState(home: string, lines: string): string {
  const imports = `import * as state from '${ROOT}local/state.ts';`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', imports + lines],
    { env: { ...shell, RELAY_LOCAL_DIR: home }, encoding: 'utf8' },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

/** A folder in which `npm start` has run, and its secrets as they are stored. */
function newHome() {
  const home = mkdtempSync(join(folder, 'home-'));
  const env = { RELAY_LOCAL_DIR: home };
  withState(home, 'state.localSecrets({});');
  const file = join(home, 'secrets.json');
  return {
    folder: home,
    env,
    file,
    newFile: join(home, 'new.secrets'),
    secrets: (): any => JSON.parse(readFileSync(file, 'utf8')),
    cli: (args: string[], input = '', more: Env = {}) => cli(args, { input, env: { ...env, ...more } }),
  };
}

const CHANNELS = {
  chat: { adapter: 'chatwoot', verifiers: [{ type: 'hmac' }] },
  old: { adapter: 'chatwoot', verifiers: [{ type: 'token' }] },
  team: { adapter: 'slack' },
  bot: { adapter: 'telegram' },
  own: { adapter: 'webhook' },
};
/** A configuration with one channel of each kind; the rest of it is full of faults. */
const config = join(folder, 'mine.json');
writeFileSync(config, JSON.stringify({ mode: 1, channels: CHANNELS }));
const CONFIGURED = { RELAY_CONFIG: config };
const UNKNOWN = 'No configuration here has a channel support: go on if it is configured elsewhere.';

describe.concurrent('secrets init', () => {
  it('takes what it is given line by line, and never shows it', async () => {
    const stack = newStack();
    const { code, stdout, stderr } = await stack.cli(['secrets', 'init'], {
      input: `from-the-platform\n ${API_KEY} \n${HOOK_SECRET}`,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.split('\n')).toEqual([
      'webhook is set, and in use within five minutes.',
      'platformApiKey is set, and in use within five minutes.',
      'paymentHook is set, and in use within five minutes.',
      '',
    ]);
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['from-the-platform'] });
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
    expect(existsSync(stack.file)).toBe(false);
  });

  it('makes what is left empty, into a file that only its user may read, and says where to paste it', async () => {
    const stack = newStack();
    const { code, stdout, stderr } = await stack.cli(['secrets', 'init'], { input: '\n\n\n' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(statSync(stack.file).mode & 0o777).toBe(0o600);
    const [webhook, hook] = pastedFrom(stack.file);
    expect(webhook).toMatch(/^whsec_[0-9a-f]{48}$/);
    expect(hook).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: [webhook] });
    expect(aws().valueOf(stack.outbound)).toEqual({ paymentHook: hook });
    expect(stdout).not.toContain('whsec_');
    expect(stdout.split('\n')).toEqual([
      'webhook is set, and in use within five minutes.',
      'paymentHook is set, and in use within five minutes.',
      `${stack.file}, readable by you alone, holds what is new:`,
      "  webhook: paste it into the platform's settings for the auto-recharge webhook",
      '  paymentHook: paste it into the settings of your payment endpoint',
      'Then delete the file.',
      `platformApiKey is not set yet: npm run relay -- --stack ${stack.name} secrets set platformApiKey`,
      '',
    ]);
  });

  it('asks only for what is not set, keeps what it does not know, and then has nothing to ask', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['', 'kept'], later: { of: 'a later version' } });
    aws().put(stack.outbound, { paymentHook: HOOK_SECRET, other: 1 });
    const { stdout } = await stack.cli(['secrets', 'init'], { input: `${API_KEY}\n` });
    expect(stdout).toBe('platformApiKey is set, and in use within five minutes.\n');
    expect(aws().valueOf(stack.outbound)).toEqual({
      paymentHook: HOOK_SECRET,
      other: 1,
      platformApiKey: API_KEY,
    });
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['', 'kept'], later: { of: 'a later version' } });
    expect(await stack.cli(['secrets', 'init'])).toEqual({
      code: 0,
      stdout:
        'All three are set. To change one, or to set those of a channel: secrets set NAME, secrets rotate NAME.\n',
      stderr: '',
    });
  });

  it('changes nothing where lines are missing, too many, or not understood', async () => {
    const stack = newStack();
    const init = async (input: string) => (await stack.cli(['secrets', 'init'], { input })).stderr;
    expect(await init('\n')).toBe(
      'No answer to "The platform\'s API key (empty line: not now)". Nothing was changed.\n',
    );
    expect(await init(`\n${API_KEY}\n\nmore\n`)).toBe(
      'There were more lines than questions: paste one line each. Nothing was changed.\n',
    );
    expect(await init(`\nan api key\n\n`)).toBe(
      'platformApiKey holds a space, a line break, or a character that is not plain ASCII: copy it again. Nothing was changed.\n',
    );
    expect(await init(`\n\nwhsec_not base64\n`)).toMatch(/^paymentHook holds a space/);
    expect(await init(`\n\nwhsec_MfK\n`)).toBe(
      'paymentHook is whsec_ and base64, as Standard Webhooks defines it. Nothing was changed.\n',
    );
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
    expect(existsSync(stack.file)).toBe(false);
  });
});

describe.skipIf(!existsSync(SCRIPT) || process.platform !== 'linux')('on a terminal', () => {
  /** Types one text after each question. */
  async function atTerminal(args: string, typed: (string | (() => string))[], env: Env = {}) {
    const child = spawn(SCRIPT, ['-qefc', `node ${MAIN} ${args}`, '/dev/null'], {
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
    expect(code).toBe(1);
    expect(shown).toBe(
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

describe.concurrent('secrets set', () => {
  it('puts a webhook secret in front of the one before, and keeps two', async () => {
    const stack = newStack();
    const set = async (value: string) =>
      (await stack.cli(['secrets', 'set', 'webhook'], { input: `${value}\n` })).stdout;
    expect(await set('one')).toBe('webhook is set, and in use within five minutes.\n');
    expect(await set('two')).toBe(
      'webhook is set, and in use within five minutes. The one before stays valid beside it, until the next change.\n',
    );
    await set('three');
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['three', 'two'] });
    await set('three');
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['three', 'two'] });
  });

  it('refuses a blank, what breaks in two, and what was set by somebody else meanwhile', async () => {
    const stack = newStack();
    aws().put(stack.outbound, { platformApiKey: API_KEY });
    const set = (input: string) => stack.cli(['secrets', 'set', 'platformApiKey'], { input });
    expect(await set('')).toEqual(refused('No answer to "The platform\'s API key". Nothing was changed.'));
    expect(await set(' \n')).toEqual(refused('platformApiKey is blank. Nothing was changed.'));
    expect(await set('new-\nkey')).toEqual(
      refused('There were more lines than questions: paste one line each. Nothing was changed.'),
    );
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY });

    aws().secret(stack.outbound).afterGet = () => {
      aws().put(stack.outbound, { platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
    };
    expect(await set('new-key\n')).toEqual(
      refused(
        'platformApiKey could not be set: Somebody else has changed it meanwhile: look, and run this again.',
      ),
    );
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
  });

  it('never quotes an entry that it cannot read', async () => {
    const stack = newStack();
    aws().secret(stack.inbound).versions.set('by-hand', '{"webhook": hunter2}');
    const sentence = `The secret "${stack.inbound}" is not what it should be: see docs/configuration.md.`;
    expect(await stack.cli(['secrets', 'set', 'webhook'], { input: 'new\n' })).toEqual(refused(sentence));
    aws().secrets.delete(stack.outbound);
    expect(await stack.cli(['secrets', 'set', 'platformApiKey'], { input: 'new\n' })).toEqual(
      refused("Secrets Manager can't find the specified secret."),
    );
  });
});

describe.concurrent('secrets rotate', () => {
  it('keeps the webhook secret before valid, and appends to its own file', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['one', 'zero'], other: true });
    const { stdout } = await stack.cli(['secrets', 'rotate', 'webhook']);
    expect(stdout).toContain('The one before stays valid beside it, until the next change.\n');
    expect(stdout).toContain('Then delete the file.\n');
    await stack.cli(['secrets', 'rotate', 'webhook']);
    const [second, third] = pastedFrom(stack.file);
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: [third, second], other: true });
    expect(statSync(stack.file).mode & 0o777).toBe(0o600);
  });

  it('replaces the signing secret, and says that the endpoint must accept both for a while', async () => {
    const stack = newStack();
    aws().put(stack.outbound, { paymentHook: HOOK_SECRET, platformApiKey: API_KEY });
    const file = join(folder, 'elsewhere.secrets');
    const { stdout } = await stack.cli(['secrets', 'rotate', 'paymentHook', '--file', file]);
    expect(stdout).toBe(
      'paymentHook is set, and in use within five minutes. Your payment endpoint must accept the one before and this one until then.\n' +
        `${file}, readable by you alone, holds what is new:\n` +
        '  paymentHook: paste it into the settings of your payment endpoint\n' +
        'Then delete the file.\n',
    );
    expect(aws().valueOf(stack.outbound)).toEqual({
      paymentHook: pastedFrom(file)[0],
      platformApiKey: API_KEY,
    });
  });

  it('writes to no file that is not its own, and then changes nothing', async () => {
    const stack = newStack();
    const rotate = (file: string) => stack.cli(['secrets', 'rotate', 'webhook', '--file', file]);
    const own = readable(stack.name);
    const foreign: [string, (file: string) => void][] = [
      ['notes', (file) => writeFileSync(file, 'mine\n', { mode: 0o600 })],
      ['open to others', (file) => writeFileSync(file, own, { mode: 0o644 })],
      ['of another stack', (file) => writeFileSync(file, readable('other'), { mode: 0o600 })],
      ['a link', (file) => symlinkSync('/dev/null', file)],
    ];
    for (const [name, make] of foreign) {
      const file = join(folder, name);
      make(file);
      const before = readFileSync(file, 'utf8');
      expect(await rotate(file)).toEqual(
        refused(`${file} was there before, and is not ours to write to: name another with --file.`),
      );
      expect(readFileSync(file, 'utf8')).toBe(before);
    }
    expect((await rotate(join(folder, 'nowhere', 'file'))).stderr).toMatch(/^ENOENT/);
    expect(aws().valueOf(stack.inbound)).toBeUndefined();
  });

  it('says that a new one is not in use where the entry changed at the last moment', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['one'] });
    const entry = aws().secret(stack.inbound);
    // Another of us, which had read the same version, is quicker.
    entry.beforePut = (token) => {
      entry.versions.set(token, '{"webhook":["quicker"]}');
    };
    expect(await stack.cli(['secrets', 'rotate', 'webhook'])).toEqual(
      refused(
        `webhook could not be set; do not use what ${stack.file} holds of it: Somebody else has changed it meanwhile: look, and run this again.`,
      ),
    );
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['quicker'] });
  });
});

describe.concurrent('secrets of a channel', () => {
  it('are set one by one, the one before staying valid behind it, and never shown', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['kept'], later: 1 });
    aws().put(stack.outbound, { platformApiKey: API_KEY });
    const set = (name: string, value: string) =>
      stack.cli(['secrets', 'set', name], { input: `${value}\n`, env: CONFIGURED });
    expect(await set('own/incoming', 'one')).toEqual({
      code: 0,
      stdout: 'own/incoming is set, and in use within five minutes.\n',
      stderr: '',
    });
    const { stdout } = await set('own/incoming', 'two');
    expect(stdout).toBe(
      'own/incoming is set, and in use within five minutes. The one before stays valid beside it, until the next change.\n',
    );
    await set('own/incoming', 'three');
    await set('own/outgoing', 'reply');
    await set('own/send', 'system');
    expect(aws().valueOf(stack.inbound)).toEqual({
      webhook: ['kept'],
      later: 1,
      channels: { 'own/incoming': ['three', 'two'], 'own/outgoing': ['reply'], 'own/send': ['system'] },
    });
    expect((await set('own/token', 'first-bot')).stdout).toBe(
      'own/token is set, and in use within five minutes.\n',
    );
    expect((await set('own/token', 'bot')).stdout).toBe(
      'own/token is set, and in use within five minutes. Let the chat system accept the one before until then.\n',
    );
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, channelTokens: { own: 'bot' } });
  });

  it('are made for whoever shows none of their own, and every verifier takes them', async () => {
    const stack = newStack();
    const places = {
      'bot/incoming':
        "the secret_token of Telegram's setWebhook (docs/channels.md), for /channels/bot/incoming",
      'own/incoming': 'the settings of the chat system that POSTs to /channels/own/incoming',
      'old/incoming': "Chatwoot's webhook, whose address is /channels/old/incoming?token= and this",
      'chat/outgoing': "the platform's settings for its replies, to /channels/chat/outgoing",
      'team/send': 'your own systems, which POST to /channels/team/send',
    };
    for (const [name, place] of Object.entries(places)) {
      expect(await stack.cli(['secrets', 'rotate', name], { env: CONFIGURED })).toEqual({
        code: 0,
        stdout:
          `${name} is set, and in use within five minutes.\n${stack.file}, readable by you alone, holds what is new:\n` +
          `  ${name}: paste it into ${place}\nThen delete the file.\n`,
        stderr: '',
      });
    }
    const made = pastedFrom(stack.file);
    expect(aws().valueOf(stack.inbound).channels).toEqual(
      Object.fromEntries(Object.keys(places).map((name, index) => [name, [made[index]]])),
    );
    expect(new Set(made).size).toBe(5);
    for (const secret of made) expect(secret).toMatch(/^[A-Za-z0-9_-]{30,256}$/);
    const [secret = ''] = made;
    const signing = { secret, body: Buffer.from('{}'), now: 1_767_605_400_000 };
    for (const verifier of VERIFIERS) {
      const headers = proofsFor([verifier], signing);
      expect(
        verifyRequest({ headers, query: {}, verifiers: [verifier], secrets: [secret], ...signing }),
      ).toEqual({
        ok: true,
        verifier: verifier.type,
      });
    }

    await stack.cli(['secrets', 'rotate', 'bot/incoming'], { env: CONFIGURED });
    expect(aws().valueOf(stack.inbound).channels['bot/incoming']).toEqual([
      pastedFrom(stack.file)[5],
      secret,
    ]);
  });

  it.each([
    ['platformApiKey', 'The platform'],
    ['own/token', 'The chat system'],
    ['team/incoming', 'Slack'],
    ['chat/incoming', 'Chatwoot'],
  ])('%s is not ours to make', async (name, maker) => {
    const stack = newStack();
    expect(await stack.cli(['secrets', 'rotate', name], { env: CONFIGURED })).toEqual(
      refused(`${maker} makes ${name}, not the relay: take a new one from there, with secrets set ${name}.`),
    );
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
    expect(existsSync(stack.file)).toBe(false);
  });

  it('may be of a channel that is configured elsewhere, which is said before the question', async () => {
    const stack = newStack();
    const set = (env: Env, input: string) =>
      stack.cli(['secrets', 'set', 'support/incoming'], { input, env });
    expect(await set(CONFIGURED, '')).toEqual(
      refused(UNKNOWN, 'No answer to "The secret of the chat system of support". Nothing was changed.'),
    );
    expect(await set(CONFIGURED, 'one')).toMatchObject({ code: 0, stderr: `${UNKNOWN}\n` });
    expect(aws().valueOf(stack.inbound)).toEqual({ channels: { 'support/incoming': ['one'] } });
    // A name of JavaScript is a channel like any other.
    const constructor_ = await stack.cli(['secrets', 'set', 'constructor/token'], {
      input: 'bot',
      env: CONFIGURED,
    });
    expect(constructor_.stdout).toBe('constructor/token is set, and in use within five minutes.\n');
    expect(aws().valueOf(stack.outbound).channelTokens.constructor).toBe('bot');
    // The relay's own do not ask for a configuration.
    const missing = { RELAY_CONFIG: join(folder, 'nowhere.json') };
    expect((await set(missing, 'two')).stderr).toMatch(/^nowhere\.json cannot be used/);
    const own = await stack.cli(['secrets', 'set', 'webhook'], { input: 'own', env: missing });
    expect(own).toMatchObject({ code: 0, stderr: '' });
  });

  it('are refused where they cannot be any, without being repeated', async () => {
    const stack = newStack();
    const names = [
      'Own/incoming',
      'own',
      'own/',
      'own/Token',
      'own/incoming/x',
      'own/incoming ',
      '/incoming',
      `${'a'.repeat(41)}/send`,
      '',
    ];
    expect(names.map((name) => secretNamed(name)?.name)).toEqual(names.map(() => undefined));
    expect(secretNamed(`${'a'.repeat(40)}/send`)?.name).toBe(`${'a'.repeat(40)}/send`);
    expect(await stack.cli(['secrets', 'set', 'hunter2'], { input: 'x\n' })).toEqual(
      refused(
        'A secret is called webhook, platformApiKey, paymentHook or, with the name of a channel (small letters, digits and -, at most 40): CHANNEL/incoming, CHANNEL/outgoing, CHANNEL/send, CHANNEL/token.',
      ),
    );
    const inArguments = await stack.cli(['secrets', 'set', 'own/token', 'hunter2'], { env: CONFIGURED });
    expect(inArguments.code).toBe(1);
    expect(inArguments.stdout + inArguments.stderr).not.toContain('hunter2');
    const bot = await stack.cli(['secrets', 'set', 'bot/incoming'], {
      input: 'not+for/telegram',
      env: CONFIGURED,
    });
    expect(bot).toEqual(
      refused(
        'bot/incoming is at most 256 letters, digits, _ and -, as Telegram takes it. Nothing was changed.',
      ),
    );
    const blank = await stack.cli(['secrets', 'set', 'own/send'], { input: ' \n', env: CONFIGURED });
    expect(blank).toEqual(refused('own/send is blank. Nothing was changed.'));
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
  });

  it('are not written over what somebody else has changed meanwhile', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { channels: { 'own/send': ['one'] } });
    aws().secret(stack.inbound).afterGet = () => {
      aws().put(stack.inbound, { channels: { 'own/send': ['quicker', 'one'] } });
    };
    expect(await stack.cli(['secrets', 'rotate', 'own/send'], { env: CONFIGURED })).toEqual(
      refused(
        `own/send could not be set; do not use what ${stack.file} holds of it: Somebody else has changed it meanwhile: look, and run this again.`,
      ),
    );
    expect(aws().valueOf(stack.inbound)).toEqual({ channels: { 'own/send': ['quicker', 'one'] } });
  });
});

describe.concurrent('secrets list', () => {
  it('says of each one whether it is set, and never what it is', async () => {
    const stack = newStack();
    const file = join(folder, 'two-channels.json');
    writeFileSync(file, JSON.stringify({ channels: { own: CHANNELS.own, constructor: CHANNELS.bot } }));
    aws().put(stack.inbound, {
      webhook: ['hunter2', 'hunter1'],
      channels: {
        'own/incoming': ['hunter3', ''],
        'own/send': [' '],
        'gone/send': ['hunter4'],
        odd: ['hunter5'],
      },
    });
    aws().put(stack.outbound, { paymentHook: HOOK_SECRET, channelTokens: { own: 'hunter6', gone: '' } });
    const list = (...more: string[]) =>
      stack.cli(['secrets', 'list', ...more], { env: { RELAY_CONFIG: file } });
    expect(await list()).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'webhook               set, with a previous one',
        'platformApiKey        not set',
        'paymentHook           set',
        'own/incoming          set',
        'own/outgoing          not set',
        'own/send              not set',
        'own/token             set',
        'constructor/incoming  not set',
        'constructor/outgoing  not set',
        'constructor/send      not set',
        'constructor/token     not set',
        'gone/send             set  (no configuration here has a channel gone)',
        '',
      ].join('\n'),
    });
    const { stdout } = await list('--json');
    expect(stdout).not.toContain('hunter');
    const all = JSON.parse(stdout);
    expect(all).toHaveLength(12);
    expect([all[0], all[1], all[11]]).toEqual([
      { name: 'webhook', state: 'set, with a previous one' },
      { name: 'platformApiKey', state: 'not set' },
      { name: 'gone/send', state: 'set', note: 'no configuration here has a channel gone' },
    ]);
  });

  it('reads entries that have no value yet, and changes nothing', async () => {
    const stack = newStack();
    const { stdout } = await stack.cli(['secrets', 'list', '--json'], { env: CONFIGURED });
    const all: { state: string }[] = JSON.parse(stdout);
    expect(all).toHaveLength(23);
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(['not set']));
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
  });
});

describe.concurrent('secrets of npm start', () => {
  it('are changed in its file, for its next start', async () => {
    const home = newHome();
    const before = home.secrets();
    const stored = { ...before, later: { of: 'a later version' } };
    stored.inbound.other = true;
    writeFileSync(home.file, JSON.stringify(stored));
    expect(await home.cli(['secrets', 'set', 'webhook'], 'mine\n')).toEqual({
      code: 0,
      stdout:
        'webhook is set; a running npm start reads it at its next start, unless WEBHOOK_SECRET is set. The one before stays valid beside it, until the next change.\n',
      stderr: '',
    });
    expect(await home.cli(['secrets', 'set', 'own/token'], 'bot', CONFIGURED)).toEqual({
      code: 0,
      stdout: 'own/token is set; a running npm start reads it at its next start.\n',
      stderr: '',
    });
    expect(home.secrets()).toEqual({
      ...stored,
      inbound: { ...stored.inbound, webhook: ['mine', before.inbound.webhook[0]] },
      outbound: { ...before.outbound, channelTokens: { ...before.outbound.channelTokens, own: 'bot' } },
    });
    expect(statSync(home.file).mode & 0o777).toBe(0o600);
    expect(readdirSync(home.folder)).toEqual(['secrets.json']);
  });

  it('are made into a file beside it, with the place to paste them', async () => {
    const home = newHome();
    const { code, stdout, stderr } = await home.cli(['secrets', 'rotate', 'support/send']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: `${UNKNOWN}\n` });
    expect(stdout).toBe(
      `support/send is set; a running npm start reads it at its next start.\n${home.newFile}, readable by you alone, holds what is new:\n` +
        '  support/send: paste it into your own systems, which POST to /channels/support/send\nThen delete the file.\n',
    );
    expect(home.secrets().inbound.channels['support/send']).toEqual(pastedFrom(home.newFile));
    expect(readFileSync(home.newFile, 'utf8')).toContain(readable(`npm start in ${home.folder}`));
    expect(statSync(home.newFile).mode & 0o777).toBe(0o600);
    const { stdout: demo } = await home.cli(['secrets', 'rotate', 'demo/incoming']);
    expect(demo).toContain(
      "The sandbox's chat signs with demo/token: set demo/incoming and demo/token to the same.",
    );
  });

  it('are listed with the channels of the last start and of RELAY_CONFIG', async () => {
    const home = newHome();
    const list = async (env: Env = {}) =>
      JSON.parse((await home.cli(['secrets', 'list', '--json'], '', env)).stdout);
    expect(await list(CONFIGURED)).toContainEqual({ name: 'own/send', state: 'not set' });
    expect(await list()).toContainEqual({
      name: 'demo/token',
      state: 'set',
      note: 'no configuration here has a channel demo',
    });
  });

  it('are not made here: who forgot --stack is told', async () => {
    const none = join(folder, 'not-started');
    mkdirSync(none);
    const sentence = `No relay was started in ${none}. Run RELAY_LOCAL_DIR=${none} npm start, then this command in another terminal; for the relay on AWS, add --stack NAME behind "relay --".`;
    for (const args of [['rotate', 'webhook'], ['set', 'webhook'], ['list']]) {
      expect(await cli(['secrets', ...args], { env: { RELAY_LOCAL_DIR: none } })).toEqual(refused(sentence));
    }
    expect(await cli(['secrets', 'init'], { env: { RELAY_LOCAL_DIR: none } })).toEqual(
      refused(
        `secrets init is for a relay on AWS: npm run relay -- --stack NAME secrets init. npm start makes its own in ${none}/secrets.json; secrets set and secrets rotate change them.`,
      ),
    );
    expect(readdirSync(none)).toEqual([]);
  });

  it('are never quoted where the file is broken, and then not changed', async () => {
    const home = newHome();
    for (const text of ['{"inbound": hunter2}', '{"inbound":{"webhook":"hunter2"},"outbound":{}}']) {
      writeFileSync(home.file, text);
      expect(await home.cli(['secrets', 'set', 'webhook'], 'new\n')).toEqual(
        refused(`${home.file} is not what npm start wrote: delete it, and start again.`),
      );
      expect(readFileSync(home.file, 'utf8')).toBe(text);
    }
  });

  it('are written by one command at a time', async () => {
    const home = newHome();
    const before = readFileSync(home.file, 'utf8');
    const changing = `${home.file}.changing`;
    writeFileSync(changing, '');
    expect(await home.cli(['secrets', 'set', 'platformApiKey'], 'new\n')).toEqual(
      refused(
        `platformApiKey could not be set: Another command is changing ${home.file}. If none is, delete ${changing}.`,
      ),
    );
    expect(readFileSync(home.file, 'utf8')).toBe(before);
  });

  it('are not put in the place of others than were read', () => {
    const home = newHome();
    const printed = withState(
      home.folder,
      `const { secrets, version } = state.readStoredSecrets();
       console.log(state.writeStoredSecrets({ ...secrets, first: 1 }, version));
       console.log(state.writeStoredSecrets({ ...secrets, second: 2 }, version));`,
    );
    expect(printed).toBe('written\nchanged\n');
    expect(home.secrets()).toMatchObject({ first: 1 });
    expect(home.secrets()).not.toHaveProperty('second');
    expect(readdirSync(home.folder)).toEqual(['secrets.json']);
  });

  it('of eight changes at once, each is made whole or refused, and none is lost', async () => {
    const home = newHome();
    const names = Array.from({ length: 8 }, (_, index) => `channel-${index}`);
    const ended = await Promise.all(names.map((name) => home.cli(['secrets', 'set', `${name}/token`], name)));
    const made = names.filter((_, index) => ended[index]?.code === 0);
    expect(made.length).toBeGreaterThan(0);
    const { demo: _, ...tokens } = home.secrets().outbound.channelTokens;
    expect(Object.keys(tokens).sort()).toEqual(made);
    for (const { code, stderr } of ended) if (code !== 0) expect(stderr).toMatch(/could not be set/);
    expect(readdirSync(home.folder)).toEqual(['secrets.json']);
  });

  it('count from the next start on, the ones before too', async () => {
    const first = await start();
    const post = async (url: string, token: string) =>
      (await fetch(`${url}/webhooks/auto-recharge?token=${token}`, { method: 'POST', body: '{}' })).status;
    const [before] = JSON.parse(readFileSync(join(first.folder, 'secrets.json'), 'utf8')).inbound.webhook;
    const list = await first.json<{ name: string; note?: string }[]>('secrets', 'list');
    expect(list.filter(({ name }) => name.startsWith('demo/'))).toEqual([
      { name: 'demo/incoming', state: 'set' },
      { name: 'demo/outgoing', state: 'set' },
      { name: 'demo/send', state: 'set' },
      { name: 'demo/token', state: 'set' },
    ]);
    expect((await first.cli('secrets', 'rotate', 'webhook')).code).toBe(0);
    const [made = ''] = pastedFrom(join(first.folder, 'new.secrets'));
    expect([await post(first.url, before), await post(first.url, made)]).toEqual([400, 401]);
    await first.end();
    const second = await start({ folder: first.folder });
    expect([await post(second.url, before), await post(second.url, made)]).toEqual([400, 400]);
    expect(await post(second.url, 'another')).toBe(401);
  });
});
