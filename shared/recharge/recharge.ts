import { createHash } from 'node:crypto';
import type { HistoryEntry } from '../history.ts';
import type { Money } from '../money.ts';

/**
 * Written to rows. A reader accepts this version and the one before; a newer row is left alone. Since 2, what a
 * claim says is left out of its item: an earlier reader could not read that.
 */
export const SCHEMA_VERSION = 2;
/**
 * The latest version that is read. A row has it, instead of the one above, while the money of a completed recharge is
 * being given back: an earlier program would take the row for one that has ended, and the refund would never come.
 */
export const LATEST_VERSION = 3;

/** The recovery points of a recharge. The last four are the end: such a row never changes its phase. */
export const PHASES = [
  'received',
  'charge_pending',
  'granting',
  'charged',
  'needs_review',
  'refunding',
  'completed',
  'declined',
  'blocked',
  'refunded',
] as const;
export type Phase = (typeof PHASES)[number];

const END_PHASES: readonly Phase[] = ['completed', 'declined', 'blocked', 'refunded'];

/** What a person, or proof, must settle. Each word is an alert of the same name. */
export const REVIEW_REASONS = [
  'charge_unknown',
  'grant_unknown',
  'grant_differs',
  'grant_refused',
  'grant_expired',
  'refund_unknown',
  'refund_failed',
] as const;
export type ReviewReason = (typeof REVIEW_REASONS)[number];

/** What was found out about a row that cannot change any more. Each word is an alert of the same name. */
export const LOSS_WORDS = ['granted_twice', 'granted_after_refund', 'paid_after_end'] as const;
export type LossWord = (typeof LOSS_WORDS)[number];

/** How far a refund of a completed recharge has come. */
export const GOODWILL_REFUNDS = ['under_way', 'refunded'] as const;
type GoodwillRefund = (typeof GOODWILL_REFUNDS)[number];

/** Why a recharge was refused before any money moved. */
export const REFUSALS = [
  'account_unknown',
  'account_disabled',
  'account_suspended',
  'over_daily_count',
  'over_monthly_amount',
  'cooldown',
  'amount_out_of_range',
  'unfinished_recharge',
  'unknown_on_platform',
  'stopped',
  'too_many_at_once',
  'observe_only',
] as const;
export type Refusal = (typeof REFUSALS)[number];

/** One recharge: one item of the table, and all there is to know about it. Times are Unix milliseconds. */
export interface Recharge {
  v: number;
  /** The platform's `idempotency_key`. */
  key: string;
  /** The client's email, trimmed and lower-cased; it names the account row. */
  email: string;
  /** Whole credits the webhook asked for. */
  credits: number;
  receivedAt: number;
  phase: Phase;
  /** +1 with every write; every write is conditional on the version that was read. */
  version: number;
  /** Charge attempt, from 1; the next one begins only after a proven decline. */
  attempt: number;
  /** The provider remembers our charge key from here; never moved within an attempt. */
  attemptStartedAt: number;
  /** When the sweeper brings the row back. At the end absent, but for the late looks at the platform's books. */
  nextAttemptAt?: number;
  /**
   * While the row waits, whoever wakes it before this time does nothing. `nextAttemptAt` cannot serve for this,
   * because the sweeper moves it before it wakes a row.
   */
  notBefore?: number;
  /** When somebody last said that the payment it waits for has changed, and it was looked at before its time. */
  wokenAt?: number;
  /** A person has stopped it: no charge is begun any more. A payment that was under way is still found, and kept. */
  stopped?: boolean;
  /** Granted without a charge, as a person said when they started it. */
  prepaid?: true;
  /** How often the sweeper brought the row back since it last made progress. */
  swept?: number;

  /** Minor units, copied from the reservation once the provider has spoken. */
  amount?: number;
  currency?: string;
  paymentRef?: string;
  /** When the payment became known; by a person's word, when they gave it. */
  paidAt?: number;
  /** The payment endpoint and the platform this recharge began with, copied likewise; nobody else is asked about it. */
  paymentParty?: string;
  platformParty?: string;
  /** Where the client must act, the provider's hosted page; with the time until which we wait for it. */
  actionUrl?: string;
  actBy?: number;
  /** The client's address as the account, else the webhook, spells it, where that differs from `email`: for the platform. */
  grantEmail?: string;
  /** The platform's id of the sub-account, where it was known: it narrows the look at the platform's books. */
  platformId?: string;
  /** The client's balance before the charge, a hint for a person only. */
  balanceBefore?: number;

  /** How many times `granting` was entered. */
  grantNo: number;
  /** Random, drawn by the one process that may POST this grant. */
  grantToken?: string;
  /** No byte of any grant so far left this machine: the next one needs no look at the platform's books. */
  unsent?: boolean;
  /** How often the platform's word was believed that a grant was not applied, since a person last spoke. */
  notApplied?: number;
  /** No byte of this grant leaves after this time. */
  grantDeadline?: number;
  /**
   * When this phase is given up; at the end, when the last look is due. Never prolonged by the bounce between
   * `granting` and `charged`.
   */
  phaseDeadline?: number;
  /** Set by the first refund, for ever: such a row is never granted. */
  refundStartedAt?: number;
  refundedAt?: number;
  /** The provider's reference, where it named one. */
  refundRef?: string;
  /** Of a completed recharge whose money a person gives back; the client keeps the credits, and the phase stays. */
  goodwillRefund?: GoodwillRefund;
  newBalance?: number;

  review?: ReviewReason;
  /**
   * A loss that was said once, and is said again a day later, since a process may end between the write and the
   * alert.
   */
  sayAgain?: LossWord;
  /** The word of a refusal or decline. */
  reason?: string;
  history: HistoryEntry[];
}

export function isFinished({ phase }: Pick<Recharge, 'phase'>): boolean {
  return END_PHASES.includes(phase);
}

/** When the row came to the review it is in; of one that is in none, when it was received. */
export function waitingSince({ history, review, receivedAt }: Recharge): number {
  return history.findLast(({ event }) => event === review)?.at ?? receivedAt;
}

export function moneyOf(recharge: Recharge): Money | undefined {
  return recharge.amount === undefined || recharge.currency === undefined
    ? undefined
    : { amount: recharge.amount, currency: recharge.currency };
}

/** Of the history of a row that a person has started: instead of `received`, and which other recharge it stands for. */
export const STARTED = 'started';
/** Of the history: a person did not want to wait any longer. */
export const RETRIED = 'retried';
export const INSTEAD_OF = 'started_instead_of';

/**
 * The row of a webhook that was just accepted.
 *
 * @param dueAt when the sweeper looks, should this process die before the row is queued.
 */
export function newRecharge(
  order: { key: string; email: string; credits: number; grantEmail?: string },
  now: number,
  dueAt: number,
): Recharge {
  return {
    v: SCHEMA_VERSION,
    ...order,
    receivedAt: now,
    phase: 'received',
    version: 1,
    attempt: 1,
    attemptStartedAt: now,
    nextAttemptAt: dueAt,
    grantNo: 0,
    history: [{ at: now, event: 'received' }],
  };
}

/** What stands in the place of an email that was erased begins so. No email has a colon. */
const ERASED = 'erased:';
const ERASED_HASH_LENGTH = 32;

const digestOf = ({ key, email }: Pick<Recharge, 'key' | 'email'>) =>
  createHash('sha256').update(`${key}\n${email}`).digest('hex');

/** Of a client who was erased, as much of it as any of our ids needs stands where the email stood. */
const hashOf = (recharge: Pick<Recharge, 'key' | 'email'>) =>
  isErased(recharge) ? recharge.email.slice(ERASED.length) : digestOf(recharge);

/** Whether the client's email is not on the row any more. */
export const isErased = ({ email }: Pick<Recharge, 'email'>) => email.startsWith(ERASED);

/**
 * What stands in the place of the client's email once they are erased. It is another one on each of their rows, and
 * all ids that follow from the row (charge, mark, reservation) stay the same.
 */
export const erasedNameOf = (recharge: Pick<Recharge, 'key' | 'email'>) =>
  isErased(recharge) ? recharge.email : ERASED + digestOf(recharge).slice(0, ERASED_HASH_LENGTH);

/** Whether the recharge is this client's, also where they were erased: a repeated webhook must be known as one. */
export const isOf = (recharge: Pick<Recharge, 'key' | 'email'>, email: string) =>
  recharge.email === email || recharge.email === erasedNameOf({ key: recharge.key, email });

/** What the charge ids of all attempts of a recharge begin with; the number of the attempt follows. */
export function chargeIdPrefixOf(recharge: Pick<Recharge, 'key' | 'email'>): string {
  return `rr_${hashOf(recharge).slice(0, 32)}_`;
}

/**
 * Our key at the payment provider: the same for every repetition of one attempt, another for the next
 * attempt. Derived from what never changes on a row, so that no crash can lose it. URL-safe, 38+ characters.
 */
export function chargeIdOf(recharge: Recharge): string {
  return chargeIdPrefixOf(recharge) + recharge.attempt;
}

/** One refund key per recharge, for ever: a second refund of the same payment is impossible by key. */
export function refundIdOf(recharge: Recharge): string {
  return `${chargeIdOf(recharge)}_refund`;
}

/** What the marks of all grants of a recharge begin with; the number of the grant follows. */
export function grantMarkPrefixOf(recharge: Pick<Recharge, 'key' | 'email'>): string {
  return `rr-${hashOf(recharge).slice(0, 12)}-`;
}

/** Names the grant in the platform's credit history: the recharge, and which of its grants this is. */
export function grantMarkOf(recharge: Recharge): string {
  return grantMarkPrefixOf(recharge) + recharge.grantNo;
}

/** What the names of a recharge's reservations begin with, on the account row. */
export function reservationPrefixOf(recharge: Pick<Recharge, 'key' | 'email'>): string {
  return `r_${hashOf(recharge).slice(0, 16)}_`;
}

/** The name of this attempt's reservation among the account row's attributes. */
export function reservationNameOf(recharge: Recharge): string {
  return reservationPrefixOf(recharge) + recharge.attempt;
}
