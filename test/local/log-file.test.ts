import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createLogFile } from '../../local/log-file.ts';

function aFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'relay-log-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  return { folder, file: join(folder, 'relay.log'), read };
}

it('a log keeps the newest lines, in two files of a bounded size, however much is written', () => {
  const { folder, file, read } = aFolder();
  const write = createLogFile(file, 1_000);
  for (let line = 0; line < 5_000; line += 1) write(`{"line":${line},"name":"Zoë 🦊"}`);
  expect(readdirSync(folder).sort()).toEqual(['relay.log', 'relay.log.1']);
  const lines = (read('relay.log.1') + read('relay.log')).trimEnd().split('\n');
  expect(lines.at(-1)).toBe('{"line":4999,"name":"Zoë 🦊"}');
  expect(lines).toEqual(lines.map((_, index) => `{"line":${5_000 - lines.length + index},"name":"Zoë 🦊"}`));
  for (const name of readdirSync(folder)) expect(Buffer.byteLength(read(name))).toBeLessThanOrEqual(1_000);
});

it('a log goes on with the file of an earlier start, and a line longer than a file is a file', () => {
  const { file, read } = aFolder();
  writeFileSync(file, 'earlier\n');
  const write = createLogFile(file, 20);
  write('one');
  expect(read('relay.log')).toBe('earlier\none\n');
  write('x'.repeat(50));
  expect(read('relay.log.1')).toBe('earlier\none\n');
  expect(read('relay.log')).toBe(`${'x'.repeat(50)}\n`);
  rmSync(file);
  write('two');
  expect(read('relay.log')).toBe('two\n');
});
