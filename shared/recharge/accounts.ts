import { type DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { type Account, unknownAccount } from './account.ts';
import { ACCOUNTS_LIST } from './dynamo-ledger.ts';
import type { Ledger } from './ledger.ts';

const ALIAS = 'ACCOUNT-ID#';

/** The clients the agency knows, as its developer sees and changes them. */
export interface Accounts {
  /** The email of the account linked to the platform's id. */
  emailOf(platformId: string): Promise<string | undefined>;
  /** Changes settings only; what the guard counts is never touched. Links `platformId` where it is given. */
  set(email: string, settings: AccountSettings): Promise<Account>;
  /** Undefined where neither a setting nor a webhook ever named this client. */
  show(email: string): Promise<Account | undefined>;
  /** Emails of the clients set up by the agency, in alphabetical order. */
  list(): Promise<string[]>;
}

export type AccountSettings = Partial<
  Pick<Account, 'status' | 'grantEmail' | 'platformId' | 'customer' | 'pricing' | 'limits'>
>;

export function createAccounts(client: DynamoDBDocumentClient, table: string, ledger: Ledger): Accounts {
  return {
    async emailOf(platformId) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: ALIAS + platformId }, ConsistentRead: true }),
      );
      return Item && z.object({ email: z.string() }).parse(Item).email;
    },

    async set(email, settings) {
      if (settings.platformId !== undefined) {
        await client.send(
          new PutCommand({ TableName: table, Item: { pk: ALIAS + settings.platformId, v: 1, email } }),
        );
      }
      let account = await ledger.readAccount(email);
      for (;;) {
        const { limits, ...others } = settings;
        const next: Account = {
          ...account,
          status: account.status ?? 'active',
          ...others,
          limits: { ...account.limits, ...limits },
        };
        const written = await ledger.writeAccount(account, next);
        account = written.row;
        if (written.kind === 'written') return account;
      }
    },

    async show(email) {
      const account = await ledger.readAccount(email);
      return account.revision === unknownAccount(email).revision ? undefined : account;
    },

    async list() {
      const emails: string[] = [];
      let after: Record<string, unknown> | undefined;
      do {
        const page = await client.send(
          new QueryCommand({
            TableName: table,
            IndexName: 'recent',
            KeyConditionExpression: '#list = :list',
            ExpressionAttributeNames: { '#list': 'list' },
            ExpressionAttributeValues: { ':list': ACCOUNTS_LIST },
            ExclusiveStartKey: after,
          }),
        );
        emails.push(
          ...(page.Items ?? []).map((item) => z.object({ listKey: z.string() }).parse(item).listKey),
        );
        after = page.LastEvaluatedKey;
      } while (after);
      return emails;
    },
  };
}
