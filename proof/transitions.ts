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

const review = (...reasons: string[]) => reasons.map((reason) => `needs_review(${reason})`);

const OF_GRANTS = review('grant_unknown', 'grant_differs', 'grant_refused', 'grant_expired');
const OF_REFUNDS = review('refund_unknown', 'refund_failed');
const UNPAID = ['received', 'charge_pending', ...review('charge_unknown'), 'declined', 'blocked'];
const ENDED_PAID = ['completed', 'refunded'];
const GRANTED = ['granting', 'refunding', ...OF_REFUNDS, ...ENDED_PAID];

const OTHER_REVIEWS = review('grant_differs', 'grant_refused', 'grant_expired');
const UNGRANTED = ['declined', 'blocked', 'refunded'];
const UNDECIDED = ['pending', 'not_attempted', 'unknown', 'not_found'].map((of) => `payment ${of}`);

const ONLY_ELSEWHERE =
  'that is written only where another endpoint is configured, and others, who still ask the first, bring the row here meanwhile';
const JUDGED_TWICE =
  'an attempt waits for a day without a reservation, and two judge it, one of them asleep until others have brought the row here';
const LATE_PAYMENT =
  'an answer about the payment comes so late that the grant, or the refund, has ended, or has come to a review';
const LATE_GRANT =
  'an answer about a grant comes so late that the next grant, or the refund, has come to a review';
const SAID_WRONGLY =
  'somebody has said wrongly that the grant was not made, and its answer, or a look, comes after what follows on that';

interface Rule {
  stands: readonly string[];
  /** An outcome, or all that begin with the word. */
  outcomes: readonly string[];
  why: string;
}

/** Why a row that stands there never meets these outcomes, whatever happens. */
const CANNOT_BE: readonly Rule[] = [
  {
    stands: UNPAID,
    outcomes: ['grant', 'grant_evidence'],
    why: 'no grant has begun, and from a grant no row comes back to here',
  },
  {
    stands: STANDS.filter((stands) => !ENDED_PAID.includes(stands)),
    outcomes: ['grants_listed'],
    why: 'the late looks are made of a row that is completed or refunded, and such a row stays so',
  },
  {
    stands: STANDS.filter((stands) => ![...ENDED_PAID, 'refunding', ...OF_REFUNDS].includes(stands)),
    outcomes: ['refund'],
    why: 'no refund has begun, and from a refund no row comes back to here',
  },
  {
    stands: [
      'charge_pending',
      'granting',
      'charged',
      ...OF_GRANTS,
      'refunding',
      ...OF_REFUNDS,
      ...ENDED_PAID,
    ],
    outcomes: ['refused', 'not_reserved'],
    why: 'of an attempt that is refused, or that nobody has reserved in its time, nothing is charged: no row comes here by it',
  },
  {
    stands: ['granting', 'charged', ...OF_GRANTS, 'declined', 'blocked'],
    outcomes: ['payment refunded'],
    why: 'only the relay gives money back here, and from a refund no row comes back to here',
  },
  {
    stands: STANDS.filter((stands) => !GRANTED.includes(stands)),
    outcomes: ['grant unpaid'],
    why: 'a row is granted once its payment is recorded, and its reservation stays until it ends, or its money is given back',
  },
  {
    stands: ['declined', 'blocked'],
    outcomes: ['payment paid'],
    why: 'it was paid, and the row says that it has ended without money: I4 forbids that',
  },
];

/**
 * Outcomes that a row may meet there, and what has to come together for it. No scenario is made for them: a run says to which of
 * them it came all the same.
 */
const NOT_TRIED: readonly Rule[] = [
  {
    stands: [
      'charge_pending',
      ...review('charge_unknown'),
      ...OF_GRANTS,
      'refunding',
      ...OF_REFUNDS,
      ...UNGRANTED,
    ],
    outcomes: ['reserved'],
    why: ONLY_ELSEWHERE,
  },
  { stands: [...OF_REFUNDS, 'refunded'], outcomes: ['refund not_refunded'], why: ONLY_ELSEWHERE },
  {
    stands: [...review('charge_unknown'), 'declined'],
    outcomes: ['refused', 'not_reserved'],
    why: JUDGED_TWICE,
  },
  { stands: ['blocked'], outcomes: ['not_reserved'], why: JUDGED_TWICE },
  {
    stands: ['charged', ...review('charge_unknown', 'refund_unknown'), ...OF_GRANTS, 'declined', 'blocked'],
    outcomes: ['held'],
    why: 'whoever looks at such a row has no time left; or they sleep with that until others have brought the row here',
  },
  { stands: OF_GRANTS, outcomes: [...UNDECIDED, 'payment paid', 'payment declined'], why: LATE_PAYMENT },
  { stands: review('refund_unknown'), outcomes: ['payment'], why: LATE_PAYMENT },
  {
    stands: review('refund_failed'),
    outcomes: [...UNDECIDED, 'payment declined', 'payment refunded'],
    why: LATE_PAYMENT,
  },
  { stands: ['refunded'], outcomes: UNDECIDED, why: LATE_PAYMENT },
  {
    stands: ['charged', 'refunding'],
    outcomes: ['payment not_attempted', 'payment not_found'],
    why: LATE_PAYMENT,
  },
  { stands: ['charged'], outcomes: ['payment declined'], why: LATE_PAYMENT },
  { stands: ['refunding'], outcomes: ['payment pending', 'payment unknown'], why: LATE_PAYMENT },
  {
    stands: ['charge_pending'],
    outcomes: ['payment not_found'],
    why: 'the endpoint has lost a payment that it said is under way',
  },
  { stands: ['granting'], outcomes: ['payment not_found'], why: LATE_PAYMENT },
  {
    stands: ['charge_pending', ...review('charge_unknown'), 'completed'],
    outcomes: ['payment refunded'],
    why: 'whoever looks up the payment sleeps before that until others have been paid, and have given the money back',
  },
  {
    stands: review('charge_unknown'),
    outcomes: ['payment not_attempted'],
    why: 'the endpoint is silent for two days, and cannot be reached when the payment is looked up after that',
  },
  {
    stands: ['declined', 'blocked'],
    outcomes: ['payment not_found'],
    why: 'somebody says that the payment of a recharge has changed which has ended before anything was charged',
  },
  {
    stands: ['blocked'],
    outcomes: ['payment declined', 'payment pending', 'payment not_attempted', 'payment unknown'],
    why: 'the same; or an answer of the first attempt comes when the second is refused',
  },
  {
    stands: ['granting', 'charged', ...OTHER_REVIEWS, 'refunding', ...OF_REFUNDS, 'refunded'],
    outcomes: ['grant_evidence found'],
    why: SAID_WRONGLY,
  },
  { stands: [...OTHER_REVIEWS, ...OF_REFUNDS, 'refunded'], outcomes: ['grant granted'], why: SAID_WRONGLY },
  {
    stands: [...review('grant_refused', 'grant_expired'), 'refunding', ...OF_REFUNDS, 'refunded'],
    outcomes: ['grant_evidence differs'],
    why: SAID_WRONGLY,
  },
  {
    stands: GRANTED,
    outcomes: ['grant unpaid'],
    why: 'whoever is about to grant sleeps until others have given the money back, or ended the recharge long ago: its reservation is gone',
  },
  {
    stands: review('grant_differs'),
    outcomes: ['grant differs', 'grant not_applied', 'grant unknown', 'grant_evidence no_answer'],
    why: LATE_GRANT,
  },
  {
    stands: review('grant_refused'),
    outcomes: ['grant differs', 'grant not_applied', 'grant unknown', 'grant_evidence no_answer'],
    why: LATE_GRANT,
  },
  {
    stands: review('refund_failed'),
    outcomes: ['grant differs', 'grant not_applied', 'grant unknown'],
    why: LATE_GRANT,
  },
  {
    stands: review('grant_expired', 'refund_unknown'),
    outcomes: ['grant differs', 'grant not_applied', 'grant refused', 'grant unknown'],
    why: LATE_GRANT,
  },
  {
    stands: [...review('grant_expired'), ...OF_REFUNDS],
    outcomes: ['grant_evidence not_found', 'grant_evidence no_answer'],
    why: LATE_GRANT,
  },
  {
    stands: ['completed'],
    outcomes: ['refund pending', 'refund refused', 'refund not_attempted', 'refund unknown'],
    why: 'a person gives back the money of a completed recharge, and that is refused, takes its time, or has no answer',
  },
  {
    stands: review('refund_unknown'),
    outcomes: ['refund not_attempted', 'refund unknown'],
    why: 'an answer about a refund comes after its week, and is no answer',
  },
];

function pairsOf(rules: readonly Rule[]): ReadonlyMap<string, string> {
  return new Map(
    TRANSITIONS.flatMap((transition): [string, string][] => {
      const [stands = '', outcome = ''] = transition.split(': ');
      const rule = rules.find(
        ({ stands: those, outcomes }) =>
          those.includes(stands) &&
          (outcomes.includes(outcome) || outcomes.includes(outcome.split(' ')[0] ?? '')),
      );
      return rule ? [[transition, rule.why]] : [];
    }),
  );
}

/** By the pair: why it cannot be. */
export const IMPOSSIBLE = pairsOf(CANNOT_BE);
/** By the pair, if it can be: what it would take. */
export const UNTRIED = pairsOf(NOT_TRIED);

/** What a run says of all pairs, by those that it reached. */
export function sorted(reached: ReadonlySet<string>) {
  const others = TRANSITIONS.filter((pair) => !reached.has(pair) && !IMPOSSIBLE.has(pair));
  return {
    /** Reached, though they cannot be. */
    wrong: [...IMPOSSIBLE].filter(([pair]) => reached.has(pair)),
    untried: others.filter((pair) => UNTRIED.has(pair)),
    /** Named as untried, and reached all the same. */
    reached: [...UNTRIED.keys()].filter((pair) => reached.has(pair)),
    /** Neither reached nor named. */
    unnamed: others.filter((pair) => !UNTRIED.has(pair)),
  };
}
