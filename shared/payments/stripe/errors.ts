import type Stripe from 'stripe';
import { retryAfterMs } from '../../http.ts';
import type { NotAttempted, Unknown } from '../payment-hook.ts';
import { NoReplyError } from './client.ts';
import { unusable } from './intents.ts';

/** What an error of Stripe's says of one call, where it says nothing of the payment itself. */
export type Failure =
  | NotAttempted
  | Unknown
  /** Refused before anything was done, for what it asks: this customer, this means of payment, this amount. */
  | { kind: 'invalid'; code: string; detail: string };

/**
 * What is refused for the client's data, and not for how the relay is set up. Source: docs.stripe.com/error-codes.
 */
const OF_THE_CLIENT: readonly string[] = [
  'resource_missing',
  'amount_too_small',
  'amount_too_large',
  'payment_method_unactivated',
  'payment_method_unexpected_state',
  'payment_method_invalid_parameter',
  'payment_method_customer_decline',
  'payment_method_provider_decline',
  'payment_method_unsupported_type',
  'payment_method_currency_mismatch',
  'customer_max_payment_methods',
  'card_decline_rate_limit_exceeded',
];

/**
 * Reads an error of Stripe's client. A card's refusal (402) is no failure of the call, and not read here.
 *
 * - 429, and 409 `lock_timeout`: Stripe's limits and locks stand before the execution, and nothing was done.
 * - `idempotency_key_in_use` (409), the same key with other parameters, 5xx: what became of the payment is not known.
 * - 401, 403: the key; no other 4xx is executed.
 *
 * Source: docs.stripe.com/error-low-level and /api/idempotent_requests.
 *
 * @param now Unix milliseconds.
 */
export function failureOf(error: Stripe.errors.StripeError, now: number): Failure {
  const { detail: cause, statusCode, code = '', type, headers, message } = error;
  if (cause instanceof NoReplyError) {
    const { kind, detail } = cause.reply;
    return kind === 'not_sent'
      ? { kind: 'not_attempted', detail: `not sent: ${detail}` }
      : { kind: 'unknown', detail: `no answer: ${detail}` };
  }
  const isRefused = statusCode === 400 || statusCode === 404;
  // Of the key and the server we keep no words: they may quote a part of the key.
  const words = [`status ${statusCode ?? 'none'}`, code, isRefused ? message : ''];
  const detail = words
    .filter((word) => word !== '')
    .join(' ')
    .slice(0, 150);
  if (type === 'StripeIdempotencyError') return { kind: 'unknown', detail };
  if (statusCode === 429 || code === 'rate_limit' || code === 'lock_timeout') {
    const wait = headers === undefined ? undefined : retryAfterMs(headers, now);
    return { kind: 'not_attempted', detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
  }
  if (statusCode === 401 || statusCode === 403) return { kind: 'not_attempted', detail, misconfigured: true };
  if (isRefused) {
    return OF_THE_CLIENT.includes(code)
      ? { kind: 'invalid', code, detail }
      : { kind: 'not_attempted', detail, misconfigured: true };
  }
  return { kind: 'unknown', detail };
}

/** The same, of a call that only asks. */
export function silenceOf(error: Stripe.errors.StripeError, now: number): Unknown {
  const failure = failureOf(error, now);
  if (failure.kind === 'invalid') return unusable(failure.detail);
  const misconfigured = failure.misconfigured ? { misconfigured: true } : {};
  return { kind: 'unknown', detail: failure.detail, ...misconfigured };
}
