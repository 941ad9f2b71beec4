import type { Logger } from '../shared/logger.ts';

/** As the schedule on AWS has it: 03:30 UTC. */
const AT_MS = (3 * 60 + 30) * 60_000;
const DAY_MS = 24 * 3_600_000;
const LOOKED_EVERY_MS = 60_000;

/** The nights since 1970 of which the time has come. */
const nightsUntil = (time: number) => Math.floor((time - AT_MS) / DAY_MS);

/**
 * Does something once a night at 03:30 UTC. A computer that slept then does it when it wakes; a process that was not there
 * leaves it out. A failure is logged, and the next night tries again.
 *
 * @param options.everyMs how often the clock is looked at: each minute unless given.
 */
export function startNightly(
  action: () => Promise<unknown>,
  {
    logger,
    now,
    everyMs = LOOKED_EVERY_MS,
  }: { logger: Pick<Logger, 'error'>; now: () => number; everyMs?: number },
): { stop(): Promise<void> } {
  let done = nightsUntil(now());
  let running = Promise.resolve();
  const timer = setInterval(() => {
    const night = nightsUntil(now());
    if (night <= done) return;
    done = night;
    running = running
      .then(action)
      .then(() => {})
      .catch((error: unknown) => logger.error('a nightly run failed', error));
  }, everyMs);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
