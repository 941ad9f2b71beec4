import type { HistoryEntry } from '../history.ts';
import { formatMoney } from '../money.ts';
import { printableLine } from '../printable.ts';
import { LATE_LOOKS, LOOKS } from './machine/books.ts';
import { GOODWILL_REFUND } from './machine/goodwill.ts';
import { GRANTING_AGAIN, isInDoubt } from './machine/grant.ts';
import { sinceReview } from './machine/moves.ts';
import { OTHER_COUNTERPARTY } from './machine/parties.ts';
import { PREPAID } from './machine/payment.ts';
import { awaitsLook } from './machine/woken.ts';
import { ACTORS, type Circumstances, type NextStep, nextStepOf } from './next-step.ts';
import { type Policy, productionPolicy } from './policy.ts';
import {
  chargeIdOf,
  grantMarkOf,
  INSTEAD_OF,
  isFinished,
  moneyOf,
  RETRIED,
  type Recharge,
} from './recharge.ts';
import { STARTED_AGAIN } from './started.ts';

const iso = (time: number) => new Date(time).toISOString();
const isoIf = (time: number | undefined) => (time === undefined ? undefined : iso(time));

/**
 * A recharge for programs: times as ISO 8601, `amount` in minor units, nothing left out but what is not
 * known yet. `reason` is the word of a review, refusal or decline.
 */
export function rechargeJson(row: Recharge) {
  return {
    key: row.key,
    phase: row.phase,
    reason: row.review ?? row.reason,
    email: row.email,
    credits: row.credits,
    amount: row.amount,
    currency: row.currency,
    prepaid: row.prepaid,
    payment_ref: row.paymentRef,
    paid_at: isoIf(row.paidAt),
    goodwill_refund: row.goodwillRefund,
    refund_ref: row.refundRef,
    refunded_at: isoIf(row.refundedAt),
    charge_id: askedChargeIdOf(row),
    grant_mark: row.grantNo > 0 ? grantMarkOf(row) : undefined,
    balance_before: row.balanceBefore,
    new_balance: row.newBalance,
    action_url: row.actionUrl,
    received_at: iso(row.receivedAt),
    next_attempt_at: isoIf(row.nextAttemptAt),
    grant_deadline: isoIf(row.grantDeadline),
    attempt: row.attempt,
    version: row.version,
    history: row.history.map(({ at, ...entry }) => ({ at: iso(at), ...entry })),
  };
}

/**
 * Under what the payment is known at the provider. Absent where nobody was ever asked for money: the guard's refusal comes
 * before the charge, while one that a person has stopped may have been asked for.
 */
function askedChargeIdOf(row: Recharge): string | undefined {
  const isRefused = row.phase === 'blocked' && row.reason !== 'stopped';
  return row.prepaid || isRefused ? undefined : chargeIdOf(row);
}

/** The same, with who must do what now. */
export const shownJson = (row: Recharge, at: Circumstances) => ({
  ...rechargeJson(row),
  next_step: nextStepOf(row, at),
});

/** What each phase means for money, in words for someone who was woken up by it. */
const MEANING: Record<Recharge['phase'], string> = {
  received: 'Accepted. No payment is known yet.',
  charge_pending: 'The payment is under way; the provider, or the client, has not decided yet.',
  granting:
    'Paid. The credits are being granted right now, or the process that did it died: it says so by itself.',
  charged: 'Paid. The credits are not granted yet; the next try comes by itself.',
  needs_review: 'A person must say what happened.',
  refunding: 'Paid, not granted; the money is being given back.',
  completed: 'Paid and granted.',
  declined: 'Not paid, not granted.',
  blocked: 'Refused before anything was charged.',
  refunded: 'Paid, not granted, and given back.',
};

/** Where nothing was charged, because a person said so when they started it. */
const MEANING_PREPAID: Partial<Record<Recharge['phase'], string>> = {
  granting:
    'Not charged. The credits are being granted right now, or the process that did it died: it says so by itself.',
  charged: 'Not charged. The credits are not granted yet; the next try comes by itself.',
  completed: 'Granted, and not charged.',
  refunded: 'Not charged, not granted.',
};

/** Of a completed recharge that a person gives back. */
const MEANING_GOODWILL = {
  under_way: 'Paid and granted. The money is being given back; the credits stay.',
  refunded: 'Paid and granted, and the money given back. The credits stay.',
} as const;

function meaningOf({ phase, prepaid, goodwillRefund }: Recharge): string {
  if (goodwillRefund !== undefined) return MEANING_GOODWILL[goodwillRefund];
  return (prepaid ? MEANING_PREPAID[phase] : undefined) ?? MEANING[phase];
}

const EVENTS: Record<string, string> = {
  received: 'webhook received',
  started: 'started by a person',
  [INSTEAD_OF]: 'in the place of',
  [STARTED_AGAIN]: 'started again as',
  stopped: 'stopped by a person',
  [RETRIED]: 'tried at once, as a person wished',
  [GOODWILL_REFUND]: 'to be given back, as a person said',
  [PREPAID]: 'not charged, as the person said who started it',
  paid: 'client charged',
  granted: 'credits granted',
  waiting: 'waiting',
  declined: 'payment declined',
  declined_will_retry: 'payment declined, to be tried once more',
  blocked: 'refused',
  refunding: 'refund begun',
  refunded: 'money given back',
  reminded: 'still waiting for a person',
  [OTHER_COUNTERPARTY]: 'waiting for the party it began with',
  [LOOKS.not_found]: 'grant not in the usage export, which proves nothing',
  [LOOKS.no_answer]: 'no answer from the usage export',
  [LOOKS.differs]: 'grant in the usage export, but not as it was asked for',
  [GRANTING_AGAIN]: 'grant still not in the usage export, and made anew',
  [LATE_LOOKS.none]: 'no grant too many',
  [LATE_LOOKS.some]: 'A GRANT TOO MANY',
  left_out: 'entries left out here',
};

/** A recharge for people: what it is, what happened when, and what to do. */
export function rechargeText(row: Recharge, at: Circumstances & { policy: Policy }): string {
  const step = nextStepText(nextStepOf(row, at));
  return [rechargeEvidence(row, at.policy), ...step.map(printableLine)].join('\n');
}

/** What is known of a recharge, and what happened when. */
export function rechargeEvidence(
  row: Recharge,
  policy: Pick<Policy, 'reminderMs'> = productionPolicy,
): string {
  const money = moneyOf(row);
  const word = row.review ?? row.reason;
  const facts: [string, string | undefined][] = [
    ['phase', word === undefined ? row.phase : `${row.phase} (${word})`],
    ['', meaningOf(row)],
    [
      'client',
      row.grantEmail === undefined ? row.email : `${row.email} (on the platform: ${row.grantEmail})`,
    ],
    ['credits', String(row.credits)],
    ['price', row.prepaid ? NOT_CHARGED : money && formatMoney(money)],
    ...(row.prepaid ? [] : paymentFacts(row)),
    ['grant mark', row.grantNo > 0 ? `${grantMarkOf(row)} (in the platform's credit history)` : undefined],
    ['balance', balanceText(row)],
    ['client acts', row.actionUrl],
    ['export', exportText(row, policy)],
    [nextText(row, policy), nextTime(row)],
  ];
  const shown = facts.flatMap(([name, value]) =>
    value === undefined ? [] : [`  ${name.padEnd(12)}${printableLine(value)}`],
  );
  return [`Recharge ${printableLine(row.key)}`, ...shown, '', ...timeline(row)].join('\n');
}

/** What it means for money, what the platform's export said of the grant, and what happened in words. Times as ISO 8601. */
export const evidenceJson = (row: Recharge, policy: Pick<Policy, 'reminderMs'>) => ({
  meaning: meaningOf(row),
  usage_export: exportText(row, policy),
  next: nextText(row, policy),
  timeline: row.history.map((entry) => ({ ...entry, at: iso(entry.at), words: wordsOf(entry) })),
});

const wordsOf = ({ event }: HistoryEntry) => EVENTS[event] ?? event.replaceAll('_', ' ');

/** In the place of a price. */
export const NOT_CHARGED = 'not charged';

const paymentFacts = (row: Recharge): [string, string | undefined][] => [
  ['payment', row.paymentRef],
  ['charge id', askedChargeIdOf(row)],
  ['refund', row.refundRef],
];

const LOOK_EVENTS: readonly string[] = Object.values(LOOKS);

/**
 * The row does not say whether its grant is looked for. But only a row whose grant is looked for is due before its
 * reminder.
 */
function isLookedFor(row: Recharge, { reminderMs }: Pick<Policy, 'reminderMs'>): boolean {
  const { review, nextAttemptAt, swept, history } = row;
  if (review !== 'grant_unknown' || nextAttemptAt === undefined || swept !== undefined) return false;
  const said = [review, 'reminded', ...LOOK_EVENTS];
  const last = history.findLast(({ event }) => said.includes(event));
  return last !== undefined && nextAttemptAt < last.at + reminderMs;
}

/**
 * Nor does the row say whether its grant will be looked for. But where it was, in the review that a person has ended,
 * it is looked for once more.
 */
function isAskedBeforeGrant(row: Recharge): boolean {
  const review = row.history.findLastIndex(({ event }) => event === 'grant_unknown');
  return isInDoubt(row) && row.history.slice(review + 1).some(({ event }) => LOOK_EVENTS.includes(event));
}

function nextText(row: Recharge, policy: Pick<Policy, 'reminderMs'>): string {
  if (isFinished(row)) return 'next look';
  if (row.phase !== 'needs_review') return 'next step';
  return isLookedFor(row, policy) ? 'next look' : 'reminder';
}

/** The row does not say whether the worker can look after the end. */
function nextTime(row: Recharge): string | undefined {
  if (row.nextAttemptAt === undefined) return undefined;
  const when = iso(row.nextAttemptAt);
  if (awaitsLook(row)) return `${when}: is there a payment after all?`;
  return isFinished(row) ? `${when}, where grants stand in the usage export` : when;
}

/** How often the usage export was asked in this review; what it said, and when, is in the timeline. */
function exportText(row: Recharge, policy: Pick<Policy, 'reminderMs'>): string | undefined {
  if (row.phase === 'charged')
    return isAskedBeforeGrant(row) ? 'asked again before the next grant' : undefined;
  if (row.review !== 'grant_unknown') return undefined;
  const looks = sinceReview(row).filter(({ event }) => LOOK_EVENTS.includes(event));
  const last = looks.at(-1);
  if (last === undefined) return isLookedFor(row, policy) ? 'not asked yet for this grant' : undefined;
  const asked = looks.reduce((sum, { times }) => sum + (times ?? 1), 0);
  return `asked ${asked} ${asked === 1 ? 'time' : 'times'} for this grant, last at ${iso(last.at)}`;
}

function balanceText({ balanceBefore, newBalance }: Recharge): string | undefined {
  if (newBalance === undefined)
    return balanceBefore === undefined ? undefined : `${balanceBefore} before the charge`;
  return balanceBefore === undefined ? `${newBalance} credits` : `${balanceBefore} → ${newBalance} credits`;
}

/** One line an event, each with the time since the webhook. */
export function timeline(row: Recharge): string[] {
  return row.history.map((entry) => {
    const { at, detail, times } = entry;
    const repeated = times === undefined ? '' : ` (${times} times)`;
    const line = `${wordsOf(entry)}${detail === undefined ? '' : `: ${detail}`}${repeated}`;
    return `  ${iso(at)}  ${sinceText(at - row.receivedAt).padStart(9)}  ${printableLine(line)}`;
  });
}

function sinceText(ms: number): string {
  if (ms < 10_000) return `+${(ms / 1_000).toFixed(2)} s`;
  if (ms < 120_000) return `+${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `+${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `+${Math.round(ms / 3_600_000)} h` : `+${Math.round(ms / 86_400_000)} d`;
}

/** Who must do what, and the commands with which they can. */
function nextStepText(step: NextStep): string[] {
  return [
    '',
    `${ACTORS[step.who]}. ${step.what}`,
    ...step.commands.flatMap(({ what, command }) => [`${what}:`, `  ${command}`]),
  ];
}
