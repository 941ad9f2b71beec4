import { isDeepStrictEqual } from 'node:util';
import type { PaymentMethod } from '../payments/payment-method.ts';
import { type Account, declinesBehind, suspensionBy } from './account.ts';
import { withSettings } from './accounts.ts';
import { withoutDeclinesBefore } from './declines-in-a-row.ts';
import type { Ledger } from './ledger.ts';

/** What a client has saved at the payment provider, and under which customer. */
export interface SavedMeans {
  customer: string;
  paymentMethod: PaymentMethod;
}

/** What became of the client's suspension with the means of payment that was kept. */
export type Kept = { account: Account; suspension?: 'ends' | 'comes_back' };

/**
 * From now on the client's recharges are charged to this means of payment; what is under way keeps its own. A suspension
 * for declines ends if it is another card than the declined one, and comes back with that one. Writes nothing where it is
 * kept already.
 *
 * @param options.judge throws where the account, as it is then, must not be changed so.
 * @param options.chosenAt when the client, or a person, chose it; absent where the same one has only changed. Unix
 *   milliseconds, as `now`.
 */
export async function keepMeans(
  ledger: Pick<Ledger, 'read' | 'readAccount' | 'writeAccount'>,
  email: string,
  saved: SavedMeans,
  { judge, chosenAt, now }: { judge: (account: Account) => void; chosenAt?: number; now: number },
): Promise<Kept> {
  let account = await ledger.readAccount(email);
  for (;;) {
    judge(account);
    const { next, ...kept } = withMeans(await asOfNow(account, ledger), saved, now);
    const meansChosenAt = Math.max(chosenAt ?? 0, account.meansChosenAt ?? 0);
    const meant = { ...next, ...(meansChosenAt === 0 ? {} : { meansChosenAt }) };
    if (isDeepStrictEqual(meant, account)) return { account, ...kept };
    const written = await ledger.writeAccount(account, meant);
    if (written.kind === 'written') return { account: written.row, ...kept };
    account = written.row;
  }
}

/** A payment that was paid ends the count of declines, and only the client's next recharge would note it. */
async function asOfNow(account: Account, ledger: Pick<Ledger, 'read'>): Promise<Account> {
  const { declines, last } = account;
  return declines && last ? withoutDeclinesBefore(account, await ledger.read(last.key)) : account;
}

function withMeans(
  account: Account,
  saved: SavedMeans,
  at: number,
): Omit<Kept, 'account'> & { next: Account } {
  switch (suspensionBy(account, saved)) {
    case 'ends': {
      const statusChange = { at, note: 'Another card was saved.' };
      const next = withSettings(account, { ...saved, status: 'active', statusChange });
      const declines = declinesBehind(account);
      return { next: declines ? { ...next, declines } : next, suspension: 'ends' };
    }
    case 'comes_back': {
      const note = 'The card was saved again for which the client was suspended.';
      const statusChange = { at, note, forDeclines: true } as const;
      return {
        next: withSettings(account, { ...saved, status: 'suspended', statusChange }),
        suspension: 'comes_back',
      };
    }
    case undefined:
      return { next: withSettings(account, saved) };
  }
}
