import { type BookOptions, booksOfMonth, type MonthBooks } from '../shared/books/month-books.ts';
import type { Connection } from './connection.ts';
import { monthOf } from './days.ts';

export interface BookRequest extends BookOptions {
  /** `2026-10`, in UTC. */
  month: string;
}

/**
 * The books of a month (shared/books/month-books.ts says what stands in them).
 *
 * @throws an OperateError, `refused`, if it is no month, or has not begun.
 */
export async function monthBooks(
  connection: Pick<Connection, 'ledger' | 'rows' | 'now'>,
  { month, ...options }: BookRequest,
): Promise<MonthBooks> {
  return booksOfMonth(connection, { month, ...monthOf(month, connection.now()) }, options);
}
