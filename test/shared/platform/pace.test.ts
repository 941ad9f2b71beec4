import { describe, expect, it } from 'vitest';
import { createPace } from '../../../shared/platform/pace.ts';

function pace(requestsPerMinute: number) {
  const clock = { now: 1_700_000_000_000 };
  return { clock, ...createPace({ requestsPerMinute, now: () => clock.now }) };
}

/** How many leave before the first that has to wait, and for how long it has to. */
function leave(take: () => number | undefined): [count: number, waitMs: number] {
  for (let count = 0; ; count += 1) {
    const wait = take();
    if (wait !== undefined) return [count, wait];
  }
}

describe('a pace', () => {
  it.each([
    [600, 60, 100],
    [100, 10, 600],
    [60, 10, 1_000],
    [10, 10, 6_000],
    [3, 3, 20_000],
    [1, 1, 60_000],
  ])('of %i a minute lets %i leave at once, then one every %i ms', (perMinute, burst, every) => {
    const { take, clock } = pace(perMinute);
    expect(leave(take)).toEqual([burst, every]);
    clock.now += every - 1;
    expect(leave(take)).toEqual([0, 1]);
    clock.now += 1;
    expect(leave(take)).toEqual([1, every]);
  });

  it('saves up no more than the burst, however long nothing left', () => {
    const { take, clock } = pace(600);
    leave(take);
    clock.now += 86_400_000;
    expect(leave(take)).toEqual([60, 100]);
  });

  it('lets nothing leave while it is held, and its budget fill meanwhile', () => {
    const { take, hold, clock } = pace(600);
    leave(take);
    hold(2_000);
    expect(take()).toBe(2_000);
    clock.now += 1_999;
    expect(take()).toBe(1);
    clock.now += 1;
    expect(leave(take)).toEqual([20, 100]);
  });

  it('is not held shorter by a later word', () => {
    const { take, hold } = pace(600);
    hold(5_000);
    hold(1_000);
    expect(take()).toBe(5_000);
  });

  it('is held for a quarter of an hour at most', () => {
    const { take, hold } = pace(600);
    hold(Number.POSITIVE_INFINITY);
    expect(take()).toBe(900_000);
  });

  it('waits no longer for a clock that is set back', () => {
    const { take, hold, clock } = pace(60);
    leave(take);
    clock.now -= 3_600_000;
    expect(leave(take)).toEqual([0, 1_000]);
    hold(60_000);
    clock.now -= 3_600_000;
    expect(take()).toBe(900_000);
  });
});
