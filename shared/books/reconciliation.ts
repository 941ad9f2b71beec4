import type { ListedGrant } from './compared-grants.ts';
import type { Difference } from './difference.ts';
import type { MonthBooks } from './month-books.ts';

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
  /** What the provider listed of other relays that charge through the same account. */
  otherRelays: { table: string; payments: number }[];
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

/** The grants that the platform lists; or why there are none to compare. */
export type ListedGrants =
  | { kind: 'listed'; grants: ListedGrant[] }
  | Exclude<AskedPlatform, { kind: 'compared' }>;
