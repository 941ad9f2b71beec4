import { describe, expect, it } from 'vitest';
import { applyAnswer } from '../../../../shared/recharge/answers.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { REVIEW_REASONS, type Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import {
  aLookingMoment,
  anUnknownGrant,
  DIFFERS,
  FOUND,
  looksUntil,
  NOT_FOUND,
  policy,
  SILENT,
} from './looks.ts';
import { DUE, type Evidence, evidence, written } from './outcomes.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('an unknown grant', () => {
  const granting = aRecharge({ phase: 'granting' });
  const lost: Outcome = { kind: 'grant', token: 'token-a', result: { kind: 'unknown', detail: '502' } };

  it('is looked for after five minutes, where grants stand in the usage export', () => {
    const row = written(decide(granting, lost, aLookingMoment('2026-01-05 12:00:20')));
    expect(row).toMatchObject({ review: 'grant_unknown', nextAttemptAt: utc('2026-01-05 12:05:20') });
  });

  it('is not looked for anywhere else: its reminder comes in a day', () => {
    const at = aMoment({ now: utc('2026-01-05 12:00:20') });
    const row = written(decide(granting, lost, at));
    expect(row).toMatchObject({ review: 'grant_unknown', nextAttemptAt: utc('2026-01-06 12:00:20') });
    expect(decide({ ...row, swept: 1 }, DUE, aMoment({ now: utc('2026-01-06 12:00:20') }))).toMatchObject({
      effect: 'stop',
      alert: { word: 'review_waiting' },
    });
  });

  it('is looked for when the sweeper brings it, not when a message comes again', () => {
    const { swept: _, ...row } = anUnknownGrant();
    expect(decide(row, DUE, aLookingMoment())).toEqual({ effect: 'stop' });
    expect(decide(anUnknownGrant(), DUE, aLookingMoment())).toEqual({ effect: 'look_up_grant' });
  });

  it('is the only reason for a look', () => {
    for (const review of REVIEW_REASONS.filter((reason) => reason !== 'grant_unknown')) {
      const row = aRecharge({ phase: 'needs_review', review, swept: 1 });
      expect(decide(row, DUE, aLookingMoment()).effect).not.toBe('look_up_grant');
    }
    const refused: Outcome = { kind: 'grant', token: 'token-a', result: { kind: 'refused', detail: '404' } };
    expect(written(decide(granting, refused, aLookingMoment('2026-01-05 12:00:20')))).toMatchObject({
      review: 'grant_refused',
      nextAttemptAt: utc('2026-01-06 12:00:20'),
    });
  });
});

describe('what the usage export says', () => {
  it('"found" completes the recharge', () => {
    const row = anUnknownGrant();
    expect(decide(row, evidence(FOUND), aLookingMoment())).toEqual({
      next: {
        ...row,
        phase: 'completed',
        review: undefined,
        nextAttemptAt: undefined,
        swept: undefined,
        history: [
          ...row.history,
          { at: utc('2026-01-05 12:05:20'), event: 'granted', detail: 'found in the usage export' },
        ],
      },
      effect: 'stop',
    });
  });

  it.each<[string, Evidence, { event: string; detail?: string }]>([
    ['not found', NOT_FOUND, { event: 'not_in_export' }],
    ['no answer', SILENT, { event: 'export_silent', detail: 'status 502' }],
  ])('"%s" is written down and asked again in an hour, and nothing else changes', (_, result, entry) => {
    const row = anUnknownGrant();
    expect(decide(row, evidence(result), aLookingMoment())).toEqual({
      next: {
        ...row,
        nextAttemptAt: utc('2026-01-05 13:05:20'),
        swept: undefined,
        history: [...row.history, { at: utc('2026-01-05 12:05:20'), ...entry }],
      },
      effect: 'stop',
    });
  });

  it('"differs" leaves the row to a person, who is told what differs', () => {
    const row = anUnknownGrant();
    expect(decide(row, evidence(DIFFERS), aLookingMoment())).toEqual({
      next: {
        ...row,
        nextAttemptAt: utc('2026-01-05 13:05:20'),
        swept: undefined,
        history: [
          ...row.history,
          {
            at: utc('2026-01-05 12:05:20'),
            event: 'export_differs',
            detail: 'the export does not say 500 credits, but 400',
          },
        ],
      },
      alert: {
        word: 'grant_differs',
        detail: 'usage export: the export does not say 500 credits, but 400',
      },
      effect: 'stop',
    });
  });

  it('"differs" is said once, and once more when something else differs', () => {
    const longer = 'x'.repeat(300);
    const { said } = looksUntil('2026-01-06 00:00:00', (now) => {
      if (now < utc('2026-01-05 15:00:00')) return DIFFERS;
      return now < utc('2026-01-05 16:00:00') ? NOT_FOUND : { kind: 'differs', detail: longer };
    });
    expect(said).toEqual([
      { at: utc('2026-01-05 12:05:20'), word: 'grant_differs' },
      { at: utc('2026-01-05 16:05:20'), word: 'grant_differs' },
    ]);
  });

  it('is not written a second time by a look at the same time', () => {
    for (const result of [NOT_FOUND, SILENT, DIFFERS]) {
      const once = written(decide(anUnknownGrant(), evidence(result), aLookingMoment()));
      expect(decide(once, evidence(result), aLookingMoment())).toEqual({ effect: 'stop' });
      expect(decide(once, evidence(FOUND), aLookingMoment()).next).toMatchObject({ phase: 'completed' });
    }
  });
});

describe('the reminder of a grant that is looked for', () => {
  it('stays daily, counted from the review, however often the export is asked', () => {
    const { said, looks, row } = looksUntil('2026-01-09 12:00:00', () => NOT_FOUND);
    expect(said).toEqual(
      ['2026-01-06 12:00:20', '2026-01-07 12:00:20', '2026-01-08 12:00:20'].map((time) => ({
        at: utc(time),
        word: 'review_waiting',
      })),
    );
    expect(looks).toBe(96);
    expect(row.history.slice(3)).toEqual([
      { at: utc('2026-01-08 12:00:20'), event: 'reminded', detail: 'grant_unknown', times: 3 },
      { at: utc('2026-01-09 11:00:20'), event: 'not_in_export', times: 96 },
    ]);
  });

  it('is not sent a second time with the news that the export differs', () => {
    const news = utc('2026-01-06 12:00:20');
    const { said } = looksUntil('2026-01-07 13:00:00', (now) => (now < news ? NOT_FOUND : DIFFERS));
    expect(said).toEqual([
      { at: utc('2026-01-06 12:00:20'), word: 'grant_differs' },
      { at: utc('2026-01-07 12:00:20'), word: 'review_waiting' },
    ]);
  });

  it('stays daily for months of ever other answers, and the row stays small', () => {
    let asked = 0;
    const { row, said } = looksUntil('2026-04-05 12:00:00', () => {
      asked += 1;
      if (asked % 3 === 0) return NOT_FOUND;
      return { kind: asked % 3 === 1 ? 'no_answer' : 'differs', detail: `${asked} ${'支'.repeat(200)}` };
    });
    const reminded = said.filter(({ word }) => word === 'review_waiting').map(({ at }) => at);
    // On two days of three the news that came with the reminder was the more telling word.
    const days = reminded.map((at) => (at - utc('2026-01-05 12:00:20')) / DAY);
    expect(days.every(Number.isInteger)).toBe(true);
    expect(days.length).toBeGreaterThan(50);
    expect(row.history.length).toBeLessThanOrEqual(7);
    expect(Buffer.byteLength(JSON.stringify(row.history))).toBeLessThan(1_800);
  });

  it('comes once where the beginning of the review was left out of a long history', () => {
    const { said } = looksUntil('2026-01-06 11:00:00', () => NOT_FOUND, anUnknownGrant({ history: [] }));
    expect(said.map(({ word }) => word)).toEqual([]);
    const old = anUnknownGrant({ history: [], receivedAt: utc('2026-01-01 12:00:00') });
    expect(looksUntil('2026-01-06 11:00:00', () => NOT_FOUND, old).said).toEqual([
      { at: utc('2026-01-05 12:05:20'), word: 'review_waiting' },
    ]);
  });

  it('is no fruitless sweep: a month of looks is no alert of no progress', () => {
    expect(looksUntil('2026-02-05 12:00:00', () => SILENT).row.swept).toBeUndefined();
  });
});

describe('evidence that comes late', () => {
  const answered = (answer: 'confirm-granted' | 'confirm-not-granted' | 'refund') => {
    const at = aMoment({ now: utc('2026-01-05 12:30:00') });
    const said = applyAnswer(anUnknownGrant(), { answer, note: 'looked' }, at);
    if ('refused' in said) throw new Error(said.refused);
    return said.next;
  };
  const at = aLookingMoment('2026-01-05 12:30:10');
  const late = (row: Recharge, detail: string) => ({
    ...row,
    history: [...row.history, { at: utc('2026-01-05 12:30:10'), event: 'late_grant_answer', detail }],
  });

  it('of no find changes nothing, once a person said how it ends', () => {
    for (const answer of ['confirm-granted', 'refund'] as const) {
      for (const result of [NOT_FOUND, SILENT]) {
        expect(decide(answered(answer), evidence(result), at)).toEqual({ effect: 'stop' });
      }
    }
  });

  it('of no find changes nothing where the export is asked no more, or the run is over', () => {
    const row = answered('confirm-not-granted');
    for (const result of [NOT_FOUND, SILENT]) {
      expect(decide(row, evidence(result), aMoment({ now: at.now }))).toEqual({ effect: 'stop' });
    }
    expect(decide(row, evidence(NOT_FOUND), { ...at, timeToGrant: false })).toEqual({ effect: 'stop' });
  });

  it('agrees with a person who said "granted"', () => {
    for (const result of [FOUND, DIFFERS]) {
      expect(decide(answered('confirm-granted'), evidence(result), at)).toEqual({ effect: 'stop' });
    }
  });

  it('completes what a person called not granted, before the next grant begins', () => {
    const next = written(decide(answered('confirm-not-granted'), evidence(FOUND), at));
    expect(next).toMatchObject({ phase: 'completed', grantNo: 1, grantToken: 'token-a' });
    expect(next.history.at(-1)).toMatchObject({ event: 'granted', detail: 'found in the usage export' });
  });

  it('that differs stops the next grant before it begins', () => {
    const decision = decide(answered('confirm-not-granted'), evidence(DIFFERS), at);
    expect(decision.next).toMatchObject({ phase: 'needs_review', review: 'grant_differs' });
    expect(decision).toMatchObject({ effect: 'stop', alert: { word: 'grant_differs' } });
  });

  it.each([
    ['granted', FOUND],
    ['differs', DIFFERS],
  ] as const)('is a loss that is said, where the money goes back: %s', (word, result) => {
    const row = answered('refund');
    expect(decide(row, evidence(result), at)).toEqual({
      next: { ...late(row, word), sayAgain: 'granted_after_refund' },
      alert: { word: 'granted_after_refund', detail: 'phase refunding' },
      effect: 'stop',
    });
  });

  it.each(['granting', 'needs_review', 'completed'] as const)(
    'of the first grant never settles the second: %s, said to be granted twice',
    (phase) => {
      const row = anUnknownGrant({ phase, grantNo: 2, grantToken: 'token-b' });
      const { next, ...decision } = decide(row, evidence(FOUND, 'token-a'), at);
      expect(decision).toEqual({
        alert: { word: 'granted_twice', detail: `phase ${phase}` },
        effect: 'stop',
      });
      expect(next).toMatchObject(late(row, 'granted'));
    },
  );

  it('of the first grant stops the third before it begins', () => {
    const row = aRecharge({ phase: 'charged', grantNo: 2, grantToken: 'token-b' });
    expect(decide(row, evidence(FOUND, 'token-a'), at)).toMatchObject({
      next: { phase: 'needs_review', review: 'grant_differs', grantNo: 2 },
      effect: 'stop',
    });
  });
});

describe('a grant that a person called not made', () => {
  const saidAt = '2026-01-05 12:30:00';
  const at = aLookingMoment('2026-01-05 12:30:10');
  const calledNotMade = (review = anUnknownGrant()) => {
    const { policy } = aLookingMoment();
    const said = applyAnswer(
      review,
      { answer: 'confirm-not-granted', note: 'looked' },
      { now: utc(saidAt), policy },
    );
    if ('refused' in said) throw new Error(said.refused);
    return said.next;
  };

  it('is looked for once more before the next one begins, and nothing is written before the answer', () => {
    expect(decide(calledNotMade(), DUE, at)).toEqual({ effect: 'look_up_grant' });
  });

  it('is made anew at once where grants are not looked for, in the same write as ever', () => {
    const row = calledNotMade();
    expect(decide(row, DUE, aMoment({ now: at.now }))).toEqual({
      next: {
        ...row,
        phase: 'granting',
        grantNo: 2,
        grantToken: 'token-new',
        grantDeadline: utc('2026-01-05 12:32:10'),
      },
      effect: 'grant',
    });
  });

  it('and is not found, is made anew by whoever looked, with a token of this outcome', () => {
    const row = calledNotMade();
    expect(decide(row, evidence(NOT_FOUND), at)).toEqual({
      next: {
        ...row,
        phase: 'granting',
        grantNo: 2,
        grantToken: 'token-new',
        grantDeadline: utc('2026-01-05 12:32:10'),
        history: [...row.history, { at: utc('2026-01-05 12:30:10'), event: 'granting_again' }],
      },
      effect: 'grant',
    });
  });

  it('and is found, is completed', () => {
    expect(decide(calledNotMade(), evidence(FOUND), at)).toMatchObject({
      next: { phase: 'completed', grantNo: 1, grantToken: 'token-a' },
      effect: 'stop',
    });
  });

  it('and differs, is left to a person', () => {
    expect(decide(calledNotMade(), evidence(DIFFERS), at)).toMatchObject({
      next: { phase: 'needs_review', review: 'grant_differs', grantNo: 1 },
      alert: { word: 'grant_differs' },
      effect: 'stop',
    });
  });

  it('is looked for again and again while the export is silent, with the usual waits in between', () => {
    const waits: number[] = [];
    let row = calledNotMade();
    for (let now = at.now; waits.length < 12; now = row.nextAttemptAt ?? Number.NaN) {
      const then = aMoment({ now, policy, jitter: 1 });
      expect(decide(row, DUE, then)).toEqual({ effect: 'look_up_grant' });
      const decision = decide(row, evidence(SILENT), then);
      expect(decision).toMatchObject({ effect: 'stop', next: { phase: 'charged', grantNo: 1 } });
      row = written(decision);
      waits.push(((row.nextAttemptAt ?? 0) - now) / 1_000);
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    expect(row.history.slice(4)).toEqual([
      {
        at: utc('2026-01-05 12:30:10'),
        event: 'waiting',
        detail: 'not granted: no answer from the usage export: status 502',
        times: 12,
      },
    ]);
    expect(row.phaseDeadline).toBe(utc('2026-01-08 12:30:00'));
  });

  it.each([
    [false, { phase: 'needs_review', review: 'grant_expired' }],
    [true, { phase: 'refunding' }],
  ])(
    'is given up in the end as ever (refunded automatically: %s), before a look or after it',
    (refundAutomatically, end) => {
      const late = aMoment({ now: utc('2026-01-08 12:30:00'), policy: { ...policy, refundAutomatically } });
      for (const outcome of [DUE, evidence(NOT_FOUND)]) {
        expect(decide(calledNotMade(), outcome, late)).toMatchObject({ next: end, effect: 'stop' });
      }
    },
  );

  it('is looked for also where a person had it tried again after that', () => {
    const late = { now: utc('2026-01-08 12:30:00'), policy: aLookingMoment().policy };
    const expired = written(decide(calledNotMade(), DUE, aMoment(late)));
    const again = applyAnswer(expired, { answer: 'retry-grant', note: 'the export is back' }, late);
    if ('refused' in again) throw new Error(again.refused);
    expect(decide(again.next, DUE, aMoment(late))).toEqual({ effect: 'look_up_grant' });
  });

  it('begins no look that leaves no time to grant', () => {
    expect(decide(calledNotMade(), DUE, { ...at, timeToGrant: false })).toEqual({ effect: 'stop' });
  });

  describe('and is being made anew', () => {
    const again = written(decide(calledNotMade(), evidence(NOT_FOUND), at));
    const bounced = written(
      decide(
        again,
        { kind: 'grant', token: 'token-new', result: { kind: 'not_applied', detail: 'status 429' } },
        aLookingMoment('2026-01-05 12:30:12'),
      ),
    );
    const later = aMoment({ now: utc('2026-01-05 12:31:00'), policy, token: 'token-3' });

    it('is granted by the one who wrote it, also where that write’s answer got lost', () => {
      expect(decide(again, evidence(NOT_FOUND), at)).toEqual({ effect: 'grant' });
    });

    it('is not granted by another who looked at the same time', () => {
      expect(decide(again, evidence(NOT_FOUND), { ...at, token: 'token-other' })).toEqual({ effect: 'stop' });
    });

    it('is known not to be sent where that write was called lost before its writer heard of it', () => {
      const another = { ...aLookingMoment('2026-01-05 12:33:00'), token: 'token-other' };
      const lost = written(decide(again, DUE, another));
      expect(lost.review).toBe('grant_unknown');
      const decision = decide(lost, evidence(NOT_FOUND), at);
      expect(decision).toMatchObject({ next: { phase: 'charged', grantNo: 2 }, effect: 'stop' });
      expect(decide(written(decision), evidence(NOT_FOUND), at)).toEqual({ effect: 'stop' });
    });

    it('is looked for in its turn where the platform’s answer calls it not made, and not where it was never sent', () => {
      expect(bounced).toMatchObject({ phase: 'charged', grantNo: 2, notApplied: 1 });
      expect(decide(bounced, DUE, later)).toEqual({ effect: 'look_up_grant' });
      const unsent = { ...bounced, unsent: true };
      expect(decide(unsent, DUE, later)).toMatchObject({ next: { grantNo: 3 }, effect: 'grant' });
      expect(bounced.history.at(-1)).toMatchObject({ event: 'waiting', detail: 'not granted: status 429' });
    });

    it('changes nothing more by what is said of the first one, but for a find', () => {
      for (const result of [NOT_FOUND, SILENT]) {
        for (const row of [again, bounced]) {
          expect(decide(row, evidence(result), later)).toEqual({ effect: 'stop' });
        }
      }
      expect(decide(bounced, evidence(FOUND), later)).toMatchObject({ next: { review: 'grant_differs' } });
      expect(decide(again, evidence(FOUND), later).alert?.word).toBe('granted_twice');
    });

    it('is looked for in its turn, should it be unknown as well and be called not made', () => {
      const unknown = written(
        decide(
          again,
          { kind: 'grant', token: 'token-new', result: { kind: 'unknown', detail: 'status 502' } },
          aLookingMoment('2026-01-05 12:30:12'),
        ),
      );
      const row = { ...calledNotMade({ ...unknown, grantDeadline: utc('2026-01-05 12:02:10') }) };
      expect(decide(row, DUE, later)).toEqual({ effect: 'look_up_grant' });
      expect(decide(row, evidence(NOT_FOUND, 'token-new'), later)).toMatchObject({
        next: { grantNo: 3, grantToken: 'token-3' },
      });
    });
  });

  it('keeps the row small, however often it is unknown, called not made, and made anew', () => {
    let row = anUnknownGrant();
    for (let day = 1; day <= 60; day += 1) {
      const now = utc('2026-01-05 12:30:00') + day * DAY;
      const then = aMoment({ now, policy, token: `token-${day}` });
      const note = `${day} ${'支'.repeat(50)}`;
      const said = applyAnswer(row, { answer: 'confirm-not-granted', note }, then);
      if ('refused' in said) throw new Error(said.refused);
      expect(decide(said.next, DUE, { ...then, token: 'token-due' })).toEqual({ effect: 'look_up_grant' });
      const again = written(decide(said.next, evidence(NOT_FOUND, row.grantToken), then));
      expect(again).toMatchObject({ phase: 'granting', grantNo: day + 1, grantToken: `token-${day}` });
      const lost: Outcome = {
        kind: 'grant',
        token: `token-${day}`,
        result: { kind: 'unknown', detail: `status 502 ${'支'.repeat(200)}` },
      };
      row = written(decide(again, lost, then));
    }
    expect(Buffer.byteLength(JSON.stringify(row.history))).toBeLessThan(1_800);
  });
});

describe('a second review', () => {
  it('counts its own looks and its own day', () => {
    const first = looksUntil('2026-01-05 15:00:00', () => NOT_FOUND).row;
    const again: Recharge = {
      ...first,
      grantNo: 2,
      history: [
        ...first.history,
        { at: utc('2026-01-05 15:00:00'), event: 'grant_unknown', detail: 'status 502' },
      ],
    };
    const at = aLookingMoment('2026-01-05 15:05:00');
    const next = written(decide({ ...again, swept: 1 }, evidence(NOT_FOUND), at));
    expect(next.history.slice(3)).toEqual([
      { at: utc('2026-01-05 14:05:20'), event: 'not_in_export', times: 3 },
      { at: utc('2026-01-05 15:00:00'), event: 'grant_unknown', detail: 'status 502' },
      { at: utc('2026-01-05 15:05:00'), event: 'not_in_export' },
    ]);
  });
});
