import { record } from '../../history.ts';
import type { GrantResult } from '../../platform/client.ts';
import type { Recharge, ReviewReason } from '../recharge.ts';
import { asAsked, finish, toRefunding, toReview, wait, writtenAlready } from './moves.ts';
import { type Decision, type Moment, stop } from './outcome.ts';

/** The intent to grant once. Does not touch `nextAttemptAt`: an index write costs two units, and the claim's serves. */
export function granting(row: Recharge, at: Moment): Recharge {
  return {
    ...row,
    phase: 'granting',
    grantNo: row.grantNo + 1,
    grantToken: at.token,
    grantDeadline: at.now + at.policy.grantDeadlineMs,
  };
}

export const NEVER_SENT: GrantResult = {
  kind: 'not_applied',
  detail: 'not sent: called lost before it began',
};

/** The token was drawn with the outcome that is still being decided: nothing was sent, and nobody else can send it. */
export function calledLostBeforeItBegan(row: Recharge, at: Moment): boolean {
  return row.review === 'grant_unknown' && row.grantToken === at.token;
}

/** Someone wrote `granting`. Was it this very outcome, whose answer got lost? Else only its deadline speaks. */
export function onGrantingFound(row: Recharge, at: Moment): Decision {
  if (row.grantToken === at.token) return { effect: 'grant' };
  if (row.grantDeadline === undefined || at.now <= row.grantDeadline) return stop;
  return toReview(row, 'grant_unknown', at, 'the process that was granting never reported');
}

/** @param looked whether the platform's books were just asked for the grant a person called not made. */
export function onChargedDue(row: Recharge, at: Moment, looked = false): Decision {
  // This very outcome has drawn its grant already, and lost it: the next one begins with a token of its own.
  if (row.grantToken === at.token) return stop;
  if (row.phaseDeadline !== undefined && at.now >= row.phaseDeadline) {
    return giveUpGrant(row, 'grant_expired', at, 'no grant went through in time');
  }
  if (!at.timeToGrant) return stop;
  if (!asksBeforeGrant(row, at)) return { next: granting(row, at), effect: 'grant' };
  if (!looked) return { effect: 'look_up_grant' };
  return {
    next: granting({ ...row, history: record(row, at, GRANTING_AGAIN) }, at),
    effect: 'grant',
  };
}

export function onGrant(row: Recharge, token: string, result: GrantResult, at: Moment): Decision {
  const own = row.grantToken === token;
  if (own && row.phase === 'granting') return onGrantResult(row, result, at);
  // Called lost too early, and now it has spoken: its own token proves which grant it speaks of.
  const open = own && row.phase === 'needs_review' && row.review === 'grant_unknown';
  if (open && (result.kind === 'granted' || result.kind === 'not_applied'))
    return onGrantResult(row, result, at);
  // A person said "not granted" and was wrong; nothing newer has begun.
  if (own && row.phase === 'charged' && result.kind === 'granted') return onGrantResult(row, result, at);
  if (own && settledBy(row, result)) return writtenAlready(row);
  // An earlier grant was made after all, and the next one has not begun: it must not begin by itself.
  if (row.phase === 'charged' && (result.kind === 'granted' || result.kind === 'differs')) {
    return toReview(row, 'grant_differs', at, 'an earlier grant was made after all');
  }
  return lateGrant(row, result, at);
}

/** The answers that a person must look at, and the word under which they do. */
const REVIEWS = {
  differs: 'grant_differs',
  refused: 'grant_refused',
  unknown: 'grant_unknown',
} as const satisfies Partial<Record<GrantResult['kind'], ReviewReason>>;

export function onGrantResult(row: Recharge, result: GrantResult, at: Moment): Decision {
  switch (result.kind) {
    case 'granted': {
      const { review: _, ...rest } = row;
      const balance = result.newBalance === undefined ? {} : { newBalance: result.newBalance };
      return finish(
        { ...rest, phase: 'completed', ...balance },
        at,
        'granted',
        result.newBalance === undefined ? undefined : `balance ${result.newBalance}`,
      );
    }
    case 'not_applied': {
      const { review: _, ...rest } = row;
      const phaseDeadline = row.phaseDeadline ?? at.now + at.policy.grantGiveUpMs;
      const charged: Recharge = { ...rest, phase: 'charged', phaseDeadline };
      return wait(charged, at, `not granted: ${result.detail}`, asAsked(result.retryAfterMs, at));
    }
    case 'refused':
      return giveUpGrant(row, REVIEWS.refused, at, result.detail);
    case 'differs':
    case 'unknown':
      return toReview(row, REVIEWS[result.kind], at, result.detail);
  }
}

/** Whether the row stands where `onGrantResult` puts it for this answer. */
function settledBy(row: Recharge, { kind }: GrantResult): boolean {
  if (kind === 'granted') return row.phase === 'completed';
  if (kind === 'not_applied') return row.phase === 'charged';
  return row.review === REVIEWS[kind] || (kind === 'refused' && row.phase === 'refunding');
}

/** An answer to a grant this row no longer waits for. It changes no phase; a grant that happened is an alert. */
function lateGrant(row: Recharge, result: GrantResult, at: Moment): Decision {
  const next = { ...row, history: record(row, at, 'late_grant_answer', result.kind) };
  if (result.kind !== 'granted' && result.kind !== 'differs') return { next, effect: 'stop' };
  const word = row.refundStartedAt === undefined ? 'granted_twice' : 'granted_after_refund';
  return { next, alert: { word, detail: `phase ${row.phase}` }, effect: 'stop' };
}

function giveUpGrant(
  row: Recharge,
  review: 'grant_refused' | 'grant_expired',
  at: Moment,
  detail: string,
): Decision {
  if (!at.policy.refundAutomatically) return toReview(row, review, at, detail);
  return { next: { ...toRefunding(row, at), history: record(row, at, 'refunding', detail) }, effect: 'stop' };
}

/** A grant begins anew that a person called not made, and the platform's books did not show. */
export const GRANTING_AGAIN = 'granting_again';

/**
 * Whether a person's word is all that says that the last grant was not made: none has begun since. Where the
 * history lost its middle, it may have said so; a look too many costs one request.
 */
export function isInDoubt({ history, grantToken }: Recharge): boolean {
  const doubted = history.findLastIndex(({ event }) => event === 'grant_unknown' || event === 'left_out');
  const begun = history.findLastIndex(({ event }) => event === GRANTING_AGAIN);
  return grantToken !== undefined && doubted > begun;
}

/** People err, and a second grant cannot be taken back: the platform's books are asked first. */
export function asksBeforeGrant(row: Recharge, { policy }: Moment): boolean {
  return row.phase === 'charged' && policy.evidence.lookUp && isInDoubt(row);
}
