import { type LogLine, readLogs } from '../../operate/logs.ts';
import { printableLine } from '../../shared/printable.ts';
import { UsageError } from '../failure.ts';
import { type Cli, examples, text, wholeNumber } from '../program.ts';

const DAY_MS = 24 * 3_600_000;

export function addLogsCommand({ program, connected, target, io, say, sayJson }: Cli): void {
  program
    .command('logs')
    .description(
      'what was logged of one recharge or message, or of what failed: by npm start, or on AWS in CloudWatch',
    )
    .argument('[key]', 'of a recharge; or the id of a message, or of what is kept aside', text)
    .option('--errors', 'instead of a key: all that failed, of the last day')
    .option('--days <n>', 'how many days back; of a key since it came, unless given', wholeNumber)
    .option('--json', 'as a JSON array')
    .addHelpText('after', examples('logs key-1', 'logs key-1 --days 30', 'logs --errors'))
    .action(async (key: string | undefined, { errors = false, days, json = false }: LogOptions) => {
      if (errors === (key !== undefined)) throw new UsageError('Name a key, or say --errors.');
      const since = days === undefined ? {} : { since: io.now() - days * DAY_MS };
      const lines = await readLogs(await connected(), target(), {
        ...(key === undefined ? {} : { key }),
        ...since,
      });
      if (json) return sayJson(lines.map(({ fields, ...line }) => ({ ...line, ...fields })));
      for (const line of lines) say(lineText(line));
      say(`${lines.length} ${lines.length === 1 ? 'line' : 'lines'}`);
    });
}

interface LogOptions {
  errors?: boolean;
  days?: number;
  json?: boolean;
}

/** One line a line; what says nothing to people is left out. */
function lineText({ time, level, message, group, fields }: LogLine): string {
  const said = Object.entries(fields)
    .filter(([name]) => name !== 'stage')
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const from = group === undefined ? [] : [group];
  return printableLine([time, ...from, level.padEnd(5), message, ...said].join('  '));
}
