import { decide as decideUnwatched } from '../shared/recharge/machine/machine.ts';
import type { Outcome } from '../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../shared/recharge/recharge.ts';

/** The pairs that the machine was asked to decide, in this copy of the program. */
export const seen = new Set<string>();

export const decide: typeof decideUnwatched = (row, outcome, at) => {
  seen.add(`${standsAt(row)}: ${wordOf(outcome)}`);
  return decideUnwatched(row, outcome, at);
};

const standsAt = ({ phase, review }: Recharge) => (phase === 'needs_review' ? `${phase}(${review})` : phase);

const wordOf = (outcome: Outcome) =>
  'result' in outcome ? `${outcome.kind} ${outcome.result.kind}` : outcome.kind;
