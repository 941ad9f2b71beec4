import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge, Refusal } from '../../../../shared/recharge/recharge.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../../support/builders.ts';
import {
  charged,
  DUE,
  grant,
  lookedUp,
  MUST_ACT,
  NOT_FOUND,
  PAID,
  payment,
  refund,
  SILENT,
  written,
} from './outcomes.ts';

describe('what is done next, without a write', () => {
  it('a received recharge is reserved first', () => {
    expect(decide(aRecharge(), DUE, aMoment())).toEqual({ effect: 'reserve' });
  });

  it('an attempt reserved by this very run is charged', () => {
    const at = utc('2026-01-05 12:00:10');
    const fresh: Outcome = { kind: 'reserved', attempt: 1, fresh: true, at, frozen: aFrozen() };
    expect(decide(aRecharge(), fresh, aMoment())).toEqual({ effect: 'charge' });
  });

  describe('an attempt found reserved', () => {
    const at = utc('2026-01-05 12:00:10');
    const found: Outcome = { kind: 'reserved', attempt: 1, fresh: false, at, frozen: aFrozen() };
    const effect = (row: Recharge, now: string) => decide(row, found, aMoment({ now: utc(now) })).effect;

    it('is left to the run that reserved it, for as long as that run may live', () => {
      expect(effect(aRecharge(), '2026-01-05 12:00:10.500')).toBe('stop');
      expect(effect(aRecharge(), '2026-01-05 12:01:09.999')).toBe('stop');
    });

    it('is left to it also where the claim, or a person, bears a later time than the reservation', () => {
      const history = ['received', 'started', 'started_instead_of', 'stopped'].map((event) => ({
        at,
        event,
      }));
      expect(effect(aRecharge({ history }), '2026-01-05 12:00:20')).toBe('stop');
    });

    it('is looked up once that run must be over, before anything is charged', () => {
      expect(effect(aRecharge(), '2026-01-05 12:01:10')).toBe('look_up_payment');
    });

    it('is looked up at once where that run has reported', () => {
      const waited = written(decide(aRecharge(), charged(SILENT), aMoment({ now: at + 100 })));
      expect(effect(waited, '2026-01-05 12:00:20')).toBe('look_up_payment');
    });
  });

  it('a charge is asked for again under its key where the lookup does not answer', () => {
    expect(decide(aRecharge(), lookedUp(SILENT), aMoment())).toEqual({ effect: 'charge' });
    expect(decide(aRecharge(), charged(SILENT), aMoment()).effect).toBe('stop');
  });

  it('a lookup that only its developer can mend is said at once', () => {
    const refused = lookedUp({ kind: 'unknown', detail: 'status 401', misconfigured: true });
    expect(decide(aRecharge(), refused, aMoment())).toEqual({
      alert: { word: 'payment_hook_misconfigured', detail: 'status 401', daily: true },
      effect: 'charge',
    });
  });

  it('nothing is charged where nothing is reserved, or past the window, however silent the lookup', () => {
    const late = aMoment({ now: utc('2026-01-06 10:59:40') });
    expect(decide(aRecharge(), lookedUp(SILENT), late).effect).toBe('stop');
    const unreserved: Outcome = { kind: 'payment', attempt: 1, asked: 'lookup', result: SILENT };
    expect(decide(aRecharge(), unreserved, aMoment()).effect).toBe('stop');
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

describe('a refusal', () => {
  const refused = (word: Refusal) => decide(aRecharge(), { kind: 'refused', attempt: 1, word }, aMoment());

  it.each(['observe_only', 'stopped', 'cooldown', 'unfinished_recharge'] as const)(
    'that follows from what a person wanted, or from another recharge, is no news: %s',
    (word) => {
      expect(refused(word)).not.toHaveProperty('alert');
    },
  );

  it('that leaves the client without credits is told, daily', () => {
    const detail = 'account_suspended';
    expect(refused(detail).alert).toEqual({ word: 'recharge_blocked', detail, daily: true });
    expect(refused('over_monthly_amount').alert).toEqual({ word: 'monthly_cap_reached', daily: true });
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
    const later = utc('2026-01-05 12:01:00');
    const second = written(decide(back, DUE, aMoment({ token: 'token-2', now: later })));
    expect([first.grantNo, back.grantNo, second.grantNo]).toEqual([1, 1, 2]);
    expect([first.grantToken, back.grantToken, second.grantToken]).toEqual(['token-1', 'token-1', 'token-2']);
  });

  it('a row that waits is not hurried: whoever wakes it early does nothing', () => {
    const waits = written(
      decide(
        aRecharge(),
        charged({ kind: 'not_attempted', detail: 'status 429', retryAfterMs: 600_000 }),
        aMoment(),
      ),
    );
    // As the sweeper leaves it, which moves the row on in the index before it wakes it.
    const swept = { ...waits, nextAttemptAt: utc('2026-01-05 12:13:10'), swept: 1 };
    const effect = (now: string) => decide(swept, DUE, aMoment({ now: utc(now) })).effect;
    expect(effect('2026-01-05 12:00:11')).toBe('stop');
    expect(effect('2026-01-05 12:10:08.999')).toBe('stop');
    expect(effect('2026-01-05 12:10:09')).toBe('reserve');
  });
});

describe('a recharge that a person has stopped', () => {
  const stopped = aRecharge({ stopped: true });

  it('is refused where nothing is reserved, also before its planned attempt', () => {
    expect(decide(stopped, DUE, aMoment()).effect).toBe('reserve');
    const planned = { ...stopped, attempt: 2, attemptStartedAt: utc('2026-01-06 12:00:00') };
    expect(decide(planned, DUE, aMoment()).effect).toBe('reserve');
  });

  it('is never charged again, whatever the lookup says', () => {
    expect(decide(stopped, lookedUp(NOT_FOUND), aMoment()).effect).toBe('stop');
    expect(decide(stopped, lookedUp(SILENT), aMoment()).effect).toBe('stop');
  });

  it('is granted all the same where its payment was under way', () => {
    expect(written(decide(stopped, lookedUp(PAID), aMoment())).phase).toBe('granting');
  });

  it('asks no client to confirm what waits for them: the next look cancels it', () => {
    const at = aMoment();
    const decision = decide(stopped, lookedUp(MUST_ACT), at);
    expect(decision).not.toHaveProperty('alert');
    const waiting = written(decision);
    const due = { ...at, now: waiting.nextAttemptAt ?? 0 };
    expect(decide({ ...waiting, notBefore: due.now }, DUE, due).effect).toBe('cancel_payment');
  });
});
