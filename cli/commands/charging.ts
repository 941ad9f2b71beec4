import { whoActs } from '../../operate/who.ts';
import { confirmChange, YES } from '../confirm.ts';
import { type Cli, examples } from '../program.ts';

const JSON_OPTION = ['--json', 'whether charging is paused, as a JSON object'] as const;

export function addPauseCommand(cli: Cli): void {
  cli.program
    .command('pause')
    .description('stops new charges until resume; webhooks are still accepted, and wait')
    .requiredOption('--note <text>', 'why')
    .option(...YES)
    .option(...JSON_OPTION)
    .addHelpText('after', examples('pause --note "prices change tonight"'))
    .action(async ({ note, yes, json }: { note: string; yes?: boolean; json?: boolean }) => {
      await confirmChange(cli, { question: 'Stop charging all clients?', yes });
      const pause = { reason: note, by: await whoActs(cli.target()) };
      await (await cli.connected()).charging.pause(pause);
      if (json) return cli.sayJson({ paused: true, ...pause });
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
    .option(...JSON_OPTION)
    .addHelpText('after', examples('resume'))
    .action(async ({ yes, json }: { yes?: boolean; json?: boolean }) => {
      await confirmChange(cli, { question: 'Let charges begin again?', yes });
      await (await cli.connected()).charging.resume();
      if (json) return cli.sayJson({ paused: false });
      cli.say('Charges begin again; waiting recharges come back by themselves within 15 minutes.');
    });
}
