import { expect, it, onTestFinished, vi } from 'vitest';
import { startNightly } from '../../local/nightly.ts';
import { utc } from '../support/builders.ts';

/** @param action of each night. */
function started(at: string, action: () => Promise<unknown> = async () => {}) {
  let clock = utc(at);
  const nights: string[] = [];
  const errors: unknown[] = [];
  vi.useFakeTimers();
  const nightly = startNightly(
    async () => {
      nights.push(new Date(clock).toISOString().slice(0, 16));
      await action();
    },
    { logger: { error: (_message, error) => errors.push(error) }, now: () => clock },
  );
  onTestFinished(async () => {
    await nightly.stop();
    vi.useRealTimers();
  });
  return {
    nights,
    errors,
    nightly,
    /** Minute after minute. */
    async until(time: string) {
      for (; clock < utc(time); clock += 60_000) await vi.advanceTimersByTimeAsync(60_000);
    },
    /** The computer sleeps, and nothing runs. */
    async sleepUntil(time: string) {
      clock = utc(time);
      await vi.advanceTimersByTimeAsync(60_000);
    },
  };
}

it('runs once a night at half past three in UTC, and not at the start', async () => {
  const { until, nights } = started('2026-10-30 12:00:00');
  await until('2026-11-01 23:00:00');
  expect(nights).toEqual(['2026-10-31T03:30', '2026-11-01T03:30']);
});

it('makes up for the night when the computer wakes, once for however many it has slept', async () => {
  const { sleepUntil, until, nights } = started('2026-10-30 12:00:00');
  await sleepUntil('2026-11-02 08:15:00');
  await until('2026-11-02 09:00:00');
  expect(nights).toEqual(['2026-11-02T08:15']);
});

it('is tried again the next night where it failed', async () => {
  const failing = started('2026-10-30 12:00:00', () => Promise.reject(new Error('no answer')));
  await failing.until('2026-11-01 12:00:00');
  expect(failing.nights).toHaveLength(2);
  expect(failing.errors).toHaveLength(2);
});

it('ends after what it was doing', async () => {
  let isDone = false;
  let finish = () => {};
  const { until, nightly } = started('2026-10-30 12:00:00', async () => {
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    isDone = true;
  });
  await until('2026-10-31 04:00:00');
  const stopped = nightly.stop();
  expect(isDone).toBe(false);
  finish();
  await stopped;
  expect(isDone).toBe(true);
});
