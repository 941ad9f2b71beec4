import type { PaymentSettings } from '../shared/payments/settings.ts';

/** `endpoint`: the agency's own, or the sandbox's. `stripe`: Stripe in test mode, or the sandbox's. */
export const PAYMENTS_KINDS = ['endpoint', 'stripe'] as const;
export type PaymentsKind = (typeof PAYMENTS_KINDS)[number];

/** What the configuration calls it. */
export const PAYMENT_TYPES = {
  endpoint: 'http',
  stripe: 'stripe',
} as const satisfies Record<PaymentsKind, PaymentSettings['type']>;

/** Whether the environment names who takes the money, instead of the sandbox. */
export const namesPayments = (
  { PAYMENT_HOOK_URL, STRIPE_KEY }: NodeJS.ProcessEnv,
  kind: PaymentsKind,
): boolean => (kind === 'stripe' ? STRIPE_KEY : PAYMENT_HOOK_URL) !== undefined;
