import { describe, expect, it } from 'vitest';
import type { GrantsListed } from '../../../../shared/platform/client.ts';
import { toGoodwillRefund } from '../../../../shared/recharge/machine/goodwill.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Decision } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { LOOKING, MATRIX, rowIn } from './matrix.ts';
import { DUE, grant, refund } from './outcomes.ts';

const givingBack = (given: Partial<Recharge> = {}): Recharge => ({
  ...rowIn('refunding', given),
  phase: 'completed',
  goodwillRefund: 'under_way',
});

/** What is written, without the phase, its deadline, and how far the refund is. */
function otherwise({ next, ...said }: Decision): unknown {
  if (!next) return said;
  const { phase: _p, goodwillRefund: _g, phaseDeadline: _d, ...row } = next;
  return { ...said, row };
}

const OF_REFUNDS = MATRIX.filter(([, { kind }]) => kind === 'due' || kind === 'refund');

describe('a completed recharge whose money is given back', () => {
  it('stays completed, is due at once, and has its seven days and the person’s words', () => {
    const row = aRecharge({ phase: 'completed' });
    const now = utc('2026-02-01 09:00:00');
    expect(toGoodwillRefund(row, 'a dispute', aMoment({ now }))).toEqual({
      ...row,
      goodwillRefund: 'under_way',
      refundStartedAt: now,
      nextAttemptAt: now,
      phaseDeadline: utc('2026-02-08 09:00:00'),
      history: [...row.history, { at: now, event: 'goodwill_refund', detail: 'a dispute' }],
    });
  });

  it.each(OF_REFUNDS)('%s: as of any other refund', (_name, outcome) => {
    for (const review of [undefined, 'refund_failed', 'refund_unknown'] as const) {
      const given = review === undefined ? { grantNo: 0 } : { grantNo: 0, review, swept: 1 };
      const row = givingBack(given);
      const decision = decide(row, outcome, aMoment());
      const ordinary = decide(rowIn(review ?? 'refunding', given), outcome, aMoment());
      expect(otherwise(decision)).toEqual(otherwise(ordinary));
      if (decision.next) expect(decision.next.phase).toBe('completed');
      expect(decision.next?.goodwillRefund ?? 'under_way').toBe(
        ordinary.next?.phase === 'refunded' ? 'refunded' : 'under_way',
      );
    }
  });

  it.each(MATRIX.filter(([, { kind }]) => kind !== 'due' && kind !== 'refund'))(
    '%s: as of any completed recharge',
    (_name, outcome) => {
      const { goodwillRefund: _, ...completed } = givingBack();
      const decision = decide(givingBack(), outcome, aMoment());
      expect(otherwise(decision)).toEqual(otherwise(decide(completed, outcome, aMoment())));
    },
  );

  it.each<GrantsListed>([
    { kind: 'listed', marks: ['rr-1'] },
    { kind: 'no_answer', detail: 'silent' },
  ])('is not put off by a late look that was under way before: $kind', (result) => {
    const row = givingBack({ grantNo: 2, swept: 1, phaseDeadline: utc('2026-01-12 12:00:00') });
    expect(decide(row, { kind: 'grants_listed', result }, aMoment({ policy: LOOKING }))).toEqual({
      effect: 'stop',
    });
  });

  it('waits for the endpoint that took the money, and asks no other', () => {
    const at = aMoment();
    const row = givingBack({ paymentParty: 'another' });
    const { next, alert, effect } = decide(row, DUE, at);
    expect({ effect, word: alert?.word }).toEqual({ effect: 'stop', word: 'other_counterparty' });
    expect(next).toMatchObject({ phase: 'completed', goodwillRefund: 'under_way' });
  });

  it('is in review after seven days without a word, and stays completed', () => {
    const row = givingBack({ phaseDeadline: utc('2026-01-12 12:00:00') });
    const at = aMoment({ now: utc('2026-01-12 12:00:01') });
    const { next, alert } = decide(row, refund({ kind: 'pending' }), at);
    expect(next).toMatchObject({ phase: 'completed', review: 'refund_unknown', goodwillRefund: 'under_way' });
    expect(alert?.word).toBe('refund_unknown');
  });

  it('still has its late looks before it, once the money is back, where it may hold a grant too many', () => {
    const policy = LOOKING;
    const ended = (grantNo: number) =>
      decide(givingBack({ grantNo }), refund({ kind: 'refunded' }), aMoment({ policy })).next;
    expect(ended(1)).not.toHaveProperty('nextAttemptAt');
    expect(ended(2)).toMatchObject({
      goodwillRefund: 'refunded',
      nextAttemptAt: utc('2026-01-06 12:00:10'),
      phaseDeadline: utc('2026-01-12 12:00:10'),
    });
  });

  it.each(['under_way', 'refunded'] as const)(
    '%s: a second grant is one too many, not one after a refund',
    (goodwillRefund) => {
      const row = aRecharge({
        phase: 'completed',
        goodwillRefund,
        refundStartedAt: utc('2026-01-05 12:00:20'),
      });
      const { alert } = decide(row, grant({ kind: 'granted' }, 'token-old'), aMoment());
      expect(alert?.word).toBe('granted_twice');
    },
  );
});
