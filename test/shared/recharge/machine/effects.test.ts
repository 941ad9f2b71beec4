import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { DUE, grant, NOT_FOUND, PAID, payment, refund, written } from './outcomes.ts';

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
