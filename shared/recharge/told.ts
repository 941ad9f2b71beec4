import { dayOf } from './account.ts';
import { forgettable } from './guard.ts';
import type { Ledger } from './ledger.ts';

/**
 * Whether this is news of this client on this UTC day. Asking notes it as told, so it is news only once a day. This is
 * kept on the account row, which all processes share.
 *
 * @param what one of few texts: the row holds every text of the day, at most as many as there are words.
 */
export async function isNewsToday(
  email: string,
  what: string,
  { ledger, now }: { ledger: Pick<Ledger, 'readAccount' | 'writeAccount'>; now: () => number },
): Promise<boolean> {
  const day = dayOf(now());
  let account = await ledger.readAccount(email);
  for (;;) {
    const words = account.told?.day === day ? account.told.words : [];
    if (words.includes(what)) return false;
    const told = { day, words: [...words, what] };
    const written = await ledger.writeAccount(account, forgettable({ ...account, told }, now()));
    if (written.kind === 'written') return true;
    // A lost answer looks like a lost race: said twice is better than never.
    if (written.row.revision === account.revision + 1 && written.row.told?.words.includes(what)) return true;
    account = written.row;
  }
}
