import { isDeepStrictEqual } from 'node:util';
import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb';
import { shellQuoted } from '../shell.ts';
import { recentPage, standingItem } from '../storage/table.ts';
import { type Account, type Limits, type StatusChange, unknownAccount } from './account.ts';
import { ACCOUNTS_LIST } from './dynamo-accounts.ts';
import { forgettable } from './guard.ts';
import type { Ledger } from './ledger.ts';
import { ALIAS, aliasSchema, linkedEmail } from './linked-email.ts';

/** The clients the agency knows, as its developer sees and changes them. */
export interface Accounts {
  /** The email of the account linked to the platform's id. */
  emailOf(platformId: string): Promise<string | undefined>;
  /**
   * Changes settings only; what the guard counts is never touched. Links `platformId` where it is given, and unlinks
   * the one before: nobody knows whose that is now. Writes nothing where everything is so already.
   *
   * @param options.judge throws where the account, as it is then, must not be changed so.
   * @param options.read the account, if it was read before: it is written only if it is still the same.
   * @throws a LinkedIdError where that id is linked to another client.
   */
  set(
    email: string,
    settings: AccountSettings,
    options?: { judge?: (account: Account) => void; read?: Account },
  ): Promise<Account>;
  /** Frees the platform's id. @returns whose it was. */
  unlink(platformId: string): Promise<string | undefined>;
  /**
   * Forgets all that is known of a client, and the link of their platform id. For two days a bare row stays, which
   * refuses every attempt that began by now; then storage clears it away. So nothing that is under way anywhere can
   * charge a client whose reservations are gone.
   *
   * @param judge throws where the client, as they are then, must not be erased.
   * @param now Unix milliseconds.
   * @returns false where nothing was known.
   */
  erase(email: string, judge: (account: Account) => Promise<void>, now: number): Promise<boolean>;
  /** Undefined where neither a setting nor a webhook named this client, as far as storage remembers. */
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

type Clearable<Settings> = { [Name in keyof Settings]?: Settings[Name] | null | undefined };

/** What is not named stays as it is; `null` takes a setting away, so that the configuration's counts again. */
export type AccountSettings = {
  status?: NonNullable<Account['status']>;
  statusChange?: StatusChange;
  limits?: Clearable<Limits>;
} & Clearable<
  Pick<Account, 'grantEmail' | 'platformId' | 'customer' | 'paymentMethod' | 'meansChosenAt' | 'pricing'>
>;

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

    async set(email, settings, { judge = () => {}, read } = {}) {
      let account = read ?? (await ledger.readAccount(email));
      judge(account);
      if (settings.platformId) await link(settings.platformId, email);
      for (;;) {
        const next = withSettings(account, settings);
        if (isDeepStrictEqual(next, account)) return account;
        // The old id is unlinked before the account is written. Should this process end in between, a webhook with
        // the old id is quarantined, not charged.
        if (account.platformId && account.platformId !== next.platformId)
          await unlink(account.platformId, email);
        const written = await ledger.writeAccount(account, next);
        if (written.kind === 'written') return written.row;
        account = written.row;
        try {
          judge(account);
        } catch (refusal) {
          // Nothing is written, so the link must not stay either: webhooks that name the id would charge this client.
          if (settings.platformId && settings.platformId !== account.platformId)
            await unlink(settings.platformId, email);
          throw refusal;
        }
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

    async erase(email, judge, now) {
      let account = await ledger.readAccount(email);
      for (;;) {
        if (isBare(account)) return false;
        await judge(account);
        if (account.platformId) await unlink(account.platformId, email);
        const bare = {
          ...unknownAccount(email),
          revision: account.revision,
          closedTo: now + CLOCKS_APART_MS,
        };
        const written = await ledger.writeAccount(account, forgettable(bare, now));
        if (written.kind === 'written') return true;
        account = written.row;
      }
    },

    async show(email) {
      const account = await ledger.readAccount(email);
      return isBare(account) ? undefined : account;
    },

    async list() {
      const emails: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await recentPage(client, table, ACCOUNTS_LIST, cursor, LISTED_AT_ONCE);
        emails.push(...page.items.map(({ listKey }) => listKey));
        cursor = page.cursor;
      } while (cursor !== undefined);
      return emails.reverse();
    },
  };
}

/** Nothing is known of the client: there is no row, or one that only excludes what is over. */
const isBare = ({ status, last, reservations, told }: Account) =>
  status === undefined && last === undefined && told === undefined && Object.keys(reservations).length === 0;

/** The webhook's clock, which says when an attempt began, may be ahead of ours by this. */
const CLOCKS_APART_MS = 60_000;

/** Keys of under 600 bytes each: a page of DynamoDB's has 1 MB. */
const LISTED_AT_ONCE = 1_000;

/** The account as these settings make it: known, and active unless they say otherwise. */
export function withSettings(account: Account, { limits, ...settings }: AccountSettings): Account {
  const { status, customer = account.customer } = settings;
  return changed(account, {
    // What is saved at the provider is another customer's.
    ...(customer === account.customer ? {} : { paymentMethod: null, meansChosenAt: null }),
    ...settings,
    // Who is enabled has all their tries again.
    ...(status === 'active' && account.status !== 'active' ? { declines: null } : {}),
    // Storage may forget the row of a client who is not known, and of no other.
    expiresAt: null,
    status: status ?? account.status ?? 'active',
    limits: changed(account.limits, limits ?? {}),
  });
}

/** `before` with what is given; `null` takes away. */
function changed<Settings extends object>(before: Settings, given: Clearable<Settings>): Settings {
  const next = { ...before };
  for (const [name, value] of Object.entries(given)) {
    if (value === null) Reflect.deleteProperty(next, name);
    else if (value !== undefined) Reflect.set(next, name, value);
  }
  return next;
}
