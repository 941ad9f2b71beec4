import { program, sentenceOf } from './program.ts';

/**
 * By the word they begin with. Only what is asked for is loaded: AWS's clients, the adapters and the phone
 * numbers of the world take longer to load than most commands take.
 */
const GROUPS: Record<string, () => Promise<void>> = {
  recharges: async () => (await import('./commands/recharges.ts')).addRechargeCommands(),
  accounts: async () => (await import('./commands/accounts.ts')).addAccountCommands(),
  pause: async () => (await import('./commands/charging.ts')).addPauseCommand(),
  resume: async () => (await import('./commands/charging.ts')).addResumeCommand(),
  webhook: async () => (await import('./commands/webhook.ts')).addWebhookCommands(),
  quarantine: async () => (await import('./commands/quarantine.ts')).addQuarantineCommands(),
  capture: async () => (await import('./commands/capture.ts')).addCaptureCommands(),
  secrets: async () => (await import('./commands/secrets.ts')).addSecretCommands(),
  channels: async () => (await import('./commands/channels.ts')).addChannelCommands(),
  messages: async () => (await import('./commands/messages.ts')).addMessageCommands(),
  platform: async () => (await import('./commands/platform.ts')).addPlatformCommands(),
  probe: async () => (await import('./commands/probe.ts')).addProbeCommand(),
};

// A value may be one of these words, too; then more is loaded than is asked for. For the help, all of it.
const given = process.argv.slice(2).filter((word) => Object.hasOwn(GROUPS, word));
for (const word of given.length > 0 ? new Set(given) : Object.keys(GROUPS)) await GROUPS[word]?.();

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exitCode = 1;
}
