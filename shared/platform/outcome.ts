import type { Exchange } from './call.ts';
import type { PlatformProfile } from './profile.ts';
import { readError } from './schemas.ts';

/** What concerns every client of the agency, not only the one whose call met it. */
export type AgencyFault =
  | 'unauthorized'
  | 'forbidden'
  | 'redirected'
  | 'wrong_address'
  | 'pool_empty'
  | 'rate_limited';

/**
 * The limit of requests a minute never asks for a longer wait: its window is over in one minute, and the second
 * minute is for clocks that do not agree. After a longer wait than this, the platform is refusing the agency as such,
 * and no grant goes through for a while.
 */
const LONGEST_RATE_WAIT_MS = 2 * 60_000;

export type Outcome =
  /** 2xx: whether it says what was asked for is for the operation to judge. */
  | { kind: 'answered'; status: number; body: string }
  /** Proof that nothing was done: the same call may be made again. */
  | { kind: 'not_applied'; retryAfterMs?: number; agencyFault?: AgencyFault }
  /** Nothing was done, and trying again will not help. */
  | { kind: 'refused' }
  /** It may have been done. */
  | { kind: 'unknown'; agencyFault?: AgencyFault };

/** What an answer proves, whatever was asked. Where no line here matches, it may have been done: that is `unknown`. */
export function outcomeOf(
  { answer, retryAfterMs }: Exchange,
  { notAppliedStatuses }: PlatformProfile,
): Outcome {
  const tooFast: { agencyFault?: AgencyFault } =
    retryAfterMs !== undefined && retryAfterMs > LONGEST_RATE_WAIT_MS ? { agencyFault: 'rate_limited' } : {};
  const later: Outcome = {
    kind: 'not_applied',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...tooFast,
  };

  if (answer.kind === 'no_key') return { kind: 'not_applied', agencyFault: 'unauthorized' };
  if (answer.kind === 'not_sent') return later;
  if (answer.kind === 'no_answer') return { kind: 'unknown' };

  const { status, body } = answer;
  if (status >= 200 && status < 300) return { kind: 'answered', status, body };
  // 303 is what a server says after it has acted. Every other call would be redirected as well.
  if (status >= 300 && status < 400) return { kind: 'unknown', agencyFault: 'redirected' };

  const kind = notAppliedStatuses.some((listed) => listed === status) ? 'not_applied' : 'unknown';
  const { shape } = readError(body);
  switch (status) {
    case 401:
      return { kind, agencyFault: 'unauthorized' };
    case 403:
      return { kind, agencyFault: 'forbidden' };
    case 429:
      return kind === 'not_applied' ? later : { kind, ...tooFast };
    case 404:
      // In any other shape it was a proxy, a framework or a wrong address that answered.
      return shape === 'envelope'
        ? { kind: 'refused' }
        : { kind: 'not_applied', agencyFault: 'wrong_address' };
    case 400:
    case 422:
      return { kind: shape === 'message' || shape === 'none' ? 'unknown' : 'refused' };
    default:
      return { kind: 'unknown' };
  }
}
