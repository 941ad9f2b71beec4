import { describe, expect, it } from 'vitest';
import { createPatience } from '../../operate/platform.ts';
import { PlatformError } from '../../shared/platform/operations.ts';

describe('a 429', () => {
  const tooMany = (mayRepeat: boolean, retryAfterMs: number) =>
    new PlatformError(
      { operation: 'sendMessage', outcome: 'unknown', mayRepeat, status: 429, retryAfterMs },
      '429',
    );
  /** A call that is put off so often, and asks for these waits. */
  function busyCall(waits: number[], mayRepeat = true) {
    const slept: number[] = [];
    const said: string[] = [];
    const patience = createPatience(
      (sentence) => said.push(sentence),
      async (ms) => slept.push(ms),
    );
    let calls = 0;
    const result = patience.patiently(async () => {
      const wait = waits[calls];
      calls += 1;
      if (wait === undefined) return 'done';
      patience.pace.hold(wait);
      throw tooMany(mayRepeat, wait);
    });
    return { result, slept, said, calls: () => calls };
  }

  it('is waited out for a minute in all, and no longer', async () => {
    const patient = busyCall([20_000, 40_000]);
    expect(await patient.result).toBe('done');
    expect(patient.slept).toEqual([20_000, 40_000]);
    const given = busyCall([20_000, 41_000]);
    await expect(given.result).rejects.toThrow(PlatformError);
    expect(given.slept).toEqual([20_000]);
    expect(given.said).toEqual(['The platform asks to wait 20 s (too many requests).']);
  });

  it('that asks for no time does not become a flood', async () => {
    const flood = busyCall(Array.from({ length: 100 }, () => 0));
    await expect(flood.result).rejects.toThrow(PlatformError);
    expect(flood.calls()).toBe(61);
    expect(new Set(flood.slept)).toEqual(new Set([1_000]));
  });

  it('that does not prove that nothing was done is not followed by a second request', async () => {
    const once = busyCall([1_000], false);
    await expect(once.result).rejects.toThrow(PlatformError);
    expect(once.calls()).toBe(1);
    expect(once.slept).toEqual([]);
  });

  it('of an earlier call is no reason to repeat a later failure', async () => {
    const patience = createPatience(
      () => {},
      async () => {},
    );
    patience.pace.hold(1_000);
    let calls = 0;
    const failing = patience.patiently(async () => {
      calls += 1;
      throw new Error('another fault');
    });
    await expect(failing).rejects.toThrow('another fault');
    expect(calls).toBe(1);
  });
});
