import type { Command } from 'commander';
import { monthSchema } from '../../operate/days.ts';
import { monthBooks } from '../../operate/month-books.ts';
import { booksJson, linesCsv, totalsCsv } from '../../operate/month-export.ts';
import { signedMoney } from '../../shared/books/money-moves.ts';
import type { BookLine, BookTotal, MonthBooks } from '../../shared/books/month-books.ts';
import { formatMoney } from '../../shared/money.ts';
import { printable } from '../../shared/printable.ts';
import { NOT_CHARGED } from '../../shared/recharge/present.ts';
import { UsageError } from '../failure.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, checked, examples, wholeNumber } from '../program.ts';

interface ExportOptions {
  month: string;
  lookBack?: number;
  csv?: boolean;
  json?: boolean;
  totals?: boolean;
}

export function addRechargeExportCommand(cli: Cli, recharges: Command): void {
  recharges
    .command('export')
    .description("a month's books: each payment and each refund, when it became known, in UTC")
    .requiredOption('--month <month>', 'such as 2026-10', checked(monthSchema))
    .option('--csv', 'as CSV in UTF-8: one line a payment or refund')
    .option('--json', 'as a JSON object')
    .option('--totals', 'the totals by currency and client, without the lines')
    .option(
      '--look-back <days>',
      'how many days before the month to look for recharges; 183 unless given',
      wholeNumber,
    )
    .addHelpText(
      'after',
      examples(
        'recharges export --month 2026-10',
        'recharges export --month 2026-10 --csv > october.csv',
        'recharges export --month 2026-10 --csv --totals > october-totals.csv',
      ),
    )
    .action(async ({ month, lookBack, csv, json, totals = false }: ExportOptions) => {
      if (csv && json) throw new UsageError('--csv and --json exclude each other.');
      const books = await monthBooks(await cli.connected(), {
        month,
        ...(lookBack === undefined ? {} : { lookBackDays: lookBack }),
        looked: (count, backTo) => cli.tellProgress(`${count} recharges looked at, back to ${backTo}`),
      });
      if (json) cli.sayJson(booksJson(books, { withLines: !totals }));
      else if (csv) cli.io.stdout.write(printable(totals ? totalsCsv(books) : linesCsv(books)));
      else sayBooks(books, totals, cli);
      tellRemarks(books, cli);
    });
}

function sayBooks({ lines, totals, sums }: MonthBooks, onlyTotals: boolean, cli: Cli): void {
  if (lines.length === 0) {
    cli.say('No money moved.');
    return;
  }
  if (!onlyTotals) {
    cli.sayTable(lineColumns(cli.io.now()), lines);
    cli.say('');
  }
  cli.sayTable(TOTAL_COLUMNS, [...totals, ...sums]);
}

const lineColumns = (now: number): Column<BookLine>[] => [
  ...timeColumns<BookLine>('booked', ({ at }) => at, now),
  { title: 'entry', value: ({ kind }) => kind.replaceAll('_', ' ') },
  { title: 'amount', value: amountText, align: 'right' },
  { title: 'client', value: ({ row }) => row.email, cut: true },
  { title: 'reference', value: ({ ref }) => ref },
  { title: 'key', value: ({ row }) => row.key },
  { title: '', value: ({ attention }) => attention, colour: () => 'yellow' },
];

function amountText(line: BookLine): string {
  const money = signedMoney(line);
  if (money) return formatMoney(money);
  return line.kind === 'not_charged' ? NOT_CHARGED : 'unknown';
}

const money = (amount: number, { currency }: BookTotal) =>
  currency === undefined ? undefined : formatMoney({ amount, currency });

const count = (title: string, of: (total: BookTotal) => number): Column<BookTotal> => ({
  title,
  value: (total) => String(of(total)),
  align: 'right',
});
const sum = (title: string, of: (total: BookTotal) => number): Column<BookTotal> => ({
  title,
  value: (total) => money(of(total), total),
  align: 'right',
});

const TOTAL_COLUMNS: Column<BookTotal>[] = [
  { title: 'client', value: ({ email = 'all clients' }) => email, cut: true },
  count('charges', ({ charges }) => charges),
  sum('charged', ({ charged }) => charged),
  count('refunds', ({ refunds }) => refunds),
  sum('refunded', ({ refunded }) => refunded),
  sum('net', ({ net }) => net),
  count('not charged', ({ notCharged }) => notCharged),
  count('credits granted', ({ creditsGranted }) => creditsGranted),
];

/** What the reader of the books must know, beside the books. */
function tellRemarks(books: MonthBooks, cli: Cli): void {
  const { lines, looked, lookedBackTo, unsettled, withoutMoney, newer, month } = books;
  const none = Object.entries(withoutMoney).map(([phase, count]) => `${count} ${phase}`);
  const attention = lines.filter((line) => line.attention !== undefined).length;
  const remarks = [
    `${lines.length} ${lines.length === 1 ? 'entry' : 'entries'} of ${month} (UTC), from ${looked} ${looked === 1 ? 'recharge' : 'recharges'}: those received since ${lookedBackTo}, and older unfinished ones.`,
    ...(none.length === 0 ? [] : [`Not listed, for they took no money: ${none.join(', ')}.`]),
    ...(attention === 0 ? [] : [`To be looked at: ${attention}, under "attention".`]),
    ...(unsettled.length === 0
      ? []
      : [
          `${unsettled.length} are not settled yet. They are booked when they are, such as ${unsettled.slice(0, 3).join(', ')}.`,
        ]),
    ...(books.isOver ? [] : [`The month is not over: more will be added.`]),
  ];
  for (const remark of remarks) cli.tell(remark);
  if (newer.length === 0) return;
  cli.tell(
    `THE BOOKS ARE NOT WHOLE: ${newer.length} rows were written by a newer version of the relay, such as ` +
      `${newer
        .slice(0, 3)
        .map(({ key }) => key)
        .join(', ')}. Bring this program up to date, and export again.`,
  );
  cli.fail();
}
