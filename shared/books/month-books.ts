import { dayOf } from '../recharge/account.ts';
import type { NewerRecharge, Rows } from '../recharge/dynamo-rows.ts';
import type { Ledger } from '../recharge/ledger.ts';
import { isGivingBack } from '../recharge/machine/goodwill.ts';
import { isFinished, type Phase, type Recharge } from '../recharge/recharge.ts';
import { DAY_MS, keysOfDue, namedOfDays } from './listed.ts';
import { type MoneyMove, movesOf } from './money-moves.ts';

/** One line of the books: money that moved in the month, and the recharge that moved it. */
export interface BookLine extends MoneyMove {
  row: Recharge;
}

/** What was paid in one currency, or granted unpaid. Amounts in minor units. */
export interface BookTotal {
  /** Absent: of all clients. */
  email?: string;
  /** Absent where nothing was charged. */
  currency?: string;
  charges: number;
  charged: number;
  refunds: number;
  refunded: number;
  /** Charged less refunded. */
  net: number;
  notCharged: number;
  /** Of the charges, and of what was not charged. */
  creditsGranted: number;
}

export interface MonthBooks {
  /** `2026-10`. */
  month: string;
  /** Unix milliseconds: its first moment, and that of the month after it. */
  from: number;
  to: number;
  /** The month is over, so that nothing can be added to it. */
  isOver: boolean;
  /** The oldest first. */
  lines: BookLine[];
  /** The sums of the lines, by currency and client. */
  totals: BookTotal[];
  /** The same, by currency alone. */
  sums: BookTotal[];
  /** The first UTC day whose recharges were looked at, and how many were. */
  lookedBackTo: string;
  looked: number;
  /** Of those received in the month: how many took no money, by their phase. */
  withoutMoney: Partial<Record<Phase, number>>;
  /** Keys of those of which nobody knows yet whether they moved money: it is booked when it is known. */
  unsettled: string[];
  /** Those of a later version of this program. Without them the books are not whole. */
  newer: NewerRecharge[];
}

/** Where the books are read from. */
export interface Books {
  ledger: Pick<Ledger, 'due'>;
  rows: Pick<Rows, 'ofDay' | 'recharges'>;
  now: () => number;
}

/** A month in UTC: `2026-10`, and its first moment and that of the month after it, in Unix milliseconds. */
export interface Month {
  month: string;
  from: number;
  to: number;
}

export interface BookOptions {
  /** How many days before the month a recharge may have been received that moved money in it: 183 unless given. */
  lookBackDays?: number;
  /** Hears how many recharges were looked at, and back to which day, while it goes on. */
  looked?: (count: number, backTo: string) => void;
  /** Hears of each recharge that was looked at. */
  each?: (row: Recharge) => void;
}

/** Goodwill and disputes come within months. Half a year of 10,000 recharges a month are 60,000 rows. */
const LOOK_BACK_DAYS = 183;

/** As many names as a page of the index has. */
const ROWS_AT_ONCE = 1_000;

/** No relay ran before. */
const FIRST_DAY = Date.UTC(2025, 0, 1);

/**
 * The books of a month, by cash: each payment counts when it became known, and each refund likewise, in UTC. So one
 * recharge may stand in two months. What was received before the month is looked at, too: it may have been paid or
 * given back later.
 */
export async function booksOfMonth(
  stores: Books,
  { month, from, to }: Month,
  { lookBackDays = LOOK_BACK_DAYS, looked, each }: BookOptions = {},
): Promise<MonthBooks> {
  const first = Math.max(from - lookBackDays * DAY_MS, FIRST_DAY);
  const books: MonthBooks = {
    ...{ month, from, to, isOver: stores.now() >= to },
    ...{ lines: [], totals: [], sums: [], lookedBackTo: dayOf(first), looked: 0 },
    ...{ withoutMoney: {}, unsettled: [], newer: [] },
  };
  for await (const look of allSince(stores, { first, to })) {
    for (const row of look.rows) {
      enter(books, row);
      each?.(row);
    }
    books.newer.push(...look.newer);
    books.looked += look.rows.length + look.newer.length;
    looked?.(books.looked, look.backTo);
  }
  books.lines.sort((a, b) => a.at - b.at || (a.row.key < b.row.key ? -1 : 1));
  return {
    ...books,
    totals: totalsOf(books.lines, ({ row }) => row.email),
    sums: totalsOf(books.lines, () => undefined),
  };
}

interface Look {
  rows: Recharge[];
  newer: NewerRecharge[];
  /** The day of the oldest of them. */
  backTo: string;
}

/** All recharges that were received from one moment to another, newest first, and the older ones that are unfinished. */
async function* allSince(
  { ledger, rows }: Books,
  { first, to }: { first: number; to: number },
): AsyncGenerator<Look> {
  const days = Array.from({ length: Math.max(0, (to - first) / DAY_MS) }, (_, index) =>
    dayOf(to - (index + 1) * DAY_MS),
  );
  for await (const named of namedOfDays(rows, days)) {
    while (named.length > 0) {
      const part = named.splice(0, ROWS_AT_ONCE);
      const { found, newer } = await rows.recharges(part.map(({ key }) => key));
      const backTo = dayOf(part.at(-1)?.receivedAt ?? first);
      yield { rows: part.flatMap(({ key }) => found.get(key) ?? []), newer, backTo };
    }
  }
  const { found, newer } = await rows.recharges(await keysOfDue(ledger));
  const isOlder = ({ receivedAt }: { receivedAt: number }) => receivedAt < first;
  const older = [...found.values()].filter((row) => isUnfinished(row) && isOlder(row));
  yield { rows: older, newer: newer.filter(isOlder), backTo: dayOf(first) };
}

/** A recharge that has ended comes back, too, if it is looked at late. */
export const isUnfinished = (row: Recharge) =>
  !isFinished(row) || row.review !== undefined || isGivingBack(row);

function enter(books: MonthBooks, row: Recharge): void {
  const isInMonth = (time: number) => time >= books.from && time < books.to;
  const moves = movesOf(row);
  books.lines.push(...moves.filter(({ at }) => isInMonth(at)).map((move) => ({ ...move, row })));
  if (isUnsettled(row)) books.unsettled.push(row.key);
  else if (moves.length === 0 && isInMonth(row.receivedAt))
    books.withoutMoney[row.phase] = (books.withoutMoney[row.phase] ?? 0) + 1;
}

function isUnsettled(row: Recharge): boolean {
  const asksOfMoney = row.review === 'charge_unknown' || row.review?.startsWith('refund_');
  return (
    asksOfMoney === true ||
    row.phase === 'received' ||
    row.phase === 'charge_pending' ||
    row.phase === 'refunding' ||
    isGivingBack(row)
  );
}

/** What a line adds to the granted credits. That of a refund, and of a payment for nothing, adds none. */
export const creditsOf = ({ kind, attention, row }: BookLine): number =>
  row.phase === 'completed' && kind !== 'refund' && attention !== 'paid_after_end' ? row.credits : 0;

function totalsOf(lines: BookLine[], emailOf: (line: BookLine) => string | undefined): BookTotal[] {
  const totals = new Map<string, BookTotal>();
  for (const line of lines) {
    const [email, currency, amount] = [emailOf(line), line.money?.currency, line.money?.amount ?? 0];
    const id = `${currency ?? ''} ${email ?? ''}`;
    const total = totals.get(id) ?? nothingOf(email, currency);
    totals.set(id, total);
    if (line.kind === 'charge') {
      total.charges += 1;
      total.charged += amount;
    } else if (line.kind === 'refund') {
      total.refunds += 1;
      total.refunded += amount;
    } else total.notCharged += 1;
    total.net = total.charged - total.refunded;
    total.creditsGranted += creditsOf(line);
  }
  return [...totals].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, total]) => total);
}

const nothingOf = (email: string | undefined, currency: string | undefined): BookTotal => ({
  ...(email === undefined ? {} : { email }),
  ...(currency === undefined ? {} : { currency }),
  ...{ charges: 0, charged: 0, refunds: 0, refunded: 0, net: 0, notCharged: 0, creditsGranted: 0 },
});
