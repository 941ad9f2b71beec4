import { type ConsumedCapacity, CreateTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { type Engine, startDynamo, TABLE_DEFINITION } from '../../local/engines.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';

export interface Store {
  ledger: Ledger;
  client: DynamoDBDocumentClient;
  /** New and empty for every test. */
  table: string;
}

/**
 * One engine, in memory, for the tests of a file or a `describe`.
 *
 * @returns `endpoint` is where it listens; `connect` gives a new client; `newTable` a new and empty table, by its name.
 */
export function useDynamo() {
  let engine: Engine | undefined;
  let tables = 0;

  beforeAll(async () => {
    engine = await startDynamo();
  });
  afterAll(() => engine?.stop());

  const endpoint = () => {
    if (!engine) throw new Error('Bug! The engine was not started.');
    return engine.endpoint;
  };
  return {
    endpoint,
    connect: (): DynamoDBDocumentClient => createDocumentClient(engineAt(endpoint())),
    /** Of this engine a table is there at once, and forgets nothing: one request, where createTable makes four. */
    async newTable(client: DynamoDBDocumentClient): Promise<string> {
      tables += 1;
      const name = `table-${tables}`;
      await client.send(new CreateTableCommand({ TableName: name, ...TABLE_DEFINITION }));
      return name;
    },
  };
}

/**
 * One engine for the tests of a file or a `describe`; a client and a table for each of them.
 *
 * @returns gives the running test its store.
 */
export function useLedger(): () => Store {
  const { connect, newTable } = useDynamo();
  let store: Store | undefined;

  beforeEach(async () => {
    const client = connect();
    const table = await newTable(client);
    store = { ledger: createDynamoLedger(client, table), client, table };
    return () => client.destroy();
  });

  return () => {
    if (!store) throw new Error('Bug! There is a store inside of tests only.');
    return store;
  };
}

export interface Meter {
  /** HTTP requests: a command that the client tried twice is two. */
  readonly requests: number;
  /** Of table and indexes together. DynamoDB names no units for a write whose condition failed. */
  readonly writeUnits: number;
  readonly readUnits: number;
  reset(): void;
}

/** Counts what this client asks and what that consumes, from now on. */
export function meter(client: DynamoDBDocumentClient): Meter {
  const counts = { requests: 0, writeUnits: 0, readUnits: 0 };
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (!/Item|Query|Scan/.test(commandName)) return next(args);
        const answer = await next({ ...args, input: { ...args.input, ReturnConsumedCapacity: 'INDEXES' } });
        const { ConsumedCapacity: consumed } = answer.output as {
          ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
        };
        if (!consumed) throw new Error(`The engine gave no ConsumedCapacity for ${commandName}.`);
        const units = [consumed].flat().reduce((sum, { CapacityUnits = 0 }) => sum + CapacityUnits, 0);
        counts[/Get|Query|Scan/.test(commandName) ? 'readUnits' : 'writeUnits'] += units;
        return answer;
      },
    { step: 'initialize', name: 'meter-capacity' },
  );
  client.middlewareStack.add(
    (next) => (args) => {
      counts.requests += 1;
      return next(args);
    },
    // The step after the one that repeats.
    { step: 'deserialize', name: 'meter-requests' },
  );
  return {
    get requests() {
      return counts.requests;
    },
    get writeUnits() {
      return counts.writeUnits;
    },
    get readUnits() {
      return counts.readUnits;
    },
    reset() {
      Object.assign(counts, { requests: 0, writeUnits: 0, readUnits: 0 });
    },
  };
}
