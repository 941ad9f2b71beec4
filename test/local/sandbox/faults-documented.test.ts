import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createSandboxChat } from '../../../local/sandbox/chat.ts';
import { DIALECTS, dialectNameSchema } from '../../../local/sandbox/dialects/index.ts';
import { createSandboxPayments } from '../../../local/sandbox/payments.ts';
import { createSandboxPlatform } from '../../../local/sandbox/platform.ts';
import { createSandboxStripe } from '../../../local/sandbox/stripe/sandbox.ts';

const document = readFileSync('docs/sandbox.md', 'utf8');
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);

/** The rows of the tables with this first cell in their head, under a heading. */
function rows(heading: string, firstCell: string): string[][] {
  const [, section = ''] = new RegExp(`^## ${heading}\n(.*?)(?=^## |(?![^]))`, 'ms').exec(document) ?? [];
  const tables = section.split(/\n\n/).filter((part) => part.startsWith(`| ${firstCell} |`));
  return tables.flatMap((table) =>
    table
      .trim()
      .split('\n')
      .slice(2)
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      ),
  );
}

const COMMON = rows('Faults', 'fault')
  .filter((cells) => cells.length === 3)
  .flatMap(([names = '']) => quoted(names));

/** `a`, `b` · all · all but `a`; also `b` */
function faultsOf(cell: string): string[] {
  const [most = '', also = ''] = cell.split('; also ');
  const without = quoted(most);
  const base = most.startsWith('all') ? COMMON.filter((name) => !without.includes(name)) : without;
  return [...base, ...quoted(also)];
}

/** Faults by operation, as a part lists them itself. */
function known(part: { fault(order: { operation: string; fault: string }): void }): Record<string, string[]> {
  try {
    part.fault({ operation: 'none', fault: 'none' });
  } catch (error) {
    const [, list = ''] = /Valid names are (.*)\.$/.exec(String(error)) ?? [];
    const operations = list.split('; ').map((operation) => operation.split(': '));
    return Object.fromEntries(operations.map(([name, faults = '']) => [name, faults.split(', ').toSorted()]));
  }
  return expect.unreachable('There is no such fault.');
}

const PARTS = [
  ['Faults', () => createSandboxPlatform({ apiKey: 'key', webhookSecret: 'secret' })],
  ['A payment endpoint', () => createSandboxPayments({ secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' })],
  ['Stripe', () => createSandboxStripe({ apiKey: 'rk_test_ofATest', apiVersion: '2026-10-28.endive' })],
  ['A chat system', () => createSandboxChat({ secret: 'secret' })],
] as const;

describe.each(PARTS)('docs/sandbox.md, under "%s",', (heading, create) => {
  it('lists exactly the faults of every operation, and says of each what it does', async () => {
    const part = await create();
    const faults = known(part);
    await part.close();
    const documented = rows(heading, 'operation').flatMap(([operations = '', cell = '']) =>
      quoted(operations).map((operation) => [operation, faultsOf(cell).toSorted()]),
    );
    expect(Object.fromEntries(documented)).toEqual(faults);
    const explained = [...rows('Faults', 'fault'), ...rows(heading, 'fault')].flatMap(([names = '']) =>
      quoted(names),
    );
    expect(
      Object.values(faults)
        .flat()
        .filter((name) => !explained.includes(name)),
    ).toEqual([]);
  });
});

it('docs/sandbox.md lists the faults that a chat system has of its own', () => {
  const documented = rows('A chat system', 'dialect')
    .filter(([, cell = '']) => /^`\w+`$/.test(cell))
    .flatMap(([dialects = '', cell = '']) => quoted(dialects).map((dialect) => [dialect, ...quoted(cell)]));
  const own = dialectNameSchema.options.flatMap((name) =>
    Object.keys(DIALECTS[name].own).map((fault) => [name, fault]),
  );
  expect(documented).toEqual(own);
});
