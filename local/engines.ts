import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DescribeTimeToLiveCommand,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { engineBinary } from './engine-package.ts';
import { keepStreamsShort, type StreamUpkeep } from './stream-upkeep.ts';

/** DynamoDB or SQS on this machine, on a port of 127.0.0.1 of its own. */
export interface Engine {
  endpoint: string;
  /** Absent where the engine runs inside this process. */
  pid?: number;
  /** Ends the engine and waits for its end. May be called again. */
  stop(): Promise<void>;
}

/** Another process may take the port after we found it free and before the engine binds it. */
const PORTS_TO_TRY = 5;
/** The engine is there in 30 ms. A machine that is busy with tests may take a hundred times as long. */
const READY_WITHIN_MS = 10_000;
const ENDS_WITHIN_MS = 2_000;

/**
 * Runs the engine until it ends, or until this process does. However this process dies, its end of the pipe on
 * descriptor 0 closes then, without the line that says "no need". The engine takes the shell's place and pid.
 */
const RUN_WHILE_STDIN_IS_OPEN = `
exec 3<&0
{ read -r line <&3 || kill -KILL $$; } >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null`;

interface DynamoOptions extends Pick<StreamUpkeep, 'wanted'> {
  /** Keeps the tables on disk. Without it they are gone with the engine. */
  dbFile?: string;
}

/**
 * @param options.wanted which changes the streams of its file hold, see `keepStreamsShort`.
 * @throws if there is no engine for this platform, or if it does not start, with its own words.
 */
export async function startDynamo(options: DynamoOptions = {}): Promise<Engine> {
  const binary = engineBinary();
  for (let tried = 1; ; tried += 1) {
    try {
      return await startDynoxide(binary, await freePort(), options);
    } catch (error) {
      if (tried === PORTS_TO_TRY) throw error;
    }
  }
}

async function startDynoxide(
  binary: string,
  port: number,
  { dbFile, wanted }: DynamoOptions,
): Promise<Engine> {
  const endpoint = `http://127.0.0.1:${port}`;
  const args = ['--port', String(port), ...(dbFile === undefined ? [] : ['--db-path', dbFile])];
  // Windows has no such shell. There an engine outlives a relay that is killed.
  const [command, ...words] =
    process.platform === 'win32'
      ? [binary, ...args]
      : ['/bin/sh', '-c', RUN_WHILE_STDIN_IS_OPEN, 'sh', binary, ...args];
  // A group of its own: Ctrl-C in a terminal must reach us alone, because we still have rows to write.
  const child = spawn(command, words, { stdio: ['pipe', 'ignore', 'pipe'], detached: true });
  child.stdin.on('error', () => {});
  child.once('exit', () => child.stdin.end('\n'));
  const engine = { endpoint, ...(child.pid === undefined ? {} : { pid: child.pid }), stop: () => end(child) };
  try {
    // Its own word comes first: another process may answer on this port before it does.
    await saysItListens(child, child.stderr);
    await fetch(endpoint, { signal: AbortSignal.timeout(READY_WITHIN_MS) });
    if (dbFile !== undefined) keepStreamsShort(dbFile, wanted === undefined ? {} : { wanted });
    return engine;
  } catch (error) {
    await engine.stop();
    const why = error instanceof Error ? error.message : String(error);
    const data = dbFile === undefined ? '' : ` Its data is ${dbFile}, which npm start -- --fresh forgets.`;
    throw new Error(`DynamoDB (dynoxide) did not start on ${endpoint}: ${why}${data}`, { cause: error });
  }
}

/** It keeps reading afterwards, too: an engine dies if nobody reads what it writes. */
function saysItListens(child: ChildProcess, stderr: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    stderr.setEncoding('utf8');
    stderr.on('data', (words: string) => {
      said = (said + words).slice(-1_000);
      if (said.includes('listening on')) resolve();
    });
    child.once('error', reject);
    child.once('close', (code, signal) =>
      reject(new Error(`it ended with ${signal ?? code}: ${said.trim()}`)),
    );
    const late = () => reject(new Error(`it was not ready within ${READY_WITHIN_MS} ms: ${said.trim()}`));
    setTimeout(late, READY_WITHIN_MS).unref();
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const impatient = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
  await ended;
  clearTimeout(impatient);
}

/** dynoxide does not say which port it got for port 0, so it must be given one. */
async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('Bug! A TCP server has no port.');
  return address.port;
}

/** The one table. `expiresAt`, Unix seconds, is set on rows that may be forgotten. */
export const TABLE_DEFINITION = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'open', AttributeType: 'S' },
    { AttributeName: 'nextAttemptAt', AttributeType: 'N' },
    { AttributeName: 'list', AttributeType: 'S' },
    { AttributeName: 'listKey', AttributeType: 'S' },
  ],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  BillingMode: 'PAY_PER_REQUEST',
  GlobalSecondaryIndexes: [
    {
      IndexName: 'open',
      KeySchema: [
        { AttributeName: 'open', KeyType: 'HASH' },
        { AttributeName: 'nextAttemptAt', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
    {
      IndexName: 'recent',
      KeySchema: [
        { AttributeName: 'list', KeyType: 'HASH' },
        { AttributeName: 'listKey', KeyType: 'RANGE' },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
} satisfies Omit<CreateTableCommandInput, 'TableName'>;

export const TTL_ATTRIBUTE = 'expiresAt';

/** Each change of an item, before and after. The tests' own tables do without. */
export const STREAM = { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' } as const;

/** Creates the table as the stack would, and returns once it takes requests. Leaves an existing one as it is. */
export async function createTable(client: DynamoDBDocumentClient, name: string): Promise<void> {
  try {
    await client.send(
      new CreateTableCommand({ TableName: name, ...TABLE_DEFINITION, StreamSpecification: STREAM }),
    );
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
  await waitUntilTableExists({ client, maxWaitTime: 30, minDelay: 1 }, { TableName: name });
  const { TimeToLiveDescription: ttl } = await client.send(
    new DescribeTimeToLiveCommand({ TableName: name }),
  );
  // Enabling it a second time is an error.
  if (ttl?.TimeToLiveStatus === 'ENABLED' || ttl?.TimeToLiveStatus === 'ENABLING') return;
  await client.send(
    new UpdateTimeToLiveCommand({
      TableName: name,
      TimeToLiveSpecification: { Enabled: true, AttributeName: TTL_ATTRIBUTE },
    }),
  );
}

export interface QueueDefinition {
  /** A name that ends in `.fifo` makes an ordered queue. Its dead-letter queue must then be one, too. */
  name: string;
  /** A message that was received and not deleted comes back after this. */
  visibilityTimeoutSeconds: number;
  /** A message that was received so often without being deleted moves to the dead-letter queue. */
  maxReceiveCount: number;
  deadLetterName: string;
}

/**
 * Creates the queue and its dead-letter queue, or gives existing ones these settings.
 *
 * @returns the URL of the queue.
 */
export async function createQueue(client: SQSClient, definition: QueueDefinition): Promise<string> {
  const deadLetterUrl = await queueUrl(client, definition.deadLetterName);
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: deadLetterUrl, AttributeNames: ['QueueArn'] }),
  );
  const url = await queueUrl(client, definition.name);
  await client.send(
    new SetQueueAttributesCommand({
      QueueUrl: url,
      Attributes: {
        VisibilityTimeout: String(definition.visibilityTimeoutSeconds),
        RedrivePolicy: JSON.stringify({
          deadLetterTargetArn: Attributes?.QueueArn,
          maxReceiveCount: definition.maxReceiveCount,
        }),
      },
    }),
  );
  return url;
}

/**
 * Creates the queue, or finds it. It leaves out the attributes that may change, so it finds one with any settings.
 */
export async function queueUrl(client: SQSClient, name: string): Promise<string> {
  const { QueueUrl } = await client.send(
    new CreateQueueCommand({
      QueueName: name,
      ...(isFifo(name) ? { Attributes: { FifoQueue: 'true' } } : {}),
    }),
  );
  if (QueueUrl === undefined) throw new Error(`SQS gave no URL for the queue ${name}.`);
  return QueueUrl;
}

/** As SQS has it: by the name, or by the URL, which ends in the name. */
export const isFifo = (nameOrUrl: string) => nameOrUrl.endsWith('.fifo');
