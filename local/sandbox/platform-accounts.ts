import * as z from 'zod';
import type { EventOf, PlatformEvent } from './platform-events.ts';

/** One client of the agency. All amounts are credits. */
export const clientSchema = z.object({
  email: z.email(),
  /** Default: made from the email. */
  subAccountId: z.string().min(1).optional(),
  /** As the usage export shows it. Default: the email up to its `@`. */
  name: z.string().min(1).optional(),
  balance: z.number().nonnegative().default(500),
  /** Below this balance an auto-recharge webhook is sent. */
  threshold: z.number().nonnegative().default(100),
  /** The credits that webhook asks for. */
  rechargeCredits: z.number().positive().default(500),
});

export interface Account {
  email: string;
  subAccountId: string;
  name: string;
  balance: number;
  threshold: number;
  rechargeCredits: number;
  grants: EventOf<'grant'>[];
  /** The idempotency key of the recharge that is under way. */
  outstanding: string | undefined;
}

export interface Accounts {
  all(): Account[];
  find(email: string): Account | undefined;
  /** Changes the account by what is in the books. An event of an unlisted client changes none. */
  apply(event: PlatformEvent): void;
}

/** The accounts as they are before anything in the books. */
export function createAccounts(clients: z.output<typeof clientSchema>[]): Accounts {
  const accounts = new Map<string, Account>();
  for (const client of clients) {
    const { email } = client;
    const subAccountId = client.subAccountId ?? `sub-${email.replaceAll(/[^a-z0-9]+/gi, '-')}`;
    const name = client.name ?? email.slice(0, email.indexOf('@'));
    accounts.set(email, { ...client, subAccountId, name, grants: [], outstanding: undefined });
  }
  return {
    all: () => [...accounts.values()],
    find: (email) => accounts.get(email),
    apply(event) {
      const account = accounts.get(event.email);
      if (account) applyEvent(account, event);
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
    default:
      // The others move no credits. A contact may have the email of a client.
      return;
  }
}
