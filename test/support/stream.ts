import { UpdateTableCommand } from '@aws-sdk/client-dynamodb';
import {
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import { beforeEach } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { STREAM } from '../../local/engines.ts';
import { toRecord } from '../../local/stream-source.ts';
import type { StreamRecord } from '../../shared/events/stream.ts';
import { type Store, useLedger } from './store.ts';

export interface Streamed extends Store {
  streams: DynamoDBStreamsClient;
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
    const streams = new DynamoDBStreamsClient(engineAt(await endpointOf(client)));
    const records = async () => {
      const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: streamArn }));
      const [shard] = StreamDescription?.Shards ?? [];
      const { ShardIterator } = await streams.send(
        new GetShardIteratorCommand({
          StreamArn: streamArn,
          ShardId: shard?.ShardId,
          ShardIteratorType: 'TRIM_HORIZON',
        }),
      );
      const { Records = [] } = await streams.send(new GetRecordsCommand({ ShardIterator }));
      return Records.map(toRecord);
    };
    streamed = { ...store(), streams, streamArn, records };
    return () => streams.destroy();
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
