import { Option } from 'commander';
import { OperateError } from '../../operate/error.ts';
import {
  listRecharges,
  type RechargeFilter,
  type Resolution,
  readRecharge,
  resolveRecharge,
  stopRecharge,
} from '../../operate/recharges.ts';
import { type Start, startRecharge } from '../../operate/start.ts';
import { spelledEmailSchema } from '../../shared/email.ts';
import { formatMoney } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import { ANSWERS } from '../../shared/recharge/answers.ts';
import { NOT_CHARGED, rechargeEvidence, rechargeJson, rechargeText } from '../../shared/recharge/present.ts';
import { moneyOf, PHASES, type Recharge } from '../../shared/recharge/recharge.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { type Cli, checked, email, wholeNumber } from '../program.ts';

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
    .requiredOption(
      '--version <n>',
      'the version you were shown, as recharges show prints it: refuses if the recharge has changed since',
      wholeNumber,
    )
    .option('--payment-ref <ref>', 'with confirm-charged: the payment you found')
    .option('--json', 'print the row as a JSON object')
    .action(
      async (
        key: string,
        answer: Resolution['answer'],
        { json, ...options }: Omit<Resolution, 'answer'> & { json?: boolean },
      ) => {
        const connection = await connected();
        const row = await readRecharge(connection, key);
        try {
          const resolved = await resolveRecharge(connection, key, { answer, ...options });
          if (json) return sayJson(rechargeJson(resolved));
          say(`${rechargeEvidence(row)}\n`);
          say(`${answer}: the recharge is now ${resolved.phase}.`);
        } catch (error) {
          const isStale = error instanceof OperateError && error.kind === 'changed';
          if (isStale && !json)
            say(`${rechargeText(await readRecharge(connection, key), connection.policy)}\n`);
          throw error;
        }
      },
    );

  recharges
    .command('stop')
    .description('stops a recharge that has not been charged; a payment that was under way is kept')
    .argument('<key>', "the platform's idempotency key")
    .requiredOption('--note <text>', 'why; kept in the history')
    .option('--json', 'print the row as a JSON object')
    .action(async (key: string, { note, json }: { note: string; json?: boolean }) => {
      const row = await stopRecharge(await connected(), key, note);
      if (json) return sayJson(rechargeJson(row));
      say(
        `No charge of ${shellQuoted(key)} begins any more. It ends within a minute, unless a payment was under way: ` +
          `npx relay recharges show ${shellQuoted(key)}`,
      );
    });

  recharges
    .command('start')
    .description(
      'starts a recharge by hand: charged and granted once, however often it is asked for in the same words',
    )
    .argument('<email>', 'the client', checked(spelledEmailSchema))
    .option('--credits <n>', 'whole credits', wholeNumber)
    .option(
      '--for <key>',
      'in the place of one that ended blocked or declined: of the same client and credits',
    )
    .option('--no-charge', 'grants without charging: paid elsewhere, or a present')
    .requiredOption('--note <text>', 'why; kept in the history')
    .option('--json', 'print the row as a JSON object')
    .action(async (client: string, { json, for: insteadOf, ...start }: StartOptions) => {
      const row = await startRecharge(await connected(), {
        client,
        ...start,
        ...(insteadOf === undefined ? {} : { insteadOf }),
      });
      if (json) return sayJson(rechargeJson(row));
      say(
        `Recharge ${row.key} is started: ${row.credits} credits for ${row.email}${start.charge ? '' : ', not charged'}. ` +
          `What becomes of it: npx relay recharges show ${shellQuoted(row.key)}`,
      );
    });
}

type StartOptions = Omit<Start, 'client' | 'insteadOf'> & { for?: string; json?: boolean };

/** One line a recharge. */
function rechargeLine(row: Recharge): string {
  const money = moneyOf(row);
  const word = row.review ?? row.reason;
  return [
    new Date(row.receivedAt).toISOString(),
    (word === undefined ? row.phase : `${row.phase} (${word})`).padEnd(32),
    `${row.credits} credits`.padStart(14),
    (row.prepaid ? NOT_CHARGED : money ? formatMoney(money) : '').padStart(12),
    row.email.padEnd(28),
    row.key,
  ]
    .map(printableLine)
    .join('  ');
}
