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
  const perMs = requestsPerMinute / 60_000;
  let tokens = burst;
  let filledAt = now();
  let heldUntil = 0;
  return {
    take() {
      const at = now();
      // A clock set back fills nothing, and takes nothing away.
      tokens = Math.min(burst, tokens + Math.max(0, at - filledAt) * perMs);
      filledAt = at;
      if (at < heldUntil) return heldUntil - at;
      if (tokens < 1) return Math.ceil((1 - tokens) / perMs);
      tokens -= 1;
      return undefined;
    },
    hold(ms) {
      heldUntil = Math.max(heldUntil, now() + Math.min(ms, MAX_HOLD_MS));
    },
  };
}
