import { daySchema } from '../../operate/days.ts';
import { OperateError } from '../../operate/error.ts';
import { findRecharge } from '../../operate/find-recharge.ts';
import { type Resolution, readRecharge, resolveRecharge, stopRecharge } from '../../operate/recharges.ts';
import { type Start, startRecharge } from '../../operate/start.ts';
import { spelledEmailSchema } from '../../shared/email.ts';
import { ANSWERS } from '../../shared/recharge/answers.ts';
import { rechargeEvidence, rechargeJson, rechargeText } from '../../shared/recharge/present.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { type Cli, checked, wholeNumber } from '../program.ts';
import { addRechargeListCommand } from './recharges-list.ts';

export function addRechargeCommands(cli: Cli): void {
  const { program, connected, say, sayJson, tell } = cli;
  const recharges = program.command('recharges').description('what happened to each webhook');

  addRechargeListCommand(cli, recharges);

  recharges
    .command('show')
    .description('one recharge: its timeline, and what to do')
    .argument(
      '<reference>',
      "the platform's idempotency key; or a charge id, grant mark, payment or refund reference, or its beginning",
    )
    .option('--from <day>', 'looks for it from this day (UTC) on: 2026-01-31, or 365d', checked(daySchema))
    .option('--json', 'as a JSON object')
    .action(async (reference: string, { json, ...options }: { from?: string; json?: boolean }) => {
      const connection = await connected();
      const { row, by } = await findRecharge(connection, reference, options);
      if (json) return sayJson(rechargeJson(row));
      if (by.kind !== 'key' || !by.whole) tell(`Found by its ${by.kind}.`);
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
