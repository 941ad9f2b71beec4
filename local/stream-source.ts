import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, DynamoDBBatchResponse } from 'aws-lambda';
import * as z from 'zod/mini';
import { backoffMs } from '../shared/backoff.ts';
import type { StreamRecord } from '../shared/events/stream.ts';
import { type AwsEngine, AwsError, type AwsJson, createAwsJson } from '../shared/storage/aws-json.ts';

/** How far a stream was read. Without a sequence number: from the beginning of the shard. */
export interface Place {
  shard: string;
  sequenceNumber?: string;
}

export interface StreamSourceOptions {
  streams: AwsJson;
  streamArn: string;
  /** Outlives the process. A stream without a place is read from its beginning. */
  place: { read(): Place | undefined; write(place: Place): void };
  /** What of it the handler is given; default: all. */
  isWanted?: (record: StreamRecord) => boolean;
  handler: (
    event: { Records: StreamRecord[] },
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ) => Promise<DynamoDBBatchResponse>;
  /** The function's timeout. Nothing ends the function here; the handler is only told. */
  runMs: number;
  onError: (error: unknown) => void;
}

/**
 * The stream of a table. It answers in the very form in which Lambda hands changes to a function. The SDK's client would read
 * each value of both images into another form, which took a tenth of all the relay's work.
 */
export const createStreams = (engine: AwsEngine): AwsJson =>
  createAwsJson(
    { name: 'dynamodb', variable: 'DYNAMODB_STREAMS', target: 'DynamoDBStreams_20120810', version: '1.0' },
    engine,
  );

const shardsSchema = z.object({
  StreamDescription: z.object({ Shards: z.array(z.object({ ShardId: z.string() })) }),
});
const iteratorSchema = z.object({ ShardIterator: z.optional(z.string()) });
/** Of a record only who it is for may read it: whether it is a change of a row of ours is theirs to say. */
const recordsSchema = z.object({
  Records: z.array(z.custom<StreamRecord>((record) => typeof record === 'object' && record !== null)),
  NextShardIterator: z.optional(z.string()),
});

/** Changes of an event at most. */
const BATCH_SIZE = 100;
const POLL_EVERY_MS = 200;
/** After a failure, of the handler or of the engine. */
const RETRY = { firstMs: 500, maxMs: 60_000 };
/** As on AWS: what cannot be handed on for a day is given up, so that it does not keep back all that follows. */
const GIVEN_UP_AFTER_MS = 24 * 3_600_000;

/**
 * Lambda's event source mapping for a stream of DynamoDB. Changes come in their order, batch after batch. From the first
 * one that the handler reports as failed on, they come again. How far the stream was read is remembered after the changes
 * were handled: so each comes at least once, over restarts, too.
 */
export function startStreamSource(options: StreamSourceOptions): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const polling = new Reader(options, stopping.signal).poll();
  return {
    /** Waits for what is running. */
    async stop() {
      stopping.abort();
      await polling;
    },
  };
}

class Reader {
  readonly #options: StreamSourceOptions;
  readonly #stopping: AbortSignal;
  /** In a row. */
  #failures = 0;

  constructor(options: StreamSourceOptions, stopping: AbortSignal) {
    this.#options = options;
    this.#stopping = stopping;
  }

  async poll(): Promise<void> {
    while (!this.#stopping.aborted) {
      try {
        await this.#readOn();
        await this.#pause(POLL_EVERY_MS);
      } catch (error) {
        if (this.#stopping.aborted) return;
        this.#options.onError(error);
        await this.#pauseAfterFailure();
      }
    }
  }

  /** Reads from where it was left to the end of that shard; an open shard has none. */
  async #readOn(): Promise<void> {
    const { place } = this.#options;
    const shards = await this.#shards();
    const known = place.read();
    // With a shard that is gone, what it held is gone.
    const shard = shards.find((id) => id === known?.shard) ?? shards[0];
    if (shard === undefined) return;
    await this.#readShard(shard === known?.shard ? known : { shard });
    const next = shards[shards.indexOf(shard) + 1];
    if (next !== undefined && !this.#stopping.aborted) place.write({ shard: next });
  }

  async #readShard(from: Place): Promise<void> {
    let iterator = await this.#iteratorAt(from);
    while (iterator !== undefined && !this.#stopping.aborted) {
      const { records, next } = await this.#recordsAt(iterator);
      await this.#handleAll(from.shard, records);
      iterator = next;
      // What is read at once costs the less for each change, the more it is.
      if (records.length < BATCH_SIZE) await this.#pause(POLL_EVERY_MS);
    }
  }

  /** The next changes of a shard, and where those after them begin; nowhere, where it has ended. */
  async #recordsAt(iterator: string): Promise<{ records: StreamRecord[]; next: string | undefined }> {
    const asked = { ShardIterator: iterator, Limit: BATCH_SIZE };
    const { Records, NextShardIterator } = await this.#options.streams.ask(
      'GetRecords',
      asked,
      recordsSchema,
    );
    return { records: Records, next: NextShardIterator };
  }

  /** The oldest first. */
  async #shards(): Promise<string[]> {
    const { streams, streamArn: StreamArn } = this.#options;
    const { StreamDescription } = await streams.ask('DescribeStream', { StreamArn }, shardsSchema);
    return StreamDescription.Shards.map(({ ShardId }) => ShardId);
  }

  async #iteratorAt({ shard, sequenceNumber }: Place): Promise<string | undefined> {
    const { streams, streamArn: StreamArn } = this.#options;
    const at = sequenceNumber === undefined ? 'TRIM_HORIZON' : 'AFTER_SEQUENCE_NUMBER';
    const asked = { StreamArn, ShardId: shard, ShardIteratorType: at, SequenceNumber: sequenceNumber };
    try {
      return (await streams.ask('GetShardIterator', asked, iteratorSchema)).ShardIterator;
    } catch (error) {
      if (!(error instanceof AwsError) || error.name !== 'TrimmedDataAccessException') throw error;
      return this.#iteratorAt({ shard });
    }
  }

  async #handleAll(shard: string, records: StreamRecord[]): Promise<void> {
    let left = records;
    while (left.length > 0 && !this.#stopping.aborted) {
      const handled = await this.#handle(left);
      const last = left[handled - 1]?.dynamodb?.SequenceNumber;
      if (last !== undefined) this.#options.place.write({ shard, sequenceNumber: last });
      left = left.slice(handled);
    }
  }

  /** @returns how many of the first need not come again. */
  async #handle(records: StreamRecord[]): Promise<number> {
    const { handler, isWanted = () => true, runMs, onError } = this.#options;
    const wanted = records.filter(isWanted);
    if (wanted.length === 0) return records.length;
    const endsAt = Date.now() + runMs;
    try {
      const { batchItemFailures } = await handler(
        { Records: wanted },
        { getRemainingTimeInMillis: () => endsAt - Date.now() },
      );
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      const first = records.findIndex(({ dynamodb }) => failed.has(dynamodb?.SequenceNumber ?? ''));
      if (first !== 0) {
        this.#failures = 0;
        return first < 0 ? records.length : first;
      }
      // The handler has said why.
    } catch (error) {
      onError(error);
    }
    await this.#pauseAfterFailure();
    if (Date.now() - createdAt(records[0]) < GIVEN_UP_AFTER_MS) return 0;
    onError(new Error('A change could not be handed on for a day. It is given up, so that others follow.'));
    return 1;
  }

  async #pauseAfterFailure(): Promise<void> {
    this.#failures += 1;
    await this.#pause(backoffMs(this.#failures, Math.random(), RETRY));
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#stopping }).catch(() => {});
  }
}

const createdAt = (record: StreamRecord | undefined) =>
  (record?.dynamodb?.ApproximateCreationDateTime ?? Date.now() / 1_000) * 1_000;
