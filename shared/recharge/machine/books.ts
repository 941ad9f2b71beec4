import { backoffMs } from '../../backoff.ts';
import { type HistoryEntry, record } from '../../history.ts';
import type { GrantEvidence, GrantsListed } from '../../platform/client.ts';
import type { LossWord, Recharge } from '../recharge.ts';
import { finish, unwatched } from './ends.ts';
import { isGivingBack } from './goodwill.ts';
import {
  asksBeforeGrant,
  calledLostBeforeItBegan,
  NEVER_SENT,
  onChargedDue,
  onGrant,
  onGrantResult,
} from './grant.ts';
import { progressed, recordLatest, reviewWaiting, sinceReview, timesInARow, wait } from './moves.ts';
import { type Decision, type Moment, stop } from './outcome.ts';

/** What a look into the platform's books is called in the history, where it settles nothing. */
export const LOOKS = {
  not_found: 'not_in_export',
  no_answer: 'export_silent',
  differs: 'export_differs',
} as const satisfies Record<Exclude<GrantEvidence['kind'], 'found'>, string>;

/**
 * A grant that is found settles the grant its token was drawn for, as a late answer "granted" does. "Not found"
 * proves nothing: the line may come late, or the request land later. So a look ends a row's review only by a find.
 * The credits are granted anew only where a person has said that the grant was not made.
 */
export function onGrantEvidence(row: Recharge, token: string, result: GrantEvidence, at: Moment): Decision {
  const own = row.grantToken === token;
  if (own && row.review === 'grant_unknown') {
    if (result.kind === 'found') return foundGranted(row, at);
    // The sweeper's mark is gone, so the row already holds this look, or another one at the same time.
    return row.swept === undefined ? stop : lookAgain(row, result, at);
  }
  switch (result.kind) {
    case 'found':
      // A person said "not granted" and was wrong; nothing newer has begun.
      return own && row.phase === 'charged'
        ? foundGranted(row, at)
        : onGrant(row, token, { kind: 'granted' }, at);
    case 'differs':
      // Something was granted after all. Where a person has said that this very grant was made, it is no second one.
      return own && row.phase === 'completed' ? stop : onGrant(row, token, result, at);
    case 'not_found':
      return onNotInExport(row, own, at);
    case 'no_answer':
      return own && asksBeforeGrant(row, at)
        ? wait(row, at, `not granted: no answer from the usage export: ${result.detail}`)
        : stop;
  }
}

function onNotInExport(row: Recharge, own: boolean, at: Moment): Decision {
  // This very outcome has begun the next grant; the answer to that write got lost.
  if (row.phase === 'granting' && row.grantToken === at.token) return { effect: 'grant' };
  if (calledLostBeforeItBegan(row, at)) return onGrantResult(row, NEVER_SENT, at);
  return own && asksBeforeGrant(row, at) ? onChargedDue(row, at, true) : stop;
}

function foundGranted(row: Recharge, at: Moment): Decision {
  return finish({ ...row, phase: 'completed' }, at, 'granted', 'found in the usage export');
}

/** Still unknown: looked for again, and a person reminded daily, however often that is. */
function lookAgain(row: Recharge, result: Exclude<GrantEvidence, { kind: 'found' }>, at: Moment): Decision {
  const { reminderMs, evidence } = at.policy;
  const event = LOOKS[result.kind];
  const looked: Recharge = {
    ...progressed(row),
    history: recordLatest(row, at, event, 'detail' in result ? result.detail : undefined),
  };
  const told = row.history.findLast((entry) => entry.event === 'reminded' || entry.event === row.review);
  const remindAt = (told?.at ?? row.receivedAt) + reminderMs;
  const reminded = at.now >= remindAt;
  const next: Recharge = {
    ...looked,
    nextAttemptAt: Math.min(at.now + evidence.againMs, reminded ? at.now + reminderMs : remindAt),
    ...(reminded ? { history: recordLatest(looked, at, 'reminded', row.review) } : {}),
  };
  const { detail } = looked.history.at(-1) ?? {};
  const known = sinceReview(row).some((entry) => entry.event === event && entry.detail === detail);
  if (result.kind === 'differs' && !known) {
    return { next, alert: { word: 'grant_differs', detail: `usage export: ${detail}` }, effect: 'stop' };
  }
  return { ...(reminded ? reviewWaiting(row) : {}), next, effect: 'stop' };
}

// ── Grants too many ──────────────────────────────────────────────────────────────────────────────────

/** What the late looks of an ended row are called in the history. */
export const LATE_LOOKS = { none: 'no_grant_too_many', some: 'grant_too_many' } as const;

export function onLateLookDue(row: Recharge, at: Moment): Decision {
  // Only the sweeper knows that its time has come.
  if (row.swept === undefined) return stop;
  const said = row.sayAgain === undefined ? {} : sayAgain(row, row.sayAgain);
  if (row.phaseDeadline === undefined) return { effect: 'stop', ...said };
  // The profile may have changed since.
  if (at.policy.evidence.lookUp) return { ...said, effect: 'list_grants' };
  return { ...said, next: unwatched(said.next ?? row), effect: 'stop' };
}

/**
 * A grant too many is a loss that only a person can make good. It is told again a day later, since a process may end
 * between the write and the alert. Where none is listed, it is looked for once more at the last look, and then
 * no more.
 */
export function onGrantsListed(row: Recharge, result: GrantsListed, at: Moment): Decision {
  const { phase, swept, phaseDeadline } = row;
  const isEnded = phase === 'completed' || phase === 'refunded';
  // A look that began before its money was given back must not put that off. The looks begin anew once it is back.
  if (isGivingBack(row)) return stop;
  // The row already holds another look at the same time.
  if (!isEnded || swept === undefined || phaseDeadline === undefined) return stop;
  const { evidence, reminderMs } = at.policy;
  const looked = (history: HistoryEntry[], againAt: number | undefined): Recharge => ({
    ...unwatched(row),
    ...(againAt === undefined ? {} : { phaseDeadline, nextAttemptAt: againAt }),
    history,
  });
  if (result.kind === 'no_answer') {
    const history = record(row, at, LOOKS.no_answer, result.detail);
    const backoff = { firstMs: evidence.againMs, maxMs: reminderMs };
    const againAt = at.now + backoffMs(timesInARow(history, LOOKS.no_answer), at.jitter, backoff);
    return {
      next: looked(history, at.now < phaseDeadline + reminderMs ? againAt : undefined),
      effect: 'stop',
    };
  }
  const detail = `usage export: ${result.marks.join(', ') || 'no grant'}`;
  if (result.marks.length > (phase === 'completed' ? 1 : 0)) {
    const told = row.history.some(({ event }) => event === LATE_LOOKS.some);
    return {
      next: looked(record(row, at, LATE_LOOKS.some, detail), told ? undefined : at.now + reminderMs),
      alert: { word: phase === 'completed' ? 'granted_twice' : 'granted_after_refund', detail },
      effect: 'stop',
    };
  }
  // One grant was made for certain. A look that does not see it would not see two.
  const isBlind = phase === 'completed' && result.marks.length === 0;
  const history = record(row, at, isBlind ? LOOKS.not_found : LATE_LOOKS.none, detail);
  return { next: looked(history, at.now < phaseDeadline ? phaseDeadline : undefined), effect: 'stop' };
}

/** The look that is due, if there is one, finds the row as the sweeper brought it. */
function sayAgain(row: Recharge, word: LossWord): Pick<Decision, 'next' | 'alert'> {
  const { sayAgain: _, ...said } = row.phaseDeadline === undefined ? unwatched(row) : row;
  return { next: said, alert: { word, detail: 'said before already' } };
}
