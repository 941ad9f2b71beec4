import type Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import type { Money } from '../../../../shared/money.ts';
import { declined } from '../../../../shared/payments/stripe/declines.ts';
import {
  CHARGE_ID,
  isStripeId,
  LEDGER_TABLE,
  RECHARGE_KEY,
  REFUND_ID,
  saidOf,
} from '../../../../shared/payments/stripe/intents.ts';

const MONEY = { amount: 5_000, currency: 'USD' };
const intent = (given: object) =>
  ({ id: 'pi_1', status: 'succeeded', amount: 5_000, currency: 'usd', ...given }) as Stripe.PaymentIntent;

describe('what an answer says of a payment', () => {
  it('is nothing where it does not name the payment: it could not be looked up again, nor given back', () => {
    expect(saidOf(intent({}), MONEY)).toEqual({ kind: 'paid', paymentRef: 'pi_1' });
    for (const id of [null, undefined, '', 7, ' ', 'x'.repeat(256)]) {
      expect(saidOf(intent({ id }), MONEY)).toMatchObject({ kind: 'unknown', misconfigured: true });
    }
  });
});

describe('a payment', () => {
  const said = (given: object, money: Money | undefined = MONEY) => saidOf(intent(given), money);
  const unusable = (detail: string) => ({ kind: 'unknown', detail, misconfigured: true });
  const REFUSED = { code: 'card_declined', decline_code: 'insufficient_funds' };

  it.each<[string, object, object]>([
    ['that succeeded is paid', { status: 'succeeded' }, { kind: 'paid', paymentRef: 'pi_1' }],
    ['that is being processed waits', { status: 'processing' }, { kind: 'processing' }],
    ['whose bank has a page waits for the client', { status: 'requires_action' }, { kind: 'act' }],
    [
      'whose bank wants to see the client waits for them',
      { status: 'requires_payment_method', last_payment_error: { code: 'authentication_required' } },
      { kind: 'act' },
    ],
    [
      'declined with the word that the bank wants to see the client waits for them',
      {
        status: 'requires_payment_method',
        last_payment_error: { code: 'card_declined', decline_code: 'authentication_required' },
      },
      { kind: 'act' },
    ],
    [
      'that was refused is declined, with the last reason',
      { status: 'requires_payment_method', last_payment_error: REFUSED },
      { kind: 'declined', reason: 'insufficient_funds', retryable: true },
    ],
    [
      'that was refused without a reason is declined',
      { status: 'requires_payment_method', last_payment_error: null },
      { kind: 'declined', reason: 'card_refused', retryable: false },
    ],
    [
      'that we cancelled was not confirmed',
      { status: 'canceled', cancellation_reason: 'abandoned' },
      { kind: 'declined', reason: 'not_confirmed', retryable: false },
    ],
    [
      'that somebody else cancelled was cancelled',
      { status: 'canceled', cancellation_reason: 'requested_by_customer' },
      { kind: 'declined', reason: 'cancelled', retryable: false },
    ],
    [
      'that waits for a capture is none of ours',
      { status: 'requires_capture' },
      unusable('pi_1 is requires_capture, which a charge of ours never is'),
    ],
    [
      'that waits for a confirmation is none of ours',
      { status: 'requires_confirmation' },
      unusable('pi_1 is requires_confirmation, which a charge of ours never is'),
    ],
    [
      'of a status that is new says nothing',
      { status: 'new' },
      unusable('pi_1 has the status new, which is not known here'),
    ],
    [
      'of another amount is not believed',
      { amount: 4_999 },
      unusable('pi_1 is about 4999 usd, and another amount was asked for'),
    ],
    [
      'of another currency is not believed',
      { currency: 'eur' },
      unusable('pi_1 is about 5000 eur, and another amount was asked for'),
    ],
    [
      'that has no id cannot be found again',
      { id: null },
      unusable('an answer about a payment without an id'),
    ],
  ])('%s', (_, given, outcome) => {
    expect(said(given)).toEqual(outcome);
  });

  it('is believed whatever its amount where none is known', () => {
    expect(saidOf(intent({ amount: 1 }), undefined)).toEqual({ kind: 'paid', paymentRef: 'pi_1' });
  });

  it('that cannot be used is told in 150 characters', () => {
    expect(said({ status: 'x'.repeat(200) })).toMatchObject({
      detail: `pi_1 has the status ${'x'.repeat(130)}`,
    });
  });
});

it('the names in the metadata stay, for payments at Stripe bear them', () => {
  expect([CHARGE_ID, RECHARGE_KEY, LEDGER_TABLE, REFUND_ID]).toEqual([
    'relay_charge_id',
    'relay_recharge_key',
    'relay_table',
    'relay_refund_id',
  ]);
});

describe('an id of Stripe’s', () => {
  it('is up to 255 printable characters', () => {
    for (const id of ['pi_1', '~', '!'.repeat(255)]) expect(isStripeId(id)).toBe(true);
    for (const id of ['', ' pi_1', 'pi_1 ', 'pi_ü', 'x'.repeat(256), null, 7])
      expect(isStripeId(id)).toBe(false);
  });
});

describe('a refusal', () => {
  it('has the bank’s own word, else Stripe’s', () => {
    const word = (code: string, decline_code: string) => declined({ code, decline_code }).reason;
    expect(word('card_declined', 'expired_card')).toBe('expired_card');
    expect(word('expired_card', 'insufficient_funds')).toBe('insufficient_funds');
    expect(word('expired_card', 'generic_decline')).toBe('expired_card');
    expect(declined({ code: 'processing_error' })).toMatchObject({
      reason: 'bank_unavailable',
      retryable: true,
    });
    expect(declined({ code: 'processing_error', decline_code: 'lost_card' }).retryable).toBe(false);
    for (const nothing of [null, undefined])
      expect(declined(nothing)).toEqual({ kind: 'declined', reason: 'card_refused', retryable: false });
  });

  it('whose bank wanted to see a client who cannot be asked was not confirmed', () => {
    expect(declined({ code: 'authentication_required' })).toMatchObject({
      reason: 'authentication_failed',
      retryable: false,
    });
  });

  it('may pass where Stripe advises so, whatever the code', () => {
    const refused = { decline_code: 'do_not_honor', advice_code: 'try_again_later' };
    expect(declined(refused)).toEqual({ kind: 'declined', reason: 'card_refused', retryable: true });
    expect(declined({ ...refused, advice_code: 'no such advice' }).retryable).toBe(false);
  });

  it('has a word of ours, also where its code is a word that every object knows', () => {
    for (const code of ['constructor', '__proto__', 'toString', 'no such code'])
      expect(declined({ code, decline_code: code })).toMatchObject({ reason: 'card_refused' });
  });
});
