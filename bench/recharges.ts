/**
 * Recharges a second, end to end over HTTP: webhook → charged → granted, with the embedded engines and the
 * sandbox, each in a process of its own. Beside it, in the same run, what the same machine does with the
 * bare claim (one conditional put), so that machines can be compared by the ratio.
 *
 *     npm run bench
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { createDocumentClient } from '../shared/aws.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import { isFinished, newRecharge } from '../shared/recharge/recharge.ts';

const CLIENTS = Array.from(
  { length: 100 },
  (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`,
);
const ROUNDS = 10;
const DUPLICATED_KEYS = 20;
const COPIES = 10;
const GOAL_PER_SECOND = 150;
const LOOK_EVERY_MS = 5;

const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
process.env.RELAY_LOCAL_DIR = folder;
const { localSecrets, readRuntime } = await import('../local/state.ts');

const relay = spawn(process.execPath, ['local/main.ts', '--port', '0'], {
  env: { ...process.env, RELAY_LOCAL_DIR: folder },
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  await ready();
  const runtime = readRuntime();
  if (!runtime) throw new Error('The relay wrote no runtime.json.');
  const ledger = createDynamoLedger(createDocumentClient(runtime.dynamodbEndpoint), runtime.table);
  const [token = ''] = localSecrets({}).inbound.webhook;
  const target = { url: `${runtime.url}/webhooks/auto-recharge`, token };

  const claimsPerSecond = await perSecond(ROUNDS, (email) => claim(ledger, email));
  const rechargesPerSecond = await perSecond(ROUNDS, (email) => recharge(target, ledger, email));
  const captures = await chargesOfDuplicates(target, ledger, runtime.url);
  const result = {
    recharges: CLIENTS.length * ROUNDS,
    rechargesPerSecond,
    goalPerSecond: GOAL_PER_SECOND,
    claimsPerSecond,
    claimsPerRecharge: Math.round((claimsPerSecond / rechargesPerSecond) * 10) / 10,
    duplicated: { keys: DUPLICATED_KEYS, copies: COPIES, captures },
  };
  const file = process.argv[2] ?? 'bench-recharges.json';
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  process.stdout.write(`${JSON.stringify(result, null, 2)}\nwritten to ${file}\n`);
} finally {
  relay.kill('SIGTERM');
  await once(relay, 'exit');
  rmSync(folder, { recursive: true });
}

interface Target {
  url: string;
  token: string;
}

/** Until the demonstration is over: it is the relay's own warm-up. */
async function ready(): Promise<void> {
  for await (const chunk of relay.stdout) if (String(chunk).includes('Ctrl-C')) return;
  throw new Error('The relay did not start.');
}

/** Every client at once, each doing one thing after the other, as many times as there are rounds. */
async function perSecond(rounds: number, work: (email: string) => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await Promise.all(
    CLIENTS.map(async (email) => {
      for (let round = 0; round < rounds; round += 1) await work(email);
    }),
  );
  return Math.round((CLIENTS.length * rounds * 1_000) / (performance.now() - startedAt));
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

async function completed(ledger: Ledger, key: string): Promise<void> {
  for (;;) {
    const row = await ledger.read(key);
    if (row && isFinished(row) && row.phase !== 'completed')
      throw new Error(`${key} ended ${row.phase} (${row.reason})`);
    if (row?.phase === 'completed') return;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

async function recharge(target: Target, ledger: Ledger, email: string): Promise<void> {
  const key = randomUUID();
  await send(target, key, email);
  await completed(ledger, key);
}

/** The same webhook many times at once: the books of the payment endpoint say how often it was charged. */
async function chargesOfDuplicates(target: Target, ledger: Ledger, origin: string): Promise<number> {
  const keys = CLIENTS.slice(0, DUPLICATED_KEYS).map((email) => ({ email, key: randomUUID() }));
  await Promise.all(
    keys.flatMap(({ key, email }) => Array.from({ length: COPIES }, () => send(target, key, email))),
  );
  await Promise.all(keys.map(({ key }) => completed(ledger, key)));
  const books = z
    .object({ events: z.array(z.object({ kind: z.string(), recharge_key: z.string() })) })
    .parse(await (await fetch(`${origin}/sandbox/payments/books`)).json());
  const wanted = new Set<string>(keys.map(({ key }) => key));
  return books.events.filter(({ kind, recharge_key }) => kind === 'capture' && wanted.has(recharge_key))
    .length;
}
