import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Metrics } from '../logger.ts';
import { NewerRowError } from '../storage/table.ts';
import { decide } from './machine/machine.ts';
import { type Decision, type Effect, isPaced, type Moment, type Outcome } from './machine/outcome.ts';
import { perform, type RunDeps, type Step } from './perform.ts';
import { isFinished, moneyOf, type Recharge } from './recharge.ts';
import { releaseAttempt } from './reserve.ts';
import { isNewsToday } from './told.ts';

export type { RunDeps } from './perform.ts';

/** Between two tries of a write that storage did not answer: its client has already tried three times itself. */
const WRITE_AGAIN_MS = 250;

/** What is left to chance in a decision: a token nobody can guess, which no other process draws, and the jitter. */
export const draw = (): Pick<Moment, 'token' | 'jitter'> => ({
  token: randomBytes(12).toString('base64url'),
  jitter: Math.random(),
});

/**
 * Drives one recharge as far as it goes now: decide, write, do the one effect, decide again.
 *
 * Every irreversible call has its intent on disk before it, and is the last thing its step does. A write
 * that loses brings the newer row, and the same outcome is decided again on that: an outcome is never
 * dropped because a write lost.
 *
 * @param endsAt Unix milliseconds when this process may be killed; no step is begun that could not end.
 * @param given.woken somebody says that its payment has changed.
 * @returns the row as it was left; `left_alone` where a later version of this program wrote it.
 * @throws NoRechargeError where no row has this key; and what storage throws, once the run's time is out: the row
 *   then brings itself back.
 */
export async function runRecharge(
  key: string,
  endsAt: number,
  deps: RunDeps,
  given: { woken?: boolean } = {},
): Promise<Recharge | 'left_alone'> {
  try {
    const row = await deps.ledger.read(key);
    if (!row) throw new NoRechargeError(key);
    return await new Run(row, endsAt, deps).toRest({ kind: 'due', ...given });
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
  /** Learnt from the account in this run. */
  #reserved: Pick<Step, 'frozen' | 'isFresh'> = { frozen: undefined, isFresh: false };

  constructor(row: Recharge, endsAt: number, deps: RunDeps) {
    this.#row = row;
    this.#endsAt = endsAt;
    this.#deps = deps;
  }

  async toRest(first: Outcome): Promise<Recharge> {
    let outcome = first;
    let askedAt = this.#deps.now();
    for (;;) {
      const effect = await this.#settle(outcome, askedAt);
      if (effect === 'stop') return this.#row;
      askedAt = this.#deps.now();
      const { policy } = this.#deps;
      const mayBegin = (callMs: number) => this.#timeLeft() >= callMs + policy.callMarginMs;
      outcome = await perform(effect, { ...this.#reserved, row: this.#row, mayBegin, deps: this.#deps });
      if (outcome.kind === 'reserved') this.#reserved = { frozen: outcome.frozen, isFresh: outcome.fresh };
    }
  }

  /** Decides on an outcome and writes the decision, as often as it takes; then says what to do next. */
  async #settle(outcome: Outcome, askedAt: number): Promise<Effect> {
    const { ledger, logger, now } = this.#deps;
    // Drawn once per outcome: a repeated decision must come out the same, and recognise its own first write.
    const drawn = { now: now(), ...this.#deps.draw() };
    for (;;) {
      const before = this.#row;
      const decision = decide(before, outcome, this.#moment(drawn));
      try {
        if (decision.release) await releaseAttempt(before, decision.release, this.#deps);
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
        await this.#deps.sleep(WRITE_AGAIN_MS);
        continue;
      }
      this.#report(before, outcome, decision, askedAt);
      if (decision.alert) await this.#raise(decision.alert);
      await this.#tellCharging(outcome);
      return decision.effect;
    }
  }

  /** Answers to grants alone. Evidence says what became of one, not that the platform answers again. */
  async #tellCharging(outcome: Outcome): Promise<void> {
    if (outcome.kind !== 'grant' || isPaced(outcome.result)) return;
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
    const { credits, review, reason = review } = this.#row;
    const metrics = businessMetrics(before, this.#row);
    const isWake = outcome.kind === 'due' && decision.next === undefined;
    const isRepeat = (isWake || decision.effect === 'stop') && isOldNews(this.#row);
    if (isRepeat && Object.keys(metrics).length === 0) return;
    logger.info(
      'decided',
      {
        ...this.#tags(),
        credits,
        ...moneyOf(this.#row),
        reason,
        outcome: outcome.kind,
        word: wordOf(outcome),
        effect: decision.effect,
        durationMs: now() - askedAt,
      },
      metrics,
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
    logger.alert(word, { ...this.#tags(), detail });
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
}

/** A wait like the one before is logged at its 2nd, 4th, 8th… time. The row counts them all. */
function isOldNews({ history }: Recharge): boolean {
  const { event, times = 1 } = history.at(-1) ?? {};
  return event === 'waiting' && !Number.isInteger(Math.log2(times));
}

/** Whether the row that stands there is the one this process meant to write; the sweeper may have moved it since. */
function isSameWrite(before: Recharge, meant: Recharge, standing: Recharge): boolean {
  const { v: _v, nextAttemptAt: _n, swept: _s, ...written } = standing;
  const { v: _w, nextAttemptAt: _m, swept: _t, ...intended } = { ...meant, version: before.version + 1 };
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
