import type { Command } from 'commander';
import type { Connection } from '../../operate/connection.ts';
import { OperateError } from '../../operate/error.ts';
import {
  circumstancesOf,
  type Resolution,
  readRecharge,
  refundRecharge,
  resolveRecharge,
  retryRecharge,
  stopRecharge,
} from '../../operate/recharges.ts';
import type { Start } from '../../operate/start.ts';
import { spelledEmailSchema } from '../../shared/email.ts';
import { formatMoney } from '../../shared/money.ts';
import { ANSWERS } from '../../shared/recharge/answers.ts';
import { rechargeEvidence, rechargeJson, rechargeText, shownJson } from '../../shared/recharge/present.ts';
import { grantMarkOf, moneyOf, type Recharge } from '../../shared/recharge/recharge.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { confirmChange, isTyped, nameRelay, YES } from '../confirm.ts';
import { type Cli, checked, examples, wholeNumber } from '../program.ts';

/** What a person does to one recharge. Each prints the row as it is afterwards. */
export function addRechargeDeeds(recharges: Command, cli: Cli): void {
  const { program, connected, say, sayJson } = cli;

  const deed = (name: string, description: string, example: string) =>
    recharges
      .command(name)
      .description(description)
      .option(...YES)
      .option('--json', 'print the row as a JSON object')
      .addHelpText('after', examples(`recharges ${name} ${example}`));
  const print = async (connection: Connection, row: Recharge, done: string, json?: boolean) => {
    const at = await circumstancesOf(connection);
    if (json) return sayJson(shownJson(row, at));
    say(`${done}\n\n${rechargeText(row, at)}`);
  };

  deed(
    'resolve',
    'say what happened to a recharge that needs review; the worker then does the rest',
    'KEY confirm-granted --version 3 --note "the history shows the grant mark"',
  )
    .argument('<key>', KEY)
    .addArgument(program.createArgument('<answer>', 'what happened').choices(ANSWERS))
    .requiredOption('--note <text>', 'what you looked at, and what you saw; kept in the history')
    .requiredOption(
      '--version <n>',
      'the version you were shown, as recharges show prints it: refuses if the recharge has changed since',
      wholeNumber,
    )
    .option('--payment-ref <ref>', 'with confirm-charged: the payment you found')
    .action(async (key: string, answer: Resolution['answer'], { json, yes, ...options }: ResolveOptions) => {
      await confirmChange(cli, { question: `Answer for ${key}: ${answer}?`, yes });
      const connection = await connected();
      try {
        const row = await resolveRecharge(connection, key, { answer, ...options });
        await print(connection, row, `${answer} is written.`, json);
      } catch (error) {
        const isStale = error instanceof OperateError && error.kind === 'changed';
        if (isStale && !json) {
          say(`${rechargeText(await readRecharge(connection, key), await circumstancesOf(connection))}\n`);
        }
        throw error;
      }
    });

  deed(
    'stop',
    'stops a recharge that has not been charged; a payment that was under way is kept',
    'KEY --note "not wanted"',
  )
    .argument('<key>', KEY)
    .requiredOption('--note <text>', 'why; kept in the history')
    .action(async (key: string, { note, yes, json }: NoteOptions) => {
      await confirmChange(cli, { question: `Stop ${key}?`, yes });
      const connection = await connected();
      const row = await stopRecharge(connection, key, note);
      const done =
        'No charge of it begins any more. It ends within a minute, unless a payment was under way.';
      await print(connection, row, done, json);
    });

  deed(
    'retry',
    'has the next step of a waiting recharge done within a minute, instead of when it is due',
    'KEY',
  )
    .argument('<key>', KEY)
    .option('--note <text>', 'why; kept in the history')
    .action(async (key: string, { note, yes, json }: Partial<NoteOptions>) => {
      await confirmChange(cli, { question: `Try ${key} at once?`, yes });
      const connection = await connected();
      const row = await retryRecharge(connection, key, note);
      await print(connection, row, 'Its next step is due now: the worker takes it up within a minute.', json);
    });

  deed(
    'refund',
    'gives the money of a completed recharge back, all of it; the client keeps the credits',
    'KEY --note "goodwill"',
  )
    .argument('<key>', KEY)
    .requiredOption('--note <text>', 'why, such as goodwill or a dispute; kept in the history')
    .action(async (key: string, { note, yes, json }: NoteOptions) => {
      nameRelay(cli);
      const connection = await connected();
      if (!yes && !(await isRefundMeant(cli, await readRecharge(connection, key)))) {
        throw new OperateError('refused', 'Nothing was given back.');
      }
      const row = await refundRecharge(connection, key, note);
      await print(
        connection,
        row,
        'The money is given back: the worker asks the payment endpoint for it.',
        json,
      );
    });

  deed(
    'start',
    'starts a recharge by hand: charged and granted once, however often it is asked for in the same words',
    'client@example.com --credits 500 --note "Jane asked for it"',
  )
    .argument('<email>', 'the client', checked(spelledEmailSchema))
    .option('--credits <n>', 'whole credits', wholeNumber)
    .option(
      '--for <key>',
      'in the place of one that ended blocked or declined: of the same client and credits',
    )
    .option('--no-charge', 'grants without charging: paid elsewhere, or a present')
    .requiredOption('--note <text>', 'why; kept in the history')
    .action(async (client: string, { json, yes, for: insteadOf, ...start }: StartOptions) => {
      const what = start.charge ? 'Charge' : 'Grant credits, uncharged, to';
      await confirmChange(cli, { question: `${what} ${client}?`, yes });
      const { startRecharge } = await import('../../operate/start.ts');
      const order = { client, ...start, ...(insteadOf === undefined ? {} : { insteadOf }) };
      const row = await startRecharge(await connected(), order);
      if (json) return sayJson(rechargeJson(row));
      say(
        `Recharge ${row.key} is started: ${row.credits} credits for ${row.email}${start.charge ? '' : ', not charged'}. ` +
          `What becomes of it: npx relay recharges show ${shellQuoted(row.key)}`,
      );
    });
}

const KEY = "the platform's idempotency key";

interface DeedOptions {
  yes?: boolean;
  json?: boolean;
}
interface NoteOptions extends DeedOptions {
  note: string;
}
type ResolveOptions = Omit<Resolution, 'answer'> & DeedOptions;
type StartOptions = Omit<Start, 'client' | 'insteadOf'> & DeedOptions & { for?: string };

/** Money that is given back does not come back, so the person types how much it is. */
async function isRefundMeant(cli: Cli, row: Recharge): Promise<boolean> {
  const money = moneyOf(row);
  if (!money) return true;
  const amount = formatMoney(money);
  cli.tell(rechargeEvidence(row));
  return isTyped(
    cli,
    amount,
    `\n${amount} go back to ${row.email}. The ${row.credits} credits stay: only the platform can take them, under the ` +
      `mark ${grantMarkOf(row)}. To give the money back, type ${amount}:`,
  );
}
