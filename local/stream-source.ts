import { setTimeout as sleep } from 'node:timers/promises';
import {
  type _Record,
  DescribeStreamCommand,
  type DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
  TrimmedDataAccessException,
} from '@aws-sdk/client-dynamodb-streams';
import type { Context, DynamoDBBatchResponse } from 'aws-lambda';
import { backoffMs } from '../shared/backoff.ts';
import type { StreamRecord } from '../shared/events/stream.ts';

/** How far a stream was read. Without a sequence number: from the beginning of the shard. */
export interface Place {
  shard: string;
  sequenceNumber?: string;
}

export interface StreamSourceOptions {
  client: DynamoDBStreamsClient;
  streamArn: string;
  /** Outlives the process. A stream without a place is read from its beginning. */
  place: { read(): Place | undefined; write(place: Place): void };
  handler: (
    event: { Records: StreamRecord[] },
    context: Pick<Context, 'getRemainingTimeInMillis'>,
  ) => Promise<DynamoDBBatchResponse>;
  /** The function's timeout. Nothing ends the function here; the handler is only told. */
  runMs: number;
  onError: (error: unknown) => void;
}

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
      if (records.length === 0) await this.#pause(POLL_EVERY_MS);
    }
  }

  /** The next changes of a shard, and where those after them begin; nowhere, where it has ended. */
  async #recordsAt(iterator: string): Promise<{ records: _Record[]; next: string | undefined }> {
    const { Records = [], NextShardIterator } = await this.#options.client.send(
      new GetRecordsCommand({ ShardIterator: iterator, Limit: BATCH_SIZE }),
    );
    return { records: Records, next: NextShardIterator };
  }

  /** The oldest first. */
  async #shards(): Promise<string[]> {
    const { client, streamArn: StreamArn } = this.#options;
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamArn }));
    return (StreamDescription?.Shards ?? []).flatMap(({ ShardId }) => ShardId ?? []);
  }

  async #iteratorAt({ shard, sequenceNumber }: Place): Promise<string | undefined> {
    const { client, streamArn: StreamArn } = this.#options;
    const at = sequenceNumber === undefined ? 'TRIM_HORIZON' : 'AFTER_SEQUENCE_NUMBER';
    const command = new GetShardIteratorCommand({
      StreamArn,
      ShardId: shard,
      ShardIteratorType: at,
      SequenceNumber: sequenceNumber,
    });
    try {
      return (await client.send(command)).ShardIterator;
    } catch (error) {
      if (!(error instanceof TrimmedDataAccessException)) throw error;
      return this.#iteratorAt({ shard });
    }
  }

  async #handleAll(shard: string, records: _Record[]): Promise<void> {
    let left = records;
    while (left.length > 0 && !this.#stopping.aborted) {
      const handled = await this.#handle(left);
      const last = left[handled - 1]?.dynamodb?.SequenceNumber;
      if (last !== undefined) this.#options.place.write({ shard, sequenceNumber: last });
      left = left.slice(handled);
    }
  }

  /** @returns how many of the first need not come again. */
  async #handle(records: _Record[]): Promise<number> {
    const { handler, runMs, onError } = this.#options;
    const endsAt = Date.now() + runMs;
    try {
      const { batchItemFailures } = await handler(
        { Records: records.map(toRecord) },
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

const createdAt = (record: _Record | undefined) =>
  record?.dynamodb?.ApproximateCreationDateTime?.getTime() ?? Date.now();

/** As Lambda hands it to a function: the time in Unix seconds. */
export function toRecord({ dynamodb: change = {} }: _Record): StreamRecord {
  const { ApproximateCreationDateTime: created, SequenceNumber, Keys, OldImage, NewImage } = change;
  return {
    dynamodb: {
      ...(created === undefined ? {} : { ApproximateCreationDateTime: created.getTime() / 1_000 }),
      ...(SequenceNumber === undefined ? {} : { SequenceNumber }),
      ...(Keys === undefined ? {} : { Keys }),
      ...(OldImage === undefined ? {} : { OldImage }),
      ...(NewImage === undefined ? {} : { NewImage }),
    },
  };
}
