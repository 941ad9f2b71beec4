import { DIFFERENCES, isOfPlatform } from '../shared/books/difference.ts';
import type { Reconciliation } from '../shared/books/reconciliation.ts';
import { totalJson } from './month-export.ts';

/** For programs: times as ISO 8601, amounts in minor units with their currency. */
export const reconciliationJson = ({
  books,
  provider,
  platform,
  differences,
  isWhole,
  conclusion,
}: Reconciliation) => ({
  month: books.month,
  from: new Date(books.from).toISOString(),
  to: new Date(books.to).toISOString(),
  is_over: books.isOver,
  looked_back_to: books.lookedBackTo,
  looked: books.looked,
  unsettled: books.unsettled,
  sums: books.sums.map(totalJson),
  provider: {
    name: provider.name,
    payments: provider.payments,
    compared: provider.compared,
    listed: provider.listed,
    not_asked: provider.notAsked,
    unanswered: provider.unanswered,
    of_other_providers: provider.ofOthers,
    other_relays: provider.otherRelays,
  },
  platform:
    platform.kind === 'compared'
      ? {
          state: platform.kind,
          listed: platform.listed,
          same: platform.same,
          credits: platform.credits,
          at_the_edge: platform.atTheEdge,
        }
      : { state: platform.kind, why: platform.why },
  differences: differences.map((difference) => ({
    ...difference,
    meaning: DIFFERENCES[difference.word],
    at: isOfPlatform(difference) ? 'platform' : 'provider',
  })),
  is_whole: isWhole,
  agrees: isWhole && differences.length === 0,
  conclusion,
});
