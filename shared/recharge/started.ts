import { createHash } from 'node:crypto';
import { record } from '../history.ts';
import { INSTEAD_OF, newRecharge, type Recharge, STARTED } from './recharge.ts';

/** What a person wants a client to have. */
export interface StartedOrder {
  key: string;
  email: string;
  credits: number;
  grantEmail?: string;
  /** Why, and who says so. */
  note: string;
  /** The recharge that ended without a payment, in whose place this one is. */
  insteadOf?: string;
}

/** The row of a recharge that a person starts: due at once, and from there on as any other. */
export function startedRecharge({ note, insteadOf, ...order }: StartedOrder, now: number): Recharge {
  const row = newRecharge(order, now, now);
  const started = record({ history: [] }, { now }, STARTED, note);
  const history =
    insteadOf === undefined ? started : record({ history: started }, { now }, INSTEAD_OF, insteadOf);
  return { ...row, history };
}

/** Noted on the recharge that was started again. */
export const STARTED_AGAIN = 'started_again';

/**
 * The same order in the same words has the same key. So a command that is given twice, because its answer got lost or
 * two people give it, is one recharge.
 */
export function startedKey({
  email,
  credits,
  note,
}: Pick<StartedOrder, 'email' | 'credits' | 'note'>): string {
  const words = JSON.stringify([email, credits, note.trim()]);
  return `op-${createHash('sha256').update(words).digest('hex').slice(0, 16)}`;
}

const AGAIN = /^op-[1-9]\d*-/;

/**
 * The key of the n-th recharge in the place of another. It is derived, so that of two starts at once the second finds
 * the first.
 */
export const againKey = (key: string, n: number) => `op-${n}-${key}`;

/** The key that was burnt first, where this one stands for it. */
export const firstKeyOf = (key: string) => key.replace(AGAIN, '');
