import { styleText } from 'node:util';
import { eastAsianWidth } from 'get-east-asian-width';
import { ageText, utcText } from '../shared/ages.ts';
import { printableLine } from '../shared/printable.ts';

export type Colour = 'red' | 'yellow' | 'green' | 'dim' | 'bold';

/** What a stream says of the terminal behind it. A pipe and a file say nothing. */
export interface Screen {
  isTTY?: boolean;
  /** Characters on a line. */
  columns?: number;
}

/** One column of a table. */
export interface Column<Row> {
  title: string;
  /** Foreign text is made visible here. A column in which no row has a value is left out. */
  value: (row: Row) => string | undefined;
  align?: 'right';
  colour?: (row: Row) => Colour | undefined;
  /** May be cut, where the terminal is narrow. Keys and ids are not: they are copied. */
  cut?: true;
}

/**
 * Whether to colour what goes to a stream: on a terminal, unless `NO_COLOR` is set; `FORCE_COLOR` decides otherwise
 * (https://no-color.org, https://force-color.org).
 */
export function isColoured({ isTTY = false }: Screen, { FORCE_COLOR, NO_COLOR, TERM }: NodeJS.ProcessEnv) {
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return !/^(0|false)$/.test(FORCE_COLOR);
  return isTTY && !NO_COLOR && TERM !== 'dumb';
}

/** Colours a text for a stream that takes colours. The text must be printable already. */
export const painted = (colour: Colour | undefined, said: string) =>
  colour === undefined ? said : styleText(colour, said, { validateStream: false });

/** A time as a table shows it: in UTC, and how long ago. @param time in Unix milliseconds, if there is one */
export function timeColumns<Row>(
  title: string,
  time: (row: Row) => number | undefined,
  now: number,
): Column<Row>[] {
  const said = (row: Row, text: (time: number) => string) => {
    const at = time(row);
    return at === undefined ? undefined : text(at);
  };
  return [
    { title: `${title} (UTC)`, value: (row) => said(row, utcText) },
    { title: '', value: (row) => said(row, (at) => ageText(at, now)), align: 'right', colour: () => 'dim' },
  ];
}

/** A column that may be cut keeps as much. */
const MIN_WIDTH = 8;
const GAP = '  ';

/**
 * The lines of a table: a header, and one line a row. Nothing is cut unless `columns` says how wide the terminal is.
 *
 * @param isColoured whether colours are wanted.
 */
export function tableLines<Row>(
  columns: Column<Row>[],
  rows: Row[],
  { screen = {}, isColoured = false }: { screen?: Screen; isColoured?: boolean } = {},
): string[] {
  const shown = columns
    .map((column) => ({ ...column, cells: rows.map((row) => printableLine(column.value(row) ?? '')) }))
    .filter(({ cells }) => cells.some((cell) => cell !== ''));
  const widths = fitted(
    shown.map(({ title, cells, cut = false }) => ({
      width: cells.reduce((most, cell) => Math.max(most, widthOf(cell)), widthOf(title)),
      cut,
    })),
    screen.isTTY ? screen.columns : undefined,
  );
  const line = (cellOf: (column: (typeof shown)[number]) => [string, Colour | undefined]) =>
    shown
      .map((column, index) => {
        const [said, colour] = cellOf(column);
        const width = widths[index] ?? 0;
        const cell = cutTo(said, width);
        const space = ' '.repeat(Math.max(0, width - widthOf(cell)));
        const coloured = painted(isColoured ? colour : undefined, cell);
        if (column.align === 'right') return `${space}${coloured}`;
        return index === shown.length - 1 ? coloured : `${coloured}${space}`;
      })
      .join(GAP)
      .trimEnd();
  return [
    line(({ title }) => [title, 'bold']),
    ...rows.map((row, index) => line(({ cells, colour }) => [cells[index] ?? '', colour?.(row)])),
  ];
}

/** Takes from the widest column that may be cut, until the line fits or nothing is left to take. */
function fitted(columns: { width: number; cut: boolean }[], room = Number.POSITIVE_INFINITY): number[] {
  const widths = columns.map(({ width }) => width);
  const total = () => widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1));
  for (let over = total() - room; over > 0; over = total() - room) {
    const cuttable = columns.flatMap(({ cut }, index) =>
      cut && (widths[index] ?? 0) > MIN_WIDTH ? [index] : [],
    );
    const [widest] = cuttable.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0));
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return widths;
}

let segmenter: Intl.Segmenter | undefined;

/** What a reader sees as characters. Made with the first use: it takes ten milliseconds. */
function graphemesOf(said: string) {
  segmenter ??= new Intl.Segmenter();
  return segmenter.segment(said);
}

/** In characters of a terminal: some scripts and emoji take two. What is made of several code points is as wide as its first. */
function widthOf(said: string): number {
  // Nearly everything, and a hundred times as fast.
  if (/^[ -~]*$/.test(said)) return said.length;
  let width = 0;
  for (const { segment } of graphemesOf(said)) width += eastAsianWidth(segment.codePointAt(0) ?? 0);
  return width;
}

const ELLIPSIS = '…';

/** @param width in characters of the terminal, of which some scripts take two. */
function cutTo(said: string, width: number): string {
  if (widthOf(said) <= width) return said;
  let kept = '';
  for (const { segment } of graphemesOf(said)) {
    if (widthOf(kept + segment + ELLIPSIS) > width) break;
    kept += segment;
  }
  return kept + ELLIPSIS;
}
