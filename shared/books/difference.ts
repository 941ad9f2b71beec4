import type { Money } from '../money.ts';

/** All ways in which the books of two sides can differ, each with what it means. Programs know the words: they stay. */
export const DIFFERENCES = {
  payment_unknown_here: 'The provider has taken money for a recharge that is not in this ledger.',
  payment_not_booked: 'The provider has taken money that the ledger does not count as paid.',
  payment_missing: 'The ledger has a payment that the provider does not have.',
  payment_differs: 'The provider says something else of a payment than the ledger.',
  payment_amount_unknown: 'A person has confirmed a payment, and the ledger does not know its amount.',
  refund_not_booked: 'The provider has given money back, and the ledger does not know of it.',
  refund_missing: 'The ledger has a refund that the provider does not have.',
  payment_disputed: "A client's bank has taken the money of a payment back.",
  grant_missing: 'The ledger has a grant that the platform does not list.',
  grant_twice: 'The platform lists more than one grant of a recharge.',
  grant_differs: 'The platform lists a grant of other credits, or to another client.',
  grant_not_booked: 'The platform lists a grant that the ledger does not count as made.',
  grant_unknown_here: 'The platform lists a grant of a recharge that is not in this ledger.',
} as const;
export type DifferenceWord = keyof typeof DIFFERENCES;

const isWord = (word: string): word is DifferenceWord => word in DIFFERENCES;
export const DIFFERENCE_WORDS: readonly DifferenceWord[] = Object.keys(DIFFERENCES).filter(isWord);

export interface Difference {
  word: DifferenceWord;
  /** The recharge. */
  key?: string;
  /** The client. */
  email?: string;
  /** What to look for on the other side: a payment, a refund, a dispute, a grant mark. */
  ref: string;
  /** What the ledger has, and what the other side has, each for people. */
  ledger: string;
  there: string;
  /** How much more money the provider has kept than the ledger says; negative where it is less. Absent where that is not known. */
  more?: Money;
  /** What a person can do, in sentences. Nothing is repaired by itself. */
  todo: string;
}

/** Whether it is about a grant: the platform's side, and not the provider's. */
export const isOfPlatform = ({ word }: Pick<Difference, 'word'>) => word.startsWith('grant_');
