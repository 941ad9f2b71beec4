import type { AccountState } from '../../operate/account-state.ts';
import { type Why, whyJson, whyNot } from '../../operate/why.ts';
import { whenText } from '../../shared/ages.ts';
import { formatMoney } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import { ACTORS } from '../../shared/recharge/next-step.ts';
import { moneyOf } from '../../shared/recharge/recharge.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, email, examples } from '../program.ts';
import { alertLine, pauseLines, refusedText } from '../status-text.ts';

export function addWhyCommand(cli: Cli): void {
  const { program, connected, target, sayJson } = cli;
  program
    .command('why')
    .description('why was this client not recharged? all that came in, and who must do what')
    .argument('<email>', 'the client', email)
    .option('--json', 'as a JSON object')
    .addHelpText('after', examples('why jane@example.com'))
    .action(async (client: string, { json = false }: { json?: boolean }) => {
      const why = await whyNot(await connected(), target(), client);
      if (json) return sayJson(whyJson(why));
      sayWhy(why, cli);
    });
}

function sayWhy(why: Why, { say, sayTable }: Pick<Cli, 'say' | 'sayTable'>): void {
  const { at, next, account, pause, recharges, quarantined, refused, alerts } = why;
  say(`${ACTORS[next.who]}. ${printableLine(next.what)}`);
  for (const { what, command } of next.commands) say(`${what}:\n  ${printableLine(command)}`);
  const section = (title: string, lines: string[]) =>
    say(`\n${title}\n  ${lines.map(printableLine).join('\n  ')}`);
  section('Account', accountLines(account, at));
  if (pause) section('Charging', pauseLines(pause, at));
  if (alerts.length > 0)
    section(
      'Open alerts (npx relay alerts)',
      alerts.map((alert) => alertLine(alert, at)),
    );
  if (quarantined.length > 0) {
    section(
      'Genuine webhooks that name the client, and were not understood',
      quarantined.map(({ id, receivedAt, reason }) => `${whenText(receivedAt, at)}  ${id}  ${reason}`),
    );
  }
  if (refused.length > 0) {
    section(
      'Refused in the last three days, of whichever client: an unverified webhook cannot name one',
      refused.map((one) => refusedText(one, at)),
    );
  }
  if (recharges.length === 0) section('Recharges', ['none in the last 31 days']);
  else {
    say('\nRecharges');
    sayTable(columnsAt(at), recharges);
  }
}

type Listed = Why['recharges'][number];

const columnsAt = (now: number): Column<Listed>[] => [
  ...timeColumns<Listed>('received', ({ row }) => row.receivedAt, now),
  { title: 'phase', value: ({ row }) => row.phase },
  { title: 'reason', value: ({ row }) => row.review ?? row.reason },
  { title: 'credits', value: ({ row }) => String(row.credits), align: 'right' },
  { title: 'price', value: ({ row }) => priceOf(row), align: 'right' },
  { title: 'key', value: ({ row }) => row.key },
  { title: 'next', value: ({ next }) => ACTORS[next.who], cut: true },
];

function priceOf(row: Listed['row']): string | undefined {
  const money = moneyOf(row);
  return money && formatMoney(money);
}

function accountLines(account: AccountState, now: number): string[] {
  const { status, refusal, coolsUntil, limits, limitsAreKnown, currency, recharged } = account;
  const { dailyCount, monthlyAmount } = limits;
  const spent = recharged.spent.map(formatMoney).join(' and ') || 'nothing';
  const daily = dailyCount === undefined ? '' : ` of ${dailyCount}`;
  const cap =
    monthlyAmount === undefined || currency === undefined
      ? ''
      : ` of ${formatMoney({ amount: monthlyAmount, currency })}`;
  return [
    status ?? 'nobody has set this client up',
    `${recharged.today}${daily} recharges today, ${spent}${cap} this month`,
    ...(coolsUntil === undefined ? [] : [`cools down until ${whenText(coolsUntil, now)}`]),
    refusal === undefined
      ? 'a webhook that came now would be accepted by the guard'
      : `a webhook that came now would be refused: ${refusal}`,
    ...(limitsAreKnown ? [] : ['the limits of all clients are not known here: there is no configuration']),
  ];
}
