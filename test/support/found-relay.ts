import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach } from 'vitest';
import { localSecrets, writeRuntime } from '../../local/state.ts';
import { type Connection, connect } from '../../operate/connection.ts';
import type { Target } from '../../operate/target.ts';
import { type AlertLogger, withAlertRows } from '../../shared/alerts.ts';
import { createLogger } from '../../shared/logger.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { parseConfig } from '../../shared/settings/config.ts';
import { runCommand } from './command.ts';
import { type Store, useDynamo } from './store.ts';

export interface FoundRelay extends Store {
  env: NodeJS.ProcessEnv;
  target: Target;
  connection: Connection;
  /** Raises alerts as a function does. */
  logger: AlertLogger;
  clock: { time: number };
  cli(...args: string[]): ReturnType<typeof runCommand>;
}

/**
 * A relay that was started in a folder and has ended since, but for its table: what people's deeds ask of a relay,
 * without one.
 *
 * @param options.now the time at the beginning of each test, in Unix milliseconds; commands go by the real clock.
 * @param options.guard of the configuration in force.
 * @param options.others where nobody shall be asked by accident.
 */
export function useFoundRelay({
  now = Date.now,
  guard = {},
  others = {},
}: {
  now?: () => number;
  guard?: object;
  others?: Partial<Others>;
} = {}): () => FoundRelay {
  const { connect: open, endpoint, newTable } = useDynamo();
  const root = mkdtempSync(join(tmpdir(), 'relay-found-'));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  let found: FoundRelay | undefined;
  beforeEach(async () => {
    const client = open();
    const table = await newTable(client);
    const RELAY_LOCAL_DIR = join(root, table);
    mkdirSync(RELAY_LOCAL_DIR);
    const env = { RELAY_LOCAL_DIR };
    localSecrets(env);
    writeRuntime(env, {
      url: 'http://127.0.0.1:9',
      dynamodbEndpoint: endpoint(),
      table,
      config: configOf(guard, { ...ELSEWHERE, ...others }),
    });
    const clock = { time: now() };
    const time = () => clock.time;
    const target = { stack: undefined, env };
    const silent = createLogger(() => {});
    found = {
      ...{ client, table, env, target, clock },
      ledger: createDynamoLedger(client, table),
      connection: await connect(target, { logger: silent, now: time }),
      logger: withAlertRows(silent, { client, table, now: time }),
      cli: (...args) => runCommand(args, { env }),
    };
    return () => client.destroy();
  });
  return () => {
    if (!found) throw new Error('Bug! There is a relay inside of tests only.');
    return found;
  };
}

/** Where the relay's others are, by the configuration. */
interface Others {
  platform: string;
  payments: string;
}

const ELSEWHERE: Others = {
  platform: 'https://platform.example.com/v1',
  payments: 'https://pay.example.com',
};

const configOf = (guard: object, { platform, payments }: Others) =>
  parseConfig(
    {
      platform: { baseUrl: platform },
      recharge: { mode: 'live', creditsField: 'credits' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      guard,
      payment: { type: 'http', url: payments },
    },
    'the configuration of this test',
  );
