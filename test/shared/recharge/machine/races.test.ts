import { describe, expect, it } from 'vitest';
import { applyAnswer } from '../../../../shared/recharge/answers.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../../support/builders.ts';
import {
  charged,
  DUE,
  type GrantResult,
  grant,
  NOT_FOUND,
  PAID,
  PENDING,
  payment,
  refund,
  SILENT,
  written,
} from './outcomes.ts';

it('says again that a charge is unknown where the write into review lost its answer, and reminds a day later', () => {
  const row = aRecharge({ phase: 'needs_review', review: 'charge_unknown' });
  expect(decide(row, payment(SILENT), aMoment())).toEqual({
    alert: { word: 'charge_unknown' },
    effect: 'stop',
  });
  expect(decide({ ...row, swept: 1 }, payment(SILENT), aMoment()).alert?.word).toBe('review_waiting');
});

it.each([
  ['with its own token, that it was paid', payment(PAID), 'token-a', 'grant'],
  ['with its own token, that it was not paid', payment(SILENT), 'token-a', 'stop'],
  ['with its own token, of no payment', payment(NOT_FOUND), 'token-a', 'stop'],
  ['with another token, that it was paid', payment(PAID), 'token-b', 'stop'],
])(
  'who finds the row in granting, and has learnt %s, sends the grant only if both are so',
  (_, outcome, token, effect) => {
    expect(decide(aRecharge({ phase: 'granting' }), outcome, aMoment({ token }))).toEqual({ effect });
  },
);

/** How a loss on an ended row is said once more, should the first word have been lost. */
const againADayLater = (word: string) => ({
  sayAgain: word,
  nextAttemptAt: utc('2026-01-06 12:00:10'),
});

it('a loss found while money is given back is said once more after the end of that', () => {
  const told = written(decide(aRecharge({ phase: 'refunding' }), grant({ kind: 'granted' }), aMoment()));
  const ended = written(decide(told, refund({ kind: 'refunded' }), aMoment()));
  expect(ended).toMatchObject({ phase: 'refunded', ...againADayLater('granted_after_refund') });
  const later = aMoment({ now: utc('2026-01-06 12:03:10') });
  expect(decide({ ...ended, swept: 1 }, DUE, later).alert?.word).toBe('granted_after_refund');
});

it('a loss on a row that has looks before it is said once more with the first of them, and loses none', () => {
  const policy = { evidence: { ...productionPolicy.evidence, lookUp: true } };
  const looking = (now: string) => aMoment({ now: utc(now), policy });
  const watched = { phaseDeadline: utc('2026-01-12 12:00:10'), nextAttemptAt: utc('2026-01-06 12:00:10') };
  const row = aRecharge({ phase: 'completed', grantNo: 2, ...watched });
  const told = written(decide(row, payment(PAID, 2), looking('2026-01-05 12:00:20')));
  expect(told).toMatchObject({ ...watched, sayAgain: 'paid_after_end' });
  const again = decide({ ...told, swept: 1 }, DUE, looking('2026-01-06 12:03:10'));
  expect([again.alert, again.effect]).toEqual([
    { word: 'paid_after_end', detail: 'said before already' },
    'list_grants',
  ]);
  expect(written(again)).toMatchObject({ swept: 1, ...watched });
  expect(written(again)).not.toHaveProperty('sayAgain');
});

describe('late answers', () => {
  it.each(['completed', 'refunded', 'declined', 'blocked'] as const)(
    'that tell of a loss on a row that is %s tell of it again a day later, and no more',
    (phase) => {
      const told = written(decide(aRecharge({ phase }), payment(PAID, 2), aMoment()));
      const later = aMoment({ now: utc('2026-01-06 12:03:10') });
      expect(decide(told, DUE, later)).toEqual({ effect: 'stop' });
      const again = decide({ ...told, swept: 1 }, DUE, later);
      expect(again.alert?.word).toBe('paid_after_end');
      expect(written(again)).toEqual({
        ...aRecharge({ phase }),
        history: told.history,
      });
    },
  );

  it.each<[string, Recharge, string]>([
    ['granting with a newer token', aRecharge({ phase: 'granting', grantToken: 'token-b' }), 'granted_twice'],
    ['completed by a newer token', aRecharge({ phase: 'completed', grantToken: 'token-b' }), 'granted_twice'],
    ['refunding', aRecharge({ phase: 'refunding' }), 'granted_after_refund'],
    ['refunded', aRecharge({ phase: 'refunded' }), 'granted_after_refund'],
    [
      'in review of a refund',
      aRecharge({ phase: 'needs_review', review: 'refund_failed' }),
      'granted_after_refund',
    ],
  ])('a grant found on a row that is %s changes nothing but is an alert', (_, row, word) => {
    expect(decide(row, grant({ kind: 'granted' }), aMoment())).toEqual({
      next: {
        ...row,
        ...(row.nextAttemptAt === undefined ? againADayLater(word) : { sayAgain: word }),
        history: [
          ...row.history,
          { at: utc('2026-01-05 12:00:10'), event: 'late_grant_answer', detail: 'granted' },
        ],
      },
      alert: { word, detail: `phase ${row.phase}` },
      effect: 'stop',
    });
  });

  it('another amount granted on a refunded row is an alert too', () => {
    const differs = grant({ kind: 'differs', detail: '400 credits' });
    expect(decide(aRecharge({ phase: 'refunded' }), differs, aMoment()).alert?.word).toBe(
      'granted_after_refund',
    );
  });

  it.each<[string, Recharge]>([
    ['declined', aRecharge({ phase: 'declined' })],
    ['blocked', aRecharge({ phase: 'blocked' })],
  ])('a payment on a row that ended %s is written down and is an alert', (phase, row) => {
    expect(decide(row, payment(PAID), aMoment())).toEqual({
      next: {
        ...row,
        ...againADayLater('paid_after_end'),
        history: [
          ...row.history,
          { at: utc('2026-01-05 12:00:10'), event: 'paid_late', detail: 'attempt 1: pay_1' },
        ],
      },
      alert: { word: 'paid_after_end', detail: 'attempt 1: pay_1' },
      effect: 'stop',
    });
    expect(row.phase).toBe(phase);
  });

  it('a payment of an attempt that was declined stops the next attempt: a person looks before it takes money, too', () => {
    const decision = decide(aRecharge({ attempt: 2 }), payment(PAID, 1), aMoment());
    expect(decision.next).toMatchObject({
      phase: 'needs_review',
      review: 'charge_unknown',
      paymentRef: 'pay_1',
    });
    expect(decision.alert).toEqual({ word: 'charge_unknown', detail: 'paid after all, attempt 1: pay_1' });
    expect(decision.effect).toBe('stop');
  });

  it('a second "paid" for a row that is paid is nothing new', () => {
    for (const phase of ['granting', 'charged', 'completed', 'refunding', 'refunded'] as const) {
      expect(decide(aRecharge({ phase }), payment(PAID), aMoment())).toEqual({ effect: 'stop' });
    }
  });
});

describe('an answer to a write that got lost', () => {
  it('lets the process that holds the token grant, and nobody else', () => {
    const row = aRecharge({ phase: 'granting', grantToken: 'token-mine' });
    const mine = aMoment({ token: 'token-mine' });
    for (const outcome of [DUE, payment(PAID)]) {
      expect(decide(row, outcome, mine)).toEqual({ effect: 'grant' });
      expect(decide(row, outcome, aMoment({ token: 'token-other' }))).toEqual({ effect: 'stop' });
    }
  });

  it.each<[string, Outcome]>([
    ['the payment', payment(PAID)],
    ['the wake-up', DUE],
  ])(
    'gives back to charged a grant that was called lost before its holder could begin (%s)',
    (_, outcome) => {
      // Its holder is still deciding: it never sent anything, and nobody else can.
      const row = aRecharge({ phase: 'needs_review', review: 'grant_unknown', grantToken: 'token-mine' });
      const next = written(decide(row, outcome, aMoment({ token: 'token-mine' })));
      expect(next).toMatchObject({ phase: 'charged', grantNo: 1 });
      expect(next.review).toBeUndefined();
      expect(decide(next, outcome, aMoment({ token: 'token-mine' }))).toEqual({ effect: 'stop' });
    },
  );

  it.each<[string, Recharge, Outcome]>([
    ['grant_unknown', aRecharge({ phase: 'granting' }), grant({ kind: 'unknown', detail: 'status 502' })],
    ['grant_differs', aRecharge({ phase: 'granting' }), grant({ kind: 'differs', detail: '400 credits' })],
    ['grant_refused', aRecharge({ phase: 'granting' }), grant({ kind: 'refused', detail: 'status 404' })],
    ['refund_failed', aRecharge({ phase: 'refunding' }), refund({ kind: 'refused', reason: 'disputed' })],
    [
      'refund_unknown',
      aRecharge({ phase: 'refunding', phaseDeadline: utc('2026-01-05 12:00:10') }),
      refund({ kind: 'unknown', detail: 'status 502' }),
    ],
  ])('does not silence the alert %s', (word, row, outcome) => {
    const first = decide(row, outcome, aMoment());
    const second = decide(written(first), outcome, aMoment());
    expect(first.alert?.word).toBe(word);
    expect(second.next).toBeUndefined();
    expect(second.alert?.word).toBe(word);
  });
});

describe('the schedules that go wrong without a rule', () => {
  const lostAt = aMoment({ now: utc('2026-01-05 12:06:00'), token: 'token-b' });
  const said = (answer: 'confirm-not-granted' | 'refund', row: Recharge, now: string) =>
    applyAnswer(row, { answer, note: 'looked at the history' }, aMoment({ now: utc(now) }));
  function accepted(result: ReturnType<typeof applyAnswer>): Recharge {
    if ('refused' in result) throw new Error(result.refused);
    return result.next;
  }

  it('8, the zombie: nobody else grants before the settle time, and its old token grants no more', () => {
    const granting = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-a' })));
    const review = written(decide(granting, DUE, lostAt));
    expect(review.review).toBe('grant_unknown');
    expect(said('confirm-not-granted', review, '2026-01-05 12:17:09.999')).toHaveProperty('refused');
    const back = accepted(said('confirm-not-granted', review, '2026-01-05 12:17:10'));
    const again = written(decide(back, DUE, aMoment({ now: utc('2026-01-05 12:18:00'), token: 'token-b' })));
    expect(again).toMatchObject({ phase: 'granting', grantNo: 2, grantToken: 'token-b' });
    // The first writer wakes up, its write's answer lost: the row is no longer its own.
    expect(decide(again, charged(PAID), aMoment({ token: 'token-a' }))).toEqual({ effect: 'stop' });
  });

  it('9, the answer too soon: neither "not granted" nor a refund is taken while the request can still land', () => {
    const review = written(
      decide(aRecharge({ phase: 'granting' }), grant({ kind: 'unknown', detail: 'timeout' }), aMoment()),
    );
    for (const answer of ['confirm-not-granted', 'refund'] as const) {
      expect(said(answer, review, '2026-01-05 12:00:30')).toHaveProperty('refused');
      expect(said(answer, review, '2026-01-05 12:17:09.999')).toHaveProperty('refused');
      expect(said(answer, review, '2026-01-05 12:17:10')).toHaveProperty('next');
    }
  });

  it('10, the stale answer: an answer keeps the version that was shown, and the next grant has its own settle time', () => {
    const shown = aRecharge({ phase: 'needs_review', review: 'grant_unknown', version: 5 });
    expect(accepted(said('refund', shown, '2026-01-05 13:00:00')).version).toBe(5);
    const back = {
      ...written(decide(shown, grant({ kind: 'not_applied', detail: '429' }), aMoment())),
      version: 6,
    };
    const at = aMoment({ now: utc('2026-01-05 13:00:00'), token: 'token-b' });
    const granting = written(decide(back, DUE, at));
    const newer = written(decide(granting, grant({ kind: 'unknown', detail: 'timeout' }, 'token-b'), at));
    expect(said('refund', newer, '2026-01-05 13:16:59.999')).toHaveProperty('refused');
    expect(said('refund', newer, '2026-01-05 13:17:00')).toHaveProperty('next');
  });

  it('11, the outcome of an old token: it neither refunds nor reopens the newer grant', () => {
    const row = aRecharge({ phase: 'granting', grantNo: 2, grantToken: 'token-b' });
    const results: GrantResult[] = [
      { kind: 'refused', detail: 'status 404' },
      { kind: 'not_applied', detail: 'status 429' },
      { kind: 'unknown', detail: 'status 502' },
      { kind: 'granted', newBalance: 512 },
    ];
    for (const result of results) {
      const decision = decide(
        row,
        grant(result, 'token-a'),
        aMoment({ policy: { refundAutomatically: true } }),
      );
      const { sayAgain: _, ...next } = { ...decision.next };
      expect({ ...next, history: [] }).toEqual({ ...row, history: [] });
      expect(decision.effect).toBe('stop');
    }
  });

  it('12, the derived token: two who learn of the same payment draw two tokens, and one of them grants', () => {
    const byA = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-a' })));
    expect(byA.grantNo).toBe(1);
    expect(decide(byA, charged(PAID), aMoment({ token: 'token-b' }))).toEqual({ effect: 'stop' });
  });

  it('13, the assumed write: who lost the race reads whose token is there, and stops', () => {
    const byB = written(decide(aRecharge(), charged(PAID), aMoment({ token: 'token-b' })));
    expect(decide(byB, charged(PAID), aMoment({ token: 'token-a' }))).toEqual({ effect: 'stop' });
    expect(decide(byB, charged(PAID), aMoment({ token: 'token-b' }))).toEqual({ effect: 'grant' });
  });

  it('14, the blind reschedule: what says nothing about the charge moves a row that is granting nowhere', () => {
    const row = aRecharge({ phase: 'granting' });
    const nothing: Outcome[] = [
      charged(SILENT),
      charged({ kind: 'not_attempted', detail: '429' }),
      payment(NOT_FOUND),
      charged(PENDING),
      { kind: 'held', why: 'charging is paused' },
    ];
    for (const outcome of nothing) expect(decide(row, outcome, aMoment())).toEqual({ effect: 'stop' });
  });

  it('15, the outcome of an old attempt: its decline does not decline the attempt that was paid', () => {
    const soft = payment({ kind: 'declined', reason: 'insufficient_funds', retryable: true }, 1);
    const planned = written(decide(aRecharge(), soft, aMoment({ policy: { declineRetries: 1 } })));
    const paid = written(decide(planned, payment(PAID, 2), aMoment({ now: utc('2026-01-06 12:00:30') })));
    for (const row of [planned, paid]) expect(decide(row, soft, aMoment())).toEqual({ effect: 'stop' });
  });
});
