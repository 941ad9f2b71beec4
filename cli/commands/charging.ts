import { confirmChange, YES } from '../confirm.ts';
import { type Cli, examples } from '../program.ts';
import { whoRuns } from '../who.ts';

export function addPauseCommand(cli: Cli): void {
  cli.program
    .command('pause')
    .description('stops new charges until resume; webhooks are still accepted, and wait')
    .requiredOption('--note <text>', 'why')
    .option(...YES)
    .addHelpText('after', examples('pause --note "prices change tonight"'))
    .action(async ({ note, yes }: { note: string; yes?: boolean }) => {
      await confirmChange(cli, { question: 'Stop charging all clients?', yes });
      await (await cli.connected()).charging.pause({ reason: note, by: whoRuns() });
      cli.say(
        'No new charge begins from now on (other processes: within 5 seconds). Go on: npx relay resume',
      );
    });
}

export function addResumeCommand(cli: Cli): void {
  cli.program
    .command('resume')
    .description('lets charges begin again')
    .option(...YES)
    .addHelpText('after', examples('resume'))
    .action(async ({ yes }: { yes?: boolean }) => {
      await confirmChange(cli, { question: 'Let charges begin again?', yes });
      await (await cli.connected()).charging.resume();
      cli.say('Charges begin again; waiting recharges come back by themselves within 15 minutes.');
    });
}
