/**
 * Stripe's test cards and accounts, and what charging them does while the client is away.
 * Source: docs.stripe.com/testing (cards, declined payments, 3D Secure), docs.stripe.com/payments/sepa-debit.
 */
export type Behaviour =
  | { kind: 'pays' }
  /** The bank wants to see the client first, each time. `afterwards` is what becomes of the payment after that. */
  | { kind: 'asks_client'; afterwards: 'pays' | DeclineError }
  /** A debit that the bank decides about days later. */
  | { kind: 'processes' }
  | ({ kind: 'declines' } & DeclineError);

export interface DeclineError {
  code: string;
  decline_code?: string;
  advice_code?: string;
  network_advice_code?: string;
  network_decline_code?: string;
}

const declines = (decline_code: string, advice_code?: string): Behaviour => ({
  kind: 'declines',
  code: 'card_declined',
  decline_code,
  ...(advice_code === undefined ? {} : { advice_code }),
});

interface TestMeans {
  type: 'card' | 'sepa_debit';
  brand?: string;
  behaviour: Behaviour;
}

const visa = (behaviour: Behaviour): TestMeans => ({ type: 'card', brand: 'visa', behaviour });

export const TEST_MEANS: Record<string, TestMeans> = {
  '4242424242424242': visa({ kind: 'pays' }),
  '5555555555554444': { type: 'card', brand: 'mastercard', behaviour: { kind: 'pays' } },
  '4000000000000341': visa(declines('generic_decline', 'try_again_later')),
  '4000000000009995': visa(declines('insufficient_funds', 'try_again_later')),
  '4000000000009987': visa(declines('lost_card', 'do_not_try_again')),
  '4000000000000069': visa({
    kind: 'declines',
    code: 'expired_card',
    decline_code: 'expired_card',
    advice_code: 'do_not_try_again',
  }),
  '4000000000000119': visa({ kind: 'declines', code: 'processing_error', decline_code: 'processing_error' }),
  '4000002760003184': visa({ kind: 'asks_client', afterwards: 'pays' }),
  '4000008260003178': visa({
    kind: 'asks_client',
    afterwards: { code: 'card_declined', decline_code: 'insufficient_funds', advice_code: 'try_again_later' },
  }),
  DE89370400440532013000: { type: 'sepa_debit', behaviour: { kind: 'processes' } },
};
