import { isDeepStrictEqual } from 'node:util';
import type { AlertRow } from '../alert-row.ts';
import type { PaymentMethod } from '../payments/payment-method.ts';
import { type Account, dayOf, type Limits } from '../recharge/account.ts';
import { capCrossed, limitsOf } from '../recharge/guard.ts';
import { asRefunding, isGivingBack } from '../recharge/machine/goodwill.ts';
import { chargeIdOf, grantMarkOf, PHASES, type Phase, type Recharge } from '../recharge/recharge.ts';
import type { RelayEvent } from './event.ts';

/**
 * What a change of a row means for others. A pure function of the row before and after: the same change gives the same
 * events, however often it is read from the table's stream. A row without a `before` is new here: its webhook has just
 * come, or it was copied back from a backup.
 */

const ENDS = {
  completed: 'recharge.completed',
  declined: 'recharge.declined',
  blocked: 'recharge.blocked',
  refunded: 'recharge.refunded',
} as const;

/** The phases in which an event can begin: of recharges the stream need hand on no others. */
export const EVENT_PHASES: readonly Phase[] = [...PHASES.filter(isEnd), 'needs_review', 'charge_pending'];

function isEnd(phase: Phase): phase is keyof typeof ENDS {
  return phase in ENDS;
}

const iso = (time: number) => new Date(time).toISOString();

/**
 * The phase as others see it. The row of a completed recharge whose money is given back stays `completed`: it is told as
 * any other refund is.
 */
function seenPhase(row: Recharge): Phase {
  if (row.goodwillRefund === 'refunded') return 'refunded';
  return isGivingBack(row) ? asRefunding(row).phase : row.phase;
}

/** @param timestamp when the row was changed, ISO 8601. */
export function eventsOfRecharge(
  before: Recharge | undefined,
  after: Recharge,
  timestamp: string,
): RelayEvent[] {
  const { key, version, review, reason, actionUrl, actBy } = after;
  const phase = seenPhase(after);
  const hasMoved = before === undefined || phase !== seenPhase(before);
  const id = `${key}:${phase}:${version}`;
  const data = dataOf(after, phase);
  if (phase === 'needs_review') {
    if (!hasMoved && review === before.review) return [];
    return [{ id, type: 'recharge.needs_review', timestamp, data: { ...data, reason: review } }];
  }
  if (isEnd(phase)) {
    return hasMoved ? [{ id, type: ENDS[phase], timestamp, data: { ...data, reason } }] : [];
  }
  if (phase !== 'charge_pending' || actionUrl === undefined || actionUrl === before?.actionUrl) return [];
  const act = { action_url: actionUrl, act_by: actBy === undefined ? undefined : iso(actBy) };
  return [{ id, type: 'payment.action_required', timestamp, data: { ...data, ...act } }];
}

function dataOf(row: Recharge, phase: Phase) {
  return {
    key: row.key,
    version: row.version,
    phase,
    email: row.email,
    credits: row.credits,
    amount: row.amount,
    currency: row.currency,
    prepaid: row.prepaid,
    payment_ref: row.paymentRef,
    charge_id: chargeIdOf(row),
    grant_mark: row.grantNo > 0 ? grantMarkOf(row) : undefined,
    new_balance: row.newBalance,
    attempt: row.attempt,
    received_at: iso(row.receivedAt),
  };
}

/**
 * @param limits of the configuration, which count where the account has none of its own.
 * @param timestamp when the row was changed, ISO 8601.
 */
export function eventsOfAccount(
  before: Account | undefined,
  after: Account,
  { limits, timestamp }: { limits: Limits; timestamp: string },
): RelayEvent[] {
  const { email, revision: version } = after;
  const isSuspended = after.status === 'suspended' && before?.status !== 'suspended';
  const suspended: RelayEvent[] = isSuspended
    ? [
        {
          id: `${email}:suspended:${version}`,
          type: 'account.suspended',
          timestamp,
          data: { email, version, note: after.statusChange?.note },
        },
      ]
    : [];
  // A row that was copied back has changed nothing by that.
  if (before === undefined) return suspended;
  const told = [...suspended, ...eventsOfMeans(before, after, timestamp)];
  const cap = limitsOf(after, { limits }).monthlyAmount;
  if (cap === undefined) return told;
  const warnings = Object.entries(after.spent).flatMap(([counter, spent]): RelayEvent[] => {
    const word = capCrossed(cap, before.spent[counter] ?? 0, spent);
    if (word === undefined) return [];
    const [month = '', currency = ''] = counter.split('_');
    const level = word === 'monthly_cap_reached' ? 'reached' : 'near';
    const data = { email, version, level, month, spent, cap, currency } as const;
    return [{ id: `${email}:cap_${level}:${version}`, type: 'account.cap_warning', timestamp, data }];
  });
  return [...told, ...warnings];
}

const MONTH_MS = 31 * 24 * 3_600_000;

/** From when on a card is one that expires within a month: it is good to the end of the month it names. */
function expiringFrom({ expires }: PaymentMethod): number | undefined {
  const [year = Number.NaN, month = Number.NaN] = expires?.split('-').map(Number) ?? [];
  const endsAt = Date.UTC(year, month);
  return Number.isNaN(endsAt) ? undefined : endsAt - MONTH_MS;
}

/** The first reservation from that time on tells it: between two of them, nobody is charged, and nothing is lost. */
function eventsOfMeans(before: Account, after: Account, timestamp: string): RelayEvent[] {
  const { email, revision: version, paymentMethod } = after;
  const common = { email, version };
  const changed = changeOfMeans(before, after);
  const news: RelayEvent[] = changed
    ? [
        {
          id: `${email}:payment_method:${version}`,
          type: 'account.payment_method_changed',
          timestamp,
          data: { ...common, ...changed },
        },
      ]
    : [];
  const from = paymentMethod && expiringFrom(paymentMethod);
  const [was, is] = [before.last?.at ?? 0, after.last?.at ?? 0];
  if (from === undefined || was >= from || is < from || paymentMethod?.expires === undefined) return news;
  const data = { ...common, ...shownMeans(paymentMethod), expires: paymentMethod.expires };
  return [
    ...news,
    { id: `${email}:card_expiring:${version}`, type: 'account.card_expiring', timestamp, data },
  ];
}

function changeOfMeans({ paymentMethod: was }: Account, { status, paymentMethod: is }: Account) {
  const shown = is ?? was;
  // Who is erased has left.
  if (shown === undefined || status === undefined || isDeepStrictEqual(was, is)) return undefined;
  const change = is === undefined ? 'removed' : is.id === was?.id ? 'renewed' : 'saved';
  return { change, ...shownMeans(shown) } as const;
}

/** Without the fingerprint, by which the same card could be found at another client. */
const shownMeans = ({ type, brand, last4, expires }: PaymentMethod) => ({
  payment_type: type,
  brand,
  last4,
  expires,
});

/**
 * An alert that is raised again and again is told once a UTC day.
 *
 * @param timestamp when the row was changed, ISO 8601.
 */
export function eventsOfAlert(
  before: AlertRow | undefined,
  after: AlertRow,
  timestamp: string,
): RelayEvent[] {
  if (before && dayOf(before.lastAt) === dayOf(after.lastAt)) return [];
  const { id: alert, word, subject, key, email, detail, firstAt, lastAt, times } = after;
  const at = { first_at: iso(firstAt), last_at: iso(lastAt) };
  const data = { alert, word, subject, key, email, detail, ...at, times };
  return [{ id: `${alert}:${word}:${times}`, type: 'alert.raised', timestamp, data }];
}
