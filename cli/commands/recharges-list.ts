import { type Command, Option } from 'commander';
import { daySchema } from '../../operate/days.ts';
import { pagesOfRecharges, type RechargePage } from '../../operate/list-recharges.ts';
import { amountSchema, OWN_REASONS, type RechargeFilter } from '../../operate/recharge-filter.ts';
import { formatMoney } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import type { NewerRecharge } from '../../shared/recharge/dynamo-rows.ts';
import { NOT_CHARGED, rechargeJson } from '../../shared/recharge/present.ts';
import { moneyOf, PHASES, type Recharge } from '../../shared/recharge/recharge.ts';
import { shellQuoted } from '../../shared/shell.ts';
import { type Cli, checked, email, wholeNumber } from '../program.ts';

interface ListOptions extends Omit<RechargeFilter, 'reference'> {
  limit: number;
  cursor?: string;
  all?: boolean;
  json?: boolean;
}

export function addRechargeListCommand({ connected, say, sayJson, tell }: Cli, recharges: Command): void {
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
    .option('--min <amount>', 'of at least so much money, in major units: 49.90', checked(amountSchema))
    .option('--max <amount>', 'of at most so much', checked(amountSchema))
    .option('--limit <n>', 'how many', wholeNumber, 50)
    .option('--cursor <key>', 'those after this one, as the page before says')
    .option('--all', 'without a limit')
    .option('--json', 'as a JSON array')
    .action(async (reference: string | undefined, { limit, cursor, all, json, ...given }: ListOptions) => {
      const filter = { ...given, ...(reference === undefined ? {} : { reference: reference.trim() }) };
      const most = all ? Number.POSITIVE_INFINITY : Math.max(1, limit);
      const { rows, newer, next } = await gathered(await connected(), filter, most, cursor);
      if (json) sayJson(rows.map(rechargeJson));
      else {
        for (const row of rows) say(rechargeLine(row));
        say(`${rows.length} ${rows.length === 1 ? 'recharge' : 'recharges'}`);
      }
      for (const row of newer) tell(newerLine(row));
      if (next !== undefined) tell(`There are more: add --cursor ${shellQuoted(next)}, or --all.`);
    });
}

/** As many pages as it takes. */
async function gathered(
  connection: Parameters<typeof pagesOfRecharges>[0],
  filter: RechargeFilter,
  limit: number,
  cursor?: string,
) {
  const all: Pick<RechargePage, 'rows' | 'newer'> & { next?: string } = { rows: [], newer: [] };
  const request = { limit, ...(cursor === undefined ? {} : { cursor }) };
  for await (const page of pagesOfRecharges(connection, filter, request)) {
    all.rows.push(...page.rows);
    all.newer.push(...page.newer);
    if (all.rows.length >= limit && page.cursor !== undefined) return { ...all, next: page.cursor };
  }
  return all;
}

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

const newerLine = ({ key, receivedAt, v }: NewerRecharge) =>
  `Recharge ${printableLine(key)} of ${new Date(receivedAt).toISOString()} was written by a newer version of the ` +
  `relay (schema ${v}), and is not read here: bring this program up to date.`;
