import { describe, expect, it } from 'vitest';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Decision, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { aMoment } from '../../../support/builders.ts';

interface Transition {
  name: string;
  row: Recharge;
  outcome: Outcome;
  at?: Parameters<typeof aMoment>[0];
  /** What the written row has other than the row that was read; undefined: gone. */
  becomes: { [Name in keyof Recharge]?: Recharge[Name] | undefined };
  event?: [word: string, detail?: string];
  says?: Omit<Decision, 'next'>;
}

export function describeTransitions(transitions: Transition[]): void {
  describe('each transition writes exactly this row', () => {
    it.each(transitions)('$name', ({ row, outcome, at, becomes, event, says = { effect: 'stop' } }) => {
      const moment = aMoment(at);
      const [word, detail] = event ?? [];
      const added =
        word === undefined
          ? []
          : [{ at: moment.now, event: word, ...(detail === undefined ? {} : { detail }) }];
      expect(decide(row, outcome, moment)).toEqual({
        ...says,
        next: { ...row, ...becomes, history: [...row.history, ...added] },
      });
    });

    it('does not change the row it was given', () => {
      for (const { row, outcome, at } of transitions) {
        const before = structuredClone(row);
        decide(row, outcome, aMoment(at));
        expect(row).toEqual(before);
      }
    });
  });
}
