import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeTableCommand, DescribeTimeToLiveCommand } from '@aws-sdk/client-dynamodb';
import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
} from '@aws-sdk/client-sqs';
import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createQueue, createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { startSqs } from '../../local/sqs.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';

const started: Engine[] = [];
let directory: string;

const running = async (starting: Promise<Engine>): Promise<Engine> => {
  const engine = await starting;
  started.push(engine);
  return engine;
};

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'engines-'));
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((engine) => engine.stop()));
  await rm(directory, { recursive: true });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('the DynamoDB engine', () => {
  it('listens on 127.0.0.1, on a port of its own', async () => {
    const engines = await Promise.all([1, 2, 3].map(() => running(startDynamo())));
    for (const { endpoint } of engines) expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(new Set(engines.map(({ endpoint }) => endpoint)).size).toBe(3);
  });

  it('keeps in its file what it was told', async () => {
    const dbFile = join(directory, 'relay.db');
    const first = await running(startDynamo({ dbFile }));
    const writing = createDocumentClient(engineAt(first.endpoint));
    await createTable(writing, 'relay');
    await writing.send(new PutCommand({ TableName: 'relay', Item: { pk: 'a', n: 1 } }));
    writing.destroy();
    await first.stop();
    // It was asked to end, not killed: then it leaves its write-ahead log behind.
    expect(await readdir(directory)).toEqual(['relay.db']);

    const second = await running(startDynamo({ dbFile }));
    const reading = createDocumentClient(engineAt(second.endpoint));
    await createTable(reading, 'relay');
    const { Item } = await reading.send(new GetCommand({ TableName: 'relay', Key: { pk: 'a' } }));
    reading.destroy();
    expect(Item).toEqual({ pk: 'a', n: 1 });
  });

  it('has ended once stop() is done, and stop() may be called again', async () => {
    const { pid = 0, stop } = await running(startDynamo());
    expect(isAlive(pid)).toBe(true);
    await stop();
    expect(isAlive(pid)).toBe(false);
    await stop();
  });

  it('is killed by stop() where it hangs', async () => {
    const { pid = 0, stop } = await running(startDynamo());
    process.kill(pid, 'SIGSTOP');
    await stop();
    expect(isAlive(pid)).toBe(false);
  });

  it('ends with the process that started it, also where that is killed', async () => {
    const url = new URL('../../local/engines.ts', import.meta.url).href;
    const script = `const { startDynamo } = await import(${JSON.stringify(url)});
      console.log((await startDynamo()).pid);`;
    const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = await once(owner.stdout, 'data');
    const pid = Number(said);
    expect(isAlive(pid)).toBe(true);
    owner.kill('SIGKILL');
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 3_000, interval: 10 });
  });

  it('says in its own words why it cannot start', async () => {
    const dbFile = join(directory, 'relay.db');
    await writeFile(dbFile, 'no database');
    await expect(startDynamo({ dbFile })).rejects.toThrow(
      /did not start on http:\/\/127\.0\.0\.1:\d+: it ended with 1: error: Database file is .+ Its data is \S+relay\.db, which npm start -- --fresh forgets\.$/,
    );
  });
});

describe('createTable', () => {
  it('makes the table, its two indexes and its time to live, as often as it is called', async () => {
    const { endpoint } = await running(startDynamo());
    const client = createDocumentClient(engineAt(endpoint));
    await createTable(client, 'relay');
    await createTable(client, 'relay');
    const { Table: table } = await client.send(new DescribeTableCommand({ TableName: 'relay' }));
    expect(table?.KeySchema).toEqual([{ AttributeName: 'pk', KeyType: 'HASH' }]);
    expect(table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    const keysOnly = { Projection: { ProjectionType: 'KEYS_ONLY' } };
    const keys = (hash: string, range: string) => [
      { AttributeName: hash, KeyType: 'HASH' },
      { AttributeName: range, KeyType: 'RANGE' },
    ];
    expect(table?.GlobalSecondaryIndexes).toHaveLength(2);
    expect(table?.GlobalSecondaryIndexes).toMatchObject([
      { IndexName: 'open', KeySchema: keys('open', 'nextAttemptAt'), ...keysOnly },
      { IndexName: 'recent', KeySchema: keys('list', 'listKey'), ...keysOnly },
    ]);
    const { TimeToLiveDescription: ttl } = await client.send(
      new DescribeTimeToLiveCommand({ TableName: 'relay' }),
    );
    expect(ttl).toEqual({ AttributeName: 'expiresAt', TimeToLiveStatus: 'ENABLED' });
    client.destroy();
  });
});

describe('the SQS engine', () => {
  const definition = {
    name: 'work',
    visibilityTimeoutSeconds: 1,
    maxReceiveCount: 1,
    deadLetterName: 'work-dead',
  };

  it('gives queues whose URLs the client can use, on 127.0.0.1 only', async () => {
    const { endpoint } = await running(startSqs());
    expect(endpoint).toMatch(/^http:\/\/127\.0\.0\.1:[1-9]\d*$/);
    const client = createSqsClient(engineAt(endpoint));
    const QueueUrl = await createQueue(client, definition);
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }));
    const { Messages } = await client.send(new ReceiveMessageCommand({ QueueUrl }));
    expect(Messages?.map(({ Body }) => Body)).toEqual(['hello']);
    client.destroy();
  });

  it('hides a received message, then moves it to the dead-letter queue', async () => {
    const client = createSqsClient(engineAt((await running(startSqs())).endpoint));
    const QueueUrl = await createQueue(client, definition);
    const { QueueUrl: deadUrl } = await client.send(new GetQueueUrlCommand({ QueueName: 'work-dead' }));
    const receive = async (url: string | undefined) =>
      (await client.send(new ReceiveMessageCommand({ QueueUrl: url }))).Messages?.map(({ Body }) => Body);
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    expect(await receive(QueueUrl)).toEqual(['poison']);
    expect(await receive(QueueUrl)).toBeUndefined();
    expect(await receive(deadUrl)).toBeUndefined();
    await vi.waitFor(
      async () => {
        expect(await receive(QueueUrl)).toBeUndefined();
        expect(await receive(deadUrl)).toEqual(['poison']);
      },
      { timeout: 3_000, interval: 50 },
    );
    client.destroy();
  });

  it('gives an existing queue its new settings', async () => {
    const client = createSqsClient(engineAt((await running(startSqs())).endpoint));
    const first = await createQueue(client, definition);
    const second = await createQueue(client, {
      ...definition,
      visibilityTimeoutSeconds: 12,
      maxReceiveCount: 5,
    });
    expect(second).toBe(first);
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: first, AttributeNames: ['All'] }),
    );
    expect(Attributes?.VisibilityTimeout).toBe('12');
    expect(JSON.parse(Attributes?.RedrivePolicy ?? '{}')).toEqual({
      deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:work-dead',
      maxReceiveCount: 5,
    });
    client.destroy();
  });
});
