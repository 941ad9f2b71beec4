export interface Backoff {
  firstMs: number;
  maxMs: number;
  /** How many times longer each wait may be than the one before; 2 unless given. */
  growth?: number;
}

/**
 * Exponential with full jitter.
 *
 * @param waits how many in a row, this one included.
 * @param jitter 0 to 1.
 * @returns whole milliseconds, from half of the first wait on.
 */
export function backoffMs(waits: number, jitter: number, { firstMs, maxMs, growth = 2 }: Backoff): number {
  const ceiling = Math.min(maxMs, firstMs * growth ** Math.min(20, waits - 1));
  return Math.round(firstMs / 2 + jitter * (ceiling - firstMs / 2));
}
