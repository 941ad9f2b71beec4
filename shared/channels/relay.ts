import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { describeError, type Fields, type Logger } from '../logger.ts';
import { NewerRowError } from '../storage/table.ts';
import { decide, type MessagePolicy, type Outcome, type Sent, type UnknownPolicy } from './decide.ts';
import { isEnded, type Message, type MessageStatus, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';

/** Where messages go. */
export interface Targets {
  unknownPolicy(message: Message): UnknownPolicy;
  /**
   * All that has to be awaited or can fail before a request.
   *
   * @throws where the message cannot be sent now, for a reason that says nothing of the message itself.
   */
  prepare(message: Message): Promise<Prepared>;
  /** Notes what the receiver calls a message that has ended, if it will tell by that name what becomes of it. */
  link?(message: Message): Promise<void>;
  /**
   * Tells whoever handed us the message how it ended, if they want to hear it. It may be told again.
   *
   * @returns why they did not take it, if they did not.
   */
  report?(message: Message): Promise<string | undefined>;
}

export interface Prepared {
  /** How many requests deliver the message. */
  parts: number;
  /** Unix milliseconds before which the receiver asked for no request; undefined where it asked for nothing. */
  held(): Promise<number | undefined>;
  /** Sends a part, counted from 0, in the same turn. */
  send(part: number): Promise<Sent>;
}

export interface RelayDeps {
  messages: Pick<Messages, 'read' | 'write'>;
  targets: Targets;
  policy: MessagePolicy;
  logger: Logger;
  now: () => number;
  sleep(ms: number): Promise<unknown>;
}

/** How a run leaves a message: at its end, or to come back after a while, and all later ones of its contact with it. */
export type Left = { kind: 'ended'; status: MessageStatus } | { kind: 'waits'; ms: number };

const SECOND = 1_000;

/** Between two tries of a write that storage did not answer: its client has already tried three times itself. */
const WRITE_AGAIN_MS = 250;

/**
 * Drives one message as far as it goes now. The queue gives a message to one process at a time, and hides it for
 * longer than a process lives. Each rule is there for a schedule that would go wrong without it:
 *
 * - **The intent is on disk before the request**, if a repetition would be a second message. Otherwise a process that
 *   is killed between the request and its outcome would leave a message that looks untouched, and the next process
 *   would send it again. A process that finds an intent knows that the part may have been sent.
 * - **The intent is random.** Otherwise two processes that read the same row would write the same intent, and each
 *   would take the other's write for its own write whose answer got lost.
 * - **The clock is checked last**, after the intent, with nothing awaited before the request. Otherwise a process that
 *   was held up for longer than the message was hidden would send a message that another process has parked.
 * - **`delivering` counts as lost only where a run begins with it.** Met later, after a write that lost, it is the
 *   intent of a process that lives.
 * - **An outcome is decided again on the row that won**, and is dropped only where it is no longer about it (another
 *   part, another replay, another intent). The webhook writes `queued` while the worker is already sending.
 * - **A part is counted by a write of its own.** Otherwise a process that is killed between two parts would leave the
 *   first one to be sent again.
 * - **Whether the receiver asked for a wait is looked up before the intent.** Another process may have been told so,
 *   with another message. The queue hides no message for longer than 11 hours. A message that therefore comes back
 *   too early waits for the rest.
 * - **A message that is safe to repeat needs no intent.** The receiver recognises it by our id, which never changes.
 *
 * @param endsAt Unix milliseconds when this process may be killed.
 * @returns undefined where no such message is stored.
 * @throws NewerRowError, and what storage throws, once the run's time is out.
 */
export async function relayMessage(id: string, endsAt: number, deps: RelayDeps): Promise<Left | undefined> {
  const row = await deps.messages.read(id);
  return row && new Run(row, endsAt, deps).toRest();
}

/** What an outcome is about: a part, as it was sent by one process. */
interface About {
  queuedNo: number;
  partsDelivered: number;
  intent: string | undefined;
}

const aboutOf = ({ queuedNo, partsDelivered, intent }: Message): About => ({
  queuedNo,
  partsDelivered,
  intent,
});

class Run {
  #row: Message;
  readonly #endsAt: number;
  readonly #deps: RelayDeps;
  readonly #unknown: UnknownPolicy;
  #prepared: Prepared | undefined;

  constructor(row: Message, endsAt: number, deps: RelayDeps) {
    this.#row = row;
    this.#endsAt = endsAt;
    this.#deps = deps;
    this.#unknown = deps.targets.unknownPolicy(row);
  }

  async toRest(): Promise<Left> {
    let waitMs = await this.#begin();
    while (waitMs === undefined) {
      if (isEnded(this.#row)) {
        await this.#link();
        await this.#tellSender();
        return { kind: 'ended', status: this.#row.status };
      }
      waitMs = await this.#step();
    }
    return { kind: 'waits', ms: waitMs };
  }

  /**
   * Once the end is on disk, and again where a process was killed in between: it is still in the queue then. What was
   * delivered stays so if this fails.
   */
  async #link(): Promise<void> {
    try {
      await this.#deps.targets.link?.(this.#row);
    } catch (error) {
      this.#deps.logger.error('what becomes of a message will not be known', error, this.#tags());
    }
  }

  /** Once the end is on disk, and if there is time. A message has ended whether its sender hears of it or not. */
  async #tellSender(): Promise<void> {
    const { targets, policy, logger } = this.#deps;
    if (targets.report === undefined || !this.#hasTimeFor(policy.callMs + policy.callMarginMs)) return;
    const why = await targets.report(this.#row).catch(describeError);
    if (why !== undefined)
      logger.info('the sender did not take the receipt', { ...this.#tags(), detail: why });
  }

  /** @returns how long the message waits, where its beginning already says so; as all below. */
  async #begin(): Promise<number | undefined> {
    if (this.#row.status === 'delivering') {
      const detail = 'a process ended without saying what became of it';
      return this.#settle({ kind: 'unknown', detail }, aboutOf(this.#row));
    }
    // It ended, and is still in the queue: its process may have been killed before it told anybody.
    this.#tellOfBadEnd();
    return undefined;
  }

  async #step(): Promise<number | undefined> {
    const { policy, now } = this.#deps;
    const row = this.#row;
    if (row.status === 'delivering') return policy.runMs;
    if (now() - row.queuedAt >= policy.giveUpMs) return this.#settle({ kind: 'expired' }, aboutOf(row));
    // The message came back too early: it was hidden for less than its wait, or a copy in the queue woke it.
    if (row.notBefore !== undefined && row.notBefore > now()) return this.#untilThen(row.notBefore);
    if (!this.#hasTimeFor(policy.stepMs)) return 0;
    const prepared = await this.#prepare();
    if ('kind' in prepared) return this.#settle(prepared, aboutOf(row));
    const held = await this.#heldBack(prepared);
    if (held !== undefined) return this.#settle(held, aboutOf(row));
    if (this.#unknown === 'park') {
      const intent = randomBytes(9).toString('base64url');
      if (!(await this.#write({ ...row, status: 'delivering', intent }))) return undefined;
    }
    return this.#deliver(prepared);
  }

  async #heldBack(prepared: Prepared): Promise<Outcome | undefined> {
    try {
      const until = await prepared.held();
      return until === undefined || until <= this.#deps.now() ? undefined : { kind: 'held_back', until };
    } catch (error) {
      return { kind: 'not_applied', detail: `not prepared: ${describeError(error)}` };
    }
  }

  /** The wait ends when the message is given up, at the latest, so that the failure is reported then and not later. */
  #untilThen(time: number): number {
    const { policy, now } = this.#deps;
    return Math.max(0, Math.min(time, this.#row.queuedAt + policy.giveUpMs) - now());
  }

  async #prepare(): Promise<Prepared | Outcome> {
    try {
      this.#prepared ??= await this.#deps.targets.prepare(this.#row);
    } catch (error) {
      return { kind: 'not_applied', detail: `not prepared: ${describeError(error)}` };
    }
    const { parts } = this.#prepared;
    if (parts === 0) return { kind: 'refused', detail: 'the channel has no request for such a message' };
    return this.#row.partsDelivered < parts ? this.#prepared : { kind: 'complete' };
  }

  async #deliver({ parts, send }: Prepared): Promise<number | undefined> {
    const { policy, now } = this.#deps;
    const about = aboutOf(this.#row);
    // The last look at the clock before the bytes; nothing is awaited between it and the request.
    if (!this.#hasTimeFor(policy.callMs + policy.callMarginMs)) return this.#settle({ kind: 'held' }, about);
    const askedAt = now();
    const delivery = await send(about.partsDelivered).catch(
      (error: unknown): Sent => ({ kind: 'unknown', detail: describeError(error) }),
    );
    if (delivery.kind !== 'delivered') return this.#settle(delivery, about, askedAt);
    return this.#settle({ ...delivery, part: about.partsDelivered + 1, parts }, about, askedAt);
  }

  /** Decides on an outcome and writes the decision, as often as it takes. */
  async #settle(outcome: Outcome, about: About, askedAt?: number): Promise<number | undefined> {
    const { policy, now, logger } = this.#deps;
    // Drawn once per outcome: a repeated decision must come out the same, and recognise its own first write.
    const moment = { now: now(), jitter: Math.random(), unknown: this.#unknown, policy };
    for (;;) {
      const before = this.#row;
      if (!isDeepStrictEqual(aboutOf(before), about)) {
        logger.info('an outcome came too late', { ...this.#tags(), outcome: outcome.kind });
        return undefined;
      }
      const { next, waitMs } = decide(before, outcome, moment);
      if (next !== before && !(await this.#write(next, outcome))) continue;
      this.#report(before, outcome, { waitMs, ...(askedAt && { durationMs: now() - askedAt }) });
      return waitMs;
    }
  }

  /**
   * @param learnt what the write is about to say.
   * @returns false where another process wrote first: `#row` is then what it wrote.
   */
  async #write(next: Message, learnt?: Outcome): Promise<boolean> {
    const { messages, policy, logger } = this.#deps;
    const before = this.#row;
    for (;;) {
      try {
        const { kind, row } = await messages.write(before, next);
        this.#row = row;
        // A lost answer looks like a lost race. If the row is what we meant to write, the write was ours.
        return kind === 'written' || isDeepStrictEqual(row, { ...next, version: before.version + 1 });
      } catch (error) {
        if (error instanceof NewerRowError) throw error;
        // If the run ends here, this log line is the only record of the outcome.
        logger.error('a message could not be written', error, { ...this.#tags(), outcome: learnt?.kind });
        if (!this.#hasTimeFor(policy.callMarginMs)) throw error;
        // If that write did happen, the next one conflicts with it and returns its row.
        await this.#deps.sleep(WRITE_AGAIN_MS);
      }
    }
  }

  #report(before: Message, outcome: Outcome, fields: Fields & { waitMs: number | undefined }): void {
    const { status, queuedAt } = this.#row;
    const ended = status !== before.status && isEnded(this.#row);
    // The queue's own oldest age is no help: it leaves out messages that were received three times or are hidden.
    const waited = Math.floor((this.#deps.now() - queuedAt) / SECOND);
    const metrics = {
      ...(ended ? { [`messages_${status}`]: 1 } : {}),
      ...(fields.waitMs === undefined ? {} : { oldest_message_seconds: waited }),
    };
    this.#deps.logger.info('decided', { ...this.#tags(), outcome: outcome.kind, ...fields }, metrics);
    if (ended) this.#tellOfBadEnd();
  }

  #tellOfBadEnd(): void {
    const { status, history } = this.#row;
    if (status !== 'failed' && status !== 'parked') return;
    this.#deps.logger.alert(`message_${status}`, { ...this.#tags(), detail: history.at(-1)?.detail });
  }

  #tags() {
    const { channel, direction, status } = this.#row;
    return { id: messageIdOf(this.#row), channel, direction, status };
  }

  #hasTimeFor(ms: number): boolean {
    return this.#endsAt - this.#deps.now() >= ms;
  }
}
