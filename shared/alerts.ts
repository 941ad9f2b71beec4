import { createHash } from 'node:crypto';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { Alert, Fields, Logger } from './logger.ts';

/** What the keys of these items begin with. */
export const ALERT = 'ALERT#';
/** The partition of the `recent` index that names them, the one that rang last at the end. */
export const ALERTS_LIST = 'alerts';

const OPTIONAL = ['key', 'email', 'detail', 'quarantine'] as const;

/** All attributes that one alert writes. The internet-facing functions may write no other. */
export const ALERT_ATTRIBUTES = [
  ...['pk', 'v', 'word', 'subject', ...OPTIONAL],
  ...['firstAt', 'lastAt', 'times', 'list', 'listKey', 'expiresAt'],
];

/** After it last rang: a quarter, in which most causes come back if they do. */
export const KEPT_DAYS = 90;
/** An error's words may hold a whole answer of another side. A row mostly stays below 1 KB, one write unit. */
const MOST_CHARACTERS = 300;
/** Longer than DynamoDB ever takes, and short enough to end within what every run leaves at its end (5 s). */
const KEPT_WITHIN_MS = 2_000;
/** Under way at once. Beyond these an alert is only logged: a storm must not fill the process's connections. */
const MOST_UNDER_WAY = 100;

/** A logger whose alerts are also kept as rows of the table. */
export interface AlertLogger extends Logger {
  /** Waits until what was raised is kept: two seconds at most. */
  kept(): Promise<void>;
}

/**
 * Each alert is logged at once, with its metric. Then its row is written by one request, in the background. If the
 * table is away, or the process dies, the line and the metric are there all the same.
 */
export function withAlertRows(
  logger: Logger,
  {
    client,
    table,
    now = Date.now,
    withinMs = KEPT_WITHIN_MS,
  }: { client: DynamoDBDocumentClient; table: string; now?: () => number; withinMs?: number },
): AlertLogger {
  const underWay = new Set<Promise<void>>();
  const keep = async (word: Alert, fields: Fields) => {
    try {
      const abortSignal = AbortSignal.timeout(withinMs);
      await client.send(new UpdateCommand({ TableName: table, ...raised(word, fields, now()) }), {
        abortSignal,
      });
    } catch (error) {
      logger.error('an alert could not be kept as a row', error, { word, ...fields });
    }
  };
  return {
    ...logger,
    alert(word, fields = {}) {
      logger.alert(word, fields);
      if (underWay.size >= MOST_UNDER_WAY) return;
      const writing: Promise<void> = keep(word, fields).finally(() => underWay.delete(writing));
      underWay.add(writing);
    },
    async kept() {
      await Promise.all(underWay);
    },
  };
}

/** The handler, which returns once the alerts that it raised are kept. One that raised none waits for nothing. */
export function keepingAlerts<Given extends unknown[], Result>(
  { kept }: Pick<AlertLogger, 'kept'>,
  handler: (...given: Given) => Promise<Result>,
): (...given: Given) => Promise<Result> {
  return async (...given) => {
    try {
      return await handler(...given);
    } finally {
      await kept();
    }
  };
}

/** The update that makes the row of an alert, or counts it once more. */
function raised(word: Alert, fields: Fields, at: number) {
  const subject = cut(subjectOf(word, fields));
  const id = createHash('sha256').update(`${word}\n${subject}`).digest('hex').slice(0, 32);
  const said: Fields = { ...fields, detail: fields.detail ?? fields.reason };
  const given = OPTIONAL.filter((name) => typeof said[name] === 'string');
  const absent = OPTIONAL.filter((name) => !given.includes(name));
  const values = {
    v: 1,
    word,
    subject,
    ...Object.fromEntries(given.map((name) => [name, cut(String(said[name]))])),
    lastAt: at,
    list: ALERTS_LIST,
    listKey: `${new Date(at).toISOString()}#${id}`,
    expiresAt: Math.floor(at / 1_000) + KEPT_DAYS * 86_400,
  };
  const set = Object.keys(values).map((name) => `#${name} = :${name}`);
  const remove = absent.length > 0 ? ` REMOVE ${absent.map((name) => `#${name}`).join(', ')}` : '';
  return {
    Key: { pk: ALERT + id },
    UpdateExpression: `SET ${set.join(', ')}, firstAt = if_not_exists(firstAt, :lastAt)${remove} ADD times :one`,
    ExpressionAttributeNames: Object.fromEntries(
      [...Object.keys(values), ...absent].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: {
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
      ':one': 1,
    },
  };
}

/**
 * What the alert is about. What many clients meet at once for one cause is one row: a mapping that understands no
 * webhook, or a payment endpoint that refuses all of them, must not become a thousand.
 */
function subjectOf(word: Alert, fields: Fields): string {
  const { key, email, id, messageId, channel, direction, route, secret } = fields;
  switch (word) {
    case 'charging_paused':
      return 'charging';
    case 'payment_hook_misconfigured':
      return 'payment endpoint';
    case 'secret_unreadable':
      return String(secret);
    case 'webhook_quarantined':
      return String(route);
    case 'message_quarantined':
      return `/channels/${channel}/${direction}`;
    case 'books_differ':
      return String(fields.month);
    case 'client_suspended':
    case 'monthly_cap_near':
    case 'monthly_cap_reached':
      return String(email);
    default:
      return String(key ?? email ?? id ?? messageId ?? 'rows');
  }
}

const cut = (text: string) => text.slice(0, MOST_CHARACTERS);
