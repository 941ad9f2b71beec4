import { monthSchema } from '../../operate/days.ts';
import { reconcileMonth } from '../../operate/reconcile.ts';
import { reconciliationJson } from '../../operate/reconciliation-json.ts';
import { DIFFERENCES, type Difference, isOfPlatform } from '../../shared/books/difference.ts';
import type { Reconciliation } from '../../shared/books/reconciliation.ts';
import { type Cli, checked, examples, text, wholeNumber } from '../program.ts';

interface Options {
  month: string;
  export?: string;
  lookBack?: number;
  most?: number;
  json?: boolean;
}

export function addReconcileCommand(cli: Cli): void {
  cli.program
    .command('reconcile')
    .description(
      "holds a month's books against the payment provider's and the platform's, and says what differs; changes nothing",
    )
    .requiredOption('--month <month>', 'such as 2026-10', checked(monthSchema))
    .option('--export <file>', "the platform's usage export of that month, as CSV", text)
    .option(
      '--look-back <days>',
      'how many days before the month to look for recharges; 183 unless given',
      wholeNumber,
    )
    .option(
      '--most <payments>',
      'how many payments to ask about one by one, where they cannot be listed; 1000 unless given',
      wholeNumber,
    )
    .option('--json', 'as a JSON object')
    .addHelpText(
      'after',
      examples(
        'reconcile --month 2026-10',
        'reconcile --month 2026-10 --export usage-october.csv',
        'reconcile --month 2026-10 --json',
      ),
    )
    .action(async ({ month, export: exportFile, lookBack, most, json }: Options) => {
      const result = await reconcileMonth(await cli.connected(), cli.target(), {
        month,
        ...(exportFile === undefined ? {} : { exportFile }),
        ...(lookBack === undefined ? {} : { lookBackDays: lookBack }),
        ...(most === undefined ? {} : { mostAsked: most }),
        looked: cli.tellProgress,
        waits: cli.tell,
        sleep: cli.io.sleep,
      });
      if (json) cli.sayJson(reconciliationJson(result));
      else sayReconciliation(result, cli);
      if (result.differences.length > 0 || !result.isWhole) cli.fail();
    });
}

function sayReconciliation(result: Reconciliation, cli: Cli): void {
  const { differences, provider, conclusion } = result;
  for (const difference of differences) sayDifference(difference, provider.name, cli);
  for (const remark of remarksOn(result)) cli.tell(remark);
  cli.say(conclusion);
}

function sayDifference(difference: Difference, provider: string, cli: Cli): void {
  const { word, key, email, ref, ledger, there, todo } = difference;
  const place = isOfPlatform(difference) ? 'the platform' : provider;
  const facts: [string, string | undefined][] = [
    ['means', DIFFERENCES[word]],
    ['recharge', key],
    ['client', email],
    ['look for', ref],
    ['the ledger', ledger],
    [place, there],
    ['to do', todo],
  ];
  const width = Math.max(...facts.map(([name]) => name.length)) + 2;
  const shown = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${name.padEnd(width)}${value}`],
  );
  cli.say([word, ...shown, ''].join('\n'));
}

/** What was not compared, or only in part. */
function remarksOn({ books, provider, platform }: Reconciliation): string[] {
  const { unanswered, notAsked, ofOthers, otherRelays, compared, listed, payments } = provider;
  const [first] = unanswered;
  return [
    `${books.looked} recharges were looked at: those received since ${books.lookedBackTo}, and older unfinished ones.`,
    listed
      ? `${provider.name} listed its payments, refunds and disputes; ${compared} of ${payments} payments of the ledger were compared.`
      : `${provider.name} was asked about ${compared + unanswered.length} of ${payments} payments. It lists none, so a payment that the ledger does not have is not found.`,
    ...(first === undefined
      ? []
      : [`${unanswered.length} were not answered, such as ${first.key}: ${first.detail}. Reconcile again.`]),
    ...(notAsked === 0 ? [] : [`${notAsked} were not asked about: raise --most.`]),
    ...(ofOthers === 0
      ? []
      : [`${ofOthers} began with another payment provider than is configured now: compare them there.`]),
    ...otherRelays.map(
      (other) =>
        `${provider.name} also has ${other.payments} payments of another relay, whose table is ${other.table}: they are left out.`,
    ),
    ...(books.unsettled.length === 0
      ? []
      : [`${books.unsettled.length} recharges are not settled yet, such as ${books.unsettled[0]}.`]),
    ...(platform.kind === 'compared' ? [] : [`The platform's grants were not compared: ${platform.why}`]),
    ...(platform.kind === 'compared' && platform.atTheEdge.length > 0
      ? [
          `${platform.atTheEdge.length} grants at the edge of the month stand in the export of the month before or after: ${platform.atTheEdge.slice(0, 3).join(', ')}.`,
        ]
      : []),
  ];
}
