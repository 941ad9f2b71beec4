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
  /** Of a recharge; or the id of a message, of what is kept aside, of a request. */
  key: string;
  /** Unix milliseconds: what was logged before is not looked at. Default: since the recharge came, else for a week. */
  since?: number;
}

const WEEK_MS = 7 * 24 * 3_600_000;
/** Clocks of the machines that log may be apart. */
const BEFORE_MS = 60_000;

/**
 * The lines that name one recharge or message, the oldest first: from the log of `npm start`, or from CloudWatch.
 *
 * @throws an OperateError, `not_ready`, where there is no log; where the rights are missing it holds the command of
 *   AWS's own command line that whoever has them can paste.
 */
export async function readLogs(
  connection: Pick<Connection, 'ledger' | 'now'>,
  { stack, env }: Target,
  { key, since }: LogRequest,
): Promise<LogLine[]> {
  const named = maskEmails(key);
  if (stack === undefined) return linesOf(env, named, since ?? 0);
  const from = since ?? (await cameAt(connection, key)) ?? connection.now() - WEEK_MS;
  const lines = await askCloudWatch(stack, named, from - BEFORE_MS);
  return lines.filter((line) => names(line, named)).sort((a, b) => a.time.localeCompare(b.time));
}

async function cameAt({ ledger }: Pick<Connection, 'ledger'>, key: string): Promise<number | undefined> {
  // A row of a later version has a log all the same.
  return (await ledger.read(key).catch(() => undefined))?.receivedAt;
}

/** The full file before the current one, and then that. */
const LOG_FILES = ['relay.log.1', 'relay.log'];

async function linesOf(env: NodeJS.ProcessEnv, named: string, since: number): Promise<LogLine[]> {
  const files = LOG_FILES.map((name) => localFile(env, name)).filter(existsSync);
  if (files.length === 0) throw notStarted(env);
  const found: LogLine[] = [];
  for (const file of files) {
    for await (const text of createInterface({ input: createReadStream(file) })) {
      const line = text.includes(JSON.stringify(named).slice(1, -1)) ? lineOf(text) : undefined;
      if (line && names(line, named) && Date.parse(line.time) >= since) found.push(line);
    }
  }
  return found;
}

/** Undefined for what this program did not log, such as Lambda's own lines. */
function lineOf(text: string): LogLine | undefined {
  const parsed = readJson(text);
  if (typeof parsed !== 'object' || parsed === null || !('time' in parsed)) return undefined;
  const { time, level, message, _aws, ...fields } = Object.fromEntries(Object.entries(parsed));
  return { time: String(time), level: String(level), message: String(message), fields };
}

/** Of a request with several messages a field names all of them, with blanks between. */
const names = ({ fields }: LogLine, named: string) =>
  Object.values(fields).some(
    (value) => value === named || (typeof value === 'string' && value.split(' ').includes(named)),
  );

// ── CloudWatch ───────────────────────────────────────────────────────────────────────────────────────

/** A log group of the stack bears the name of the stack and of its function. */
const groupPrefix = (stack: string) => `${stack}-`;
/** Lines of a log group that are read. */
const MOST_LINES = 2_000;

/** A text within double quotes, as a filter of CloudWatch takes it. */
const filterOf = (named: string) => `"${named.replaceAll(/["\\]/g, '\\$&')}"`;

async function askCloudWatch(stack: string, named: string, since: number): Promise<LogLine[]> {
  const { CloudWatchLogsClient, DescribeLogGroupsCommand, FilterLogEventsCommand } = await import(
    '@aws-sdk/client-cloudwatch-logs'
  );
  const client = new CloudWatchLogsClient({ maxAttempts: 2 });
  const filterPattern = filterOf(named);
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
      for (const { message = '' } of page.events ?? []) {
        const line = lineOf(message);
        if (line) lines.push({ ...line, group });
      }
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
