import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type Backoff, backoffMs } from '../backoff.ts';
import { record } from '../history.ts';
import { describeError, type Fields, type Logger } from '../logger.ts';
import { NewerRowError } from '../storage/table.ts';
import type { Delivery } from './adapter.ts';
import { isEnded, type Message, type MessageStatus, messageIdOf } from './message.ts';
import type { Messages } from './messages.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Every wait and limit of a message's way, in milliseconds. Call < run < the queue's visibility. */
export interface MessagePolicy {
  /** One request to the platform or the chat, from name lookup to the last byte. */
  callMs: number;
  /** How long one run may live: the Lambda's timeout. */
  runMs: number;
  /** A request is not begun with less than its own time and this left of the run. */
  callMarginMs: number;
  /** A part is not begun with less left of the run: the intent (3 tries of 2 s), the request, and the result. */
  stepMs: number;
  backoff: Backoff;
  /** A message that was not delivered by then is given up: who waited for it has gone. */
  giveUpMs: number;
}

export const productionMessagePolicy: MessagePolicy = {
  callMs: 10 * SECOND,
  runMs: 60 * SECOND,
  callMarginMs: 5 * SECOND,
  stepMs: 25 * SECOND,
  backoff: { firstMs: 2 * SECOND, maxMs: 15 * MINUTE },
  giveUpMs: 72 * HOUR,
};

/** What an outcome that nobody knows means: `repeat` may deliver twice, `park` leaves it to a person. */
export type UnknownPolicy = 'repeat' | 'park';

/** Where messages go. */
export interface Targets {
  unknownPolicy(message: Message): UnknownPolicy;
  /**
   * All that has to be awaited or can fail before a request.
   *
   * @throws where the message cannot be sent now, for a reason that says nothing of the message itself.
   */
  prepare(message: Message): Promise<Prepared>;
}

export interface Prepared {
  /** How many requests deliver the message. */
  parts: number;
  /** Sends a part, counted from 0, in the same turn. */
  send(part: number): Promise<Delivery>;
}

export interface RelayDeps {
  messages: Pick<Messages, 'read' | 'write'>;
  targets: Targets;
  policy: MessagePolicy;
  logger: Logger;
  now: () => number;
}

/** How a run leaves a message: at its end, or to come back after a while, and all later ones of its contact with it. */
export type Left = { kind: 'ended'; status: MessageStatus } | { kind: 'waits'; ms: number };

/** Between two tries of a write that storage did not answer: its client has already tried three times itself. */
const WRITE_AGAIN_MS = 250;

/**
 * Drives one message as far as it goes now. The queue gives a message to one process at a time, and hides it for
 * longer than a process lives. Each rule is there for a schedule that would go wrong without it:
 *
 * - **The intent is on disk before the request**, where a repetition would be a second message. A process that is
 *   killed after the request and before its outcome would else leave a message that looks untouched, and the next
 *   process would send it again. Who finds an intent knows that the part may have been sent.
 * - **The intent is random.** Two processes that read the same row would else write the same intent, and each would
 *   take the other's write for its own, whose answer got lost.
 * - **The clock is looked at last**, after the intent, with nothing awaited before the request. A process that was
 *   held up for longer than the message was hidden would else send what another one has meanwhile parked.
 * - **`delivering` counts as lost only where a run begins with it.** Met later, after a write that lost, it is the
 *   intent of a process that lives.
 * - **An outcome is decided again on the row that won**, and is dropped only where it is no longer about it (another
 *   part, another replay, another intent). The webhook writes `queued` while the worker is already sending.
 * - **A part is counted by a write of its own.** A process that is killed between two parts would else send the
 *   first one again.
 * - **What is safe to repeat needs no intent**: the receiver knows it again by our id, which never changes.
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

type Outcome =
  /** @param part as people count them. */
  | (Extract<Delivery, { kind: 'delivered' }> & { part: number; parts: number })
  | Exclude<Delivery, { kind: 'delivered' }>
  /** Nothing is left to send: fewer parts than were delivered, since the channel's longest text was raised. */
  | { kind: 'complete' }
  /** There was no time left to send it. */
  | { kind: 'held' }
  | { kind: 'expired' };

interface Moment {
  now: number;
  /** 0 to 1. */
  jitter: number;
  unknown: UnknownPolicy;
  policy: MessagePolicy;
}

/** The row as it should be, and how long it waits; without `waitMs` it goes on, or has ended. */
interface Decision {
  next: Message;
  waitMs?: number;
}

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
      if (isEnded(this.#row)) return { kind: 'ended', status: this.#row.status };
      waitMs = await this.#step();
    }
    return { kind: 'waits', ms: waitMs };
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
    if (!this.#hasTimeFor(policy.stepMs)) return 0;
    const prepared = await this.#prepare();
    if ('kind' in prepared) return this.#settle(prepared, aboutOf(row));
    if (this.#unknown === 'park') {
      const intent = randomBytes(9).toString('base64url');
      if (!(await this.#write({ ...row, status: 'delivering', intent }))) return undefined;
    }
    return this.#deliver(prepared);
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
      (error: unknown): Delivery => ({ kind: 'unknown', detail: describeError(error) }),
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
        // A lost answer looks like a lost race; where the row is what we meant to write, it was ours.
        return kind === 'written' || isDeepStrictEqual(row, { ...next, version: before.version + 1 });
      } catch (error) {
        if (error instanceof NewerRowError) throw error;
        // Should the run end here, this line is all that is left of what was learnt.
        logger.error('a message could not be written', error, { ...this.#tags(), outcome: learnt?.kind });
        if (!this.#hasTimeFor(policy.callMarginMs)) throw error;
        // If that write did happen, the next one loses to it and brings it back.
        await sleep(WRITE_AGAIN_MS);
      }
    }
  }

  #report(before: Message, outcome: Outcome, fields: Fields & { waitMs: number | undefined }): void {
    const { status, queuedAt } = this.#row;
    const ended = status !== before.status && isEnded(this.#row);
    // The queue does not say it: the age of its oldest message leaves out what was received three times or is hidden.
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

/** What an outcome makes of a row it is about. */
function decide(row: Message, outcome: Outcome, at: Moment): Decision {
  // Another process has ended it meanwhile: that it was delivered after all is the only news.
  if (isEnded(row) && outcome.kind !== 'delivered') return { next: row };
  const { intent: _, ...settled } = row;
  const end = (status: MessageStatus, detail?: string): Decision => ({
    next: { ...settled, status, history: record(row, at, status, detail) },
  });
  switch (outcome.kind) {
    case 'delivered':
      return { next: withPart(row, outcome, at) };
    case 'complete':
      return end('delivered');
    case 'not_applied':
      return wait(settled, outcome.detail, at, outcome.retryAfterMs);
    case 'refused':
      return end('failed', outcome.detail);
    case 'expired':
      return end('failed', `not delivered within ${at.policy.giveUpMs / HOUR} hours`);
    case 'held':
      return { next: row.intent === undefined ? row : { ...settled, status: 'queued' }, waitMs: 0 };
    case 'unknown':
      if (at.unknown === 'repeat') return wait(settled, outcome.detail, at);
      // The intent stays: should its process live after all, it can still say what became of it.
      return {
        next: { ...row, status: 'parked', history: record(row, at, 'parked', outcome.detail) },
      };
  }
}

function withPart(
  { intent: _, waits: __, ...row }: Message,
  { part, parts, externalId }: Extract<Outcome, { kind: 'delivered' }>,
  at: Moment,
): Message {
  const rest = isEnded(row) ? row.status : 'queued';
  return {
    ...row,
    status: part < parts ? rest : 'delivered',
    partsDelivered: part,
    externalIds: externalId === undefined ? row.externalIds : [...row.externalIds, externalId],
    history: record(row, at, 'delivered', parts === 1 ? undefined : `part ${part} of ${parts}`),
  };
}

/** @param askedMs what the other side asks for; never less than our own backoff, nor more than its longest wait. */
function wait(row: Message, why: string, at: Moment, askedMs = 0): Decision {
  const waits = (row.waits ?? 0) + 1;
  const waitMs = Math.min(
    Math.max(askedMs, backoffMs(waits, at.jitter, at.policy.backoff)),
    at.policy.backoff.maxMs,
  );
  return { next: { ...row, status: 'queued', waits, history: record(row, at, 'waiting', why) }, waitMs };
}
