import Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { NoReplyError } from '../../../../shared/payments/stripe/client.ts';
import { failureOf, silenceOf } from '../../../../shared/payments/stripe/errors.ts';

const NOW = Date.UTC(2026, 0, 5, 12);

interface Said {
  statusCode?: number;
  code?: string;
  type?: Stripe.StripeRawError['type'];
  message?: string;
  headers?: Record<string, string>;
}
const errorOf = ({ type = 'invalid_request_error', message = 'No such thing.', ...said }: Said) =>
  Stripe.errors.StripeError.generate({ type, message, ...said } as Stripe.StripeRawError);
const failed = (said: Said) => failureOf(errorOf(said), NOW);

describe('a call of Stripe', () => {
  it.each([
    ['not_sent', { kind: 'not_attempted', detail: 'not sent: refused' }],
    ['no_answer', { kind: 'unknown', detail: 'no answer: refused' }],
  ] as const)('without a reply (%s) is what is known of its bytes', (kind, outcome) => {
    const cause = new NoReplyError({ kind, detail: 'refused' });
    const error = new Stripe.errors.StripeConnectionError({ message: 'x', detail: cause } as never);
    expect(failureOf(error, NOW)).toEqual(outcome);
  });

  it.each<[string, Said, string]>([
    [
      'its limit of calls',
      { statusCode: 429, code: 'rate_limit', type: 'rate_limit_error' as never },
      'status 429 rate_limit',
    ],
    ['a limit it does not name', { statusCode: 429 }, 'status 429'],
    ['a lock', { statusCode: 409, code: 'lock_timeout' }, 'status 409 lock_timeout'],
    [
      'its limit under another status',
      { statusCode: 400, code: 'rate_limit', message: '' },
      'status 400 rate_limit',
    ],
  ])('that met %s did nothing', (_, said, detail) => {
    expect(failed(said)).toStrictEqual({ kind: 'not_attempted', detail });
    expect(failed({ ...said, headers: { 'retry-after': '2' } })).toEqual({
      kind: 'not_attempted',
      detail,
      retryAfterMs: 2_000,
    });
  });

  it.each([401, 403])('whose key was refused (%i) did nothing, and no word of that is kept', (statusCode) => {
    expect(failed({ statusCode, message: 'Invalid API Key: rk_test_***' })).toEqual({
      kind: 'not_attempted',
      detail: `status ${statusCode}`,
      misconfigured: true,
    });
  });

  it.each([400, 404])('that was refused as it is set up (%i) says in Stripe’s words why', (statusCode) => {
    expect(failed({ statusCode, code: 'parameter_unknown' })).toEqual({
      kind: 'not_attempted',
      detail: `status ${statusCode} parameter_unknown No such thing.`,
      misconfigured: true,
    });
    expect(failed({ statusCode, message: 'x'.repeat(200) })).toMatchObject({
      detail: `status ${statusCode} ${'x'.repeat(139)}`,
    });
  });

  /** docs.stripe.com/error-codes */
  it.each(
    [
      ['resource_missing', 'amount_too_small', 'amount_too_large', 'payment_method_unactivated'],
      ['payment_method_unexpected_state', 'payment_method_invalid_parameter'],
      ['payment_method_customer_decline', 'payment_method_provider_decline'],
      ['payment_method_unsupported_type', 'payment_method_currency_mismatch'],
      ['customer_max_payment_methods', 'card_decline_rate_limit_exceeded'],
    ].flat(),
  )('that was refused for what is the client’s is not to be mended by the agency: %s', (code) => {
    const detail = `status 400 ${code} No such thing.`;
    expect(failed({ statusCode: 400, code })).toEqual({ kind: 'invalid', code, detail });
  });

  it.each<[string, Said, string]>([
    [
      'whose key was used for another call',
      { statusCode: 400, type: 'idempotency_error' },
      'status 400 No such thing.',
    ],
    [
      'whose key is in use',
      { statusCode: 409, code: 'idempotency_key_in_use' },
      'status 409 idempotency_key_in_use',
    ],
    ['that failed at Stripe', { statusCode: 500, type: 'api_error' }, 'status 500'],
    ['without a status', { type: 'api_error' }, 'status none'],
    ['of a status that says nothing', { statusCode: 418, code: 'x' }, 'status 418 x'],
  ])('%s may have been executed', (_, said, detail) => {
    expect(failed(said)).toEqual({ kind: 'unknown', detail });
  });
});

describe('a question to Stripe', () => {
  it.each<[string, Said, object]>([
    [
      'of something it does not know is the agency’s to mend',
      { statusCode: 404, code: 'resource_missing' },
      { detail: 'status 404 resource_missing No such thing.', misconfigured: true },
    ],
    [
      'with a refused key is the agency’s to mend',
      { statusCode: 401 },
      { detail: 'status 401', misconfigured: true },
    ],
    ['that met a limit is to be asked again', { statusCode: 429 }, { detail: 'status 429' }],
    [
      'that failed at Stripe is to be asked again',
      { statusCode: 503, type: 'api_error' },
      { detail: 'status 503' },
    ],
  ])('%s: nothing is known', (_, said, outcome) => {
    expect(silenceOf(errorOf(said), NOW)).toEqual({ kind: 'unknown', ...outcome });
  });
});
