import type { AlertRow } from '../shared/alert-row.ts';
import { meaningOf, rankOf, runbookSection } from '../shared/alert-words.ts';
import { KEPT_DAYS } from '../shared/alerts.ts';
import { atMost } from '../shared/at-most.ts';
import type { Message } from '../shared/channels/message.ts';
import { awaitsCounterparty } from '../shared/recharge/machine/parties.ts';
import { LOSS_WORDS, REVIEW_REASONS, type Recharge } from '../shared/recharge/recharge.ts';
import { STARTED_AGAIN } from '../shared/recharge/started.ts';
import { shellQuoted } from '../shared/shell.ts';
import { NewerRowError } from '../shared/storage/table.ts';
import type { Connection } from './connection.ts';

/** An alert, and what the state of now says of it. */
export interface RaisedAlert extends AlertRow {
  /** Whether nothing has to be done any more, as far as can be seen. */
  over: boolean;
  /** The section of the runbook. */
  runbook: string;
  /** The command, without the program's name, that shows what it is about; absent where there is nothing to show. */
  look?: string;
  /** Where a client must act: the page for them, as long as they can. */
  link?: string;
}

export interface AlertFilter {
  /** Also those that are over, as long as they are kept: 90 days after they last rang. */
  all: boolean;
  /** Where the runbook can be read. */
  runbookUrl?: string | undefined;
}

/** Of those that rang last. An agency with more open alerts than this has one cause for most of them. */
const MOST_LISTED = 1_000;
const AT_ONCE = 8;
const HOUR_MS = 3_600_000;
/** An alert whose end nothing shows is over if it does not ring again within this time. */
const QUIET_MS = 24 * HOUR_MS;
/** The books are compared once a night: at the same minute, or a little later. */
const NIGHTLY_QUIET_MS = 1.5 * QUIET_MS;
/** A loss does not ring again. It is shown long enough to be seen by whoever was away. */
const LOSS_SHOWN_MS = 7 * QUIET_MS;
const KEPT_MS = KEPT_DAYS * QUIET_MS;

type Asked = Pick<Connection, 'alerts' | 'rows' | 'messages' | 'charging' | 'policy' | 'now'>;

/**
 * The alerts that are open, the worst first; with `all` those that are over, too, the last one first. Whether one is
 * over is seen from what there is now: the row's phase, the pause, the message's status.
 */
export async function listAlerts(
  connection: Asked,
  { all, runbookUrl }: AlertFilter,
): Promise<RaisedAlert[]> {
  const latest = await connection.alerts.latest(MOST_LISTED);
  // DynamoDB takes days to clear away what is over.
  const rows = latest.filter(({ lastAt }) => connection.now() - lastAt < KEPT_MS);
  const state = await stateOf(rows, connection);
  const alerts = rows.map((row): RaisedAlert => {
    const look = lookAt(row);
    const link = row.word === 'client_must_act' ? state.recharges.get(row.key ?? '')?.actionUrl : undefined;
    return {
      ...row,
      over: isOver(row, state),
      runbook: runbookSection(row.word, runbookUrl),
      ...(look === undefined ? {} : { look }),
      ...(link === undefined ? {} : { link }),
    };
  });
  if (all) return alerts;
  const open = alerts.filter(({ over }) => !over);
  // The reminder says no more than the alert that it reminds of.
  const reviewed = new Set(open.filter(({ word }) => isReview(word)).map(({ key }) => key));
  return open
    .filter(({ word, key }) => word !== 'review_waiting' || !reviewed.has(key))
    .sort((a, b) => rankOf(a.word) - rankOf(b.word) || b.lastAt - a.lastAt);
}

/** All that tells whether an alert is over. */
interface State {
  recharges: ReadonlyMap<string, Recharge>;
  /** Keys of rows that a later version wrote. */
  newer: ReadonlySet<string>;
  messages: ReadonlyMap<string, Message['status'] | 'newer'>;
  isPaused: boolean;
  /** Emails of the clients who are suspended, of those that an alert says it of. */
  suspended: ReadonlySet<string>;
  sweepsToAlert: number;
  now: number;
}

async function stateOf(rows: AlertRow[], connection: Asked): Promise<State> {
  const { charging, policy, now } = connection;
  const keys = new Set(rows.flatMap(({ key }) => key ?? []));
  const suspended = rows.filter(({ word }) => word === 'client_suspended').map(({ subject }) => subject);
  const [{ found: recharges, newer }, messages, accounts, pause] = await Promise.all([
    connection.rows.recharges(keys),
    messagesOf(rows, connection),
    connection.rows.accounts(suspended),
    rows.some(({ word }) => word === 'charging_paused') ? charging.paused() : undefined,
  ]);
  return {
    recharges,
    newer: new Set(newer.map(({ key }) => key)),
    messages,
    isPaused: pause !== undefined,
    suspended: new Set(suspended.filter((email) => accounts.get(email)?.status === 'suspended')),
    sweepsToAlert: policy.sweepsToAlert,
    now: now(),
  };
}

async function messagesOf(rows: AlertRow[], { messages }: Pick<Asked, 'messages'>) {
  const found = new Map<string, Message['status'] | 'newer'>();
  const ids = rows.filter(({ word }) => MESSAGE_STATUS[word]).map(({ subject }) => subject);
  await atMost(AT_ONCE, ids, async (id) => {
    try {
      const message = await messages.read(id);
      if (message) found.set(id, message.status);
    } catch (error) {
      if (!(error instanceof NewerRowError)) throw error;
      found.set(id, 'newer');
    }
  });
  return found;
}

const MESSAGE_STATUS: Record<string, Message['status']> = {
  message_failed: 'failed',
  message_parked: 'parked',
};

function quietMsOf(word: string): number {
  if (isLoss(word)) return LOSS_SHOWN_MS;
  return word === 'books_differ' ? NIGHTLY_QUIET_MS : QUIET_MS;
}

const isLoss = (word: string) => LOSS_WORDS.some((loss) => loss === word);

function isOver(alert: AlertRow, state: State): boolean {
  const { word, subject, key, lastAt } = alert;
  const quiet = state.now - lastAt >= quietMsOf(word);
  const status = MESSAGE_STATUS[word];
  const found = state.messages.get(subject);
  if (status !== undefined) return found === 'newer' ? quiet : found !== status;
  if (word === 'charging_paused') return !state.isPaused;
  if (word === 'client_suspended') return !state.suspended.has(subject);
  const row = key === undefined ? undefined : state.recharges.get(key);
  if (word === 'newer_row' && key !== undefined) return !state.newer.has(key);
  return row === undefined ? quiet : (isOverFor(row, alert, state) ?? quiet);
}

const isReview = (word: string) => REVIEW_REASONS.some((reason) => reason === word);

/** What only an endpoint that answers as agreed can bring about. */
const ANSWERED: readonly string[] = ['paid', 'paid_late', 'refunded'];

/** Undefined where the row does not say. */
function isOverFor(row: Recharge, { word, lastAt }: AlertRow, { sweepsToAlert }: State): boolean | undefined {
  // The bank has sent back what had been given back: no row waits for that.
  if (word === 'refund_failed' && row.refundedAt !== undefined && lastAt > row.refundedAt) return undefined;
  if (isReview(word)) return row.phase !== 'needs_review' || row.review !== word;
  switch (word) {
    case 'review_waiting':
      return row.phase !== 'needs_review';
    case 'other_counterparty':
      return !awaitsCounterparty(row);
    case 'no_progress':
      return (row.swept ?? 0) < sweepsToAlert;
    case 'client_must_act':
      return row.phase !== 'charge_pending';
    case 'monthly_cap_reached':
    case 'recharge_blocked':
    case 'recharge_expired':
      return row.history.some(({ event }) => event === STARTED_AGAIN) || undefined;
    case 'payment_hook_misconfigured':
      // The endpoint has answered since. Of other recharges that wait for it, this one says nothing.
      return row.history.some(({ at, event }) => at > lastAt && ANSWERED.includes(event)) || undefined;
    default:
      return undefined;
  }
}

/** The most of what can be shown, as the command line takes it. */
function lookAt({ word, subject, key, email, quarantine }: AlertRow): string | undefined {
  if (quarantine !== undefined) return `quarantine show ${quarantine}`;
  if (MESSAGE_STATUS[word]) return `messages show ${shellQuoted(subject)}`;
  if (word === 'books_differ') return `reconcile --month ${subject}`;
  if (word.startsWith('monthly_cap_') || word === 'client_suspended')
    return `accounts show ${shellQuoted(subject)}`;
  if (key !== undefined) return `recharges show ${shellQuoted(key)}`;
  return email === undefined ? undefined : `accounts show ${shellQuoted(email)}`;
}

/** An alert for programs: times as ISO 8601. */
export function alertJson({ firstAt, lastAt, ...alert }: RaisedAlert) {
  return {
    ...alert,
    meaning: meaningOf(alert.word),
    first_at: new Date(firstAt).toISOString(),
    last_at: new Date(lastAt).toISOString(),
  };
}
