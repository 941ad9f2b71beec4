import type { PaymentHook } from './payment-hook.ts';
import type { PaymentSettings } from './settings.ts';
import type { StripePaymentHookOptions } from './stripe/payment-hook.ts';

/** A charge's own deadline leaves time for one lookup after it. */
const STRIPE_TIMEOUT_MS = 15_000;

export interface HookOptions extends Pick<StripePaymentHookOptions, 'live' | 'pageFor' | 'table' | 'now'> {
  /** Read before every call. What is not set is absent. */
  secrets: { get(): Promise<{ paymentHook?: string; stripeKey?: string }> };
  /** For one call. */
  timeoutMs: number;
}

/** The payment hook that the configuration names. Its code, and not the other's, is loaded with the first call. */
export function paymentHookOf(payment: PaymentSettings, options: HookOptions): PaymentHook {
  let loading: Promise<PaymentHook> | undefined;
  const hook = () => {
    loading ??= loadHook(payment, options);
    return loading;
  };
  return {
    prepareCharge: async (request) => (await hook()).prepareCharge(request),
    lookup: async (reference) => (await hook()).lookup(reference),
    cancel: async (reference) => (await hook()).cancel(reference),
    refund: async (request) => (await hook()).refund(request),
    ...(payment.type === 'stripe'
      ? {
          async confirm(request) {
            const { confirm } = await hook();
            if (confirm === undefined) throw new Error('Bug! Stripe confirms payments.');
            return confirm(request);
          },
        }
      : {}),
  };
}

async function loadHook(
  payment: PaymentSettings,
  { secrets, timeoutMs, live, pageFor, table, now }: HookOptions,
): Promise<PaymentHook> {
  if (payment.type === 'http') {
    const { createHttpPaymentHook } = await import('./http-payment-hook.ts');
    // An absent secret is a blank one: the hook says so in its own outcomes.
    const secret = async () => (await secrets.get()).paymentHook ?? '';
    return createHttpPaymentHook({ url: payment.url, secret, timeoutMs, now });
  }
  const { createStripePaymentHook } = await import('./stripe/payment-hook.ts');
  const { receipts, descriptorSuffix, apiUrl } = payment;
  return createStripePaymentHook({
    secret: async () => (await secrets.get()).stripeKey ?? '',
    live,
    timeoutMs: Math.min(timeoutMs, STRIPE_TIMEOUT_MS),
    receipts,
    pageFor,
    table,
    now,
    ...(descriptorSuffix === undefined ? {} : { descriptorSuffix }),
    ...(apiUrl === undefined ? {} : { apiUrl }),
  });
}
