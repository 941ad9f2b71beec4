import { describe, expect, it } from 'vitest';
import { IMPOSSIBLE, sorted, TRANSITIONS, UNTRIED } from '../../proof/transitions.ts';

const named = new Set([...IMPOSSIBLE.keys(), ...UNTRIED.keys()]);
const all = TRANSITIONS.filter((pair) => !named.has(pair));

describe('pairs of where a row stands and an outcome', () => {
  it('are 496, and each has one place: reached, impossible, or without a scenario made for it', () => {
    expect(TRANSITIONS).toHaveLength(496);
    expect([...IMPOSSIBLE.keys()].filter((pair) => UNTRIED.has(pair))).toEqual([]);
    expect(sorted(new Set(all))).toEqual({
      wrong: [],
      untried: [...UNTRIED.keys()],
      reached: [],
      unnamed: [],
    });
  });

  it('are told where they are neither reached nor named', () => {
    const missing = 'granting: grant granted';
    expect(sorted(new Set(all.filter((pair) => pair !== missing))).unnamed).toEqual([missing]);
  });

  it('are told with the reason where they are reached, and cannot be', () => {
    const { wrong } = sorted(new Set([...all, 'received: grant granted']));
    expect(wrong).toEqual([['received: grant granted', expect.stringContaining('no grant has begun')]]);
  });

  it('are told where no scenario is made for them, and they are reached all the same', () => {
    const [untried = ''] = UNTRIED.keys();
    const { reached, untried: others } = sorted(new Set([...all, untried]));
    expect(reached).toEqual([untried]);
    expect(others).not.toContain(untried);
  });
});
