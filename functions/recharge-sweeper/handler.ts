import type { Context } from 'aws-lambda';
import { sweepMessage } from '../../shared/channels/accept.ts';
import type { Messages } from '../../shared/channels/messages.ts';
import type { MessageQueue } from '../../shared/channels/queue.ts';
import type { Logger } from '../../shared/logger.ts';
import type { DueRecharge, Ledger, Swept, WaitsFor } from '../../shared/recharge/ledger.ts';
import type { Policy } from '../../shared/recharge/policy.ts';
import type { RechargeQueue } from '../../shared/recharge/queue.ts';
import { waitingSince } from '../../shared/recharge/recharge.ts';
import { NewerRowError } from '../../shared/storage/table.ts';
import type { Sweeps } from '../../shared/sweeps.ts';

export interface RechargeSweeperDeps {
  ledger: Ledger;
  queue: RechargeQueue;
  messages: Pick<Messages, 'due' | 'read' | 'rememberReplyTo' | 'write'>;
  messageQueue: MessageQueue;
  sweeps: Pick<Sweeps, 'note'>;
  policy: Pick<Policy, 'sweepAgainMs' | 'sweepsToAlert' | 'callMarginMs'>;
  logger: Logger;
  now: () => number;
}

/** Rows moved at a time: each is one small write. */
const AT_A_TIME = 10;

/** How often the reviews are counted, one read each, and the sweep is noted: each run on AWS. */
const COUNT_EVERY_MS = 55_000;

/**
 * Brings every due recharge back to the worker, page after page until none is left or the time is out.
 * Each row is first moved on, then queued. A sweeper that dies in between delays the row, and loses nothing.
 *
 * The time that is left goes to the messages whose rows are marked but do not say that they were queued. Each is
 * queued, and then its row says so, which takes it out of the index. Until then every sweep finds it.
 *
 * @throws at the end of the run, if anything failed. A failure stops neither the other half nor the other messages.
 */
export function createRechargeSweeperHandler(deps: RechargeSweeperDeps) {
  let countedAt = 0;
  let notedAt = 0;
  const note = async (queued: number, failed: boolean) => {
    if (deps.now() < notedAt + COUNT_EVERY_MS) return;
    notedAt = deps.now();
    const noted = deps.sweeps.note({ sweptAt: notedAt, queued, failed });
    await noted.catch((error: unknown) => deps.logger.error('a sweep could not be noted', error));
  };
  const sweepAll = async (context: Pick<Context, 'getRemainingTimeInMillis'>): Promise<number> => {
    const { policy, logger, now } = deps;
    const endsAt = now() + context.getRemainingTimeInMillis() - policy.callMarginMs;
    const sweepRecharges = async () => {
      const { queued, complete } = await sweepOpen(endsAt, deps);
      if (complete && now() >= countedAt + COUNT_EVERY_MS) {
        countedAt = now();
        await countReviews(deps);
      }
      return queued;
    };
    // Recharges come before messages: these clients may have been charged already.
    const [recharges] = await Promise.allSettled([sweepRecharges()]);
    // Logged at once: if messages fail as well, the run ends with their error instead.
    if (recharges.status === 'rejected') logger.error('recharges could not be swept', recharges.reason);
    const messages = await sweepMessages(endsAt, deps);
    if (recharges.status === 'rejected') throw recharges.reason;
    return recharges.value + messages;
  };
  return async (
    _event: unknown,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<{ queued: number }> => {
    try {
      const queued = await sweepAll(context);
      await note(queued, false);
      return { queued };
    } catch (error) {
      await note(0, true);
      throw error;
    }
  };
}

/** @throws at its end, if a row could not be moved (the others still are); at once, if the queue does not answer. */
async function sweepOpen(endsAt: number, deps: RechargeSweeperDeps) {
  const forTime = await sweep('time', endsAt, deps);
  const forPerson = await sweep('person', endsAt, deps);
  const queued = forTime.queued + forPerson.queued;
  const complete = forTime.complete && forPerson.complete;
  if (queued > 0 || !complete) deps.logger.info('swept', { queued, complete });
  const failed = [...forTime.failed, ...forPerson.failed];
  const newer = failed.filter((reason) => reason instanceof NewerRowError);
  // One alert a sweep: such rows stay where they are, so each sweep meets all of them.
  if (newer[0]) deps.logger.alert('newer_row', { rows: newer.length, detail: newer[0].message });
  const failure = failed.find((reason) => !(reason instanceof NewerRowError));
  if (failure !== undefined) throw failure;
  return { queued, complete };
}

async function sweep(waitsFor: WaitsFor, endsAt: number, deps: RechargeSweeperDeps) {
  const failed: unknown[] = [];
  let queued = 0;
  let cursor: string | undefined;
  while (deps.now() < endsAt) {
    const page = await deps.ledger.due(waitsFor, deps.now(), cursor);
    let start = 0;
    for (; start < page.items.length && deps.now() < endsAt; start += AT_A_TIME) {
      const brought = await bringBack(page.items.slice(start, start + AT_A_TIME), deps);
      queued += brought.queued;
      failed.push(...brought.failed);
    }
    cursor = page.cursor;
    if (cursor === undefined && start >= page.items.length) return { queued, failed, complete: true };
  }
  return { queued, failed, complete: false };
}

/**
 * Queues messages one after the other, so that each contact's keep their order. At four requests a message, a run has
 * time for a thousand.
 *
 * @returns how many were queued.
 * @throws at its end, where any of them failed.
 */
async function sweepMessages(endsAt: number, deps: RechargeSweeperDeps): Promise<number> {
  const { messages, messageQueue: queue, logger, now } = deps;
  let queued = 0;
  let failed = 0;
  let cursor: string | undefined;
  do {
    const page = await messages.due(now(), cursor);
    for (const id of page.items) {
      if (now() >= endsAt) break;
      try {
        if (await sweepMessage(id, { messages, queue, logger, now })) queued += 1;
      } catch (error) {
        if (error instanceof NewerRowError) logger.alert('newer_row', { id, detail: error.message });
        else {
          failed += 1;
          logger.error('a message could not be brought on its way', error, { id });
        }
      }
    }
    cursor = page.cursor;
  } while (cursor !== undefined && now() < endsAt);
  if (queued > 0 || failed > 0) logger.info('messages swept', { queued, failed });
  if (failed > 0) throw new Error(`${failed} messages could not be brought on their way`);
  return queued;
}

/** How many recharges wait for a person, and since when the oldest of them does (of the first page: a hundred). */
async function countReviews({ ledger, logger, now }: RechargeSweeperDeps): Promise<void> {
  const { items } = await ledger.due('person', Number.MAX_SAFE_INTEGER);
  const rows = await Promise.all(items.map(({ key }) => ledger.read(key).catch(() => undefined)));
  const since = rows.flatMap((row) => (row ? [waitingSince(row)] : []));
  const oldestSeconds = Math.round((now() - Math.min(now(), ...since)) / 1_000);
  logger.info('reviews waiting', {}, { needs_review: items.length, oldest_review_seconds: oldestSeconds });
}

async function bringBack(items: DueRecharge[], { ledger, queue, policy, logger, now }: RechargeSweeperDeps) {
  const moved = await Promise.allSettled(
    items.map(async (due): Promise<string[]> => {
      const swept = await ledger.postpone(due, now() + policy.sweepAgainMs);
      if (swept === undefined) return [];
      const { key } = due;
      if (swept.swept % policy.sweepsToAlert === 0) logger.alert('no_progress', { key, swept: swept.swept });
      return isToBeQueued(swept) ? [key] : [];
    }),
  );
  // Every row that was moved is queued, even if others could not be moved.
  const keys = moved.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  if (keys.length > 0) await queue.send(keys);
  const failed = moved.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  return { queued: keys.length, failed };
}

/** At three minutes a sweep, an hour and a half. */
const QUEUED_EVERY_SWEEPS = 32;

/**
 * A row that was queued before and has not changed is most likely still in the queue, which nobody is working off.
 * The row is queued again at the 1st, 2nd, 4th, 8th… sweep only, so 20 times a day and not 480. If its message was
 * lost, the row waits at most as long again as it has waited already.
 */
function isToBeQueued({ unanswered }: Swept): boolean {
  return Number.isInteger(Math.log2(unanswered)) || unanswered % QUEUED_EVERY_SWEEPS === 0;
}
