import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { backoffMs } from '../../shared/backoff.ts';
import { readMessageId, type WorkQueue } from '../../shared/channels/queue.ts';
import { type RelayDeps, relayMessage } from '../../shared/channels/relay.ts';
import { NewerRowError } from '../../shared/storage/table.ts';

export interface ChannelWorkerDeps extends RelayDeps {
  queue: WorkQueue;
}

/**
 * Relays a batch of the ordered queue: the contacts side by side, the messages of each in their order.
 *
 * Where a message must wait, it and all later ones of its group are hidden for the same time and reported failed,
 * unprocessed: the queue gives out no message of a group while an earlier one is hidden, and so the order stays.
 * No other group waits for it.
 */
export function createChannelWorkerHandler(deps: ChannelWorkerDeps) {
  return async (
    { Records }: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const endsAt = deps.now() + context.getRemainingTimeInMillis();
    const groups = Map.groupBy(
      Records,
      ({ attributes, messageId }) => attributes.MessageGroupId ?? messageId,
    );
    const waiting = await Promise.all([...groups.values()].map((group) => relayGroup(group, endsAt, deps)));
    return { batchItemFailures: waiting.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) };
  };
}

/** @returns the messages that wait: none, or the rest of the group from the first one that does. */
async function relayGroup(group: SQSRecord[], endsAt: number, deps: ChannelWorkerDeps): Promise<SQSRecord[]> {
  for (const [index, record] of group.entries()) {
    const waitMs = await relayRecord(record, endsAt, deps);
    if (waitMs === undefined) continue;
    const waiting = group.slice(index);
    try {
      await deps.queue.hide(waiting, waitMs);
    } catch (error) {
      // They stay hidden for the queue's own time, in the same order.
      deps.logger.error('messages could not be hidden for as long as they wait', error);
    }
    return waiting;
  }
  return [];
}

/** @returns how long it waits; undefined where the queue may forget it. */
async function relayRecord(
  record: SQSRecord,
  endsAt: number,
  deps: ChannelWorkerDeps,
): Promise<number | undefined> {
  const { logger, queue, policy } = deps;
  const { messageId, body } = record;
  try {
    const id = readId(body);
    const left = id === undefined ? undefined : await relayMessage(id, endsAt, deps);
    if (left?.kind === 'waits') return left.ms;
    if (left === undefined) {
      logger.error('a message of the queue names nothing that is stored', new Error(`message ${id}`), {
        messageId,
      });
    }
    // The row is written first and says why. If the process is killed in between, the next one finds the row failed
    // and buries the message then.
    if (left === undefined || left.status === 'failed') await queue.bury(record);
    return undefined;
  } catch (error) {
    if (error instanceof NewerRowError) logger.alert('newer_row', { messageId, detail: error.message });
    else logger.error('a message could not be relayed', error, { messageId });
    // The queue counts the tries, because the row may not have been written.
    const received = Number(record.attributes.ApproximateReceiveCount);
    return backoffMs(Math.max(1, received), Math.random(), policy.backoff);
  }
}

function readId(body: string): string | undefined {
  try {
    return readMessageId(body);
  } catch {
    return undefined;
  }
}
