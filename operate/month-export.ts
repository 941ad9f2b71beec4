import { grantedAtOf, paidAtOf, refundedAtOf, signedMoney } from '../shared/books/money-moves.ts';
import { type BookLine, type BookTotal, creditsOf, type MonthBooks } from '../shared/books/month-books.ts';
import { majorUnits } from '../shared/money.ts';
import { GOODWILL_REFUND } from '../shared/recharge/machine/goodwill.ts';
import { chargeIdPrefixOf, grantMarkOf, refundIdOf, STARTED } from '../shared/recharge/recharge.ts';
import { type Cell, csvOf } from './csv.ts';

/** The books for programs: times as ISO 8601, amounts in minor units with their currency, a refund's negative. */
export const booksJson = (books: MonthBooks, { withLines }: { withLines: boolean }) => ({
  month: books.month,
  from: iso(books.from),
  to: iso(books.to),
  is_over: books.isOver,
  ...(withLines ? { lines: books.lines.map(lineJson) } : {}),
  totals: books.totals.map(totalJson),
  sums: books.sums.map(totalJson),
  looked_back_to: books.lookedBackTo,
  looked: books.looked,
  without_money: books.withoutMoney,
  unsettled: books.unsettled,
  unread: books.newer.map(({ key }) => key),
});

const iso = (time: number) => new Date(time).toISOString();
const isoIf = (time: number | undefined) => (time === undefined ? undefined : iso(time));

function lineJson(line: BookLine) {
  const { row } = line;
  const money = signedMoney(line);
  return {
    entry: line.kind,
    booked_at: iso(line.at),
    email: row.email,
    amount: money?.amount,
    currency: money?.currency,
    credits_granted: creditsOf(line),
    recharge_key: row.key,
    payment_ref: line.kind === 'charge' ? line.ref : row.prepaid ? undefined : row.paymentRef,
    refund_ref: line.kind === 'refund' ? line.ref : undefined,
    charge_id: row.prepaid ? undefined : chargeIdPrefixOf(row) + line.attempt,
    refund_id: line.kind === 'refund' ? refundIdOf(row) : undefined,
    grant_mark: row.grantNo > 0 ? grantMarkOf(row) : undefined,
    received_at: iso(row.receivedAt),
    paid_at: isoIf(line.attention === 'paid_after_end' ? line.at : paidAtOf(row)),
    granted_at: isoIf(grantedAtOf(row)),
    refunded_at: isoIf(refundedAtOf(row)),
    phase: row.phase,
    reason: row.review ?? row.reason,
    attention: line.attention,
    note: noteOf(line),
  };
}

/** What a person said when they gave the money back, or started what was not charged. */
function noteOf({ kind, row }: BookLine): string | undefined {
  const said: Record<BookLine['kind'], string[]> = {
    charge: [],
    refund: [GOODWILL_REFUND, 'refund'],
    not_charged: [STARTED],
  };
  return row.history.findLast(({ event }) => said[kind].includes(event))?.detail;
}

/** For programs. */
export const totalJson = (total: BookTotal) => ({
  email: total.email,
  currency: total.currency,
  charges: total.charges,
  charged: total.charged,
  refunds: total.refunds,
  refunded: total.refunded,
  net: total.net,
  not_charged: total.notCharged,
  credits_granted: total.creditsGranted,
});

/** The columns of the lines, and of the totals, in their order. Programs know them by name: they stay. */
const LINE_COLUMNS = [
  ...['entry', 'booked_at', 'email', 'amount', 'currency', 'amount_minor', 'credits_granted'],
  ...['recharge_key', 'payment_ref', 'refund_ref', 'charge_id', 'refund_id', 'grant_mark'],
  ...['received_at', 'paid_at', 'granted_at', 'refunded_at', 'phase', 'reason', 'attention', 'note'],
];
const TOTAL_COLUMNS = [
  ...['email', 'currency', 'charges', 'charged', 'charged_minor', 'refunds', 'refunded', 'refunded_minor'],
  ...['net', 'net_minor', 'not_charged', 'credits_granted'],
];

const table = (columns: string[], records: Record<string, Cell>[]) =>
  csvOf([columns, ...records.map((record) => columns.map((column) => record[column]))]);

const decimal = (amount: number | undefined, currency: string | undefined): Cell =>
  amount === undefined || currency === undefined ? undefined : { decimal: majorUnits({ amount, currency }) };

/** The lines as CSV, with a header. */
export function linesCsv({ lines }: Pick<MonthBooks, 'lines'>): string {
  const records = lines.map(lineJson).map(({ amount, ...record }) => ({
    ...record,
    amount: decimal(amount, record.currency),
    amount_minor: amount,
  }));
  return table(LINE_COLUMNS, records);
}

/** The totals by currency and client as CSV, with a header. They add up to those of the month. */
export function totalsCsv({ totals }: Pick<MonthBooks, 'totals'>): string {
  const records = totals.map(totalJson).map((total) => ({
    ...total,
    charged: decimal(total.charged, total.currency),
    charged_minor: total.charged,
    refunded: decimal(total.refunded, total.currency),
    refunded_minor: total.refunded,
    net: decimal(total.net, total.currency),
    net_minor: total.net,
  }));
  return table(TOTAL_COLUMNS, records);
}
