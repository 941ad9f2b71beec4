import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exits } from '../support/command.ts';
import { pastedFrom, useOperator } from '../support/operator.ts';

const API_KEY = 'api-key-of-the-agency';
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const { folder, aws, cli, newStack } = useOperator();

const readable = (owner: string) =>
  `# New secrets of ${owner}. Paste each one where it belongs, then delete this file.\n`;

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
      `platformApiKey is not set yet: npx relay --stack ${stack.name} secrets set platformApiKey`,
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
        "All of the relay's own are set. To change one, or to set those of a channel: secrets set NAME, secrets rotate NAME.\n",
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

/** The configuration of a relay that Stripe pays. */
function stripeConfig(): { RELAY_CONFIG: string } {
  const file = join(folder, 'stripe.json');
  writeFileSync(file, JSON.stringify({ payment: { type: 'stripe' } }));
  return { RELAY_CONFIG: file };
}

describe.concurrent('where Stripe takes the money', () => {
  const RESTRICTED = 'rk_test_51MzFakeFakeFakeFake';
  const SIGNING = 'whsec_oZ8nus9PHnoltEtWZ3pGITZdeHWHoqnL';

  it('init asks for its key and the secret of its webhook, and for none of a payment endpoint', async () => {
    const stack = newStack();
    const env = stripeConfig();
    const input = `from-the-platform\n${API_KEY}\n${RESTRICTED}\n${SIGNING}\n`;
    const { stdout } = await stack.cli(['secrets', 'init'], { input, env });
    expect(stdout.match(/^\w+(?= is set)/gm)).toEqual([
      'webhook',
      'platformApiKey',
      'stripeKey',
      'stripeWebhook',
    ]);
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, stripeKey: RESTRICTED });
    expect(aws().valueOf(stack.inbound)).toEqual({
      webhook: ['from-the-platform'],
      stripeWebhook: [SIGNING],
    });
    const listed = await stack.cli(['secrets', 'list', '--json'], { env });
    expect(JSON.parse(listed.stdout).map(({ name }: { name: string }) => name)).toEqual([
      'webhook',
      'platformApiKey',
      'stripeKey',
      'stripeWebhook',
    ]);
  });

  it('a new signing secret stands beside the one before, and a new key replaces its own', async () => {
    const stack = newStack();
    const set = (name: string, value: string) => stack.cli(['secrets', 'set', name], { input: `${value}\n` });
    await set('stripeWebhook', SIGNING);
    expect((await set('stripeWebhook', `${SIGNING}2`)).stdout).toContain('secrets drop stripeWebhook');
    await set('stripeKey', RESTRICTED);
    await set('stripeKey', `${RESTRICTED}2`);
    expect(aws().valueOf(stack.inbound)).toEqual({ stripeWebhook: [`${SIGNING}2`, SIGNING] });
    expect(aws().valueOf(stack.outbound)).toEqual({ stripeKey: `${RESTRICTED}2` });
  });

  it.each([
    ['stripeKey', 'rk_live_51MzFakeFakeFakeFake', /^stripeKey is a live key, which takes real money/],
    ['stripeKey', 'pk_test_51MzFakeFakeFakeFake', /^stripeKey is the publishable key/],
    ['stripeKey', 'whsec_oZ8nus9PHnoltEtWZ3pG', /^stripeKey is no key of Stripe/],
    ['stripeWebhook', 'rk_test_51MzFakeFakeFakeFake', /^stripeWebhook is no signing secret of Stripe/],
  ])('%s is not set to %s', async (name, value, sentence) => {
    const stack = newStack();
    expect(await stack.cli(['secrets', 'set', name], { input: `${value}\n` })).toEqual(exits(4, sentence));
  });

  it('the key of production is one of live mode', async () => {
    const stack = newStack();
    const outputs = aws().stacks.get(stack.name);
    if (outputs) aws().stacks.set('recharge-relay-prod', outputs);
    const set = (value: string) =>
      cli(['--stack', 'recharge-relay-prod', 'secrets', 'set', 'stripeKey', '--yes'], {
        input: `${value}\n`,
      });
    expect(await set(RESTRICTED)).toEqual(
      exits(4, /^stripeKey is a test key, which takes no money in production/),
    );
    expect((await set('rk_live_51MzFakeFakeFakeFake')).code).toBe(0);
  });
});

describe.concurrent('secrets set', () => {
  it('puts a webhook secret in front of those before, and keeps all of them', async () => {
    const stack = newStack();
    const set = async (value: string) =>
      (await stack.cli(['secrets', 'set', 'webhook'], { input: `${value}\n` })).stdout;
    expect(await set('the-first-one')).toBe('webhook is set, and in use within five minutes.\n');
    expect(await set('the-second-one')).toBe(
      'webhook is set, and in use within five minutes. The one before stays valid beside it, until you drop it (secrets drop webhook).\n',
    );
    await set('the-third-one');
    const webhook = ['the-third-one', 'the-second-one', 'the-first-one'];
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook });
    await set('the-third-one');
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook });
  });

  it('says what is wrong with a secret for the verifiers of the configuration here', async () => {
    const stack = newStack();
    const file = join(folder, 'standard.json');
    writeFileSync(file, JSON.stringify({ recharge: { verifiers: [{ type: 'standard-webhooks' }] } }));
    const set = (input: string) =>
      stack.cli(['secrets', 'set', 'webhook'], { input: `${input}\n`, env: { RELAY_CONFIG: file } });
    expect(await set('correct-horse-battery')).toEqual(
      exits(
        4,
        'webhook is no secret of the configured standard-webhooks: theirs are whsec_ and base64. Nothing was changed.',
      ),
    );
    expect(await set(`v1,${HOOK_SECRET}`)).toEqual(
      exits(
        4,
        'webhook begins with a version, as some dashboards show it: give it from whsec_ on. Nothing was changed.',
      ),
    );
    expect(await set('abc')).toEqual(
      exits(
        4,
        'webhook has 3 characters, so it can be guessed: at least 12 are needed. secrets rotate makes one. Nothing was changed.',
      ),
    );
    expect(aws().valueOf(stack.inbound)).toBeUndefined();
    expect((await set(HOOK_SECRET)).code).toBe(0);
    writeFileSync(
      file,
      JSON.stringify({ recharge: { verifiers: [{ type: 'standard-webhooks' }, { type: 'token' }] } }),
    );
    expect((await set('correct-horse-battery')).stdout).toMatch(
      /drop webhook\)\. It is no secret of the configured standard-webhooks: .+ The other verifiers take it\.$/m,
    );
  });

  it('refuses a blank, what breaks in two, and what was set by somebody else meanwhile', async () => {
    const stack = newStack();
    aws().put(stack.outbound, { platformApiKey: API_KEY });
    const set = (input: string) => stack.cli(['secrets', 'set', 'platformApiKey'], { input });
    expect(await set('')).toEqual(exits(1, 'No answer to "The platform\'s API key". Nothing was changed.'));
    expect(await set(' \n')).toEqual(exits(4, 'platformApiKey is blank. Nothing was changed.'));
    expect(await set('new-\nkey')).toEqual(
      exits(1, 'There were more lines than questions: paste one line each. Nothing was changed.'),
    );
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY });

    aws().secret(stack.outbound).afterGet = () => {
      aws().put(stack.outbound, { platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
    };
    expect(await set('new-key\n')).toEqual(
      exits(
        4,
        'platformApiKey could not be set: Somebody else has changed it meanwhile: look, and run this again.',
      ),
    );
    expect(aws().valueOf(stack.outbound)).toEqual({ platformApiKey: API_KEY, paymentHook: HOOK_SECRET });
  });

  it('never quotes an entry that it cannot read', async () => {
    const stack = newStack();
    aws().secret(stack.inbound).versions.set('by-hand', '{"webhook": hunter2}');
    const sentence = `The secret "${stack.inbound}" is not what it should be: see docs/configuration.md.`;
    expect(await stack.cli(['secrets', 'set', 'webhook'], { input: 'new\n' })).toEqual(exits(1, sentence));
    aws().secrets.delete(stack.outbound);
    expect(await stack.cli(['secrets', 'set', 'platformApiKey'], { input: 'new\n' })).toEqual(
      exits(1, "Secrets Manager can't find the specified secret."),
    );
  });
});

describe.concurrent('secrets rotate', () => {
  it('keeps the webhook secret before valid, and appends to its own file', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['one', 'zero'], other: true });
    const { stdout } = await stack.cli(['secrets', 'rotate', 'webhook']);
    expect(stdout).toContain(
      'The one before stays valid beside it, until you drop it (secrets drop webhook).\n',
    );
    expect(stdout).toContain('Then delete the file.\n');
    await stack.cli(['secrets', 'rotate', 'webhook']);
    const [second, third] = pastedFrom(stack.file);
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: [third, second, 'one', 'zero'], other: true });
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
        exits(4, `${file} was there before, and is not ours to write to: name another with --file.`),
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
      exits(
        4,
        `webhook could not be set; do not use what ${stack.file} holds of it: Somebody else has changed it meanwhile: look, and run this again.`,
      ),
    );
    expect(aws().valueOf(stack.inbound)).toEqual({ webhook: ['quicker'] });
  });
});
