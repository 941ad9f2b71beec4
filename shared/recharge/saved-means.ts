import { isDeepStrictEqual } from 'node:util';
import type { PaymentMethod } from '../payments/payment-method.ts';
import { type Account, liftsSuspension } from './account.ts';
import { withSettings } from './accounts.ts';
import type { Ledger } from './ledger.ts';

/** What a client has saved at the payment provider, and under which customer. */
export interface SavedMeans {
  customer: string;
  paymentMethod: PaymentMethod;
}

/**
 * From now on the client's recharges are charged to this means of payment; what is under way keeps its own. A suspension
 * for declines ends if it is another card than the declined one. Writes nothing where it is kept already.
 *
 * @param judge throws where the account, as it is then, must not be changed so.
 * @param now Unix milliseconds.
 * @returns the account, and whether a suspension ended.
 */
export async function keepMeans(
  ledger: Pick<Ledger, 'readAccount' | 'writeAccount'>,
  email: string,
  saved: SavedMeans,
  { judge, now }: { judge: (account: Account) => void; now: number },
): Promise<{ account: Account; lifted: boolean }> {
  let account = await ledger.readAccount(email);
  for (;;) {
    judge(account);
    const lifted = liftsSuspension(account, saved);
    const statusChange = { at: now, note: 'Another card was saved.' };
    const next = withSettings(account, { ...saved, ...(lifted ? { status: 'active', statusChange } : {}) });
    if (isDeepStrictEqual(next, account)) return { account, lifted };
    const written = await ledger.writeAccount(account, next);
    if (written.kind === 'written') return { account: written.row, lifted };
    account = written.row;
  }
}
