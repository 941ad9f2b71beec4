/**
 * The closed list of alerts. Each is one log line and one metric of that name, has a section in
 * RUNBOOK.md, and on AWS an alarm.
 */
export const ALERTS = [
  'charge_unknown',
  'grant_unknown',
  'grant_differs',
  'grant_refused',
  'grant_expired',
  'refund_unknown',
  'refund_failed',
  'review_waiting',
  'granted_twice',
  'granted_after_refund',
  'paid_after_end',
  'payment_disputed',
  'refunded_elsewhere',
  'payment_hook_misconfigured',
  'other_counterparty',
  'recharge_blocked',
  'recharge_expired',
  'client_must_act',
  'client_suspended',
  'charging_paused',
  'monthly_cap_near',
  'monthly_cap_reached',
  'books_differ',
  'no_progress',
  'newer_row',
  'secret_unreadable',
  'key_reused',
  'webhook_quarantined',
  'message_failed',
  'message_parked',
  'message_quarantined',
] as const;
export type Alert = (typeof ALERTS)[number];

export type Fields = Record<string, string | number | boolean | undefined>;

/** By name. A name ends in its unit where that is not a count: `oldest_review_seconds`. */
export type Metrics = Record<string, number>;

export interface Logger {
  info(message: string, fields?: Fields, metrics?: Metrics): void;
  /** Ours to mend: says what failed, for which recharge, and the error's own words. */
  error(message: string, error: unknown, fields?: Fields): void;
  /** Counts one under the metric of its own name. */
  alert(word: Alert, fields?: Fields): void;
}

/** Where CloudWatch finds the metrics of all log lines, by the dimension `stage`. */
export const METRIC_NAMESPACE = 'RechargeRelay';

/**
 * JSON lines. No secret is ever passed in; email addresses are masked here, wherever they stand (a
 * platform's key may hold one), so that no call can forget it. Metrics travel in the line, in CloudWatch's embedded metric format.
 *
 * @param write takes one line without its line end.
 */
export function createLogger(
  write: (line: string) => void,
  { stage = 'local', now = Date.now }: { stage?: string; now?: () => number } = {},
): Logger {
  const line = (level: string, message: string, fields: Fields, metrics: Metrics = {}) => {
    const time = now();
    const embedded = Object.keys(metrics).length === 0 ? {} : embeddedMetrics(metrics, stage, time);
    const masked = Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [
        name,
        typeof value === 'string' ? maskEmails(value) : value,
      ]),
    );
    write(JSON.stringify({ time: new Date(time).toISOString(), level, message, ...masked, ...embedded }));
  };
  return {
    info: (message, fields = {}, metrics) => line('info', message, fields, metrics),
    error: (message, error, fields = {}) =>
      line('error', message, { ...fields, error: describeError(error) }),
    alert: (word, fields = {}) => line('alert', word, fields, { [word]: 1 }),
  };
}

function embeddedMetrics(metrics: Metrics, stage: string, time: number) {
  const names = Object.keys(metrics).map((Name) => ({ Name }));
  return {
    stage,
    ...metrics,
    _aws: {
      Timestamp: time,
      CloudWatchMetrics: [{ Namespace: METRIC_NAMESPACE, Dimensions: [['stage']], Metrics: names }],
    },
  };
}

export const toStdout = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/**
 * `jane.doe@example.com` → `j***@example.com`: enough to recognise a client one knows. Word by word, so that the work
 * grows with the length of the text and no faster, whoever wrote it.
 */
export function maskEmails(text: string): string {
  return text.replace(/[^\s"'<>=:;,(]+/g, (word) => {
    const at = word.lastIndexOf('@');
    return at < 0 ? word : `${word.slice(0, at).replace(/^@/, '').slice(0, 1)}***${word.slice(at)}`;
  });
}

/** Deeper causes than this are left out: a chain may lead back to itself. */
const CAUSES_TOLD = 5;

/** An error's name, text and causes on one line; without its stack, which may quote a payload. */
export function describeError(error: unknown, causes = CAUSES_TOLD): string {
  if (!(error instanceof Error)) return String(error).slice(0, 300);
  // A connection that failed to every address of a name says nothing itself, only its parts do.
  const because = error instanceof AggregateError ? error.errors[0] : error.cause;
  const told = because === undefined || causes === 0 ? '' : `, because ${describeError(because, causes - 1)}`;
  return `${error.name}: ${error.message}`.slice(0, 300) + told;
}
