import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import * as z from 'zod/mini';
import type { HistoryEntry } from '../history.ts';
import {
  creationOf,
  getItem,
  historySchema,
  type Item,
  itemOfHistory,
  openPage,
  pkOfKnownVersion,
  standingItem,
  updateOf,
} from '../storage/table.ts';
import { dayOf } from './account.ts';
import type { Ledger, WaitsFor } from './ledger.ts';
import { isGivingBack } from './machine/goodwill.ts';
import {
  GOODWILL_REFUNDS,
  LATEST_VERSION,
  LOSS_WORDS,
  newRecharge,
  PHASES,
  REVIEW_REASONS,
  type Recharge,
  SCHEMA_VERSION,
} from './recharge.ts';

export const RECHARGE = 'RECHARGE#';

/** A consistent read of one item. */
export type GetRow = (pk: string) => Promise<Item | undefined>;

/**
 * The recharges of the ledger on DynamoDB. The table has
 * partition key `pk` and two indexes of keys only: `open` (`open`, `nextAttemptAt`) of what the
 * sweeper brings back by when it is due, and `recent` (`list`, `listKey`) of recharges by UTC day.
 *
 * @param getRow where a row is read together with something else.
 */
export function createDynamoRecharges(
  client: DynamoDBDocumentClient,
  table: string,
  getRow: GetRow = (pk) => getItem(client, table, pk),
): Omit<Ledger, 'readAccount' | 'writeAccount'> {
  return {
    async claim(row) {
      const standing = await standingItem(() =>
        client.send(new UpdateCommand({ TableName: table, ...creationOf(itemOfRecharge(row)) })),
      );
      return standing ? { kind: 'conflict', row: rechargeOf(standing) } : { kind: 'written', row };
    },

    async read(key, consistency = 'strong') {
      const pk = RECHARGE + key;
      const item = await (consistency === 'strong' ? getRow(pk) : getItem(client, table, pk, consistency));
      return item && rechargeOf(item);
    },

    async write(read, next) {
      const row = { ...next, v: versionOf(next), version: read.version + 1 };
      // The sweeper counts without raising the version. So its counts are removed even where they were not read,
      // unless they are meant to stay.
      const counted = { swept: 0, unanswered: 0 };
      const update = updateOf({ ...counted, ...itemOfRecharge(read) }, itemOfRecharge(row), {
        attribute: 'version',
        was: read.version,
        ofAbsent: UNTOUCHED.version,
      });
      const standing = await standingItem(() =>
        client.send(new UpdateCommand({ TableName: table, ...update })),
      );
      return standing ? { kind: 'conflict', row: rechargeOf(standing) } : { kind: 'written', row };
    },

    async due(waitsFor, until, cursor) {
      const page = await openPage(client, table, waitsFor, until, cursor);
      const items = page.items.map(({ pk, nextAttemptAt }) => ({ key: keyOf(pk), nextAttemptAt }));
      return { ...page, items };
    },

    async postpone({ key, nextAttemptAt }, to) {
      try {
        const { Attributes } = await client.send(
          new UpdateCommand({
            TableName: table,
            Key: { pk: RECHARGE + key },
            UpdateExpression: 'SET nextAttemptAt = :to ADD swept :one, unanswered :one',
            ConditionExpression: 'nextAttemptAt = :seen AND v <= :known',
            ExpressionAttributeValues: {
              ':to': to,
              ':seen': nextAttemptAt,
              ':one': 1,
              ':known': LATEST_VERSION,
            },
            ReturnValues: 'UPDATED_NEW',
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        );
        return sweptSchema.parse(Attributes);
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) throw error;
        if (error.Item) pkOfKnownVersion(unmarshall(error.Item), LATEST_VERSION);
        return undefined;
      }
    },
  };
}

// ── Items: what a row looks like on disk ─────────────────────────────────────────────────────────────

const time = z.int();
const text = z.string();

/**
 * What a row says that nobody has written since its claim. It is left out of the item, so that the function that claims,
 * which faces the internet, needs no right to write it: such a right would be one to forge a row, or to set it back.
 */
const UNTOUCHED = { phase: 'received', version: 1, attempt: 1, grantNo: 0 } as const;

const historyOfClaim = ({ receivedAt }: Pick<Recharge, 'receivedAt'>): HistoryEntry[] => [
  { at: receivedAt, event: 'received' },
];

/** Compared as texts: `isDeepStrictEqual` would be loaded with the first webhook. */
const isOfClaim = (row: Recharge) => JSON.stringify(row.history) === JSON.stringify(historyOfClaim(row));

const sweptSchema = z.object({ swept: z.int(), unanswered: z.int() });

/** Made when a row is first read, which the function that claims does not do: 100 schemas, a fortieth of its cold start. */
const rechargeSchema = z.lazy(() =>
  z.object({
    v: z.int(),
    email: text,
    credits: z.int(),
    receivedAt: time,
    phase: z._default(z.enum(PHASES), UNTOUCHED.phase),
    version: z._default(z.int(), UNTOUCHED.version),
    attempt: z._default(z.int(), UNTOUCHED.attempt),
    attemptStartedAt: z.exactOptional(time),
    nextAttemptAt: z.exactOptional(time),
    swept: z.exactOptional(z.int()),
    notBefore: z.exactOptional(time),
    wokenAt: z.exactOptional(time),
    stopped: z.exactOptional(z.boolean()),
    prepaid: z.exactOptional(z.literal(true)),
    amount: z.exactOptional(z.int()),
    currency: z.exactOptional(text),
    paymentRef: z.exactOptional(text),
    paidAt: z.exactOptional(time),
    paymentParty: z.exactOptional(text),
    platformParty: z.exactOptional(text),
    actionUrl: z.exactOptional(text),
    actBy: z.exactOptional(time),
    grantEmail: z.exactOptional(text),
    platformId: z.exactOptional(text),
    balanceBefore: z.exactOptional(z.number()),
    grantNo: z._default(z.int(), UNTOUCHED.grantNo),
    grantToken: z.exactOptional(text),
    grantDeadline: z.exactOptional(time),
    unsent: z.exactOptional(z.boolean()),
    notApplied: z.exactOptional(z.int()),
    phaseDeadline: z.exactOptional(time),
    refundStartedAt: z.exactOptional(time),
    refundedAt: z.exactOptional(time),
    refundRef: z.exactOptional(text),
    goodwillRefund: z.exactOptional(z.enum(GOODWILL_REFUNDS)),
    newBalance: z.exactOptional(z.number()),
    review: z.exactOptional(z.enum(REVIEW_REASONS)),
    sayAgain: z.exactOptional(z.enum(LOSS_WORDS)),
    reason: z.exactOptional(text),
    history: z.exactOptional(historySchema),
  }),
);

/** @throws NewerRowError where a later version of this program wrote the item. */
export function rechargeOf(item: Item): Recharge {
  const pk = pkOfKnownVersion(item, LATEST_VERSION);
  const row = rechargeSchema.parse(item);
  const { receivedAt, attemptStartedAt = receivedAt, history = historyOfClaim(row) } = row;
  return { ...row, key: keyOf(pk), attemptStartedAt, history };
}

const versionOf = (row: Recharge) => (isGivingBack(row) ? LATEST_VERSION : SCHEMA_VERSION);

/** Two partitions. Keyed by the phase, every transition would cost two more write units. */
const waitsFor = ({ review }: Recharge): WaitsFor => (review === undefined ? 'time' : 'person');

function itemOfRecharge(row: Recharge): Item {
  const { key, history, ...rest } = row;
  return {
    ...rest,
    pk: RECHARGE + key,
    list: RECHARGE + dayOf(row.receivedAt),
    listKey: listKeyOf(row),
    open: row.nextAttemptAt === undefined ? undefined : waitsFor(row),
    // The first attempt begins with the webhook; only a later one needs a time of its own.
    attemptStartedAt: row.attemptStartedAt === row.receivedAt ? undefined : row.attemptStartedAt,
    ...leftOut(row),
    history: isOfClaim(row) ? undefined : itemOfHistory(history),
  };
}

const leftOut = (row: Recharge): Item =>
  Object.fromEntries(
    Object.entries(UNTOUCHED).flatMap(([name, value]) =>
      Reflect.get(row, name) === value ? [[name, undefined]] : [],
    ),
  );

/** The attributes that a claim writes, and no other: the function that claims is given the right to these alone. */
export function claimedAttributes(): string[] {
  const order = { key: 'a', email: 'a', credits: 1, grantEmail: 'A' };
  const item = Object.entries(itemOfRecharge(newRecharge(order, 0, 0)));
  return item.flatMap(([name, value]) => (value === undefined ? [] : [name]));
}

export const listKeyOf = ({ receivedAt, email }: Pick<Recharge, 'receivedAt' | 'email'>) =>
  `${receivedAt}#${email}`;

export const keyOf = (pk: string) => pk.slice(pk.indexOf('#') + 1);
