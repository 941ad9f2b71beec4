/** The requests of one process to the platform: never faster than its budget, and still for as long as a 429 asks. */
export interface Pace {
  /** Takes one request from the budget. @returns undefined, or the milliseconds until one may leave. */
  take(): number | undefined;
  /** Nothing leaves for so many milliseconds, at most 15 minutes. */
  hold(ms: number): void;
}

/** After a pause, a tenth of the minute's budget may leave at once; ten of any budget, so that it is no trickle. */
const BURST_SHARE = 0.1;
const LEAST_BURST = 10;

/** As long as anything here waits for anything. A clock that is wrong must not silence us for a year. */
const MAX_HOLD_MS = 15 * 60_000;

/**
 * A token bucket, shared by all that speaks for one API key in this process. Other processes have buckets of their
 * own: what they are too many for, the platform says with 429.
 *
 * @param now Unix time in milliseconds.
 */
export function createPace({
  requestsPerMinute,
  now,
}: {
  requestsPerMinute: number;
  now: () => number;
}): Pace {
  const burst = Math.min(
    requestsPerMinute,
    Math.max(LEAST_BURST, Math.floor(requestsPerMinute * BURST_SHARE)),
  );
  const everyMs = 60_000 / requestsPerMinute;
  /**
   * When the bucket will be full. Each request moves this time `everyMs` later. The bucket is empty while this time
   * is `burst` times `everyMs` ahead.
   */
  let fullAt = now();
  let heldUntil = 0;
  return {
    take() {
      const at = now();
      // The upper bounds are for a clock that was set back: at worst, the bucket is then empty.
      heldUntil = Math.min(heldUntil, at + MAX_HOLD_MS);
      fullAt = Math.min(Math.max(fullAt, at), at + burst * everyMs);
      if (at < heldUntil) return heldUntil - at;
      const wait = fullAt - at - (burst - 1) * everyMs;
      if (wait > 0) return Math.ceil(wait);
      fullAt += everyMs;
      return undefined;
    },
    hold(ms) {
      heldUntil = Math.max(heldUntil, now() + Math.min(ms, MAX_HOLD_MS));
    },
  };
}
