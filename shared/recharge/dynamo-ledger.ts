import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoAccounts } from './dynamo-accounts.ts';
import { createDynamoRecharges, type GetRow } from './dynamo-recharges.ts';
import type { Ledger } from './ledger.ts';

/**
 * The ledger on DynamoDB: every verb is one request on one item; no transaction, no scan.
 *
 * @param getRow where a recharge's row is read together with something else.
 */
export const createDynamoLedger = (
  client: DynamoDBDocumentClient,
  table: string,
  getRow?: GetRow,
): Ledger => ({
  ...createDynamoRecharges(client, table, getRow),
  ...createDynamoAccounts(client, table),
});
