import type { Exchange } from './call.ts';
import type { PlatformProfile } from './profile.ts';
import { readError } from './schemas.ts';

/** What concerns every client of the agency, not only the one whose call met it. */
export type AgencyFault = 'unauthorized' | 'forbidden' | 'redirected' | 'wrong_address' | 'pool_empty';

export type Outcome =
  /** 2xx: whether it says what was asked for is for the operation to judge. */
  | { kind: 'answered'; status: number; body: string }
  /** Proof that nothing was done: the same call may be made again. */
  | { kind: 'not_applied'; retryAfterMs?: number; agencyFault?: AgencyFault }
  /** Nothing was done, and trying again will not help. */
  | { kind: 'refused' }
  /** It may have been done. */
  | { kind: 'unknown' };

/** What an answer proves, whatever was asked. What is in no line here may have been done, and is `unknown`. */
export function outcomeOf(
  { answer, retryAfterMs }: Exchange,
  { notAppliedStatuses }: PlatformProfile,
): Outcome {
  const unknown: Outcome = { kind: 'unknown' };
  const refused: Outcome = { kind: 'refused' };
  const notApplied = (agencyFault: AgencyFault): Outcome => ({ kind: 'not_applied', agencyFault });
  const later: Outcome = {
    kind: 'not_applied',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };

  if (answer.kind === 'no_key') return notApplied('unauthorized');
  if (answer.kind === 'not_sent') return later;
  if (answer.kind === 'no_answer') return unknown;

  const { status, body } = answer;
  if (status >= 200 && status < 300) return { kind: 'answered', status, body };
  if (status >= 300 && status < 400) return notApplied('redirected');

  const proves = notAppliedStatuses.some((listed) => listed === status);
  const { envelope } = readError(body);
  switch (status) {
    case 401:
      return proves ? notApplied('unauthorized') : unknown;
    case 403:
      return proves ? notApplied('forbidden') : unknown;
    case 429:
      return proves ? later : unknown;
    case 404:
      // Without the envelope it was not the platform's API that answered.
      return envelope ? refused : notApplied('wrong_address');
    case 400:
    case 422:
      return envelope ? refused : unknown;
    default:
      return unknown;
  }
}
