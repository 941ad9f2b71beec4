import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import { PHASES, REVIEW_REASONS, type Recharge } from '../../../../shared/recharge/recharge.ts';
import { aFrozen, aRecharge, utc } from '../../../support/builders.ts';
import { evidence, grant, PAID, type PaymentResult, refund } from './outcomes.ts';

/** Every place a row can be in: its phase, or the reason it is in review for. */
export const PLACES = [...PHASES.filter((phase) => phase !== 'needs_review'), ...REVIEW_REASONS];
export type Place = (typeof PLACES)[number];

export function rowIn(place: Place, given: Partial<Recharge> = {}): Recharge {
  const review = REVIEW_REASONS.find((reason) => reason === place);
  const phase = PHASES.find((candidate) => candidate === place) ?? 'needs_review';
  // What waits for a person was brought back by the sweeper: that is its reminder.
  return aRecharge({ phase, ...(review === undefined ? {} : { review, swept: 1 }), ...given });
}

/**
 * A decision in a few words: the place the row is in afterwards, or `waits` (same place, due at another
 * time) or `note` (history only, and for an ended row when to say it again) or `-` (no write); then what is released, said, and done next.
 */
export function inWords(row: Recharge, { next, release, alert, effect }: Decision): string {
  const words = [];
  if (next && (next.phase !== row.phase || next.review !== row.review)) words.push(next.review ?? next.phase);
  else if (next && next.nextAttemptAt !== row.nextAttemptAt && !next.sayAgain) words.push('waits');
  else if (next) words.push('note');
  if (release) words.push('+release');
  if (alert) words.push(`!${alert.word}`);
  if (effect !== 'stop') words.push(`→ ${effect}`);
  return words.length === 0 ? '-' : words.join(' ');
}

type Cells = Partial<Record<Place, string>>;

const payment = (result: PaymentResult, attempt = 1): Extract<Outcome, { kind: 'payment' }> => ({
  kind: 'payment',
  asked: 'charge',
  attempt,
  result,
  frozen: aFrozen(),
});
const listed = (...marks: string[]): Outcome => ({
  kind: 'grants_listed',
  result: { kind: 'listed', marks },
});

const DECLINED: PaymentResult = { kind: 'declined', reason: 'no funds', retryable: true };
const RESERVED = {
  kind: 'reserved',
  fresh: true,
  at: utc('2026-01-05 11:59:00'),
  frozen: aFrozen(),
} as const;
const ASK_AGAIN: Cells = {
  received: 'waits',
  charge_pending: 'waits',
  charge_unknown: 'waits !review_waiting',
};
const everywhere = (word: string): Cells => Object.fromEntries(PLACES.map((place) => [place, word]));
/** Also where a person was being asked: the refund's one key makes it proof. */
const REFUNDED = {
  refunding: 'refunded +release',
  refund_unknown: 'refunded +release',
  refund_failed: 'refunded +release',
};
const GRANTED_TWICE = everywhere('note !granted_twice');
const AFTER_REFUND: Cells = {
  refunding: 'note !granted_after_refund',
  refund_unknown: 'note !granted_after_refund',
  refund_failed: 'note !granted_after_refund',
  refunded: 'note !granted_after_refund',
};
const REMINDED: Cells = Object.fromEntries(
  PLACES.filter((place) => place.includes('_')).map((place) => [place, 'waits !review_waiting']),
);

/** What each outcome does in each place while no deadline has passed; where a place is not named: nothing. */
export const MATRIX: [name: string, outcome: Outcome, cells: Cells][] = [
  [
    'due',
    { kind: 'due' },
    {
      ...REMINDED,
      received: '→ reserve',
      charge_pending: '→ look_up_payment',
      charged: 'granting → grant',
      charge_unknown: '→ look_up_payment',
      refunding: '→ look_up_refund',
    },
  ],
  ['reserved by this run', { ...RESERVED, attempt: 1 }, { received: '→ charge' }],
  [
    'reserved without a charge',
    { ...RESERVED, attempt: 1, fresh: false, frozen: { prepaid: true, grantEmail: 'demo@example.com' } },
    { received: 'granting → grant', charge_pending: 'granting → grant', charge_unknown: 'charged' },
  ],
  ['found reserved', { ...RESERVED, attempt: 1, fresh: false }, { received: '→ look_up_payment' }],
  ['reserved, another attempt', { ...RESERVED, attempt: 2 }, {}],
  ['refused', { kind: 'refused', attempt: 1, word: 'cooldown' }, { received: 'blocked' }],
  [
    'refused for good',
    { kind: 'refused', attempt: 1, word: 'account_disabled' },
    { received: 'blocked !recharge_blocked' },
  ],
  [
    'refused by the monthly cap',
    { kind: 'refused', attempt: 1, word: 'over_monthly_amount' },
    { received: 'blocked !monthly_cap_reached' },
  ],
  ['refused, another attempt', { kind: 'refused', attempt: 2, word: 'cooldown' }, {}],
  ['not reserved', { kind: 'not_reserved', attempt: 1 }, { received: '→ look_up_payment' }],
  ['not reserved, another attempt', { kind: 'not_reserved', attempt: 2 }, {}],
  ['held', { kind: 'held', why: 'paused' }, { received: 'waits', charge_pending: 'waits' }],
  [
    'paid',
    payment(PAID),
    {
      received: 'granting → grant',
      charge_pending: 'granting → grant',
      charge_unknown: 'charged',
      declined: 'note !paid_after_end',
      blocked: 'note !paid_after_end',
    },
  ],
  ['paid, another attempt', payment(PAID, 2), everywhere('note !paid_after_end')],
  [
    'declined',
    payment(DECLINED),
    {
      received: 'declined +release',
      charge_pending: 'declined +release',
      charge_unknown: 'declined +release',
    },
  ],
  ['declined, another attempt', payment(DECLINED, 2), {}],
  [
    'pending',
    payment({ kind: 'pending', paymentRef: 'pay_1' }),
    { ...ASK_AGAIN, received: 'charge_pending' },
  ],
  [
    'pending, and the client must act',
    payment({ kind: 'pending', paymentRef: 'pay_1', actionUrl: 'https://pay.example/1' }),
    {
      ...ASK_AGAIN,
      received: 'charge_pending !client_must_act',
      charge_pending: 'waits !client_must_act',
    },
  ],
  ['pending, another attempt', payment({ kind: 'pending', paymentRef: 'pay_1' }, 2), {}],
  ['payment not attempted', payment({ kind: 'not_attempted', detail: '429' }), ASK_AGAIN],
  [
    'payment hook misconfigured',
    payment({ kind: 'not_attempted', detail: '401', misconfigured: true }),
    {
      ...ASK_AGAIN,
      received: 'waits !payment_hook_misconfigured',
      charge_pending: 'waits !payment_hook_misconfigured',
    },
  ],
  ['payment unknown', payment({ kind: 'unknown', detail: '502' }), ASK_AGAIN],
  [
    'payment not said by the lookup',
    { ...payment({ kind: 'unknown', detail: '502' }), asked: 'lookup' },
    { ...ASK_AGAIN, received: '→ charge' },
  ],
  [
    'payment hook misconfigured for the lookup',
    { ...payment({ kind: 'unknown', detail: '401', misconfigured: true }), asked: 'lookup' },
    {
      ...ASK_AGAIN,
      received: '!payment_hook_misconfigured → charge',
      charge_pending: 'waits !payment_hook_misconfigured',
    },
  ],
  ['payment not found', payment({ kind: 'not_found' }), { ...ASK_AGAIN, received: '→ charge' }],
  ['payment not found, another attempt', payment({ kind: 'not_found' }, 2), {}],
  [
    'payment refunded at the provider',
    payment({ kind: 'refunded' }),
    {
      received: 'declined +release',
      charge_pending: 'declined +release',
      charge_unknown: 'declined +release',
    },
  ],
  [
    'granted',
    grant({ kind: 'granted', newBalance: 512 }),
    {
      ...GRANTED_TWICE,
      ...AFTER_REFUND,
      granting: 'completed',
      charged: 'completed',
      grant_unknown: 'completed',
      completed: '-',
    },
  ],
  [
    'granted, another token',
    grant({ kind: 'granted', newBalance: 512 }, 'token-old'),
    { ...GRANTED_TWICE, ...AFTER_REFUND, charged: 'grant_differs !grant_differs' },
  ],
  [
    'granted differently',
    grant({ kind: 'differs', detail: '400 credits' }),
    {
      ...GRANTED_TWICE,
      ...AFTER_REFUND,
      granting: 'grant_differs !grant_differs',
      charged: 'grant_differs !grant_differs',
      grant_differs: '!grant_differs',
    },
  ],
  [
    'granted differently, another token',
    grant({ kind: 'differs', detail: '400 credits' }, 'token-old'),
    { ...GRANTED_TWICE, ...AFTER_REFUND, charged: 'grant_differs !grant_differs' },
  ],
  [
    'grant not applied',
    grant({ kind: 'not_applied', detail: '429' }),
    { ...everywhere('note'), granting: 'charged', grant_unknown: 'charged', charged: '-' },
  ],
  [
    'grant not applied, another token',
    grant({ kind: 'not_applied', detail: '429' }, 'token-old'),
    everywhere('note'),
  ],
  [
    'grant refused',
    grant({ kind: 'refused', detail: '404' }),
    {
      ...everywhere('note'),
      granting: 'grant_refused !grant_refused',
      grant_refused: '!grant_refused',
      refunding: '-',
    },
  ],
  [
    'grant not paid for',
    grant({ kind: 'unpaid', detail: 'nothing is reserved' }),
    {
      ...everywhere('note'),
      granting: 'grant_refused !grant_refused',
      grant_refused: '!grant_refused',
    },
  ],
  [
    'grant not sent',
    grant({ kind: 'not_applied', detail: 'refused', unsent: true }),
    { ...everywhere('note'), granting: 'charged', grant_unknown: 'charged', charged: '-' },
  ],
  [
    'grant refused, another token',
    grant({ kind: 'refused', detail: '404' }, 'token-old'),
    everywhere('note'),
  ],
  [
    'grant unknown',
    grant({ kind: 'unknown', detail: '502' }),
    { ...everywhere('note'), granting: 'grant_unknown !grant_unknown', grant_unknown: '!grant_unknown' },
  ],
  [
    'grant unknown, another token',
    grant({ kind: 'unknown', detail: '502' }, 'token-old'),
    everywhere('note'),
  ],
  [
    'grant found',
    evidence({ kind: 'found' }),
    {
      ...GRANTED_TWICE,
      ...AFTER_REFUND,
      granting: 'completed',
      charged: 'completed',
      grant_unknown: 'completed',
      completed: '-',
    },
  ],
  [
    'grant found, another token',
    evidence({ kind: 'found' }, 'token-old'),
    { ...GRANTED_TWICE, ...AFTER_REFUND, charged: 'grant_differs !grant_differs' },
  ],
  [
    'grant found to differ',
    evidence({ kind: 'differs', detail: '400 credits' }),
    {
      ...GRANTED_TWICE,
      ...AFTER_REFUND,
      granting: 'grant_differs !grant_differs',
      charged: 'grant_differs !grant_differs',
      grant_unknown: 'waits !grant_differs',
      grant_differs: '!grant_differs',
      completed: '-',
    },
  ],
  [
    'grant found to differ, another token',
    evidence({ kind: 'differs', detail: '400 credits' }, 'token-old'),
    { ...GRANTED_TWICE, ...AFTER_REFUND, charged: 'grant_differs !grant_differs' },
  ],
  ['grant not found', evidence({ kind: 'not_found' }), { grant_unknown: 'waits' }],
  ['grant not found, another token', evidence({ kind: 'not_found' }, 'token-old'), {}],
  ['no evidence', evidence({ kind: 'no_answer', detail: 'status 502' }), { grant_unknown: 'waits' }],
  ['no evidence, another token', evidence({ kind: 'no_answer', detail: 'status 502' }, 'token-old'), {}],
  ['no grant listed', listed(), {}],
  ['one grant listed', listed('rr-1-2'), {}],
  ['two grants listed', listed('rr-1-1', 'rr-1-2'), {}],
  ['no list of grants', { kind: 'grants_listed', result: { kind: 'no_answer', detail: 'status 502' } }, {}],
  ['refunded', refund({ kind: 'refunded' }), REFUNDED],
  ['found refunded', refund({ kind: 'found_refunded' }), REFUNDED],
  ['not refunded', refund({ kind: 'not_refunded' }), { refunding: '→ refund' }],
  ['refund pending', refund({ kind: 'pending' }), { refunding: 'waits', refund_unknown: '!refund_unknown' }],
  [
    'refund refused',
    refund({ kind: 'refused', reason: 'disputed' }),
    { refunding: 'refund_failed !refund_failed', refund_failed: '!refund_failed' },
  ],
  [
    'refund not attempted',
    refund({ kind: 'not_attempted', detail: '429' }),
    { refunding: 'waits', refund_unknown: '!refund_unknown' },
  ],
  [
    'refund unknown',
    refund({ kind: 'unknown', detail: '502' }),
    { refunding: 'waits', refund_unknown: '!refund_unknown' },
  ],
  [
    'refund unknown, its answer unusable',
    refund({ kind: 'unknown', detail: '301', misconfigured: true }),
    { refunding: 'waits !payment_hook_misconfigured', refund_unknown: '!refund_unknown' },
  ],
];

/** Where the profile says that grants stand in the usage export. */
export const LOOKING = { evidence: { ...productionPolicy.evidence, lookUp: true } };

export const history = (...words: string[]) =>
  ['received', 'paid', ...words].map((event) => ({ at: utc('2026-01-05 12:00:00'), event }));

/** Grants that only somebody's word calls not made: a person's, or the platform's. */
export const IN_DOUBT: Record<string, Partial<Recharge>> = {
  'called not made': { history: history('grant_unknown', 'not_in_export', 'confirm-not-granted') },
  'called not made, and the export silent': {
    history: history('grant_unknown', 'confirm-not-granted', 'waiting'),
  },
  'called not made, expired, and to be tried again': {
    history: history('grant_unknown', 'confirm-not-granted', 'grant_expired', 'retry-grant'),
  },
  'called not made a second time': {
    history: history(
      'grant_unknown',
      'confirm-not-granted',
      'granting_again',
      'grant_unknown',
      'confirm-not-granted',
    ),
  },
  'with its middle lost': { history: history('waiting', 'waiting', 'left_out', 'waiting') },
  'answered as not applied': { history: history('waiting'), notApplied: 1 },
  'answered as refused, and to be tried again': { history: history('grant_refused', 'retry-grant') },
};
/** And those of which no byte left this machine. */
export const NOT_IN_DOUBT: Record<string, Partial<Recharge>> = {
  'never sent': { history: history('waiting'), unsent: true },
  'never sent, after one that was called not made': {
    history: history('grant_unknown', 'confirm-not-granted', 'granting_again', 'waiting'),
    unsent: true,
  },
};

export const TOLD = history('grant_too_many');

/** An ended row whose late look is due, as the sweeper brings it. */
export const watched = (place: 'completed' | 'refunded', given: Partial<Recharge> = {}) =>
  rowIn(place, {
    grantNo: place === 'completed' ? 2 : 1,
    nextAttemptAt: utc('2026-01-06 12:03:30'),
    phaseDeadline: utc('2026-01-12 12:00:30'),
    swept: 1,
    ...given,
  });

/** Brought by the queue, not by the sweeper. */
export function withoutSweep({ swept: _, ...row }: Recharge): Recharge {
  return row;
}
