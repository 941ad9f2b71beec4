import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Metrics } from '../logger.ts';
import type { Money } from '../money.ts';
import type { ChargeRequest, LookupOutcome, PaymentHook } from '../payments/payment-hook.ts';
import type { GrantResult, PlatformClient } from '../platform/client.ts';
import { NewerRowError } from '../storage/table.ts';
import { barredBy } from './guard.ts';
import { decide } from './machine/machine.ts';
import type { Decision, Effect, Frozen, Moment, Outcome } from './machine/outcome.ts';
import { withinChargeWindow } from './machine/payment.ts';
import {
  chargeIdOf,
  grantMarkOf,
  grantMarkPrefixOf,
  isFinished,
  moneyOf,
  type Recharge,
  refundIdOf,
  reservationNameOf,
} from './recharge.ts';
import { type ReserveDeps, releaseAttempt, reserveAttempt } from './reserve.ts';
import { isNewsToday } from './told.ts';

export interface RunDeps extends ReserveDeps {
  platform: Pick<PlatformClient, 'prepareGrant' | 'subAccount' | 'findGrant' | 'listGrants'>;
  payments: PaymentHook;
}

/** Between two tries of a write that storage did not answer: its client has already tried three times itself. */
const WRITE_AGAIN_MS = 250;

/**
 * Drives one recharge as far as it goes now: decide, write, do the one effect, decide again.
 *
 * Every irreversible call has its intent on disk before it, and is the last thing its step does. A write
 * that loses brings the newer row, and the same outcome is decided again on that: an outcome is never
 * dropped because a write lost.
 *
 * @param endsAt Unix milliseconds when this process may be killed; no step is begun that could not end.
 * @returns the row as it was left; `left_alone` where a later version of this program wrote it.
 * @throws NoRechargeError where no row has this key; and what storage throws, once the run's time is out: the row
 *   then brings itself back.
 */
export async function runRecharge(
  key: string,
  endsAt: number,
  deps: RunDeps,
): Promise<Recharge | 'left_alone'> {
  try {
    const row = await deps.ledger.read(key);
    if (!row) throw new NoRechargeError(key);
    return await new Run(row, endsAt, deps).toRest();
  } catch (error) {
    if (!(error instanceof NewerRowError)) throw error;
    deps.logger.alert('newer_row', { key, detail: error.message });
    return 'left_alone';
  }
}

/** Whoever named this key was wrong: there is nothing that could bring itself back. */
export class NoRechargeError extends Error {
  constructor(key: string) {
    super(`No recharge is stored under the key ${key}.`);
    this.name = 'NoRechargeError';
  }
}

class Run {
  #row: Recharge;
  readonly #endsAt: number;
  readonly #deps: RunDeps;
  /** Learnt from the account in this run: the parameters of every call about the payment. */
  #frozen: Frozen | undefined;
  /** This run has reserved the attempt, so that it has judged the account a moment ago, and nobody has charged. */
  #isFresh = false;

  constructor(row: Recharge, endsAt: number, deps: RunDeps) {
    this.#row = row;
    this.#endsAt = endsAt;
    this.#deps = deps;
  }

  async toRest(): Promise<Recharge> {
    let outcome: Outcome = { kind: 'due' };
    let askedAt = this.#deps.now();
    for (;;) {
      const effect = await this.#settle(outcome, askedAt);
      if (effect === 'stop') return this.#row;
      askedAt = this.#deps.now();
      outcome = await this.#perform(effect);
      if (outcome.kind === 'reserved') {
        this.#frozen = outcome.frozen;
        this.#isFresh = outcome.fresh;
      }
    }
  }

  /** Decides on an outcome and writes the decision, as often as it takes; then says what to do next. */
  async #settle(outcome: Outcome, askedAt: number): Promise<Effect> {
    const { ledger, logger, now } = this.#deps;
    // Drawn once per outcome: a repeated decision must come out the same, and recognise its own first write.
    const drawn = { now: now(), token: randomBytes(12).toString('base64url'), jitter: Math.random() };
    for (;;) {
      const before = this.#row;
      const decision = decide(before, outcome, this.#moment(drawn));
      try {
        if (decision.release) await releaseAttempt(before, decision.release, ledger);
        if (decision.next) {
          const written = await ledger.write(before, decision.next);
          this.#row = written.row;
          // A lost answer looks like a lost race; where the row is what we meant to write, it was ours.
          if (written.kind === 'conflict' && !isSameWrite(before, decision.next, written.row)) continue;
        }
      } catch (error) {
        if (error instanceof NewerRowError) throw error;
        // Should the run end here, this line is all that is left of what was learnt.
        const learnt = { outcome: outcome.kind, word: wordOf(outcome), grantToken: this.#row.grantToken };
        logger.error('a decision could not be written', error, { ...this.#tags(), ...learnt });
        if (this.#timeLeft() < this.#deps.policy.callMarginMs) throw error;
        // If that write did happen, the next one loses to it and brings it back.
        await sleep(WRITE_AGAIN_MS);
        continue;
      }
      this.#report(before, outcome, decision, askedAt);
      if (decision.alert) await this.#raise(decision.alert);
      await this.#tellCharging(outcome);
      return decision.effect;
    }
  }

  #perform(effect: Exclude<Effect, 'stop'>): Promise<Outcome> {
    const { policy } = this.#deps;
    switch (effect) {
      case 'reserve':
        return reserveAttempt(this.#row, this.#deps);
      case 'charge':
        return this.#charge();
      case 'look_up_payment':
        return this.#unlessLate(policy.chargeCallMs, () => this.#askPayment('lookup'));
      case 'cancel_payment':
        return this.#unlessLate(policy.chargeCallMs, () => this.#askPayment('cancel'));
      case 'grant':
        return this.#grant();
      case 'look_up_grant':
        return this.#unlessLate(policy.grantCallMs, () => this.#lookUpGrant());
      case 'list_grants':
        return this.#unlessLate(policy.grantCallMs, () => this.#listGrants());
      case 'look_up_refund':
        return this.#unlessLate(policy.chargeCallMs, () => this.#lookUpRefund());
      case 'refund':
        return this.#unlessLate(policy.chargeCallMs, () => this.#refund());
    }
  }

  async #charge(): Promise<Outcome> {
    const { payments, policy, now } = this.#deps;
    const row = this.#row;
    const frozen = this.#frozen;
    if (!frozen?.money) return { kind: 'held', why: 'nothing is reserved' };
    const why = await this.#whyNotCharge();
    if (why !== undefined) return { kind: 'held', why };
    const call = await ready(payments.prepareCharge(chargeRequest(row, frozen, frozen.money)));
    if ('failed' in call) return { kind: 'held', why: `the charge could not be prepared: ${call.failed}` };
    // The last look at the clock before the bytes; nothing is awaited between it and the call.
    if (!withinChargeWindow(row, { now: now(), policy })) return { kind: 'held', why: 'too late to charge' };
    if (!this.#hasTimeFor(policy.chargeCallMs)) return { kind: 'held', why: 'no time left in this run' };
    const result = await call
      .send()
      .catch((error: unknown) => ({ kind: 'unknown' as const, detail: String(error) }));
    return { kind: 'payment', attempt: row.attempt, asked: 'charge', result, frozen };
  }

  /** What may have changed since the reservation was made, by hours: the switch, the mode, the client. */
  async #whyNotCharge(): Promise<string | undefined> {
    const { ledger, charging, guard } = this.#deps;
    if (await charging.paused()) return 'charging is paused';
    if (guard.mode === 'observe') return 'observe mode';
    if (this.#isFresh) return undefined;
    const barred = barredBy(await ledger.readAccount(this.#row.email), guard);
    return barred && `not charged: ${barred}`;
  }

  async #askPayment(question: 'lookup' | 'cancel'): Promise<Outcome> {
    const row = this.#row;
    const result = await this.#deps.payments[question](this.#reference()).catch(
      (error: unknown): LookupOutcome => ({ kind: 'unknown', detail: String(error) }),
    );
    return {
      kind: 'payment',
      attempt: row.attempt,
      asked: question,
      result,
      ...(this.#frozen === undefined ? {} : { frozen: this.#frozen }),
    };
  }

  async #grant(): Promise<Outcome> {
    const { platform, policy, now } = this.#deps;
    const { grantToken = '', grantDeadline = 0, ...row } = this.#row;
    const answer = (result: Extract<Outcome, { kind: 'grant' }>['result']): Outcome => ({
      kind: 'grant',
      token: grantToken,
      result,
    });
    const paid = await ready(this.#isPaid());
    if (paid === false) {
      return answer({
        kind: 'unpaid',
        detail: 'no payment is recorded, or no reservation of this attempt stands on the account row',
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
        description: `${grantMarkOf(this.#row)} Auto-recharge of ${row.credits} credits`,
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
    const inTime = now() + policy.grantCallMs <= grantDeadline && this.#hasTimeFor(policy.grantCallMs);
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
  async #isPaid(): Promise<boolean> {
    const row = this.#row;
    if (row.paymentRef === undefined) return false;
    if (this.#frozen) return true;
    const { reservations } = await this.#deps.ledger.readAccount(row.email);
    return reservations[reservationNameOf(row)]?.state === 'reserved';
  }

  async #lookUpGrant(): Promise<Outcome> {
    const { platform, policy } = this.#deps;
    // Mark and token of one row: what is found under this mark is said of the grant it was drawn for, and no other.
    const row = this.#row;
    const { grantToken = '', grantDeadline = 0, platformId } = row;
    const result = await platform
      .findGrant({
        mark: grantMarkOf(row),
        email: row.grantEmail ?? row.email,
        credits: row.credits,
        ...(platformId === undefined ? {} : { platformId }),
        since: grantDeadline - policy.grantDeadlineMs,
      })
      .catch(noAnswer);
    return { kind: 'grant_evidence', token: grantToken, result };
  }

  async #listGrants(): Promise<Outcome> {
    const row = this.#row;
    const { platformId } = row;
    const since = row.history.find(({ event }) => event === 'paid')?.at ?? row.receivedAt;
    const result = await this.#deps.platform
      .listGrants({
        markPrefix: grantMarkPrefixOf(row),
        ...(platformId === undefined ? {} : { platformId }),
        since,
      })
      .catch(noAnswer);
    return { kind: 'grants_listed', result };
  }

  async #lookUpRefund(): Promise<Outcome> {
    const found = await this.#askPayment('lookup');
    if (found.kind !== 'payment') return found;
    switch (found.result.kind) {
      case 'refunded':
        return { kind: 'refund', result: { kind: 'found_refunded' } };
      case 'unknown':
        return { kind: 'refund', result: found.result };
      default:
        return { kind: 'refund', result: { kind: 'not_refunded' } };
    }
  }

  async #refund(): Promise<Outcome> {
    const row = this.#row;
    const { money, ...reference } = this.#reference();
    if (!money) {
      return {
        kind: 'refund',
        result: { kind: 'not_attempted', detail: 'the amount that was paid is not known' },
      };
    }
    const request = { ...reference, money, refundId: refundIdOf(row), rechargeKey: row.key };
    const result = await this.#deps.payments
      .refund(request)
      .catch((error: unknown) => ({ kind: 'unknown' as const, detail: String(error) }));
    return { kind: 'refund', result };
  }

  #reference() {
    const row = this.#row;
    const money = this.#frozen?.money ?? moneyOf(row);
    return {
      chargeId: chargeIdOf(row),
      ...(money === undefined ? {} : { money }),
      ...(row.paymentRef === undefined ? {} : { paymentRef: row.paymentRef }),
    };
  }

  /** Answers to grants alone. Evidence says what became of one, not that the platform answers again. */
  async #tellCharging(outcome: Outcome): Promise<void> {
    if (outcome.kind !== 'grant') return;
    const { charging, policy, now, logger } = this.#deps;
    const { result } = outcome;
    try {
      if (result.kind === 'granted') {
        if (await charging.grantWentThrough())
          logger.info('charging goes on: a grant went through', this.#tags());
        return;
      }
      const failed = await charging.grantFailed(this.#row.email);
      const fault = 'agencyFault' in result ? result.agencyFault : undefined;
      const inARow = `grants of ${failed} clients in a row did not go through`;
      const reason = fault ?? (failed >= policy.failedClientsToPause ? inARow : undefined);
      if (reason === undefined) return;
      await charging.pause({ reason, until: now() + policy.pauseMs });
      logger.alert('charging_paused', { ...this.#tags(), detail: reason });
    } catch (error) {
      logger.error('the switch for new charges could not be written', error, this.#tags());
    }
  }

  /** `durationMs`: from the question, over the answer, to the written decision. */
  #report(before: Recharge, outcome: Outcome, decision: Decision, askedAt: number): void {
    const { logger, now } = this.#deps;
    logger.info(
      'decided',
      {
        ...this.#tags(),
        outcome: outcome.kind,
        word: wordOf(outcome),
        effect: decision.effect,
        durationMs: now() - askedAt,
      },
      businessMetrics(before, this.#row),
    );
  }

  async #raise({ word, detail, daily }: NonNullable<Decision['alert']>): Promise<void> {
    const { logger } = this.#deps;
    const isNews = async () => {
      try {
        return await isNewsToday(
          this.#row.email,
          detail === undefined ? word : `${word} ${detail}`,
          this.#deps,
        );
      } catch (error) {
        logger.error('what was said today could not be read', error, this.#tags());
        return true;
      }
    };
    if (daily && !(await isNews())) return;
    logger.alert(word, { ...this.#tags(), ...(detail === undefined ? {} : { detail }) });
  }

  #tags() {
    const { key, email, phase, attempt, grantNo } = this.#row;
    return { key, email, phase, attempt, grantNo };
  }

  #moment(drawn: Pick<Moment, 'now' | 'token' | 'jitter'>): Moment {
    const { policy, parties } = this.#deps;
    return { ...drawn, policy, parties, timeToGrant: this.#timeLeft() >= policy.grantStepMs };
  }

  #timeLeft(): number {
    return this.#endsAt - this.#deps.now();
  }

  #hasTimeFor(callMs: number): boolean {
    return this.#timeLeft() >= callMs + this.#deps.policy.callMarginMs;
  }

  async #unlessLate(callMs: number, call: () => Promise<Outcome>): Promise<Outcome> {
    return this.#hasTimeFor(callMs) ? call() : { kind: 'held', why: 'no time left in this run' };
  }
}

/** Text and parameters depend on the row and its reservation alone: a repeated charge must be the same to the letter. */
function chargeRequest(row: Recharge, { customer, platformId }: Frozen, money: Money): ChargeRequest {
  return {
    chargeId: chargeIdOf(row),
    rechargeKey: row.key,
    account: {
      email: row.email,
      ...(platformId === undefined ? {} : { platformId }),
      ...(customer === undefined ? {} : { customer }),
    },
    credits: row.credits,
    money,
    description: `Auto-recharge of ${row.credits} credits`,
  };
}

/** Whether the row that stands there is the one this process meant to write; the sweeper may have moved it since. */
function isSameWrite(before: Recharge, meant: Recharge, standing: Recharge): boolean {
  const { nextAttemptAt: _n, swept: _s, ...written } = standing;
  const { nextAttemptAt: _m, swept: _t, ...intended } = { ...meant, version: before.version + 1 };
  return isDeepStrictEqual(written, intended);
}

const wordOf = (outcome: Outcome) => ('result' in outcome ? outcome.result.kind : outcome.kind);

/** What a business counts: recharges that came to their end, money that was taken, credits that were granted. */
function businessMetrics(before: Recharge, after: Recharge): Metrics {
  const money = moneyOf(after);
  const unpaid =
    before.phase === 'received' || before.phase === 'charge_pending' || before.review === 'charge_unknown';
  const paid = unpaid && (after.phase === 'granting' || after.phase === 'charged');
  return {
    ...(before.phase !== after.phase && isFinished(after) ? { [`recharges_${after.phase}`]: 1 } : {}),
    ...(paid && money ? { [`charged_${money.currency}`]: money.amount } : {}),
    ...(before.phase !== 'completed' && after.phase === 'completed'
      ? { credits_granted: after.credits }
      : {}),
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
