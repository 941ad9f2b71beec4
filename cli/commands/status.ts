import { readStatus, statusJson } from '../../operate/status.ts';
import { type Cli, examples } from '../program.ts';
import { statusText } from '../status-text.ts';

const EVERY_MS = 5_000;
/** The screen cleared, and the cursor at its beginning. */
const CLEAR_SCREEN = '\u001b[2J\u001b[H';

export function addStatusCommand({ program, connected, target, io, say, sayJson }: Cli): void {
  program
    .command('status')
    .description('how the relay is: charging, what waits, alerts, webhooks, queues, sweeps, secrets')
    .option('--watch', 'again every five seconds, until Ctrl-C')
    .option('--json', 'as a JSON object; with --watch one a line')
    .addHelpText('after', examples('status', 'status --watch', 'status --json'))
    .action(async ({ watch = false, json = false }: { watch?: boolean; json?: boolean }) => {
      const connection = await connected();
      do {
        const status = await readStatus(connection, target());
        if (watch && !json && io.stdout.isTTY) io.stdout.write(CLEAR_SCREEN);
        if (json) sayJson(statusJson(status));
        else say(`${statusText(status)}${watch && !io.stdout.isTTY ? '\n' : ''}`);
        if (watch) await io.sleep(EVERY_MS);
      } while (watch);
    });
}
