import { alertJson, listAlerts, type RaisedAlert } from '../../operate/alerts.ts';
import { runbookUrlOf } from '../../operate/runbook.ts';
import { whenText } from '../../shared/ages.ts';
import { meaningOf } from '../../shared/alert-words.ts';
import { printableLine } from '../../shared/printable.ts';
import { type Column, timeColumns } from '../output.ts';
import { type Cli, examples } from '../program.ts';

export function addAlertsCommand({ program, connected, target, io, say, sayJson, sayTable }: Cli): void {
  program
    .command('alerts')
    .description('what is wrong now, the worst first: which recharge, since when, and what to do')
    .option('--all', 'also those that are over; kept for 90 days after they last rang')
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('alerts', 'alerts --all'))
    .action(async ({ all = false, json }: { all?: boolean; json?: boolean }) => {
      const alerts = await listAlerts(await connected(), { all, runbookUrl: runbookUrlOf(target()) });
      if (json) return sayJson(alerts.map(alertJson));
      if (all) sayTable(columnsAt(io.now()), alerts);
      else for (const alert of alerts) say(`${alertText(alert, io.now())}\n`);
      say(`${alerts.length} ${all ? '' : 'open '}${alerts.length === 1 ? 'alert' : 'alerts'}`);
    });
}

const columnsAt = (now: number): Column<RaisedAlert>[] => [
  { title: 'word', value: ({ word }) => word },
  { title: 'about', value: ({ subject }) => subject },
  { title: 'client', value: ({ email, subject }) => (email === subject ? undefined : email) },
  ...timeColumns<RaisedAlert>('last', ({ lastAt }) => lastAt, now),
  { title: 'times', value: ({ times }) => String(times), align: 'right' },
  { title: '', value: ({ over }) => (over ? 'over' : 'OPEN') },
  { title: 'said', value: ({ detail }) => detail, cut: true },
];

/** A few lines an alert: each is read by somebody who was woken by it. */
function alertText(alert: RaisedAlert, now: number): string {
  const { word, subject, detail, firstAt, lastAt, times, look, link, runbook } = alert;
  const often = times === 1 ? '' : `, ${times} times since ${whenText(firstAt, now)}`;
  return [
    `${word}  ${printableLine(subject)}`,
    `  ${meaningOf(word) ?? 'A word of a later version of this program.'}`,
    `  rang at ${whenText(lastAt, now)}${often}`,
    ...aboutLines(alert),
    ...(detail === undefined ? [] : [`  said: ${printableLine(detail)}`]),
    ...(link === undefined ? [] : [`  send the client: ${printableLine(link)}`]),
    ...(look === undefined ? [] : [`  npx relay ${look}`]),
    `  ${runbook}`,
  ].join('\n');
}

/** What many met for one cause is told with whoever met it last. */
function aboutLines({ subject, key, email }: RaisedAlert): string[] {
  const others = [email, key].filter((name) => name !== undefined && name !== subject);
  if (others.length === 0) return [];
  const isShared = subject !== key && subject !== email;
  return [
    `  ${isShared ? 'last met by' : 'of'}: ${others.map((name) => printableLine(name ?? '')).join(', recharge ')}`,
  ];
}
