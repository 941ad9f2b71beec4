import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { Config } from '../../shared/config.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { createDynamoQuarantine } from '../../shared/recharge/quarantine.ts';
import type { RechargeWebhookDeps } from './handler.ts';

/** The webhook's parts on one table: the same on AWS and on one machine. */
export function rechargeWebhookDeps({
  config,
  client,
  table,
  ...given
}: { config: Config; client: DynamoDBDocumentClient; table: string } & Pick<
  RechargeWebhookDeps,
  'secrets' | 'queue' | 'sweepAgainMs' | 'logger' | 'now'
>): RechargeWebhookDeps {
  const ledger = createDynamoLedger(client, table);
  return {
    ...given,
    config: config.recharge,
    ledger,
    accounts: createAccounts(client, table, ledger),
    quarantine: createDynamoQuarantine(client, table),
  };
}
