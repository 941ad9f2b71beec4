import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { commandLineReader, type Form } from './support/command-lines.ts';

const DOCUMENTS = globSync('**/*.md', {
  exclude: (name) => /^(node_modules|\.local|cdk\.out|dist)$/.test(name),
});
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

const read = (document: string) => readFileSync(document, 'utf8');
const prose = (document: string) => read(document).replaceAll(/^ *```.*?^ *```/gms, '');

/** As GitHub makes them: lower case, no punctuation, hyphens for spaces; the second of a name ends in -1. */
function anchors(document: string): string[] {
  const seen = new Map<string, number>();
  return [...prose(document).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}\p{Pc} -]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return before === 0 ? slug : `${slug}-${before}`;
  });
}

function isDead(document: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? document : normalize(join(dirname(document), path));
  if (!existsSync(target)) return true;
  return anchor !== undefined && target.endsWith('.md') && !anchors(target).includes(anchor);
}

/** What follows `npx relay`, or the longer form of it, to the end of the line. */
const COMMAND = /\bnp(?:x relay|m run relay --) ([a-z-].*)/;

const fences = (document: string) =>
  [...read(document).matchAll(/^ *```.*?^ *```/gms)].map(([block]) => block);

/** A line that ends in `\\` goes on in the next one. */
const linesOf = (block: string) => block.replaceAll(/\\\n\s*/g, ' ').split('\n');

/** Spans like `npx relay recharges list`, which a paragraph may break. */
const spans = (document: string) =>
  [...prose(document).matchAll(/`([^`]+)`/g)].map(([, span = '']) => span.replaceAll(/\s+/g, ' '));

const commandsIn = (lines: string[]) => lines.flatMap((line) => COMMAND.exec(line)?.[1] ?? []);

/** A command without `npx relay` before it. */
const SHORT =
  /^(recharges|accounts|messages|quarantine|deadletters|secrets|channels|capture|platform) [a-z]+/;

async function faultsOf(lines: string[], form: Form): Promise<string[]> {
  const faults: string[] = [];
  for (const line of lines) {
    const fault = await readCommand(line, form);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

const SOURCES = globSync('{cli,functions,infra,local,operate,shared}/**/*.ts');

/** What a program prints of a command, up to the end of the literal or of the sentence. A value is a placeholder. */
const printed = (source: string) =>
  [...read(source).matchAll(/npx relay ([a-z](?:\$\{[^}]*\}|[^'`\n])+)/g)].map(([, line = '']) =>
    line
      .replaceAll(/(?<=[a-z])\$\{[^}]*\}/g, '')
      .replaceAll(/\$\{[^}]*\}/g, 'VALUE')
      .replace(/([.,;:)]+| \()( .*)?$/, '')
      .replace(/\\n.*/, '')
      .trim(),
  );

describe.each(SOURCES.filter((source) => printed(source).length > 0))('%s', (source) => {
  it('prints commands that there are', async () => {
    expect(await faultsOf(printed(source), 'named')).toEqual([]);
  });
});

let readCommand: Awaited<ReturnType<typeof commandLineReader>>;
beforeAll(async () => {
  readCommand = await commandLineReader();
});

describe.each(DOCUMENTS)('%s', (document) => {
  it('links to files and headings that are there', () => {
    const links = [...prose(document).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const own = links.filter((link) => !/^[a-z]+:/.test(link));
    expect(own.filter((link) => isDead(document, link))).toEqual([]);
  });

  it('names files and folders that are there', () => {
    const named = [...read(document).matchAll(/`([\w-]+\/(?:[\w./-]+\.(?:ts|json|md|yml)|(?:[\w-]+\/)*))`/g)];
    expect(named.map(([, path = '']) => path).filter((path) => !existsSync(path))).toEqual([]);
  });

  it('shows commands that can be pasted, and names commands that there are', async () => {
    const shown = commandsIn(fences(document).flatMap(linesOf));
    const named = commandsIn(spans(document));
    const mentioned = spans(document).filter((span) => SHORT.test(span));
    expect([
      ...(await faultsOf(shown, 'whole')),
      ...(await faultsOf(named, 'named')),
      ...(await faultsOf(mentioned, 'mentioned')),
    ]).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const named = [...read(document).matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

it('the documents are found', () => {
  expect(DOCUMENTS).toContain('README.md');
  expect(DOCUMENTS).toContain(join('functions', 'recharge-webhook', 'README.md'));
});

it('the contents of RUNBOOK.md lead to every section', () => {
  const [, contents = ''] = /^## Contents$(.*?)^## /ms.exec(read('RUNBOOK.md')) ?? [];
  const linked = [...contents.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor = '']) => anchor);
  expect(linked.toSorted()).toEqual(
    anchors('RUNBOOK.md')
      .filter((anchor) => anchor !== 'runbook' && anchor !== 'contents')
      .toSorted(),
  );
});
