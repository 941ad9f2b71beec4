import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aFrozen } from '../../../support/builders.ts';

export const PAID: PaymentResult = { kind: 'paid', paymentRef: 'pay_1' };
export const NOT_FOUND: PaymentResult = { kind: 'not_found' };
export const SILENT: PaymentResult = { kind: 'unknown', detail: 'no answer' };
export const PENDING: PaymentResult = { kind: 'pending', paymentRef: 'pay_1' };
export const MUST_ACT: PaymentResult = { ...PENDING, actionUrl: 'https://pay.example/1' };
export const DUE: Outcome = { kind: 'due' };
export type PaymentResult = Extract<Outcome, { kind: 'payment' }>['result'];
export type GrantResult = Extract<Outcome, { kind: 'grant' }>['result'];
export type Evidence = Extract<Outcome, { kind: 'grant_evidence' }>['result'];
export type RefundResult = Extract<Outcome, { kind: 'refund' }>['result'];

export const payment = (result: PaymentResult, attempt = 1): Outcome => ({
  kind: 'payment',
  asked: 'charge',
  attempt,
  result,
});
/** What the call that charges came to, with the reservation it was made from. */
export const charged = (result: PaymentResult, frozen = aFrozen()): Outcome => ({
  kind: 'payment',
  asked: 'charge',
  attempt: 1,
  result,
  frozen,
});
/** What a lookup said of it. */
export const lookedUp = (result: PaymentResult, frozen = aFrozen()): Outcome => ({
  kind: 'payment',
  asked: 'lookup',
  attempt: 1,
  result,
  frozen,
});
export const grant = (result: GrantResult, token = 'token-a'): Outcome => ({ kind: 'grant', token, result });
export const evidence = (result: Evidence, token = 'token-a'): Outcome => ({
  kind: 'grant_evidence',
  token,
  result,
});
export const refund = (result: RefundResult): Outcome => ({ kind: 'refund', result });

/** The row a decision writes; a test that expects a write fails without one. */
export function written({ next }: Decision): Recharge {
  if (!next) throw new Error('Nothing was to be written.');
  return next;
}
