import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { STREAM, startDynamo, TABLE_DEFINITION } from '../../local/engines.ts';
import { keepStreamsShort } from '../../local/stream-upkeep.ts';
import { MAY_BE_EVENT_SQL, mayBeEvent } from '../../local/wanted-changes.ts';
import { PHASES } from '../../shared/recharge/recharge.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';

async function anEngine(options: { wanted?: string } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'relay-stream-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dbFile = join(folder, 'relay.db');
  const engine = await startDynamo({ dbFile, ...options });
  onTestFinished(engine.stop);
  const client = createDocumentClient(engineAt(engine.endpoint));
  onTestFinished(() => client.destroy());
  await client.send(
    new CreateTableCommand({ TableName: 'changes', ...TABLE_DEFINITION, StreamSpecification: STREAM }),
  );
  return { dbFile, client };
}

it('the stream of the engine’s file forgets its oldest changes, and no write looks through the others', async () => {
  const { dbFile, client } = await anEngine();
  // As at every start, but for a shorter stream.
  keepStreamsShort(dbFile, { kept: 50 });
  const change = () =>
    client.send(
      new UpdateCommand({
        TableName: 'changes',
        Key: { pk: 'counter' },
        UpdateExpression: 'ADD times :one',
        ExpressionAttributeValues: { ':one': 1 },
      }),
    );
  for (let times = 0; times < 300; times += 10) await Promise.all(Array.from({ length: 10 }, change));

  const file = new DatabaseSync(dbFile, { readOnly: true });
  onTestFinished(() => file.close());
  const ofChanges = "FROM _stream_records WHERE table_name = 'changes'";
  const order = 'CAST(sequence_number AS INTEGER)';
  expect(file.prepare(`SELECT MIN(${order}) AS first, MAX(${order}) AS last ${ofChanges}`).get()).toEqual({
    first: 251,
    last: 300,
  });
  // As the engine asks at each write, and at each read.
  for (const asked of [
    `SELECT MAX(${order}) ${ofChanges}`,
    `SELECT * ${ofChanges} AND ${order} > 260 ORDER BY ${order}`,
  ]) {
    const [plan, ...more] = file.prepare(`EXPLAIN QUERY PLAN ${asked}`).all();
    expect(plan?.detail).toMatch(/USING (COVERING )?INDEX relay_stream_order/);
    expect(more).toEqual([]);
  }
});

it('the stream of the engine’s file holds what may be an event, as its reader says, and nothing else', async () => {
  const { dbFile, client } = await anEngine({ wanted: MAY_BE_EVENT_SQL });
  const items: { pk: string; phase?: string }[] = [
    ...PHASES.map((phase) => ({ pk: `RECHARGE#${phase}`, phase })),
    { pk: 'RECHARGE#without a phase' },
    { pk: 'ACCOUNT#jane@example.com' },
    { pk: 'ALERT#1' },
    // What a stranger wrote is never taken for a prefix of ours, nor for a phase.
    { pk: 'MESSAGE#"ACCOUNT#', phase: 'completed' },
    { pk: 'SWEEP' },
  ];
  for (const Item of items) await client.send(new PutCommand({ TableName: 'changes', Item }));
  for (const { pk } of items) await client.send(new DeleteCommand({ TableName: 'changes', Key: { pk } }));

  const file = new DatabaseSync(dbFile, { readOnly: true });
  onTestFinished(() => file.close());
  const stored = file
    .prepare(
      "SELECT event_name || ' ' || (keys_json ->> '$.pk.S') AS change FROM _stream_records ORDER BY id",
    )
    .all();
  const record = ({ pk, phase }: (typeof items)[number]) => ({
    Keys: { pk: { S: pk } },
    NewImage: { pk: { S: pk }, ...(phase === undefined ? {} : { phase: { S: phase } }) },
  });
  const inserted = items.filter((item) => mayBeEvent({ dynamodb: record(item) }));
  const removed = items.filter(({ pk }) => mayBeEvent({ dynamodb: { Keys: { pk: { S: pk } } } }));
  expect(stored.map(({ change }) => change)).toEqual([
    ...inserted.map(({ pk }) => `INSERT ${pk}`),
    ...removed.map(({ pk }) => `REMOVE ${pk}`),
  ]);
  expect([inserted.length, removed.length]).toEqual([8, 2]);
});
