import { daySchema } from '../../operate/days.ts';
import { findRecharge } from '../../operate/find-recharge.ts';
import { circumstancesOf } from '../../operate/recharges.ts';
import { rechargeText, shownJson } from '../../shared/recharge/present.ts';
import { type Cli, checked, examples } from '../program.ts';
import { addRechargeDeeds } from './recharge-deeds.ts';
import { addRechargeExportCommand } from './recharges-export.ts';
import { addRechargeListCommand } from './recharges-list.ts';

export function addRechargeCommands(cli: Cli): void {
  const { program, connected, say, sayJson, tell, tellProgress } = cli;
  const recharges = program.command('recharges').description('what happened to each webhook');

  addRechargeListCommand(cli, recharges);
  addRechargeExportCommand(cli, recharges);

  recharges
    .command('show')
    .description('one recharge: its timeline, and what to do')
    .argument(
      '<reference>',
      "the platform's idempotency key; or a charge id, grant mark, payment or refund reference, or its beginning",
    )
    .option('--from <day>', 'looks for it from this day (UTC) on: 2026-01-31, or 365d', checked(daySchema))
    .option('--json', 'as a JSON object')
    .addHelpText(
      'after',
      examples('recharges show KEY', 'recharges show pi_3MtwBw', 'recharges show rr-41a9b2722f3c-1'),
    )
    .action(async (reference: string, { json, ...options }: { from?: string; json?: boolean }) => {
      const connection = await connected();
      const { row, by } = await findRecharge(connection, reference, {
        ...options,
        looked: (count, backTo) => tellProgress(`${count} recharges looked at, back to ${backTo}`),
      });
      const at = await circumstancesOf(connection);
      if (json) return sayJson(shownJson(row, at));
      if (by.kind !== 'key' || !by.whole) tell(`Found by its ${by.kind}.`);
      say(rechargeText(row, at));
    });

  addRechargeDeeds(recharges, cli);
}
