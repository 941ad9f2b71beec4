/**
 * Recharges a second, end to end over HTTP: webhook → charged → granted, with the embedded engines and the
 * sandbox, each in a process of its own. Beside it, in the same run, what the same machine does with the
 * bare claim (one conditional put), so that machines can be compared by the ratio.
 *
 *     npm run bench:recharges
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import * as z from 'zod';
import { engineAt } from '../local/aws.ts';
import { localSecrets, readRuntime } from '../local/state.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { newRecharge } from '../shared/recharge/recharge.ts';
import { createDocumentClient } from '../shared/storage/clients.ts';
import { type Measured, printed } from './figures.ts';

const CLIENTS = Array.from(
  { length: 100 },
  (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`,
);
const ROUNDS = 10;
const DUPLICATED_KEYS = 20;
const COPIES = 10;
const GOAL_PER_SECOND = 150;
const LOOK_EVERY_MS = 20;

export async function measureRecharges(): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
  const env = { RELAY_LOCAL_DIR: folder };
  const relay = spawn(process.execPath, ['local/process.ts', '--port', '0', '--quiet'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await ready(relay.stdout);
    const runtime = readRuntime(env);
    if (!runtime) throw new Error('The relay wrote no runtime.json.');
    const client = createDocumentClient(engineAt(runtime.dynamodbEndpoint));
    const ledger = createDynamoLedger(client, runtime.table);
    const [token = ''] = localSecrets(env).inbound.webhook;
    const target = { url: `${runtime.url}/webhooks/auto-recharge`, token };

    const claims = await perSecond(() => Promise.all(CLIENTS.map((email) => claim(ledger, email))));
    const recharges = await perSecond(() => roundOfRecharges(target, ledger));
    const missing = CLIENTS.length * ROUNDS - (await captures(runtime.url)).length;
    // One was the demonstration's.
    if (missing !== -1) throw new Error(`${missing + 1} recharges were not charged.`);
    const charged = await chargesOfDuplicates(target, ledger, runtime.url);
    return {
      title: 'Recharges',
      how:
        'End to end over HTTP, webhook to grant, with the embedded engines and the sandbox in processes of their own: ' +
        `${CLIENTS.length} clients ask at once, ${ROUNDS} times. Beside it what the same engine does of the bare claim.`,
      figures: [
        { what: 'recharges', value: recharges, unit: 'a second', goal: { atLeast: GOAL_PER_SECOND } },
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
    relay.kill('SIGTERM');
    await once(relay, 'exit');
    rmSync(folder, { recursive: true });
  }
}

interface Target {
  url: string;
  token: string;
}

/** Waits until the demonstration is over, which warms the relay up. */
async function ready(output: Readable): Promise<void> {
  for await (const chunk of output) if (String(chunk).includes('Ctrl-C')) return;
  throw new Error('The relay did not start.');
}

async function perSecond(round: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  for (let count = 0; count < ROUNDS; count += 1) await round();
  return Math.round((CLIENTS.length * ROUNDS * 1_000) / (performance.now() - startedAt));
}

async function claim(ledger: Ledger, email: string): Promise<void> {
  const now = Date.now();
  // Due in a year: the sweeper leaves it alone.
  await ledger.claim(newRecharge({ key: randomUUID(), email, credits: 1 }, now, now + 365 * 86_400_000));
}

async function send({ url, token }: Target, key: string, email: string): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'x-webhook-token': token },
    body: JSON.stringify({ idempotency_key: key, email, credits: 500 }),
  });
  if (!response.ok) throw new Error(`The webhook was answered ${response.status}: ${await response.text()}`);
}

/** Waits until no recharge is under way. It asks with one query, so that looking costs the relay nothing. */
async function allEnded(ledger: Ledger): Promise<void> {
  while ((await ledger.due('time', Date.now() + 86_400_000)).items.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Each client asks once, all at the same time. A round ends when every one of them has its credits. */
async function roundOfRecharges(target: Target, ledger: Ledger): Promise<void> {
  await Promise.all(CLIENTS.map((email) => send(target, randomUUID(), email)));
  await allEnded(ledger);
}

/** Sends the same webhook many times at once. The books of the payment endpoint say how often it was charged. */
async function chargesOfDuplicates(target: Target, ledger: Ledger, origin: string): Promise<number> {
  const keys = CLIENTS.slice(0, DUPLICATED_KEYS).map((email) => ({ email, key: randomUUID() }));
  await Promise.all(
    keys.flatMap(({ key, email }) => Array.from({ length: COPIES }, () => send(target, key, email))),
  );
  await allEnded(ledger);
  const wanted = new Set<string>(keys.map(({ key }) => key));
  return (await captures(origin)).filter((key) => wanted.has(key)).length;
}

/** The keys that were charged, by the payment endpoint's books. */
async function captures(origin: string): Promise<string[]> {
  const { events } = z
    .object({ events: z.array(z.object({ kind: z.string(), recharge_key: z.string() })) })
    .parse(await (await fetch(`${origin}/sandbox/payments/books`)).json());
  return events.filter(({ kind }) => kind === 'capture').map(({ recharge_key }) => recharge_key);
}

if (import.meta.main) process.stdout.write(printed(await measureRecharges()));
