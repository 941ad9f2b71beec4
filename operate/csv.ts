/** Text, or a number; a decimal number is given as it is to be written. */
export type Cell = string | number | { decimal: string } | undefined;

/**
 * Lines of comma-separated values as RFC 4180 has them (https://www.rfc-editor.org/rfc/rfc4180), each with its CRLF.
 *
 * Text that a spreadsheet would take for a formula, and run, gets an apostrophe in front, which makes it text
 * (https://owasp.org/www-community/attacks/CSV_Injection). Numbers are ours, and stay numbers when they are negative.
 */
export const csvOf = (lines: readonly (readonly Cell[])[]): string =>
  lines.map((cells) => `${cells.map(written).join(',')}\r\n`).join('');

/** The second four are the wide forms of the first, which East Asian spreadsheets read likewise. */
const FORMULA = /^['\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r]/;

function written(cell: Cell): string {
  if (cell === undefined) return '';
  if (typeof cell !== 'string') return typeof cell === 'number' ? String(cell) : cell.decimal;
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
