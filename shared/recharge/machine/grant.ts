import { backoffMs } from '../../backoff.ts';
import { record } from '../../history.ts';
import type { GrantResult } from '../../platform/client.ts';
import type { Recharge, ReviewReason } from '../recharge.ts';
import { finish } from './ends.ts';
import {
  asAsked,
  isOver,
  progressed,
  saidTwice,
  toRefunding,
  toReview,
  wait,
  writtenAlready,
} from './moves.ts';
import { type Decision, isPaced, type Moment, type Outcome, stop } from './outcome.ts';

type GrantAnswer = Extract<Outcome, { kind: 'grant' }>['result'];

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
  unsent: true,
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

/** @param looked whether the platform's books were just asked for the grant before. */
export function onChargedDue(row: Recharge, at: Moment, looked = false): Decision {
  // This very outcome has drawn its grant already, and lost it. The next grant begins with a token of its own.
  if (row.grantToken === at.token) return stop;
  if (isOver(row, at)) return giveUpGrant(row, 'grant_expired', at, 'no grant went through in time');
  if (!at.timeToGrant) return stop;
  if (!asksBeforeGrant(row, at)) return { next: granting(row, at), effect: 'grant' };
  if (!looked) return { effect: 'look_up_grant' };
  return {
    next: granting({ ...row, history: record(row, at, GRANTING_AGAIN) }, at),
    effect: 'grant',
  };
}

export function onGrant(row: Recharge, token: string, result: GrantAnswer, at: Moment): Decision {
  const own = row.grantToken === token;
  if (own && row.phase === 'granting') return onGrantResult(row, result, at);
  // The grant was called lost too early, and now its answer has come. The answer's token proves which grant it is
  // about.
  const open = own && row.review === 'grant_unknown';
  if (open && (result.kind === 'granted' || result.kind === 'not_applied'))
    return onGrantResult(row, result, at);
  // A person said "not granted" and was wrong; nothing newer has begun.
  if (own && row.phase === 'charged' && result.kind === 'granted') return onGrantResult(row, result, at);
  if (own && settledBy(row, result)) return writtenAlready(row);
  // An earlier grant was made after all. The next one has not begun, and must not begin by itself.
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
  unpaid: 'grant_refused',
} as const satisfies Partial<Record<GrantAnswer['kind'], ReviewReason>>;

export function onGrantResult(row: Recharge, result: GrantAnswer, at: Moment): Decision {
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
    case 'not_applied':
      return onNotApplied(row, result, at);
    case 'refused':
      return giveUpGrant(row, REVIEWS.refused, at, result.detail);
    case 'differs':
    case 'unknown':
    case 'unpaid':
      return toReview(row, REVIEWS[result.kind], at, result.detail);
  }
}

/**
 * A grant that never left this machine was certainly not made, and is tried again as often as it takes. The
 * platform's answer that it was not applied is believed a few times only.
 */
function onNotApplied(
  row: Recharge,
  result: Extract<GrantAnswer, { kind: 'not_applied' }>,
  at: Moment,
): Decision {
  const { detail, retryAfterMs } = result;
  const { review: _r, unsent: _u, ...rest } = row;
  const phaseDeadline = row.phaseDeadline ?? at.now + at.policy.grantGiveUpMs;
  const charged: Recharge = { ...rest, phase: 'charged', phaseDeadline };
  const why = `not granted: ${detail}`;
  const askedMs = asAsked(retryAfterMs, at);
  if (result.unsent) {
    const waiting = isPaced(result) ? progressed(charged) : charged;
    const none = row.unsent || row.grantNo <= 1;
    return wait({ ...waiting, ...(none ? { unsent: true } : {}) }, at, why, askedMs);
  }
  const { times, ...backoff } = at.policy.regrant;
  const notApplied = (row.notApplied ?? 0) + 1;
  const believed = { ...charged, notApplied };
  if (notApplied >= times) {
    return giveUpGrant(believed, 'grant_expired', at, `${notApplied} answers in a row, the last: ${detail}`);
  }
  // The eight tries are meant for hours. A platform that asks for one second each time must not use them up, nor must
  // chance. So each wait is at least half of what it may be.
  const ownMs = backoffMs(notApplied, (1 + at.jitter) / 2, backoff);
  return wait(believed, at, why, Math.max(askedMs ?? 0, ownMs));
}

/** Whether the row stands where `onGrantResult` puts it for this answer. */
function settledBy(row: Recharge, { kind }: GrantAnswer): boolean {
  if (kind === 'granted') return row.phase === 'completed';
  if (kind === 'not_applied') return row.phase === 'charged';
  return row.review === REVIEWS[kind] || (kind === 'refused' && row.phase === 'refunding');
}

/** Of the history, with the kind of the answer. */
export const LATE_GRANT = 'late_grant_answer';

/** An answer to a grant this row no longer waits for. It changes no phase; a grant that happened is an alert. */
function lateGrant(row: Recharge, result: GrantAnswer, at: Moment): Decision {
  const next = { ...row, history: record(row, at, LATE_GRANT, result.kind) };
  if (result.kind !== 'granted' && result.kind !== 'differs') return { next, effect: 'stop' };
  // A completed row that is given back was granted before: one more is one too many.
  const once = row.refundStartedAt === undefined || row.phase === 'completed';
  const word = once ? 'granted_twice' : 'granted_after_refund';
  return saidTwice(next, at, word, `phase ${row.phase}`);
}

function giveUpGrant(
  row: Recharge,
  review: 'grant_refused' | 'grant_expired',
  at: Moment,
  detail: string,
): Decision {
  // Where nothing was charged there is nothing to give back, and the person who started it is waiting.
  if (!at.policy.refundAutomatically || row.prepaid) return toReview(row, review, at, detail);
  return { next: { ...toRefunding(row, at), history: record(row, at, 'refunding', detail) }, effect: 'stop' };
}

/** A grant begins anew, and the platform's books do not show the one before. */
export const GRANTING_AGAIN = 'granting_again';

/** Whether only someone's word, a person's or the platform's, says that no grant was made so far. */
export function isInDoubt({ phase, grantToken, unsent }: Recharge): boolean {
  return phase === 'charged' && grantToken !== undefined && !unsent;
}

/** Words may be wrong, and a second grant cannot be taken back: where the platform keeps books, they are asked first. */
export function asksBeforeGrant(row: Recharge, { policy }: Moment): boolean {
  return policy.evidence.lookUp && isInDoubt(row);
}
