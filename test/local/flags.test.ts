import { describe, expect, it } from 'vitest';
import { readFlags, UsageError, whatDoesNotFit } from '../../local/flags.ts';
import { namesPayments, type PaymentsKind } from '../../local/payments-kind.ts';

const URL = 'http://127.0.0.1:9';

function typed(...words: string[]) {
  const printed: string[] = [];
  const flags = readFlags(words, (text) => printed.push(text));
  return { flags, printed: printed.join('') };
}

describe('the options of npm start', () => {
  it('have their defaults, and are what is typed', () => {
    const none = {
      port: 3000,
      once: false,
      json: false,
      quiet: false,
      fresh: false,
      console: true,
      chat: 'webhook',
    };
    expect(typed().flags).toEqual(none);
    expect(
      typed('--port', '0', '--quiet', '--fresh', '--no-console', '--chat', 'slack', '--payments', 'stripe')
        .flags,
    ).toEqual({
      ...none,
      port: 0,
      quiet: true,
      fresh: true,
      console: false,
      chat: 'slack',
      payments: 'stripe',
    });
  });

  it('are all in the help, with the variables, examples and exit codes', () => {
    const { flags, printed } = typed('--help');
    expect(flags).toBeUndefined();
    const options = [
      '--port',
      '--once',
      '--json',
      '--quiet',
      '--fresh',
      '--no-console',
      '--chat',
      '--payments',
    ];
    for (const option of options) expect(printed).toContain(option);
    expect(printed).toContain('PAYMENT_HOOK_URL, PAYMENT_HOOK_SECRET');
    expect(printed).toContain('npm start -- --once --json | tail -n 1');
    expect(printed).toContain('2 where the command was not understood');
  });

  it.each([
    [['--onse'], "unknown option '--onse' (Did you mean --once?). All options: npm start -- --help"],
    [['--port', 'http'], "option '--port <number>' argument 'http' is invalid. It is a number from 0"],
    [['--port', '65536'], "option '--port <number>' argument '65536' is invalid."],
    [['--port'], "option '--port <number>' argument missing. All options: npm start -- --help"],
    [['3000'], 'too many arguments'],
    [['--payments', 'cash'], 'Allowed choices are endpoint, stripe.'],
    [
      ['--chat', 'signal'],
      'Allowed choices are webhook, telegram, chatwoot, slack, gohighlevel, gohighlevel-provider, twilio',
    ],
  ])('%j is refused in one sentence that leads to the help', (words, sentence) => {
    expect(() => typed(...words)).toThrow(UsageError);
    expect(() => typed(...words)).toThrow(sentence);
  });

  it.each<[string[], NodeJS.ProcessEnv, PaymentsKind, string | undefined]>([
    [['--once'], {}, 'endpoint', undefined],
    [[], { PLATFORM_BASE_URL: URL, PAYMENT_HOOK_URL: URL }, 'endpoint', undefined],
    [
      ['--once'],
      { PLATFORM_BASE_URL: URL },
      'endpoint',
      '--once runs the demonstration: unset PLATFORM_BASE',
    ],
    [
      ['--once'],
      { PAYMENT_HOOK_URL: URL },
      'endpoint',
      'unset PLATFORM_BASE_URL and PAYMENT_HOOK_URL, which',
    ],
    [['--once'], { STRIPE_KEY: 'key' }, 'stripe', 'unset PLATFORM_BASE_URL and STRIPE_KEY, which replace'],
    [
      ['--chat', 'slack'],
      { PLATFORM_BASE_URL: URL },
      'endpoint',
      '--chat is about the sandbox, whose platform',
    ],
    [[], { PAYMENT_HOOK_URL: URL }, 'stripe', 'unset it, or leave out --payments stripe.'],
  ])('%j beside %j, with %s: %s', (words, env, payments, sentence) => {
    const { flags } = typed(...words);
    const demo = env.PLATFORM_BASE_URL === undefined && !namesPayments(env, payments);
    const said = whatDoesNotFit(flags ?? expect.unreachable(), { env, payments, demo });
    if (sentence === undefined) expect(said).toBeUndefined();
    else expect(said).toContain(sentence);
  });
});
