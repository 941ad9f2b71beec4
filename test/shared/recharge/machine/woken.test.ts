import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { PENDING, payment, written } from './outcomes.ts';

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
