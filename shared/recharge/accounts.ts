import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { recentPage } from '../storage/table.ts';
import { type Account, type Limits, unknownAccount } from './account.ts';
import { ACCOUNTS_LIST } from './dynamo-ledger.ts';
import type { Ledger } from './ledger.ts';

const ALIAS = 'ACCOUNT-ID#';

/** The clients the agency knows, as its developer sees and changes them. */
export interface Accounts {
  /** The email of the account linked to the platform's id. */
  emailOf(platformId: string): Promise<string | undefined>;
  /**
   * Changes settings only; what the guard counts is never touched. Links `platformId` where it is given.
   *
   * @throws a LinkedIdError where that id is linked to another client.
   */
  set(email: string, settings: AccountSettings): Promise<Account>;
  /** Undefined where neither a setting nor a webhook ever named this client. */
  show(email: string): Promise<Account | undefined>;
  /** Emails of the clients set up by the agency, in alphabetical order. */
  list(): Promise<string[]>;
}

/** The platform's id names another client already: a slip there would charge the wrong card. */
export class LinkedIdError extends Error {
  constructor(platformId: string) {
    super(
      `The platform id ${platformId} is linked to another client, whose webhooks would then charge this one. ` +
        'Take it from that client first: accounts set OTHER --platform-id none',
    );
    this.name = 'LinkedIdError';
  }
}

type Clearable<Settings> = { [Name in keyof Settings]?: Settings[Name] | null };

/** What is not named stays as it is; `null` takes a setting away, so that the configuration's counts again. */
export type AccountSettings = {
  status?: NonNullable<Account['status']>;
  limits?: Clearable<Limits>;
} & Clearable<Pick<Account, 'grantEmail' | 'platformId' | 'customer' | 'pricing'>>;

export function createAccounts(client: DynamoDBDocumentClient, table: string, ledger: Ledger): Accounts {
  const link = async (platformId: string, email: string) => {
    try {
      await client.send(
        new PutCommand({
          TableName: table,
          Item: { pk: ALIAS + platformId, v: 1, email },
          ConditionExpression: 'attribute_not_exists(pk) OR email = :email',
          ExpressionAttributeValues: { ':email': email },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      throw new LinkedIdError(platformId);
    }
  };
  const unlink = async (platformId: string, email: string) => {
    try {
      await client.send(
        new DeleteCommand({
          TableName: table,
          Key: { pk: ALIAS + platformId },
          ConditionExpression: 'email = :email',
          ExpressionAttributeValues: { ':email': email },
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
    }
  };
  return {
    async emailOf(platformId) {
      const { Item } = await client.send(
        new GetCommand({ TableName: table, Key: { pk: ALIAS + platformId }, ConsistentRead: true }),
      );
      return Item && z.object({ email: z.string() }).parse(Item).email;
    },

    async set(email, { limits, ...settings }) {
      if (settings.platformId) await link(settings.platformId, email);
      let account = await ledger.readAccount(email);
      for (;;) {
        const next: Account = {
          ...withSettings(account, settings),
          status: settings.status ?? account.status ?? 'active',
          limits: withSettings(account.limits, limits ?? {}),
        };
        const written = await ledger.writeAccount(account, next);
        if (written.kind === 'written') {
          // An id that was only replaced keeps leading here: a late webhook may still name it.
          if (settings.platformId === null && account.platformId) await unlink(account.platformId, email);
          return written.row;
        }
        account = written.row;
      }
    },

    async show(email) {
      const account = await ledger.readAccount(email);
      return account.revision === unknownAccount(email).revision ? undefined : account;
    },

    async list() {
      const emails: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await recentPage(client, table, ACCOUNTS_LIST, cursor);
        emails.push(...page.items.map(({ listKey }) => listKey));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return emails.reverse();
    },
  };
}

/** `before` with what is given; `null` takes away. */
function withSettings<Settings extends object>(before: Settings, given: Clearable<Settings>): Settings {
  const next = { ...before, ...given };
  for (const [name, value] of Object.entries(given)) if (value === null) Reflect.deleteProperty(next, name);
  return next;
}
