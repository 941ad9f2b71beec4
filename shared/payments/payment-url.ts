import type { PaymentSettings } from './settings.ts';
import { STRIPE_API } from './stripe/api.ts';

/** Where payments are asked for. */
export const paymentUrlOf = (payment: PaymentSettings): string =>
  payment.type === 'stripe' ? (payment.apiUrl ?? STRIPE_API) : payment.url;
