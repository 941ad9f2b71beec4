import type Stripe from 'stripe';
import type { PaymentMethod } from '../payment-method.ts';

/** Under this name the metadata of a page for saving a card, and of what comes of it, hold the client's email. */
export const CLIENT = 'relay_client';

/**
 * What is kept of a saved card or bank account: enough to charge it, to show it, and to know it again.
 * Source: docs.stripe.com/api/payment_methods/object. Its fingerprint stays the same however often a card is saved.
 */
export function savedMeansOf(method: Stripe.PaymentMethod): PaymentMethod {
  const { id, type, card } = method;
  const bank = method.sepa_debit ?? method.us_bank_account ?? method.bacs_debit;
  const shown = card ?? bank;
  const expires = card && `${card.exp_year}-${String(card.exp_month).padStart(2, '0')}`;
  return {
    id,
    type,
    ...(card ? { brand: card.brand } : {}),
    ...(shown?.last4 ? { last4: shown.last4 } : {}),
    ...(expires ? { expires } : {}),
    ...(shown?.fingerprint ? { fingerprint: shown.fingerprint } : {}),
  };
}

/** The client whose customer this is, as far as Stripe knows: by our mark, else by the email. */
export const clientOf = ({
  metadata,
  email,
}: Pick<Stripe.Customer, 'metadata' | 'email'>): string | undefined =>
  metadata[CLIENT] ?? email?.trim().toLowerCase();
