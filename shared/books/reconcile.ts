import { atMost } from '../at-most.ts';
import type { BookAnswer, BookedPayment, PaymentBooks } from '../payments/payment-books.ts';
import { dayOf } from '../recharge/account.ts';
import { type Counterparty, isSameParty } from '../recharge/counterparty.ts';
import { chargeIdPrefixOf, type Recharge } from '../recharge/recharge.ts';
import { comparedGrants, type GrantClaim, grantClaimOf } from './compared-grants.ts';
import { type Claim, claimsOf, comparedAnswer, comparedPayment, notBooked } from './compared-payments.ts';
import { conclusionOf } from './conclusion.ts';
import type { Difference } from './difference.ts';
import { namedOfDays } from './listed.ts';
import { type Books, booksOfMonth, type Month, type MonthBooks } from './month-books.ts';
import type { AskedPlatform, AskedProvider, ListedGrants, Reconciliation } from './reconciliation.ts';

export interface ReconcileRequest {
  month: Month;
  /** How many days before the month a recharge may have been received that moved money in it: 183 unless given. */
  lookBackDays?: number;
  provider: PaymentBooks;
  /** Of this relay's ledger: a payment that bears the name of another one's is that relay's. */
  table: string;
  /** Whom recharges began with that can be asked about there. */
  party: Counterparty;
  /** @param range of the month, Unix milliseconds. */
  grants: (range: { from: number; to: number }) => Promise<ListedGrants>;
  /** How many payments are asked about one by one, where the provider does not list them: 1,000 unless given. */
  mostAsked?: number;
  /** Hears how far it is. */
  tell?: (said: string) => void;
  sleep: (ms: number) => Promise<unknown>;
}

/** A minute and a half, at the pace of below. */
const MOST_ASKED = 1_000;
/** Few at a time, each with a pause: some ten a second. A provider must go on charging meanwhile. */
const ASKED_AT_ONCE = 4;
const PACE_MS = 250;

/**
 * Holds the ledger's books of a month against those of the payment provider, and against the grants that the platform
 * lists. It reads, and changes nothing. Months are UTC, and a payment or refund is of the month in which the ledger, or
 * the provider, has it: each is compared with all that became of it since.
 *
 * @throws what the provider's list throws.
 */
export async function reconcile(stores: Books, request: ReconcileRequest): Promise<Reconciliation> {
  const { month, lookBackDays, provider, tell } = request;
  const range = { from: month.from, to: month.to };
  const grantClaims: GrantClaim[] = [];
  const each = (row: Recharge) => grantClaims.push(...grantClaimOf(row));
  const books = await booksOfMonth(stores, month, {
    ...(lookBackDays === undefined ? {} : { lookBackDays }),
    looked: (count, backTo) => tell?.(`${count} recharges looked at, back to ${backTo}`),
    each,
  });
  await eachOfDayAfter(stores, month, each);
  tell?.(`${provider.name} is asked`);
  const payments = await comparePayments(stores, books, request);
  tell?.('the platform is asked');
  const { platform, differences } = platformOf(await request.grants(range), grantClaims, range);
  const { unanswered, notAsked } = payments.provider;
  const isAsked = unanswered.length === 0 && notAsked === 0;
  const found = {
    books,
    provider: payments.provider,
    platform,
    differences: [...payments.differences, ...differences],
    isWhole: isAsked && platform.kind !== 'unreadable' && books.newer.length === 0,
  };
  return { ...found, conclusion: conclusionOf(found) };
}

/** An export reaches into the day after the month, and what it lists then is of recharges of that day. */
async function eachOfDayAfter(
  { rows }: Pick<Books, 'rows'>,
  { to }: Month,
  each: (row: Recharge) => void,
): Promise<void> {
  for await (const named of namedOfDays(rows, [dayOf(to)])) {
    const { found } = await rows.recharges(named.map(({ key }) => key));
    for (const row of found.values()) each(row);
  }
}

function platformOf(
  listed: ListedGrants,
  claims: GrantClaim[],
  range: { from: number; to: number },
): { platform: AskedPlatform; differences: Difference[] } {
  if (listed.kind !== 'listed') return { platform: listed, differences: [] };
  const { differences, ...compared } = comparedGrants(claims, listed.grants, range);
  // Each grant of the month would be a difference, and the cause is one.
  if (listed.grants.length === 0 && differences.length > 0) {
    const why = 'the export lists no grant of the relay: does the platform list grants there at all?';
    return { platform: { kind: 'unreadable', why }, differences: [] };
  }
  return { platform: { kind: 'compared', listed: listed.grants.length, ...compared }, differences };
}

async function comparePayments(
  stores: Pick<Books, 'rows'>,
  books: MonthBooks,
  request: ReconcileRequest,
): Promise<{ provider: AskedProvider; differences: Difference[] }> {
  const { provider, party } = request;
  const all = claimsOfMonth(books);
  const claims = all.filter(({ row }) => isSameParty(row.paymentParty, party));
  const listed = await provider.list?.({ from: books.from, to: books.to });
  const byRef = new Map(listed?.map((payment) => [payment.ref, payment]));
  const differences: Difference[] = [];
  const left: Claim[] = [];
  for (const claim of claims) {
    const payment = claim.ref === undefined ? undefined : byRef.get(claim.ref);
    if (payment === undefined) left.push(claim);
    else differences.push(...comparedPayment(claim, payment, provider.name));
    if (claim.ref !== undefined) byRef.delete(claim.ref);
  }
  const asked = await askedAbout(left, request);
  differences.push(...asked.differences);
  const others = await ofOtherMonths(stores, [...byRef.values()], request);
  differences.push(...others.differences);
  const unanswered = [...asked.unanswered, ...others.unanswered];
  return {
    differences,
    provider: {
      name: provider.name,
      payments: all.length,
      compared: claims.length - asked.unanswered.length - asked.notAsked,
      listed: listed !== undefined,
      unanswered,
      notAsked: asked.notAsked,
      ofOthers: all.length - claims.length,
      otherRelays: others.otherRelays,
    },
  };
}

/** The payments of which the month's books have a line: taken in it, or given back. */
function claimsOfMonth({ lines }: MonthBooks): Claim[] {
  const claims = lines.flatMap(({ kind, attempt, ref, row }) => {
    if (kind === 'not_charged') return [];
    const chargeId = chargeIdPrefixOf(row) + attempt;
    const own = claimsOf(row);
    // A refund is of the payment that is no late one: the first.
    return kind === 'refund'
      ? own.slice(0, 1)
      : own.filter((claim) => claim.chargeId === chargeId && claim.ref === ref);
  });
  // An endpoint may call all its payments by one name.
  return [...new Map(claims.map((claim) => [`${claim.chargeId} ${claim.ref}`, claim])).values()];
}

/** Asks about each, at a pace that a provider hardly notices. */
async function askedAbout(
  claims: Claim[],
  { provider, mostAsked = MOST_ASKED, tell, sleep }: ReconcileRequest,
): Promise<{ differences: Difference[]; unanswered: AskedProvider['unanswered']; notAsked: number }> {
  const differences: Difference[] = [];
  const unanswered: AskedProvider['unanswered'] = [];
  const asked = claims.slice(0, mostAsked);
  let answered = 0;
  await atMost(ASKED_AT_ONCE, asked, async (claim) => {
    const answer = await answerAbout(claim, provider);
    if (answer.kind === 'no_answer') unanswered.push({ key: claim.row.key, detail: answer.detail });
    else differences.push(...comparedAnswer(claim, answer, provider.name));
    answered += 1;
    tell?.(`${provider.name} was asked about ${answered} of ${asked.length} payments`);
    if (answered < asked.length) await sleep(PACE_MS);
  });
  return { differences, unanswered, notAsked: claims.length - asked.length };
}

function answerAbout({ chargeId, ref, money }: Claim, provider: PaymentBooks): Promise<BookAnswer> {
  return provider.look({
    chargeId,
    ...(ref === undefined ? {} : { paymentRef: ref }),
    ...(money === undefined ? {} : { money }),
  });
}

/**
 * What the provider listed, and this month's books do not have: payments of another month of the books, and those that the
 * ledger does not have at all.
 */
async function ofOtherMonths(
  { rows }: Pick<Books, 'rows'>,
  payments: BookedPayment[],
  { table, provider: { name: at } }: Pick<ReconcileRequest, 'table' | 'provider'>,
): Promise<{ differences: Difference[] } & Pick<AskedProvider, 'unanswered' | 'otherRelays'>> {
  const { found, newer } = await rows.recharges(payments.flatMap(({ rechargeKey }) => rechargeKey ?? []));
  const unread = new Set(newer.map(({ key }) => key));
  const otherRelays = new Map<string, number>();
  const differences = payments.flatMap((payment) => {
    if (unread.has(payment.rechargeKey ?? '')) return [];
    const row = rowOf(payment, found);
    // A table may be restored under another name: what its rows know is its own, whatever the payment says.
    const { table: named = table } = payment;
    if (row === undefined && named !== table) {
      if (payment.taken) otherRelays.set(named, (otherRelays.get(named) ?? 0) + 1);
      return [];
    }
    const claim = row && claimsOf(row).find(({ ref }) => ref === payment.ref);
    return claim ? comparedPayment(claim, payment, at) : notBooked(row, payment, at);
  });
  const detail = 'its row was written by a newer version of the relay';
  return {
    differences,
    unanswered: newer.map(({ key }) => ({ key, detail })),
    otherRelays: [...otherRelays].map(([name, count]) => ({ table: name, payments: count })),
  };
}

/** The recharge that a payment names. Another relay may have one of the same key, and its charge ids are others. */
function rowOf({ rechargeKey, chargeId }: BookedPayment, found: Map<string, Recharge>): Recharge | undefined {
  const row = rechargeKey === undefined ? undefined : found.get(rechargeKey);
  return row && chargeId.startsWith(chargeIdPrefixOf(row)) ? row : undefined;
}
