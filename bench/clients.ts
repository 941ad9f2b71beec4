/**
 * What an operator waits for with a thousand clients: the import of a file, the same file again, the list and the
 * export. Each is a command of its own, with its start and its end, on a relay with the embedded engines.
 *
 *     npm run bench:clients
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { msOf } from './command.ts';
import { type Figure, type Measured, printed } from './figures.ts';
import { startRelay } from './relay.ts';

const CLIENTS = 1_000;
const GOAL_IMPORT_MS = 10_000;
const GOAL_LIST_MS = 2_000;

export async function measureClients(): Promise<Measured> {
  const relay = await startRelay();
  const { folder, env } = relay;
  try {
    const file = join(folder, 'clients.csv');
    const lines = Array.from(
      { length: CLIENTS },
      (_, index) => `bench-${index}@example.com,id-${index},0.08 EUR,${100 + index}.00 EUR,3`,
    );
    writeFileSync(file, `email,platform_id,price_per_credit,monthly_cap,daily_count\n${lines.join('\n')}\n`);
    const timed = async (what: string, args: string[], atMost?: number): Promise<Figure> => ({
      what,
      value: await msOf(process.execPath, ['cli/process.ts', ...args], env),
      unit: 'ms',
      ...(atMost === undefined ? {} : { goal: { atMost } }),
    });
    return {
      title: 'A thousand clients',
      how: 'Each is a command of its own, from its start to its end, on a relay with the embedded engines.',
      figures: [
        await timed('accounts import, a trial', ['accounts', 'import', file]),
        await timed('accounts import', ['accounts', 'import', file, '--yes'], GOAL_IMPORT_MS),
        await timed('the same file again', ['accounts', 'import', file, '--yes']),
        await timed('accounts list', ['accounts', 'list', '--limit', String(2 * CLIENTS)], GOAL_LIST_MS),
        await timed('accounts export', ['accounts', 'export', '--file', join(folder, 'exported.csv')]),
        await timed('erase, a trial', ['erase', 'bench-1@example.com', '--dry-run']),
      ],
    };
  } finally {
    await relay.stop();
  }
}

if (import.meta.main) process.stdout.write(printed(await measureClients()));
