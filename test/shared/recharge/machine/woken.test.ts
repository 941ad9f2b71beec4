import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { DUE, lookedUp, NOT_FOUND, PAID, PENDING, payment, SILENT, written } from './outcomes.ts';

const WOKEN: Outcome = { kind: 'due', woken: true };
const HEARD = utc('2026-01-05 12:00:10');
const HOUR = 3_600_000;

const pending = (given: Partial<Recharge> = {}) => aRecharge({ phase: 'charge_pending', ...given });

describe('a recharge of which somebody says that its payment has changed', () => {
  it.each<[string, Partial<Recharge>]>([
    ['waits for its payment', { phase: 'charge_pending' }],
    ['is in review for its payment', { phase: 'needs_review', review: 'charge_unknown' }],
    ['was declined', { phase: 'declined' }],
    ['was blocked', { phase: 'blocked' }],
  ])('and which %s, is noted as heard before its payment is looked up', (_, given) => {
    const row = aRecharge(given);
    expect(decide(row, WOKEN, aMoment())).toEqual({
      next: { ...row, wokenAt: HEARD },
      effect: 'look_up_payment',
    });
  });

  it.each<[string, Partial<Recharge>]>([
    ['was not charged yet', {}],
    ['is being granted', { phase: 'granting' }],
    ['was paid', { phase: 'charged' }],
    ['is in review for its grant', { phase: 'needs_review', review: 'grant_unknown' }],
    ['is given back', { phase: 'refunding' }],
    ['was granted', { phase: 'completed' }],
    ['was given back', { phase: 'refunded' }],
  ])('and which %s, stays as it is', (_, given) => {
    expect(decide(aRecharge(given), WOKEN, aMoment())).toEqual({ effect: 'stop' });
  });

  it('is heard once in five seconds', () => {
    const heardAt = (text: string) => decide(pending({ wokenAt: HEARD }), WOKEN, aMoment({ now: utc(text) }));
    expect(heardAt('2026-01-05 12:00:14.999')).toEqual({ effect: 'stop' });
    expect(heardAt('2026-01-05 12:00:15')).toMatchObject({ next: { wokenAt: utc('2026-01-05 12:00:15') } });
  });

  it.each([
    ['right after it was heard, in five seconds', 0, 5_000],
    ['five seconds after, in five seconds', 5_000, 5_000],
    ['ten seconds after, in ten seconds', 10_000, 10_000],
    ['days after, in an hour as ever', 48 * HOUR, HOUR],
  ])('is looked at again, %s', (_, sinceMs, waitsMs) => {
    const row = pending({ wokenAt: HEARD });
    const { notBefore = 0 } = written(decide(row, payment(PENDING), aMoment({ now: HEARD + sinceMs })));
    expect(notBefore - HEARD - sinceMs).toBe(waitsMs);
  });

  it('waits its hour where nobody says so', () => {
    const { notBefore } = written(decide(pending(), payment(PENDING), aMoment()));
    expect(notBefore).toBe(HEARD + HOUR);
  });
});

describe('a recharge that has ended without a payment, and of which somebody says that it was paid', () => {
  const DAY = 24 * HOUR;
  /** Heard, and brought by the sweeper for its next look. */
  const due = (given: Partial<Recharge> = {}) =>
    aRecharge({ phase: 'declined', wokenAt: HEARD, swept: 1, nextAttemptAt: HEARD + 5_000, ...given });
  const sinceHeard = (ms: number) => aMoment({ now: HEARD + ms });

  it('comes back in five seconds where it is told again while a look is under way', () => {
    const heard = aRecharge({ phase: 'declined', wokenAt: HEARD });
    expect(decide(heard, WOKEN, sinceHeard(1_000))).toEqual({
      next: { ...heard, nextAttemptAt: HEARD + 6_000 },
      effect: 'stop',
    });
    expect(decide({ ...heard, nextAttemptAt: HEARD + 5_000 }, WOKEN, sinceHeard(1_000))).toEqual({
      effect: 'stop',
    });
  });

  it('is looked up when the sweeper brings it, not when a message comes again', () => {
    expect(decide(due(), DUE, sinceHeard(5_000))).toEqual({ effect: 'look_up_payment' });
    const { swept: _, ...row } = due();
    expect(decide(row, DUE, sinceHeard(5_000))).toEqual({ effect: 'stop' });
  });

  it('is not looked up where nobody has said so, whoever brings it', () => {
    const { wokenAt: _, ...unheard } = due();
    expect(decide(unheard, DUE, sinceHeard(5_000))).toEqual({ effect: 'stop' });
  });

  it('says its loss again first, where there is one to say', () => {
    const { alert, effect } = decide(due({ sayAgain: 'paid_after_end' }), DUE, sinceHeard(5_000));
    expect({ word: alert?.word, effect }).toEqual({ word: 'paid_after_end', effect: 'stop' });
  });

  it.each<[string, Outcome]>([
    ['gives no answer', lookedUp(SILENT)],
    ['cannot be asked', { kind: 'held', why: 'no time left in this run' }],
  ])('is looked up ever more rarely where the endpoint %s, and after a day no more', (_, outcome) => {
    const next = (ms: number) => written(decide(due(), outcome, sinceHeard(ms)));
    expect(decide(due(), outcome, sinceHeard(5_000)).effect).toBe('stop');
    expect(next(5_000)).toMatchObject({ phase: 'declined', nextAttemptAt: HEARD + 10_000 });
    expect(next(DAY - 1).nextAttemptAt).toBe(HEARD + DAY - 1 + HOUR);
    for (const member of ['nextAttemptAt', 'swept']) expect(next(DAY)).not.toHaveProperty(member);
    expect(next(5_000)).not.toHaveProperty('swept');
  });

  it('is not looked up again for a charge of long ago that brought no answer', () => {
    for (const result of [SILENT, { kind: 'not_attempted', detail: 'status 429' } as const])
      expect(decide(due(), payment(result), sinceHeard(5_000))).toEqual({ effect: 'stop' });
    const { wokenAt: _, ...unheard } = due();
    expect(decide(unheard, lookedUp(SILENT), sinceHeard(5_000))).toEqual({ effect: 'stop' });
  });

  it('and that is paid meanwhile, stays as it is where it cannot be asked about', () => {
    const held: Outcome = { kind: 'held', why: 'no time left in this run' };
    for (const phase of ['granting', 'charged', 'completed'] as const)
      expect(decide(due({ phase }), held, sinceHeard(5_000))).toEqual({ effect: 'stop' });
  });

  it('is left as it is once there was an answer', () => {
    const { next, ...said } = decide(due(), lookedUp(NOT_FOUND), sinceHeard(5_000));
    expect(said).toEqual({ effect: 'stop' });
    for (const member of ['nextAttemptAt', 'swept']) expect(next).not.toHaveProperty(member);
    const { nextAttemptAt: _, ...alone } = due();
    expect(decide(alone, lookedUp(NOT_FOUND), sinceHeard(5_000))).toEqual({ effect: 'stop' });
  });

  it('was paid, which is told now and a day later, and it is not looked up any more', () => {
    const { next, alert } = decide(due(), lookedUp(PAID), sinceHeard(5_000));
    expect(alert).toEqual({ word: 'paid_after_end', detail: 'attempt 1: pay_1' });
    expect(next).toMatchObject({ sayAgain: 'paid_after_end', nextAttemptAt: HEARD + 5_000 + DAY });
  });
});
