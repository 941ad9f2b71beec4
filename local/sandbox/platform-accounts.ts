import * as z from 'zod';
import type { Books } from './books.ts';

/** One client of the agency. All amounts are credits. */
export const clientSchema = z.object({
  email: z.email(),
  /** Default: made from the email. */
  subAccountId: z.string().min(1).optional(),
  balance: z.number().nonnegative().default(500),
  /** Below this balance an auto-recharge webhook is sent. */
  threshold: z.number().nonnegative().default(100),
  /** The credits that webhook asks for. */
  rechargeCredits: z.number().positive().default(500),
});

const happened = z.object({ at: z.iso.datetime(), email: z.string() });

/** `at` is an ISO time in UTC; amounts and balances are credits. */
export const platformEventSchema = z.discriminatedUnion('kind', [
  happened.extend({
    kind: z.literal('grant'),
    amount: z.number(),
    description: z.string().optional(),
    newBalance: z.number(),
  }),
  happened.extend({ kind: z.literal('spend'), amount: z.number(), newBalance: z.number() }),
  happened.extend({ kind: z.literal('webhook'), idempotency_key: z.string(), credits: z.number() }),
  happened.extend({
    kind: z.literal('delivery'),
    idempotency_key: z.string(),
    /** 1 for the first try. */
    attempt: z.int(),
    /** The HTTP status, or why there is none; `lost` never left the platform. */
    status: z.union([z.int(), z.enum(['no_answer', 'lost'])]),
  }),
  happened.extend({ kind: z.literal('given_up'), idempotency_key: z.string() }),
]);

export type PlatformEvent = z.infer<typeof platformEventSchema>;
type Grant = Extract<PlatformEvent, { kind: 'grant' }>;

export interface Account {
  email: string;
  subAccountId: string;
  balance: number;
  threshold: number;
  rechargeCredits: number;
  grants: Grant[];
  /** The idempotency key of the recharge that is under way. */
  outstanding: string | undefined;
}

export interface Accounts {
  all(): Account[];
  find(email: string): Account | undefined;
  /** Writes the event into the books, then changes the account by it. */
  record(event: PlatformEvent): void;
}

/** The accounts as they are after everything in the books; an event of an unlisted client changes none. */
export function createAccounts(
  clients: z.output<typeof clientSchema>[],
  books: Books<PlatformEvent>,
): Accounts {
  const accounts = new Map<string, Account>();
  for (const client of clients) {
    const subAccountId = client.subAccountId ?? `sub-${client.email.replaceAll(/[^a-z0-9]+/gi, '-')}`;
    accounts.set(client.email, { ...client, subAccountId, grants: [], outstanding: undefined });
  }
  const change = (event: PlatformEvent) => {
    const account = accounts.get(event.email);
    if (account) applyEvent(account, event);
  };
  books.events.forEach(change);
  return {
    all: () => [...accounts.values()],
    find: (email) => accounts.get(email),
    record(event) {
      books.record(event);
      change(event);
    },
  };
}

function applyEvent(account: Account, event: PlatformEvent): void {
  switch (event.kind) {
    case 'grant':
      account.balance = event.newBalance;
      account.grants.push(event);
      if (account.balance >= account.threshold) account.outstanding = undefined;
      return;
    case 'spend':
      account.balance = event.newBalance;
      return;
    case 'webhook':
      account.outstanding = event.idempotency_key;
      return;
    case 'given_up':
      if (account.outstanding === event.idempotency_key) account.outstanding = undefined;
      return;
    case 'delivery':
      return;
  }
}
