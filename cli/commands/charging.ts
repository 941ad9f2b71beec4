import type { Cli } from '../program.ts';

export function addPauseCommand({ program, connected, say }: Cli): void {
  program
    .command('pause')
    .description('stops new charges until resume; webhooks are still accepted, and wait')
    .requiredOption('--note <text>', 'why')
    .action(async ({ note }: { note: string }) => {
      await (await connected()).charging.pause({ reason: note });
      say('No new charge begins from now on (other processes: within 5 seconds). Go on: npx relay resume');
    });
}

export function addResumeCommand({ program, connected, say }: Cli): void {
  program
    .command('resume')
    .description('lets charges begin again')
    .action(async () => {
      await (await connected()).charging.resume();
      say('Charges begin again; waiting recharges come back by themselves within 15 minutes.');
    });
}
