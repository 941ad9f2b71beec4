/** Text, or a number; a decimal number is given as it is to be written. */
export type Cell = string | number | { decimal: string } | undefined;

/**
 * Lines of comma-separated values as RFC 4180 has them (https://www.rfc-editor.org/rfc/rfc4180), each with its CRLF.
 * Numbers are ours, and stay numbers when they are negative. All text is guarded.
 */
export const csvOf = (lines: readonly (readonly Cell[])[]): string =>
  lines.map((cells) => `${cells.map(written).join(',')}\r\n`).join('');

function written(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell !== 'string') return typeof cell === 'number' ? String(cell) : cell.decimal;
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",;\t\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A spreadsheet takes a cell that begins with one of these for a formula, and runs it
 * (https://owasp.org/www-community/attacks/CSV_Injection). An apostrophe in front makes it text. One that stood there is
 * doubled, so that it can be told from ours. The last four are wide forms, which East Asian spreadsheets read likewise.
 */
const FORMULA = /^['\s]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]/;

/** The text of a cell that may have been guarded. */
export const withoutGuard = (cell: string) =>
  cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
