import { localPolicy } from '../local/policy.ts';
import { FOLDER, readRuntime, WITH_FOLDER } from '../local/state.ts';
import { createDocumentClient } from '../shared/aws.ts';
import { type Accounts, createAccounts } from '../shared/recharge/accounts.ts';
import type { Charging } from '../shared/recharge/charging.ts';
import { createDynamoCharging } from '../shared/recharge/dynamo-charging.ts';
import { createDynamoLedger } from '../shared/recharge/dynamo-ledger.ts';
import type { Ledger } from '../shared/recharge/ledger.ts';
import type { Policy } from '../shared/recharge/policy.ts';

/** The relay a command speaks of. */
export interface Connection {
  ledger: Ledger;
  accounts: Accounts;
  charging: Charging;
  policy: Policy;
  now: () => number;
}

export const START_FIRST = `Run ${WITH_FOLDER}npm start, then this command in another terminal.`;
export const NOT_STARTED = `No relay was started in ${FOLDER}. ${START_FIRST}`;

/**
 * Finds the relay that `npm start` runs in `RELAY_LOCAL_DIR`, or the one whose engine `DYNAMODB_ENDPOINT`
 * names.
 *
 * @throws an Error that says what to start, where there is none.
 */
export function connect(env: NodeJS.ProcessEnv): Connection {
  const runtime = readRuntime();
  const endpoint = env.DYNAMODB_ENDPOINT ?? runtime?.dynamodbEndpoint;
  if (endpoint === undefined) throw new Error(NOT_STARTED);
  const table = runtime?.table ?? 'recharge-relay';
  const client = createDocumentClient(endpoint);
  const ledger = createDynamoLedger(client, table);
  return {
    ledger,
    accounts: createAccounts(client, table, ledger),
    charging: createDynamoCharging(client, table, { freshMs: 0, now: Date.now }),
    policy: localPolicy,
    now: Date.now,
  };
}
