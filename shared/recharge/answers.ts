import { record } from '../history.ts';
import { ended } from './machine/ends.ts';
import { asCompleted, asRefunding, isGivingBack } from './machine/goodwill.ts';
import { toCharged, toRefunding } from './machine/moves.ts';
import type { Moment } from './machine/outcome.ts';
import { awaitsCounterparty } from './machine/parties.ts';
import type { Policy } from './policy.ts';
import type { Recharge, ReviewReason } from './recharge.ts';

/** What a person may say of a recharge. An answer only writes the row; the worker moves the money. */
export const ANSWERS = [
  'confirm-charged',
  'confirm-not-charged',
  'confirm-granted',
  'confirm-not-granted',
  'retry-grant',
  'refund',
  'confirm-refunded',
] as const;
export type Answer = (typeof ANSWERS)[number];

/** What a person says with each answer, or wants. */
export const ANSWER_WORDS: Record<Answer, string> = {
  'confirm-charged': 'The money was taken',
  'confirm-not-charged': 'The money was not taken, and cannot be any more',
  'confirm-granted': 'The client has the credits',
  'confirm-not-granted': 'Nothing was granted',
  'retry-grant': 'Grant it at once, with all its tries',
  refund: 'Give the money back',
  'confirm-refunded': 'The money was given back',
};

const ANSWERS_FOR: Record<ReviewReason, readonly Answer[]> = {
  charge_unknown: ['confirm-charged', 'confirm-not-charged'],
  grant_unknown: ['confirm-granted', 'confirm-not-granted', 'refund'],
  grant_differs: ['confirm-granted', 'confirm-not-granted', 'refund'],
  grant_refused: ['retry-grant', 'confirm-granted', 'refund'],
  grant_expired: ['retry-grant', 'confirm-granted', 'refund'],
  refund_unknown: ['confirm-refunded', 'refund'],
  refund_failed: ['confirm-refunded', 'refund'],
};

/** The answers this row takes (some only from `settlesAt` on). Empty where nobody is asked. */
export function answersFor(row: Recharge): readonly Answer[] {
  // Its own next try may be a day away, and the person who bought credits knows better.
  if (row.phase === 'charged') return ['retry-grant', 'confirm-granted', 'refund'];
  if (row.review) return ANSWERS_FOR[row.review];
  // Nobody who is configured can say what became of it.
  if (awaitsCounterparty(row)) {
    return row.phase === 'refunding' || isGivingBack(row) ? ['confirm-refunded'] : ANSWERS_FOR.charge_unknown;
  }
  return [];
}

/**
 * Before this time a person's "not granted", or "not charged", may be true and become false: the request that got no
 * answer can still be on its way. Undefined where there is nothing to wait for.
 */
export function settlesAt(
  row: Recharge,
  { policy }: { policy: Pick<Policy, 'settleMs' | 'notFoundFinalMs'> },
): number | undefined {
  if (waitingAnswers(row).length === 0) return undefined;
  if (row.review === undefined) return row.attemptStartedAt + policy.notFoundFinalMs;
  return row.grantDeadline === undefined ? undefined : row.grantDeadline + policy.settleMs;
}

/** The answers that must not be given before the grant, or the charge, has settled. */
export function waitingAnswers(row: Recharge): readonly Answer[] {
  if (row.review === 'grant_unknown') return ['confirm-not-granted', 'refund'];
  if (row.review === 'grant_differs') return ['confirm-not-granted'];
  // Asked before its time, since its endpoint is not configured any more.
  const isOpen = row.phase === 'received' || row.phase === 'charge_pending';
  return isOpen && awaitsCounterparty(row) ? ['confirm-not-charged'] : [];
}

/** What a row that settles waits for. */
export const stillOnItsWay = ({ review }: Recharge) => (review === undefined ? 'charge' : 'grant');

/** The command line does not know the profile; the worker that looks does. */
const MAY_BE_LISTED = true;

/** What the history keeps of a detail. */
const MAX_NOTE_BYTES = 160;

/** @returns a sentence that says why a row cannot keep this note. */
export function faultOfNote(note: string, ifBlank: string): string | undefined {
  if (note.trim() === '') return ifBlank;
  return Buffer.byteLength(note) > MAX_NOTE_BYTES
    ? `Keep the note under ${MAX_NOTE_BYTES} bytes: the row holds it.`
    : undefined;
}

export interface Statement {
  answer: Answer;
  /** Why, and who says so: kept in the history. */
  note: string;
  /** The provider's reference, with `confirm-charged` only. */
  paymentRef?: string;
}

/**
 * What the row becomes by a person's answer, or a sentence that says why not. Releases no reserved
 * amount: only a provider's word does.
 */
export function applyAnswer(
  row: Recharge,
  statement: Statement,
  at: Pick<Moment, 'now' | 'policy'>,
): { next: Recharge } | { refused: string } {
  const refused = whyRefused(row, statement, at);
  if (refused !== undefined) return { refused };
  if (!isGivingBack(row)) return { next: answered(row, statement, at) };
  return { next: asCompleted(answered(asRefunding(row), statement, at), at, MAY_BE_LISTED) };
}

function answered(
  row: Recharge,
  { answer, note, paymentRef }: Statement,
  at: Pick<Moment, 'now' | 'policy'>,
): Recharge {
  const history = record(row, at, answer, note);
  const { reason: _, ...said } = { ...row, history };
  switch (answer) {
    case 'confirm-charged':
      return toCharged(
        { ...said, paidAt: at.now, ...(paymentRef === undefined ? {} : { paymentRef: paymentRef.trim() }) },
        at,
      );
    case 'confirm-not-charged':
      return ended({ ...said, phase: 'declined', reason: 'confirmed_not_charged' }, at, MAY_BE_LISTED);
    case 'confirm-granted':
      return ended({ ...said, phase: 'completed' }, at, MAY_BE_LISTED);
    case 'confirm-not-granted':
    case 'retry-grant':
      return toCharged(said, at);
    case 'refund':
      // Nothing was charged, so there is nobody to ask: that it was not granted is all there is to say.
      if (row.prepaid) {
        const given = { ...said, phase: 'refunded', refundStartedAt: at.now } as const;
        return ended(given, at, MAY_BE_LISTED);
      }
      return toRefunding(said, at);
    case 'confirm-refunded':
      return ended({ ...said, phase: 'refunded', refundedAt: at.now }, at, MAY_BE_LISTED);
  }
}

const GIVE_BACK = ' To give its money back: recharges refund.';

function whyRefused(
  row: Recharge,
  { answer, note, paymentRef }: Statement,
  at: Pick<Moment, 'now' | 'policy'>,
): string | undefined {
  const possible = answersFor(row);
  if (possible.length === 0) {
    return `Recharge ${row.key} is ${row.phase}: nobody needs to answer for it.${row.phase === 'completed' ? GIVE_BACK : ''}`;
  }
  if (!possible.includes(answer)) {
    return `"${answer}" is no answer to ${row.review ?? row.phase}. Possible: ${possible.join(', ')}.`;
  }
  const fault = faultOfNote(note, 'Say in --note what you looked at and what you saw.');
  if (fault !== undefined) return fault;
  if (paymentRef !== undefined && paymentRef.length > 255)
    return 'A payment reference has at most 255 characters.';
  if (answer === 'confirm-charged' && !paymentRef?.trim()) {
    return 'Give the payment you found at the provider with --payment-ref.';
  }
  if (answer !== 'confirm-charged' && paymentRef !== undefined) {
    return `--payment-ref goes with confirm-charged only, not with ${answer}.`;
  }
  const settled = settlesAt(row, at);
  if (settled !== undefined && at.now < settled && waitingAnswers(row).includes(answer)) {
    return `The ${stillOnItsWay(row)} may still arrive until ${new Date(settled).toISOString()}: look again after that, then answer.`;
  }
  return undefined;
}
