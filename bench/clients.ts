/**
 * What an operator waits for with a thousand clients: the import of a file, the same file again, the list and the
 * export. Each is a command of its own, with its start and its end, on a relay with the embedded engines.
 *
 *     npm run bench:clients
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CLIENTS = 1_000;
const GOAL_MS = { import: 10_000, list: 2_000 };

const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
const env = { ...process.env, RELAY_LOCAL_DIR: folder };
const relay = spawn(process.execPath, ['local/process.ts', '--port', '0'], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  await ready();
  const file = join(folder, 'clients.csv');
  const lines = Array.from(
    { length: CLIENTS },
    (_, index) => `bench-${index}@example.com,id-${index},0.08 EUR,${100 + index}.00 EUR,3`,
  );
  writeFileSync(file, `email,platform_id,price_per_credit,monthly_cap,daily_count\n${lines.join('\n')}\n`);
  const result = {
    clients: CLIENTS,
    goalMs: GOAL_MS,
    dryRunMs: await command('accounts', 'import', file),
    importMs: await command('accounts', 'import', file, '--yes'),
    importAgainMs: await command('accounts', 'import', file, '--yes'),
    listMs: await command('accounts', 'list', '--limit', String(2 * CLIENTS)),
    exportMs: await command('accounts', 'export', '--file', join(folder, 'exported.csv')),
    eraseDryRunMs: await command('erase', 'bench-1@example.com', '--dry-run'),
  };
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
} finally {
  relay.kill('SIGTERM');
  await once(relay, 'exit');
  rmSync(folder, { recursive: true });
}

/** Waits until the demonstration is over, which warms the relay up. */
async function ready(): Promise<void> {
  for await (const chunk of relay.stdout) if (String(chunk).includes('Ctrl-C')) return;
  throw new Error('The relay did not start.');
}

/** @returns milliseconds from start to end. */
async function command(...args: string[]): Promise<number> {
  const begun = performance.now();
  const child = spawn(process.execPath, ['cli/process.ts', ...args], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}.`);
  return Math.round(performance.now() - begun);
}
