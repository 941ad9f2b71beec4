/**
 * Recharges a second, end to end over HTTP: webhook → charged → granted, with the embedded engines and the
 * sandbox, each in a process of its own. Beside it, in the same run, what the same machine does with the
 * bare claim (one conditional write), so that machines can be compared by the ratio.
 *
 *     npm run bench:recharges
 */
import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import { engineAt } from '../local/aws.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { newRecharge } from '../shared/recharge/recharge.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { type Figure, type Measured, printed, quick, rankOf } from './figures.ts';
import { CLIENTS, post, type Relay, startRelay, together, until } from './relay.ts';

const AT_ONCE = 50;
const WEBHOOKS = 1_000;
/** Each is measured by itself: how fast a shared machine is changes by a fifth within seconds. */
const PARTS = 5;
const RECHARGES_A_PART = 300;
/** Until what is done often is compiled. */
const WARM_UP = 300;
const DUPLICATED_KEYS = 20;
const COPIES = 10;
/** n8n 2.41.0 with a webhook, a deduplication and two HTTP requests, 10 clients, on a machine of this class. */
const N8N_PER_SECOND = 17;

export async function measureRecharges(): Promise<Measured> {
  const relay = await startRelay();
  const client = createDocumentClient(engineAt(relay.dynamodbEndpoint));
  try {
    const ledger = createDynamoLedger(client, relay.table);
    const startedAt = performance.now();
    await together(WEBHOOKS, AT_ONCE, (index) => claim(ledger, clientAt(index)));
    const claims = (WEBHOOKS * 1_000) / (performance.now() - startedAt);
    await rechargesOneAfterTheOther(relay, ledger, WARM_UP);
    const { perSecond: recharges, cpuMs } = await inParts(relay, ledger);
    const done = PARTS * RECHARGES_A_PART;
    const missing = WARM_UP + done - (await captures(relay.url)).length;
    // One was the demonstration's.
    if (missing !== -1) throw new Error(`${missing + 1} recharges were not charged.`);
    const p99 = await floodOfWebhooks(relay, ledger);
    const charged = await chargesOfDuplicates(relay, ledger);
    return {
      title: 'Recharges',
      how:
        'End to end over HTTP, webhook to grant, with the embedded engines and the sandbox in processes of their own: ' +
        `${AT_ONCE} of ${CLIENTS.length} clients wait at a time, and the next asks as soon as one has their credits, ${done} times in all, after ${WARM_UP} to warm up: ` +
        `the upper quartile of ${PARTS} parts. The flood is ${WEBHOOKS} webhooks over ${AT_ONCE} connections, each sent as soon as the one before it is answered, whatever becomes of its ` +
        `recharge. n8n 2.41.0 did ${N8N_PER_SECOND} a second of two HTTP requests behind a deduplicated webhook on such a machine; ` +
        'it was not part of this run. The bare claim is what the same engine does of the one write that a webhook needs.',
      figures: [
        { what: 'recharges', value: recharges, unit: 'a second', goal: { atLeast: 140 } },
        {
          what: 'recharges, in those of n8n',
          value: recharges / N8N_PER_SECOND,
          unit: '×',
          goal: { atLeast: 8 },
        },
        ...cpuMs.map(
          (value): Figure => ({
            what: 'CPU of the relay a recharge',
            value,
            unit: 'ms',
            goal: { atMost: 9 },
          }),
        ),
        { what: 'a webhook in a flood, p99', value: p99, unit: 'ms', goal: { atMost: 250 } },
        { what: 'bare claims', value: claims, unit: 'a second' },
        { what: 'a recharge in bare claims', value: claims / recharges, unit: '×' },
        {
          what: `charges for ${DUPLICATED_KEYS} webhooks that each came ${COPIES} times at once`,
          value: charged,
          unit: 'charges',
          goal: { atMost: DUPLICATED_KEYS },
        },
      ],
    };
  } finally {
    client.destroy();
    await relay.stop();
  }
}

/** @returns the upper quartile of the speeds, and the lower of the CPU of a recharge, where the system tells it. */
async function inParts(relay: Relay, ledger: Ledger): Promise<{ perSecond: number; cpuMs: number[] }> {
  const parts: { tookMs: number; cpuMs: number | undefined }[] = [];
  for (let part = 0; part < PARTS; part += 1) {
    const [startedAt, cpuBefore] = [performance.now(), relay.cpuMs()];
    await rechargesOneAfterTheOther(relay, ledger, RECHARGES_A_PART);
    const [endedAt, cpuAfter] = [performance.now(), relay.cpuMs()];
    const cpuMs = cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore;
    parts.push({ tookMs: endedAt - startedAt, cpuMs });
  }
  const told = parts.flatMap(({ cpuMs }) => (cpuMs === undefined ? [] : [cpuMs / RECHARGES_A_PART]));
  return {
    perSecond: (RECHARGES_A_PART * 1_000) / quick(parts.map(({ tookMs }) => tookMs)),
    cpuMs: told.length === 0 ? [] : [quick(told)],
  };
}

const clientAt = (index: number) => CLIENTS[index % CLIENTS.length] ?? '';

async function claim(ledger: Ledger, email: string): Promise<void> {
  const now = Date.now();
  // Due in a year: the sweeper leaves it alone.
  await ledger.claim(newRecharge({ key: randomUUID(), email, credits: 1 }, now, now + 365 * 86_400_000));
}

export async function send({ url, token }: Relay, key: string, email: string): Promise<void> {
  const body = JSON.stringify({ idempotency_key: key, email, credits: 500 });
  const { status, text } = await post(`${url}/webhooks/auto-recharge`, { 'x-webhook-token': token }, body);
  if (status >= 300) throw new Error(`The webhook was answered ${status}: ${text}`);
}

/** What is under way, by one query of an index. */
async function underWay(ledger: Ledger): Promise<Set<string>> {
  const { items } = await ledger.due('time', Date.now() + 86_400_000);
  return new Set(items.map(({ key }) => key));
}

const allEnded = (ledger: Ledger) => until(async () => (await underWay(ledger)).size === 0);

/**
 * So many clients at a time wait for their credits. For each who has got them the next one asks: the one whose last recharge is
 * the longest ago.
 */
export async function rechargesOneAfterTheOther(relay: Relay, ledger: Ledger, count: number): Promise<void> {
  let asked = 0;
  const resting = [...CLIENTS];
  const waiting = new Map<string, string>();
  const ask = async () => {
    const email = resting.shift();
    if (asked === count || email === undefined) return;
    asked += 1;
    const key = randomUUID();
    await send(relay, key, email);
    waiting.set(key, email);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  await until(async () => {
    const before = new Map(waiting);
    const open = await underWay(ledger);
    const ended = [...before].filter(([key]) => !open.has(key));
    for (const [key, email] of ended) {
      waiting.delete(key);
      resting.push(email);
    }
    await Promise.all(ended.map(ask));
    return waiting.size === 0;
  });
}

/** @returns milliseconds within which 99 of 100 webhooks were answered. Of the ten of one client, one is charged. */
async function floodOfWebhooks(relay: Relay, ledger: Ledger): Promise<number> {
  const tookMs: number[] = [];
  await together(WEBHOOKS, AT_ONCE, async (index) => {
    const startedAt = performance.now();
    await send(relay, randomUUID(), clientAt(index));
    tookMs.push(performance.now() - startedAt);
  });
  await allEnded(ledger);
  return rankOf(tookMs, 0.99);
}

/** Sends the same webhook many times at once. The books of the payment endpoint say how often it was charged. */
async function chargesOfDuplicates(relay: Relay, ledger: Ledger): Promise<number> {
  const keys = CLIENTS.slice(0, DUPLICATED_KEYS).map((email) => ({ email, key: randomUUID() }));
  await Promise.all(
    keys.flatMap(({ key, email }) => Array.from({ length: COPIES }, () => send(relay, key, email))),
  );
  await allEnded(ledger);
  const wanted = new Set<string>(keys.map(({ key }) => key));
  return (await captures(relay.url)).filter((key) => wanted.has(key)).length;
}

/** The keys that were charged, by the payment endpoint's books. */
async function captures(origin: string): Promise<string[]> {
  const { events } = z
    .object({ events: z.array(z.object({ kind: z.string(), recharge_key: z.string() })) })
    .parse(await (await fetch(`${origin}/sandbox/payments/books`)).json());
  return events.filter(({ kind }) => kind === 'capture').map(({ recharge_key }) => recharge_key);
}

if (import.meta.main) process.stdout.write(printed(await measureRecharges()));
