import { type Command, Option } from 'commander';
import { daySchema } from '../../operate/days.ts';
import { FIND_DAYS } from '../../operate/find-recharge.ts';
import { pagesOfRecharges, type RechargePage } from '../../operate/list-recharges.ts';
import { amountSchema, OWN_REASONS, type RechargeFilter } from '../../operate/recharge-filter.ts';
import { formatMoney } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import type { NewerRecharge } from '../../shared/recharge/dynamo-rows.ts';
import { NOT_CHARGED, rechargeJson } from '../../shared/recharge/present.ts';
import { isFinished, moneyOf, PHASES, type Recharge } from '../../shared/recharge/recharge.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { type Colour, type Column, timeColumns } from '../output.ts';
import { type Cli, checked, email, examples, wholeNumber } from '../program.ts';

interface ListOptions extends Omit<RechargeFilter, 'reference'> {
  limit: number;
  cursor?: string;
  all?: boolean;
  json?: boolean;
}

export function addRechargeListCommand(cli: Cli, recharges: Command): void {
  recharges
    .command('list')
    .description('recharges, newest first: those of the last 31 days, and every unfinished one')
    .argument(
      '[reference]',
      'only those with this key, charge id, grant mark, payment or refund reference, or one that begins so',
    )
    .option('--from <day>', 'received on this day (UTC) or later: 2026-10-01, or 7d', checked(daySchema))
    .option('--to <day>', 'received on this day (UTC) or earlier', checked(daySchema))
    .addOption(new Option('--phase <phase>', 'only those in this phase').choices(PHASES))
    .option('--reason <word>', `only those for this reason: ${OWN_REASONS.join(', ')}`)
    .option('--email <email>', 'only those of this client', email)
    .option(
      '--min <amount>',
      'of at least so much, in major units of its currency: 49.90',
      checked(amountSchema),
    )
    .option('--max <amount>', 'of at most so much', checked(amountSchema))
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .option('--cursor <key>', 'those after this one, as the page before says')
    .option('--all', 'without a limit')
    .option('--json', 'as a JSON array')
    .addHelpText(
      'after',
      examples(
        'recharges list --phase needs_review',
        'recharges list --email client@example.com --from 2026-10-01 --to 2026-10-31',
        'recharges list pi_3Mtw',
      ),
    )
    .action(async (reference: string | undefined, { limit, cursor, all, json, ...given }: ListOptions) => {
      const filter = { ...given, ...(reference === undefined ? {} : { reference: reference.trim() }) };
      const most = all ? Number.POSITIVE_INFINITY : Math.max(1, limit);
      const found = await gathered(cli, filter, most, cursor);
      if (json) cli.sayJson(found.rows.map(rechargeJson));
      else sayList(cli, found, { filter, limit });
      for (const row of found.newer) cli.tell(newerLine(row));
      if (json && found.next !== undefined)
        cli.tell(`There are more: add --cursor ${shellQuoted(found.next)}, or --all.`);
    });
}

interface Gathered extends Pick<RechargePage, 'rows' | 'newer' | 'looked' | 'lookedBackTo'> {
  /** The cursor of the next page. */
  next?: string;
}

/** As many pages as it takes. */
async function gathered(cli: Cli, filter: RechargeFilter, limit: number, cursor?: string): Promise<Gathered> {
  const all: Gathered = { rows: [], newer: [], looked: 0, lookedBackTo: '' };
  const request = {
    limit,
    ...(cursor === undefined ? {} : { cursor }),
    ...(filter.reference === undefined ? {} : { recentDays: FIND_DAYS }),
  };
  for await (const page of pagesOfRecharges(await cli.connected(), filter, request)) {
    all.rows.push(...page.rows);
    all.newer.push(...page.newer);
    all.looked += page.looked;
    all.lookedBackTo = page.lookedBackTo;
    cli.tellProgress(`${all.rows.length} found among ${all.looked}, back to ${all.lookedBackTo}`);
    if (all.rows.length >= limit && page.cursor !== undefined) return { ...all, next: page.cursor };
  }
  return all;
}

function sayList(
  cli: Cli,
  { rows, next, lookedBackTo }: Gathered,
  { filter, limit }: { filter: RechargeFilter; limit: number },
): void {
  if (rows.length > 0) cli.sayTable(columnsOf(cli.io.now()), rows);
  const count = `${rows.length} ${rows.length === 1 ? 'recharge' : 'recharges'}`;
  if (next === undefined) {
    const range = `received since ${lookedBackTo}${filter.from === undefined ? ', or unfinished' : ''}`;
    cli.say(rows.length > 0 ? count : `No recharge ${range} is such a one. Farther back: --from 365d`);
    return;
  }
  const words = Object.entries({ ...filter, limit: limit === 50 ? undefined : limit, cursor: next }).flatMap(
    ([name, value]) =>
      value === undefined ? [] : [...(name === 'reference' ? [] : [`--${name}`]), shellQuoted(String(value))],
  );
  cli.say(`${count}, and there are more. Next page: npx relay recharges list ${words.join(' ')}`);
}

const COLOURS: Partial<Record<Recharge['phase'], Colour>> = {
  completed: 'green',
  needs_review: 'red',
  blocked: 'dim',
  declined: 'dim',
};

const columnsOf = (now: number): Column<Recharge>[] => [
  ...timeColumns<Recharge>('received', ({ receivedAt }) => receivedAt, now),
  {
    title: 'phase',
    value: (row) => [row.phase, phaseDetail(row)].filter((part) => part !== undefined).join(' '),
    colour: ({ phase }) => COLOURS[phase] ?? 'yellow',
  },
  { title: 'credits', value: ({ credits }) => String(credits), align: 'right' },
  { title: 'price', value: priceText, align: 'right' },
  { title: 'client', value: ({ email }) => email, cut: true },
  { title: 'key', value: ({ key }) => key },
];

function phaseDetail(row: Recharge): string | undefined {
  const word = row.review ?? row.reason;
  if (word !== undefined) return `(${word})`;
  if (row.goodwillRefund === undefined || !isFinished(row)) return undefined;
  return row.goodwillRefund === 'refunded' ? '(given back)' : '(being given back)';
}

function priceText(row: Recharge): string | undefined {
  const money = moneyOf(row);
  return row.prepaid ? NOT_CHARGED : money && formatMoney(money);
}

const newerLine = ({ key, receivedAt, v }: NewerRecharge) =>
  `Recharge ${printableLine(key)} of ${new Date(receivedAt).toISOString()} was written by a newer version of the ` +
  `relay (schema ${v}), and is not read here: bring this program up to date.`;
