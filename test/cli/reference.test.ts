import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../cli/failure.ts';
import { cliWith } from '../../cli/main.ts';
import { outputSchemaDocument, PRINTS } from '../../cli/output-schema.ts';
import { commandReference, commandsOf, examplesOf, MADE_BELOW, type Named } from '../../cli/reference.ts';
import { ioOf } from '../support/command.ts';
import { commandLineReader } from '../support/command-lines.ts';

const PAGE = readFileSync('docs/commands.md', 'utf8');
const [INTRODUCTION = '', MADE = ''] = PAGE.split(MADE_BELOW);

let reference: string;
let commands: Named[];
beforeAll(async () => {
  const { program } = await cliWith('all', ioOf({ env: {} }).io);
  reference = commandReference(program);
  commands = commandsOf(program);
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

it('docs/cli.schema.json is made of what commands are held to in every test: npm run generate', () => {
  expect(JSON.parse(readFileSync('docs/cli.schema.json', 'utf8'))).toEqual(outputSchemaDocument());
});

describe('every command', () => {
  it('has examples in its help, which can be pasted', async () => {
    const read = await commandLineReader();
    expect(
      commands.filter(({ command }) => examplesOf(command).length === 0).map(({ name }) => name),
    ).toEqual([]);
    for (const line of commands.flatMap(({ command }) => examplesOf(command))) {
      expect(await read(line.replace(/^npx relay /, ''), 'whole')).toBeUndefined();
    }
  });

  it('prints JSON where it is asked to', () => {
    const without = commands.filter(({ command }) => !command.options.some(({ long }) => long === '--json'));
    // A table for a file, and a script for a shell.
    expect(without.map(({ name }) => name)).toEqual(['completion']);
  });

  it('has a schema for its JSON, but for those that set a relay up', () => {
    const names = commands.map(({ name }) => name);
    expect(Object.keys(PRINTS).filter((name) => !names.includes(name))).toEqual([]);
    const without = names.filter((name) => !Object.hasOwn(PRINTS, name) && name !== 'completion');
    expect(without.filter((name) => !/^(capture show|platform|probe)\b/.test(name))).toEqual([]);
  });
});
