import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { proofsFor } from '../../operate/proofs.ts';
import { ownSecretsFor } from '../../operate/secret-names.ts';
import { secretId } from '../../shared/incoming/secret-use.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { verifyRequest } from '../../shared/incoming/verifiers.ts';
import { exits } from '../support/command.ts';
import { pastedFrom, useOperator } from '../support/operator.ts';
import type { Env } from '../support/relay-process.ts';

const API_KEY = 'api-key-of-the-agency';
const HOOK_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const { folder, aws, newStack } = useOperator();

const VERIFIERS = [
  { type: 'token' },
  { type: 'hmac', header: 'x-signature' },
  { type: 'standard-webhooks' },
].map((verifier) => verifierSchema.parse(verifier));

const CHANNELS = {
  chat: { adapter: 'chatwoot', verifiers: [{ type: 'hmac' }] },
  old: { adapter: 'chatwoot', verifiers: [{ type: 'token' }] },
  team: { adapter: 'slack' },
  sms: { adapter: 'twilio' },
  desk: { adapter: 'respondio' },
  bot: { adapter: 'telegram' },
  own: { adapter: 'webhook' },
};
/** A configuration with one channel of each kind; the rest of it is full of faults. */
const config = join(folder, 'mine.json');
writeFileSync(config, JSON.stringify({ mode: 1, channels: CHANNELS }));
const CONFIGURED = { RELAY_CONFIG: config };
const UNKNOWN = 'No configuration here has a channel support: go on if it is configured elsewhere.';

describe.concurrent('secrets of a channel', () => {
  it('are set one by one, the one before staying valid behind it, and never shown', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { webhook: ['kept'], later: 1 });
    aws().put(stack.outbound, { platformApiKey: API_KEY });
    const set = (name: string, value: string) =>
      stack.cli(['secrets', 'set', name], { input: `${value}\n`, env: CONFIGURED });
    expect(await set('own/incoming', 'the-first-one')).toEqual({
      code: 0,
      stdout: 'own/incoming is set, and in use within five minutes.\n',
      stderr: '',
    });
    const { stdout } = await set('own/incoming', 'the-second-one');
    expect(stdout).toBe(
      'own/incoming is set, and in use within five minutes. The one before stays valid beside it, until you drop it (secrets drop own/incoming).\n',
    );
    await set('own/incoming', 'the-third-one');
    await set('own/outgoing', 'of-the-replies');
    await set('own/send', 'of-the-systems');
    expect(aws().valueOf(stack.inbound)).toEqual({
      webhook: ['kept'],
      later: 1,
      channels: {
        'own/incoming': ['the-third-one', 'the-second-one', 'the-first-one'],
        'own/outgoing': ['of-the-replies'],
        'own/send': ['of-the-systems'],
      },
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
      ).toMatchObject({ ok: true, verifier: verifier.type });
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
    ['sms/incoming', 'Twilio'],
    ['desk/incoming', 'respond.io'],
    ['chat/incoming', 'Chatwoot'],
  ])('%s is not ours to make', async (name, maker) => {
    const stack = newStack();
    expect(await stack.cli(['secrets', 'rotate', name], { env: CONFIGURED })).toEqual(
      exits(4, `${maker} makes ${name}, not the relay: take a new one from there, with secrets set ${name}.`),
    );
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
    expect(existsSync(stack.file)).toBe(false);
  });

  it('may be of a channel that is configured elsewhere, which is said before the question', async () => {
    const stack = newStack();
    const set = (env: Env, input: string) =>
      stack.cli(['secrets', 'set', 'support/incoming'], { input, env });
    expect(await set(CONFIGURED, '')).toEqual(
      exits(1, UNKNOWN, 'No answer to "The secret of the chat system of support". Nothing was changed.'),
    );
    expect(await set(CONFIGURED, 'the-first-one')).toMatchObject({ code: 0, stderr: `${UNKNOWN}\n` });
    expect(aws().valueOf(stack.inbound)).toEqual({ channels: { 'support/incoming': ['the-first-one'] } });
    // A name of JavaScript is a channel like any other.
    const constructor_ = await stack.cli(['secrets', 'set', 'constructor/token'], {
      input: 'bot',
      env: CONFIGURED,
    });
    expect(constructor_.stdout).toBe('constructor/token is set, and in use within five minutes.\n');
    expect(aws().valueOf(stack.outbound).channelTokens.constructor).toBe('bot');
    // The relay's own do not ask for a configuration.
    const missing = { RELAY_CONFIG: join(folder, 'nowhere.json') };
    expect((await set(missing, 'the-second-one')).stderr).toMatch(/^nowhere\.json cannot be used/);
    const own = await stack.cli(['secrets', 'set', 'webhook'], { input: 'one-of-its-own', env: missing });
    expect(own).toMatchObject({ code: 0, stderr: '' });
  });

  it('are refused where they cannot be any, without being repeated', async () => {
    const stack = newStack();
    expect(await stack.cli(['secrets', 'set', 'hunter2'], { input: 'x\n' })).toEqual(
      exits(
        3,
        'A secret is called webhook, platformApiKey, paymentHook, stripeKey, stripeWebhook or, with the name of a channel (small letters, digits and -, at most 40): CHANNEL/incoming, CHANNEL/outgoing, CHANNEL/send, CHANNEL/token.',
      ),
    );
    const inArguments = await stack.cli(['secrets', 'set', 'own/token', 'hunter2'], { env: CONFIGURED });
    expect(inArguments.code).toBe(2);
    expect(inArguments.stdout + inArguments.stderr).not.toContain('hunter2');
    const bot = await stack.cli(['secrets', 'set', 'bot/incoming'], {
      input: 'not+for/telegram',
      env: CONFIGURED,
    });
    expect(bot).toEqual(
      exits(
        4,
        'bot/incoming is at most 256 letters, digits, _ and -, as Telegram takes it. Nothing was changed.',
      ),
    );
    const blank = await stack.cli(['secrets', 'set', 'own/send'], { input: ' \n', env: CONFIGURED });
    expect(blank).toEqual(exits(4, 'own/send is blank. Nothing was changed.'));
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
  });

  it('are not written over what somebody else has changed meanwhile', async () => {
    const stack = newStack();
    aws().put(stack.inbound, { channels: { 'own/send': ['one'] } });
    aws().secret(stack.inbound).afterGet = () => {
      aws().put(stack.inbound, { channels: { 'own/send': ['quicker', 'one'] } });
    };
    expect(await stack.cli(['secrets', 'rotate', 'own/send'], { env: CONFIGURED })).toEqual(
      exits(
        4,
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
      stack.cli(['secrets', 'list', ...more], {
        env: { RELAY_CONFIG: file, AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:1' },
      });
    expect(await list()).toEqual({
      code: 0,
      stderr: 'When previous ones were last used is not known here. connect ECONNREFUSED 127.0.0.1:1\n',
      stdout: [
        'secret                state                     value     last used (UTC)  note',
        'webhook               set, with a previous one',
        `                        current                 ${secretId('webhook', 'hunter2')}`,
        `                        previous                ${secretId('webhook', 'hunter1')}  not known`,
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
        'gone/send             set                                                  no configuration here has a channel gone',
        '',
      ].join('\n'),
    });
    const { stdout } = await list('--json');
    expect(stdout).not.toContain('hunter');
    const all = JSON.parse(stdout);
    expect(all).toHaveLength(12);
    expect([all[0], all[1], all[11]]).toEqual([
      {
        name: 'webhook',
        state: 'set, with a previous one',
        held: [
          { id: secretId('webhook', 'hunter2'), is: 'current' },
          { id: secretId('webhook', 'hunter1'), is: 'previous', last_used: 'not_known' },
        ],
      },
      { name: 'platformApiKey', state: 'not set', held: [] },
      {
        name: 'gone/send',
        state: 'set',
        note: 'no configuration here has a channel gone',
        held: [{ id: secretId('gone/send', 'hunter4'), is: 'current' }],
      },
    ]);
  });

  it('reads entries that have no value yet, and changes nothing', async () => {
    const stack = newStack();
    const { stdout } = await stack.cli(['secrets', 'list', '--json'], { env: CONFIGURED });
    const all: { state: string }[] = JSON.parse(stdout);
    expect(all).toHaveLength(ownSecretsFor('http').length + 4 * Object.keys(CHANNELS).length);
    expect(new Set(all.map(({ state }) => state))).toEqual(new Set(['not set']));
    expect([aws().valueOf(stack.inbound), aws().valueOf(stack.outbound)]).toEqual([undefined, undefined]);
  });
});
