import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import { toCharged } from '../../../../shared/recharge/machine/moves.ts';
import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { withinChargeWindow } from '../../../../shared/recharge/machine/payment.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import {
  DUE,
  grant,
  lookedUp,
  MUST_ACT,
  NOT_FOUND,
  PAID,
  type PaymentResult,
  PENDING,
  payment,
  type RefundResult,
  refund,
  SILENT,
  written,
} from './outcomes.ts';

const lastOf = ({ history }: Recharge) => history.at(-1);

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
  ])('a payment that nobody reserved, not found %s, leads to the right end', (_, now, expected) => {
    const decision = decide(aRecharge(), payment(NOT_FOUND), aMoment({ now: utc(now) }));
    expect(decision.next?.phase === 'declined' ? 'declined' : decision.effect).toBe(expected);
  });

  it('a payment that was reserved, and is not found after 24 h, is for a person: a call may have arrived', () => {
    const at = aMoment({ now: utc('2026-01-06 12:00:00') });
    const decision = decide(aRecharge(), lookedUp(NOT_FOUND), at);
    expect(written(decision)).toMatchObject({ phase: 'needs_review', review: 'charge_unknown' });
    expect(decision.alert?.word).toBe('charge_unknown');
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

  it.each<[string, Partial<Recharge>, string]>([
    ['stopped by a person', { stopped: true }, 'payment not found, stopped by a person'],
    ['once its provider had named it', { phase: 'charge_pending' }, 'payment unknown: payment not found'],
    [
      'after 24 h, though it was reserved',
      { amount: 5_000, currency: 'USD', attemptStartedAt: utc('2026-01-04 12:00:10') },
      'not found at the provider, and a call may have arrived',
    ],
  ])('a payment that is not found, %s, says so on its row', (_, given, detail) => {
    expect(lastOf(written(decide(aRecharge(given), payment(NOT_FOUND), aMoment())))?.detail).toBe(detail);
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

describe('a client who must act', () => {
  const mustAct = () => written(decide(aRecharge(), payment(MUST_ACT), aMoment()));

  it('keeps the three days they were given, however often the provider is asked', () => {
    const later = aMoment({ now: utc('2026-01-07 12:00:00') });
    expect(written(decide(mustAct(), payment(MUST_ACT), later)).actBy).toBe(utc('2026-01-08 12:00:10'));
  });

  it('has their page told once, however often the provider is asked', () => {
    const told = (row: Recharge) => decide(row, payment(MUST_ACT), aMoment()).alert?.word;
    expect(told(aRecharge())).toBe('client_must_act');
    expect(told(mustAct())).toBeUndefined();
    expect(told(aRecharge({ stopped: true }))).toBeUndefined();
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

describe('a payment in review that the provider does not find', () => {
  const review = aRecharge({ phase: 'needs_review', review: 'charge_unknown' });
  const { paymentRef: _, ...unnamed } = review;
  const phaseAt = (row: Recharge, now: string) =>
    decide(row, payment(NOT_FOUND), aMoment({ now: utc(now) })).next?.phase;

  it('was never taken where nothing was reserved, 24 h after the attempt began', () => {
    expect(phaseAt(unnamed, '2026-01-06 11:59:59.999')).toBe('needs_review');
    expect(phaseAt(unnamed, '2026-01-06 12:00:00')).toBe('declined');
  });

  it('may have been taken where it was reserved, however late', () => {
    const reserved = { ...unnamed, amount: 5_000, currency: 'USD' };
    expect(phaseAt(reserved, '2026-01-09 12:00:00')).toBe('needs_review');
  });
});
