import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { main } from '../../cli/main.ts';
import { openBooks } from '../../local/sandbox/books.ts';
import { localFile } from '../../local/state.ts';
import { ioOf } from '../support/command.ts';
import { useFoundRelay } from '../support/found-relay.ts';
import { holds } from '../support/fuzz.ts';
import { hostileText, mutated, written } from '../support/hostile.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-fuzz-lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LOGGED = [
  { time: '2026-01-05T12:00:00.000Z', level: 'info', message: 'decided', key: 'key-1', durationMs: 7 },
  { time: '2026-01-05T12:00:01.000Z', level: 'error', message: 'it failed', error: { message: 'why' } },
];
/** Files of one JSON value a line, with slips: one may be cut, doubled, nested, or in another encoding. */
const linesOf = (samples: readonly unknown[]) =>
  fc
    .array(
      fc.oneof(
        { arbitrary: written(mutated(samples, ['time', 'key', 'level', 'message'])), weight: 4 },
        { arbitrary: hostileText.map((text) => Buffer.from(text)), weight: 1 },
      ),
      { maxLength: 6 },
    )
    .map((lines) => Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')])));

const found = useFoundRelay();

describe('whatever stands in a file of lines', () => {
  holds(
    'of a log, is shown with what it says of a recharge, or passed over, and controls no terminal',
    fc.record({ log: linesOf(LOGGED), asks: fc.constantFrom(['key-1'], ['--errors']), json: fc.boolean() }),
    async ({ log, asks, json }) => {
      const { env } = found();
      writeFileSync(localFile(env, 'relay.log'), log);
      const args = ['logs', ...asks, ...(json ? ['--json'] : [])];
      // Fields of a log have the names that it gave them.
      const { io, said } = ioOf({ env });
      expect(await main(args, io), said.stderr).toBe(0);
      expect(said.stderr).toBe('');
      const { stdout } = said;
      expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{C}/u);
      if (json) JSON.parse(stdout);
    },
    { runs: 40 },
  );

  it('of a log, whose time is an object that cannot become text, is shown as it stands there', async () => {
    const { env } = found();
    const line = { time: { toString: 1 }, level: 'error', message: 'it failed', key: 'key-1' };
    writeFileSync(localFile(env, 'relay.log'), `${JSON.stringify(line)}\n${JSON.stringify(LOGGED[0])}\n`);
    const { io, said } = ioOf({ env });
    expect(await main(['logs', 'key-1'], io), said.stderr).toBe(0);
    expect(said.stdout).toContain('2026-01-05T12:00:00.000Z');
  });

  const eventSchema = z.strictObject({ kind: z.enum(['charged', 'granted']), amount: z.int() });
  const EVENTS = [
    { kind: 'charged', amount: 5_000 },
    { kind: 'granted', amount: 500 },
  ];
  holds(
    'of the books of a sandbox, is read as it was written, or refused by the number of its line',
    fc.record({ before: fc.array(fc.constantFrom(...EVENTS), { maxLength: 3 }), rest: linesOf(EVENTS) }),
    ({ before, rest }) => {
      const file = join(folder, 'books.jsonl');
      const whole = before.map((event) => `${JSON.stringify(event)}\n`).join('');
      writeFileSync(file, Buffer.concat([Buffer.from(whole), rest]));
      try {
        const books = openBooks(eventSchema, file);
        books.close();
        expect(books.events.slice(0, before.length)).toEqual(before);
        for (const event of books.events) expect(EVENTS.map(({ kind }) => kind)).toContain(event.kind);
      } catch (error) {
        expect(String(error)).toMatch(
          /books\.jsonl, line \d+: not an event of these books\. Delete the file/,
        );
      }
    },
    { runs: 60 },
  );
});
