import type { Money } from '../shared/money.ts';
import { dayOf } from '../shared/recharge/account.ts';
import type { NewerRecharge } from '../shared/recharge/dynamo-rows.ts';
import { isGivingBack } from '../shared/recharge/machine/goodwill.ts';
import type { Phase, Recharge } from '../shared/recharge/recharge.ts';
import type { Connection } from './connection.ts';
import { DAY_MS, daysBetween, FIRST_DAY, monthOf } from './days.ts';
import { type MoneyMove, movesOf } from './money-moves.ts';
import { newestFirst } from './newest-first.ts';

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

export interface BookRequest {
  /** `2026-10`, in UTC. */
  month: string;
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

/**
 * The books of a month, by cash: each payment counts when it became known, and each refund likewise, in UTC. So one
 * recharge may stand in two months. What was received before the month is looked at, too: it may have been paid or
 * given back later.
 *
 * @throws an OperateError, `refused`, if it is no month, or has not begun.
 */
export async function monthBooks(
  connection: Pick<Connection, 'ledger' | 'rows' | 'now'>,
  { month, lookBackDays = LOOK_BACK_DAYS, looked, each }: BookRequest,
): Promise<MonthBooks> {
  const { from, to } = monthOf(month, connection.now());
  const first = Math.max(from - lookBackDays * DAY_MS, FIRST_DAY);
  const books: MonthBooks = {
    ...{ month, from, to, isOver: connection.now() >= to },
    ...{ lines: [], totals: [], sums: [], lookedBackTo: dayOf(first), looked: 0 },
    ...{ withoutMoney: {}, unsettled: [], newer: [] },
  };
  const range = { from: first, to, days: daysBetween(first, to), isOpenEnded: true };
  const search = { filter: {}, range, after: undefined, wanted: () => ROWS_AT_ONCE };
  for await (const look of newestFirst(connection, search)) {
    for (const row of look.rows) {
      enter(books, row);
      each?.(row);
    }
    books.newer.push(...look.newer);
    books.looked += look.looked;
    looked?.(books.looked, dayOf(look.last.receivedAt));
  }
  books.lines.sort((a, b) => a.at - b.at || (a.row.key < b.row.key ? -1 : 1));
  return {
    ...books,
    totals: totalsOf(books.lines, ({ row }) => row.email),
    sums: totalsOf(books.lines, () => undefined),
  };
}

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

/** The sign with which a line counts. */
export const signedMoney = ({ kind, money }: MoneyMove): Money | undefined =>
  money && { ...money, amount: kind === 'refund' ? -money.amount : money.amount };

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
