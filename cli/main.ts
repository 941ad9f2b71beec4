import { type Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { printableJson } from '../shared/printable.ts';
import { EXIT, type ExitCode, failureOf } from './failure.ts';
import { type Cli, createCli, type Io } from './program.ts';

/**
 * By the word they begin with. Only what is asked for is loaded: AWS's clients, the adapters and the phone
 * numbers of the world take longer to load than most commands take.
 */
const GROUPS: Record<string, (cli: Cli) => Promise<void>> = {
  status: async (cli) => (await import('./commands/status.ts')).addStatusCommand(cli),
  why: async (cli) => (await import('./commands/why.ts')).addWhyCommand(cli),
  logs: async (cli) => (await import('./commands/logs.ts')).addLogsCommand(cli),
  recharges: async (cli) => (await import('./commands/recharges.ts')).addRechargeCommands(cli),
  alerts: async (cli) => (await import('./commands/alerts.ts')).addAlertsCommand(cli),
  reconcile: async (cli) => (await import('./commands/reconcile.ts')).addReconcileCommand(cli),
  accounts: async (cli) => (await import('./commands/accounts.ts')).addAccountCommands(cli),
  price: async (cli) => (await import('./commands/price.ts')).addPriceCommand(cli),
  erase: async (cli) => (await import('./commands/erase.ts')).addEraseCommand(cli),
  pause: async (cli) => (await import('./commands/charging.ts')).addPauseCommand(cli),
  resume: async (cli) => (await import('./commands/charging.ts')).addResumeCommand(cli),
  webhook: async (cli) => (await import('./commands/webhook.ts')).addWebhookCommands(cli),
  quarantine: async (cli) => (await import('./commands/quarantine.ts')).addQuarantineCommands(cli),
  deadletters: async (cli) => (await import('./commands/deadletters.ts')).addDeadLetterCommands(cli),
  doctor: async (cli) => (await import('./commands/doctor.ts')).addDoctorCommand(cli),
  config: async (cli) => (await import('./commands/config.ts')).addConfigCommands(cli),
  capture: async (cli) => (await import('./commands/capture.ts')).addCaptureCommands(cli),
  secrets: async (cli) => (await import('./commands/secrets.ts')).addSecretCommands(cli),
  channels: async (cli) => (await import('./commands/channels.ts')).addChannelCommands(cli),
  messages: async (cli) => (await import('./commands/messages.ts')).addMessageCommands(cli),
  platform: async (cli) => (await import('./commands/platform.ts')).addPlatformCommands(cli),
  payments: async (cli) => (await import('./commands/payments.ts')).addPaymentCommands(cli),
  use: async (cli) => (await import('./commands/use.ts')).addUseCommand(cli),
  completion: async (cli) =>
    (await import('./commands/completion.ts')).addCompletionCommand(cli, () => cliWith('all', cli.io)),
  probe: async (cli) => (await import('./commands/probe.ts')).addProbeCommand(cli),
};

/** The command line with the groups of these words, or with all of them. */
export async function cliWith(words: Iterable<string> | 'all', io: Io): Promise<Cli> {
  const cli = createCli(io);
  for (const word of words === 'all' ? Object.keys(GROUPS) : new Set(words)) await GROUPS[word]?.(cli);
  // "recharges resolve" has a --version of its own.
  if (words === 'all') cli.program.version(packageJson.version);
  return cli;
}

/**
 * Runs one command line, and prints what comes of it.
 *
 * @param argv without the interpreter and the script.
 */
export async function main(argv: string[], io: Io): Promise<ExitCode> {
  // A value may be one of these words, too. Then more is loaded than is asked for. The help needs all of it.
  const given = argv.filter((word) => Object.hasOwn(GROUPS, word));
  const cli = await cliWith(given.length > 0 ? given : 'all', io);
  try {
    await cli.program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // A group without its command, such as "recharges": commander has printed the help.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    return sayFailure(error, argv, cli);
  }
  return cli.hasFailed() ? EXIT.failed : EXIT.done;
}

/** With `--json`, what went wrong is what is printed: a program always finds one JSON document there, or nothing. */
function sayFailure(error: unknown, argv: string[], { program, sentenceOf, tell, print }: Cli): ExitCode {
  const { code, exit } = failureOf(error);
  const message = sentenceOf(error);
  if (argv.includes('--json')) print(printableJson({ error: { code, message } }));
  else tell(exit === EXIT.usage ? `${message}\nHelp: ${commandOf(program, argv)} --help` : message);
  return exit;
}

/** The command that was meant, as far as there is one. */
function commandOf(program: Command, argv: string[]): string {
  const path = [program];
  for (const word of argv) {
    const next = path.at(-1)?.commands.find((command) => command.name() === word);
    if (next !== undefined) path.push(next);
  }
  return ['npx', ...path.map((command) => command.name())].join(' ');
}
