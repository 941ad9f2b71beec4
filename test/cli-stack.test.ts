import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTable, type Engine, startDynamo } from '../local/engines.ts';
import { createDocumentClient } from '../shared/aws.ts';
import { type IncomingRequest, verifierSchema, verifyRequest } from '../shared/http/verifiers.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { aRecharge } from './support/builders.ts';
import { startFakeAws } from './support/fake-aws.ts';
import { type Ended, type Env, ROOT } from './support/relay-process.ts';

const API_KEY = 'api-key-of-the-agency';
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const WEBHOOK_URL = 'https://hooks.example.com/webhooks/auto-recharge';

/** Runs a command at a terminal of its own (util-linux). */
const SCRIPT = '/usr/bin/script';

const folder = mkdtempSync(join(tmpdir(), 'relay-stack-'));
let aws: Awaited<ReturnType<typeof startFakeAws>>;
let dynamo: Engine;
/** An operator's shell, and nothing of ours. */
let shell: Env;

beforeAll(async () => {
  [aws, dynamo] = await Promise.all([startFakeAws(), startDynamo()]);
  shell = {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules/.cache/compiled'),
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'operator',
    AWS_SECRET_ACCESS_KEY: 'operator',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_ENDPOINT_URL_CLOUDFORMATION: aws.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: aws.url,
    AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint,
  };
});
afterAll(async () => {
  aws.close();
  await dynamo.stop();
  rmSync(folder, { recursive: true, force: true });
});

const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(shell).filter(([name]) => !names.includes(name)));

interface RunOptions {
  input?: string;
  env?: Env;
}

async function run(command: string, args: string[], { input = '', env = shell }: RunOptions): Promise<Ended> {
  const child = spawn(command, args, { cwd: folder, env });
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].setEncoding('utf8').on('data', (text: string) => {
      said[channel] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const [code] = await once(child, 'close');
  return { code, ...said };
}

let stacks = 0;

/** A stack that was just deployed: both secrets without a value. */
function aStack(outputs: Record<string, string> = {}) {
  stacks += 1;
  const name = `recharge-relay-${stacks}`;
  const [inbound, outbound] = [`${name}-inbound`, `${name}-outbound`];
  aws.stacks.set(name, {
    TableName: name,
    InboundSecretId: inbound,
    OutboundSecretId: outbound,
    WebhookUrl: WEBHOOK_URL,
    ...outputs,
  });
  aws.secrets.set(inbound, { versions: new Map() });
  aws.secrets.set(outbound, { versions: new Map() });
  return {
    name,
    inbound,
    outbound,
    file: join(folder, `${name}.secrets`),
    cli: (args: string[], options: RunOptions = {}) =>
      run('node', [join(ROOT, 'cli/main.ts'), '--stack', name, ...args], options),
    /** What was written for pasting: the lines that are no comment. */
    pasted: (file = join(folder, `${name}.secrets`)) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('#')),
  };
}

const refused = (sentence: string) => ({ code: 1, stdout: '', stderr: `${sentence}\n` });

describe.concurrent('with --stack', () => {
  it('recharges, accounts and the switch are those of its table, and waits those of production', async () => {
    const stack = aStack();
    const client = createDocumentClient(dynamo.endpoint);
    await createTable(client, stack.name);
    await createDynamoLedger(client, stack.name).claim(aRecharge({ phase: 'needs_review' }));

    const shown = await stack.cli(['recharges', 'show', 'key-1']);
    expect(shown).toMatchObject({ code: 0, stderr: '' });
    // Its deadline of 12:02:10 and fifteen minutes.
    expect(shown.stdout).toContain('"refund" from 2026-01-05T12:17:10.000Z on');
    expect(shown.stdout).toContain(
      `  npm run relay -- --stack ${stack.name} recharges resolve key-1 confirm-granted --version`,
    );
    // The option may also stand behind the command.
    const list = ['recharges', 'list', '--json', '--stack', stack.name];
    const listed = await run('node', [join(ROOT, 'cli/main.ts'), ...list], {});
    expect(JSON.parse(listed.stdout)).toMatchObject([{ key: 'key-1', phase: 'needs_review' }]);

    await stack.cli(['accounts', 'set', 'demo@example.com', '--daily-count', '2']);
    const { stdout: account } = await stack.cli(['accounts', 'show', 'demo@example.com', '--json']);
    expect(JSON.parse(account)).toMatchObject({ limits: { dailyCount: 2 } });
    expect((await stack.cli(['pause', '--note', 'a look'])).stdout).toContain(
      `npm run relay -- --stack ${stack.name} resume\n`,
    );
  });

  it('one line says what is missing', async () => {
    const stack = aStack();
    const list = (env: Env) => stack.cli(['recharges', 'list'], { env });
    expect(await list(without('AWS_REGION'))).toEqual(
      refused('No AWS region is set: set AWS_REGION, or one in your profile.'),
    );
    expect(await list(without('AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'))).toEqual(
      refused(
        'No AWS credentials (Could not load credentials from any providers): sign in, or set AWS_PROFILE.',
      ),
    );
    aws.stacks.delete(stack.name);
    expect(await list(shell)).toEqual(
      refused(
        `There is no stack ${stack.name} in this account and region. Check AWS_PROFILE and AWS_REGION, or deploy it: npm run deploy -- --stage …`,
      ),
    );
    aws.stacks.set(stack.name, { WebhookUrl: WEBHOOK_URL, TableName: 'a-table' });
    expect(await list(shell)).toEqual(
      refused(
        `The stack ${stack.name} does not say its InboundSecretId, OutboundSecretId: deploy it: npm run deploy -- --stage …`,
      ),
    );
    expect(await list({ ...shell, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' })).toEqual(
      refused(`The stack ${stack.name} could not be read: connect ECONNREFUSED 127.0.0.1:1`),
    );
    const blank = await run('node', [join(ROOT, 'cli/main.ts'), '--stack', '', 'recharges', 'list'], {});
    expect(blank).toMatchObject({ code: 1, stderr: expect.stringContaining("a stack's name is letters") });
  });

  it('webhook send goes to its address, and carries what its verifiers ask for', async () => {
    const requests: IncomingRequest[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const { 'x-webhook-token': token = '', 'x-webhook-signature': signature = '' } = request.headers;
      requests.push({
        headers: { 'x-webhook-token': `${token}`, 'x-webhook-signature': `${signature}` },
        query: {},
        body: Buffer.concat(chunks),
      });
      response.writeHead(202).end(request.url);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    const stack = aStack({ WebhookUrl: `${origin}/dev/webhooks/auto-recharge` });

    expect(await stack.cli(['webhook', 'send'])).toEqual(
      refused(`No webhook secret is set yet. Set it: npm run relay -- --stack ${stack.name} secrets init`),
    );
    aws.put(stack.inbound, { webhook: ['the current one', 'the one before'] });
    expect(await stack.cli(['webhook', 'send', '--key', 'key-1'])).toEqual({
      code: 0,
      stdout: '202 /dev/webhooks/auto-recharge\n',
      stderr: '',
    });
    const verdict = (verifier: unknown) =>
      verifyRequest({
        ...(requests.at(-1) ?? expect.unreachable()),
        verifiers: [verifierSchema.parse(verifier)],
        secrets: ['the current one'],
        now: Date.now(),
      }).ok;
    const token = { type: 'token' };
    const hmac = { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' };
    expect([verdict(token), verdict(hmac)]).toEqual([true, true]);

    // Another receiver is not told the secret.
    await stack.cli(['webhook', 'send', '--url', `${origin}/elsewhere`]);
    expect([verdict(token), verdict(hmac)]).toEqual([false, true]);
    server.close();
  });
});

describe.concurrent('secrets init', () => {
  it('takes what it is given line by line, and never shows it', async () => {
    const stack = aStack();
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
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['from-the-platform'] });
    expect(aws.valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
    expect(existsSync(stack.file)).toBe(false);
  });

  it('makes what is left empty, into a file that only its user may read, and says where to paste it', async () => {
    const stack = aStack();
    const { code, stdout, stderr } = await stack.cli(['secrets', 'init'], { input: '\n\n\n' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(statSync(stack.file).mode & 0o777).toBe(0o600);
    const [webhook, hook] = stack.pasted();
    expect(webhook).toMatch(/^whsec_[0-9a-f]{48}$/);
    expect(hook).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: [webhook] });
    expect(aws.valueOf(stack.outbound)).toEqual({ paymentHook: hook });
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
    const stack = aStack();
    aws.put(stack.inbound, { webhook: ['', 'kept'], later: { of: 'a later version' } });
    aws.put(stack.outbound, { paymentHook: HOOK_SECRET, other: 1 });
    const { stdout } = await stack.cli(['secrets', 'init'], { input: `${API_KEY}\n` });
    expect(stdout).toBe('platformApiKey is set, and in use within five minutes.\n');
    expect(aws.valueOf(stack.outbound)).toEqual({
      paymentHook: HOOK_SECRET,
      other: 1,
      platformApiKey: API_KEY,
    });
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['', 'kept'], later: { of: 'a later version' } });
    expect(await stack.cli(['secrets', 'init'])).toEqual({
      code: 0,
      stdout: 'All are set. To change one: secrets set NAME, secrets rotate NAME.\n',
      stderr: '',
    });
  });

  it('changes nothing where lines are missing, too many, or not understood', async () => {
    const stack = aStack();
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
    expect([aws.valueOf(stack.inbound), aws.valueOf(stack.outbound)]).toEqual([undefined, undefined]);
    expect(existsSync(stack.file)).toBe(false);
  });
});

describe.skipIf(!existsSync(SCRIPT) || process.platform !== 'linux')('on a terminal', () => {
  /** Types one text after each question. */
  async function atTerminal(stack: { name: string }, command: string, typed: string[]) {
    const line = `node ${join(ROOT, 'cli/main.ts')} --stack ${stack.name} ${command}`;
    const child = spawn(SCRIPT, ['-qefc', line, '/dev/null'], { cwd: folder, env: shell });
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text;
      if (text.endsWith(': ')) child.stdin.write(typed.shift() ?? '');
    });
    const [code] = await once(child, 'close');
    return { code, shown };
  }

  it('the questions are shown, and nothing that is typed', async () => {
    const stack = aStack();
    // With a slip of the finger that is taken back.
    const typed = ['from-the-platformX\x7f\r', `${API_KEY}\r`, '\r'];
    const { code, shown } = await atTerminal(stack, 'secrets init', typed);
    expect({ code, typed }).toEqual({ code: 0, typed: [] });
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['from-the-platform'] });
    const [hook] = stack.pasted();
    expect(aws.valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: hook });
    expect(shown).toContain("The platform's API key (empty line: not now): \r\n");
    for (const value of ['from-the-platform', API_KEY, `${hook}`]) expect(shown).not.toContain(value);
  });

  it.each(['first\rsecond\r', 'first\rsecond'])(
    'a secret that is pasted in two lines is refused: %j',
    async (pasted) => {
      const stack = aStack();
      const { code, shown } = await atTerminal(stack, 'secrets set platformApiKey', [pasted]);
      expect(code).toBe(1);
      expect(shown).toBe(
        "The platform's API key: \r\nThere were more lines than questions: paste one line each. Nothing was changed.\r\n",
      );
      expect(aws.valueOf(stack.outbound)).toBeUndefined();
    },
  );

  it('Ctrl-C changes nothing', async () => {
    const stack = aStack();
    const { code, shown } = await atTerminal(stack, 'secrets init', ['one\r', '\x03']);
    expect(code).toBe(1);
    expect(shown).toContain('Nothing was changed.\r\n');
    expect(aws.valueOf(stack.inbound)).toBeUndefined();
  });
});

describe.concurrent('secrets set', () => {
  it('puts a webhook secret in front of the one before, and keeps two', async () => {
    const stack = aStack();
    const set = async (value: string) =>
      (await stack.cli(['secrets', 'set', 'webhook'], { input: `${value}\n` })).stdout;
    expect(await set('one')).toBe('webhook is set, and in use within five minutes.\n');
    expect(await set('two')).toBe(
      'webhook is set, and in use within five minutes. The one before stays valid beside it, until the next change.\n',
    );
    await set('three');
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['three', 'two'] });
    await set('three');
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['three', 'two'] });
  });

  it('refuses a blank, what breaks in two, and what was set by somebody else meanwhile', async () => {
    const stack = aStack();
    aws.put(stack.outbound, { platformApiKey: API_KEY });
    const set = (input: string) => stack.cli(['secrets', 'set', 'platformApiKey'], { input });
    expect(await set('')).toEqual(refused('No answer to "The platform\'s API key". Nothing was changed.'));
    expect(await set(' \n')).toEqual(refused('platformApiKey is blank. Nothing was changed.'));
    expect(await set('new-\nkey')).toEqual(
      refused('There were more lines than questions: paste one line each. Nothing was changed.'),
    );
    expect(aws.valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY });

    aws.secret(stack.outbound).afterGet = () => {
      aws.put(stack.outbound, { platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
    };
    expect(await set('new-key\n')).toEqual(
      refused(
        'platformApiKey could not be set: Somebody else has changed it meanwhile: look, and run this again.',
      ),
    );
    expect(aws.valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
  });

  it('never quotes an entry that it cannot read', async () => {
    const stack = aStack();
    aws.secret(stack.inbound).versions.set('by-hand', '{"webhook": hunter2}');
    const sentence = `The secret "${stack.inbound}" is not what it should be: see docs/configuration.md.`;
    expect(await stack.cli(['secrets', 'set', 'webhook'], { input: 'new\n' })).toEqual(refused(sentence));
    aws.secrets.delete(stack.outbound);
    expect(await stack.cli(['secrets', 'set', 'platformApiKey'], { input: 'new\n' })).toEqual(
      refused("Secrets Manager can't find the specified secret."),
    );
  });
});

describe.concurrent('secrets rotate', () => {
  it('keeps the webhook secret before valid, and appends to its own file', async () => {
    const stack = aStack();
    aws.put(stack.inbound, { webhook: ['one', 'zero'], other: true });
    const { stdout } = await stack.cli(['secrets', 'rotate', 'webhook']);
    expect(stdout).toContain('The one before stays valid beside it, until the next change.\n');
    expect(stdout).toContain('Then delete the file.\n');
    await stack.cli(['secrets', 'rotate', 'webhook']);
    const [second, third] = stack.pasted();
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: [third, second], other: true });
    expect(statSync(stack.file).mode & 0o777).toBe(0o600);
  });

  it('replaces the signing secret, and says that the endpoint must accept both for a while', async () => {
    const stack = aStack();
    aws.put(stack.outbound, { paymentHook: HOOK_SECRET, platformApiKey: API_KEY });
    const file = join(folder, 'elsewhere.secrets');
    const { stdout } = await stack.cli(['secrets', 'rotate', 'paymentHook', '--file', file]);
    expect(stdout).toBe(
      'paymentHook is set, and in use within five minutes. Your payment endpoint must accept the one before and this one for five minutes.\n' +
        `${file}, readable by you alone, holds what is new:\n` +
        '  paymentHook: paste it into the settings of your payment endpoint\n' +
        'Then delete the file.\n',
    );
    expect(aws.valueOf(stack.outbound)).toEqual({
      paymentHook: stack.pasted(file)[0],
      platformApiKey: API_KEY,
    });
    expect(await stack.cli(['secrets', 'rotate', 'platformApiKey'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Allowed choices are webhook, paymentHook.'),
    });
  });

  it('writes to no file that is not its own, and then changes nothing', async () => {
    const stack = aStack();
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
    expect(aws.valueOf(stack.inbound)).toBeUndefined();
  });

  it('says that a new one is not in use where the entry changed at the last moment', async () => {
    const stack = aStack();
    aws.put(stack.inbound, { webhook: ['one'] });
    const entry = aws.secret(stack.inbound);
    // Another of us, which had read the same version, is quicker.
    entry.beforePut = (token) => {
      entry.versions.set(token, '{"webhook":["quicker"]}');
    };
    expect(await stack.cli(['secrets', 'rotate', 'webhook'])).toEqual(
      refused(
        `webhook could not be set; do not use what ${stack.file} holds of it: Somebody else has changed it meanwhile: look, and run this again.`,
      ),
    );
    expect(aws.valueOf(stack.inbound)).toEqual({ webhook: ['quicker'] });
  });
});

const readable = (stack: string) =>
  `# New secrets of ${stack}. Paste each one where it belongs, then delete this file.\n`;

describe.concurrent('secrets without --stack', () => {
  it('says where npm start keeps its own', async () => {
    const args = [join(ROOT, 'cli/main.ts'), 'secrets', 'rotate', 'webhook'];
    expect(await run('node', args, {})).toEqual(
      refused(
        'Say which relay on AWS: npm run relay -- --stack NAME secrets … (npm start keeps its own in .local/secrets.json).',
      ),
    );
    expect(readdirSync(folder)).not.toContain('.local');
  });
});
