import { describe, expect, it } from 'vitest';
import {
  CHARGE_ANSWERS,
  LOOKUP_ANSWERS,
  REFUND_ANSWERS,
  readAgreed,
  type Subject,
} from '../../../shared/payments/contract.ts';

const charge: Subject = { chargeId: 'ch-1', money: { amount: 5_000, currency: 'USD' } };
const refund: Subject = { ...charge, refundId: 're-1' };
const PAID = { status: 'paid', payment_ref: 'pay_1' };
const REFUNDED = { status: 'refunded' };

const readCharge = (status: number, body: unknown) =>
  readAgreed(CHARGE_ANSWERS, { status, body: JSON.stringify(body) }, charge);
const readLookup = (status: number, body: unknown) =>
  readAgreed(LOOKUP_ANSWERS, { status, body: JSON.stringify(body) }, charge);
const readRefund = (status: number, body: unknown) =>
  readAgreed(REFUND_ANSWERS, { status, body: JSON.stringify(body) }, refund);

describe('an agreed answer', () => {
  it('says no more than it was given', () => {
    expect(readCharge(200, PAID)).toStrictEqual({ outcome: { kind: 'paid', paymentRef: 'pay_1' } });
    expect(readCharge(202, { ...PAID, status: 'pending' })).toStrictEqual({
      outcome: { kind: 'pending', paymentRef: 'pay_1' },
    });
    expect(readRefund(200, REFUNDED)).toStrictEqual({ outcome: { kind: 'refunded' } });
    expect(readLookup(200, REFUNDED)).toStrictEqual({ outcome: { kind: 'refunded' } });
  });

  it('may name what it is about, or not, and a null contradicts nothing', () => {
    const about = { charge_id: 'ch-1', refund_id: 're-1', amount: '5000.0', currency: ' usd' };
    const nulls = { charge_id: null, refund_id: null, amount: null, currency: null };
    for (const named of [about, nulls, {}])
      expect(readRefund(200, { ...REFUNDED, ...named })).toHaveProperty('outcome');
    expect(readCharge(200, { ...PAID, refund_id: 'of something else' })).toHaveProperty('outcome');
  });

  it('of a status that was not agreed is for the caller to judge', () => {
    expect(readCharge(201, PAID)).toBeUndefined();
  });
});

describe('what is not as agreed names its member, for whoever writes the endpoint', () => {
  it.each<[string, unknown]>([
    ['no JSON object', [PAID]],
    ['null', null],
    ['a text', 'paid'],
    ['a number', 7],
    ['nothing', undefined],
  ])('or says that there is no object: %s', (_, body) => {
    const fault = { detail: 'status 200 without the agreed body' };
    expect(readCharge(200, body)).toStrictEqual(fault);
    expect(readLookup(200, body)).toStrictEqual(fault);
  });

  it.each<[unknown, string, string]>([
    [{ payment_ref: 'pay_1' }, 'status 200 without status', 'status'],
    [{ status: 'paid' }, 'status 200 without payment_ref', 'payment_ref'],
    [{ ...PAID, payment_ref: ' ' }, 'status 200 with an unusable payment_ref', 'payment_ref'],
    [{ ...PAID, status: 'declined' }, 'status 200 with an unusable status', 'status'],
    [{ ...PAID, charge_id: 'ch-2' }, 'status 200 about another charge', 'charge_id'],
    [{ ...PAID, amount: 4_999 }, 'status 200 about another amount', 'amount'],
    [{ ...PAID, currency: 'EUR' }, 'status 200 about another currency', 'currency'],
  ])('%j', (body, detail, field) => {
    expect(readCharge(200, body)).toStrictEqual({ detail, field });
  });

  it('of a refund as well', () => {
    expect(readRefund(200, { ...REFUNDED, refund_id: 're-2' })).toStrictEqual({
      detail: 'status 200 about another refund',
      field: 'refund_id',
    });
    expect(readRefund(202, REFUNDED)).toStrictEqual({
      detail: 'status 202 with an unusable status',
      field: 'status',
    });
  });

  it('of a payment that is not found', () => {
    expect(readLookup(404, { error: 'not found' })).toStrictEqual({
      detail: 'status 404 without "status":"not_found"',
      field: 'status',
    });
  });
});
