import { alertJson, listAlerts, type RaisedAlert } from '../../operate/alerts.ts';
import { runbookUrlOf } from '../../operate/runbook.ts';
import { meaningOf } from '../../shared/alert-words.ts';
import { printableLine } from '../../shared/printable.ts';
import type { Cli } from '../program.ts';

export function addAlertsCommand({ program, connected, target, say, sayJson }: Cli): void {
  program
    .command('alerts')
    .description('what is wrong now, the worst first: which recharge, since when, and what to do')
    .option('--all', 'also those that are over; kept for 90 days after they last rang')
    .option('--json', 'as a JSON array')
    .action(async ({ all = false, json }: { all?: boolean; json?: boolean }) => {
      const alerts = await listAlerts(await connected(), { all, runbookUrl: runbookUrlOf(target()) });
      if (json) return sayJson(alerts.map(alertJson));
      for (const alert of alerts) say(`${alertText(alert)}\n`);
      say(`${alerts.length} ${all ? '' : 'open '}${alerts.length === 1 ? 'alert' : 'alerts'}`);
    });
}

/** A few lines an alert: each is read by somebody who was woken by it. */
function alertText(alert: RaisedAlert): string {
  const { word, subject, email, detail, firstAt, lastAt, times, over, look, runbook } = alert;
  const often = times === 1 ? '' : `, ${times} times since ${new Date(firstAt).toISOString()}`;
  const client = email === undefined || email === subject ? undefined : email;
  return [
    `${word}${over ? ' (over)' : ''}  ${printableLine(subject)}`,
    `  ${meaningOf(word) ?? 'A word of a later version of this program.'}`,
    `  rang at ${new Date(lastAt).toISOString()}${often}`,
    ...(client === undefined ? [] : [`  client: ${printableLine(client)}`]),
    ...(detail === undefined ? [] : [`  said: ${printableLine(detail)}`]),
    ...(look === undefined ? [] : [`  npx relay ${look}`]),
    `  ${runbook}`,
  ].join('\n');
}
