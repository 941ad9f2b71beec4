import { describe, expect, it } from 'vitest';
import type { GrantsListed } from '../../../../shared/platform/client.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import { isPaced, type Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aFrozen, aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { aLookingMoment, anUnknownGrant, DIFFERS, SILENT } from './looks.ts';
import { LOOKING } from './matrix.ts';
import { DUE, evidence, type GrantResult, grant, payment, written } from './outcomes.ts';

const LAST_LOOK = '2026-01-12 12:00:00';

/** Ended after two grants, and brought by the sweeper for a late look. */
const ended = (given: Partial<Recharge> = {}) =>
  aRecharge({
    phase: 'completed',
    grantNo: 2,
    swept: 1,
    nextAttemptAt: utc('2026-01-06 12:00:00'),
    phaseDeadline: utc(LAST_LOOK),
    ...given,
  });

const listed = (...marks: string[]): Outcome => ({
  kind: 'grants_listed',
  result: { kind: 'listed', marks },
});
const silent: Outcome = {
  kind: 'grants_listed',
  result: { kind: 'no_answer', detail: 'status 502' } satisfies GrantsListed,
};
const lookedAt = (text: string, row: Recharge, outcome: Outcome) =>
  decide(row, outcome, aMoment({ now: utc(text), policy: LOOKING }));

describe('a late look for grants too many', () => {
  it('names the grants that it found, or says that it found none', () => {
    const detail = (row: Recharge, ...marks: string[]) =>
      written(lookedAt('2026-01-06 12:00:00', row, listed(...marks))).history.at(-1);
    expect(detail(ended(), 'rr-1', 'rr-2')).toMatchObject({
      event: 'grant_too_many',
      detail: 'usage export: rr-1, rr-2',
    });
    expect(detail(ended(), 'rr-1')).toMatchObject({
      event: 'no_grant_too_many',
      detail: 'usage export: rr-1',
    });
    expect(detail(ended())).toMatchObject({ event: 'not_in_export', detail: 'usage export: no grant' });
    // Of a recharge that was given back none is what there should be.
    expect(detail(ended({ phase: 'refunded' }))).toMatchObject({
      event: 'no_grant_too_many',
      detail: 'usage export: no grant',
    });
  });

  it('comes once more at the last look, and leaves nothing to come back for after that', () => {
    const before = written(lookedAt('2026-01-12 11:59:59.999', ended(), listed('rr-1')));
    expect(before).toMatchObject({ nextAttemptAt: utc(LAST_LOOK), phaseDeadline: utc(LAST_LOOK) });
    const last = written(lookedAt(LAST_LOOK, ended(), listed('rr-1')));
    for (const member of ['nextAttemptAt', 'phaseDeadline', 'swept']) {
      expect(last).not.toHaveProperty(member);
    }
  });

  it('without an answer is tried again until a day after the last look', () => {
    const before = written(lookedAt('2026-01-13 11:59:59.999', ended(), silent));
    expect(before).toMatchObject({ nextAttemptAt: expect.any(Number), phaseDeadline: utc(LAST_LOOK) });
    const after = written(lookedAt('2026-01-13 12:00:00', ended(), silent));
    for (const member of ['nextAttemptAt', 'phaseDeadline']) expect(after).not.toHaveProperty(member);
  });

  it('changes nothing where another look was the last, or where the recharge has not ended', () => {
    const { phaseDeadline: _, ...done } = ended({ sayAgain: 'granted_twice' });
    for (const row of [done, ended({ phase: 'charged' }), ended({ phase: 'refunding' })]) {
      for (const outcome of [silent, listed('rr-1', 'rr-2')]) {
        expect(lookedAt('2026-01-06 12:00:00', row, outcome)).toEqual({ effect: 'stop' });
      }
    }
  });

  it('is not made where only a loss is to be said again', () => {
    const { phaseDeadline: _, ...row } = ended({ sayAgain: 'paid_after_end' });
    expect(lookedAt('2026-01-06 12:00:00', row, DUE)).toMatchObject({
      alert: { word: 'paid_after_end' },
      effect: 'stop',
    });
  });
});

describe('a look for an unknown grant', () => {
  it('that finds a contradiction says so, even in the words in which the export was silent before', () => {
    const silence = { ...SILENT, detail: 'detail' in DIFFERS ? DIFFERS.detail : '' };
    const row = { ...written(decide(anUnknownGrant(), evidence(silence), aLookingMoment())), swept: 1 };
    const { alert } = decide(row, evidence(DIFFERS), aLookingMoment('2026-01-05 13:05:20'));
    expect(alert?.word).toBe('grant_differs');
  });
});

describe('a payment that comes late', () => {
  const late = (attempt: number, paymentRef: string) => payment({ kind: 'paid', paymentRef }, attempt);

  it('to an attempt that was declined, while another is under way, is told and changes no phase', () => {
    const row = aRecharge({ phase: 'charge_pending', attempt: 2 });
    expect(decide(row, late(1, 'pay_0'), aMoment())).toMatchObject({
      next: { phase: 'charge_pending', paymentRef: 'pay_1' },
      alert: { word: 'paid_after_end', detail: 'attempt 1: pay_0' },
      effect: 'stop',
    });
  });

  it('is told once, and so is each further one', () => {
    const row = aRecharge({ phase: 'declined', attempt: 2 });
    const once = written(decide(row, late(2, 'pay_2'), aMoment()));
    expect(decide(once, late(2, 'pay_2'), aMoment())).toEqual({ effect: 'stop' });
    const twice = decide(once, late(1, 'pay_1'), aMoment());
    expect(twice.alert).toEqual({ word: 'paid_after_end', detail: 'attempt 1: pay_1' });
    for (const known of [late(1, 'pay_1'), late(2, 'pay_2')]) {
      expect(decide(written(twice), known, aMoment())).toEqual({ effect: 'stop' });
    }
  });

  it('is told although other things happened to the recharge', () => {
    const row = aRecharge({ phase: 'declined', history: [] });
    expect(decide(row, late(1, 'pay_1'), aMoment()).alert?.word).toBe('paid_after_end');
  });

  it('and was given back by the provider since, ends a review as declined, and says by whom', () => {
    const row = aRecharge({ phase: 'needs_review', review: 'charge_unknown', swept: 1 });
    expect(decide(row, payment({ kind: 'refunded' }), aMoment())).toMatchObject({
      next: { phase: 'declined', reason: 'refunded_at_provider' },
      release: { reason: 'refunded_at_provider', retryable: false },
    });
  });
});

describe('an attempt that another run has reserved', () => {
  const reservedAt = utc('2026-01-06 12:00:10');
  const found: Outcome = { kind: 'reserved', attempt: 2, fresh: false, at: reservedAt, frozen: aFrozen() };
  const row = (at: number) =>
    aRecharge({
      attempt: 2,
      attemptStartedAt: reservedAt,
      history: [{ at, event: 'declined_will_retry', detail: 'insufficient_funds' }],
    });
  const effect = (reportedAt: number) =>
    decide(row(reportedAt), found, aMoment({ now: reservedAt + 1_000 })).effect;

  it('is left to that run where all that was reported is older', () => {
    expect(effect(reservedAt - 1)).toBe('stop');
  });

  it('is looked up where that run has reported in the very millisecond', () => {
    expect(effect(reservedAt)).toBe('look_up_payment');
  });
});

describe('a grant', () => {
  it('that was made after all before the next one began is told to a person in words', () => {
    const { next, alert } = decide(
      aRecharge({ phase: 'charged', grantNo: 1 }),
      grant({ kind: 'granted' }, 'token-older'),
      aMoment(),
    );
    expect(next?.review).toBe('grant_differs');
    expect(alert?.detail).toBe('an earlier grant was made after all');
  });

  it('that was called lost before it was sent was certainly not sent, and counts as no answer', () => {
    const lost = aRecharge({ phase: 'needs_review', review: 'grant_unknown', grantToken: 'token-new' });
    const next = written(decide(lost, DUE, aMoment()));
    expect(next).toMatchObject({ phase: 'charged', unsent: true });
    expect(next).not.toHaveProperty('notApplied');
    expect(next.history.at(-1)?.detail).toBe('not granted: not sent: called lost before it began');
  });

  it('without a deadline is not called lost', () => {
    const { grantDeadline: _, ...row } = aRecharge({ phase: 'granting' });
    expect(decide(row, DUE, aMoment({ now: utc('2027-01-01 00:00:00') }))).toEqual({ effect: 'stop' });
  });

  it('that never left this machine takes no doubt from the one before it', () => {
    const unsent = grant({ kind: 'not_applied', detail: 'not sent', unsent: true });
    const unsentSince = (given: Partial<Recharge>) =>
      written(decide(aRecharge({ phase: 'granting', ...given }), unsent, aMoment())).unsent;
    expect(unsentSince({ grantNo: 1 })).toBe(true);
    expect(unsentSince({ grantNo: 2 })).toBeUndefined();
    expect(unsentSince({ grantNo: 2, unsent: true })).toBe(true);
  });

  it.each<[boolean, string, GrantResult]>([
    [true, 'held back until a time', { kind: 'not_applied', detail: '', unsent: true, retryAfterMs: 1 }],
    [false, 'held back for another reason', { kind: 'not_applied', detail: '', unsent: true }],
    [false, 'sent, and put off by the platform', { kind: 'not_applied', detail: '', retryAfterMs: 1 }],
    [
      false,
      'held back for what concerns the agency',
      { kind: 'not_applied', detail: '', unsent: true, retryAfterMs: 1, agencyFault: 'rate_limited' },
    ],
    [false, 'granted', { kind: 'granted' }],
    [false, 'unknown', { kind: 'unknown', detail: '' }],
  ])('is no news (%s) where it was %s', (paced, _, result) => {
    expect(isPaced(result)).toBe(paced);
  });
});

it('a client who reaches their cap is told of once a day', () => {
  const refused: Outcome = { kind: 'refused', attempt: 1, word: 'over_monthly_amount' };
  expect(decide(aRecharge(), refused, aMoment()).alert).toEqual({ word: 'monthly_cap_reached', daily: true });
});
