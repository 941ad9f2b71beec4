import { UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import { beforeEach } from 'vitest';
import * as z from 'zod';
import { engineAt } from '../../local/aws.ts';
import { STREAM } from '../../local/engines.ts';
import { createStreams } from '../../local/stream-source.ts';
import type { StreamRecord } from '../../shared/events/stream.ts';
import type { AwsJson } from '../../shared/storage/aws-json.ts';
import { type Store, useLedger } from './store.ts';

export interface Streamed extends Store {
  streams: AwsJson;
  streamArn: string;
  /** All changes so far, as Lambda is given them. */
  records(): Promise<StreamRecord[]>;
}

/** A `useLedger` whose table has a stream. */
export function useStream(): () => Streamed {
  const store = useLedger();
  let streamed: Streamed | undefined;

  beforeEach(async () => {
    const { client, table } = store();
    const { TableDescription } = await client.send(
      new UpdateTableCommand({ TableName: table, StreamSpecification: STREAM }),
    );
    const streamArn = TableDescription?.LatestStreamArn ?? '';
    const streams = createStreams(engineAt(await endpointOf(client)));
    const records = async () => {
      const answer = z.looseObject({});
      const described = await streams.ask('DescribeStream', { StreamArn: streamArn }, answer);
      const { StreamDescription } = z
        .object({ StreamDescription: z.object({ Shards: z.array(z.object({ ShardId: z.string() })) }) })
        .parse(described);
      const ShardId = StreamDescription.Shards[0]?.ShardId;
      const from = { StreamArn: streamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON' };
      const { ShardIterator } = await streams.ask('GetShardIterator', from, answer);
      const { Records } = await streams.ask('GetRecords', { ShardIterator }, answer);
      return z.array(z.custom<StreamRecord>()).parse(Records);
    };
    streamed = { ...store(), streams, streamArn, records };
  });

  return () => {
    if (!streamed) throw new Error('Bug! There is a stream inside of tests only.');
    return streamed;
  };
}

async function endpointOf(client: Store['client']): Promise<string> {
  const { protocol, hostname, port } = (await client.config.endpoint?.()) ?? {};
  return `${protocol}//${hostname}:${port}`;
}
