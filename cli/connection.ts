import { localPolicy } from '../local/policy.ts';
import { readRuntime } from '../local/state.ts';
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

/**
 * Finds the relay that `npm start` runs in this folder, or the one whose engine `DYNAMODB_ENDPOINT` names.
 *
 * @throws an Error that says what to start, where there is none.
 */
export function connect(env: NodeJS.ProcessEnv): Connection {
  const runtime = readRuntime();
  const endpoint = env.DYNAMODB_ENDPOINT ?? runtime?.dynamodbEndpoint;
  if (endpoint === undefined) {
    throw new Error(
      'No relay was started in this folder: run npm start, and this command in another terminal.',
    );
  }
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
