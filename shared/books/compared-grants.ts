import { saysNumber } from '../http.ts';
import { readUsageExport, type UsageLine } from '../platform/usage-export.ts';
import {
  grantMarkOf,
  grantMarkPrefixOf,
  isErased,
  type Phase,
  type Recharge,
  type ReviewReason,
} from '../recharge/recharge.ts';
import { shellQuoted } from '../shell.ts';
import type { Difference } from './difference.ts';
import { grantedAtOf } from './money-moves.ts';

/** What is kept of a recharge to compare its grants: half a year of rows would not fit. */
export interface GrantClaim {
  key: string;
  email: string;
  credits: number;
  phase: Phase;
  review?: ReviewReason;
  /** Of the last grant, which is the one that counts. */
  mark: string;
  /** Of all its grants; digits follow. */
  markPrefix: string;
  /** Unix milliseconds; absent where nothing was granted, or a long history has lost it. */
  grantedAt?: number;
}

/** @returns none where no grant was ever begun. */
export function grantClaimOf(row: Recharge): GrantClaim[] {
  if (row.grantNo === 0) return [];
  const grantedAt = grantedAtOf(row);
  const claim = {
    key: row.key,
    email: row.grantEmail ?? row.email,
    credits: row.credits,
    phase: row.phase,
    ...(row.review === undefined ? {} : { review: row.review }),
    mark: grantMarkOf(row),
    markPrefix: grantMarkPrefixOf(row),
    ...(grantedAt === undefined ? {} : { grantedAt }),
  };
  return [claim];
}

/** A line of the export that gives credits under a mark of the relay. */
export interface ListedGrant {
  mark: string;
  amount: string;
  email: string;
  /** As the platform writes it. */
  date: string;
}

const MARK = /^(rr-[0-9a-f]{12}-)\d+$/;

const prefixOf = (mark: string) => MARK.exec(mark)?.[1] ?? mark;

const marksOf = ({ description }: UsageLine) =>
  (description.match(/[\w-]+/g) ?? []).filter((word) => MARK.test(word));

/** Credits that someone took back under a mark are no grant. */
const givesCredits = ({ amount }: UsageLine) => !amount.trim().startsWith('-');

/** @returns the grants of the relay that a usage export lists; undefined where the text is no such export. */
export async function readListedGrants(csv: string): Promise<ListedGrant[] | undefined> {
  const lines = await readUsageExport(csv, (line) => givesCredits(line) && marksOf(line).length > 0);
  return lines?.flatMap((line) =>
    marksOf(line).map((mark) => ({ mark, amount: line.amount, email: line.email, date: line.date })),
  );
}

/** Days are cut otherwise at the platform: at the edge of the month a grant may stand in the export of the next one. */
const EDGE_MS = 24 * 3_600_000;

export interface ComparedGrants {
  differences: Difference[];
  /** Grants of the month that both sides have alike, and their credits. */
  same: number;
  credits: number;
  /** Marks of grants at the edge of the month that are not listed: in the export of the month before, or after. */
  atTheEdge: string[];
}

/**
 * Compares the grants of a month with those that an export lists.
 *
 * @param claims of all recharges that were looked at, whichever month they are of.
 */
export function comparedGrants(
  claims: GrantClaim[],
  listed: ListedGrant[],
  { from, to }: { from: number; to: number },
): ComparedGrants {
  // A file may hold a longer time than the month. Of what came later, the recharges were not looked at.
  const isLater = ({ date }: ListedGrant) => Date.parse(date) >= to + EDGE_MS;
  const byPrefix = Map.groupBy(
    listed.filter((grant) => !isLater(grant)),
    ({ mark }) => prefixOf(mark),
  );
  const found: ComparedGrants = { differences: [], same: 0, credits: 0, atTheEdge: [] };
  for (const claim of claims) {
    const own = byPrefix.get(claim.markPrefix) ?? [];
    byPrefix.delete(claim.markPrefix);
    const at = claim.grantedAt;
    const isOfMonth = at !== undefined && at >= from && at < to;
    if (own.length === 0) {
      if (!isOfMonth) continue;
      if (at < from + EDGE_MS || at >= to - EDGE_MS) found.atTheEdge.push(claim.mark);
      else found.differences.push(missing(claim));
      continue;
    }
    const differences = claim.phase === 'completed' ? compared(claim, own) : [notBooked(claim, own)];
    found.differences.push(...differences);
    if (differences.length > 0 || !isOfMonth) continue;
    found.same += 1;
    found.credits += claim.credits;
  }
  for (const strangers of byPrefix.values()) found.differences.push(unknownHere(strangers));
  return found;
}

const creditsText = (credits: number | string) => `${credits} credits`;
const listText = (grants: ListedGrant[]) =>
  grants.map(({ mark, amount }) => `${creditsText(amount)} as ${mark}`).join(', ');
const aboutOf = ({ key, email, mark, credits }: GrantClaim) => ({
  ...{ key, email, ref: mark },
  ledger: `${creditsText(credits)} as ${mark}`,
});

const missing = (claim: GrantClaim): Difference => ({
  ...aboutOf(claim),
  word: 'grant_missing',
  there: 'nothing',
  todo:
    `Look for the mark in the client's credit history. Where a person granted it by hand, it has none. If the credits are not ` +
    `there, grant them: npx relay recharges start ${shellQuoted(claim.email)} --credits ${claim.credits} --no-charge --note "why"`,
});

function compared(claim: GrantClaim, own: ListedGrant[]): Difference[] {
  const there = listText(own);
  const [first] = own;
  if (own.length > 1 || first === undefined) {
    const todo =
      `Look at the client's balance, and take back on the platform what is too much. Who granted twice: npx relay recharges ` +
      `show ${shellQuoted(claim.key)}`;
    return [{ ...aboutOf(claim), word: 'grant_twice', there, todo }];
  }
  const folded = (email: string) => email.trim().toLowerCase();
  // Of a client who was erased, the ledger knows no email.
  const isSameClient = isErased(claim) || folded(first.email) === folded(claim.email);
  if (isSameClient && first.mark === claim.mark && saysNumber(first.amount, claim.credits)) return [];
  const todo = `Look at both: npx relay recharges show ${shellQuoted(claim.key)}. Correct the credits on the platform.`;
  return [
    {
      ...aboutOf(claim),
      word: 'grant_differs',
      there: isSameClient ? there : `${there}, to ${first.email}`,
      todo,
    },
  ];
}

function notBooked(claim: GrantClaim, own: ListedGrant[]): Difference {
  const { key, phase, review } = claim;
  const isAsked = phase === 'needs_review' && review?.startsWith('grant_');
  const todo = isAsked
    ? `The recharge waits for this answer: npx relay recharges show ${shellQuoted(key)} prints confirm-granted.`
    : `The client holds credits that the ledger does not count: npx relay recharges show ${shellQuoted(key)} says why.`;
  const ledger = `${phase.replaceAll('_', ' ')}${review === undefined ? '' : ` (${review})`}`;
  return { ...aboutOf(claim), ledger, word: 'grant_not_booked', there: listText(own), todo };
}

const unknownHere = (strangers: ListedGrant[]): Difference => ({
  word: 'grant_unknown_here',
  ...(strangers[0] === undefined ? {} : { email: strangers[0].email }),
  ref: strangers.map(({ mark }) => mark).join(', '),
  ledger: 'no such recharge',
  there: listText(strangers),
  todo: 'Is the recharge older than those that were looked at (--look-back), or of another relay? If not, find out who granted it.',
});
