import type { Context, DynamoDBBatchResponse } from 'aws-lambda';
import type { RelayEvent } from '../../shared/events/event.ts';
import type { Publish } from '../../shared/events/event-bus.ts';
import { type Message, messageFor, type Relay } from '../../shared/events/person.ts';
import { eventsOf, pkOf, type StreamRecord } from '../../shared/events/stream.ts';
import { describeError, type Logger } from '../../shared/logger.ts';
import type { Limits } from '../../shared/recharge/account.ts';

export interface RechargeEventsDeps {
  /** The configuration's, for clients without limits of their own. */
  limits: Limits;
  /** For the messages to the operator. */
  relay: Relay;
  publish: Publish;
  /** Tells the operator. */
  tell: (message: Message) => Promise<void>;
  /** Keeps aside what cannot be read: it must not keep back all that follows. */
  bury: (letter: Letter) => Promise<void>;
  logger: Logger;
  now: () => number;
}

/** What is kept aside of a change that could not be read: which item it was, and why. */
export interface Letter {
  pk: string;
  sequenceNumber: string;
  error: string;
}

/** Room for the message to the operator, after the last event was published. */
const MARGIN_MS = 10_000;

/**
 * Publishes what the changes of a batch mean, in their order. A failure is reported at the first change of which an event
 * was not taken, or of which nobody could be told. Lambda then brings that one and all that follow: so events come at
 * least once, and those of one recharge in order.
 */
export function createRechargeEventsHandler(deps: RechargeEventsDeps) {
  return async (
    { Records }: { Records: StreamRecord[] },
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ): Promise<DynamoDBBatchResponse> => {
    const endsAt = deps.now() + context.getRemainingTimeInMillis() - MARGIN_MS;
    const changes: Change[] = [];
    for (const record of Records) {
      const change = await read(record, deps);
      if (change === 'kept_back') return report(await hand(changes, endsAt, deps), record);
      changes.push(change);
    }
    return report(await hand(changes, endsAt, deps));
  };
}

interface Change {
  record: StreamRecord;
  events: RelayEvent[];
}

async function read(
  record: StreamRecord,
  { limits, bury, logger }: RechargeEventsDeps,
): Promise<Change | 'kept_back'> {
  try {
    return { record, events: eventsOf(record, { limits }) };
  } catch (error) {
    const letter = {
      pk: pkOf(record),
      sequenceNumber: sequenceNumberOf(record),
      error: describeError(error),
    };
    logger.error('a change could not be read: what it means is not sent', error, { pk: letter.pk });
    try {
      await bury(letter);
      return { record, events: [] };
    } catch (cause) {
      logger.error('a change that could not be read could not be kept aside', cause, { pk: letter.pk });
      return 'kept_back';
    }
  }
}

/** @returns the first record of which not everything was handed on. */
async function hand(
  changes: Change[],
  endsAt: number,
  deps: RechargeEventsDeps,
): Promise<StreamRecord | undefined> {
  const events = changes.flatMap((change) => change.events);
  if (events.length === 0) return undefined;
  const { taken, error } = await deps.publish(events, { endsAt });
  const published = events.slice(0, taken);
  const untaken = events[taken];
  if (untaken) deps.logger.error('an event was not taken: it is sent again', error, { id: untaken.id });
  const stopped = changes.find((change) => untaken !== undefined && change.events.includes(untaken));
  const message = messageFor(published, deps.relay);
  if (message === undefined) return stopped?.record;
  try {
    await deps.tell(message);
    return stopped?.record;
  } catch (cause) {
    deps.logger.error('nobody could be told: it is tried again', cause, { subject: message.subject });
    return changes.find((change) => messageFor(change.events, deps.relay) !== undefined)?.record;
  }
}

function report(...failed: (StreamRecord | undefined)[]): DynamoDBBatchResponse {
  const first = failed.find((record) => record !== undefined);
  return { batchItemFailures: first ? [{ itemIdentifier: sequenceNumberOf(first) }] : [] };
}

const sequenceNumberOf = ({ dynamodb }: StreamRecord) => dynamodb?.SequenceNumber ?? '';
