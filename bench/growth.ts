/**
 * What the row of a recharge costs by how many are stored, on the embedded engine. It must stay the same.
 *
 *     npm run bench:growth
 */
import { randomUUID } from 'node:crypto';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import { engineAt } from '../local/aws.ts';
import { startDynamo, TABLE_DEFINITION } from '../local/engines.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { newRecharge, type Recharge } from '../shared/recharge/recharge.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { type Figure, type Measured, printed, rankOf } from './figures.ts';
import { together } from './relay.ts';

const SIZES = [1_000, 10_000, 100_000];
const ROUNDS = 10;
const TRIED_A_ROUND = 100;
/** Of the time with the fewest rows. */
const GOAL = 1.25;
const YEAR_MS = 365 * 86_400_000;
const FROM = Date.UTC(2026, 0, 1);
/** DynamoDB's own limit. */
const ROWS_A_REQUEST = 25;

export async function measureGrowth(): Promise<Measured> {
  const engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  try {
    const tables: { ledger: Ledger; tookMs: number[] }[] = [];
    for (const size of SIZES) {
      const table = `growth-${size}`;
      await client.send(new CreateTableCommand({ TableName: table, ...TABLE_DEFINITION }));
      const ledger = createDynamoLedger(client, table);
      await store(client, table, ledger, size);
      tables.push({ ledger, tookMs: [] });
    }
    // In turns: what else the machine does meanwhile is the same for all.
    for (let round = 0; round < ROUNDS; round += 1)
      for (const { ledger, tookMs } of tables) tookMs.push(...(await timesOf(ledger)));
    const times = tables.map(({ tookMs }) => rankOf(tookMs, 0.5));
    const [least = Number.NaN] = times;
    return {
      title: 'Growth',
      how:
        'A recharge claims its row, reads it, and writes it twice: the median of that, by how many recharges of a year are stored before ' +
        'it, in memory. How many requests and units a recharge costs needs no measurement: a test holds it.',
      figures: times.flatMap((value, index): Figure[] => {
        const what = `a recharge's own row, with ${SIZES[index]} stored`;
        const growth = {
          what: `${what}, of the first`,
          value: value / least,
          unit: '×',
          goal: { atMost: GOAL },
        };
        return [{ what, value, unit: 'ms' }, ...(index === 0 ? [] : [growth])];
      }),
    };
  } finally {
    client.destroy();
    await engine.stop();
  }
}

const order = (index: number): Recharge => {
  const at = FROM + Math.floor((index * YEAR_MS) / 100_000);
  const email = `client-${index % 1_000}@example.com`;
  return newRecharge({ key: randomUUID(), email, credits: 500 }, at, at + YEAR_MS);
};

const ended = ({ nextAttemptAt: _, ...row }: Recharge): Recharge => ({
  ...row,
  phase: 'completed',
  amount: 5_000,
  currency: 'USD',
  paymentRef: 'pi_3MtwBwLkdIwHu7ix28a3tqPa',
  grantNo: 1,
  newBalance: 542,
});

/** Many at a time: each is a copy of one that the ledger wrote. */
async function store(
  client: DynamoDBDocumentClient,
  table: string,
  ledger: Ledger,
  size: number,
): Promise<void> {
  const written = ended(order(0));
  await ledger.claim(written);
  const Key = { pk: `RECHARGE#${written.key}` };
  const { Item } = await client.send(new GetCommand({ TableName: table, Key }));
  const copyAt = (index: number) => {
    const { key, receivedAt, email } = order(index);
    const list = `RECHARGE#${new Date(receivedAt).toISOString().slice(0, 10)}`;
    return { ...Item, pk: `RECHARGE#${key}`, receivedAt, email, list, listKey: `${receivedAt}#${email}` };
  };
  await together(Math.ceil(size / ROWS_A_REQUEST), 8, async (request) => {
    const first = request * ROWS_A_REQUEST;
    const rows = Array.from({ length: Math.min(ROWS_A_REQUEST, size - first) }, (_, index) =>
      copyAt(first + index),
    );
    const RequestItems = { [table]: rows.map((row) => ({ PutRequest: { Item: row } })) };
    await client.send(new BatchWriteCommand({ RequestItems }));
  });
}

/** @returns milliseconds, of each that was tried. */
async function timesOf(ledger: Ledger): Promise<number[]> {
  const tookMs: number[] = [];
  for (let index = 0; index < TRIED_A_ROUND; index += 1) {
    const row = order(index);
    const startedAt = performance.now();
    await ledger.claim(row);
    const read = await ledger.read(row.key);
    if (!read) throw new Error('What was claimed is not there.');
    const granting: Recharge = { ...read, phase: 'granting', grantNo: 1, grantToken: 'token' };
    const { row: standing } = await ledger.write(read, granting);
    await ledger.write(standing, ended(standing));
    tookMs.push(performance.now() - startedAt);
  }
  return tookMs;
}

if (import.meta.main) process.stdout.write(printed(await measureGrowth()));
