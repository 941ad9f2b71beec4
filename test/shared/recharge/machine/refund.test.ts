import { aRecharge, utc } from '../../../support/builders.ts';
import { refund } from './outcomes.ts';
import { describeTransitions } from './transitions.ts';

describeTransitions([
  {
    name: 'refunding → refunded, amount given back, when the provider refunded it',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'refunded', refundRef: 're_1' }),
    becomes: {
      phase: 'refunded',
      refundedAt: utc('2026-01-05 12:00:10'),
      refundRef: 're_1',
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
      swept: undefined,
    },
    event: ['refunded', 're_1'],
    says: { release: { reason: 'refunded', retryable: false }, effect: 'stop' },
  },
  {
    name: 'refunding → refunded when the lookup finds it refunded already',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'found_refunded', refundRef: 're_7' }),
    becomes: {
      phase: 'refunded',
      refundRef: 're_7',
      refundedAt: utc('2026-01-05 12:00:10'),
      nextAttemptAt: undefined,
      phaseDeadline: undefined,
    },
    event: ['refunded', 're_7'],
    says: { release: { reason: 'refunded', retryable: false }, effect: 'stop' },
  },
  {
    name: 'refunding → refunding, asked daily, while the refund is pending',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'pending' }),
    becomes: {
      nextAttemptAt: utc('2026-01-06 12:00:10'),
      notBefore: utc('2026-01-06 12:00:10'),
      swept: undefined,
    },
    event: ['waiting', 'refund pending'],
  },
  {
    name: 'refunding → refunding, due later, when the outcome of the refund is unknown',
    row: aRecharge({ phase: 'refunding', swept: 2 }),
    outcome: refund({ kind: 'unknown', detail: 'status 500' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund unknown: status 500'],
  },
  {
    name: 'refunding → refunding, due later, when this call did nothing',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 429' }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: status 429'],
  },
  {
    name: 'refunding → refunding, and an alert, when the payment hook refuses the request as such',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'not_attempted', detail: 'status 401', misconfigured: true }),
    becomes: { nextAttemptAt: utc('2026-01-05 12:00:11'), notBefore: utc('2026-01-05 12:00:11') },
    event: ['waiting', 'refund not attempted: yours to mend: status 401'],
    says: {
      alert: { word: 'payment_hook_misconfigured', detail: 'status 401', daily: true },
      effect: 'stop',
    },
  },
  {
    name: 'refunding → needs_review (refund_failed) when the refund is refused',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'refused', reason: 'charge disputed' }),
    becomes: {
      phase: 'needs_review',
      review: 'refund_failed',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-06 12:00:10'),
    },
    event: ['refund_failed', 'charge disputed'],
    says: { alert: { word: 'refund_failed', detail: 'charge disputed' }, effect: 'stop' },
  },
  {
    name: 'refunding → needs_review (refund_unknown) when it is still pending after 7 days',
    row: aRecharge({ phase: 'refunding' }),
    outcome: refund({ kind: 'pending' }),
    at: { now: utc('2026-01-12 12:00:20') },
    becomes: {
      phase: 'needs_review',
      review: 'refund_unknown',
      phaseDeadline: undefined,
      nextAttemptAt: utc('2026-01-13 12:00:20'),
    },
    event: ['refund_unknown', 'refund pending'],
    says: { alert: { word: 'refund_unknown', detail: 'refund pending' }, effect: 'stop' },
  },
]);
