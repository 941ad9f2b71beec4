/**
 * How long a person waits for lists, a search and a month's books, by how many recharges a month has: on the embedded
 * engine, in this process, so that the start of a command (some 0.3 s) comes on top.
 *
 *     npm run bench:lists                  a thousand, ten thousand, and of a hundred thousand the first page
 *     npm run bench:lists -- 1000 30000
 */
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { engineAt } from '../local/aws.ts';
import { startDynamo, TABLE_DEFINITION } from '../local/engines.ts';
import { findRecharge } from '../operate/find-recharge.ts';
import { lastRechargesOf, listRecharges, pagesOfRecharges } from '../operate/list-recharges.ts';
import { monthBooks } from '../operate/month-books.ts';
import { linesCsv } from '../operate/month-export.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import { createDynamoRows } from '../shared/recharge/dynamo-rows.ts';
import { chargeIdOf, newRecharge, type Recharge } from '../shared/recharge/recharge.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { type Figure, type Measured, printed } from './figures.ts';

const MONTH = '2026-10';
const FROM = Date.UTC(2026, 9, 1);
const MONTH_MS = 31 * 86_400_000;
const NOW = FROM + MONTH_MS - 1;
const CLIENTS = 100;
const CLAIMS_AT_ONCE = 100;
/** What issue trackers call "fast": the first page at once, a month while one waits. */
const GOALS_MS: Record<string, number> = { 'first page of 50': 500, 'the whole month': 3_000 };

/** Above this only what need not read all of the month is tried. */
const READ_WHOLE = 30_000;
const READ_IN_PART = ['first page of 50', 'what waits for a person', 'found by charge id'];

/** @param sizes how many recharges a month has. */
export async function measureLists(sizes = [1_000, 10_000, 100_000]): Promise<Measured> {
  const engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  try {
    const figures: Figure[] = [];
    for (const size of sizes) figures.push(...(await measure(client, size)));
    return {
      title: 'Lists, searches and books',
      how: 'On the embedded engine, within one process: the start of a command comes on top.',
      figures,
    };
  } finally {
    client.destroy();
    await engine.stop();
  }
}

/** The n-th of a month: paid and granted after seconds, one of a hundred given back, one of fifty blocked. */
function recharge(index: number, size: number): Recharge {
  const at = FROM + Math.floor((index * MONTH_MS) / size);
  const email = `client-${String(index % CLIENTS).padStart(3, '0')}@example.com`;
  const { nextAttemptAt: _, ...row } = newRecharge({ key: `wh_${at}_${index}`, email, credits: 500 }, at, at);
  if (index % 50 === 1) return { ...row, phase: 'blocked', reason: 'cooldown' };
  const paid = { amount: 5_000, currency: 'USD', paymentRef: `pi_3Mtw${index}`, paidAt: at + 1_000 };
  const history = [
    ...row.history,
    { at: at + 1_000, event: 'paid', detail: paid.paymentRef },
    { at: at + 2_000, event: 'granted', detail: 'balance 542' },
  ];
  const granted = { ...row, ...paid, history, phase: 'completed', grantNo: 1, newBalance: 542 } as const;
  if (index % 100 !== 2) return granted;
  return { ...granted, goodwillRefund: 'refunded', refundedAt: at + 3_600_000, refundRef: `re_${index}` };
}

async function measure(client: DynamoDBDocumentClient, size: number): Promise<Figure[]> {
  const table = `recharges-${size}`;
  await client.send(new CreateTableCommand({ TableName: table, ...TABLE_DEFINITION }));
  const ledger = createDynamoLedger(client, table);
  for (let from = 0; from < size; from += CLAIMS_AT_ONCE) {
    const length = Math.min(CLAIMS_AT_ONCE, size - from);
    await Promise.all(Array.from({ length }, (_, index) => ledger.claim(recharge(from + index, size))));
  }
  const relay = { ledger, rows: createDynamoRows(client, table), now: () => NOW };
  const oldest = recharge(0, size);
  const tried: Record<string, () => Promise<unknown>> = {
    'first page of 50': () => listRecharges(relay, {}, { limit: 50 }),
    'first page of one client': () => listRecharges(relay, { email: oldest.email }, { limit: 50 }),
    'first page of a phase that is rare': () => listRecharges(relay, { phase: 'blocked' }, { limit: 50 }),
    'what waits for a person': () => listRecharges(relay, { phase: 'needs_review' }, { limit: 50 }),
    'the last 10 of a client': () => lastRechargesOf(relay, oldest.email, 10),
    'the whole month': () =>
      Array.fromAsync(pagesOfRecharges(relay, {}, { limit: Number.POSITIVE_INFINITY })),
    'found by charge id': () => findRecharge(relay, chargeIdOf(oldest)),
    'found by payment reference': () => findRecharge(relay, oldest.paymentRef ?? ''),
    'not found': () => findRecharge(relay, 'pi_nobody').catch((error: Error) => error),
    "the month's books as CSV": async () => linesCsv(await monthBooks(relay, { month: MONTH })),
  };
  const figures: Figure[] = [];
  for (const [name, deed] of Object.entries(tried)) {
    if (size > READ_WHOLE && !READ_IN_PART.includes(name)) continue;
    // The first time opens connections and compiles.
    await deed();
    const startedAt = performance.now();
    await deed();
    const value = Math.round(performance.now() - startedAt);
    const atMost = GOALS_MS[name];
    const what = `${name}, of ${size} recharges in a month`;
    figures.push({ what, value, unit: 'ms', ...(atMost === undefined ? {} : { goal: { atMost } }) });
  }
  return figures;
}

if (import.meta.main) {
  const sizes = process.argv.slice(2).map(Number);
  process.stdout.write(printed(await measureLists(sizes.length > 0 ? sizes : undefined)));
}
