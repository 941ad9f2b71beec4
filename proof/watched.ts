import { decide as decideUnwatched } from '../shared/recharge/machine/machine.ts';
import type { Outcome } from '../shared/recharge/machine/outcome.ts';
import { PHASES, REVIEW_REASONS, type Recharge } from '../shared/recharge/recharge.ts';

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

/** The pairs that the machine was asked to decide, in this copy of the program. */
export const seen = new Set<string>();

export const decide: typeof decideUnwatched = (row, outcome, at) => {
  seen.add(`${standsAt(row)}: ${wordOf(outcome)}`);
  return decideUnwatched(row, outcome, at);
};

const standsAt = ({ phase, review }: Recharge) => (phase === 'needs_review' ? `${phase}(${review})` : phase);

const wordOf = (outcome: Outcome) =>
  'result' in outcome ? `${outcome.kind} ${outcome.result.kind}` : outcome.kind;
