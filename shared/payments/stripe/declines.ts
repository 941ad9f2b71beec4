import type Stripe from 'stripe';
import type { DeclineWord } from '../declines.ts';
import type { Declined } from '../payment-hook.ts';

/**
 * Stripe's codes in our words. Sources: docs.stripe.com/declines/codes (cards) and docs.stripe.com/error-codes (other
 * means of payment). A code that stands in neither list, such as `constructor`, is the card's general refusal.
 */
const WORDS = new Map<string, DeclineWord>([
  ['insufficient_funds', 'insufficient_funds'],
  ['withdrawal_count_limit_exceeded', 'limit_exceeded'],
  ['card_velocity_exceeded', 'limit_exceeded'],
  ['expired_card', 'expired_card'],
  ['incorrect_number', 'card_details_wrong'],
  ['invalid_number', 'card_details_wrong'],
  ['incorrect_cvc', 'card_details_wrong'],
  ['invalid_cvc', 'card_details_wrong'],
  ['incorrect_zip', 'card_details_wrong'],
  ['incorrect_address', 'card_details_wrong'],
  ['invalid_expiry_month', 'card_details_wrong'],
  ['invalid_expiry_year', 'card_details_wrong'],
  ['card_not_supported', 'card_not_supported'],
  ['currency_not_supported', 'card_not_supported'],
  ['issuer_not_available', 'bank_unavailable'],
  ['processing_error', 'bank_unavailable'],
  ['try_again_later', 'bank_unavailable'],
  ['authentication_required', 'authentication_failed'],
  ['payment_intent_authentication_failure', 'authentication_failed'],
  ['authentication_not_handled', 'authentication_failed'],
  ['bank_account_unusable', 'account_closed'],
  ['account_closed', 'account_closed'],
  ['no_account', 'account_closed'],
  ['debit_not_authorized', 'debit_not_authorized'],
  ['charge_exceeds_source_limit', 'limit_exceeded'],
  ['amount_too_small', 'amount_not_possible'],
  ['amount_too_large', 'amount_not_possible'],
]);

/**
 * The refusals that may pass by themselves. All others stay until the client or the bank does something, and networks fine
 * those who try such cards again.
 */
const MAY_PASS: readonly string[] = [
  'insufficient_funds',
  'issuer_not_available',
  'processing_error',
  'try_again_later',
  'reenter_transaction',
  'withdrawal_count_limit_exceeded',
  'card_velocity_exceeded',
];

/** Mastercard's merchant advice codes that forbid another try: 03 do not try again, 21 stop recurring payment. */
const FORBID: readonly string[] = ['03', '21'];

/**
 * Response codes that Visa counts as "issuer will never approve", and fines after the first further try: lost, stolen and
 * closed cards, wrong numbers, stopped payments. Other networks use the same numbers for the same.
 * Source: checkout.com/docs/developer-resources/codes/visa-response-codes, category 1.
 */
const NEVER_APPROVED: readonly string[] = '04 07 12 14 15 41 43 46 57 R0 R1 R3'.split(' ');

/** What Stripe says of a try that its bank did not let through. */
export type CardError = Pick<
  Stripe.PaymentIntent.LastPaymentError,
  'code' | 'decline_code' | 'advice_code' | 'network_advice_code' | 'network_decline_code'
>;

/** @param error what Stripe says of the last try; where it says nothing, it is a general refusal. */
export function declined(error: CardError | null | undefined): Declined {
  const code = error?.decline_code ?? error?.code ?? '';
  return { kind: 'declined', reason: wordOf(error), retryable: mayBeTriedAgain(error, code) };
}

const wordOf = (error: CardError | null | undefined): DeclineWord =>
  WORDS.get(error?.decline_code ?? '') ?? WORDS.get(error?.code ?? '') ?? 'card_refused';

function mayBeTriedAgain(error: CardError | null | undefined, code: string): boolean {
  const { advice_code: advice, network_advice_code: network, network_decline_code: response } = error ?? {};
  if (FORBID.includes(network ?? '') || NEVER_APPROVED.includes(response ?? '')) return false;
  if (advice === 'do_not_try_again' || advice === 'confirm_card_data') return false;
  return advice === 'try_again_later' || MAY_PASS.includes(code);
}
