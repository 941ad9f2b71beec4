/**
 * Why a payment was declined, in a closed list of words. A hook that knows none of them says its own word. The sentence is
 * for the client: it says what they can do, and never that a card was reported stolen, which a thief should not learn.
 */
export const DECLINES = {
  insufficient_funds: 'The account behind the card did not have enough money.',
  limit_exceeded: 'The card has reached a limit. The bank can raise it.',
  expired_card: 'The card has expired. Please save another one.',
  card_details_wrong: 'The bank did not accept the details of the card. Please save the card again.',
  card_not_supported: 'The card cannot be used for this payment. Please save another one.',
  card_refused: 'The bank refused the card. Please save another one, or ask the bank.',
  bank_unavailable: 'The bank could not be reached.',
  account_closed: 'The bank account is closed. Please save another means of payment.',
  debit_not_authorized: 'The bank does not allow the debit. Please save another means of payment.',
  authentication_failed: 'The payment was not confirmed with the bank.',
  no_payment_method: 'No means of payment is saved.',
  payment_method_gone: 'The saved means of payment does not exist any more. Please save another one.',
  amount_not_possible: 'The amount cannot be charged.',
  not_confirmed: 'The payment was not confirmed in time, and was cancelled.',
  cancelled: 'The payment was cancelled.',
} as const;
export type DeclineWord = keyof typeof DECLINES;

const isKnown = (word: string | undefined): word is DeclineWord => Object.hasOwn(DECLINES, String(word));

/** For the client. */
export const sentenceOfDecline = (word?: string): string =>
  isKnown(word) ? DECLINES[word] : 'Your payment was declined. Please use another means of payment.';
