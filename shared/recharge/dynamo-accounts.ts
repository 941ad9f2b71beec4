import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod/mini';
import { paymentMethodSchema } from '../payments/payment-method.ts';
import { getItem, type Item, pkOfKnownVersion, standingItem, updateOf } from '../storage/table.ts';
import { ACCOUNT_STATUSES, type Account, limitsSchema, type Reservation, unknownAccount } from './account.ts';
import { keyOf } from './dynamo-recharges.ts';
import type { Ledger } from './ledger.ts';
import { pricingSchema } from './pricing.ts';
import { REFUSALS, SCHEMA_VERSION } from './recharge.ts';

export const ACCOUNT = 'ACCOUNT#';
/** What the names of the attributes begin with that hold reservations. */
export const RESERVATION = 'r_';
/** The partition of the `recent` index that names the clients the agency knows. */
export const ACCOUNTS_LIST = 'ACCOUNTS';

/** The clients of the ledger on DynamoDB. */
export function createDynamoAccounts(
  client: DynamoDBDocumentClient,
  table: string,
): Pick<Ledger, 'readAccount' | 'writeAccount'> {
  return {
    async readAccount(email, consistency = 'strong') {
      const Item = await getItem(client, table, ACCOUNT + email, consistency);
      return Item ? accountOf(Item) : unknownAccount(email);
    },

    async writeAccount(read, next) {
      const row = { ...next, revision: read.revision + 1 };
      const update = updateOf(itemOfAccount(read), itemOfAccount(row), {
        attribute: 'revision',
        was: read.revision,
        ofAbsent: 0,
      });
      const standing = await standingItem(() =>
        client.send(new UpdateCommand({ TableName: table, ...update })),
      );
      if (!standing) return { kind: 'written', row };
      // Nothing stands there any more where storage has forgotten the row of a client who is not known.
      const isGone = standing.pk === undefined;
      return { kind: 'conflict', row: isGone ? unknownAccount(read.email) : accountOf(standing) };
    },
  };
}

const time = z.int();
const text = z.string();

/**
 * `w` (word) makes it a refusal, `f` (freed because) a released reservation; `y`: the decline was retryable. `n` is the
 * number of credits, `m` the means of payment, `p` the payment endpoint, `q` the platform.
 */
const reservationSchema = z.pipe(
  z.object({
    t: time,
    a: z.exactOptional(z.int()),
    c: z.exactOptional(text),
    w: z.exactOptional(z.enum(REFUSALS)),
    f: z.exactOptional(text),
    y: z.exactOptional(z.boolean()),
    prepaid: z.exactOptional(z.literal(true)),
    n: z.exactOptional(z.int()),
    customer: z.exactOptional(text),
    m: z.exactOptional(text),
    platformId: z.exactOptional(text),
    balance: z.exactOptional(z.number()),
    p: z.exactOptional(text),
    q: z.exactOptional(text),
  }),
  z.transform(({ t, a, c, w, f, y, customer, m, platformId, balance, p, q, n, prepaid }): Reservation => {
    const common = {
      at: t,
      ...(a === undefined || c === undefined ? {} : { money: { amount: a, currency: c } }),
      ...(customer === undefined ? {} : { customer }),
      ...(m === undefined ? {} : { paymentMethod: m }),
      ...(platformId === undefined ? {} : { platformId }),
      ...(balance === undefined ? {} : { balanceBefore: balance }),
      ...(p === undefined ? {} : { payment: p }),
      ...(q === undefined ? {} : { platform: q }),
    };
    if (w !== undefined) return { ...common, state: 'refused', word: w };
    if (f !== undefined) return { ...common, state: 'released', reason: f, retryable: y ?? false };
    const credits = n === undefined ? {} : { credits: n };
    return { ...common, state: 'reserved', ...credits, ...(prepaid ? { prepaid } : {}) };
  }),
);

function itemOfReservation(entry: Reservation): Item {
  return {
    t: entry.at,
    a: entry.money?.amount,
    c: entry.money?.currency,
    w: entry.state === 'refused' ? entry.word : undefined,
    f: entry.state === 'released' ? entry.reason : undefined,
    y: entry.state === 'released' && entry.retryable ? true : undefined,
    prepaid: entry.state === 'reserved' ? entry.prepaid : undefined,
    n: entry.state === 'reserved' ? entry.credits : undefined,
    customer: entry.customer,
    m: entry.paymentMethod,
    platformId: entry.platformId,
    balance: entry.balanceBefore,
    p: entry.payment,
    q: entry.platform,
  };
}

const accountSchema = z.object({
  revision: z.int(),
  status: z.exactOptional(z.enum(ACCOUNT_STATUSES)),
  statusChange: z.exactOptional(
    z.object({
      at: time,
      note: text,
      by: z.exactOptional(text),
      forDeclines: z.exactOptional(z.literal(true)),
    }),
  ),
  grantEmail: z.exactOptional(text),
  platformId: z.exactOptional(text),
  customer: z.exactOptional(text),
  paymentMethod: z.exactOptional(paymentMethodSchema),
  pricing: z.exactOptional(pricingSchema),
  limits: z.exactOptional(limitsSchema),
  last: z.exactOptional(text),
  lastAt: z.exactOptional(time),
  meansChosenAt: z.exactOptional(time),
  declines: z.exactOptional(
    z.object({
      times: z.int(),
      card: z.exactOptional(text),
      suspendedFor: z.exactOptional(z.array(text)),
    }),
  ),
  told: z.exactOptional(z.object({ day: text, words: z.array(text) })),
  closedTo: z.exactOptional(time),
  expiresAt: z.exactOptional(z.int()),
});

/** Counters and entries are attributes of their own: `n_<day>`, `m_<month>_<currency>`, `r_<recharge>_<attempt>`. */
export function accountOf(item: Item): Account {
  const pk = pkOfKnownVersion(item, SCHEMA_VERSION);
  const { limits, last, lastAt, ...account } = accountSchema.parse(item);
  const named = <Value>(
    prefix: string,
    schema: z.ZodMiniType<Value>,
    keepPrefix = false,
  ): Record<string, Value> =>
    Object.fromEntries(
      Object.entries(item)
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [keepPrefix ? name : name.slice(prefix.length), schema.parse(value)]),
    );
  return {
    ...account,
    email: keyOf(pk),
    limits: limits ?? {},
    ...(last === undefined || lastAt === undefined ? {} : { last: { key: last, at: lastAt } }),
    counts: named('n_', z.int()),
    spent: named('m_', z.int()),
    reservations: named(RESERVATION, reservationSchema, true),
  };
}

function itemOfAccount(account: Account): Item {
  const { email, counts, spent, reservations, last, limits, ...rest } = account;
  const prefixed = (prefix: string, record: Record<string, number>) =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [prefix + name, value]));
  const known = account.status !== undefined;
  return {
    ...rest,
    v: account.revision === 0 ? undefined : SCHEMA_VERSION,
    pk: ACCOUNT + email,
    list: known ? ACCOUNTS_LIST : undefined,
    listKey: known ? email : undefined,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    last: last?.key,
    lastAt: last?.at,
    ...prefixed('n_', counts),
    ...prefixed('m_', spent),
    ...Object.fromEntries(
      Object.entries(reservations).map(([name, entry]) => [name, itemOfReservation(entry)]),
    ),
  };
}
