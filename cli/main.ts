import { addAccountCommands } from './commands/accounts.ts';
import { addCaptureCommands } from './commands/capture.ts';
import { addChannelCommands } from './commands/channels.ts';
import { addChargingCommands } from './commands/charging.ts';
import { addMessageCommands } from './commands/messages.ts';
import { addPlatformCommands } from './commands/platform.ts';
import { addProbeCommand } from './commands/probe.ts';
import { addQuarantineCommands } from './commands/quarantine.ts';
import { addRechargeCommands } from './commands/recharges.ts';
import { addSecretCommands } from './commands/secrets.ts';
import { addWebhookCommands } from './commands/webhook.ts';
import { program, sentenceOf } from './program.ts';

addRechargeCommands();
addAccountCommands();
addChargingCommands();
addWebhookCommands();
addQuarantineCommands();
addCaptureCommands();
addSecretCommands();
addChannelCommands();
addMessageCommands();
addPlatformCommands();
addProbeCommand();

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${sentenceOf(error)}\n`);
  process.exitCode = 1;
}
