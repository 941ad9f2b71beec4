import { createHttpPaymentHook } from './http-payment-hook.ts';
import type { PaymentHook } from './payment-hook.ts';
import type { PaymentSettings } from './settings.ts';
import { createStripePaymentHook, type StripePaymentHookOptions } from './stripe/payment-hook.ts';

/** A charge's own deadline leaves time for one lookup after it. */
const STRIPE_TIMEOUT_MS = 15_000;

export interface HookOptions extends Pick<StripePaymentHookOptions, 'live' | 'pageFor' | 'now'> {
  /** Read before every call. What is not set is absent. */
  secrets: { get(): Promise<{ paymentHook?: string; stripeKey?: string }> };
  /** For one call. */
  timeoutMs: number;
}

/** The payment hook that the configuration names. */
export function paymentHookOf(
  payment: PaymentSettings,
  { secrets, timeoutMs, live, pageFor, now }: HookOptions,
): PaymentHook {
  if (payment.type === 'http') {
    // An absent secret is a blank one: the hook says so in its own outcomes.
    const secret = async () => (await secrets.get()).paymentHook ?? '';
    return createHttpPaymentHook({ url: payment.url, secret, timeoutMs, now });
  }
  const { receipts, descriptorSuffix, apiUrl } = payment;
  return createStripePaymentHook({
    secret: async () => (await secrets.get()).stripeKey ?? '',
    live,
    timeoutMs: Math.min(timeoutMs, STRIPE_TIMEOUT_MS),
    receipts,
    pageFor,
    now,
    ...(descriptorSuffix === undefined ? {} : { descriptorSuffix }),
    ...(apiUrl === undefined ? {} : { apiUrl }),
  });
}
