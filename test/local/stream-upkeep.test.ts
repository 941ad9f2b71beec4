import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { expect, it, onTestFinished } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { STREAM, startDynamo, TABLE_DEFINITION } from '../../local/engines.ts';
import { keepStreamsShort } from '../../local/stream-upkeep.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';

it('the stream of the engine’s file forgets its oldest changes, and no write looks through the others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relay-stream-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const dbFile = join(folder, 'relay.db');
  const engine = await startDynamo({ dbFile });
  onTestFinished(engine.stop);
  const client = createDocumentClient(engineAt(engine.endpoint));
  onTestFinished(() => client.destroy());
  await client.send(
    new CreateTableCommand({ TableName: 'changes', ...TABLE_DEFINITION, StreamSpecification: STREAM }),
  );
  // As at every start, but for a shorter stream.
  keepStreamsShort(dbFile, 50);
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
