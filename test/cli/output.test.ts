import { describe, expect, it } from 'vitest';
import { type Column, isColoured, tableLines, timeColumns } from '../../cli/output.ts';
import { utc } from '../support/builders.ts';

interface Row {
  name: string;
  credits: number;
  note?: string;
}

const COLUMNS: Column<Row>[] = [
  { title: 'name', value: ({ name }) => name, cut: true, colour: () => 'red' },
  { title: 'credits', value: ({ credits }) => String(credits), align: 'right' },
  { title: 'note', value: ({ note }) => note },
  { title: 'key', value: ({ name }) => `key-of-${name.length}` },
];
const ROWS: Row[] = [
  { name: 'Jane', credits: 5 },
  { name: 'A name that is rather long', credits: 12_000 },
];

describe('a table', () => {
  it('has a header, aligns, and leaves out what no row has', () => {
    expect(tableLines(COLUMNS, ROWS)).toEqual([
      'name                        credits  key',
      'Jane                              5  key-of-4',
      'A name that is rather long    12000  key-of-26',
    ]);
  });

  it('is cut to the terminal, but not what is copied, and elsewhere it is whole', () => {
    const at = (columns: number) => tableLines(COLUMNS, ROWS, { screen: { isTTY: true, columns } });
    expect(at(36)).toEqual([
      'name              credits  key',
      'Jane                    5  key-of-4',
      'A name that is …    12000  key-of-26',
    ]);
    expect(at(10).at(-1)).toBe('A name …    12000  key-of-26');
    expect(tableLines(COLUMNS, ROWS, { screen: { columns: 10 } })).toEqual(tableLines(COLUMNS, ROWS));
  });

  it('counts what a terminal shows, in any script', () => {
    const rows = [
      { name: '山田', credits: 1 },
      { name: 'Zoë', credits: 2 },
      { name: '👩', credits: 3 },
    ];
    expect(tableLines(COLUMNS.slice(0, 2), rows)).toEqual([
      'name  credits',
      '山田        1',
      'Zoë         2',
      '👩          3',
    ]);
  });

  it('shows what is foreign on its own line, and cannot be made to colour', () => {
    const [, line = ''] = tableLines(COLUMNS, [{ name: 'x\u001b[2J\nkey', credits: 1 }]);
    expect(line).toContain('x\\u{1b}[2J\\nkey');
  });

  it('is coloured without moving a column', () => {
    const [header = '', line = ''] = tableLines(COLUMNS, ROWS, { isColoured: true });
    expect(header).toContain('\u001b[1mname\u001b[22m');
    expect(line).toContain('\u001b[31mJane\u001b[39m  ');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal takes for colours
    expect(line.replaceAll(/\u001b\[\d+m/g, '')).toBe(tableLines(COLUMNS, ROWS)[1]);
  });

  it('shows a time in UTC, and how far away it is', () => {
    const now = utc('2026-01-05 12:00:00');
    const times = [
      '2026-01-05 11:59:18',
      '2026-01-05 10:31:00',
      '2026-01-01 12:00:00',
      '2026-01-05 12:05:00',
    ];
    const columns = timeColumns<string>('received', utc, now);
    expect(tableLines(columns, times)).toEqual([
      'received (UTC)',
      '2026-01-05T11:59:18Z    42 s ago',
      '2026-01-05T10:31:00Z  89 min ago',
      '2026-01-01T12:00:00Z     4 d ago',
      '2026-01-05T12:05:00Z    in 5 min',
    ]);
  });
});

describe('colour', () => {
  it.each<[string, boolean, NodeJS.ProcessEnv, boolean]>([
    ['a terminal', true, {}, true],
    ['a pipe', false, {}, false],
    ['a terminal with NO_COLOR', true, { NO_COLOR: '1' }, false],
    ['a terminal with NO_COLOR that is empty', true, { NO_COLOR: '' }, true],
    ['a terminal that knows none', true, { TERM: 'dumb' }, false],
    ['a pipe with FORCE_COLOR', false, { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
    ['a terminal with FORCE_COLOR=0', true, { FORCE_COLOR: '0' }, false],
  ])('on %s', (_what, isTTY, env, expected) => {
    expect(isColoured({ isTTY }, env)).toBe(expected);
  });
});
