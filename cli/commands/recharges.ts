import { Option } from 'commander';
import {
  listRecharges,
  type RechargeFilter,
  type Resolution,
  readRecharge,
  resolveRecharge,
} from '../../operate/recharges.ts';
import { formatMoney } from '../../shared/money.ts';
import { ANSWERS } from '../../shared/recharge/answers.ts';
import { rechargeEvidence, rechargeJson, rechargeText } from '../../shared/recharge/present.ts';
import { moneyOf, PHASES, type Recharge } from '../../shared/recharge/recharge.ts';
import { type Cli, email, wholeNumber } from '../program.ts';

export function addRechargeCommands({ program, connected, say, sayJson }: Cli): void {
  const recharges = program.command('recharges').description('what happened to each webhook');

  recharges
    .command('list')
    .description('the recharges of the last days, and every unfinished one')
    .addOption(new Option('--phase <phase>', 'only those in this phase').choices(PHASES))
    .option('--email <email>', 'only those of this client', email)
    .option('--days <n>', 'how many days back', wholeNumber, 31)
    .option('--json', 'as a JSON array')
    .action(async ({ json, ...options }: RechargeFilter & { json?: boolean }) => {
      const rows = await listRecharges(await connected(), options);
      if (json) return sayJson(rows.map(rechargeJson));
      for (const row of rows) say(rechargeLine(row));
      say(`${rows.length} ${rows.length === 1 ? 'recharge' : 'recharges'}`);
    });

  recharges
    .command('show')
    .description('one recharge: its timeline, and what to do')
    .argument('<key>', "the platform's idempotency key")
    .option('--json', 'as a JSON object')
    .action(async (key: string, { json }: { json?: boolean }) => {
      const connection = await connected();
      const row = await readRecharge(connection, key);
      if (json) return sayJson(rechargeJson(row));
      say(rechargeText(row, connection.policy));
    });

  recharges
    .command('resolve')
    .description('say what happened to a recharge that needs review; the worker then does the rest')
    .argument('<key>', "the platform's idempotency key")
    .addArgument(program.createArgument('<answer>', 'what happened').choices(ANSWERS))
    .requiredOption('--note <text>', 'what you looked at, and what you saw; kept in the history')
    .option('--payment-ref <ref>', 'with confirm-charged: the payment you found')
    .option(
      '--version <n>',
      'the version you were shown: refuses if the recharge has changed since',
      wholeNumber,
    )
    .option('--json', 'print the row as a JSON object')
    .action(
      async (
        key: string,
        answer: Resolution['answer'],
        { json, ...options }: Omit<Resolution, 'answer'> & { json?: boolean },
      ) => {
        const connection = await connected();
        const row = await readRecharge(connection, key);
        if (!json) say(`${rechargeEvidence(row)}\n`);
        const resolved = await resolveRecharge(connection, row, { answer, ...options });
        if (json) return sayJson(rechargeJson(resolved));
        say(`${answer}: the recharge is now ${resolved.phase}.`);
      },
    );
}

/** One line a recharge. */
function rechargeLine(row: Recharge): string {
  const money = moneyOf(row);
  const word = row.review ?? row.reason;
  return [
    new Date(row.receivedAt).toISOString(),
    (word === undefined ? row.phase : `${row.phase} (${word})`).padEnd(32),
    `${row.credits} credits`.padStart(14),
    (money ? formatMoney(money) : '').padStart(12),
    row.email.padEnd(28),
    row.key,
  ].join('  ');
}
