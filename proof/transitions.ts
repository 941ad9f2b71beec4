import { PHASES, REVIEW_REASONS } from '../shared/recharge/recharge.ts';

/** What a row may be in, as far as it matters for what an outcome does to it. */
const STANDS = PHASES.flatMap((phase) =>
  phase === 'needs_review' ? REVIEW_REASONS.map((review) => `needs_review(${review})`) : [phase],
);

const OUTCOMES = [
  ...['due', 'reserved', 'refused', 'not_reserved', 'held'],
  ...['paid', 'declined', 'pending', 'not_attempted', 'unknown', 'refunded', 'not_found'].map(
    (of) => `payment ${of}`,
  ),
  ...['granted', 'differs', 'not_applied', 'refused', 'unknown', 'unpaid'].map((of) => `grant ${of}`),
  ...['found', 'differs', 'not_found', 'no_answer'].map((of) => `grant_evidence ${of}`),
  ...['listed', 'no_answer'].map((of) => `grants_listed ${of}`),
  ...['refunded', 'found_refunded', 'not_refunded', 'pending', 'refused', 'not_attempted', 'unknown'].map(
    (of) => `refund ${of}`,
  ),
];

/** All pairs of where a row stands and an outcome. Many cannot be: no grant is answered before there is one. */
export const TRANSITIONS = STANDS.flatMap((stands) => OUTCOMES.map((outcome) => `${stands}: ${outcome}`));

/** Why a row that stands there never meets these outcomes, whatever happens. */
const REASONS: readonly { stands: readonly string[]; outcomes: readonly string[]; why: string }[] = [
  {
    stands: ['received', 'charge_pending', 'needs_review(charge_unknown)', 'declined', 'blocked'],
    outcomes: ['grant', 'grant_evidence'],
    why: 'no grant has begun, and from a grant no row comes back to here',
  },
  {
    stands: STANDS.filter((stands) => stands !== 'completed' && stands !== 'refunded'),
    outcomes: ['grants_listed'],
    why: 'the late looks are made of a row that is completed or refunded, and such a row stays so',
  },
  {
    stands: STANDS.filter(
      (stands) =>
        !['refunding', 'refunded', 'completed'].includes(stands) && !stands.startsWith('needs_review(refund'),
    ),
    outcomes: ['refund'],
    why: 'no refund has begun, and from a refund no row comes back to here',
  },
];

/** By the pair: why it cannot be. */
export const UNREACHABLE: ReadonlyMap<string, string> = new Map(
  TRANSITIONS.flatMap((transition): [string, string][] => {
    const [stands = '', outcome = ''] = transition.split(': ');
    const reason = REASONS.find(
      ({ stands: those, outcomes }) =>
        those.includes(stands) && outcomes.includes(outcome.split(' ')[0] ?? ''),
    );
    return reason ? [[transition, reason.why]] : [];
  }),
);
