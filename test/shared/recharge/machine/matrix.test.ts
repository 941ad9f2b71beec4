import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, utc } from '../../../support/builders.ts';
import {
  IN_DOUBT,
  inWords,
  LOOKING,
  MATRIX,
  NOT_IN_DOUBT,
  PLACES,
  type Place,
  rowIn,
  TOLD,
  watched,
  withoutSweep,
} from './matrix.ts';

const CASES = MATRIX.flatMap(([name, outcome, cells]) =>
  PLACES.map((place) => ({ name, outcome, place, words: cells[place] ?? '-' })),
);

describe('every outcome in every place, before any deadline', () => {
  it.each(CASES)('$name, on $place: $words', ({ outcome, place, words }) => {
    const row = rowIn(place);
    expect(inWords(row, decide(row, outcome, aMoment({ now: utc('2026-01-05 12:00:30') })))).toBe(words);
  });
});

/** What each outcome does to a charged row, where grants stand in the export: with a grant in doubt, and without. */
const CHARGED_CELLS: [name: string, doubted: string, undoubted: string][] = [
  ['due', '→ look_up_grant', 'granting → grant'],
  ['grant not found', 'granting → grant', '-'],
  ['grant not found, another token', '-', '-'],
  ['no evidence', 'waits', '-'],
  ['no evidence, another token', '-', '-'],
  ['grant found', 'completed', 'completed'],
  ['grant found, another token', 'grant_differs !grant_differs', 'grant_differs !grant_differs'],
  ['grant found to differ', 'grant_differs !grant_differs', 'grant_differs !grant_differs'],
  ['granted', 'completed', 'completed'],
  ['grant not applied', '-', '-'],
  ['grant unknown', 'note', 'note'],
];

const CHARGED_CASES = CHARGED_CELLS.flatMap(([name, doubted, undoubted]) => [
  ...Object.entries(IN_DOUBT).map(([grantWas, past]) => ({ name, grantWas, past, words: doubted })),
  ...Object.entries(NOT_IN_DOUBT).map(([grantWas, past]) => ({ name, grantWas, past, words: undoubted })),
]);

function outcomeNamed(wanted: string): Outcome {
  const found = MATRIX.find(([name]) => name === wanted);
  if (!found) throw new Error(`No outcome is called "${wanted}".`);
  return found[1];
}

describe('a charged row, where grants stand in the usage export', () => {
  const now = utc('2026-01-05 12:00:30');

  it.each(CHARGED_CASES)('$grantWas; $name: $words', ({ name, past, words }) => {
    const row = rowIn('charged', past);
    const decision = decide(row, outcomeNamed(name), aMoment({ now, policy: LOOKING }));
    expect(inWords(row, decision)).toBe(words);
  });

  it.each(CHARGED_CASES)('$grantWas; $name: as it is everywhere, where they do not', ({ name, past }) => {
    const outcome = outcomeNamed(name);
    const row = rowIn('charged', past);
    const { charged } = MATRIX.find((line) => line[1] === outcome)?.[2] ?? {};
    expect(inWords(row, decide(row, outcome, aMoment({ now })))).toBe(charged ?? '-');
  });

  it.each(Object.entries(IN_DOUBT))('%s: begins no look and no grant without time for both', (_, past) => {
    const at = aMoment({ now, policy: LOOKING, timeToGrant: false });
    const row = rowIn('charged', past);
    for (const name of ['due', 'grant not found']) {
      expect(inWords(row, decide(row, outcomeNamed(name), at))).toBe('-');
    }
  });

  it('has nothing to look for where nothing was sent, whatever its history lost', () => {
    const { grantToken: _t, grantDeadline: _d, ...row } = rowIn('charged', { grantNo: 0 });
    const at = aMoment({ now, policy: LOOKING });
    const lost = { ...row, ...IN_DOUBT['with its middle lost'] };
    expect(inWords(lost, decide(lost, { kind: 'due' }, at))).toBe('granting → grant');
  });
});

const ENDED_AT = '2026-01-05 12:00:30';

describe('the end of a row', () => {
  const ends: [place: Place, outcome: string, grantNo: number, comesBack: boolean][] = [
    ['granting', 'granted', 1, false],
    ['granting', 'granted', 2, true],
    ['grant_unknown', 'grant found', 1, false],
    ['grant_unknown', 'grant found', 2, true],
    ['refunding', 'refunded', 0, false],
    ['refunding', 'refunded', 1, true],
    ['charge_pending', 'declined', 0, false],
  ];

  it.each(ends)('%s, by "%s", with %d grants: comes back: %s', (place, name, grantNo, comesBack) => {
    const row = rowIn(place, { grantNo });
    const at = { now: utc(ENDED_AT) };
    const { next } = decide(row, outcomeNamed(name), aMoment({ ...at, policy: LOOKING }));
    const { nextAttemptAt, phaseDeadline } = next ?? {};
    const late = { nextAttemptAt: utc('2026-01-06 12:00:30'), phaseDeadline: utc('2026-01-12 12:00:30') };
    expect({ nextAttemptAt, phaseDeadline }).toEqual(comesBack ? late : {});
    const { next: spread } = decide(
      row,
      outcomeNamed(name),
      aMoment({ ...at, policy: LOOKING, jitter: 0.5 }),
    );
    expect((spread?.nextAttemptAt ?? 0) - (nextAttemptAt ?? 0)).toBe(comesBack ? 6 * 3_600_000 : 0);
    expect((spread?.phaseDeadline ?? 0) - (phaseDeadline ?? 0)).toBe(comesBack ? 6 * 3_600_000 : 0);
    const { next: blind } = decide(row, outcomeNamed(name), aMoment(at));
    expect(blind).not.toHaveProperty('nextAttemptAt');
    expect(blind).not.toHaveProperty('phaseDeadline');
  });
});

describe('an ended row that is looked at late', () => {
  const FIRST = '2026-01-06 12:03:30';
  const LAST = '2026-01-12 12:03:30';
  const PAST = '2026-01-13 12:03:30';
  const AT_LAST = '2026-01-12 12:00:30';
  const NEVER = undefined;
  type Case = [name: string, time: string, row: Recharge, words: string, next: string | undefined];
  const cases: Case[] = [
    ['due', FIRST, watched('completed'), '→ list_grants', NEVER],
    ['due', FIRST, withoutSweep(watched('completed')), '-', NEVER],
    ['one grant listed', FIRST, watched('completed'), 'waits', AT_LAST],
    ['one grant listed', LAST, watched('completed'), 'waits', NEVER],
    ['no grant listed', FIRST, watched('completed'), 'waits', AT_LAST],
    ['two grants listed', FIRST, watched('completed'), 'waits !granted_twice', '2026-01-07 12:03:30'],
    ['two grants listed', LAST, watched('completed'), 'waits !granted_twice', '2026-01-13 12:03:30'],
    ['two grants listed', LAST, watched('completed', { history: TOLD }), 'waits !granted_twice', NEVER],
    ['no list of grants', FIRST, watched('completed'), 'waits', '2026-01-06 12:33:30'],
    ['no list of grants', LAST, watched('completed'), 'waits', '2026-01-12 12:33:30'],
    ['no list of grants', PAST, watched('completed'), 'waits', NEVER],
    ['due', FIRST, watched('refunded'), '→ list_grants', NEVER],
    ['no grant listed', FIRST, watched('refunded'), 'waits', AT_LAST],
    ['no grant listed', LAST, watched('refunded'), 'waits', NEVER],
    ['one grant listed', FIRST, watched('refunded'), 'waits !granted_after_refund', '2026-01-07 12:03:30'],
    ['one grant listed', LAST, watched('refunded', { history: TOLD }), 'waits !granted_after_refund', NEVER],
    ['one grant listed', FIRST, withoutSweep(watched('refunded')), '-', NEVER],
  ];

  it.each(cases)('%s at %s', (name, time, row, words, comesBack) => {
    const decision = decide(row, outcomeNamed(name), aMoment({ now: utc(time), policy: LOOKING }));
    expect(inWords(row, decision)).toBe(words);
    expect(decision.next?.nextAttemptAt).toBe(comesBack === undefined ? undefined : utc(comesBack));
    expect(decision.next ?? {}).not.toHaveProperty('swept');
  });

  it('waits ever longer for an export that stays silent, whatever its words, and never more than a day', () => {
    const waits: number[] = [];
    let row = watched('completed');
    for (let looks = 1; looks <= 6; looks += 1) {
      const now = utc(FIRST) + looks;
      const silent: Outcome = {
        kind: 'grants_listed',
        result: { kind: 'no_answer', detail: `status ${looks}` },
      };
      const { next } = decide(row, silent, aMoment({ now, policy: LOOKING, jitter: 1 }));
      if (!next) throw new Error('Nothing was written.');
      waits.push(((next.nextAttemptAt ?? 0) - now) / 3_600_000);
      row = { ...next, swept: 1 };
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 24]);
  });

  it('says that it saw nothing where it did not see the one grant there is', () => {
    const { next } = decide(
      watched('completed'),
      outcomeNamed('no grant listed'),
      aMoment({ now: utc(FIRST), policy: LOOKING }),
    );
    expect(next?.history.at(-1)).toMatchObject({ event: 'not_in_export' });
    const { next: refunded } = decide(
      watched('refunded'),
      outcomeNamed('no grant listed'),
      aMoment({ now: utc(FIRST), policy: LOOKING }),
    );
    expect(refunded?.history.at(-1)).toMatchObject({ event: 'no_grant_too_many' });
  });

  it('is looked at no more where the profile has changed since', () => {
    const { next, effect } = decide(watched('completed'), { kind: 'due' }, aMoment({ now: utc(FIRST) }));
    expect(effect).toBe('stop');
    expect(next).toMatchObject({ phase: 'completed' });
    expect(next).not.toHaveProperty('nextAttemptAt');
  });
});
