import { describe, expect, it } from 'vitest';
import { applyAnswer } from '../../../shared/recharge/answers.ts';
import { decide } from '../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../shared/recharge/machine/outcome.ts';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { rechargeEvidence, rechargeText } from '../../../shared/recharge/present.ts';
import type { Recharge } from '../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../support/builders.ts';
import {
  aLookingMoment,
  anUnknownGrant,
  DIFFERS,
  FOUND,
  looksUntil,
  NOT_FOUND,
  SILENT,
} from './machine/looks.ts';
import { DUE, evidence, written } from './machine/outcomes.ts';

const AT = { now: utc('2026-01-05 12:00:10'), policy: productionPolicy };

describe('a person', () => {
  const lineOf = (text: string, name: string) =>
    text.split('\n').flatMap((line) => (line.startsWith(`  ${name} `) ? [line.slice(14)] : []));
  const shown = (row: Recharge) => {
    const text = rechargeText(row, AT);
    expect(text).toContain(rechargeEvidence(row));
    return { text, of: (name: string) => lineOf(text, name) };
  };
  function resting({ swept: _, ...row }: Recharge): Recharge {
    return row;
  }

  it('reads how the platform spells the client, where that differs', () => {
    expect(shown(aRecharge()).of('client')).toEqual(['demo@example.com']);
    expect(shown(aRecharge({ grantEmail: 'Demo@Example.com' })).of('client')).toEqual([
      'demo@example.com (on the platform: Demo@Example.com)',
    ]);
  });

  it('reads that the export has not been asked, and when it will be', () => {
    const { of } = shown(resting(anUnknownGrant({ nextAttemptAt: utc('2026-01-05 12:05:20') })));
    expect(of('export')).toEqual(['not asked yet for this grant']);
    expect(of('next look')).toEqual(['2026-01-05T12:05:20.000Z']);
    expect(of('reminder')).toEqual([]);
  });

  it('reads how often the export was asked, what it said, and when it will be asked next', () => {
    const { row } = looksUntil('2026-01-05 15:00:00', (now) => {
      if (now < utc('2026-01-05 13:00:00')) return SILENT;
      return now < utc('2026-01-05 14:00:00') ? DIFFERS : NOT_FOUND;
    });
    const { text, of } = shown(row);
    expect(of('export')).toEqual(['asked 3 times for this grant, last at 2026-01-05T14:05:20.000Z']);
    expect(of('next look')).toEqual(['2026-01-05T15:05:20.000Z']);
    expect(text).toContain('+5 min  no answer from the usage export: status 502\n');
    expect(text).toContain('grant in the usage export, but not as it was asked for: the export does not say');
    expect(text).toContain('+2 h  grant not in the usage export, which proves nothing\n');
    expect(text).toContain('confirm-not-granted');
  });

  it('reads of no look after one that found the grant, but of the find', () => {
    const completed = written(decide(anUnknownGrant(), evidence(FOUND), aLookingMoment()));
    const { text, of } = shown(completed);
    expect([...of('export'), ...of('next look'), ...of('reminder')]).toEqual([]);
    expect(text).toContain('credits granted: found in the usage export');
  });

  it('reads when an ended recharge is looked at again, and what was seen of it', () => {
    const twice = { ...anUnknownGrant(), grantNo: 2 };
    const completed = written(decide(twice, evidence(FOUND), aLookingMoment()));
    const where = ', where grants stand in the usage export';
    expect(shown(completed).of('next look')).toEqual([`2026-01-06T12:05:20.000Z${where}`]);
    const marks = ['rr-1-1', 'rr-1-2'];
    const listed: Outcome = { kind: 'grants_listed', result: { kind: 'listed', marks } };
    const looked = decide({ ...completed, swept: 1 }, listed, aLookingMoment('2026-01-06 12:06:00'));
    const { text, of } = shown(written(looked));
    expect(of('next look')).toEqual([`2026-01-07T12:06:00.000Z${where}`]);
    expect(text).toContain('A GRANT TOO MANY: usage export: rr-1-1, rr-1-2');
    expect(text).toContain('You must act. It holds a grant too many');
  });

  it('reads when the payment of a recharge that ended without one is looked at again', () => {
    const now = utc('2026-01-05 12:00:00');
    const row = aRecharge({ phase: 'declined', wokenAt: now, nextAttemptAt: now + 5_000 });
    expect(shown(row).of('next look')).toEqual(['2026-01-05T12:00:05.000Z: is there a payment after all?']);
  });

  it('reads that the export is asked again before a grant that was called not made is made anew', () => {
    const { row } = looksUntil('2026-01-05 13:00:00', () => NOT_FOUND);
    const at = aLookingMoment('2026-01-05 13:00:00');
    const said = applyAnswer(row, { answer: 'confirm-not-granted', note: 'looked' }, at);
    if ('refused' in said) throw new Error(said.refused);
    expect(shown(said.next).of('export')).toEqual(['asked again before the next grant']);
    const again = written(decide(said.next, evidence(NOT_FOUND), at));
    const { text, of } = shown(again);
    expect(of('export')).toEqual([]);
    expect(text).toContain('+60 min  grant still not in the usage export, and made anew\n');
  });

  it('reads nothing new where grants are not looked for', () => {
    const said = applyAnswer(
      anUnknownGrant(),
      { answer: 'confirm-not-granted', note: 'looked' },
      aLookingMoment('2026-01-05 13:00:00'),
    );
    if ('refused' in said) throw new Error(said.refused);
    expect(shown(said.next).of('export')).toEqual([]);
    const inADay = anUnknownGrant({ nextAttemptAt: utc('2026-01-06 12:00:20') });
    const reminded = written(decide(inADay, DUE, aMoment({ now: utc('2026-01-06 12:00:20') })));
    for (const row of [inADay, resting(inADay), reminded]) {
      const { of } = shown(row);
      expect([...of('export'), ...of('next look')]).toEqual([]);
      expect(of('reminder')).toHaveLength(1);
    }
  });
});
