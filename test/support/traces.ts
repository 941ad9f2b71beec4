import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import type { SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createQueue, type Engine, queueUrl, startDynamo, TABLE_DEFINITION } from '../../local/engines.ts';
import { startSqs } from '../../local/sqs.ts';
import { type LocalRuntime, localSecrets, writeRuntime } from '../../local/state.ts';
import { type Connection, connect } from '../../operate/connection.ts';
import type { QueueUrls } from '../../operate/queues.ts';
import type { Target } from '../../operate/target.ts';
import { createLogger } from '../../shared/logger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { createSqsClient } from '../../shared/storage/sqs-client.ts';

export interface Traces {
  /** For deeds: the relay of this folder. */
  target: Target & { env: { RELAY_LOCAL_DIR: string } };
  connection: Connection;
  sqs: SQSClient;
  urls: QueueUrls;
  /** What `npm start` wrote; `rewrite` changes it. */
  runtime: LocalRuntime;
  rewrite(changes: Partial<LocalRuntime>): void;
}

/**
 * The traces that `npm start` leaves in a folder, with a table and four queues on real engines: all that a deed finds,
 * and no relay that works. The engines are those of the file; folder, table and queues are new for every test.
 *
 * @returns gives the running test its traces.
 */
export function useTraces(): () => Traces {
  let engines: { dynamo: Engine; sqs: Engine } | undefined;
  let traces: Traces | undefined;
  let tests = 0;

  beforeAll(async () => {
    const [dynamo, sqs] = await Promise.all([startDynamo(), startSqs()]);
    engines = { dynamo, sqs };
  });
  afterAll(() => Promise.all([engines?.dynamo.stop(), engines?.sqs.stop()]));

  beforeEach(async () => {
    if (!engines) throw new Error('Bug! The engines were not started.');
    tests += 1;
    const table = `table-${tests}`;
    const sqs = createSqsClient(engineAt(engines.sqs.endpoint));
    const client = createDocumentClient(engineAt(engines.dynamo.endpoint));
    // Of this engine a table is there at once.
    const created = new CreateTableCommand({ TableName: table, ...TABLE_DEFINITION });
    const [urls] = await Promise.all([createQueues(sqs, table), client.send(created)]);
    client.destroy();
    const folder = mkdtempSync(join(tmpdir(), 'relay-traces-'));
    const target = { stack: undefined, env: { RELAY_LOCAL_DIR: folder } };
    localSecrets(target.env);
    let runtime: LocalRuntime = {
      url: 'http://127.0.0.1:1',
      dynamodbEndpoint: engines.dynamo.endpoint,
      sqsEndpoint: engines.sqs.endpoint,
      table,
      queues: urls,
      config: { channels: {} },
    };
    const rewrite = (changes: Partial<LocalRuntime>) => {
      runtime = { ...runtime, ...changes };
      writeRuntime(target.env, runtime);
    };
    rewrite({});
    const connection = await connect(target, { logger: createLogger(() => {}), now: Date.now });
    traces = { target, connection, sqs, urls, runtime, rewrite };
    return () => {
      sqs.destroy();
      rmSync(folder, { recursive: true, force: true });
    };
  });

  return () => {
    if (!traces) throw new Error('Bug! There are traces inside of tests only.');
    return traces;
  };
}

async function createQueues(sqs: SQSClient, name: string): Promise<QueueUrls> {
  const common = { visibilityTimeoutSeconds: 30, maxReceiveCount: 5 };
  const dead = { recharges: `${name}-dead`, messages: `${name}-messages-dead.fifo` };
  return {
    recharges: await createQueue(sqs, { ...common, name, deadLetterName: dead.recharges }),
    rechargeDeadLetters: await queueUrl(sqs, dead.recharges),
    messages: await createQueue(sqs, {
      ...common,
      name: `${name}-messages.fifo`,
      deadLetterName: dead.messages,
    }),
    messageDeadLetters: await queueUrl(sqs, dead.messages),
  };
}
