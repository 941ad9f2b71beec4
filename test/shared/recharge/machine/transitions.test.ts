import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../../support/builders.ts';
import {
  charged,
  DUE,
  grant,
  MUST_ACT,
  NOT_FOUND,
  PAID,
  PENDING,
  payment,
  refund,
  SILENT,
} from './outcomes.ts';

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
    says: { alert: { word: 'recharge_blocked', detail: 'over_daily_count', daily: true }, effect: 'stop' },
  },
  {
    name: 'received → received, due later, while charging is paused',
    row: aRecharge(),
    outcome: { kind: 'held', why: 'charging is paused' },
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
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
      notBefore: utc('2026-01-05 13:00:10'),
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
      notBefore: utc('2026-01-05 13:00:10'),
    },
    event: ['waiting', 'client must act'],
    says: { alert: { word: 'client_must_act', daily: true }, effect: 'stop' },
  },
  {
    name: 'received → received, due later, when this call did nothing',
    row: aRecharge({ swept: 4 }),
    outcome: payment({ kind: 'not_attempted', detail: 'not sent: refused' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'payment not attempted: not sent: refused'],
  },
  {
    name: 'received → received, and an alert, when the payment hook refuses the request as such',
    row: aRecharge(),
    outcome: payment({ kind: 'not_attempted', detail: 'status 401', misconfigured: true }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'payment not attempted: status 401'],
    says: {
      alert: { word: 'payment_hook_misconfigured', detail: 'status 401', daily: true },
      effect: 'stop',
    },
  },
  {
    name: 'received → received, parameters kept, when the outcome of the charge is unknown',
    row: aRecharge({ swept: 4 }),
    outcome: charged(SILENT),
    becomes: {
      amount: 5_000,
      currency: 'USD',
      nextAttemptAt: utc('2026-01-05 12:00:11'),
      notBefore: utc('2026-01-05 12:00:11'),
    },
    event: ['waiting', 'payment unknown: no answer'],
  },
  {
    name: 'received → declined (expired), amount given back, when nothing is found 24 h after the attempt began',
    row: aRecharge(),
    outcome: payment(NOT_FOUND),
    at: { now: utc('2026-01-06 12:00:00') },
    becomes: { phase: 'declined', reason: 'expired', nextAttemptAt: undefined },
    event: ['declined', 'expired'],
    says: {
      release: { reason: 'expired', retryable: false },
      alert: { word: 'recharge_expired', daily: true },
      effect: 'stop',
    },
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
    becomes: {
      nextAttemptAt: utc('2026-01-06 13:00:00'),
      notBefore: utc('2026-01-06 13:00:00'),
      swept: undefined,
    },
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
    becomes: {
      phase: 'charged',
      nextAttemptAt: utc('2026-01-05 12:00:13.750'),
      notApplied: 1,
      notBefore: utc('2026-01-05 12:00:13.750'),
    },
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
      nextAttemptAt: utc('2026-01-05 12:00:13.750'),
      notApplied: 1,
      notBefore: utc('2026-01-05 12:00:13.750'),
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
    becomes: {
      nextAttemptAt: utc('2026-01-06 12:00:10'),
      notBefore: utc('2026-01-06 12:00:10'),
      swept: undefined,
    },
    event: ['waiting', 'refund pending'],
  },
  {
    name: 'refunding → refunding, due later, when the outcome of the refund is unknown',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'unknown', detail: 'status 500' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund unknown: status 500'],
  },
  {
    name: 'refunding → refunding, due later, when this call did nothing',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 429' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: status 429'],
  },
  {
    name: 'refunding → refunding, and an alert, when the payment hook refuses the request as such',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 401', misconfigured: true }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: status 401'],
    says: {
      alert: { word: 'payment_hook_misconfigured', detail: 'status 401', daily: true },
      effect: 'stop',
    },
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
