import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { formatMoney } from '../shared/money.ts';
import type { Account } from '../shared/recharge/account.ts';
import { pricingOf, SETTINGS, type Setting } from './client-settings.ts';
import { csvOf, withoutGuard } from './csv.ts';
import { nearest } from './nearest.ts';
import type { Terms } from './terms.ts';

/** `monthlyCap` → `monthly_cap`. */
export const columnOf = (setting: Setting) =>
  setting.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** In the order in which they are exported. */
export const COLUMNS = ['email', 'status', 'note', ...SETTINGS.map(columnOf)];

/** By column. A cell is absent where the client has nothing of their own there. */
export type Cells = Partial<Record<string, string>>;

export interface CsvLine {
  /** The line of the file in which it begins, from 1. */
  line: number;
  /** Blank cells are left out. */
  cells: Cells;
}

export interface LineFault {
  line: number;
  /** Absent: the line as a whole. */
  column?: string;
  message: string;
}

// ── Reading ──────────────────────────────────────────────────────────────────────────────────────────

/**
 * Reads a file of clients as spreadsheets write it: with commas, semicolons or tabs, quotes, any line ends, in UTF-8 or
 * UTF-16, with or without a mark for that, or in Windows-1252 (Excel's own choice in Western Europe).
 *
 * @returns the lines that could be read, and every fault of the file's form.
 */
export function readCsv(file: Uint8Array): { lines: CsvLine[]; faults: LineFault[] } {
  // csv-parse counts a CRLF within quotes as two lines.
  const text = decoded(file).replaceAll(/\r\n?/g, '\n');
  // Excel obeys such a line, and some programs write it.
  const named = /^sep=(.)\n/i.exec(text);
  const body = named ? text.slice(named[0].length) : text;
  const offset = named ? 1 : 0;
  const records = recordsOf(body, named?.[1] ?? delimiterOf(body));
  if ('fault' in records)
    return { lines: [], faults: [{ ...records.fault, line: records.fault.line + offset }] };
  const [header, ...rest] = records.map(({ line, cells }) => ({ line: line + offset, cells }));
  if (!header) return { lines: [], faults: [{ line: 1, message: 'the file is empty' }] };
  const columns = header.cells.map((name) => name.toLowerCase().replaceAll(/[\s-]+/g, '_'));
  const faults = faultsOfHeader(columns).map((fault) => ({ ...fault, line: header.line }));
  const lines = rest.map(({ line, cells }) => {
    const surplus = cells.findIndex((cell, index) => cell !== '' && !columns[index]);
    if (surplus >= 0) faults.push({ line, message: `its cell ${surplus + 1} stands under no column` });
    const given = columns.map((column, index): [string, string] => [
      column,
      withoutGuard(cells[index] ?? ''),
    ]);
    return {
      line,
      cells: Object.fromEntries(given.filter(([column, cell]) => column !== '' && cell !== '')),
    };
  });
  return { lines, faults };
}

function decoded(file: Uint8Array): string {
  const [first, second] = file;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch {
    return new TextDecoder('windows-1252').decode(file);
  }
}

/** The one that the header has most of. */
function delimiterOf(text: string): string {
  const [header = ''] = text.split('\n', 1);
  const count = (delimiter: string) => header.split(delimiter).length;
  return [',', ';', '\t'].reduce((most, other) => (count(other) > count(most) ? other : most));
}

/** The records that hold anything at all, with trimmed cells. */
function recordsOf(
  text: string,
  delimiter: string,
): { line: number; cells: string[] }[] | { fault: LineFault } {
  const records: { line: number; cells: string[] }[] = [];
  let ended = 0;
  try {
    parse(text, {
      delimiter,
      relax_column_count: true,
      skip_empty_lines: true,
      on_record(record: string[], { lines }) {
        ended = lines;
        const breaks = record.join('').split('\n').length - 1;
        const cells = record.map((cell) => cell.trim());
        if (cells.some((cell) => cell !== '')) records.push({ line: lines - breaks, cells });
        return null;
      },
    });
    return records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const isOpen = error.code === 'CSV_QUOTE_NOT_CLOSED';
    // Of an open quote, csv-parse names the end of the file.
    const line = isOpen || typeof error.lines !== 'number' ? ended + 1 : error.lines;
    const message = isOpen
      ? 'a quote is opened here, and never closed'
      : 'a quote stands where none may: a cell with quotes has one on each side, and doubles those within';
    return { fault: { line, message } };
  }
}

function faultsOfHeader(columns: string[]): Omit<LineFault, 'line'>[] {
  const faults = columns.flatMap((column, index) => {
    if (column === '') return [];
    if (columns.indexOf(column) < index) return [{ column, message: 'is there twice' }];
    if (COLUMNS.includes(column)) return [];
    const [near] = nearest(column, COLUMNS);
    const meant = near === undefined ? `Possible: ${COLUMNS.join(', ')}` : `Did you mean ${near}?`;
    return [{ column, message: `is no column of clients. ${meant}` }];
  });
  if (columns.includes('email')) return faults;
  return [...faults, { column: 'email', message: 'is missing: the first line must name the columns' }];
}

// ── Writing ──────────────────────────────────────────────────────────────────────────────────────────

/** A client as cells. Read back, they are the same client. */
export function cellsOf(account: Account, terms: Pick<Terms, 'pricing'> | undefined): Cells {
  const { email, status, statusChange, platformId, grantEmail, customer, pricing, limits } = account;
  const currency = pricingOf(account, terms)?.currency;
  const cells: Record<string, string | number | undefined> = {
    email,
    status,
    note: statusChange?.note,
    platform_id: platformId,
    grant_email: grantEmail,
    customer,
    daily_count: limits.dailyCount,
    monthly_cap: limits.monthlyAmount === undefined ? undefined : moneyText(limits.monthlyAmount, currency),
    cooldown_seconds: limits.cooldownSeconds,
  };
  if (pricing && 'perCredit' in pricing) {
    cells.price_per_credit = `${pricing.perCredit} ${pricing.currency}`;
    cells.minimum_charge = pricing.minimumCharge && `${pricing.minimumCharge} ${pricing.currency}`;
  } else if (pricing) {
    cells.pricing = JSON.stringify(pricing);
  }
  return Object.fromEntries(
    Object.entries(cells).flatMap(([column, cell]) => (cell === undefined ? [] : [[column, String(cell)]])),
  );
}

/** What a limit comes to where nothing here says in which currency it is. */
export const MINOR_UNITS = 'minor units';

const moneyText = (amount: number, currency: string | undefined) =>
  currency === undefined ? `${amount} ${MINOR_UNITS}` : formatMoney({ amount, currency });

/** With a mark for UTF-8, so that Excel reads it as it is. */
export const csvOfClients = (clients: Cells[]): string =>
  `\ufeff${csvOf([COLUMNS, ...clients.map((cells) => COLUMNS.map((column) => cells[column] ?? ''))])}`;
