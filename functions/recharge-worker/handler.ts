import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { readMessage } from '../../shared/recharge/queue.ts';
import { type RunDeps, runRecharge } from '../../shared/recharge/run-recharge.ts';

/**
 * Drives the recharges a batch names, each on its own: one that fails is reported alone and comes again.
 * A message that cannot be read, or names no row, ends in the dead-letter queue.
 */
export function createRechargeWorkerHandler(deps: RunDeps) {
  return async (
    event: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const endsAt = deps.now() + context.getRemainingTimeInMillis();
    const results = await Promise.allSettled(
      event.Records.map(async ({ body }) => {
        await runRecharge(readMessage(body), endsAt, deps);
      }),
    );
    const batchItemFailures = event.Records.flatMap(({ messageId }, index) => {
      const result = results[index];
      if (result?.status !== 'rejected') return [];
      deps.logger.error('a recharge could not be driven', result.reason, { messageId });
      return [{ itemIdentifier: messageId }];
    });
    return { batchItemFailures };
  };
}
