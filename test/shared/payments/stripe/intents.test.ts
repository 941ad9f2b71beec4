import type Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { declined } from '../../../../shared/payments/stripe/declines.ts';
import { saidOf } from '../../../../shared/payments/stripe/intents.ts';

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

describe('a refusal', () => {
  it('has a word of ours, also where its code is a word that every object knows', () => {
    for (const code of ['constructor', '__proto__', 'toString', 'no such code'])
      expect(declined({ code, decline_code: code })).toMatchObject({ reason: 'card_refused' });
  });
});
