import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { DescribeTableCommand, UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { createRechargeEventsHandler } from '../functions/recharge-events/handler.ts';
import type { RelayEvent } from '../shared/events/event.ts';
import type { Publish } from '../shared/events/event-bus.ts';
import { type Reply, readJson, sendOnce } from '../shared/http.ts';
import type { Logger } from '../shared/logger.ts';
import type { Limits } from '../shared/recharge/account.ts';
import { engineAt } from './aws.ts';
import { STREAM } from './engines.ts';
import { createStreams, type Place, startStreamSource } from './stream-source.ts';
import { mayBeEvent } from './wanted-changes.ts';

/** Where events are posted, with the header that proves us. */
export interface Webhook {
  url: string;
  headers: Record<string, string>;
}

export interface EventsOptions {
  dynamodbEndpoint: string;
  client: DynamoDBDocumentClient;
  table: string;
  /** How far the stream was read. */
  placesFile: string;
  /** Where events go besides the log. */
  webhook: Webhook | undefined;
  limits: Limits;
  runbookUrl: string | undefined;
  logger: Logger;
}

/** A delivery of up to 100 events, each with a timeout, and the handler's own margin. */
const RUN_MS = 60_000;

/**
 * What the stack does with EventBridge: the same handler reads the table's stream. Each event is a line of the log, and a
 * POST to a webhook of one's own. Each of the two reads for itself: a webhook that is away keeps no line back.
 *
 * @returns with nothing to stop where the engine has no streams; the log then says so.
 */
export async function startEvents(options: EventsOptions): Promise<{ stop(): Promise<void> }> {
  const { logger, limits, runbookUrl, webhook, placesFile, dynamodbEndpoint } = options;
  const streamArn = await streamOf(options).catch((error: unknown) => {
    logger.error('the engine has no streams: there are no events', error);
    return undefined;
  });
  if (streamArn === undefined) return { async stop() {} };
  const streams = createStreams(engineAt(dynamodbEndpoint));
  const places = placesIn(placesFile);
  const readers: Record<string, { publish: Publish; tell: boolean }> = {
    log: { publish: toLog(logger), tell: true },
    ...(webhook ? { webhook: { publish: toWebhook(webhook, logger), tell: false } } : {}),
  };
  const sources = Object.entries(readers).map(([name, { publish, tell }]) =>
    startStreamSource({
      streams,
      streamArn,
      isWanted: mayBeEvent,
      place: places(`${streamArn} ${name}`),
      handler: createRechargeEventsHandler({
        limits,
        relay: { runbookUrl },
        publish,
        // On AWS it is a mail.
        tell: async ({ subject, text }) =>
          tell ? logger.info('a person must act', { subject, text }) : undefined,
        // The handler has logged it.
        bury: async () => {},
        logger,
        now: Date.now,
      }),
      runMs: RUN_MS,
      onError: (error) => logger.error(`events were not handed on to the ${name}`, error),
    }),
  );
  return {
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
    },
  };
}

/** A table that an earlier version made has none yet. */
async function streamOf({ client, table: TableName }: EventsOptions): Promise<string | undefined> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  if (Table?.LatestStreamArn !== undefined && Table.StreamSpecification?.StreamEnabled)
    return Table.LatestStreamArn;
  const { TableDescription } = await client.send(
    new UpdateTableCommand({ TableName, StreamSpecification: STREAM }),
  );
  return TableDescription?.LatestStreamArn;
}

const placesSchema = z.record(
  z.string(),
  z.object({ shard: z.string(), sequenceNumber: z.string().exactOptional() }),
);

/** A file that cannot be read is as good as none: then events come again, which they may. */
function placesIn(file: string) {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '{}';
  const places: Record<string, Place> = placesSchema.safeParse(readJson(text)).data ?? {};
  return (name: string) => ({
    read: () => places[name],
    write(place: Place) {
      places[name] = place;
      writeFileSync(`${file}.new`, JSON.stringify(places), { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
  });
}

const toLog =
  (logger: Logger): Publish =>
  async (events) => {
    for (const { id, type, data } of events) logger.info('event', { event: type, id, ...data });
    return { taken: events.length };
  };

/** As EventBridge has it. */
const TIMEOUT_MS = 5_000;

/** Posts what EventBridge's API destination posts, with the same header, one event after the other. */
function toWebhook({ url, headers }: Webhook, logger: Logger): Publish {
  const post = (event: RelayEvent) =>
    sendOnce({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(event),
      timeoutMs: TIMEOUT_MS,
    });
  return async (events, { endsAt }) => {
    for (const [taken, event] of events.entries()) {
      if (Date.now() + TIMEOUT_MS > endsAt)
        return { taken, error: new Error('The time of this run is over.') };
      const reply = await post(event);
      const verdict = verdictOn(reply);
      if (verdict === 'again')
        return { taken, error: new Error(`The webhook did not take it: ${said(reply)}`) };
      if (verdict === 'taken')
        logger.info('event posted', { id: event.id, event: event.type, status: said(reply) });
      else {
        const refusal = new Error(said(reply));
        logger.error('the webhook refused an event: it is not sent again', refusal, { id: event.id });
      }
    }
    return { taken: events.length };
  };
}

/** As EventBridge decides: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html */
function verdictOn(reply: Reply): 'taken' | 'again' | 'refused' {
  if (reply.kind !== 'response' || reply.status === 429 || reply.status >= 500) return 'again';
  return reply.status < 300 ? 'taken' : 'refused';
}

const said = (reply: Reply) => (reply.kind === 'response' ? `HTTP ${reply.status}` : reply.detail);
