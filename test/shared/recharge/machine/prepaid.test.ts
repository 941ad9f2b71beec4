import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { written } from './outcomes.ts';

const reserved = (attempt = 1): Outcome => ({
  kind: 'reserved',
  attempt,
  fresh: false,
  at: utc('2026-01-05 12:00:00'),
  frozen: { prepaid: true, grantEmail: 'demo@example.com' },
});

describe('a recharge of which a person said that nothing is to be charged', () => {
  it('is granted on that word, without a payment, an amount or a time of payment', () => {
    const { next, effect } = decide(aRecharge(), reserved(), aMoment());
    expect(effect).toBe('grant');
    expect(next).toMatchObject({ phase: 'granting', prepaid: true, paymentRef: 'prepaid', grantNo: 1 });
    expect(next?.history.at(-1)).toEqual({ at: utc('2026-01-05 12:00:10'), event: 'prepaid' });
    for (const member of ['paidAt', 'amount', 'currency']) expect(next).not.toHaveProperty(member);
  });

  it('belongs to the platform that grants first', () => {
    expect(written(decide(aRecharge(), reserved(), aMoment())).platformParty).toBe('~platform');
  });

  it('is blocked where a person has stopped it before, and its reservation is given back', () => {
    const row = aRecharge({ stopped: true });
    expect(decide(row, reserved(), aMoment())).toMatchObject({
      release: { reason: 'stopped', retryable: false },
      next: {
        phase: 'blocked',
        reason: 'stopped',
        history: [...row.history, { at: utc('2026-01-05 12:00:10'), event: 'blocked', detail: 'stopped' }],
      },
      effect: 'stop',
    });
    expect(decide(row, reserved(), aMoment()).next).not.toHaveProperty('nextAttemptAt');
  });

  it.each<[string, Partial<Recharge>]>([
    ['was declined', { phase: 'declined' }],
    ['was blocked', { phase: 'blocked' }],
    ['is being granted by another run, even if stopped since', { phase: 'granting', stopped: true }],
    ['was granted', { phase: 'completed' }],
  ])('and which %s, stays as it is', (_, given) => {
    expect(decide(aRecharge(given), reserved(), aMoment())).toEqual({ effect: 'stop' });
  });

  it('is not granted by the reservation of another attempt', () => {
    expect(decide(aRecharge(), reserved(2), aMoment())).toEqual({ effect: 'stop' });
  });
});
