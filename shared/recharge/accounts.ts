import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { shellQuoted } from '../shell.ts';
import { recentPage, standingItem } from '../storage/table.ts';
import { type Account, type Limits, unknownAccount } from './account.ts';
import { ACCOUNTS_LIST } from './dynamo-ledger.ts';
import type { Ledger } from './ledger.ts';
import { ALIAS, aliasSchema, linkedEmail } from './linked-email.ts';

/** The clients the agency knows, as its developer sees and changes them. */
export interface Accounts {
  /** The email of the account linked to the platform's id. */
  emailOf(platformId: string): Promise<string | undefined>;
  /**
   * Changes settings only; what the guard counts is never touched. Links `platformId` where it is given, and unlinks
   * the one before: nobody knows whose that is now.
   *
   * @throws a LinkedIdError where that id is linked to another client.
   */
  set(email: string, settings: AccountSettings): Promise<Account>;
  /** Frees the platform's id. @returns whose it was. */
  unlink(platformId: string): Promise<string | undefined>;
  /** Undefined where neither a setting nor a webhook ever named this client. */
  show(email: string): Promise<Account | undefined>;
  /** Emails of the clients set up by the agency, in alphabetical order. */
  list(): Promise<string[]>;
}

/** The platform's id names another client already: a slip there would charge the wrong card. */
export class LinkedIdError extends Error {
  constructor(platformId: string, email: string) {
    super(
      `The platform id ${platformId} is linked to ${email}, who is charged by webhooks that name it. Nothing was ` +
        `changed. If it is not theirs: npx relay accounts unlink ${shellQuoted(platformId)}`,
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
    const standing = await standingItem(() =>
      client.send(
        new PutCommand({
          TableName: table,
          Item: { pk: ALIAS + platformId, v: 1, email },
          ConditionExpression: 'attribute_not_exists(pk) OR email = :email',
          ExpressionAttributeValues: { ':email': email },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        }),
      ),
    );
    if (standing) throw new LinkedIdError(platformId, aliasSchema.parse(standing).email);
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
  const emailOf = (platformId: string) => linkedEmail(client, table, platformId);
  return {
    emailOf,

    async set(email, { limits, ...settings }) {
      if (settings.platformId) await link(settings.platformId, email);
      let account = await ledger.readAccount(email);
      for (;;) {
        const next: Account = {
          ...withSettings(account, settings),
          status: settings.status ?? account.status ?? 'active',
          limits: withSettings(account.limits, limits ?? {}),
        };
        // The old id is unlinked before the account is written. Should this process end in between, a webhook with
        // the old id is quarantined, not charged.
        if (account.platformId && account.platformId !== next.platformId)
          await unlink(account.platformId, email);
        const written = await ledger.writeAccount(account, next);
        if (written.kind === 'written') return written.row;
        account = written.row;
      }
    },

    async unlink(platformId) {
      const email = await emailOf(platformId);
      if (email === undefined) return undefined;
      await unlink(platformId, email);
      let account = await ledger.readAccount(email);
      while (account.platformId === platformId) {
        const { platformId: _, ...next } = account;
        const written = await ledger.writeAccount(account, next);
        account = written.row;
      }
      return email;
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
