import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../cli/failure.ts';
import { cliWith } from '../../cli/main.ts';
import { commandReference, MADE_BELOW } from '../../cli/reference.ts';
import { ioOf } from '../support/command.ts';

const PAGE = readFileSync('docs/commands.md', 'utf8');
const [INTRODUCTION = '', MADE = ''] = PAGE.split(MADE_BELOW);

let reference: string;
beforeAll(async () => {
  const { program } = await cliWith('all', ioOf({ env: {} }).io);
  reference = commandReference(program);
});

describe('docs/commands.md', () => {
  it('holds every command and option as it is: npm run generate', () => {
    expect(MADE).toBe(reference);
  });

  it('says of each exit code what the help says', () => {
    const [, ...codes] = EXIT_CODES.trim().split('\n');
    for (const line of codes) {
      const [, code = '', text = ''] = /^ +(\d) +(.+)$/.exec(line) ?? [];
      expect(INTRODUCTION).toMatch(new RegExp(`^\\| ${code} \\| ${text}`, 'm'));
    }
  });
});
