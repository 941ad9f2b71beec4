import { describe, expect, it } from 'vitest';
import {
  ANSWER_WORDS,
  ANSWERS,
  type Answer,
  answersFor,
  applyAnswer,
  type Statement,
  settlesAt,
  waitingAnswers,
} from '../../../shared/recharge/answers.ts';
import { decide } from '../../../shared/recharge/machine/machine.ts';
import { OTHER_COUNTERPARTY } from '../../../shared/recharge/machine/parties.ts';
import {
  type Phase,
  REVIEW_REASONS,
  type Recharge,
  type ReviewReason,
} from '../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../support/builders.ts';

/** The settle time of the builders' grant (deadline 12:02:10) is over at 12:17:10. */
const SETTLED = utc('2026-01-05 13:00:00');

const inReview = (review: ReviewReason, given: Partial<Recharge> = {}) =>
  aRecharge({ phase: 'needs_review', review, ...given });

function say(row: Recharge, answer: Answer, given: Partial<Statement> & { now?: number } = {}) {
  const { now = SETTLED, ...statement } = given;
  const paymentRef = answer === 'confirm-charged' ? { paymentRef: 'pay_9' } : {};
  return applyAnswer(row, { answer, note: 'J. looked', ...paymentRef, ...statement }, aMoment({ now }));
}

function accepted(result: ReturnType<typeof applyAnswer>): Recharge {
  if ('refused' in result) throw new Error(`Refused: ${result.refused}`);
  return result.next;
}

const LEADS_TO: Record<ReviewReason, Partial<Record<Answer, Phase>>> = {
  charge_unknown: { 'confirm-charged': 'charged', 'confirm-not-charged': 'declined' },
  grant_unknown: { 'confirm-granted': 'completed', 'confirm-not-granted': 'charged', refund: 'refunding' },
  grant_differs: { 'confirm-granted': 'completed', 'confirm-not-granted': 'charged', refund: 'refunding' },
  grant_refused: { 'retry-grant': 'charged', 'confirm-granted': 'completed', refund: 'refunding' },
  grant_expired: { 'retry-grant': 'charged', 'confirm-granted': 'completed', refund: 'refunding' },
  refund_unknown: { 'confirm-refunded': 'refunded', refund: 'refunding' },
  refund_failed: { 'confirm-refunded': 'refunded', refund: 'refunding' },
};

const PAIRS = REVIEW_REASONS.flatMap((reason) =>
  ANSWERS.map((answer) => ({ reason, answer, phase: LEADS_TO[reason][answer] })),
);

describe('every answer to every reason', () => {
  it.each(PAIRS.filter(({ phase }) => phase !== undefined))(
    '$answer after $reason leads to $phase',
    ({ reason, answer, phase }) => {
      const next = accepted(say(inReview(reason), answer));
      expect(next.phase).toBe(phase);
      expect(next.review).toBeUndefined();
    },
  );

  it.each(PAIRS.filter(({ phase }) => phase === undefined))(
    '$answer after $reason is refused with a sentence',
    ({ reason, answer }) => {
      const possible = Object.keys(LEADS_TO[reason]).join(', ');
      expect(say(inReview(reason), answer)).toEqual({
        refused: `"${answer}" is no answer to ${reason}. Possible: ${possible}.`,
      });
    },
  );

  it('is what a person is offered', () => {
    for (const reason of REVIEW_REASONS) {
      expect(answersFor(inReview(reason))).toEqual(Object.keys(LEADS_TO[reason]));
    }
  });
});

describe('what an answer writes', () => {
  const history = (event: string) => [
    { at: utc('2026-01-05 12:00:00'), event: 'received' },
    { at: SETTLED, event, detail: 'J. looked' },
  ];

  it('confirm-charged: the payment that was found, due at once, with 72 h to be granted', () => {
    const row = inReview('charge_unknown', { swept: 1 });
    expect(accepted(say(row, 'confirm-charged', { paymentRef: ' pay_7\n' }))).toEqual({
      ...row,
      phase: 'charged',
      paymentRef: 'pay_7',
      paidAt: utc('2026-01-05 13:00:00'),
      nextAttemptAt: utc('2026-01-05 13:00:00'),
      phaseDeadline: utc('2026-01-08 13:00:00'),
      review: undefined,
      swept: undefined,
      history: history('confirm-charged'),
    });
  });

  it('confirm-not-charged: the end, by a person’s word', () => {
    const row = inReview('charge_unknown');
    expect(accepted(say(row, 'confirm-not-charged'))).toEqual({
      ...row,
      phase: 'declined',
      reason: 'confirmed_not_charged',
      nextAttemptAt: undefined,
      review: undefined,
      history: history('confirm-not-charged'),
    });
  });

  it('confirm-granted: the end, the grant and its token kept on the row', () => {
    const row = inReview('grant_unknown', { reason: 'left over' });
    expect(accepted(say(row, 'confirm-granted'))).toEqual({
      ...row,
      phase: 'completed',
      nextAttemptAt: undefined,
      review: undefined,
      reason: undefined,
      history: history('confirm-granted'),
    });
  });

  it.each<[Answer, ReviewReason]>([
    ['confirm-not-granted', 'grant_unknown'],
    ['retry-grant', 'grant_refused'],
    ['retry-grant', 'grant_expired'],
  ])('%s after %s: due at once, with a new 72 h', (answer, reason) => {
    const row = inReview(reason);
    expect(accepted(say(row, answer))).toEqual({
      ...row,
      phase: 'charged',
      nextAttemptAt: utc('2026-01-05 13:00:00'),
      phaseDeadline: utc('2026-01-08 13:00:00'),
      review: undefined,
      history: history(answer),
    });
  });

  it('refund: due at once, with 7 days, and marked for ever', () => {
    const row = inReview('grant_expired');
    expect(accepted(say(row, 'refund'))).toEqual({
      ...row,
      phase: 'refunding',
      refundStartedAt: utc('2026-01-05 13:00:00'),
      nextAttemptAt: utc('2026-01-05 13:00:00'),
      phaseDeadline: utc('2026-01-12 13:00:00'),
      review: undefined,
      history: history('refund'),
    });
  });

  it('refund once more: the first refund’s time stays, the 7 days begin anew', () => {
    const row = inReview('refund_failed');
    const next = accepted(say(row, 'refund'));
    expect(next.refundStartedAt).toBe(utc('2026-01-05 12:00:20'));
    expect(next.phaseDeadline).toBe(utc('2026-01-12 13:00:00'));
  });

  it('confirm-refunded: the end, and late looks for what was granted', () => {
    const row = inReview('refund_unknown');
    expect(accepted(say(row, 'confirm-refunded'))).toEqual({
      ...row,
      phase: 'refunded',
      refundedAt: utc('2026-01-05 13:00:00'),
      nextAttemptAt: utc('2026-01-06 13:00:00'),
      phaseDeadline: utc('2026-01-12 13:00:00'),
      review: undefined,
      history: history('confirm-refunded'),
    });
  });

  it('never another version than the one that was shown', () => {
    for (const { reason, answer } of PAIRS.filter(({ phase }) => phase)) {
      expect(accepted(say(inReview(reason, { version: 17 }), answer)).version).toBe(17);
    }
  });

  it('nothing on the row that was shown', () => {
    const row = inReview('grant_unknown');
    const before = structuredClone(row);
    say(row, 'refund');
    expect(row).toEqual(before);
  });
});

describe('a row that waits to be granted', () => {
  const row = aRecharge({ phase: 'charged' });

  it('can be called granted', () => {
    const next = accepted(say(row, 'confirm-granted'));
    expect(next.phase).toBe('completed');
    expect(next.nextAttemptAt).toBeUndefined();
  });

  it('can be refunded, at once', () => {
    const next = accepted(say(row, 'refund', { now: utc('2026-01-05 12:00:30') }));
    expect(next).toMatchObject({ phase: 'refunding', refundStartedAt: utc('2026-01-05 12:00:30') });
  });

  it('can be tried at once, with all its tries and its full time, however long it was to wait', () => {
    const waits = {
      ...row,
      notApplied: 7,
      notBefore: utc('2026-01-06 12:00:00'),
      phaseDeadline: SETTLED + 1,
    };
    const next = accepted(say(waits, 'retry-grant'));
    expect(next).toMatchObject({ phase: 'charged', nextAttemptAt: SETTLED });
    expect(next.phaseDeadline).toBe(utc('2026-01-08 13:00:00'));
    expect(next).not.toHaveProperty('notApplied');
    expect(decide(next, { kind: 'due' }, aMoment({ now: SETTLED })).effect).toBe('grant');
  });

  const POSSIBLE: Answer[] = ['retry-grant', 'confirm-granted', 'refund'];
  it.each(ANSWERS.filter((answer) => !POSSIBLE.includes(answer)))('takes no %s', (answer) => {
    expect(say(row, answer)).toEqual({
      refused: `"${answer}" is no answer to charged. Possible: ${POSSIBLE.join(', ')}.`,
    });
  });
});

describe('a row that nobody is asked about', () => {
  const phases = [
    'received',
    'charge_pending',
    'granting',
    'refunding',
    'completed',
    'declined',
    'blocked',
    'refunded',
  ] as const;

  it.each(phases.flatMap((phase) => ANSWERS.map((answer) => ({ phase, answer }))))(
    'is $phase, and takes no $answer',
    ({ phase, answer }) => {
      expect(say(aRecharge({ phase }), answer)).toEqual({
        refused:
          `Recharge key-1 is ${phase}: nobody needs to answer for it.` +
          (phase === 'completed' ? ' To give its money back: recharges refund.' : ''),
      });
    },
  );
});

describe('the settle time of an unknown grant', () => {
  const row = inReview('grant_unknown');

  it('ends 15 minutes after the grant’s deadline', () => {
    expect(settlesAt(row, aMoment())).toBe(utc('2026-01-05 12:17:10'));
  });

  it('holds "not granted" back, too, where something else was granted than was asked for, and not a refund', () => {
    const differs = inReview('grant_differs');
    const early = { now: utc('2026-01-05 12:17:09.999') };
    expect(say(differs, 'confirm-not-granted', early)).toHaveProperty('refused');
    expect(say(differs, 'confirm-not-granted', { now: utc('2026-01-05 12:17:10') })).toHaveProperty('next');
    expect(say(differs, 'refund', early)).toHaveProperty('next');
  });

  it('concerns no other reason', () => {
    const settling = ['grant_unknown', 'grant_differs'];
    for (const reason of REVIEW_REASONS.filter((candidate) => !settling.includes(candidate))) {
      expect(settlesAt(inReview(reason), aMoment())).toBeUndefined();
    }
    expect(settlesAt(aRecharge({ phase: 'charged' }), aMoment())).toBeUndefined();
  });

  it.each(['confirm-not-granted', 'refund'] as const)('holds %s back until its very end', (answer) => {
    expect(say(row, answer, { now: utc('2026-01-05 12:17:09.999') })).toEqual({
      refused:
        'The grant may still arrive until 2026-01-05T12:17:10.000Z: look again after that, then answer.',
    });
    expect(say(row, answer, { now: utc('2026-01-05 12:17:10') })).toHaveProperty('next');
  });

  it('never holds confirm-granted back: what is there stays there', () => {
    expect(say(row, 'confirm-granted', { now: utc('2026-01-05 12:00:30') })).toHaveProperty('next');
  });

  it('does not hold back the answers to a grant that certainly was not made', () => {
    const soon = { now: utc('2026-01-05 12:00:30') };
    expect(say(inReview('grant_refused'), 'retry-grant', soon)).toHaveProperty('next');
    expect(say(inReview('grant_refused'), 'refund', soon)).toHaveProperty('next');
  });
});

it('that nothing was charged at an endpoint which is not configured any more is not taken while a charge may arrive', () => {
  const began = utc('2026-01-05 12:00:00');
  const history = [{ at: began, event: OTHER_COUNTERPARTY }];
  const row = aRecharge({ phase: 'received', attemptStartedAt: began, history });
  expect(say(row, 'confirm-not-charged', { now: utc('2026-01-06 11:59:59.999') })).toEqual({
    refused:
      'The charge may still arrive until 2026-01-06T12:00:00.000Z: look again after that, then answer.',
  });
  expect(say(row, 'confirm-not-charged', { now: utc('2026-01-06 12:00:00') })).toHaveProperty('next');
});

describe('what a statement must carry', () => {
  it.each(['', ' ', '\n\t'])('a note, and %j is none', (note) => {
    for (const { reason, answer } of PAIRS.filter(({ phase }) => phase)) {
      expect(say(inReview(reason), answer, { note })).toEqual({
        refused: 'Say in --note what you looked at and what you saw.',
      });
    }
  });

  it('the payment, where a person found the charge', () => {
    const row = inReview('charge_unknown');
    const refused = { refused: 'Give the payment you found at the provider with --payment-ref.' };
    const without: Statement = { answer: 'confirm-charged', note: 'J. looked' };
    expect(applyAnswer(row, without, aMoment())).toEqual(refused);
    expect(say(row, 'confirm-charged', { paymentRef: '' })).toEqual(refused);
    expect(say(row, 'confirm-charged', { paymentRef: '  ' })).toEqual(refused);
  });

  it('no payment with any other answer', () => {
    for (const { reason, answer } of PAIRS.filter(({ phase }) => phase)) {
      if (answer === 'confirm-charged') continue;
      expect(say(inReview(reason), answer, { paymentRef: 'pay_7' })).toEqual({
        refused: `--payment-ref goes with confirm-charged only, not with ${answer}.`,
      });
    }
  });
});

describe('a row whose own party is not configured any more', () => {
  const waiting = (given: Partial<Recharge>) =>
    aRecharge({ history: [{ at: utc('2026-01-05 12:00:10'), event: OTHER_COUNTERPARTY }], ...given });

  it.each<[string, Recharge, Answer[], Answer[]]>([
    ['its charge', waiting({}), ['confirm-charged', 'confirm-not-charged'], ['confirm-not-charged']],
    [
      'its pending charge',
      waiting({ phase: 'charge_pending' }),
      ['confirm-charged', 'confirm-not-charged'],
      ['confirm-not-charged'],
    ],
    ['its refund', waiting({ phase: 'refunding' }), ['confirm-refunded'], []],
    [
      'the refund of a completed recharge',
      waiting({ phase: 'completed', goodwillRefund: 'under_way' }),
      ['confirm-refunded'],
      [],
    ],
  ])('takes a person’s word for %s, and what may still change is held back', (_, row, answers, held) => {
    expect(answersFor(row)).toEqual(answers);
    expect(waitingAnswers(row)).toEqual(held);
    expect(settlesAt(row, aMoment())).toBe(held.length === 0 ? undefined : utc('2026-01-06 12:00:00'));
  });

  it('holds nothing back of a recharge that waits for something else', () => {
    for (const phase of ['received', 'charge_pending'] as const) {
      expect(waitingAnswers(aRecharge({ phase }))).toEqual([]);
    }
  });

  it('is settled by that word, and a completed recharge stays completed', () => {
    const row = waiting({ phase: 'completed', goodwillRefund: 'under_way', nextAttemptAt: SETTLED });
    const next = accepted(say(row, 'confirm-refunded'));
    expect(next).toMatchObject({ phase: 'completed', goodwillRefund: 'refunded', refundedAt: SETTLED });
    expect(next).not.toHaveProperty('nextAttemptAt');
  });
});

it('a grant whose deadline is not known settles at no time', () => {
  const { grantDeadline: _, ...row } = inReview('grant_unknown');
  expect(settlesAt(row, aMoment())).toBeUndefined();
});

it('the refund of what was not charged is only the end: nobody is asked to give anything back', () => {
  const next = accepted(say(inReview('grant_refused', { prepaid: true }), 'refund'));
  expect(next).toMatchObject({ phase: 'refunded', refundStartedAt: SETTLED });
});

describe('what a row has room for', () => {
  const review = inReview('grant_refused');

  it('a note of 160 bytes', () => {
    expect(say(review, 'retry-grant', { note: 'é'.repeat(80) })).toHaveProperty('next');
    expect(say(review, 'retry-grant', { note: `${'é'.repeat(80)}.` })).toEqual({
      refused: 'Keep the note under 160 bytes: the row holds it.',
    });
  });

  it('a payment reference of 255 characters', () => {
    const found = (length: number) =>
      say(inReview('charge_unknown'), 'confirm-charged', { paymentRef: 'p'.repeat(length) });
    expect(found(255)).toHaveProperty('next');
    expect(found(256)).toEqual({ refused: 'A payment reference has at most 255 characters.' });
  });
});

it('each answer has words of its own, for whoever has to choose', () => {
  const words = ANSWERS.map((answer) => ANSWER_WORDS[answer]);
  for (const said of words) expect(said).toMatch(/^[A-Z].{10,}/);
  expect(new Set(words).size).toBe(ANSWERS.length);
});
