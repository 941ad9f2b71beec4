import * as z from 'zod';
import { toMinorUnits } from '../shared/money.ts';
import type { ListedRecharge } from '../shared/recharge/dynamo-rows.ts';
import {
  isFinished,
  moneyOf,
  PHASES,
  type Phase,
  REFUSALS,
  REVIEW_REASONS,
  type Recharge,
} from '../shared/recharge/recharge.ts';
import { OperateError } from './error.ts';
import { isOwnId, matchOfListed, matchOfRow } from './reference.ts';

/** Which recharges are wanted. All that is given must be true of one. */
export interface RechargeFilter {
  /** First and last UTC day on which it was received: `2026-10-01`, or `7d` for seven days ago. */
  from?: string;
  to?: string;
  phase?: Phase;
  /** Of the review, the refusal or the decline. */
  reason?: string;
  /** As accounts are kept: in lower case. */
  email?: string;
  /** Bounds of the price, both included: decimal numbers in major units of its own currency, such as `49.90`. */
  min?: string;
  max?: string;
  /** Key, charge id, refund id, grant mark, payment or refund reference, or the beginning of one. */
  reference?: string;
}

/** An amount of money without its currency. */
export const amountSchema = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,4})?$/, 'an amount in major units, such as 50 or 49.90');

/** What a recharge may have ended or waits for, in our own words. */
export const OWN_REASONS: readonly string[] = [
  ...REVIEW_REASONS,
  ...REFUSALS,
  'expired',
  'confirmed_not_charged',
  'refunded_at_provider',
];

const refused = (sentence: string) => new OperateError('refused', sentence);

/**
 * @throws an OperateError, `refused`, if the filter can match nothing by a slip: an unknown word, bounds that exclude
 *   each other.
 */
export function checkFilter({ phase, reason, min, max, reference }: RechargeFilter): void {
  if (phase !== undefined && !PHASES.includes(phase))
    throw refused(`There is no phase "${phase}". There are: ${PHASES.join(', ')}.`);
  // What a payment endpoint declines with is its own word.
  if (reason !== undefined && phase !== 'declined' && !OWN_REASONS.includes(reason)) {
    throw refused(
      `There is no reason "${reason}". There are: ${OWN_REASONS.join(', ')}; and with the phase declined any word ` +
        'of the payment endpoint.',
    );
  }
  for (const amount of [min, max]) {
    const fault = amount === undefined ? undefined : amountSchema.safeParse(amount).error?.issues[0]?.message;
    if (fault !== undefined) throw refused(`"${amount}" is no amount: ${fault}.`);
  }
  if (min !== undefined && max !== undefined && Number(min) > Number(max))
    throw refused(`No amount is at least ${min} and at most ${max}.`);
  if (reference !== undefined && reference.length < SHORTEST_BEGINNING)
    throw refused(
      `"${reference}" is too short to look for: give at least ${SHORTEST_BEGINNING} characters of it.`,
    );
}

/** "pay" is the beginning of every payment reference. */
const SHORTEST_BEGINNING = 4;

/** Whether a row can be wanted, by its name alone. */
export function mayBeWanted(listed: ListedRecharge, { email, reference }: RechargeFilter): boolean {
  if (email !== undefined && listed.email !== email) return false;
  return reference === undefined || !isOwnId(reference) || matchOfListed(listed, reference) !== undefined;
}

/** Whether a row is wanted, except for when it was received. */
export function isWanted(row: Recharge, filter: RechargeFilter): boolean {
  const { email, phase, reason, min, max, reference } = filter;
  if (email !== undefined && row.email !== email) return false;
  if (phase !== undefined && row.phase !== phase) return false;
  if (reason !== undefined && reason !== (row.review ?? row.reason)) return false;
  if (reference !== undefined && !matchOfRow(row, reference)) return false;
  if (min === undefined && max === undefined) return true;
  const money = moneyOf(row);
  if (money === undefined || row.prepaid) return false;
  const { amount, currency } = money;
  return (
    (min === undefined || amount * FINE >= toMinorUnits(min, FINE, currency)) &&
    (max === undefined || amount * FINE <= toMinorUnits(max, FINE, currency))
  );
}

/** A bound may have four decimals, also of a currency that has none. It is not rounded. */
const FINE = 10_000;

/** Whether a row must be read to know whether it is wanted. */
export function hasRowConditions({ phase, reason, min, max, reference }: RechargeFilter): boolean {
  const needsRow = reference !== undefined && !isOwnId(reference);
  return needsRow || [phase, reason, min, max].some((condition) => condition !== undefined);
}

/** Whether all that can be wanted is unfinished, so that the index of what is due names it. */
export function isOfUnfinished({ phase, reason }: RechargeFilter): boolean {
  const ofReview = REVIEW_REASONS.some((word) => word === reason);
  return ofReview || (phase !== undefined && !isFinished({ phase }));
}
