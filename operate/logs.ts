import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { localFile } from '../local/state.ts';
import { readJson } from '../shared/http.ts';
import { describeError, maskEmails } from '../shared/logger.ts';
import { shellQuoted } from '../shared/shell.ts';
import type { Connection } from './connection.ts';
import { OperateError } from './error.ts';
import { notStarted, type Target } from './target.ts';

/** One line that this program logged. */
export interface LogLine {
  /** ISO 8601, as the line says it. */
  time: string;
  level: string;
  message: string;
  /** The log group, of a relay on AWS. */
  group?: string;
  fields: Record<string, unknown>;
}

export interface LogRequest {
  /** Of a recharge; or the id of a message, or of what is kept aside. Absent: what failed, of whatever. */
  key?: string;
  /**
   * Unix milliseconds: what was logged before is not looked at. Default: since the recharge came, else for a week; of
   * what failed, for a day.
   */
  since?: number;
}

const DAY_MS = 24 * 3_600_000;
const WEEK_MS = 7 * DAY_MS;
/** Clocks of the machines that log may be apart. */
const BEFORE_MS = 60_000;

/**
 * The lines that name one recharge or message, or all that tell of a failure, the oldest first: from the log of `npm start`, or from CloudWatch.
 *
 * @throws an OperateError, `not_ready`, where there is no log; where the rights are missing it holds the command of
 *   AWS's own command line that whoever has them can paste.
 */
export async function readLogs(
  connection: Pick<Connection, 'ledger' | 'now'>,
  { stack, env }: Target,
  { key, since }: LogRequest,
): Promise<LogLine[]> {
  const wanted = key === undefined ? FAILURES : naming(maskEmails(key));
  const now = connection.now();
  if (stack === undefined) return linesOf(env, wanted, since ?? (key === undefined ? now - DAY_MS : 0));
  const usually = async () =>
    key === undefined ? now - DAY_MS : ((await cameAt(connection, key)) ?? now - WEEK_MS);
  const lines = await askCloudWatch(stack, wanted, (since ?? (await usually())) - BEFORE_MS);
  return lines.filter(wanted.is).sort((a, b) => a.time.localeCompare(b.time));
}

/** Which lines are wanted: in CloudWatch's words, which may bring some more, and in ours. */
interface Wanted {
  filterPattern: string;
  is(line: LogLine): boolean;
}

/** A text within double quotes, as a filter of CloudWatch takes it. */
const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

/** Lambda itself logs what ended a function, not as JSON. */
const FAILURES: Wanted = {
  filterPattern: ['"level":"error"', 'Task timed out', 'errorType']
    .map((text) => `?${quoted(text)}`)
    .join(' '),
  is: ({ level }) => level === 'error',
};

/** Of a request with several messages a field names all of them, with blanks between. */
const naming = (named: string): Wanted => ({
  filterPattern: quoted(named),
  is: ({ fields }) =>
    Object.values(fields).some(
      (value) => value === named || (typeof value === 'string' && value.split(' ').includes(named)),
    ),
});

async function cameAt({ ledger }: Pick<Connection, 'ledger'>, key: string): Promise<number | undefined> {
  // A row of a later version has a log all the same.
  return (await ledger.read(key).catch(() => undefined))?.receivedAt;
}

/** The full file before the current one, and then that. */
const LOG_FILES = ['relay.log.1', 'relay.log'];

async function linesOf(env: NodeJS.ProcessEnv, wanted: Wanted, since: number): Promise<LogLine[]> {
  const files = LOG_FILES.map((name) => localFile(env, name)).filter(existsSync);
  if (files.length === 0) throw notStarted(env);
  const found: LogLine[] = [];
  for (const file of files) {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      const line = lineOf(text);
      if (line && wanted.is(line) && Date.parse(line.time) >= since) found.push(line);
    }
  }
  return found;
}

/** Undefined for what this program did not log, such as Lambda's own lines. */
function lineOf(text: string): LogLine | undefined {
  const parsed = readJson(text);
  if (typeof parsed !== 'object' || parsed === null || !('time' in parsed)) return undefined;
  const { time, level, message, _aws, ...fields } = Object.fromEntries(Object.entries(parsed));
  return { time: textOf(time), level: textOf(level), message: textOf(message), fields };
}

/** Whatever JSON had there. An object may have no way to become text: `{"toString": 1}`. */
const textOf = (value: unknown) => (typeof value === 'object' ? JSON.stringify(value) : String(value));

// ── CloudWatch ───────────────────────────────────────────────────────────────────────────────────────

/** A log group of the stack bears the name of the stack and of its function. */
const groupPrefix = (stack: string) => `${stack}-`;
/** Lines of a log group that are read. */
const MOST_LINES = 2_000;

/** @param time in Unix milliseconds. */
const lineOfLambda = (text: string, time = 0): LogLine => ({
  time: new Date(time).toISOString(),
  level: 'error',
  message: text.trim(),
  fields: {},
});

async function askCloudWatch(stack: string, { filterPattern }: Wanted, since: number): Promise<LogLine[]> {
  const { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } = await import(
    '@aws-sdk/client-cloudwatch-logs'
  );
  const client = new CloudWatchLogsClient({ maxAttempts: 2 });
  const linesOfGroup = async (group: string): Promise<LogLine[]> => {
    const lines: LogLine[] = [];
    let nextToken: string | undefined;
    do {
      const page = await client.send(
        new FilterLogEventsCommand({
          logGroupName: group,
          startTime: since,
          filterPattern,
          ...(nextToken === undefined ? {} : { nextToken }),
        }),
      );
      for (const { message = '', timestamp } of page.events ?? [])
        lines.push({ ...(lineOf(message) ?? lineOfLambda(message, timestamp)), group });
      nextToken = page.nextToken;
    } while (nextToken !== undefined && lines.length < MOST_LINES);
    return lines;
  };
  let groups: string[] = [];
  try {
    const { logGroups = [] } = await client.send(
      new DescribeLogGroupsCommand({ logGroupNamePrefix: groupPrefix(stack) }),
    );
    groups = logGroups.flatMap(({ logGroupName }) => logGroupName ?? []);
    return (await Promise.all(groups.map(linesOfGroup))).flat();
  } catch (cause) {
    throw new OperateError('not_ready', askedByHand(stack, { groups, filterPattern, since }, cause), {
      cause,
    });
  }
}

function askedByHand(
  stack: string,
  { groups, filterPattern, since }: { groups: string[]; filterPattern: string; since: number },
  cause: unknown,
): string {
  const filter = (group: string) =>
    `aws logs filter-log-events --log-group-name ${group} --start-time ${since} ` +
    `--filter-pattern ${shellQuoted(filterPattern)} --query 'events[].message' --output text`;
  const commands =
    groups.length > 0
      ? groups.map((group) => filter(shellQuoted(group)))
      : [
          `for group in $(aws logs describe-log-groups --log-group-name-prefix ${groupPrefix(stack)} ` +
            `--query 'logGroups[].logGroupName' --output text); do ${filter('"$group"')}; done`,
        ];
  return (
    `The log of ${stack} cannot be read (${describeError(cause)}). It takes the rights logs:DescribeLogGroups and ` +
    `logs:FilterLogEvents. Whoever has them can run:\n  ${commands.join('\n  ')}`
  );
}
