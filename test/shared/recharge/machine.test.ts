import { describe, expect, it } from 'vitest';
import { applyAnswer } from '../../../shared/recharge/answers.ts';
import {
  type Decision,
  decide,
  type Outcome,
  toCharged,
  toRefunding,
  withinChargeWindow,
} from '../../../shared/recharge/machine.ts';
import { newRecharge, type Recharge } from '../../../shared/recharge/recharge.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../support/builders.ts';

const PAID: PaymentResult = { kind: 'paid', paymentRef: 'pay_1' };
const NOT_FOUND: PaymentResult = { kind: 'not_found' };
const SILENT: PaymentResult = { kind: 'unknown', detail: 'no answer' };
const PENDING: PaymentResult = { kind: 'pending', paymentRef: 'pay_1' };
const MUST_ACT: PaymentResult = { ...PENDING, actionUrl: 'https://pay.example/1' };
const DUE: Outcome = { kind: 'due' };

type PaymentResult = Extract<Outcome, { kind: 'payment' }>['result'];
type GrantResult = Extract<Outcome, { kind: 'grant' }>['result'];
type RefundResult = Extract<Outcome, { kind: 'refund' }>['result'];

const payment = (result: PaymentResult, attempt = 1): Outcome => ({ kind: 'payment', attempt, result });
const charged = (result: PaymentResult, frozen = aFrozen()): Outcome => ({
  kind: 'payment',
  attempt: 1,
  result,
  frozen,
});
const grant = (result: GrantResult, token = 'token-a'): Outcome => ({ kind: 'grant', token, result });
const refund = (result: RefundResult): Outcome => ({ kind: 'refund', result });

/** The row a decision writes; a test that expects a write fails without one. */
function written({ next }: Decision): Recharge {
  if (!next) throw new Error('Nothing was to be written.');
  return next;
}

const lastOf = ({ history }: Recharge) => history.at(-1);

describe('a new recharge', () => {
  it('is received, in its first attempt, and brings itself back if nobody queues it', () => {
    const order = { key: 'key-1', email: 'demo@example.com', credits: 500 };
    expect(newRecharge(order, utc('2026-01-05 12:00:00'), utc('2026-01-05 12:03:00'))).toEqual({
      v: 1,
      key: 'key-1',
      email: 'demo@example.com',
      credits: 500,
      receivedAt: utc('2026-01-05 12:00:00'),
      phase: 'received',
      version: 1,
      attempt: 1,
      attemptStartedAt: utc('2026-01-05 12:00:00'),
      nextAttemptAt: utc('2026-01-05 12:03:00'),
      grantNo: 0,
      history: [{ at: utc('2026-01-05 12:00:00'), event: 'received' }],
    });
  });
});

interface Transition {
  name: string;
  row: Recharge;
  outcome: Outcome;
  at?: Parameters<typeof aMoment>[0];
  /** What the written row has other than the row that was read; undefined: gone. */
  becomes: { [Name in keyof Recharge]?: Recharge[Name] | undefined };
  event?: [word: string, detail?: string];
  says?: Omit<Decision, 'next'>;
}

const TRANSITIONS: Transition[] = [
  {
    name: 'received → blocked, with the price it would have had, when the guard refuses',
    row: aRecharge({ swept: 2 }),
    outcome: {
      kind: 'refused',
      attempt: 1,
      word: 'over_daily_count',
      money: { amount: 5_000, currency: 'USD' },
    },
    becomes: {
      phase: 'blocked',
      reason: 'over_daily_count',
      amount: 5_000,
      currency: 'USD',
      nextAttemptAt: undefined,
      swept: undefined,
    },
    event: ['blocked', 'over_daily_count'],
  },
  {
    name: 'received → received, due later, while charging is paused',
    row: aRecharge(),
    outcome: { kind: 'held', why: 'charging is paused' },
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'charging is paused'],
  },
  {
    name: 'received → granting, by this process, for two minutes, when the charge is paid',
    row: aRecharge({ swept: 3 }),
    outcome: charged(PAID, aFrozen({ grantEmail: 'Demo@example.com', balanceBefore: 12 })),
    becomes: {
      phase: 'granting',
      paymentRef: 'pay_1',
      amount: 5_000,
      currency: 'USD',
      grantEmail: 'Demo@example.com',
      balanceBefore: 12,
      grantNo: 1,
      grantToken: 'token-new',
      grantDeadline: utc('2026-01-05 12:02:10'),
      phaseDeadline: utc('2026-01-08 12:00:10'),
      swept: undefined,
    },
    event: ['paid', 'pay_1'],
    says: { effect: 'grant' },
  },
  {
    name: 'received → charged, due at once, when it is paid and no time is left to grant',
    row: aRecharge(),
    outcome: charged(PAID),
    at: { timeToGrant: false },
    becomes: {
      phase: 'charged',
      paymentRef: 'pay_1',
      amount: 5_000,
      currency: 'USD',
      nextAttemptAt: utc('2026-01-05 12:00:10'),
      phaseDeadline: utc('2026-01-08 12:00:10'),
    },
    event: ['paid', 'pay_1'],
  },
  {
    name: 'received → declined, amount given back, when the charge is declined',
    row: aRecharge({ swept: 1 }),
    outcome: charged({ kind: 'declined', reason: 'insufficient_funds', retryable: true }),
    becomes: {
      phase: 'declined',
      reason: 'insufficient_funds',
      amount: 5_000,
      currency: 'USD',
      nextAttemptAt: undefined,
      swept: undefined,
    },
    event: ['declined', 'insufficient_funds'],
    says: { release: { reason: 'insufficient_funds', retryable: false }, effect: 'stop' },
  },
  {
    name: 'received → the next attempt, counted from its planned time, where policy allows one',
    row: aRecharge({ swept: 1 }),
    outcome: payment({ kind: 'declined', reason: 'insufficient_funds', retryable: true }),
    at: { policy: { declineRetries: 1 } },
    becomes: {
      attempt: 2,
      attemptStartedAt: utc('2026-01-06 12:00:10'),
      nextAttemptAt: utc('2026-01-06 12:00:10'),
      swept: undefined,
    },
    event: ['declined_will_retry', 'insufficient_funds'],
    says: { release: { reason: 'insufficient_funds', retryable: true }, effect: 'stop' },
  },
  {
    name: 'received → charge_pending, asked again in an hour, when the provider is processing',
    row: aRecharge({ swept: 1 }),
    outcome: charged(PENDING),
    becomes: {
      phase: 'charge_pending',
      paymentRef: 'pay_1',
      amount: 5_000,
      currency: 'USD',
      phaseDeadline: utc('2026-01-26 12:00:10'),
      nextAttemptAt: utc('2026-01-05 13:00:10'),
      swept: undefined,
    },
    event: ['waiting', 'payment pending'],
  },
  {
    name: 'received → charge_pending, with the page and three days for the client, when the client must act',
    row: aRecharge(),
    outcome: payment(MUST_ACT),
    becomes: {
      phase: 'charge_pending',
      paymentRef: 'pay_1',
      actionUrl: 'https://pay.example/1',
      actBy: utc('2026-01-08 12:00:10'),
      phaseDeadline: utc('2026-01-26 12:00:10'),
      nextAttemptAt: utc('2026-01-05 13:00:10'),
    },
    event: ['waiting', 'client must act'],
  },
  {
    name: 'received → received, due later, when this call did nothing',
    row: aRecharge({ swept: 4 }),
    outcome: payment({ kind: 'not_attempted', detail: 'not sent: refused' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'payment not attempted: not sent: refused'],
  },
  {
    name: 'received → received, and an alert, when the payment hook refuses the request as such',
    row: aRecharge(),
    outcome: payment({ kind: 'not_attempted', detail: 'status 401', misconfigured: true }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'payment not attempted: status 401'],
    says: { alert: { word: 'payment_hook_misconfigured', detail: 'status 401' }, effect: 'stop' },
  },
  {
    name: 'received → received, parameters kept, when the outcome of the charge is unknown',
    row: aRecharge({ swept: 4 }),
    outcome: charged(SILENT),
    becomes: { amount: 5_000, currency: 'USD', nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'payment unknown: no answer'],
  },
  {
    name: 'received → declined (expired), amount given back, when nothing is found 24 h after the attempt began',
    row: aRecharge(),
    outcome: payment(NOT_FOUND),
    at: { now: utc('2026-01-06 12:00:00') },
    becomes: { phase: 'declined', reason: 'expired', nextAttemptAt: undefined },
    event: ['declined', 'expired'],
    says: { release: { reason: 'expired', retryable: false }, effect: 'stop' },
  },
  {
    name: 'received → declined, amount given back, when the provider has refunded the payment',
    row: aRecharge(),
    outcome: payment({ kind: 'refunded', refundRef: 're_1' }),
    becomes: { phase: 'declined', reason: 'refunded_at_provider', nextAttemptAt: undefined },
    event: ['declined', 'refunded_at_provider'],
    says: { release: { reason: 'refunded_at_provider', retryable: false }, effect: 'stop' },
  },
  {
    name: 'received → needs_review (charge_unknown), reminded daily, when no lookup answered for 48 h',
    row: aRecharge({ swept: 19 }),
    outcome: payment(SILENT),
    at: { now: utc('2026-01-07 12:00:00') },
    becomes: {
      phase: 'needs_review',
      review: 'charge_unknown',
      nextAttemptAt: utc('2026-01-08 12:00:00'),
      swept: undefined,
    },
    event: ['charge_unknown', 'no answer'],
    says: { alert: { word: 'charge_unknown', detail: 'no answer' }, effect: 'stop' },
  },
  {
    name: 'charge_pending → granting when the payment went through',
    row: aRecharge({
      phase: 'charge_pending',
      actionUrl: 'https://pay.example/1',
      actBy: utc('2026-01-08 12:00:10'),
    }),
    outcome: payment({ kind: 'paid', paymentRef: 'pay_2' }),
    at: { now: utc('2026-01-07 09:00:00') },
    becomes: {
      phase: 'granting',
      paymentRef: 'pay_2',
      actionUrl: undefined,
      actBy: undefined,
      grantNo: 1,
      grantToken: 'token-new',
      grantDeadline: utc('2026-01-07 09:02:00'),
      phaseDeadline: utc('2026-01-10 09:00:00'),
    },
    event: ['paid', 'pay_2'],
    says: { effect: 'grant' },
  },
  {
    name: 'charge_pending → declined, never another attempt, when the payment failed',
    row: aRecharge({
      phase: 'charge_pending',
      actionUrl: 'https://pay.example/1',
      actBy: utc('2026-01-08 12:00:10'),
    }),
    outcome: payment({ kind: 'declined', reason: 'canceled', retryable: true }),
    at: { policy: { declineRetries: 3 } },
    becomes: {
      phase: 'declined',
      reason: 'canceled',
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
      actionUrl: undefined,
      actBy: undefined,
    },
    event: ['declined', 'canceled'],
    says: { release: { reason: 'canceled', retryable: false }, effect: 'stop' },
  },
  {
    name: 'charge_pending → charge_pending, asked again in an hour, while the provider is processing',
    row: aRecharge({ phase: 'charge_pending', swept: 1 }),
    outcome: payment(PENDING),
    at: { now: utc('2026-01-06 12:00:00') },
    becomes: { nextAttemptAt: utc('2026-01-06 13:00:00'), swept: undefined },
    event: ['waiting', 'payment pending'],
  },
  {
    name: 'charge_pending → needs_review (charge_unknown) when the provider has not decided in 21 days',
    row: aRecharge({ phase: 'charge_pending' }),
    outcome: payment(PENDING),
    at: { now: utc('2026-01-26 12:00:10') },
    becomes: {
      phase: 'needs_review',
      review: 'charge_unknown',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-27 12:00:10'),
    },
    event: ['charge_unknown', 'the provider never decided'],
    says: { alert: { word: 'charge_unknown', detail: 'the provider never decided' }, effect: 'stop' },
  },
  {
    name: 'granting → completed, with the new balance, when it was granted as asked',
    row: aRecharge({ phase: 'granting', swept: 1 }),
    outcome: grant({ kind: 'granted', newBalance: 512 }),
    becomes: {
      phase: 'completed',
      newBalance: 512,
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
      swept: undefined,
    },
    event: ['granted', 'balance 512'],
  },
  {
    name: 'granting → completed when the platform names no balance',
    row: aRecharge({ phase: 'granting' }),
    outcome: grant({ kind: 'granted' }),
    becomes: { phase: 'completed', nextAttemptAt: undefined, phaseDeadline: undefined },
    event: ['granted'],
  },
  {
    name: 'granting → needs_review (grant_differs) when something else was granted',
    row: aRecharge({ phase: 'granting' }),
    outcome: grant({ kind: 'differs', detail: '400 credits added' }),
    becomes: {
      phase: 'needs_review',
      review: 'grant_differs',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:00:10'),
    },
    event: ['grant_differs', '400 credits added'],
    says: { alert: { word: 'grant_differs', detail: '400 credits added' }, effect: 'stop' },
  },
  {
    name: 'granting → charged, its own deadline kept, when the grant was not applied',
    row: aRecharge({ phase: 'granting', swept: 6 }),
    outcome: grant({ kind: 'not_applied', detail: 'status 429' }),
    becomes: { phase: 'charged', nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'not granted: status 429'],
  },
  {
    name: 'granting → needs_review (grant_refused) when the platform refuses the grant',
    row: aRecharge({ phase: 'granting' }),
    outcome: grant({ kind: 'refused', detail: 'no such sub-account' }),
    becomes: {
      phase: 'needs_review',
      review: 'grant_refused',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:00:10'),
    },
    event: ['grant_refused', 'no such sub-account'],
    says: { alert: { word: 'grant_refused', detail: 'no such sub-account' }, effect: 'stop' },
  },
  {
    name: 'granting → refunding, due at once, when it is refused and refunds are automatic',
    row: aRecharge({ phase: 'granting', swept: 1 }),
    outcome: grant({ kind: 'refused', detail: 'no such sub-account' }),
    at: { policy: { refundAutomatically: true } },
    becomes: {
      phase: 'refunding',
      refundStartedAt: utc('2026-01-05 12:00:10'),
      phaseDeadline: utc('2026-01-12 12:00:10'),
      nextAttemptAt: utc('2026-01-05 12:00:10'),
      swept: undefined,
    },
    event: ['refunding', 'no such sub-account'],
  },
  {
    name: 'granting → needs_review (grant_unknown) when nobody knows what the POST did',
    row: aRecharge({ phase: 'granting', swept: 1 }),
    outcome: grant({ kind: 'unknown', detail: 'status 502' }),
    becomes: {
      phase: 'needs_review',
      review: 'grant_unknown',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:00:10'),
      swept: undefined,
    },
    event: ['grant_unknown', 'status 502'],
    says: { alert: { word: 'grant_unknown', detail: 'status 502' }, effect: 'stop' },
  },
  {
    name: 'granting → needs_review (grant_unknown) when another process finds it past its deadline',
    row: aRecharge({ phase: 'granting' }),
    outcome: DUE,
    at: { now: utc('2026-01-05 12:06:00') },
    becomes: {
      phase: 'needs_review',
      review: 'grant_unknown',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:06:00'),
    },
    event: ['grant_unknown', 'the process that was granting never reported'],
    says: {
      alert: { word: 'grant_unknown', detail: 'the process that was granting never reported' },
      effect: 'stop',
    },
  },
  {
    name: 'charged → granting, with a new token, number and deadline, when it is due',
    row: aRecharge({ phase: 'charged', swept: 3 }),
    outcome: DUE,
    at: { now: utc('2026-01-05 12:10:00') },
    becomes: {
      phase: 'granting',
      grantNo: 2,
      grantToken: 'token-new',
      grantDeadline: utc('2026-01-05 12:12:00'),
    },
    says: { effect: 'grant' },
  },
  {
    name: 'charged → needs_review (grant_expired) after 72 h',
    row: aRecharge({ phase: 'charged', swept: 40 }),
    outcome: DUE,
    at: { now: utc('2026-01-08 12:00:10') },
    becomes: {
      phase: 'needs_review',
      review: 'grant_expired',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-09 12:00:10'),
      swept: undefined,
    },
    event: ['grant_expired', 'no grant went through in time'],
    says: { alert: { word: 'grant_expired', detail: 'no grant went through in time' }, effect: 'stop' },
  },
  {
    name: 'charged → refunding after 72 h where refunds are automatic, its fruitless sweeps forgotten',
    row: aRecharge({ phase: 'charged', swept: 40 }),
    outcome: DUE,
    at: { now: utc('2026-01-08 12:00:10'), policy: { refundAutomatically: true } },
    becomes: {
      phase: 'refunding',
      refundStartedAt: utc('2026-01-08 12:00:10'),
      phaseDeadline: utc('2026-01-15 12:00:10'),
      nextAttemptAt: utc('2026-01-08 12:00:10'),
      swept: undefined,
    },
    event: ['refunding', 'no grant went through in time'],
  },
  {
    name: 'needs_review (charge_unknown) → charged, its fruitless sweeps forgotten, when a lookup proves the payment',
    row: aRecharge({ phase: 'needs_review', review: 'charge_unknown', swept: 1 }),
    outcome: charged(PAID),
    at: { now: utc('2026-01-09 12:00:00') },
    becomes: {
      phase: 'charged',
      review: undefined,
      paymentRef: 'pay_1',
      amount: 5_000,
      currency: 'USD',
      phaseDeadline: utc('2026-01-12 12:00:00'),
      nextAttemptAt: utc('2026-01-09 12:00:00'),
      swept: undefined,
    },
    event: ['paid', 'pay_1'],
  },
  {
    name: 'needs_review (charge_unknown) → declined, amount given back, when a lookup proves the decline',
    row: aRecharge({ phase: 'needs_review', review: 'charge_unknown' }),
    outcome: payment({ kind: 'declined', reason: 'do_not_honor', retryable: true }),
    at: { policy: { declineRetries: 3 } },
    becomes: { phase: 'declined', reason: 'do_not_honor', review: undefined, nextAttemptAt: undefined },
    event: ['declined', 'do_not_honor'],
    says: { release: { reason: 'do_not_honor', retryable: false }, effect: 'stop' },
  },
  {
    name: 'needs_review (grant_unknown) → completed when the grant speaks late, with its own token',
    row: aRecharge({ phase: 'needs_review', review: 'grant_unknown', swept: 1 }),
    outcome: grant({ kind: 'granted', newBalance: 700 }),
    becomes: {
      phase: 'completed',
      review: undefined,
      newBalance: 700,
      nextAttemptAt: undefined,
      swept: undefined,
    },
    event: ['granted', 'balance 700'],
  },
  {
    name: 'needs_review (grant_unknown) → charged when the grant was not applied, by its own token',
    row: aRecharge({ phase: 'needs_review', review: 'grant_unknown' }),
    outcome: grant({ kind: 'not_applied', detail: 'status 429' }),
    becomes: {
      phase: 'charged',
      review: undefined,
      phaseDeadline: utc('2026-01-08 12:00:10'),
      nextAttemptAt: utc('2026-01-05 12:00:11'),
    },
    event: ['waiting', 'not granted: status 429'],
  },
  {
    name: 'needs_review stays, and is said aloud again, at each daily reminder',
    row: aRecharge({ phase: 'needs_review', review: 'grant_differs', swept: 1 }),
    outcome: DUE,
    at: { now: utc('2026-01-06 12:00:30') },
    becomes: { nextAttemptAt: utc('2026-01-07 12:00:30'), swept: undefined },
    event: ['reminded', 'grant_differs'],
    says: { alert: { word: 'review_waiting', detail: 'grant_differs' }, effect: 'stop' },
  },
  {
    name: 'charged → completed when a person said "not granted" and the grant itself says otherwise',
    row: aRecharge({ phase: 'charged' }),
    outcome: grant({ kind: 'granted', newBalance: 700 }),
    becomes: {
      phase: 'completed',
      newBalance: 700,
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
    },
    event: ['granted', 'balance 700'],
  },
  {
    name: 'refunding → refunded, amount given back, when the provider refunded it',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'refunded', refundRef: 're_1' }),
    becomes: {
      phase: 'refunded',
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
      swept: undefined,
    },
    event: ['refunded', 're_1'],
    says: { release: { reason: 'refunded', retryable: false }, effect: 'stop' },
  },
  {
    name: 'refunding → refunded when the lookup finds it refunded already',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'found_refunded' }),
    becomes: { phase: 'refunded', nextAttemptAt: undefined, phaseDeadline: undefined },
    event: ['refunded'],
    says: { release: { reason: 'refunded', retryable: false }, effect: 'stop' },
  },
  {
    name: 'refunding → refunding, asked daily, while the refund is pending',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'pending' }),
    becomes: { nextAttemptAt: utc('2026-01-06 12:00:10'), swept: undefined },
    event: ['waiting', 'refund pending'],
  },
  {
    name: 'refunding → refunding, due later, when the outcome of the refund is unknown',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'unknown', detail: 'status 500' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund unknown: status 500'],
  },
  {
    name: 'refunding → refunding, due later, when this call did nothing',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 429' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: status 429'],
  },
  {
    name: 'refunding → refunding, and an alert, when the payment hook refuses the request as such',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 401', misconfigured: true }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: status 401'],
    says: { alert: { word: 'payment_hook_misconfigured', detail: 'status 401' }, effect: 'stop' },
  },
  {
    name: 'refunding → needs_review (refund_failed) when the refund is refused',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'refused', reason: 'charge disputed' }),
    becomes: {
      phase: 'needs_review',
      review: 'refund_failed',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:00:10'),
    },
    event: ['refund_failed', 'charge disputed'],
    says: { alert: { word: 'refund_failed', detail: 'charge disputed' }, effect: 'stop' },
  },
  {
    name: 'refunding → needs_review (refund_unknown) when it is still pending after 7 days',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'pending' }),
    at: { now: utc('2026-01-12 12:00:20') },
    becomes: {
      phase: 'needs_review',
      review: 'refund_unknown',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-13 12:00:20'),
    },
    event: ['refund_unknown', 'refund pending'],
    says: { alert: { word: 'refund_unknown', detail: 'refund pending' }, effect: 'stop' },
  },
];

describe('each transition writes exactly this row', () => {
  it.each(TRANSITIONS)('$name', ({ row, outcome, at, becomes, event, says = { effect: 'stop' } }) => {
    const moment = aMoment(at);
    const [word, detail] = event ?? [];
    const added =
      word === undefined
        ? []
        : [{ at: moment.now, event: word, ...(detail === undefined ? {} : { detail }) }];
    expect(decide(row, outcome, moment)).toEqual({
      ...says,
      next: { ...row, ...becomes, history: [...row.history, ...added] },
    });
  });

  it('does not change the row it was given', () => {
    for (const { row, outcome, at } of TRANSITIONS) {
      const before = structuredClone(row);
      decide(row, outcome, aMoment(at));
      expect(row).toEqual(before);
    }
  });
});

describe('what is done next, without a write', () => {
  it('a received recharge is reserved first', () => {
    expect(decide(aRecharge(), DUE, aMoment())).toEqual({ effect: 'reserve' });
  });

  it('an attempt reserved by this very run is charged', () => {
    const fresh: Outcome = { kind: 'reserved', attempt: 1, fresh: true, frozen: aFrozen() };
    expect(decide(aRecharge(), fresh, aMoment())).toEqual({ effect: 'charge' });
  });

  it('an attempt found reserved is looked up before anything is charged', () => {
    const found: Outcome = { kind: 'reserved', attempt: 1, fresh: false, frozen: aFrozen() };
    expect(decide(aRecharge(), found, aMoment())).toEqual({ effect: 'look_up_payment' });
  });

  it('an attempt that was not reserved in time is only looked up', () => {
    expect(decide(aRecharge(), { kind: 'not_reserved', attempt: 1 }, aMoment())).toEqual({
      effect: 'look_up_payment',
    });
  });

  it('a payment that does not exist is charged with the same key, within the window', () => {
    expect(decide(aRecharge(), payment(NOT_FOUND), aMoment())).toEqual({ effect: 'charge' });
  });

  it('a pending payment is never charged again, only looked up', () => {
    const row = aRecharge({ phase: 'charge_pending' });
    expect(decide(row, DUE, aMoment())).toEqual({ effect: 'look_up_payment' });
    expect(decide(row, payment(NOT_FOUND), aMoment()).effect).toBe('stop');
  });

  it('an unknown charge in review is still looked up, when the sweeper brings it', () => {
    const row = aRecharge({ phase: 'needs_review', review: 'charge_unknown', swept: 1 });
    expect(decide(row, DUE, aMoment())).toEqual({ effect: 'look_up_payment' });
  });

  it('a message that comes again is no reminder: the version a person was shown stays', () => {
    const row = aRecharge({ phase: 'needs_review', review: 'grant_unknown' });
    expect(decide(row, DUE, aMoment())).toEqual({ effect: 'stop' });
    expect(decide({ ...row, review: 'charge_unknown' }, DUE, aMoment())).toEqual({ effect: 'stop' });
  });

  it('a refund is looked up before it is asked, and asked when it was not made', () => {
    const row = aRecharge({ phase: 'refunding' });
    expect(decide(row, DUE, aMoment())).toEqual({ effect: 'look_up_refund' });
    expect(decide(row, refund({ kind: 'not_refunded' }), aMoment())).toEqual({ effect: 'refund' });
  });

  it('a charged recharge waits where too little of the run is left to grant', () => {
    expect(decide(aRecharge({ phase: 'charged' }), DUE, aMoment({ timeToGrant: false }))).toEqual({
      effect: 'stop',
    });
  });
});

describe('the window of a charge', () => {
  const started = { attemptStartedAt: utc('2026-01-05 12:00:00') };
  const within = (now: number) => withinChargeWindow(started, aMoment({ now }));

  it('opens when the attempt begins, on a clock that may be a minute behind', () => {
    expect(within(utc('2026-01-05 11:58:59.999'))).toBe(false);
    expect(within(utc('2026-01-05 11:59:00'))).toBe(true);
  });

  it('closes so that a call of 20 s ends within 23 h', () => {
    expect(within(utc('2026-01-06 10:59:39.999'))).toBe(true);
    expect(within(utc('2026-01-06 10:59:40'))).toBe(false);
  });

  it.each<[string, string, Decision['effect'] | 'declined']>([
    ['just inside it', '2026-01-06 10:59:39.999', 'charge'],
    ['once it has closed', '2026-01-06 10:59:40', 'stop'],
    ['a millisecond before 24 h', '2026-01-06 11:59:59.999', 'stop'],
    ['24 h after the attempt began', '2026-01-06 12:00:00', 'declined'],
    ['days later', '2026-01-09 12:00:00', 'declined'],
  ])('a payment not found %s leads to the right end', (_, now, expected) => {
    const decision = decide(aRecharge(), payment(NOT_FOUND), aMoment({ now: utc(now) }));
    expect(decision.next?.phase === 'declined' ? 'declined' : decision.effect).toBe(expected);
  });

  it('between its end and 24 h the row waits and is looked up again', () => {
    const now = utc('2026-01-06 11:30:00');
    const next = written(decide(aRecharge(), payment(NOT_FOUND), aMoment({ now })));
    expect(next).toMatchObject({ phase: 'received', nextAttemptAt: utc('2026-01-06 11:30:01') });
    expect(lastOf(next)).toEqual({
      at: now,
      event: 'waiting',
      detail: 'payment not found, too late to charge',
    });
  });

  it('is not moved by waiting, however often and for whatever reason', () => {
    const waits: Outcome[] = [
      payment(SILENT),
      payment({ kind: 'not_attempted', detail: 'status 429', retryAfterMs: 600_000 }),
      { kind: 'held', why: 'charging is paused' },
      payment(PENDING),
    ];
    let row = aRecharge();
    for (const outcome of waits) row = written(decide(row, outcome, aMoment()));
    expect(row.attemptStartedAt).toBe(utc('2026-01-05 12:00:00'));
  });
});

describe('every deadline, on both sides', () => {
  const phaseAt = (row: Recharge, outcome: Outcome, now: string) =>
    decide(row, outcome, aMoment({ now: utc(now) })).next?.phase;

  it('a grant is called lost only after its deadline', () => {
    const row = aRecharge({ phase: 'granting' });
    expect(decide(row, DUE, aMoment({ now: utc('2026-01-05 12:02:10') }))).toEqual({ effect: 'stop' });
    expect(phaseAt(row, DUE, '2026-01-05 12:02:10.001')).toBe('needs_review');
  });

  it('a paid recharge is granted until 72 h have passed, and not from then on', () => {
    const row = aRecharge({ phase: 'charged' });
    expect(phaseAt(row, DUE, '2026-01-08 12:00:09.999')).toBe('granting');
    expect(phaseAt(row, DUE, '2026-01-08 12:00:10')).toBe('needs_review');
  });

  it('is given up after 72 h even where no time is left to grant', () => {
    const late = aMoment({ now: utc('2026-01-08 12:00:10'), timeToGrant: false });
    expect(decide(aRecharge({ phase: 'charged' }), DUE, late).next?.review).toBe('grant_expired');
  });

  it.each<[string, PaymentResult]>([
    ['still pending', PENDING],
    ['unknown', SILENT],
    ['not found', NOT_FOUND],
  ])('a pending payment that is %s goes to review from its deadline on', (_, result) => {
    const row = aRecharge({ phase: 'charge_pending' });
    expect(phaseAt(row, payment(result), '2026-01-26 12:00:09.999')).toBe('charge_pending');
    expect(phaseAt(row, payment(result), '2026-01-26 12:00:10')).toBe('needs_review');
  });

  it('a call that did nothing says nothing about a pending payment, however late', () => {
    const row = aRecharge({ phase: 'charge_pending' });
    const nothing = payment({ kind: 'not_attempted', detail: 'status 429' });
    expect(phaseAt(row, nothing, '2026-03-01 12:00:00')).toBe('charge_pending');
  });

  it('an unknown charge goes to review 48 h after the attempt began', () => {
    expect(phaseAt(aRecharge(), payment(SILENT), '2026-01-07 11:59:59.999')).toBe('received');
    expect(phaseAt(aRecharge(), payment(SILENT), '2026-01-07 12:00:00')).toBe('needs_review');
  });

  it('a client has three days to act, then the payment is cancelled', () => {
    const row = aRecharge({ phase: 'charge_pending', actBy: utc('2026-01-08 12:00:10') });
    const effect = (now: string) => decide(row, DUE, aMoment({ now: utc(now) })).effect;
    expect(effect('2026-01-08 12:00:09.999')).toBe('look_up_payment');
    expect(effect('2026-01-08 12:00:10')).toBe('cancel_payment');
  });

  it('a planned attempt begins at its time, on a clock that may be a minute behind', () => {
    const row = aRecharge({ attempt: 2, attemptStartedAt: utc('2026-01-06 12:00:10') });
    const effect = (now: string) => decide(row, DUE, aMoment({ now: utc(now) })).effect;
    expect(effect('2026-01-06 11:59:09.999')).toBe('stop');
    expect(effect('2026-01-06 11:59:10')).toBe('reserve');
  });

  it.each<[string, RefundResult]>([
    ['pending', { kind: 'pending' }],
    ['unknown', { kind: 'unknown', detail: 'no answer' }],
    ['not attempted', { kind: 'not_attempted', detail: 'status 429' }],
  ])('a refund that is %s goes to review from 7 days on', (_, result) => {
    const row = aRecharge({ phase: 'refunding' });
    expect(phaseAt(row, refund(result), '2026-01-12 12:00:19.999')).toBe('refunding');
    expect(phaseAt(row, refund(result), '2026-01-12 12:00:20')).toBe('needs_review');
  });
});

describe('the time a paid recharge has to be granted', () => {
  it('is not prolonged by going to and fro between granting and charged', () => {
    let row = aRecharge({ phase: 'charged' });
    for (const now of ['2026-01-06 12:00:00', '2026-01-07 12:00:00', '2026-01-08 12:00:00'].map(utc)) {
      row = written(decide(row, DUE, aMoment({ now, token: `token-${now}` })));
      expect(row).toMatchObject({ phase: 'granting', phaseDeadline: utc('2026-01-08 12:00:10') });
      row = written(
        decide(row, grant({ kind: 'not_applied', detail: '429' }, `token-${now}`), aMoment({ now })),
      );
      expect(row).toMatchObject({ phase: 'charged', phaseDeadline: utc('2026-01-08 12:00:10') });
    }
  });

  it('is not the longer one of a pending payment', () => {
    const row = aRecharge({ phase: 'charge_pending' });
    expect(written(decide(row, payment(PAID), aMoment())).phaseDeadline).toBe(utc('2026-01-08 12:00:10'));
  });

  it('begins anew with a late proof of payment', () => {
    const at = aMoment({ now: utc('2026-02-01 00:00:00') });
    expect(toCharged(aRecharge({ phase: 'needs_review', review: 'charge_unknown' }), at).phaseDeadline).toBe(
      utc('2026-02-04 00:00:00'),
    );
  });
});

describe('writing the intent to grant', () => {
  it('never moves the time at which the row comes back', () => {
    const kept = utc('2026-01-05 12:03:00');
    const granting = [
      decide(aRecharge(), payment(PAID), aMoment()),
      decide(aRecharge({ phase: 'charge_pending' }), payment(PAID), aMoment()),
      decide(aRecharge({ phase: 'charged' }), DUE, aMoment()),
    ].map(written);
    expect(granting.map(({ phase, nextAttemptAt }) => [phase, nextAttemptAt])).toEqual([
      ['granting', kept],
      ['granting', kept],
      ['granting', kept],
    ]);
  });

  it('counts the grants, so that each has its own mark and token', () => {
    const first = written(decide(aRecharge(), payment(PAID), aMoment({ token: 'token-1' })));
    const back = written(decide(first, grant({ kind: 'not_applied', detail: '429' }, 'token-1'), aMoment()));
    const second = written(decide(back, DUE, aMoment({ token: 'token-2' })));
    expect([first.grantNo, back.grantNo, second.grantNo]).toEqual([1, 1, 2]);
    expect([first.grantToken, back.grantToken, second.grantToken]).toEqual(['token-1', 'token-1', 'token-2']);
  });
});

describe('a client who must act', () => {
  const mustAct = () => written(decide(aRecharge(), payment(MUST_ACT), aMoment()));

  it('keeps the three days they were given, however often the provider is asked', () => {
    const later = aMoment({ now: utc('2026-01-07 12:00:00') });
    expect(written(decide(mustAct(), payment(MUST_ACT), later)).actBy).toBe(utc('2026-01-08 12:00:10'));
  });

  it('is not cancelled once the provider is processing what they did', () => {
    const processing = written(decide(mustAct(), payment(PENDING), aMoment()));
    expect(processing.actionUrl).toBeUndefined();
    expect(decide(processing, DUE, aMoment({ now: utc('2026-01-09 12:00:00') })).effect).toBe(
      'look_up_payment',
    );
  });

  it('does not lengthen the 21 days a payment may be pending', () => {
    const later = aMoment({ now: utc('2026-01-20 12:00:00') });
    expect(written(decide(mustAct(), payment(MUST_ACT), later)).phaseDeadline).toBe(
      utc('2026-01-26 12:00:10'),
    );
  });
});

describe('a retryable decline', () => {
  const soft = payment({ kind: 'declined', reason: 'insufficient_funds', retryable: true });
  const retries = { declineRetries: 2 };

  it('plans one more attempt until policy has no more', () => {
    const second = written(decide(aRecharge(), soft, aMoment({ policy: retries })));
    const third = written(
      decide(
        second,
        { ...soft, attempt: 2 } as Outcome,
        aMoment({ policy: retries, now: utc('2026-01-06 13:00:00') }),
      ),
    );
    const end = written(
      decide(
        third,
        { ...soft, attempt: 3 } as Outcome,
        aMoment({ policy: retries, now: utc('2026-01-07 14:00:00') }),
      ),
    );
    expect([second, third, end].map(({ phase, attempt }) => [phase, attempt])).toEqual([
      ['received', 2],
      ['received', 3],
      ['declined', 3],
    ]);
    expect(third.attemptStartedAt).toBe(utc('2026-01-07 13:00:00'));
  });

  it('is final where the provider does not call it retryable', () => {
    const hard = payment({ kind: 'declined', reason: 'stolen_card', retryable: false });
    expect(written(decide(aRecharge(), hard, aMoment({ policy: retries }))).phase).toBe('declined');
  });

  it('is final by default', () => {
    expect(written(decide(aRecharge(), soft, aMoment())).phase).toBe('declined');
  });

  it('gives the planned attempt its full window from its planned time', () => {
    const planned = written(decide(aRecharge(), soft, aMoment({ policy: retries })));
    expect(withinChargeWindow(planned, aMoment({ now: utc('2026-01-06 11:59:09.999') }))).toBe(false);
    expect(withinChargeWindow(planned, aMoment({ now: utc('2026-01-06 11:59:10') }))).toBe(true);
    expect(withinChargeWindow(planned, aMoment({ now: utc('2026-01-07 10:59:49.999') }))).toBe(true);
    expect(withinChargeWindow(planned, aMoment({ now: utc('2026-01-07 10:59:50') }))).toBe(false);
  });
});

it('says again that a charge is unknown where the write into review lost its answer, and reminds a day later', () => {
  const row = aRecharge({ phase: 'needs_review', review: 'charge_unknown' });
  expect(decide(row, payment(SILENT), aMoment())).toEqual({
    alert: { word: 'charge_unknown' },
    effect: 'stop',
  });
  expect(decide({ ...row, swept: 1 }, payment(SILENT), aMoment()).alert?.word).toBe('review_waiting');
});

describe('a payment in review that the provider does not find', () => {
  const review = aRecharge({ phase: 'needs_review', review: 'charge_unknown' });
  const { paymentRef: _, ...unnamed } = review;
  const phaseAt = (row: Recharge, now: string) =>
    decide(row, payment(NOT_FOUND), aMoment({ now: utc(now) })).next?.phase;

  it('was never taken, 24 h after the attempt began', () => {
    expect(phaseAt(unnamed, '2026-01-06 11:59:59.999')).toBe('needs_review');
    expect(phaseAt(unnamed, '2026-01-06 12:00:00')).toBe('declined');
  });

  it('may have been taken where the provider once named it', () => {
    expect(phaseAt({ ...unnamed, paymentRef: 'pay_1' }, '2026-01-09 12:00:00')).toBe('needs_review');
  });
});

describe('waiting', () => {
  const held: Outcome = { kind: 'held', why: 'charging is paused' };
  /** The waits of eleven equal outcomes in a row, in seconds. */
  function waits(jitter: number): number[] {
    let row = aRecharge();
    return Array.from({ length: 11 }, () => {
      row = written(decide(row, held, aMoment({ jitter })));
      return ((row.nextAttemptAt ?? 0) - utc('2026-01-05 12:00:10')) / 1_000;
    });
  }

  it('doubles its upper bound with every equal wait, up to 15 minutes', () => {
    expect(waits(1)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  });

  it('is never shorter than a second', () => {
    expect(waits(0)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('is spread evenly between the two', () => {
    expect(waits(0.5)).toEqual([1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 64.5, 128.5, 256.5, 450.5, 450.5]);
  });

  it('stays at 15 minutes where ever other words of the same outage made the history lose its middle', () => {
    let row = aRecharge();
    for (let count = 0; count < 200; count += 1) {
      const why = `status ${500 + (count % 7)} ${'of a long text '.repeat(10)}`;
      row = written(decide(row, { kind: 'held', why }, aMoment({ jitter: 1 })));
    }
    expect(row.history.some(({ event }) => event === 'left_out')).toBe(true);
    expect(row.nextAttemptAt).toBe(utc('2026-01-05 12:15:10'));
  });

  it('stays at 15 minutes after a thousand times', () => {
    const entry = { at: utc('2026-01-05 12:00:00'), event: 'waiting', detail: held.why, times: 1_000 };
    const next = written(decide(aRecharge({ history: [entry] }), held, aMoment({ jitter: 1 })));
    expect(next.nextAttemptAt).toBe(utc('2026-01-05 12:15:10'));
    expect(next.history).toEqual([{ ...entry, times: 1_001 }]);
  });

  it('goes on growing where the reason changes: a provider may put a number of its own into every refusal', () => {
    let row = written(decide(aRecharge(), held, aMoment({ jitter: 1 })));
    row = written(decide(row, held, aMoment({ jitter: 1 })));
    row = written(decide(row, payment(SILENT), aMoment({ jitter: 1 })));
    expect(row.nextAttemptAt).toBe(utc('2026-01-05 12:00:18'));
  });

  it('begins anew after progress', () => {
    const history = [
      { at: 0, event: 'waiting', detail: 'payment unknown: no answer in time', times: 9 },
      { at: 1, event: 'paid', detail: 'pay_1' },
    ];
    const row = aRecharge({ phase: 'granting', grantToken: 'token-1', history });
    const refusedForNow: Outcome = {
      kind: 'grant',
      token: 'token-1',
      result: { kind: 'not_applied', detail: '429' },
    };
    const waiting = written(decide(row, refusedForNow, aMoment({ jitter: 1 })));
    expect(waiting.nextAttemptAt).toBe(utc('2026-01-05 12:00:12'));
  });

  it.each<[string, Recharge, (retryAfterMs: number) => Outcome]>([
    [
      'a charge',
      aRecharge(),
      (retryAfterMs) => payment({ kind: 'not_attempted', detail: 'status 429', retryAfterMs }),
    ],
    [
      'a grant',
      aRecharge({ phase: 'granting' }),
      (retryAfterMs) => grant({ kind: 'not_applied', detail: 'status 429', retryAfterMs }),
    ],
    [
      'a refund',
      aRecharge({ phase: 'refunding' }),
      (retryAfterMs) => refund({ kind: 'not_attempted', detail: 'status 429', retryAfterMs }),
    ],
  ])('honours the Retry-After of %s, up to 15 minutes', (_, row, outcome) => {
    const dueAfter = (retryAfterMs: number) =>
      written(decide(row, outcome(retryAfterMs), aMoment({ jitter: 1 }))).nextAttemptAt;
    expect(dueAfter(0)).toBe(utc('2026-01-05 12:00:10'));
    expect(dueAfter(90_000)).toBe(utc('2026-01-05 12:01:40'));
    expect(dueAfter(900_000)).toBe(utc('2026-01-05 12:15:10'));
    expect(dueAfter(900_001)).toBe(utc('2026-01-05 12:15:10'));
    expect(dueAfter(86_400_000)).toBe(utc('2026-01-05 12:15:10'));
  });
});

describe('the count of fruitless sweeps', () => {
  it.each<[string, Recharge, Outcome]>([
    ['a pause', aRecharge({ swept: 7 }), { kind: 'held', why: 'charging is paused' }],
    ['an unknown charge', aRecharge({ swept: 7 }), payment(SILENT)],
    [
      'a grant not applied',
      aRecharge({ phase: 'granting', swept: 7 }),
      grant({ kind: 'not_applied', detail: '429' }),
    ],
    ['another try to grant', aRecharge({ phase: 'charged', swept: 7 }), DUE],
    [
      'an unknown refund',
      aRecharge({ phase: 'refunding', swept: 7 }),
      refund({ kind: 'unknown', detail: '500' }),
    ],
  ])('goes on after %s', (_, row, outcome) => {
    expect(written(decide(row, outcome, aMoment())).swept).toBe(7);
  });

  it.each<[string, Recharge]>([
    ['charged', toCharged(aRecharge({ phase: 'needs_review', swept: 7 }), aMoment())],
    ['refunding', toRefunding(aRecharge({ phase: 'needs_review', swept: 7 }), aMoment())],
  ])('begins anew when a person or proof moves the row to %s', (_, row) => {
    expect(row.swept).toBeUndefined();
  });
});

describe('late answers', () => {
  it.each<[string, Recharge, string]>([
    ['granting with a newer token', aRecharge({ phase: 'granting', grantToken: 'token-b' }), 'granted_twice'],
    ['completed by a newer token', aRecharge({ phase: 'completed', grantToken: 'token-b' }), 'granted_twice'],
    ['refunding', aRecharge({ phase: 'refunding' }), 'granted_after_refund'],
    ['refunded', aRecharge({ phase: 'refunded' }), 'granted_after_refund'],
    [
      'in review of a refund',
      aRecharge({ phase: 'needs_review', review: 'refund_failed' }),
      'granted_after_refund',
    ],
  ])('a grant found on a row that is %s changes nothing but is an alert', (_, row, word) => {
    expect(decide(row, grant({ kind: 'granted' }), aMoment())).toEqual({
      next: {
        ...row,
        history: [
          ...row.history,
          { at: utc('2026-01-05 12:00:10'), event: 'late_grant_answer', detail: 'granted' },
        ],
      },
      alert: { word, detail: `phase ${row.phase}` },
      effect: 'stop',
    });
  });

  it('another amount granted on a refunded row is an alert too', () => {
    const differs = grant({ kind: 'differs', detail: '400 credits' });
    expect(decide(aRecharge({ phase: 'refunded' }), differs, aMoment()).alert?.word).toBe(
      'granted_after_refund',
    );
  });

  it.each<[string, Recharge]>([
    ['declined', aRecharge({ phase: 'declined' })],
    ['blocked', aRecharge({ phase: 'blocked' })],
  ])('a payment on a row that ended %s is written down and is an alert', (phase, row) => {
    expect(decide(row, payment(PAID), aMoment())).toEqual({
      next: {
        ...row,
        history: [
          ...row.history,
          { at: utc('2026-01-05 12:00:10'), event: 'paid_late', detail: 'attempt 1: pay_1' },
        ],
      },
      alert: { word: 'paid_after_end', detail: 'attempt 1: pay_1' },
      effect: 'stop',
    });
    expect(row.phase).toBe(phase);
  });

  it('a payment of an attempt that was declined stops the next attempt: a person looks before it takes money, too', () => {
    const decision = decide(aRecharge({ attempt: 2 }), payment(PAID, 1), aMoment());
    expect(decision.next).toMatchObject({
      phase: 'needs_review',
      review: 'charge_unknown',
      paymentRef: 'pay_1',
    });
    expect(decision.alert).toEqual({ word: 'charge_unknown', detail: 'paid after all, attempt 1: pay_1' });
    expect(decision.effect).toBe('stop');
  });

  it('a second "paid" for a row that is paid is nothing new', () => {
    for (const phase of ['granting', 'charged', 'completed', 'refunding', 'refunded'] as const) {
      expect(decide(aRecharge({ phase }), payment(PAID), aMoment())).toEqual({ effect: 'stop' });
    }
  });
});

describe('an answer to a write that got lost', () => {
  it('lets the process that holds the token grant, and nobody else', () => {
    const row = aRecharge({ phase: 'granting', grantToken: 'token-mine' });
    const mine = aMoment({ token: 'token-mine' });
    for (const outcome of [DUE, payment(PAID)]) {
      expect(decide(row, outcome, mine)).toEqual({ effect: 'grant' });
      expect(decide(row, outcome, aMoment({ token: 'token-other' }))).toEqual({ effect: 'stop' });
    }
  });

  it.each<[string, Outcome]>([
    ['the payment', payment(PAID)],
    ['the wake-up', DUE],
  ])(
    'gives back to charged a grant that was called lost before its holder could begin (%s)',
    (_, outcome) => {
      // Its holder is still deciding: it never sent anything, and nobody else can.
      const row = aRecharge({ phase: 'needs_review', review: 'grant_unknown', grantToken: 'token-mine' });
      const next = written(decide(row, outcome, aMoment({ token: 'token-mine' })));
      expect(next).toMatchObject({ phase: 'charged', grantNo: 1 });
      expect(next.review).toBeUndefined();
      expect(decide(next, outcome, aMoment({ token: 'token-mine' }))).toEqual({ effect: 'stop' });
    },
  );

  it.each<[string, Recharge, Outcome]>([
    ['grant_unknown', aRecharge({ phase: 'granting' }), grant({ kind: 'unknown', detail: 'status 502' })],
    ['grant_differs', aRecharge({ phase: 'granting' }), grant({ kind: 'differs', detail: '400 credits' })],
    ['grant_refused', aRecharge({ phase: 'granting' }), grant({ kind: 'refused', detail: 'status 404' })],
    ['refund_failed', aRecharge({ phase: 'refunding' }), refund({ kind: 'refused', reason: 'disputed' })],
    [
      'refund_unknown',
      aRecharge({ phase: 'refunding', phaseDeadline: utc('2026-01-05 12:00:10') }),
      refund({ kind: 'unknown', detail: 'status 502' }),
    ],
  ])('does not silence the alert %s', (word, row, outcome) => {
    const first = decide(row, outcome, aMoment());
    const second = decide(written(first), outcome, aMoment());
    expect(first.alert?.word).toBe(word);
    expect(second.next).toBeUndefined();
    expect(second.alert?.word).toBe(word);
  });
});

describe('the schedules that go wrong without a rule', () => {
  const lostAt = aMoment({ now: utc('2026-01-05 12:06:00'), token: 'token-b' });
  const said = (answer: 'confirm-not-granted' | 'refund', row: Recharge, now: string) =>
    applyAnswer(row, { answer, note: 'looked at the history' }, aMoment({ now: utc(now) }));
  function accepted(result: ReturnType<typeof applyAnswer>): Recharge {
    if ('refused' in result) throw new Error(result.refused);
    return result.next;
  }

  it('8, the zombie: nobody else grants before the settle time, and its old token grants no more', () => {
    const granting = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-a' })));
    const review = written(decide(granting, DUE, lostAt));
    expect(review.review).toBe('grant_unknown');
    expect(said('confirm-not-granted', review, '2026-01-05 12:17:09.999')).toHaveProperty('refused');
    const back = accepted(said('confirm-not-granted', review, '2026-01-05 12:17:10'));
    const again = written(decide(back, DUE, aMoment({ now: utc('2026-01-05 12:18:00'), token: 'token-b' })));
    expect(again).toMatchObject({ phase: 'granting', grantNo: 2, grantToken: 'token-b' });
    // The first writer wakes up, its write's answer lost: the row is no longer its own.
    expect(decide(again, charged(PAID), aMoment({ token: 'token-a' }))).toEqual({ effect: 'stop' });
  });

  it('9, the answer too soon: neither "not granted" nor a refund is taken while the request can still land', () => {
    const review = written(
      decide(aRecharge({ phase: 'granting' }), grant({ kind: 'unknown', detail: 'timeout' }), aMoment()),
    );
    for (const answer of ['confirm-not-granted', 'refund'] as const) {
      expect(said(answer, review, '2026-01-05 12:00:30')).toHaveProperty('refused');
      expect(said(answer, review, '2026-01-05 12:17:09.999')).toHaveProperty('refused');
      expect(said(answer, review, '2026-01-05 12:17:10')).toHaveProperty('next');
    }
  });

  it('10, the stale answer: an answer keeps the version that was shown, and the next grant has its own settle time', () => {
    const shown = aRecharge({ phase: 'needs_review', review: 'grant_unknown', version: 5 });
    expect(accepted(said('refund', shown, '2026-01-05 13:00:00')).version).toBe(5);
    const back = {
      ...written(decide(shown, grant({ kind: 'not_applied', detail: '429' }), aMoment())),
      version: 6,
    };
    const at = aMoment({ now: utc('2026-01-05 13:00:00'), token: 'token-b' });
    const granting = written(decide(back, DUE, at));
    const newer = written(decide(granting, grant({ kind: 'unknown', detail: 'timeout' }, 'token-b'), at));
    expect(said('refund', newer, '2026-01-05 13:16:59.999')).toHaveProperty('refused');
    expect(said('refund', newer, '2026-01-05 13:17:00')).toHaveProperty('next');
  });

  it('11, the outcome of an old token: it neither refunds nor reopens the newer grant', () => {
    const row = aRecharge({ phase: 'granting', grantNo: 2, grantToken: 'token-b' });
    const results: GrantResult[] = [
      { kind: 'refused', detail: 'status 404' },
      { kind: 'not_applied', detail: 'status 429' },
      { kind: 'unknown', detail: 'status 502' },
      { kind: 'granted', newBalance: 512 },
    ];
    for (const result of results) {
      const decision = decide(
        row,
        grant(result, 'token-a'),
        aMoment({ policy: { refundAutomatically: true } }),
      );
      expect({ ...decision.next, history: [] }).toEqual({ ...row, history: [] });
      expect(decision.effect).toBe('stop');
    }
  });

  it('12, the derived token: two who learn of the same payment draw two tokens, and one of them grants', () => {
    const byA = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-a' })));
    expect(byA.grantNo).toBe(1);
    expect(decide(byA, charged(PAID), aMoment({ token: 'token-b' }))).toEqual({ effect: 'stop' });
  });

  it('13, the assumed write: who lost the race reads whose token is there, and stops', () => {
    const byB = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-b' })));
    expect(decide(byB, charged(PAID), aMoment({ token: 'token-a' }))).toEqual({ effect: 'stop' });
    expect(decide(byB, charged(PAID), aMoment({ token: 'token-b' }))).toEqual({ effect: 'grant' });
  });

  it('14, the blind reschedule: what says nothing about the charge moves a row that is granting nowhere', () => {
    const row = aRecharge({ phase: 'granting' });
    const nothing: Outcome[] = [
      charged(SILENT),
      charged({ kind: 'not_attempted', detail: '429' }),
      payment(NOT_FOUND),
      charged(PENDING),
      { kind: 'held', why: 'charging is paused' },
    ];
    for (const outcome of nothing) expect(decide(row, outcome, aMoment())).toEqual({ effect: 'stop' });
  });

  it('15, the outcome of an old attempt: its decline does not decline the attempt that was paid', () => {
    const soft = payment({ kind: 'declined', reason: 'insufficient_funds', retryable: true }, 1);
    const planned = written(decide(aRecharge(), soft, aMoment({ policy: { declineRetries: 1 } })));
    const paid = written(decide(planned, payment(PAID, 2), aMoment({ now: utc('2026-01-06 12:00:30') })));
    for (const row of [planned, paid]) expect(decide(row, soft, aMoment())).toEqual({ effect: 'stop' });
  });
});
