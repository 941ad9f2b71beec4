import { record } from '../../history.ts';
import type { Declined, Paid, Pending } from '../../payments/payment-hook.ts';
import { idOf } from '../counterparty.ts';
import type { Recharge } from '../recharge.ts';
import { decline, expire, finish } from './ends.ts';
import { calledLostBeforeItBegan, granting, NEVER_SENT, onGrantResult } from './grant.ts';
import { isReserved, latePayment, notFoundIsFinal, onReviewedPayment } from './late-payment.ts';
import { asAsked, detailOf, isOver, misconfigured, progressed, toReview, wait, withFrozen } from './moves.ts';
import { type Decision, type Moment, type Outcome, type PaymentOutcome, stop } from './outcome.ts';
import { askAgainMs, onPaymentAfterEnd } from './woken.ts';

export function onPayment(row: Recharge, outcome: PaymentOutcome, at: Moment): Decision {
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
      return onPaymentAfterEnd(row, outcome, at);
    case 'charged':
    case 'refunding':
    case 'completed':
    case 'refunded':
      return stop;
  }
}

/** Stands where a payment's reference would stand, and in the history where `paid` would. */
export const PREPAID = 'prepaid';

/** A person started the recharge and said that nothing is to be charged. Their word takes the place of a payment. */
export function onPrepaid(
  row: Recharge,
  { attempt, frozen }: Extract<Outcome, { kind: 'reserved' }>,
  at: Moment,
): Decision {
  if (row.attempt !== attempt || row.phase === 'declined' || row.phase === 'blocked') return stop;
  if (row.phase === 'received' && row.stopped) {
    return {
      release: { reason: 'stopped', retryable: false },
      ...finish({ ...row, phase: 'blocked', reason: 'stopped' }, at, 'blocked', 'stopped'),
    };
  }
  const result: Paid = { kind: 'paid', paymentRef: PREPAID };
  // The machine on which the person started it does not know the platform. The platform that grants first counts.
  const known = { platformParty: idOf(at.parties.platform), ...frozen };
  return onPayment(row, { kind: 'payment', attempt, asked: 'charge', result, frozen: known }, at);
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
        ...wait(row, at, `payment not attempted: ${detailOf(result)}`, asAsked(result.retryAfterMs, at)),
      };
    case 'unknown':
      return { ...misconfigured(result), ...onUnknown(row, outcome.asked, detailOf(result), at) };
  }
}

/**
 * A lookup that does not answer must not keep us from asking for the charge again. Under its one key the endpoint
 * takes the money once, and says what became of it.
 */
function onUnknown(row: Recharge, asked: PaymentOutcome['asked'], detail: string, at: Moment): Decision {
  const mayRepeat = asked === 'lookup' && row.phase === 'received' && isReserved(row) && mayCharge(row, at);
  return mayRepeat ? { effect: 'charge' } : onSilence(row, detail, at);
}

const mayCharge = (row: Recharge, at: Moment) => !row.stopped && withinChargeWindow(row, at);

function onPaid(row: Recharge, { paymentRef }: Paid, at: Moment): Decision {
  const { actionUrl: _u, actBy: _a, wokenAt: _w, ...rest } = progressed(row);
  const paid: Recharge = {
    ...rest,
    paymentRef,
    ...(row.prepaid ? {} : { paidAt: at.now }),
    phaseDeadline: at.now + at.policy.grantGiveUpMs,
    history: row.prepaid ? record(row, at, PREPAID) : record(row, at, 'paid', paymentRef),
  };
  if (at.timeToGrant) return { next: granting(paid, at), effect: 'grant' };
  return { next: { ...paid, phase: 'charged', nextAttemptAt: at.now }, effect: 'stop' };
}

function onDeclined(row: Recharge, { reason, retryable }: Declined, at: Moment): Decision {
  const mayTryAgain = row.phase === 'received' && retryable && row.attempt <= at.policy.declineRetries;
  if (!mayTryAgain) return decline(row, reason, at);
  // The attempt's window is counted from the planned time. Counted from now, it would close before the retry is due.
  const startsAt = at.now + at.policy.declineRetryMs;
  return {
    release: { reason, retryable },
    next: {
      ...progressed(row),
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
  // Where there is no page, the client has acted. A payment that is being processed must not be cancelled as if the
  // client were late.
  const { actionUrl: _u, actBy: _a, ...rest } = progressed(row);
  const known: Recharge = {
    ...rest,
    phase: 'charge_pending',
    paymentRef,
    ...(row.phase === 'charge_pending' ? {} : { phaseDeadline: at.now + pending.giveUpMs }),
    // Of one that a person has stopped, nobody is asked to act: the next look cancels it.
    ...(actionUrl === undefined
      ? {}
      : { actionUrl, actBy: row.actBy ?? at.now + (row.stopped ? 0 : pending.clientActsMs) }),
  };
  if (isOver(known, at)) return toReview(known, 'charge_unknown', at, 'the provider never decided');
  const waiting = wait(
    known,
    at,
    actionUrl === undefined ? 'payment pending' : 'client must act',
    askAgainMs(row, at),
  );
  // The client does not know the page: the agency has to pass it on.
  const isNew = actionUrl !== undefined && row.actionUrl === undefined && !row.stopped;
  return isNew ? { ...waiting, alert: { word: 'client_must_act', daily: true } } : waiting;
}

function onNotFound(row: Recharge, at: Moment): Decision {
  // The provider has named this payment before; that it now knows nothing of it proves nothing.
  if (row.phase === 'charge_pending') return onSilence(row, 'payment not found', at);
  if (notFoundIsFinal(row, at)) {
    if (!isReserved(row)) return expire(row, at);
    // A call may have arrived, and against that "not found" is only the word of one endpoint.
    return toReview(row, 'charge_unknown', at, 'not found at the provider, and a call may have arrived');
  }
  if (mayCharge(row, at)) return { effect: 'charge' };
  return wait(row, at, `payment not found, ${row.stopped ? 'stopped by a person' : 'too late to charge'}`);
}

/** No answer about the payment: ask again, and past the phase's deadline let a person ask. */
function onSilence(row: Recharge, detail: string, at: Moment): Decision {
  const isSilentTooLong =
    row.phase === 'charge_pending'
      ? isOver(row, at)
      : at.now >= row.attemptStartedAt + at.policy.lookupSilentMs;
  if (isSilentTooLong) return toReview(row, 'charge_unknown', at, detail);
  return wait(row, at, `payment unknown: ${detail}`);
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
