import { describe, expect, it } from 'vitest';
import { readFlags, UsageError } from '../../local/flags.ts';

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
});
