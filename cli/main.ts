import { CommanderError } from 'commander';
import { type Cli, createCli, type Io } from './program.ts';

/**
 * By the word they begin with. Only what is asked for is loaded: AWS's clients, the adapters and the phone
 * numbers of the world take longer to load than most commands take.
 */
const GROUPS: Record<string, (cli: Cli) => Promise<void>> = {
  recharges: async (cli) => (await import('./commands/recharges.ts')).addRechargeCommands(cli),
  alerts: async (cli) => (await import('./commands/alerts.ts')).addAlertsCommand(cli),
  accounts: async (cli) => (await import('./commands/accounts.ts')).addAccountCommands(cli),
  pause: async (cli) => (await import('./commands/charging.ts')).addPauseCommand(cli),
  resume: async (cli) => (await import('./commands/charging.ts')).addResumeCommand(cli),
  webhook: async (cli) => (await import('./commands/webhook.ts')).addWebhookCommands(cli),
  quarantine: async (cli) => (await import('./commands/quarantine.ts')).addQuarantineCommands(cli),
  doctor: async (cli) => (await import('./commands/doctor.ts')).addDoctorCommand(cli),
  config: async (cli) => (await import('./commands/config.ts')).addConfigCommands(cli),
  capture: async (cli) => (await import('./commands/capture.ts')).addCaptureCommands(cli),
  secrets: async (cli) => (await import('./commands/secrets.ts')).addSecretCommands(cli),
  channels: async (cli) => (await import('./commands/channels.ts')).addChannelCommands(cli),
  messages: async (cli) => (await import('./commands/messages.ts')).addMessageCommands(cli),
  platform: async (cli) => (await import('./commands/platform.ts')).addPlatformCommands(cli),
  payments: async (cli) => (await import('./commands/payments.ts')).addPaymentCommands(cli),
  probe: async (cli) => (await import('./commands/probe.ts')).addProbeCommand(cli),
};

/**
 * Runs one command line, and prints what comes of it.
 *
 * @param argv without the interpreter and the script.
 * @returns the exit code: 0, or 1 where something is refused, not found, or did not come about.
 */
export async function main(argv: string[], io: Io): Promise<number> {
  const cli = createCli(io);
  // A value may be one of these words, too. Then more is loaded than is asked for. The help needs all of it.
  const given = argv.filter((word) => Object.hasOwn(GROUPS, word));
  for (const word of given.length > 0 ? new Set(given) : Object.keys(GROUPS)) await GROUPS[word]?.(cli);
  try {
    await cli.program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    // The help, or what is wrong with an argument: commander has printed it.
    if (error instanceof CommanderError) return error.exitCode;
    cli.tell(cli.sentenceOf(error));
    return 1;
  }
  return cli.hasFailed() ? 1 : 0;
}
