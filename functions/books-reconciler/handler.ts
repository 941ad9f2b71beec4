import type { Books, Month } from '../../shared/books/month-books.ts';
import { type ReconcileRequest, reconcile } from '../../shared/books/reconcile.ts';
import type { ListedGrants, Reconciliation } from '../../shared/books/reconciliation.ts';
import type { Logger } from '../../shared/logger.ts';
import type { PaymentBooks } from '../../shared/payments/payment-books.ts';

export interface BooksReconcilerDeps extends Books, Pick<ReconcileRequest, 'table' | 'party' | 'sleep'> {
  /** @throws where the provider's secret cannot be read, or used. */
  provider(): Promise<PaymentBooks>;
  grants(month: Month): Promise<ListedGrants>;
  logger: Logger;
}

/**
 * What moved money in a month was received in it, or some days before. What the provider changed of older payments it
 * lists, and those are read one by one.
 */
const LOOK_BACK_DAYS = 40;
/** At five seconds of silence each, the longest that a run of fifteen minutes has time for. */
const MOST_ASKED = 500;

/**
 * Compares the books of yesterday's month, in UTC: on the first of a month, the one that has just ended. Tells what
 * differs by one line and one alert; `npx relay reconcile` shows each difference. Changes nothing.
 *
 * @throws where the provider gives no list of its payments.
 */
export function createBooksReconcilerHandler(deps: BooksReconcilerDeps) {
  return async (): Promise<Pick<Reconciliation, 'conclusion'>> => {
    const { table, party, sleep, logger, grants } = deps;
    const month = monthOf(deps.now() - DAY_MS);
    const { differences, isWhole, conclusion } = await reconcile(deps, {
      ...{ month, table, party, sleep },
      provider: await deps.provider(),
      grants: () => grants(month),
      ...{ lookBackDays: LOOK_BACK_DAYS, mostAsked: MOST_ASKED },
    });
    const count = differences.length;
    logger.info('books reconciled', { month: month.month, isWhole, conclusion }, { book_differences: count });
    if (count > 0 || !isWhole) logger.alert('books_differ', { month: month.month, detail: conclusion });
    return { conclusion };
  };
}

const DAY_MS = 86_400_000;

function monthOf(time: number): Month {
  const at = new Date(time);
  const [year, index] = [at.getUTCFullYear(), at.getUTCMonth()];
  return {
    month: at.toISOString().slice(0, 7),
    from: Date.UTC(year, index),
    to: Date.UTC(year, index + 1),
  };
}
