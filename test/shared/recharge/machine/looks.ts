import { expect } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { DUE, type Evidence, evidence, written } from './outcomes.ts';

export const FOUND: Evidence = { kind: 'found' };
export const NOT_FOUND: Evidence = { kind: 'not_found' };
export const SILENT: Evidence = { kind: 'no_answer', detail: 'status 502' };
export const DIFFERS: Evidence = { kind: 'differs', detail: 'the export does not say 500 credits, but 400' };

export const policy = { evidence: { ...productionPolicy.evidence, lookUp: true } };
export const aLookingMoment = (now = '2026-01-05 12:05:20') => aMoment({ now: utc(now), policy });

/** The grant of 12:00:10 whose answer was a 502, brought back by the sweeper. */
export function anUnknownGrant(given: Partial<Recharge> = {}): Recharge {
  return aRecharge({
    phase: 'needs_review',
    review: 'grant_unknown',
    swept: 1,
    history: [
      { at: utc('2026-01-05 12:00:00'), event: 'received' },
      { at: utc('2026-01-05 12:00:10'), event: 'paid', detail: 'pay_1' },
      { at: utc('2026-01-05 12:00:20'), event: 'grant_unknown', detail: 'status 502' },
    ],
    ...given,
  });
}

/** The row as sweeper, worker and export leave it, one look after the other, until a time; and what was said aloud. */
export function looksUntil(until: string, answer: (now: number) => Evidence, first = anUnknownGrant()) {
  let row = first;
  const said: { at: number; word: string }[] = [];
  let looks = 0;
  for (let now = utc('2026-01-05 12:05:20'); now < utc(until); now = row.nextAttemptAt ?? Number.NaN) {
    const at = aMoment({ now, policy });
    row = { ...row, swept: 1 };
    expect(decide(row, DUE, at)).toEqual({ effect: 'look_up_grant' });
    const decision = decide(row, evidence(answer(now)), at);
    row = written(decision);
    looks += 1;
    if (decision.alert) said.push({ at: now, word: decision.alert.word });
  }
  return { row, said, looks };
}
