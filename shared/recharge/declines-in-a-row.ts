import { type Account, cardOf } from './account.ts';
import type { GuardSettings } from './guard.ts';
import { type Recharge, reservationNameOf } from './recharge.ts';

/**
 * Payments of a client that were declined one after the other. A card that was refused three times will not pay the fourth
 * time, and card networks count and fine those who go on trying. So the client is suspended until they save another card,
 * or an operator enables them.
 */

/**
 * The ends of a payment, in the closed list of their words, that say nothing of the card: it was not asked, or not let go
 * on, or its bank could not be reached. Every other word is a decline, also one of the agency's own endpoint.
 */
const NO_DECLINE: readonly string[] = [
  'expired',
  'stopped',
  'cancelled',
  'not_confirmed',
  'refunded',
  'refunded_at_provider',
  'amount_not_possible',
  'bank_unavailable',
];

/**
 * The account with a decline counted, and suspended where that was the last one it may have in a row. One whose card was
 * replaced meanwhile is not counted: it says nothing of the card that is saved now.
 *
 * @param account with the attempt just released, which happens once.
 * @param now Unix milliseconds.
 */
export function withDecline(
  account: Account,
  recharge: Recharge,
  { suspendAfterDeclines }: Pick<GuardSettings, 'suspendAfterDeclines'>,
  now: number,
): Account {
  const { paymentMethod, status, declines: before } = account;
  const entry = account.reservations[reservationNameOf(recharge)];
  if (entry?.state !== 'released' || NO_DECLINE.includes(entry.reason)) return account;
  if (entry.paymentMethod !== paymentMethod?.id) return account;
  const card = paymentMethod && cardOf(paymentMethod);
  const times = before?.card === card ? (before?.times ?? 0) + 1 : 1;
  const { suspendedFor } = before ?? {};
  const declines = {
    times,
    ...(card === undefined ? {} : { card }),
    ...(suspendedFor === undefined ? {} : { suspendedFor }),
  };
  const counted = { ...account, declines };
  const isEnough = suspendAfterDeclines > 0 && times >= suspendAfterDeclines;
  if (!isEnough || status === 'suspended' || status === 'disabled') return counted;
  const note = `${times} ${times === 1 ? 'decline' : 'declines in a row'}: ${entry.reason}`;
  return { ...counted, status: 'suspended', statusChange: { at: now, note, forDeclines: true } };
}

/**
 * The account counted anew, where the client's last recharge was paid. Their next reservation writes it, for that reads the
 * last recharge anyway: so what is paid costs no write of its own.
 */
export function withoutDeclinesBefore(account: Account, last: Recharge | undefined): Account {
  const wasPaid = (last?.phase === 'completed' || last?.phase === 'refunded') && !last.prepaid;
  if (!wasPaid) return account;
  const { declines: _, ...counted } = account;
  return counted;
}
