import { PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, expect, it, vi } from 'vitest';
import { type Place, startStreamSource } from '../../local/stream-source.ts';
import { useStream } from '../support/stream.ts';

const store = useStream();
const sources: { stop(): Promise<void> }[] = [];
afterEach(() => Promise.all(sources.splice(0).map((source) => source.stop())));

/** Under load a second is not enough. */
const eventually = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000 });

const put = (...keys: string[]) =>
  keys.reduce<Promise<unknown>>(async (before, pk) => {
    await before;
    const { client, table } = store();
    return client.send(new PutCommand({ TableName: table, Item: { pk } }));
  }, Promise.resolve());

/** A source of the test's table, and what it brought, batch by batch. */
function reading(place: { at?: Place }, fails: (pk: string) => boolean | 'throws' = () => false) {
  const { streams, streamArn } = store();
  const batches: string[][] = [];
  const errors: unknown[] = [];
  const source = startStreamSource({
    streams,
    streamArn,
    place: {
      read: () => place.at,
      write: (at) => {
        place.at = at;
      },
    },
    async handler({ Records }) {
      const changes = Records.map(({ dynamodb }) => ({
        pk: dynamodb?.Keys?.pk?.S ?? '',
        itemIdentifier: dynamodb?.SequenceNumber ?? '',
      }));
      batches.push(changes.map(({ pk }) => pk));
      const failed = changes.find(({ pk }) => fails(pk) !== false);
      if (failed && fails(failed.pk) === 'throws') throw new Error('the function died');
      return { batchItemFailures: failed ? [failed] : [] };
    },
    runMs: 60_000,
    onError: (error) => errors.push(error),
  });
  sources.push(source);
  return { batches, errors, stop: () => source.stop() };
}

it('brings what was written before and after it began, in its order', async () => {
  await put('a', 'b');
  const { batches } = reading({});
  await eventually(() => expect(batches.flat()).toEqual(['a', 'b']));
  await put('c', 'a');
  await eventually(() => expect(batches.flat()).toEqual(['a', 'b', 'c', 'a']));
});

it('brings the change that failed again, with all that follow, and none that came before', async () => {
  await put('a', 'b', 'c');
  let tries = 0;
  const { batches, errors } = reading({}, (pk) => {
    if (pk !== 'b') return false;
    tries += 1;
    return tries === 1;
  });
  await eventually(() =>
    expect(batches).toEqual([
      ['a', 'b', 'c'],
      ['b', 'c'],
    ]),
  );
  expect(errors).toEqual([]);
});

it('brings a whole batch again whose function died, and says so', async () => {
  await put('a', 'b');
  let tries = 0;
  const { batches, errors } = reading({}, () => {
    tries += 1;
    return tries <= 2 ? 'throws' : false;
  });
  await eventually(() =>
    expect(batches).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]),
  );
  expect(errors).toMatchObject([{ message: 'the function died' }]);
});

it('goes on where the last one ended, and brings what was not handled then', async () => {
  const place = {};
  const first = reading(place, (pk) => pk === 'b');
  await put('a', 'b', 'c');
  await eventually(() => expect(first.batches.at(-1)?.at(0)).toBe('b'));
  await first.stop();
  const second = reading(place);
  await eventually(() => expect(second.batches.flat()).toEqual(['b', 'c']));
});

it('gives a change up that could not be handed on for a day, says so, and goes on', async () => {
  await put('a', 'b');
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 25 * 3_600_000 });
  try {
    const { batches, errors } = reading({}, (pk) => pk === 'a');
    await eventually(() => expect(batches).toEqual([['a', 'b'], ['b']]));
    expect(errors).toHaveLength(1);
  } finally {
    vi.useRealTimers();
  }
});

it('reads from the beginning where its place is of a shard that is gone', async () => {
  await put('a');
  const { batches } = reading({ at: { shard: 'shardId-gone', sequenceNumber: '5' } });
  await eventually(() => expect(batches.flat()).toEqual(['a']));
});

it('asks again at once after a full batch, and else lets changes gather', async () => {
  const change = { dynamodb: { Keys: { pk: { S: 'a' } }, SequenceNumber: '1' } };
  const askedAt: number[] = [];
  const answers: Record<string, () => unknown> = {
    DescribeStream: () => ({ StreamDescription: { Shards: [{ ShardId: 's' }] } }),
    GetShardIterator: () => ({ ShardIterator: 'i' }),
    GetRecords: () => {
      askedAt.push(performance.now());
      return { Records: Array(askedAt.length === 1 ? 100 : 1).fill(change), NextShardIterator: 'i' };
    },
  };
  const source = startStreamSource({
    streams: { ask: async (operation, _input, answer) => answer.parse(answers[operation]?.()) },
    streamArn: 'arn',
    place: { read: () => undefined, write: () => {} },
    handler: async () => ({ batchItemFailures: [] }),
    runMs: 60_000,
    onError: () => {},
  });
  sources.push(source);
  await eventually(() => expect(askedAt.length).toBeGreaterThanOrEqual(3));
  const [first = 0, second = 0, third = 0] = askedAt;
  expect(third - second).toBeGreaterThan(150);
  expect(second - first).toBeLessThan(third - second);
});
