import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod/mini';
import { type AwsEngine, type AwsJson, createAwsJson } from '../storage/aws-json.ts';
import { type RelayEvent, subjectOf } from './event.ts';

/** Which events are certainly published: this many of the first. What stopped the next one, if anything did. */
export interface Published {
  taken: number;
  error?: unknown;
}

/** Publishes events in their order. Those that were taken before something failed may be published again. */
export type Publish = (events: readonly RelayEvent[], until: { endsAt: number }) => Promise<Published>;

/** By this a rule on the bus finds our events. */
export const EVENT_SOURCE = 'recharge-relay';

/** As EventBridge has it. An event of ours is under 4 KB, so ten are far below what one request may weigh (1 MB). */
const ENTRIES_AT_ONCE = 10;
/** EventBridge throttles single entries, too. After these tries the stream brings the events back. */
const TRIES = 4;
const FIRST_WAIT_MS = 100;

export const createEventBridge = (engine?: AwsEngine): AwsJson =>
  createAwsJson({ name: 'events', variable: 'EVENTBRIDGE', target: 'AWSEvents', version: '1.1' }, engine);

const text = z.optional(z.string());
const takenSchema = z.object({
  Entries: z._default(z.array(z.object({ EventId: text, ErrorCode: text, ErrorMessage: text })), []),
});

/**
 * Publishes on a bus of EventBridge. The entries of one request may be taken one by one: so no request holds two events of
 * one subject, and the next request waits until all of the one before were taken.
 */
export function publishOn(eventBridge: AwsJson, bus: string): Publish {
  /** What was not taken, with EventBridge's words for the first of it. */
  const put = async (events: RelayEvent[]) => {
    const { Entries } = await eventBridge.ask(
      'PutEvents',
      { Entries: events.map((event) => entryOf(event, bus)) },
      takenSchema,
    );
    const refused = events.filter((_, index) => Entries[index]?.EventId === undefined);
    const { ErrorCode, ErrorMessage } = Entries.find(({ EventId }) => EventId === undefined) ?? {};
    return { refused, error: new Error(`EventBridge did not take an event: ${ErrorCode} ${ErrorMessage}`) };
  };
  const putAll = async (events: RelayEvent[], endsAt: number): Promise<unknown> => {
    let left = events;
    for (let tried = 1, waitMs = FIRST_WAIT_MS; ; tried += 1, waitMs *= 2) {
      const { refused, error } = await put(left);
      if (refused.length === 0) return undefined;
      if (tried === TRIES || Date.now() + waitMs >= endsAt) return error;
      await sleep(waitMs);
      left = refused;
    }
  };
  return async (events, { endsAt }) => {
    let taken = 0;
    for (const request of requestsOf(events)) {
      const error =
        Date.now() < endsAt
          ? await putAll(request, endsAt).catch((thrown: unknown) => thrown)
          : new Error('The time of this run is over');
      if (error !== undefined) return { taken, error };
      taken += request.length;
    }
    return { taken };
  };
}

const entryOf = (event: RelayEvent, bus: string) => ({
  EventBusName: bus,
  Source: EVENT_SOURCE,
  DetailType: event.type,
  // In seconds, as the protocol has it.
  Time: Date.parse(event.timestamp) / 1_000,
  Detail: JSON.stringify(event),
});

/** In their order, each with at most ten events and one of a subject. */
function requestsOf(events: readonly RelayEvent[]): RelayEvent[][] {
  const requests: RelayEvent[][] = [];
  for (const event of events) {
    const last = requests.at(-1);
    const fits =
      last && last.length < ENTRIES_AT_ONCE && !last.some((other) => subjectOf(other) === subjectOf(event));
    if (fits) last.push(event);
    else requests.push([event]);
  }
  return requests;
}
