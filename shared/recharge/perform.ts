import type { Money } from '../money.ts';
import type { ChargeReference, ChargeRequest, LookupOutcome, PaymentHook } from '../payments/payment-hook.ts';
import type { GrantResult, PlatformClient } from '../platform/client.ts';
import { barredBy } from './guard.ts';
import type { Effect, Frozen, Moment, Outcome, PaymentOutcome } from './machine/outcome.ts';
import { withinChargeWindow } from './machine/payment.ts';
import {
  chargeIdOf,
  grantMarkOf,
  grantMarkPrefixOf,
  moneyOf,
  type Recharge,
  refundIdOf,
  reservationNameOf,
} from './recharge.ts';
import { type ReserveDeps, reserveAttempt } from './reserve.ts';

export interface RunDeps extends ReserveDeps {
  platform: Pick<PlatformClient, 'prepareGrant' | 'subAccount' | 'findGrant' | 'listGrants'>;
  payments: PaymentHook;
  draw(): Pick<Moment, 'token' | 'jitter'>;
  sleep(ms: number): Promise<unknown>;
}

/** What an effect is performed with. */
export interface Step {
  /** As it stands on disk: the intent of a call that cannot be taken back is on it, or on the account row. */
  row: Recharge;
  /** The parameters of every call about the payment, where this run has read the reservation. */
  frozen: Frozen | undefined;
  /** This run has reserved the attempt, so that it has judged the account a moment ago, and nobody has charged. */
  isFresh: boolean;
  /** Whether a call of so many milliseconds would end, with its margin, before this process may be killed. */
  mayBegin(callMs: number): boolean;
  deps: RunDeps;
}

/**
 * Does the one thing that was decided, and says what was learnt by it. No effect throws for what another party or a
 * network does; storage may throw.
 */
export function perform(effect: Exclude<Effect, 'stop'>, step: Step): Promise<Outcome> {
  const { policy } = step.deps;
  switch (effect) {
    case 'reserve':
      return reserveAttempt(step.row, step.deps);
    case 'charge':
      return charge(step);
    case 'look_up_payment':
      return unlessLate(step, policy.chargeCallMs, () => askPayment(step, 'lookup'));
    case 'cancel_payment':
      return unlessLate(step, policy.chargeCallMs, () => askPayment(step, 'cancel'));
    case 'grant':
      return grant(step);
    case 'look_up_grant':
      return unlessLate(step, policy.grantCallMs, () => lookUpGrant(step));
    case 'list_grants':
      return unlessLate(step, policy.grantCallMs, () => listGrants(step));
    case 'look_up_refund':
      return unlessLate(step, policy.chargeCallMs, () => lookUpRefund(step));
    case 'refund':
      return unlessLate(step, policy.chargeCallMs, () => refund(step));
  }
}

async function charge(step: Step): Promise<Outcome> {
  const { payments, policy, now } = step.deps;
  const { row, frozen } = step;
  if (!frozen?.money) return { kind: 'held', why: 'nothing is reserved' };
  const held = await whyNotCharge(step);
  if (held !== undefined) return { kind: 'held', ...held };
  const call = await ready(payments.prepareCharge(chargeRequest(row, frozen, frozen.money)));
  if ('failed' in call) return { kind: 'held', why: `the charge could not be prepared: ${call.failed}` };
  // The last look at the clock before the bytes; nothing is awaited between it and the call.
  if (!withinChargeWindow(row, { now: now(), policy })) return { kind: 'held', why: 'too late to charge' };
  if (!step.mayBegin(policy.chargeCallMs)) return { kind: 'held', why: 'no time left in this run' };
  const result = await call
    .send()
    .catch((error: unknown) => ({ kind: 'unknown' as const, detail: String(error) }));
  return { kind: 'payment', attempt: row.attempt, asked: 'charge', result, frozen };
}

/** What may have changed in the hours since the reservation was made: the switch, the mode, the client. */
export async function whyNotCharge(
  step: Pick<Step, 'row' | 'isFresh' | 'deps'>,
): Promise<{ why: string; switchedOff?: boolean } | undefined> {
  const { ledger, charging, guard } = step.deps;
  if (await charging.paused()) return { why: 'charging is paused', switchedOff: true };
  if (guard.mode === 'observe') return { why: 'observe mode', switchedOff: true };
  if (step.isFresh) return undefined;
  const barred = barredBy(await ledger.readAccount(step.row.email), guard);
  return barred && { why: `not charged: ${barred}` };
}

async function askPayment(step: Step, question: 'lookup' | 'cancel'): Promise<PaymentOutcome> {
  const { row } = step;
  const reference = await knownReference(step);
  const result = await step.deps.payments[question](reference).catch(
    (error: unknown): LookupOutcome => ({ kind: 'unknown', detail: String(error) }),
  );
  return {
    kind: 'payment',
    attempt: row.attempt,
    asked: question,
    result,
    ...(step.frozen === undefined ? {} : { frozen: step.frozen }),
  };
}

async function grant(step: Step): Promise<Outcome> {
  const { platform, policy, now } = step.deps;
  const { grantToken = '', grantDeadline = 0, ...row } = step.row;
  const answer = (result: Extract<Outcome, { kind: 'grant' }>['result']): Outcome => ({
    kind: 'grant',
    token: grantToken,
    result,
  });
  const paid = await ready(isPaid(step));
  if (paid === false) {
    return answer({
      kind: 'unpaid',
      detail:
        'no payment is recorded, or no reservation of this attempt, for these credits, stands on the account row',
    });
  }
  if (paid !== true) {
    return answer({ kind: 'not_applied', detail: `not sent: ${paid.failed}`, unsent: true });
  }
  const call = await ready(
    platform.prepareGrant({
      email: row.grantEmail ?? row.email,
      ...(row.platformId === undefined ? {} : { platformId: row.platformId }),
      credits: row.credits,
      // The mark stands first: a platform that cuts descriptions cuts their end.
      description: `${grantMarkOf(step.row)} Auto-recharge of ${row.credits} credits`,
    }),
  );
  // Nobody else holds the token, so what this process did not send was not sent. A key that cannot be read
  // concerns every client: nobody should be charged meanwhile.
  if ('failed' in call) {
    return answer({
      kind: 'not_applied',
      detail: `not prepared: ${call.failed}`,
      unsent: true,
      agencyFault: 'unauthorized',
    });
  }
  const inTime = now() + policy.grantCallMs <= grantDeadline && step.mayBegin(policy.grantCallMs);
  if (!inTime) {
    return answer({ kind: 'not_applied', detail: 'not sent: too late for this deadline', unsent: true });
  }
  return answer(
    await call.send().catch((error: unknown): GrantResult => ({ kind: 'unknown', detail: String(error) })),
  );
}

/**
 * The row alone does not say so: whoever may write rows, and not the account's, could have written it. The entry of
 * a client's last recharge stays on the account row for as long as that recharge is unfinished.
 */
async function isPaid(step: Step): Promise<boolean> {
  const { row } = step;
  if (row.paymentRef === undefined) return false;
  if (step.frozen) return true;
  const { reservations } = await step.deps.ledger.readAccount(row.email);
  const entry = reservations[reservationNameOf(row)];
  return entry?.state === 'reserved' && (entry.credits ?? row.credits) === row.credits;
}

async function lookUpGrant(step: Step): Promise<Outcome> {
  const { row, deps } = step;
  // Mark and token are read from the same row. So what is found under this mark is about the grant that the token was
  // drawn for, and about no other.
  const { grantToken = '', platformId } = row;
  const result = await deps.platform
    .findGrant({
      mark: grantMarkOf(row),
      markPrefix: grantMarkPrefixOf(row),
      email: row.grantEmail ?? row.email,
      credits: row.credits,
      ...(platformId === undefined ? {} : { platformId }),
      since: firstGrantSince(row),
    })
    .catch(noAnswer);
  return { kind: 'grant_evidence', token: grantToken, result };
}

async function listGrants(step: Step): Promise<Outcome> {
  const { row } = step;
  const { platformId } = row;
  const result = await step.deps.platform
    .listGrants({
      markPrefix: grantMarkPrefixOf(row),
      ...(platformId === undefined ? {} : { platformId }),
      since: firstGrantSince(row),
    })
    .catch(noAnswer);
  return { kind: 'grants_listed', result };
}

/** No grant of a recharge is older than its payment. */
const firstGrantSince = ({ paidAt, receivedAt }: Recharge) => paidAt ?? receivedAt;

async function lookUpRefund(step: Step): Promise<Outcome> {
  const { result } = await askPayment(step, 'lookup');
  switch (result.kind) {
    case 'refunded':
      return { kind: 'refund', result: { ...result, kind: 'found_refunded' } };
    case 'unknown':
      return { kind: 'refund', result };
    default:
      return { kind: 'refund', result: { kind: 'not_refunded' } };
  }
}

async function refund(step: Step): Promise<Outcome> {
  const { row } = step;
  const { money, ...known } = referenceOf(step);
  if (!money) {
    return {
      kind: 'refund',
      result: { kind: 'not_attempted', detail: 'the amount that was paid is not known' },
    };
  }
  const request = { ...known, money, refundId: refundIdOf(row), rechargeKey: row.key };
  const result = await step.deps.payments
    .refund(request)
    .catch((error: unknown) => ({ kind: 'unknown' as const, detail: String(error) }));
  return { kind: 'refund', result };
}

function referenceOf({ row, frozen }: Pick<Step, 'row' | 'frozen'>): ChargeReference {
  const { paymentRef, actionUrl } = row;
  const money = frozen?.money ?? moneyOf(row);
  const customer = frozen?.customer;
  return {
    chargeId: chargeIdOf(row),
    startedAt: row.attemptStartedAt,
    ...(money === undefined ? {} : { money }),
    ...(paymentRef === undefined ? {} : { paymentRef }),
    ...(customer === undefined ? {} : { customer }),
    ...(actionUrl === undefined ? {} : { actionUrl }),
  };
}

/** Some providers find a payment whose reference is not known only among those of the customer. */
async function knownReference(step: Step): Promise<ChargeReference> {
  const { row, deps } = step;
  const reference = referenceOf(step);
  if (step.frozen || row.paymentRef !== undefined) return reference;
  const { reservations } = await deps.ledger.readAccount(row.email);
  const { customer } = reservations[reservationNameOf(row)] ?? {};
  return customer === undefined ? reference : { ...reference, customer };
}

async function unlessLate(step: Step, callMs: number, call: () => Promise<Outcome>): Promise<Outcome> {
  return step.mayBegin(callMs) ? call() : { kind: 'held', why: 'no time left in this run' };
}

/** Text and parameters depend on the row and its reservation alone: a repeated charge must be the same to the letter. */
function chargeRequest(
  row: Recharge,
  { customer, paymentMethod, platformId }: Frozen,
  money: Money,
): ChargeRequest {
  return {
    chargeId: chargeIdOf(row),
    rechargeKey: row.key,
    account: {
      email: row.email,
      ...(platformId === undefined ? {} : { platformId }),
      ...(customer === undefined ? {} : { customer }),
      ...(paymentMethod === undefined ? {} : { paymentMethod }),
    },
    credits: row.credits,
    money,
    description: `Auto-recharge of ${row.credits} credits`,
    startedAt: row.attemptStartedAt,
  };
}

const noAnswer = (error: unknown) => ({ kind: 'no_answer' as const, detail: String(error) });

async function ready<T>(preparing: Promise<T>): Promise<T | { failed: string }> {
  try {
    return await preparing;
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}
