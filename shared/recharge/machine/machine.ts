import { INSTEAD_OF, RETRIED, type Recharge, type Refusal, STARTED } from '../recharge.ts';
import { onGrantEvidence, onGrantsListed, onLateLookDue } from './books.ts';
import { finish } from './ends.ts';
import { asRefunding, decidedAsRefunding, isGivingBack } from './goodwill.ts';
import {
  calledLostBeforeItBegan,
  NEVER_SENT,
  onChargedDue,
  onGrant,
  onGrantingFound,
  onGrantResult,
} from './grant.ts';
import { isWaiting, progressed, remind, wait } from './moves.ts';
import { type Decision, type Moment, type Outcome, stop } from './outcome.ts';
import { onlyWithOwnParties } from './parties.ts';
import { onPayment, onPrepaid } from './payment.ts';
import { onRefund } from './refund.ts';
import { awaitsLook, lookAgain, onWoken } from './woken.ts';

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
 * What each outcome can do to a row, and the file that decides it:
 *
 *     phase            due          reservation   payment              grant, books            refund
 *                      machine.ts   machine.ts    payment.ts           grant.ts, books.ts      refund.ts
 *     received         reserve      charge, ask   granting, declined,  —                       —
 *                                   or blocked    pending, waits
 *     charge_pending   ask, cancel  —             the same             —                       —
 *     granting         past its     —             —                    completed, charged,     —
 *                      deadline                                        needs_review
 *     charged          granting     —             —                    a late answer           —
 *     needs_review     ask, remind  —             of charge_unknown    of grant_unknown        late proof
 *     refunding        ask          —             —                    alert                   refunded, review
 *     the end          late looks   —             alert, woken.ts      alert                   —
 *
 * The ways a row moves (wait, review …) are in moves.ts, its ends in ends.ts, the words in outcome.ts. Whatever is
 * decided, parties.ts lets nobody be asked but those the recharge began with.
 *
 * Of a `completed` recharge that a person gives back, `due` and `refund` are decided as if it were `refunding`
 * (goodwill.ts); it stays `completed`.
 *
 * A reservation that says that nothing is to be charged does what a payment does elsewhere (`onPrepaid`).
 *
 * An unknown grant that the platform's books show is `completed` without a person, also where a person has
 * called it not made: they are asked before it is made anew. A row that ended after more than one grant, or
 * refunded after one, is looked up twice more, for no look before could rule out a line that comes late.
 *
 * With every outcome a random token is drawn, whether or not it comes to granting: the decision that does
 * writes it, and a repetition of that decision knows its own write by it.
 */
export function decide(row: Recharge, outcome: Outcome, at: Moment): Decision {
  const ofRefund = outcome.kind === 'due' || outcome.kind === 'refund';
  if (!ofRefund || !isGivingBack(row)) return decideOfOwn(row, outcome, at);
  return decidedAsRefunding(decideOfOwn(asRefunding(row), outcome, at), at);
}

/** Asks nobody but those the recharge began with. */
function decideOfOwn(row: Recharge, outcome: Outcome, at: Moment): Decision {
  const freely = (moment: Moment) => decideFreely(row, outcome, moment);
  return onlyWithOwnParties(row, outcome, freely(at), at, freely);
}

/** Decides without regard to who the other side is. */
function decideFreely(row: Recharge, outcome: Outcome, at: Moment): Decision {
  switch (outcome.kind) {
    case 'due':
      return outcome.woken ? onWoken(row, at) : onDue(row, at);
    case 'reserved':
    case 'refused':
    case 'not_reserved':
      if (outcome.kind === 'reserved' && outcome.frozen.prepaid) return onPrepaid(row, outcome, at);
      return row.phase === 'received' && row.attempt === outcome.attempt
        ? onReservation(row, outcome, at)
        : stop;
    case 'held':
      if (row.phase !== 'received' && row.phase !== 'charge_pending') return lookAgain(row, at);
      return wait(outcome.switchedOff ? progressed(row) : row, at, outcome.why);
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
  if (isWaiting(row, at)) return stop;
  switch (row.phase) {
    case 'received': {
      // A planned retry, a day ahead: its time has not come.
      const tooEarly = row.attemptStartedAt > at.now + at.policy.clockSkewMs;
      return tooEarly && !row.stopped ? stop : { effect: 'reserve' };
    }
    case 'charge_pending':
      return { effect: at.now < (row.actBy ?? Infinity) ? 'look_up_payment' : 'cancel_payment' };
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
    case 'declined':
    case 'blocked':
      // As with the other late looks, only the sweeper knows that its time has come.
      return awaitsLook(row) && row.swept !== undefined
        ? { effect: 'look_up_payment' }
        : onLateLookDue(row, at);
    case 'completed':
    case 'refunded':
      return onLateLookDue(row, at);
  }
}

function onReviewDue(row: Recharge, at: Moment): Decision {
  if (row.review === 'charge_unknown') return { effect: 'look_up_payment' };
  const lookUp = row.review === 'grant_unknown' && at.policy.evidence.lookUp;
  return lookUp ? { effect: 'look_up_grant' } : remind(row, at);
}

function onReservation(
  row: Recharge,
  outcome: Extract<Outcome, { kind: 'reserved' | 'refused' | 'not_reserved' }>,
  at: Moment,
): Decision {
  switch (outcome.kind) {
    case 'reserved':
      if (outcome.fresh) return { effect: 'charge' };
      // Found, not made: a call may have been begun, and its answer lost. The provider is asked first.
      return isUnderWay(row, outcome.at, at) ? stop : { effect: 'look_up_payment' };
    case 'refused':
      return {
        ...refusalAlert(outcome.word),
        ...finish(
          { ...row, ...(outcome.money ?? {}), phase: 'blocked', reason: outcome.word },
          at,
          'blocked',
          outcome.word,
        ),
      };
    case 'not_reserved':
      return { effect: 'look_up_payment' };
  }
}

/** No news: a person wanted these, or they follow from another recharge of the client, which is known. */
const NO_NEWS: readonly Refusal[] = ['observe_only', 'stopped', 'cooldown', 'unfinished_recharge'];

/** The client gets no credits, and nothing will try again: the agency must hear of it. */
function refusalAlert(word: Refusal): Pick<Decision, 'alert'> {
  if (NO_NEWS.includes(word)) return {};
  if (word === 'over_monthly_amount') return { alert: { word: 'monthly_cap_reached', daily: true } };
  return { alert: { word: 'recharge_blocked', detail: word, daily: true } };
}

/**
 * Events that a claim or a person writes, and no run. A claim's time is not always earlier than the reservation's:
 * both may fall into one millisecond, or the webhook's clock may be ahead of the worker's.
 */
const NO_REPORT = ['received', STARTED, INSTEAD_OF, 'stopped', RETRIED];

/**
 * Another run has reserved this attempt, has not reported, and may still be in its call. A lookup would find nothing
 * yet. A second POST beside the first is something no endpoint should have to sort out. The row comes back anyway, by
 * its claim.
 */
function isUnderWay({ history }: Recharge, reservedAt: number, { now, policy }: Moment): boolean {
  const reported = history.some(({ at, event }) => at >= reservedAt && !NO_REPORT.includes(event));
  return !reported && now < reservedAt + policy.runMs;
}
