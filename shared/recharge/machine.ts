import { backoffMs } from '../backoff.ts';
import { type HistoryEntry, record } from '../history.ts';
import type { Money } from '../money.ts';
import type {
  ChargeOutcome,
  Declined,
  LookupOutcome,
  NotAttempted,
  Paid,
  Pending,
  RefundOutcome,
} from '../payments/payment-hook.ts';
import type { GrantEvidence, GrantResult, GrantsListed } from '../platform/client.ts';
import type { Policy } from './policy.ts';
import type { Recharge, Refusal, ReviewReason } from './recharge.ts';

/** What the account row says of this attempt: the parameters every call of it uses. */
export interface Frozen {
  money: Money;
  customer?: string;
  platformId?: string;
  /** The address the grant names. */
  grantEmail: string;
  balanceBefore?: number;
}

/**
 * What was learnt. Charge outcomes are facts about an `attempt`, grant outcomes about a `token`: the tag
 * travels with the outcome, so that a late one is never taken for an answer about something newer.
 */
export type Outcome =
  /** The row was woken: by the queue, the sweeper, or the loop's first look. */
  | { kind: 'due' }
  /** The attempt is reserved. `fresh`: by this very run, so that nothing can have been charged yet. */
  | { kind: 'reserved'; attempt: number; fresh: boolean; frozen: Frozen }
  | { kind: 'refused'; attempt: number; word: Refusal; money?: Money }
  /** Nothing is reserved, and it is too late to begin: only a lookup may speak now. */
  | { kind: 'not_reserved'; attempt: number }
  /** Nothing was done, for a reason that passes: charging is paused, the platform gave no answer, no time left. */
  | { kind: 'held'; why: string }
  | { kind: 'payment'; attempt: number; result: ChargeOutcome | LookupOutcome; frozen?: Frozen }
  | { kind: 'grant'; token: string; result: GrantResult }
  /** What the platform's books say of the grant that this token was drawn for. */
  | { kind: 'grant_evidence'; token: string; result: GrantEvidence }
  /** Every grant of this recharge, whichever, that stands in the platform's books. */
  | { kind: 'grants_listed'; result: GrantsListed }
  | { kind: 'refund'; result: RefundOutcome | { kind: 'found_refunded' } | { kind: 'not_refunded' } };

export interface Released {
  reason: string;
  retryable: boolean;
}

/** The one thing to do next, after the row is written. */
export type Effect =
  | 'stop'
  /** Look at the account: reserve this attempt, or learn what is reserved. */
  | 'reserve'
  | 'charge'
  | 'look_up_payment'
  | 'cancel_payment'
  | 'grant'
  | 'look_up_grant'
  | 'list_grants'
  | 'look_up_refund'
  | 'refund';

export interface Decision {
  /** The row to write, on condition that the version is still the one that was read. */
  next?: Recharge;
  /**
   * Give the reserved amount back before `next` is written: a proven decline or refund. The reservation
   * keeps these words, so that a crash between the two writes loses nothing of the decision.
   */
  release?: Released;
  /** Said once `next`, if there is one, is written. */
  alert?: { word: RechargeAlert; detail?: string };
  effect: Effect;
}

/** Alerts the machine itself raises; every review reason is one. */
export type RechargeAlert =
  | ReviewReason
  | 'review_waiting'
  | 'granted_twice'
  | 'granted_after_refund'
  | 'paid_after_end'
  | 'payment_hook_misconfigured';

/** What a decision may depend on besides row and outcome. Nothing here is read by the machine itself. */
export interface Moment {
  now: number;
  policy: Policy;
  /** Random; drawn together with the outcome, so that a repeated decision recognises its own write. */
  token: string;
  /** Between 0 and 1, drawn likewise: spreads the retries. */
  jitter: number;
  /** Whether enough of this run is left to write `granting`, POST, and write the result. */
  timeToGrant: boolean;
}

const stop: Decision = { effect: 'stop' };

/**
 * Decides what one outcome means for one row. Pure: the same arguments give the same decision, and
 * giving it again what a lost write already achieved changes nothing.
 *
 *     received ─── paid ───▶ granting ─── granted ───▶ completed
 *      │  │  ▲                 │   ▲
 *      │  │  └ waits, retries  │   └ due ── charged ◀── not applied
 *      │  └─ pending ─▶ charge_pending ── as received, by lookup alone
 *      └─ refused ─▶ blocked   │
 *      └─ declined ─▶ declined └─ unknown, differs, refused ─▶ needs_review ─ a person ─▶ charged,
 *                                                               refunding ─▶ refunded, or an end
 *
 * An unknown grant that the platform's books show is `completed` without a person, also where a person has
 * called it not made: they are asked before it is made anew. A row that ended after more than one grant, or
 * refunded after one, is looked up twice more, for no look before could rule out a line that comes late.
 *
 * With every outcome a random token is drawn, whether or not it comes to granting: the decision that does
 * writes it, and a repetition of that decision knows its own write by it.
 */
export function decide(row: Recharge, outcome: Outcome, at: Moment): Decision {
  switch (outcome.kind) {
    case 'due':
      return onDue(row, at);
    case 'reserved':
    case 'refused':
    case 'not_reserved':
      return row.phase === 'received' && row.attempt === outcome.attempt
        ? onReservation(row, outcome, at)
        : stop;
    case 'held':
      return row.phase === 'received' || row.phase === 'charge_pending' ? wait(row, at, outcome.why) : stop;
    case 'payment':
      return onPayment(row, outcome, at);
    case 'grant':
      return onGrant(row, outcome.token, outcome.result, at);
    case 'grant_evidence':
      return onGrantEvidence(row, outcome.token, outcome.result, at);
    case 'grants_listed':
      return onGrantsListed(row, outcome.result, at);
    case 'refund':
      return onRefund(row, outcome.result, at);
  }
}

function onDue(row: Recharge, at: Moment): Decision {
  switch (row.phase) {
    case 'received':
      // A planned retry, a day ahead: its time has not come.
      return row.attemptStartedAt > at.now + at.policy.clockSkewMs ? stop : { effect: 'reserve' };
    case 'charge_pending':
      return {
        effect: row.actBy !== undefined && at.now >= row.actBy ? 'cancel_payment' : 'look_up_payment',
      };
    case 'granting':
      return onGrantingFound(row, at);
    case 'charged':
      return onChargedDue(row, at);
    case 'needs_review':
      if (calledLostBeforeItBegan(row, at)) return onGrantResult(row, NEVER_SENT, at);
      // Only the sweeper knows that a day has passed; a message that comes again is no reminder.
      if (row.swept === undefined) return stop;
      return onReviewDue(row, at);
    case 'refunding':
      return { effect: 'look_up_refund' };
    case 'completed':
    case 'refunded':
      return onLateLookDue(row, at);
    case 'declined':
    case 'blocked':
      return stop;
  }
}

function onReviewDue(row: Recharge, at: Moment): Decision {
  if (row.review === 'charge_unknown') return { effect: 'look_up_payment' };
  const lookUp = row.review === 'grant_unknown' && at.policy.evidence.lookUp;
  return lookUp ? { effect: 'look_up_grant' } : remind(row, at);
}

/** Someone wrote `granting`. Was it this very outcome, whose answer got lost? Else only its deadline speaks. */
function onGrantingFound(row: Recharge, at: Moment): Decision {
  if (row.grantToken === at.token) return { effect: 'grant' };
  if (row.grantDeadline === undefined || at.now <= row.grantDeadline) return stop;
  return toReview(row, 'grant_unknown', at, 'the process that was granting never reported');
}

/** @param looked whether the platform's books were just asked for the grant a person called not made. */
function onChargedDue(row: Recharge, at: Moment, looked = false): Decision {
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

function onReservation(
  row: Recharge,
  outcome: Extract<Outcome, { kind: 'reserved' | 'refused' | 'not_reserved' }>,
  at: Moment,
): Decision {
  switch (outcome.kind) {
    case 'reserved':
      // Found, not made: a call may have been begun, and its answer lost. The provider is asked first.
      return { effect: outcome.fresh ? 'charge' : 'look_up_payment' };
    case 'refused':
      return finish(
        { ...row, ...(outcome.money ?? {}), phase: 'blocked', reason: outcome.word },
        at,
        'blocked',
        outcome.word,
      );
    case 'not_reserved':
      return { effect: 'look_up_payment' };
  }
}

// ── Payment ──────────────────────────────────────────────────────────────────────────────────────────

type PaymentOutcome = Extract<Outcome, { kind: 'payment' }>;

function onPayment(row: Recharge, outcome: PaymentOutcome, at: Moment): Decision {
  if (outcome.attempt !== row.attempt) return latePayment(row, outcome, at);
  switch (row.phase) {
    case 'received':
    case 'charge_pending':
      return onOpenPayment(withFrozen(row, outcome.frozen), outcome, at);
    case 'needs_review':
      if (calledLostBeforeItBegan(row, at)) return onGrantResult(row, NEVER_SENT, at);
      return row.review === 'charge_unknown'
        ? onReviewedPayment(withFrozen(row, outcome.frozen), outcome.result, at)
        : stop;
    case 'granting':
      return outcome.result.kind === 'paid' && row.grantToken === at.token ? { effect: 'grant' } : stop;
    case 'declined':
    case 'blocked':
      return latePayment(row, outcome, at);
    case 'charged':
    case 'refunding':
    case 'completed':
    case 'refunded':
      return stop;
  }
}

function onOpenPayment(row: Recharge, outcome: PaymentOutcome, at: Moment): Decision {
  const { result } = outcome;
  switch (result.kind) {
    case 'paid':
      return onPaid(row, result, at);
    case 'declined':
      return onDeclined(row, result, at);
    case 'pending':
      return onPending(row, result, at);
    case 'refunded':
      return decline(row, 'refunded_at_provider', at);
    case 'not_found':
      return onNotFound(row, at);
    case 'not_attempted':
      return {
        ...misconfigured(result),
        ...wait(row, at, `payment not attempted: ${result.detail}`, asAsked(result.retryAfterMs, at)),
      };
    case 'unknown':
      return onSilence(row, result.detail, at);
  }
}

/** Only the agency's developer can mend it, so it is said at once, whatever else is decided. */
function misconfigured({ misconfigured, detail }: NotAttempted): Pick<Decision, 'alert'> {
  return misconfigured ? { alert: { word: 'payment_hook_misconfigured', detail } } : {};
}

function onPaid(row: Recharge, { paymentRef }: Paid, at: Moment): Decision {
  const { actionUrl: _u, actBy: _a, ...rest } = withoutSweeps(row);
  const paid: Recharge = {
    ...rest,
    paymentRef,
    phaseDeadline: at.now + at.policy.grantGiveUpMs,
    history: record(row, at, 'paid', paymentRef),
  };
  if (at.timeToGrant) return { next: granting(paid, at), effect: 'grant' };
  return { next: { ...paid, phase: 'charged', nextAttemptAt: at.now }, effect: 'stop' };
}

function onDeclined(row: Recharge, { reason, retryable }: Declined, at: Moment): Decision {
  const mayTryAgain = row.phase === 'received' && retryable && row.attempt <= at.policy.declineRetries;
  if (!mayTryAgain) return decline(row, reason, at);
  // Counted from the planned time: counted from now, the window would close before the retry is due.
  const startsAt = at.now + at.policy.declineRetryMs;
  return {
    release: { reason, retryable },
    next: {
      ...withoutSweeps(row),
      attempt: row.attempt + 1,
      attemptStartedAt: startsAt,
      nextAttemptAt: startsAt,
      history: record(row, at, 'declined_will_retry', reason),
    },
    effect: 'stop',
  };
}

function onPending(row: Recharge, { paymentRef, actionUrl }: Pending, at: Moment): Decision {
  const { pending } = at.policy;
  const giveUpAt = row.phase === 'charge_pending' ? row.phaseDeadline : at.now + pending.giveUpMs;
  // Without a page the client has acted: what is being processed is not to be cancelled for their delay.
  const { actionUrl: _u, actBy: _a, ...rest } = withoutSweeps(row);
  const known: Recharge = {
    ...rest,
    phase: 'charge_pending',
    paymentRef,
    ...(giveUpAt === undefined ? {} : { phaseDeadline: giveUpAt }),
    ...(actionUrl === undefined ? {} : { actionUrl, actBy: row.actBy ?? at.now + pending.clientActsMs }),
  };
  if (giveUpAt !== undefined && at.now >= giveUpAt) {
    return toReview(known, 'charge_unknown', at, 'the provider never decided');
  }
  return wait(known, at, actionUrl === undefined ? 'payment pending' : 'client must act', pending.askMs);
}

function onNotFound(row: Recharge, at: Moment): Decision {
  // The provider has named this payment before; that it now knows nothing of it proves nothing.
  if (row.phase === 'charge_pending') return onSilence(row, 'payment not found', at);
  if (at.now >= row.attemptStartedAt + at.policy.notFoundFinalMs) return decline(row, 'expired', at);
  if (withinChargeWindow(row, at)) return { effect: 'charge' };
  return wait(row, at, 'payment not found, too late to charge');
}

/** No answer about the payment: ask again, and past the phase's deadline let a person ask. */
function onSilence(row: Recharge, detail: string, at: Moment): Decision {
  const giveUpAt =
    row.phase === 'charge_pending' ? row.phaseDeadline : row.attemptStartedAt + at.policy.lookupSilentMs;
  if (giveUpAt !== undefined && at.now >= giveUpAt) return toReview(row, 'charge_unknown', at, detail);
  return wait(row, at, `payment unknown: ${detail}`);
}

/** In review for want of an answer; the daily lookup brought one. */
function onReviewedPayment(row: Recharge, result: PaymentOutcome['result'], at: Moment): Decision {
  switch (result.kind) {
    case 'paid':
      return {
        next: toCharged(
          { ...row, paymentRef: result.paymentRef, history: record(row, at, 'paid', result.paymentRef) },
          at,
        ),
        effect: 'stop',
      };
    case 'declined':
      return decline(row, result.reason, at);
    case 'refunded':
      return decline(row, 'refunded_at_provider', at);
    case 'not_found': {
      // Final only for a payment that the provider never named.
      const final =
        at.now >= row.attemptStartedAt + at.policy.notFoundFinalMs && row.paymentRef === undefined;
      return final ? decline(row, 'expired', at) : remind(row, at);
    }
    case 'pending':
    case 'not_attempted':
    case 'unknown':
      // Not brought by the sweeper: it is the answer that sent the row here, whose write's answer got lost.
      return row.swept === undefined ? writtenAlready(row) : remind(row, at);
  }
}

/** A payment for a row that has ended without one, or for an attempt that was declined: real money, said aloud. */
function latePayment(row: Recharge, { attempt, result }: PaymentOutcome, at: Moment): Decision {
  if (result.kind !== 'paid') return stop;
  const detail = `attempt ${attempt}: ${result.paymentRef}`;
  // Before the next attempt takes money a second time, a person looks.
  if (row.phase === 'received' && attempt < row.attempt) {
    return toReview(
      { ...row, paymentRef: result.paymentRef },
      'charge_unknown',
      at,
      `paid after all, ${detail}`,
    );
  }
  return {
    next: { ...row, history: record(row, at, 'paid_late', detail) },
    alert: { word: 'paid_after_end', detail },
    effect: 'stop',
  };
}

function decline(row: Recharge, reason: string, at: Moment): Decision {
  return {
    release: { reason, retryable: false },
    ...finish({ ...row, phase: 'declined', reason }, at, 'declined', reason),
  };
}

/** Whether a charge begun now still ends before the provider may forget its key. */
export function withinChargeWindow(
  row: Pick<Recharge, 'attemptStartedAt'>,
  { now, policy }: Pick<Moment, 'now' | 'policy'>,
): boolean {
  return (
    row.attemptStartedAt <= now + policy.clockSkewMs &&
    now + policy.chargeCallMs < row.attemptStartedAt + policy.chargeWindowMs
  );
}

// ── Grant ────────────────────────────────────────────────────────────────────────────────────────────

/** The intent to grant once. Does not touch `nextAttemptAt`: an index write costs two units, and the claim's serves. */
function granting(row: Recharge, at: Moment): Recharge {
  return {
    ...row,
    phase: 'granting',
    grantNo: row.grantNo + 1,
    grantToken: at.token,
    grantDeadline: at.now + at.policy.grantDeadlineMs,
  };
}

const NEVER_SENT: GrantResult = { kind: 'not_applied', detail: 'not sent: called lost before it began' };

/** The token was drawn with the outcome that is still being decided: nothing was sent, and nobody else can send it. */
function calledLostBeforeItBegan(row: Recharge, at: Moment): boolean {
  return row.review === 'grant_unknown' && row.grantToken === at.token;
}

function onGrant(row: Recharge, token: string, result: GrantResult, at: Moment): Decision {
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

function onGrantResult(row: Recharge, result: GrantResult, at: Moment): Decision {
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
    case 'differs':
      return toReview(row, 'grant_differs', at, result.detail);
    case 'not_applied': {
      const { review: _, ...rest } = row;
      const phaseDeadline = row.phaseDeadline ?? at.now + at.policy.grantGiveUpMs;
      const charged: Recharge = { ...rest, phase: 'charged', phaseDeadline };
      return wait(charged, at, `not granted: ${result.detail}`, asAsked(result.retryAfterMs, at));
    }
    case 'refused':
      return giveUpGrant(row, 'grant_refused', at, result.detail);
    case 'unknown':
      return toReview(row, 'grant_unknown', at, result.detail);
  }
}

function settledBy(row: Recharge, result: GrantResult): boolean {
  switch (result.kind) {
    case 'granted':
      return row.phase === 'completed';
    case 'not_applied':
      return row.phase === 'charged';
    case 'differs':
      return row.review === 'grant_differs';
    case 'refused':
      return row.review === 'grant_refused' || row.phase === 'refunding';
    case 'unknown':
      return row.review === 'grant_unknown';
  }
}

/** This very answer is on the row; its write's answer got lost, and with it, perhaps, what was to be said aloud. */
function writtenAlready({ review }: Recharge): Decision {
  return review === undefined ? stop : { alert: { word: review }, effect: 'stop' };
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

// ── Evidence of a grant ──────────────────────────────────────────────────────────────────────────────

/** What a look into the platform's books is called in the history, where it settles nothing. */
export const LOOKS = {
  not_found: 'not_in_export',
  no_answer: 'export_silent',
  differs: 'export_differs',
} as const satisfies Record<Exclude<GrantEvidence['kind'], 'found'>, string>;

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
function asksBeforeGrant(row: Recharge, { policy }: Moment): boolean {
  return row.phase === 'charged' && policy.evidence.lookUp && isInDoubt(row);
}

/**
 * Found settles the grant its token was drawn for, as a late answer "granted" does. Not found proves
 * nothing: the line may come late, or the request land later. So a row leaves its review by a find alone,
 * and is granted anew only where a person has called the grant not made.
 */
function onGrantEvidence(row: Recharge, token: string, result: GrantEvidence, at: Moment): Decision {
  const own = row.grantToken === token;
  if (own && row.review === 'grant_unknown') {
    if (result.kind === 'found') return foundGranted(row, at);
    // The sweeper's mark is gone: this look, or another one at the same time, is on the row already.
    return row.swept === undefined ? stop : lookAgain(row, result, at);
  }
  switch (result.kind) {
    case 'found':
      // A person said "not granted" and was wrong; nothing newer has begun.
      return own && row.phase === 'charged'
        ? foundGranted(row, at)
        : onGrant(row, token, { kind: 'granted' }, at);
    case 'differs':
      // Something was granted after all. Where a person has called this very grant made, it is no second one.
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
  // This very outcome has begun the next grant; its write's answer got lost.
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
    ...withoutSweeps(row),
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

/** Whether a grant that was called not made could, had someone erred, be one too many: in the books it would show. */
const couldHoldTooMany = ({ phase, grantNo }: Recharge) =>
  (phase === 'completed' && grantNo > 1) || (phase === 'refunded' && grantNo > 0);

function onLateLookDue(row: Recharge, at: Moment): Decision {
  // Only the sweeper knows that its time has come.
  if (row.swept === undefined || row.phaseDeadline === undefined) return stop;
  // The profile may have changed since.
  return at.policy.evidence.lookUp ? { effect: 'list_grants' } : { next: unwatched(row), effect: 'stop' };
}

/**
 * A grant too many is a loss that only a person can make good. It is told again a day later: a process may end
 * between the write and the word. What is not there is looked for once more at the last look, and then no more.
 */
function onGrantsListed(row: Recharge, result: GrantsListed, at: Moment): Decision {
  const { phase, swept, phaseDeadline } = row;
  const isEnded = phase === 'completed' || phase === 'refunded';
  // Another look at the same time is on the row already.
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
  // A look that does not see the one grant there is would not see two.
  const isBlind = phase === 'completed' && result.marks.length === 0;
  const history = record(row, at, isBlind ? LOOKS.not_found : LATE_LOOKS.none, detail);
  return { next: looked(history, at.now < phaseDeadline ? phaseDeadline : undefined), effect: 'stop' };
}

// ── Refund ───────────────────────────────────────────────────────────────────────────────────────────

type RefundResult = Extract<Outcome, { kind: 'refund' }>['result'];

function onRefund(row: Recharge, result: RefundResult, at: Moment): Decision {
  const refunded = result.kind === 'refunded' || result.kind === 'found_refunded';
  // The refund's one key makes this proof, however late it comes.
  const inReview = row.review === 'refund_unknown' || row.review === 'refund_failed';
  if (row.phase !== 'refunding' && !(inReview && refunded)) {
    return row.review !== undefined && row.review === reviewOf(result) ? writtenAlready(row) : stop;
  }
  switch (result.kind) {
    case 'found_refunded':
    case 'refunded':
      return {
        release: { reason: 'refunded', retryable: false },
        ...finish({ ...row, phase: 'refunded' }, at, 'refunded', refundRefOf(result)),
      };
    case 'not_refunded':
      return { effect: 'refund' };
    case 'refused':
      return toReview(row, 'refund_failed', at, result.reason);
    case 'pending':
      return waitForRefund(withoutSweeps(row), at, 'refund pending', at.policy.refund.askMs);
    case 'not_attempted':
      return {
        ...misconfigured(result),
        ...waitForRefund(row, at, `refund not attempted: ${result.detail}`, asAsked(result.retryAfterMs, at)),
      };
    case 'unknown':
      return waitForRefund(row, at, `refund unknown: ${result.detail}`);
  }
}

const refundRefOf = (result: RefundResult) => (result.kind === 'refunded' ? result.refundRef : undefined);

/** What this answer sends to a person: at once, or past the refund's deadline. */
function reviewOf({ kind }: RefundResult): ReviewReason | undefined {
  if (kind === 'refused') return 'refund_failed';
  return kind === 'pending' || kind === 'not_attempted' || kind === 'unknown' ? 'refund_unknown' : undefined;
}

function waitForRefund(row: Recharge, at: Moment, why: string, waitMs?: number): Decision {
  if (row.phaseDeadline !== undefined && at.now >= row.phaseDeadline)
    return toReview(row, 'refund_unknown', at, why);
  return wait(row, at, why, waitMs);
}

// ── The few ways a row moves ─────────────────────────────────────────────────────────────────────────

/** Paid, with certainty not granted, due at once, and with its full time to be granted. */
export function toCharged(row: Recharge, { now, policy }: Pick<Moment, 'now' | 'policy'>): Recharge {
  const { review: _, ...rest } = withoutSweeps(row);
  return { ...rest, phase: 'charged', nextAttemptAt: now, phaseDeadline: now + policy.grantGiveUpMs };
}

/** From here the row is never granted again: `refundStartedAt` stays for ever. */
export function toRefunding(row: Recharge, { now, policy }: Pick<Moment, 'now' | 'policy'>): Recharge {
  const { review: _, ...rest } = withoutSweeps(row);
  return {
    ...rest,
    phase: 'refunding',
    refundStartedAt: row.refundStartedAt ?? now,
    nextAttemptAt: now,
    phaseDeadline: now + policy.refund.giveUpMs,
  };
}

/**
 * Ends the row: it leaves the index of open rows, at once or after its late looks, and is kept for good.
 *
 * @param at.jitter what ended together, once an outage was over, is not looked at together.
 * @param mayBeListed whether the platform's books may show grants; where they do not after all, the first look sees
 *   that, and is the last.
 */
export function ended(
  row: Recharge,
  { now, policy, jitter = 0 }: Pick<Moment, 'now' | 'policy'> & { jitter?: number },
  mayBeListed: boolean,
): Recharge {
  const { actionUrl: _u, actBy: _a, review: _r, ...rest } = unwatched(row);
  if (!mayBeListed || !couldHoldTooMany(row)) return rest;
  const { lateFirstMs, lateLastMs, lateSpreadMs } = policy.evidence;
  const from = now + Math.round(jitter * lateSpreadMs);
  return { ...rest, nextAttemptAt: from + lateFirstMs, phaseDeadline: from + lateLastMs };
}

/** Nothing brings it back. */
function unwatched(row: Recharge): Recharge {
  const { nextAttemptAt: _n, phaseDeadline: _d, swept: _s, ...rest } = row;
  return rest;
}

function finish(row: Recharge, at: Moment, event: string, detail?: string): Decision {
  return {
    next: { ...ended(row, at, at.policy.evidence.lookUp), history: record(row, at, event, detail) },
    effect: 'stop',
  };
}

function toReview(row: Recharge, review: ReviewReason, at: Moment, detail: string): Decision {
  const { phaseDeadline: _, ...rest } = withoutSweeps(row);
  const { evidence, reminderMs } = at.policy;
  const dueMs = review === 'grant_unknown' && evidence.lookUp ? evidence.firstMs : reminderMs;
  return {
    next: {
      ...rest,
      phase: 'needs_review',
      review,
      nextAttemptAt: at.now + dueMs,
      history: record(row, at, review, detail),
    },
    alert: { word: review, detail },
    effect: 'stop',
  };
}

function remind(row: Recharge, at: Moment): Decision {
  return {
    next: {
      ...withoutSweeps(row),
      nextAttemptAt: at.now + at.policy.reminderMs,
      history: record(row, at, 'reminded', row.review),
    },
    ...reviewWaiting(row),
    effect: 'stop',
  };
}

function reviewWaiting({ review }: Recharge): Pick<Decision, 'alert'> {
  return { alert: { word: 'review_waiting', ...(review === undefined ? {} : { detail: review }) } };
}

/**
 * The one way to wait. `waitMs` where the other side named a time; else exponential backoff with full
 * jitter, its exponent the number of waits in a row.
 */
function wait(row: Recharge, at: Moment, why: string, waitMs?: number): Decision {
  const history = record(row, at, 'waiting', why);
  const ownMs = backoffMs(timesInARow(history, 'waiting'), at.jitter, at.policy.backoff);
  return {
    next: { ...row, nextAttemptAt: at.now + Math.round(waitMs ?? ownMs), history },
    effect: 'stop',
  };
}

/** What was left out of a long history counts as well: it was that, or a wait comes out longer than it need be. */
function timesInARow(history: readonly HistoryEntry[], word: string): number {
  const progress = history.findLastIndex(({ event }) => event !== word && event !== 'left_out');
  return history.slice(progress + 1).reduce((sum, { times }) => sum + (times ?? 1), 0);
}

/** The other side named a time: honoured, up to our longest wait. */
function asAsked(retryAfterMs: number | undefined, at: Moment): number | undefined {
  return retryAfterMs === undefined ? undefined : Math.min(retryAfterMs, at.policy.backoff.maxMs);
}

/** Progress, or a wait that is as it should be: the count of fruitless sweeps begins anew. */
function withoutSweeps(row: Recharge): Recharge {
  const { swept: _, ...rest } = row;
  return rest;
}

/** The reservation's parameters, once they are known, belong on the row: the reservation is pruned one day. */
function withFrozen(row: Recharge, frozen: Frozen | undefined): Recharge {
  if (frozen === undefined) return row;
  return {
    ...row,
    ...frozen.money,
    ...(frozen.grantEmail === row.email ? {} : { grantEmail: frozen.grantEmail }),
    ...(frozen.platformId === undefined ? {} : { platformId: frozen.platformId }),
    ...(frozen.balanceBefore === undefined ? {} : { balanceBefore: frozen.balanceBefore }),
  };
}

/** What was written since the row came to the review it is in. */
export function sinceReview({ history, review }: Recharge): HistoryEntry[] {
  return history.slice(history.findLastIndex(({ event }) => event === review) + 1);
}

/**
 * For what comes again and again while a person is waited for: one entry of each kind, with the latest time
 * and detail and a count. So a review of a month makes the row no longer than one of a day.
 */
function recordLatest(
  row: Recharge,
  at: Pick<Moment, 'now'>,
  event: string,
  detail?: string,
): HistoryEntry[] {
  const earlier = sinceReview(row).filter((entry) => entry.event === event);
  const others = row.history.filter((entry) => !earlier.includes(entry));
  const history = record({ history: others }, at, event, detail);
  const latest = history.at(-1);
  const times = earlier.reduce((sum, entry) => sum + (entry.times ?? 1), 1);
  return latest === undefined || times === 1 ? history : [...history.slice(0, -1), { ...latest, times }];
}
