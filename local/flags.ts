import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PAYMENTS_KINDS, type PaymentsKind } from './payments-kind.ts';
import { type DialectName, dialectNameSchema } from './sandbox/dialects/index.ts';

export interface Flags {
  /** 0 for any free one. */
  port: number;
  once: boolean;
  json: boolean;
  quiet: boolean;
  fresh: boolean;
  console: boolean;
  /** Which chat system the sandbox's is, of which a message is shown. */
  chat: DialectName;
  /** Who takes the money. Undefined: whoever the settings name, else the sandbox's payment endpoint. */
  payments?: PaymentsKind;
}

/** What was typed is no way to start. Nothing was done. */
export class UsageError extends Error {
  override name = 'UsageError';
}

const MORE = `
The environment says whose parts are used. Those that are not named are the sandbox's:

  PLATFORM_BASE_URL, PLATFORM_API_KEY        the platform
  PLATFORM_TIMEOUT_SECONDS                   how long it may take to answer, 10
  PAYMENT_HOOK_URL, PAYMENT_HOOK_SECRET      your payment endpoint, WHICH THEN CHARGES FOR REAL
  PAYMENT_HOOK_TIMEOUT_SECONDS               how long it may take to answer, 20
  STRIPE_KEY, STRIPE_WEBHOOK_SECRET          Stripe in test mode, with --payments stripe
  EVENTS_WEBHOOK_URL, EVENTS_WEBHOOK_SECRET  where events are posted, too
  WEBHOOK_SECRET                             of the webhooks; generated otherwise
  RELAY_CONFIG                               a file with the settings, in whole or in part
  DYNAMODB_ENDPOINT, SQS_ENDPOINT            engines instead of the embedded ones
  RELAY_LOCAL_DIR                            the folder for data, secrets and the log, .local
  NO_COLOR                                   no colours

Examples:

  npm start
  npm start -- --port 3100 --quiet
  npm start -- --once --json | tail -n 1
  npm start -- --chat telegram
  npm start -- --payments stripe
  PAYMENT_HOOK_URL=http://127.0.0.1:4000 PAYMENT_HOOK_SECRET=whsec_… npm start

It ends with 0 after Ctrl-C, 1 where something failed, and 2 where the command was not understood.
README.md leads through it, docs/sandbox.md tells of the sandbox, docs/configuration.md of the settings.
`;

/**
 * @param words what follows `npm start --`.
 * @param print takes the help.
 * @returns undefined where help was asked for, and printed.
 * @throws UsageError with one sentence.
 */
export function readFlags(words: string[], print: (text: string) => void): Flags | undefined {
  const command = new Command('npm start --')
    .description('Runs the relay on this machine, and tells what it does, until Ctrl-C.')
    .option('--port <number>', 'where it listens; 0 for any free port', portOf, 3000)
    .option('--quiet', 'no line for each webhook, charge, grant, message and alert')
    .addOption(
      new Option('--chat <system>', 'which chat system the sandbox is, for the message that is shown')
        .choices(dialectNameSchema.options)
        .default('webhook'),
    )
    .addOption(
      new Option(
        '--payments <kind>',
        'who takes the money: a payment endpoint, or Stripe, whose demonstration begins with saving a card',
      ).choices(PAYMENTS_KINDS),
    )
    .option('--fresh', 'forgets the data of earlier starts, not the secrets')
    .option('--no-console', 'without the console in the browser')
    .option('--once', 'shows one recharge and one message in the sandbox, and ends')
    .option('--json', 'prints the recharge that was shown as a JSON object on the last line; quiet')
    .helpOption('-h, --help', 'this')
    .addHelpText('after', MORE)
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: print, writeErr: () => {} });
  try {
    const given = command
      .parse(words, { from: 'user' })
      .opts<Partial<Flags> & Pick<Flags, 'port' | 'chat' | 'console'>>();
    return { once: false, json: false, quiet: false, fresh: false, ...given };
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    const said = error.message
      .replace(/^error: /, '')
      .replaceAll('\n', ' ')
      .replace(/\.$/, '');
    throw new UsageError(`${said}. All options: npm start -- --help`);
  }
}

/** Which of what was typed the environment does not go with, in a sentence; undefined where all of it does. */
export function whatDoesNotFit(
  { once, chat }: Flags,
  { env, payments, demo }: { env: NodeJS.ProcessEnv; payments: PaymentsKind; demo: boolean },
): string | undefined {
  if (payments === 'stripe' && env.PAYMENT_HOOK_URL !== undefined) {
    return 'PAYMENT_HOOK_URL names a payment endpoint: unset it, or leave out --payments stripe.';
  }
  if (once && !demo) {
    const own = payments === 'stripe' ? 'STRIPE_KEY' : 'PAYMENT_HOOK_URL';
    return `--once runs the demonstration: unset PLATFORM_BASE_URL and ${own}, which replace the sandbox.`;
  }
  return chat !== 'webhook' && env.PLATFORM_BASE_URL !== undefined
    ? '--chat is about the sandbox, whose platform answers: unset PLATFORM_BASE_URL, which replaces it.'
    : undefined;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (port <= 65_535) return port;
  throw new InvalidArgumentError('It is a number from 0 (any free port) to 65535.');
}
