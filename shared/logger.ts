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
  'payment_hook_misconfigured',
  'charging_paused',
  'monthly_cap_near',
  'monthly_cap_reached',
  'no_progress',
  'newer_row',
  'key_reused',
  'webhook_quarantined',
] as const;
export type Alert = (typeof ALERTS)[number];

export type Fields = Record<string, string | number | boolean | undefined>;

export interface Logger {
  info(message: string, fields?: Fields): void;
  /** Ours to mend: says what failed, for which recharge, and the error's own words. */
  error(message: string, error: unknown, fields?: Fields): void;
  alert(word: Alert, fields?: Fields): void;
}

/**
 * JSON lines. No secret is ever passed in; a field named `email` is masked here, so that no call can
 * forget it. An alert line carries its metric in CloudWatch's embedded metric format.
 *
 * @param write takes one line without its line end.
 */
export function createLogger(write: (line: string) => void, now: () => number = Date.now): Logger {
  const line = (level: string, message: string, fields: Fields) => {
    const email = fields.email;
    const masked = typeof email === 'string' ? { ...fields, email: maskEmail(email) } : fields;
    write(
      JSON.stringify({
        time: new Date(now()).toISOString(),
        level,
        message,
        ...masked,
        ...metric(level, message),
      }),
    );
  };
  const metric = (level: string, word: string) =>
    level === 'alert'
      ? {
          _aws: {
            Timestamp: now(),
            CloudWatchMetrics: [
              { Namespace: 'RechargeRelay', Dimensions: [[]], Metrics: [{ Name: word, Unit: 'Count' }] },
            ],
          },
          [word]: 1,
        }
      : {};
  return {
    info: (message, fields = {}) => line('info', message, fields),
    error: (message, error, fields = {}) =>
      line('error', message, { ...fields, error: describeError(error) }),
    alert: (word, fields = {}) => line('alert', word, fields),
  };
}

export const toStdout = (line: string) => {
  process.stdout.write(`${line}\n`);
};

/** `jane.doe@example.com` → `j***@example.com`: enough to recognise a client one knows. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 1 ? '***' : `${email.slice(0, 1)}***${email.slice(at)}`;
}

/** An error's name, text and causes on one line; without its stack, which may quote a payload. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error).slice(0, 300);
  const cause = error.cause === undefined ? '' : `, because ${describeError(error.cause)}`;
  return `${error.name}: ${error.message}`.slice(0, 300) + cause;
}
