import { describe, expect, it } from 'vitest';
import { withoutClient } from '../../../shared/recharge/erased.ts';
import { decide } from '../../../shared/recharge/machine/machine.ts';
import type { Outcome } from '../../../shared/recharge/machine/outcome.ts';
import { type Actor, type Circumstances, nextStepOf } from '../../../shared/recharge/next-step.ts';
import { productionPolicy } from '../../../shared/recharge/policy.ts';
import { PHASES, REFUSALS, REVIEW_REASONS, type Recharge } from '../../../shared/recharge/recharge.ts';
import { aMoment, aRecharge, utc } from '../../support/builders.ts';
import { charged, lookedUp, refund, written } from './machine/outcomes.ts';

const NOW = utc('2026-01-05 12:00:10');
const at = (given: Partial<Circumstances> = {}): Circumstances => ({
  now: NOW,
  policy: productionPolicy,
  ...given,
});
const rowAfter = (outcome: Outcome, row = aRecharge({ phase: 'received' })) =>
  written(decide(row, outcome, aMoment({ now: NOW })));
const commandsOf = (row: Recharge, given?: Partial<Circumstances>) =>
  nextStepOf(row, at(given)).commands.map(({ command }) => command);

describe('a recharge that waits for its payment', () => {
  it('goes on by itself, and says what the payment endpoint answered', () => {
    const row = rowAfter(charged({ kind: 'unknown', detail: 'status 502' }));
    expect(nextStepOf(row, at())).toMatchObject({
      who: 'nobody',
      what: 'The payment is asked for again at 2026-01-05T12:00:11.000Z, by itself. Last time: payment unknown: status 502.',
    });
    expect(commandsOf(row)).toEqual([
      'npx relay recharges retry key-1 --note "why"',
      'npx relay recharges stop key-1 --note "why"',
    ]);
  });

  it.each<[string, Outcome]>([
    ['a charge', charged({ kind: 'not_attempted', detail: 'status 401', misconfigured: true })],
    [
      'an unusable answer',
      charged({ kind: 'unknown', detail: '200 without payment_ref', misconfigured: true }),
    ],
  ])('is for whoever runs the relay where their endpoint is wrong: %s', (_name, outcome) => {
    const { who, what } = nextStepOf(rowAfter(outcome), at());
    expect(who).toBe('you');
    expect(what).toMatch(/^Mend your payment endpoint \(RUNBOOK\.md, payment_hook_misconfigured; /);
    expect(what).toMatch(/Last time: payment (not attempted: status 401|unknown: 200 without payment_ref)\./);
  });

  it('is for whoever runs the relay, too, where the refund meets an endpoint that is wrong', () => {
    const outcome = refund({ kind: 'not_attempted', detail: 'status 401', misconfigured: true });
    const { who, what } = nextStepOf(rowAfter(outcome, aRecharge({ phase: 'refunding' })), at());
    expect([who, what]).toEqual(['you', expect.stringContaining('refund not attempted: status 401.')]);
  });

  it('is the client’s to confirm where there is a page, and says which, and until when', () => {
    const page = { kind: 'pending', paymentRef: 'pay_1', actionUrl: 'https://pay.example/1' } as const;
    const { who, what } = nextStepOf(rowAfter(lookedUp(page)), at());
    expect(who).toBe('client');
    expect(what).toContain('https://pay.example/1');
    expect(what).toContain('until 2026-01-08T12:00:10.000Z');
  });

  it('says that charging is paused from the pause itself, and not from what the row met once', () => {
    const held = rowAfter({ kind: 'held', why: 'charging is paused', switchedOff: true });
    expect(nextStepOf(held, at()).what).not.toContain('Charging is paused');
    const unheld = aRecharge({ phase: 'received' });
    const pause = { reason: 'the card processor moves' };
    expect(nextStepOf(unheld, at({ pause }))).toMatchObject({
      who: 'you',
      what: 'Charging is paused (the card processor moves). It goes on by itself once charging does.',
    });
    expect(commandsOf(unheld, { pause })).toContain('npx relay resume');
    const until = utc('2026-01-05 12:15:00');
    expect(nextStepOf(unheld, at({ pause: { ...pause, until } }))).toMatchObject({
      who: 'nobody',
      what: expect.stringContaining('until 2026-01-05T12:15:00.000Z'),
    });
  });
});

describe('a recharge that a person is asked about', () => {
  it.each(REVIEW_REASONS)('%s: names the section, what is known, and every answer to paste', (review) => {
    const row = aRecharge({
      phase: 'needs_review',
      review,
      history: [{ at: NOW, event: review, detail: 'status 502' }],
    });
    const { who, what, commands } = nextStepOf(row, at());
    expect(who).toBe('you');
    expect(what).toContain(`RUNBOOK.md, ${review}`);
    expect(what).toContain('What is known: status 502.');
    expect(commands.length).toBeGreaterThan(1);
    for (const { command } of commands) expect(command).toContain('--version 3 ');
  });

  it('says which answers are too early, and says it no more afterwards', () => {
    const row = aRecharge({ phase: 'needs_review', review: 'grant_unknown' });
    expect(nextStepOf(row, at()).what).toContain(
      'Until 2026-01-05T12:17:10.000Z the grant may still arrive: "confirm-not-granted" and "refund" only after that.',
    );
    expect(nextStepOf(row, at({ now: utc('2026-01-05 12:17:10') })).what).not.toContain('Until');
  });
});

describe('a recharge that has ended', () => {
  it.each(REFUSALS)('%s: says who must do what, in one closed list', (reason) => {
    const row = aRecharge({ phase: 'blocked', reason });
    const { what, commands } = nextStepOf(row, at());
    expect(what).not.toContain('undefined');
    expect(what).toMatch(/^[A-Z].*\.$/);
    expect(commands.at(-1)?.command).toBe(
      'npx relay recharges start demo@example.com --for key-1 --note "why"',
    );
  });

  it('leads a client that nobody set up to the command that does', () => {
    const row = aRecharge({ phase: 'blocked', reason: 'account_unknown' });
    expect(commandsOf(row)[0]).toBe('npx relay accounts add demo@example.com');
  });

  it('leads a client whose card is refused to another one, and one without money to none', () => {
    const declined = (reason: string) => commandsOf(aRecharge({ phase: 'declined', reason }));
    expect(declined('expired_card')[0]).toBe('npx relay accounts invite demo@example.com');
    expect(declined('insufficient_funds').join()).not.toContain('invite');
  });

  it('leads nowhere for a client who was erased, whose address it does not know', () => {
    for (const blocked of [
      aRecharge({ phase: 'blocked', reason: 'account_unknown' }),
      aRecharge({ phase: 'declined', reason: 'insufficient_funds' }),
      aRecharge({ phase: 'declined', reason: 'no_payment_method' }),
    ]) {
      expect(commandsOf(withoutClient(blocked, [], { now: blocked.receivedAt }))).toEqual([]);
    }
  });

  it.each<[Partial<Recharge>, Actor, RegExp]>([
    [{ phase: 'declined', reason: 'insufficient_funds' }, 'client', /declined \(insufficient_funds\)/],
    [{ phase: 'declined', reason: 'expired' }, 'client', /given up/],
    [{ phase: 'declined', reason: 'constructor' }, 'client', /declined \(constructor\)/],
    [{ phase: 'completed' }, 'nobody', /Nothing is left to do/],
    [
      { phase: 'completed', goodwillRefund: 'under_way' },
      'nobody',
      /The money is being given back, by itself/,
    ],
    [{ phase: 'completed', goodwillRefund: 'refunded' }, 'nobody', /The credits stay with the client/],
    [{ phase: 'completed', goodwillRefund: 'under_way', review: 'refund_failed' }, 'you', /refund_failed/],
    [{ phase: 'completed', history: [{ at: 0, event: 'grant_too_many' }] }, 'you', /a grant too many/],
    [
      { phase: 'completed', history: [{ at: 0, event: 'late_grant_answer', detail: 'granted' }] },
      'you',
      /a grant too many \(RUNBOOK.md, granted_twice\)/,
    ],
    [
      { phase: 'refunded', history: [{ at: 0, event: 'late_grant_answer', detail: 'differs' }] },
      'you',
      /a grant too many \(RUNBOOK.md, granted_after_refund\)/,
    ],
    [
      { phase: 'completed', history: [{ at: 0, event: 'late_grant_answer', detail: 'not_applied' }] },
      'nobody',
      /Nothing is left to do/,
    ],
    [{ phase: 'declined', history: [{ at: 0, event: 'paid_late' }] }, 'you', /paid after its end/],
    [{ phase: 'refunded' }, 'nobody', /Nothing is left to do/],
  ])('%j: %s', (given, actor, sentence) => {
    const { who, what } = nextStepOf(aRecharge(given), at());
    expect([who, what]).toEqual([actor, expect.stringMatching(sentence)]);
  });

  it('offers to give the money of a completed one back, once', () => {
    const offer = 'npx relay recharges refund key-1 --note "why"';
    expect(commandsOf(aRecharge({ phase: 'completed' }))).toEqual([offer]);
    expect(commandsOf(aRecharge({ phase: 'completed', prepaid: true }))).toEqual([]);
    expect(commandsOf(aRecharge({ phase: 'completed', goodwillRefund: 'refunded' }))).toEqual([]);
  });
});

it('there is a next step in every phase', () => {
  for (const phase of PHASES) {
    expect(nextStepOf(aRecharge({ phase }), at()).what).toMatch(/^[A-Z].*\.$|https:/);
  }
});
