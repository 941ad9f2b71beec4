import { setTimeout as sleep } from 'node:timers/promises';
import {
  ChangeMessageVisibilityBatchCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { SQSEvent } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createQueue, type Engine } from '../../local/engines.ts';
import { type EventSourceOptions, startEventSource } from '../../local/event-source.ts';
import { startSqs } from '../../local/sqs.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';
import { startFifoSqs } from '../support/fifo-sqs.ts';

let engine: Engine;
let client: SQSClient;
/** SQS hands out up to ten messages of one group together, and the engine one. */
let documented: Awaited<ReturnType<typeof startFifoSqs>>;
let documentedClient: SQSClient;
beforeAll(async () => {
  [engine, documented] = await Promise.all([startSqs(), startFifoSqs()]);
  client = createSqsClient(engineAt(engine.endpoint));
  documentedClient = createSqsClient(engineAt(documented.url));
});
const sources: { stop(): Promise<void> }[] = [];
afterAll(async () => {
  await Promise.all(sources.map((source) => source.stop()));
  for (const one of [client, documentedClient]) one.destroy();
  documented.close();
  await engine.stop();
});

const SUCCESS = { batchItemFailures: [] };
type EventRecord = SQSEvent['Records'][number];
const failure = ({ messageId }: EventRecord) => ({ batchItemFailures: [{ itemIdentifier: messageId }] });

let queues = 0;
/** Longer than any machine takes: what is not to come again meanwhile. */
const LONG = { hiddenSeconds: 60 };

/** A queue of the test's own, where a message is hidden for a second unless said otherwise, with an event source. */
async function queueWith(
  handle: (record: EventRecord, remainingMs: () => number) => ReturnType<EventSourceOptions['handler']>,
  { concurrency = 10, hiddenSeconds = 1 } = {},
) {
  queues += 1;
  const name = `work-${queues}`;
  const queueUrl = await createQueue(client, {
    name,
    deadLetterName: `${name}-dead`,
    visibilityTimeoutSeconds: hiddenSeconds,
    maxReceiveCount: 5,
  });
  const errors: unknown[] = [];
  const source = startEventSource({
    client,
    queueUrl,
    handler: ({ Records: [record, ...more] }, { getRemainingTimeInMillis }) => {
      if (!record || more.length > 0) throw new Error('Bug! Batches are of one message.');
      return handle(record, getRemainingTimeInMillis);
    },
    runMs: 6_000,
    concurrency,
    onError: (error) => errors.push(error),
  });
  sources.push(source);
  const { QueueUrl: deadUrl } = await client.send(new GetQueueUrlCommand({ QueueName: `${name}-dead` }));
  return {
    source,
    errors,
    send: (body: string) => client.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: body })),
    /** Bodies that can be received now; they are hidden from then on. */
    visible: () => bodies(queueUrl),
    /** Messages that the queue holds, and how many of them are hidden. */
    held: () => countsOf(queueUrl),
    dead: () => bodies(deadUrl),
  };
}

async function bodies(QueueUrl: string | undefined): Promise<(string | undefined)[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body }) => Body);
}

async function countsOf(QueueUrl: string): Promise<{ visible: number; hidden: number }> {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }),
  );
  return {
    visible: Number(Attributes?.ApproximateNumberOfMessages),
    hidden: Number(Attributes?.ApproximateNumberOfMessagesNotVisible),
  };
}

const eventually = (check: () => void | Promise<void>) =>
  vi.waitFor(check, { timeout: 15_000, interval: 10 });

describe.concurrent('the event source', () => {
  it('hands over one message as Lambda does, hides it meanwhile, and deletes it on success', async () => {
    const { promise: over, resolve: release } = Promise.withResolvers<void>();
    const records: EventRecord[] = [];
    let remaining = 0;
    const { source, errors, send, held, dead } = await queueWith(async (record, remainingMs) => {
      records.push(record);
      remaining = remainingMs();
      await over;
      return SUCCESS;
    }, LONG);
    await send('{"key":"key-1"}');
    await eventually(() => expect(records).toHaveLength(1));
    expect(records[0]).toMatchObject({
      messageId: expect.stringMatching(/./),
      receiptHandle: expect.stringMatching(/./),
      body: '{"key":"key-1"}',
      attributes: { ApproximateReceiveCount: '1', SentTimestamp: expect.stringMatching(/^\d{13}$/) },
      eventSource: 'aws:sqs',
    });
    expect(remaining).toBeGreaterThan(5_000);
    expect(remaining).toBeLessThanOrEqual(6_000);
    expect(await held()).toEqual({ visible: 0, hidden: 1 });
    release();
    await source.stop();
    expect(await held()).toEqual({ visible: 0, hidden: 0 });
    expect(await dead()).toEqual([]);
    expect(records).toHaveLength(1);
    expect(errors).toEqual([]);
  });

  it('lets a failed message come again, counted, and one that fails five times into the dead-letter queue', async () => {
    const counts: Record<string, string[]> = { once: [], always: [], throws: [] };
    const { errors, send, visible, dead } = await queueWith(async (record) => {
      const { body, attributes } = record;
      counts[body]?.push(attributes.ApproximateReceiveCount);
      if (body === 'throws') throw new Error('the handler died');
      return body === 'always' || counts[body]?.length === 1 ? failure(record) : SUCCESS;
    });
    for (const body of ['once', 'always', 'throws']) await send(body);
    const found: (string | undefined)[] = [];
    await eventually(async () => {
      found.push(...(await dead()));
      expect(found.toSorted()).toEqual(['always', 'throws']);
    });
    expect(counts).toEqual({
      once: ['1', '2'],
      always: ['1', '2', '3', '4', '5'],
      throws: ['1', '2', '3', '4', '5'],
    });
    expect(await visible()).toEqual([]);
    expect(errors).toEqual(Array(5).fill(new Error('the handler died')));
  });

  it('never handles more messages at a time than it may, and in the end all of them', async () => {
    let atATime = 0;
    let most = 0;
    const handled: string[] = [];
    // On a slow machine the first would be done before the third comes.
    const three = Promise.withResolvers<void>();
    const { send } = await queueWith(
      async ({ body }) => {
        atATime += 1;
        most = Math.max(most, atATime);
        if (atATime === 3) three.resolve();
        await three.promise;
        await sleep(30);
        atATime -= 1;
        handled.push(body);
        return SUCCESS;
      },
      { ...LONG, concurrency: 3 },
    );
    const all = Array.from({ length: 20 }, (_, index) => String(index));
    await Promise.all(all.map(send));
    await eventually(() => expect(handled.toSorted()).toEqual(all.toSorted()));
    expect(most).toBe(3);
  });

  it('waits for what runs when it is stopped, and takes nothing more', async () => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const begun: string[] = [];
    const { source, errors, send, visible } = await queueWith(async ({ body }) => {
      begun.push(body);
      await held;
      return SUCCESS;
    });
    await send('running');
    await eventually(() => expect(begun).toEqual(['running']));
    let stopped = false;
    const stopping = source.stop().then(() => {
      stopped = true;
    });
    await send('later');
    await sleep(200);
    expect(stopped).toBe(false);
    expect(begun).toEqual(['running']);
    release();
    await stopping;
    // At once, or, where the queue had given it to the poll that was broken off, after the second it is hidden.
    await eventually(async () => expect(await visible()).toEqual(['later']));
    expect(begun).toEqual(['running']);
    expect(errors).toEqual([]);
  });

  it('says that the queue is not there, and can be stopped meanwhile', async () => {
    const own = await startSqs();
    const port = Number(new URL(own.endpoint).port);
    await own.stop();
    const errors: unknown[] = [];
    const ownClient = createSqsClient(engineAt(`http://127.0.0.1:${port}`));
    const source = startEventSource({
      client: ownClient,
      queueUrl: `http://127.0.0.1:${port}/000000000000/work`,
      handler: async () => SUCCESS,
      runMs: 6_000,
      concurrency: 1,
      onError: (error) => errors.push(error),
    });
    await eventually(() => expect(errors).toHaveLength(1));
    expect(errors[0]).toMatchObject({ code: 'ECONNREFUSED' });
    await source.stop();
    ownClient.destroy();
  });
});

/** An event source of batches on a queue of the test's own; every event it hands over is remembered. */
async function batchesOf(
  name: string,
  given: { batchSize: number; concurrency: number; visibilitySeconds?: number; sqs?: SQSClient },
  handle: (records: EventRecord[], queueUrl: string) => Promise<string[]>,
) {
  const sqs = given.sqs ?? client;
  const fifo = name.endsWith('.fifo');
  const deadLetterName = `dead-of-${name}`;
  const queueUrl = await createQueue(sqs, {
    name,
    deadLetterName,
    visibilityTimeoutSeconds: given.visibilitySeconds ?? 1,
    maxReceiveCount: 100,
  });
  const events: string[][] = [];
  const errors: unknown[] = [];
  const start = () => {
    const source = startEventSource({
      client: sqs,
      queueUrl,
      handler: async ({ Records }) => {
        events.push(Records.map(({ body }) => body));
        const failed = await handle(Records, queueUrl);
        return { batchItemFailures: failed.map((itemIdentifier) => ({ itemIdentifier })) };
      },
      runMs: 6_000,
      batchSize: given.batchSize,
      concurrency: given.concurrency,
      onError: (error) => errors.push(error),
    });
    sources.push(source);
    return source;
  };
  return {
    queueUrl,
    events,
    errors,
    start,
    send: (body: string, group = 'group-1') =>
      sqs.send(
        new SendMessageCommand({
          QueueUrl: queueUrl,
          MessageBody: body,
          ...(fifo ? { MessageGroupId: group, MessageDeduplicationId: `${group}-${body}` } : {}),
        }),
      ),
  };
}

const idsOf = (records: EventRecord[], ...bodies: string[]) =>
  records.filter(({ body }) => bodies.includes(body)).map(({ messageId }) => messageId);

describe.concurrent('the event source of batches', () => {
  it('hands over what it receives together, and deletes what succeeded of it', async () => {
    const { events, errors, send, start } = await batchesOf(
      'batches',
      { batchSize: 10, concurrency: 1 },
      async (records) => (events.length === 1 ? idsOf(records, '2', '4') : []),
    );
    for (const body of ['1', '2', '3', '4', '5']) await send(body);
    const source = start();
    await eventually(() => expect(events.flat()).toHaveLength(7));
    await sleep(1_200);
    await source.stop();
    expect(events[0]?.toSorted()).toEqual(['1', '2', '3', '4', '5']);
    expect(events.slice(1).flat().toSorted()).toEqual(['2', '4']);
    expect(errors).toEqual([]);
  });

  it('hands over no more than a batch, and no more batches than it may run', async () => {
    let running = 0;
    let most = 0;
    const { events, send, start } = await batchesOf(
      'small-batches',
      { batchSize: 3, concurrency: 2, visibilitySeconds: LONG.hiddenSeconds },
      async () => {
        running += 1;
        most = Math.max(most, running);
        await sleep(50);
        running -= 1;
        return [];
      },
    );
    const all = Array.from({ length: 20 }, (_, index) => String(index));
    await Promise.all(all.map((body) => send(body)));
    const source = start();
    await eventually(() => expect(events.flat().toSorted()).toEqual(all.toSorted()));
    await source.stop();
    expect(Math.max(...events.map((event) => event.length))).toBe(3);
    expect(most).toBe(2);
  });

  it('takes a report that names what was not in the event for a failure of all of it', async () => {
    const { events, send, start } = await batchesOf(
      'odd-reports',
      { batchSize: 10, concurrency: 1 },
      async (records) => (events.length === 1 ? [...idsOf(records, '1'), 'no-such-message'] : []),
    );
    await send('1');
    await send('2');
    const source = start();
    await eventually(() => expect(events.flat().toSorted()).toEqual(['1', '1', '2', '2']));
    await source.stop();
  });
});

const QUEUES = [
  ['the engine of npm start', () => client],
  ['SQS by its documentation', () => documentedClient],
] as const;

describe.concurrent('the event source of an ordered queue', () => {
  it.each(QUEUES)('keeps every group in its order, and says which it is, with %s', async (_name, sqs) => {
    const seen: Record<string, string[]> = {};
    const { events, errors, send, start } = await batchesOf(
      'ordered.fifo',
      { batchSize: 10, concurrency: 5, visibilitySeconds: LONG.hiddenSeconds, sqs: sqs() },
      async (records) => {
        await sleep(5);
        for (const { attributes, body } of records) {
          const group = attributes.MessageGroupId ?? 'none';
          seen[group] = [...(seen[group] ?? []), body];
          expect(attributes.SequenceNumber).toMatch(/^\d+$/);
        }
        return [];
      },
    );
    const all = Array.from({ length: 12 }, (_, index) => String(index));
    for (const body of all) for (const group of ['a', 'b', 'c']) await send(body, group);
    const source = start();
    await eventually(() => expect(events.flat()).toHaveLength(36));
    await source.stop();
    expect(seen).toEqual({ a: all, b: all, c: all });
    expect(errors).toEqual([]);
  });

  it.each(QUEUES)(
    'leaves to the handler how long a message is hidden: its group waits, and no other, with %s',
    async (_name, sqs) => {
      const times: [body: string, atMs: number][] = [];
      let began = 0;
      const { send, start } = await batchesOf(
        'hiding.fifo',
        { batchSize: 10, concurrency: 5, visibilitySeconds: 60, sqs: sqs() },
        async (records, QueueUrl) => {
          const failed: string[] = [];
          for (const { body, messageId, receiptHandle: ReceiptHandle } of records) {
            const isBehind = failed.length > 0 && body.startsWith('stuck');
            if (!isBehind) times.push([body, Date.now() - began]);
            const isFirst = body === 'stuck 1' && times.filter(([other]) => other === body).length === 1;
            if (!isBehind && !isFirst) continue;
            failed.push(messageId);
            const Entries = [{ Id: '0', ReceiptHandle, VisibilityTimeout: 1 }];
            await sqs().send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
          }
          return failed;
        },
      );
      for (const body of ['stuck 1', 'stuck 2']) await send(body, 'stuck');
      for (const body of ['free 1', 'free 2']) await send(body, 'free');
      began = Date.now();
      const source = start();
      await eventually(() => expect(times).toHaveLength(5));
      await source.stop();
      const bodies = times.map(([body]) => body);
      expect(bodies.filter((body) => body.startsWith('stuck'))).toEqual(['stuck 1', 'stuck 1', 'stuck 2']);
      expect(bodies.slice(0, 3).toSorted()).toEqual(['free 1', 'free 2', 'stuck 1']);
      expect(times[3]?.[1]).toBeGreaterThanOrEqual(950);
    },
  );

  it('is on a queue that is ordered, as its dead-letter queue is, and may be made again', async () => {
    const { queueUrl, send } = await batchesOf('made.fifo', { batchSize: 1, concurrency: 1 }, async () => []);
    await send('kept');
    const again = await createQueue(client, {
      name: 'made.fifo',
      deadLetterName: 'dead-of-made.fifo',
      visibilityTimeoutSeconds: 7,
      maxReceiveCount: 3,
    });
    expect(again).toBe(queueUrl);
    const attributesOf = async (QueueUrl: string | undefined) => {
      const asked = new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] });
      return (await client.send(asked)).Attributes;
    };
    expect(await attributesOf(queueUrl)).toMatchObject({
      FifoQueue: 'true',
      VisibilityTimeout: '7',
      ApproximateNumberOfMessages: '1',
      RedrivePolicy: expect.stringContaining('dead-of-made.fifo'),
    });
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName: 'dead-of-made.fifo' }));
    expect(await attributesOf(QueueUrl)).toMatchObject({ FifoQueue: 'true' });
  });
});
