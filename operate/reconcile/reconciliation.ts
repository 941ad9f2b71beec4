import type { MonthBooks } from '../month-books.ts';
import { totalJson } from '../month-export.ts';
import { DIFFERENCES, type Difference, isOfPlatform } from './difference.ts';

/** How the provider was asked, and how far that went. */
export interface AskedProvider {
  /** As it stands in a sentence. */
  name: string;
  /** Payments of the month, and of what was given back in it, that the ledger has. */
  payments: number;
  /** How many of them were compared. */
  compared: number;
  /** Whether the provider told all that it has: then what the ledger does not have is found, too. */
  listed: boolean;
  /** Those about which the provider gave no answer. */
  unanswered: { key: string; detail: string }[];
  /** How many were left out, for more were not to be asked. */
  notAsked: number;
  /** How many began with another payment provider than is configured now. */
  ofOthers: number;
}

export type AskedPlatform =
  | { kind: 'compared'; listed: number; same: number; credits: number; atTheEdge: string[] }
  /** Nobody asked for it, or the platform lists no grants. */
  | { kind: 'left_out'; why: string }
  /** It was asked for, and could not be had. */
  | { kind: 'unreadable'; why: string };

export interface Reconciliation {
  books: Pick<
    MonthBooks,
    'month' | 'from' | 'to' | 'isOver' | 'sums' | 'lookedBackTo' | 'looked' | 'unsettled'
  >;
  provider: AskedProvider;
  platform: AskedPlatform;
  differences: Difference[];
  /** Nothing was left out that should have been compared. */
  isWhole: boolean;
  /** All of it in one line. */
  conclusion: string;
}

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
