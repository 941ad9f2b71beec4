import type { Context } from 'aws-lambda';
import type { Logger } from '../../shared/logger.ts';
import type { DueRecharge, Ledger } from '../../shared/recharge/ledger.ts';
import type { Policy } from '../../shared/recharge/policy.ts';
import type { RechargeQueue } from '../../shared/recharge/queue.ts';

export interface RechargeSweeperDeps {
  ledger: Ledger;
  queue: RechargeQueue;
  policy: Pick<Policy, 'sweepAgainMs' | 'sweepsToAlert' | 'callMarginMs'>;
  logger: Logger;
  now: () => number;
}

/** Rows moved at a time: each is one small write. */
const AT_A_TIME = 10;

/**
 * Brings every due recharge back to the worker, page after page until none is left or the time is out.
 * Each row is first moved on, then queued: a sweeper that dies in between delays it, and loses nothing.
 */
export function createRechargeSweeperHandler(deps: RechargeSweeperDeps) {
  return async (
    _event: unknown,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<{ queued: number }> => {
    const { ledger, policy, logger, now } = deps;
    const endsAt = now() + context.getRemainingTimeInMillis() - policy.callMarginMs;
    let queued = 0;
    let complete = false;
    let cursor: string | undefined;
    while (!complete && now() < endsAt) {
      const page = await ledger.due(now(), cursor);
      let start = 0;
      for (; start < page.items.length && now() < endsAt; start += AT_A_TIME) {
        queued += await bringBack(page.items.slice(start, start + AT_A_TIME), deps);
      }
      cursor = page.cursor;
      complete = cursor === undefined && start >= page.items.length;
    }
    if (queued > 0 || !complete) logger.info('swept', { queued, complete });
    return { queued };
  };
}

async function bringBack(items: DueRecharge[], { ledger, queue, policy, logger, now }: RechargeSweeperDeps) {
  const moved = await Promise.all(
    items.map(async (due) => {
      const swept = await ledger.postpone(due, now() + policy.sweepAgainMs);
      if (swept === undefined) return [];
      if (swept % policy.sweepsToAlert === 0) logger.alert('no_progress', { key: due.key, swept });
      return [due.key];
    }),
  );
  const keys = moved.flat();
  if (keys.length > 0) await queue.send(keys);
  return keys.length;
}
