import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import { toCharged, toRefunding } from '../../../../shared/recharge/machine/moves.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import { DUE, grant, payment, refund, SILENT, written } from './outcomes.ts';

describe('waiting', () => {
  const held: Outcome = { kind: 'held', why: 'charging is paused' };
  /** The waits of eleven equal outcomes in a row, in seconds. */
  function waits(jitter: number): number[] {
    let row = aRecharge();
    return Array.from({ length: 11 }, () => {
      row = written(decide(row, held, aMoment({ jitter })));
      return ((row.nextAttemptAt ?? 0) - utc('2026-01-05 12:00:10')) / 1_000;
    });
  }

  it('doubles its upper bound with every equal wait, up to 15 minutes', () => {
    expect(waits(1)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  });

  it('is never shorter than a second', () => {
    expect(waits(0)).toEqual([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  });

  it('is spread evenly between the two', () => {
    expect(waits(0.5)).toEqual([1.5, 2.5, 4.5, 8.5, 16.5, 32.5, 64.5, 128.5, 256.5, 450.5, 450.5]);
  });

  it('stays at 15 minutes where ever other words of the same outage made the history lose its middle', () => {
    let row = aRecharge();
    for (let count = 0; count < 200; count += 1) {
      const why = `status ${500 + (count % 7)} ${'of a long text '.repeat(10)}`;
      row = written(decide(row, { kind: 'held', why }, aMoment({ jitter: 1 })));
    }
    expect(row.history.some(({ event }) => event === 'left_out')).toBe(true);
    expect(row.nextAttemptAt).toBe(utc('2026-01-05 12:15:10'));
  });

  it('stays at 15 minutes after a thousand times', () => {
    const entry = { at: utc('2026-01-05 12:00:00'), event: 'waiting', detail: held.why, times: 1_000 };
    const next = written(decide(aRecharge({ history: [entry] }), held, aMoment({ jitter: 1 })));
    expect(next.nextAttemptAt).toBe(utc('2026-01-05 12:15:10'));
    expect(next.history).toEqual([{ ...entry, times: 1_001 }]);
  });

  it('goes on growing where the reason changes: a provider may put a number of its own into every refusal', () => {
    let row = written(decide(aRecharge(), held, aMoment({ jitter: 1 })));
    row = written(decide(row, held, aMoment({ jitter: 1 })));
    row = written(decide(row, payment(SILENT), aMoment({ jitter: 1 })));
    expect(row.nextAttemptAt).toBe(utc('2026-01-05 12:00:18'));
  });

  it('begins anew after progress', () => {
    const history = [
      { at: 0, event: 'waiting', detail: 'payment unknown: no answer in time', times: 9 },
      { at: 1, event: 'paid', detail: 'pay_1' },
    ];
    const row = aRecharge({ phase: 'granting', grantToken: 'token-1', history });
    const refusedForNow: Outcome = {
      kind: 'grant',
      token: 'token-1',
      result: { kind: 'not_applied', detail: '429' },
    };
    const waiting = written(decide(row, refusedForNow, aMoment({ jitter: 1 })));
    // 5 s, the first wait after an answer that is believed.
    expect(waiting.nextAttemptAt).toBe(utc('2026-01-05 12:00:15'));
  });

  it.each<[string, Recharge, (retryAfterMs: number) => Outcome]>([
    [
      'a charge',
      aRecharge(),
      (retryAfterMs) => payment({ kind: 'not_attempted', detail: 'status 429', retryAfterMs }),
    ],
    [
      'a grant',
      aRecharge({ phase: 'granting' }),
      (retryAfterMs) => grant({ kind: 'not_applied', detail: 'status 429', retryAfterMs }),
    ],
    [
      'a refund',
      aRecharge({ phase: 'refunding' }),
      (retryAfterMs) => refund({ kind: 'not_attempted', detail: 'status 429', retryAfterMs }),
    ],
  ])('honours the Retry-After of %s, up to 15 minutes', (_, row, outcome) => {
    const dueAfter = (retryAfterMs: number) =>
      written(decide(row, outcome(retryAfterMs), aMoment({ jitter: 1 }))).nextAttemptAt;
    expect(dueAfter(6_000)).toBe(utc('2026-01-05 12:00:16'));
    expect(dueAfter(90_000)).toBe(utc('2026-01-05 12:01:40'));
    expect(dueAfter(900_000)).toBe(utc('2026-01-05 12:15:10'));
    expect(dueAfter(900_001)).toBe(utc('2026-01-05 12:15:10'));
    expect(dueAfter(86_400_000)).toBe(utc('2026-01-05 12:15:10'));
  });
});

describe('the count of fruitless sweeps', () => {
  it.each<[string, Recharge, Outcome]>([
    ['a platform that says nothing', aRecharge({ swept: 7 }), { kind: 'held', why: 'no answer' }],
    ['an unknown charge', aRecharge({ swept: 7 }), payment(SILENT)],
    [
      'a grant not applied',
      aRecharge({ phase: 'granting', swept: 7 }),
      grant({ kind: 'not_applied', detail: '429' }),
    ],
    [
      'a platform that cannot be reached',
      aRecharge({ phase: 'granting', swept: 7 }),
      grant({ kind: 'not_applied', detail: 'ECONNREFUSED', unsent: true }),
    ],
    ['another try to grant', aRecharge({ phase: 'charged', swept: 7 }), DUE],
    [
      'an unknown refund',
      aRecharge({ phase: 'refunding', swept: 7 }),
      refund({ kind: 'unknown', detail: '500' }),
    ],
  ])('goes on after %s', (_, row, outcome) => {
    expect(written(decide(row, outcome, aMoment())).swept).toBe(7);
  });

  const paced = { kind: 'not_applied', detail: 'our own limit', unsent: true, retryAfterMs: 1 } as const;
  it.each<[string, Recharge, Outcome]>([
    ['a pause', aRecharge({ swept: 7 }), { kind: 'held', why: 'charging is paused', switchedOff: true }],
    ['our own pace', aRecharge({ phase: 'granting', swept: 7 }), grant(paced)],
  ])('begins anew after %s, which is as it should be', (_, row, outcome) => {
    expect(written(decide(row, outcome, aMoment())).swept).toBeUndefined();
  });

  it('goes on after a wait of the platform that is an agency-wide fault', () => {
    const row = aRecharge({ phase: 'granting', swept: 7 });
    const held = grant({ ...paced, agencyFault: 'rate_limited' });
    expect(written(decide(row, held, aMoment())).swept).toBe(7);
  });

  it.each<[string, Recharge]>([
    ['charged', toCharged(aRecharge({ phase: 'needs_review', swept: 7 }), aMoment())],
    ['refunding', toRefunding(aRecharge({ phase: 'needs_review', swept: 7 }), aMoment())],
  ])('begins anew when a person or proof moves the row to %s', (_, row) => {
    expect(row.swept).toBeUndefined();
  });

  it('takes a Retry-After of no time at its word for a charge, and not for a grant, whose answers are counted', () => {
    const now = aMoment({ jitter: 1 });
    const charge = payment({ kind: 'not_attempted', detail: 'status 429', retryAfterMs: 0 });
    expect(written(decide(aRecharge(), charge, now)).nextAttemptAt).toBe(utc('2026-01-05 12:00:10'));
    const refused = grant({ kind: 'not_applied', detail: 'status 429', retryAfterMs: 0 });
    const row = aRecharge({ phase: 'granting' });
    expect(written(decide(row, refused, now)).nextAttemptAt).toBe(utc('2026-01-05 12:00:15'));
  });
});

describe('a platform that answers again and again that it did not apply the grant', () => {
  const answers = (row: Recharge, result: { unsent?: boolean } = {}, jitter = 1) => {
    const waits: number[] = [];
    let last = row;
    for (let times = 1; last.phase !== 'needs_review' && times <= 20; times += 1) {
      const now = last.nextAttemptAt ?? 0;
      const granting = { ...last, phase: 'granting' as const, grantToken: 'token-a' };
      const refused = grant({ kind: 'not_applied', detail: 'status 429', ...result });
      last = written(decide(granting, refused, aMoment({ now, jitter })));
      waits.push(((last.nextAttemptAt ?? 0) - now) / 1_000);
    }
    return { last, waits };
  };
  const row = aRecharge({ phase: 'granting', nextAttemptAt: utc('2026-01-05 12:00:10') });

  it('is believed eight times, after 18 to 37 hours, however chance has it; then a person is asked', () => {
    const { last, waits } = answers(row);
    expect(waits.slice(0, 7)).toEqual([5, 30, 180, 1_080, 6_480, 38_880, 86_400]);
    const hours = [0, 1].map((jitter) =>
      answers(row, {}, jitter)
        .waits.slice(0, 7)
        .reduce((sum, seconds) => sum + seconds / 3_600, 0),
    );
    expect(hours.map(Math.floor)).toEqual([18, 36]);
    expect(last).toMatchObject({ review: 'grant_expired', notApplied: 8 });
    expect(last.history.at(-1)?.detail).toBe('8 answers in a row, the last: status 429');
  });

  it('is asked as often again once a person has said so', () => {
    const at = aMoment({ now: utc('2026-01-09 12:00:00') });
    expect(toCharged(answers(row).last, at)).not.toHaveProperty('notApplied');
  });

  it('is not counted where nothing was sent', () => {
    const { last, waits } = answers(row, { unsent: true });
    expect(waits).toHaveLength(20);
    expect(last).toMatchObject({ phase: 'charged', unsent: true });
    expect(last).not.toHaveProperty('notApplied');
  });
});
