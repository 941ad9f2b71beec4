import * as z from 'zod';
import { DAY_MS } from '../shared/books/listed.ts';
import { dayOf } from '../shared/recharge/account.ts';
import { OperateError } from './error.ts';

/** No relay ran before. */
export const FIRST_DAY = Date.UTC(2025, 0, 1);
/** How far back a list goes where no one says. */
const RECENT_DAYS = 31;

const isDay = (text: string) =>
  !Number.isNaN(Date.parse(`${text}T00:00Z`)) && dayOf(Date.parse(`${text}T00:00Z`)) === text;

/** A UTC day as a person writes it. */
export const daySchema = z
  .string()
  .regex(/^(\d{4}-\d\d-\d\d|\d{1,4}d)$/, 'a day in UTC such as 2026-10-31, or 7d for seven days ago')
  .refine((text) => text.endsWith('d') || isDay(text), 'no such day');

/** Days of which the recharges are looked through, and the first moments of the first and after the last. */
export interface Range {
  from: number;
  to: number;
  /** `2026-10-31`, newest first. */
  days: string[];
  /** Nobody said from when on. Then what is unfinished counts, however old. */
  isOpenEnded: boolean;
}

/** A month as a person writes it. */
export const monthSchema = z.string().regex(/^20\d\d-(0[1-9]|1[0-2])$/, 'a month (UTC) such as 2026-10');

/**
 * The first moments of a month and of the one after it, in UTC.
 *
 * @param month `2026-10`.
 * @throws an OperateError, `refused`, if it is no month, or has not begun.
 */
export function monthOf(month: string, now: number): { from: number; to: number } {
  const fault = monthSchema.safeParse(month).error?.issues[0]?.message;
  if (fault !== undefined) throw refused(`"${month}" is no month: ${fault}.`);
  const from = Date.parse(month);
  if (from > now) throw refused(`The month ${month} has not begun: today is ${dayOf(now)} (UTC).`);
  const first = new Date(from);
  return { from, to: Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1) };
}

/** Whole days from one moment to another, newest first: `2026-10-31`, `2026-10-30` and so on. */
export const daysBetween = (from: number, to: number): string[] =>
  Array.from({ length: Math.max(0, (to - from) / DAY_MS) }, (_, index) => dayOf(to - (index + 1) * DAY_MS));

/**
 * @param recentDays how many days where the filter does not say.
 * @throws an OperateError, `refused`, if a day or the range makes no sense.
 */
export function rangeOf(
  { from, to }: { from?: string; to?: string },
  now: number,
  recentDays = RECENT_DAYS,
): Range {
  const today = Date.parse(dayOf(now));
  const first = from === undefined ? undefined : startOf(from, today);
  const last = to === undefined ? today : startOf(to, today);
  const start = Math.max(first ?? last - (recentDays - 1) * DAY_MS, FIRST_DAY);
  if (start > today)
    throw refused(`No recharge was received yet from ${from} on: today is ${dayOf(now)} (UTC).`);
  if (start > last)
    throw refused(`The range is empty: it begins on ${dayOf(start)}, after its end, ${dayOf(last)}.`);
  // The webhook's clock may be ahead of this one. Later days have nothing, however many somebody asks for.
  const end = Math.min(to === undefined ? last + 2 * DAY_MS : last + DAY_MS, today + 2 * DAY_MS);
  return {
    from: start,
    to: end,
    days: daysBetween(start, end),
    isOpenEnded: from === undefined && to === undefined,
  };
}

const refused = (sentence: string) => new OperateError('refused', sentence);

/** The first moment of a day. */
function startOf(text: string, today: number): number {
  const fault = daySchema.safeParse(text).error?.issues[0]?.message;
  if (fault !== undefined) throw refused(`"${text}" is no day to list from or to: ${fault}.`);
  return text.endsWith('d') ? today - Number.parseInt(text, 10) * DAY_MS : Date.parse(text);
}
