import type { Money } from '../money.ts';
import { PREPAID } from '../recharge/machine/payment.ts';
import { moneyOf, type Phase, type Recharge } from '../recharge/recharge.ts';

/** What a line of the books is about: money taken, money given back, or credits that a person had granted unpaid. */
export type MoveKind = 'charge' | 'refund' | 'not_charged';

/**
 * Why the reader of the books must look at a line:
 * - `paid_after_end`: the payment came after the recharge had ended, or was a second one. Nothing was granted for it.
 * - `amount_unknown`: a person said that it was paid, and nobody knows how much.
 */
export type Attention = 'paid_after_end' | 'amount_unknown';

/** Money that moved, or for once did not. */
export interface MoneyMove {
  kind: MoveKind;
  /** Unix milliseconds: when it became known, and never before the recharge was received. */
  at: number;
  /** Positive, also of a refund. Absent where none moved, or nobody knows how much. */
  money?: Money;
  /** The payment endpoint's reference of the payment or the refund. */
  ref?: string;
  /** The number of the charge. */
  attempt: number;
  attention?: Attention;
}

/** All the money that a recharge moved. One that took none has no move. */
export function movesOf(row: Recharge): MoneyMove[] {
  const money = moneyOf(row);
  const common = {
    attempt: row.attempt,
    ...(money === undefined ? { attention: 'amount_unknown' as const } : { money }),
  };
  const moves: MoneyMove[] = [];
  const add = (kind: MoveKind, at: number | undefined, ref: string | undefined) => {
    if (at !== undefined) moves.push({ kind, at, ...common, ...(ref === undefined ? {} : { ref }) });
  };
  if (row.prepaid) return notChargedOf(row);
  add('charge', paidAtOf(row), row.paymentRef);
  add('refund', refundedAtOf(row), row.refundRef);
  return [...moves, ...latePaymentsOf(row, common)];
}

/** The sign with which a line counts. */
export const signedMoney = ({ kind, money }: MoneyMove): Money | undefined =>
  money && { ...money, amount: kind === 'refund' ? -money.amount : money.amount };

const PAID: readonly Phase[] = ['granting', 'charged', 'refunding', 'completed', 'refunded'];

/** When the payment became known; undefined where none is. */
export function paidAtOf(row: Recharge): number | undefined {
  const inReview = row.phase === 'needs_review' && row.review !== 'charge_unknown';
  if (row.prepaid || !(inReview || PAID.includes(row.phase))) return undefined;
  return knownAt(row, row.paidAt, ['paid', 'confirm-charged']);
}

/** When it became known that the money was given back; undefined where it was not. */
export function refundedAtOf(row: Recharge): number | undefined {
  if (row.prepaid || !(row.phase === 'refunded' || row.goodwillRefund === 'refunded')) return undefined;
  return knownAt(row, row.refundedAt, ['refunded', 'confirm-refunded']);
}

/** When the credits were granted; undefined where they were not, or a long history has lost it. */
export function grantedAtOf(row: Recharge): number | undefined {
  if (row.phase !== 'completed') return undefined;
  return row.history.findLast(({ event }) => event === 'granted' || event === 'confirm-granted')?.at;
}

/**
 * An earlier version of the relay wrote times to the history alone. And the clock of the webhook that received a
 * recharge may be ahead of the one that paid it. At the end of a month it would then be in none: its day is not looked at.
 */
function knownAt(row: Recharge, written: number | undefined, events: string[]): number {
  const at = written ?? row.history.find(({ event }) => events.includes(event))?.at;
  return Math.max(row.receivedAt, at ?? row.receivedAt);
}

/** One that was given up without a grant is nothing at all. */
function notChargedOf(row: Recharge): MoneyMove[] {
  const began = row.history.find(({ event }) => event === PREPAID);
  if (began === undefined || row.phase === 'refunded') return [];
  return [{ kind: 'not_charged', at: Math.max(row.receivedAt, began.at), attempt: row.attempt }];
}

const LATE = /^attempt (\d+): (.*)$/s;

/** Real money for which nothing was granted. The alert `paid_after_end` asks a person to give it back. */
function latePaymentsOf(row: Recharge, common: { money?: Money; attempt: number }): MoneyMove[] {
  const late = row.history.filter(({ event }) => event === 'paid_late');
  return [...new Map(late.map((entry) => [entry.detail, entry])).values()].map(({ at, detail = '' }) => {
    const [, attempt = String(row.attempt), ref = detail] = LATE.exec(detail) ?? [];
    const move = {
      kind: 'charge',
      at: Math.max(row.receivedAt, at),
      ref,
      attention: 'paid_after_end',
    } as const;
    return { ...common, ...move, attempt: Number(attempt) };
  });
}
