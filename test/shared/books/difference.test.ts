import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { DIFFERENCES } from '../../../shared/books/difference.ts';

it.each(Object.entries(DIFFERENCES))('docs/months-books.md says what %s means', (word, means) => {
  expect(readFileSync('docs/months-books.md', 'utf8')).toContain(`| \`${word}\` | ${means} |`);
});
