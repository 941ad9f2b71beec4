import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import { createDynamoAccounts } from './dynamo-accounts.ts';
import { createDynamoRecharges } from './dynamo-recharges.ts';
import type { Ledger } from './ledger.ts';

/** The ledger on DynamoDB: every verb is one request on one item; no transaction, no scan. */
export const createDynamoLedger = (client: DynamoDBDocumentClient, table: string): Ledger => ({
  ...createDynamoRecharges(client, table),
  ...createDynamoAccounts(client, table),
});
