import type { Context, SQSBatchResponse, SQSEvent } from 'aws-lambda';
import type { StripeLook } from '../../shared/payments/stripe/looks.ts';
import type { Confirming } from '../../shared/recharge/confirm-for-client.ts';
import { type KeyMessage, readMessage } from '../../shared/recharge/queue-message.ts';
import { NoRechargeError, type RunDeps, runRecharge } from '../../shared/recharge/run-recharge.ts';

export interface RechargeWorkerDeps extends RunDeps {
  /** Where clients confirm payments on a page of ours. */
  confirming?: Confirming;
  /** Where Stripe takes the money. */
  lookAtStripe?: (look: StripeLook) => Promise<void>;
}

/**
 * Drives the recharges that a batch names, each on its own. Only a message that cannot be read, or that names no row,
 * is reported as failed, and so ends in the dead-letter queue; and one whose question Stripe did not answer. A row that could not be driven because storage did not
 * answer needs no second message: the row was moved on before it was queued, so it comes back by itself.
 */
export function createRechargeWorkerHandler(deps: RechargeWorkerDeps) {
  return async (
    event: SQSEvent,
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<SQSBatchResponse> => {
    const endsAt = deps.now() + context.getRemainingTimeInMillis();
    const failures = await Promise.all(
      event.Records.map(async ({ messageId, body }) => {
        try {
          const message = readMessage(body);
          if ('stripe' in message) await look(message.stripe, deps);
          else await (message.woken ? wake(message, endsAt, deps) : drive(message, endsAt, deps));
          return [];
        } catch (error) {
          deps.logger.error('a message could not be handled', error, { messageId });
          return [{ itemIdentifier: messageId }];
        }
      }),
    );
    return { batchItemFailures: failures.flat() };
  };
}

/** @throws NoRechargeError; whatever else fails is said, and the row brings itself back. */
async function drive({ key }: KeyMessage, endsAt: number, deps: RunDeps): Promise<void> {
  try {
    await runRecharge(key, endsAt, deps);
  } catch (error) {
    if (error instanceof NoRechargeError) throw error;
    deps.logger.error('a recharge could not be driven', error, { key });
  }
}

/**
 * A key that nobody knows is another relay's, at the same payment provider.
 *
 * @throws what storage throws: the row would bring itself back in an hour only, and the message does in minutes.
 */
async function wake({ key }: KeyMessage, endsAt: number, deps: RechargeWorkerDeps): Promise<void> {
  try {
    if (deps.confirming && (await isAtTheBank(key, endsAt, deps.confirming, deps))) return;
    await runRecharge(key, endsAt, deps, { woken: true });
  } catch (error) {
    if (!(error instanceof NoRechargeError)) throw error;
    deps.logger.info('a payment of another relay has changed', { key });
  }
}

/** Whether the message came from a client on our page, who now goes to their bank: nothing is known of the payment yet. */
async function isAtTheBank(key: string, endsAt: number, confirming: Confirming, deps: RunDeps) {
  // Loaded for the few payments that are not paid at once.
  const { confirmForClient } = await import('../../shared/recharge/confirm-for-client.ts');
  return (await confirmForClient(key, endsAt, confirming, deps)) === 'client_goes';
}

/** @throws what Stripe or storage throws: nothing else brings the question back. */
async function look(wanted: StripeLook, { lookAtStripe, logger }: RechargeWorkerDeps): Promise<void> {
  if (lookAtStripe) await lookAtStripe(wanted);
  else logger.info('Stripe takes no money any more: an event of it is not looked at', { at: wanted.at });
}
