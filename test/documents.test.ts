import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

const DOCUMENTS = globSync('**/*.md', {
  exclude: (name) => /^(node_modules|\.local|cdk\.out|dist)$/.test(name),
});
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));

const read = (document: string) => readFileSync(document, 'utf8');
const prose = (document: string) => read(document).replaceAll(/^```.*?^```/gms, '');

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

  it('names scripts that package.json has', () => {
    const named = [...read(document).matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, script = '']) => script);
    expect(named.filter((script) => !(script in scripts))).toEqual([]);
  });
});

it('the documents are found', () => {
  expect(DOCUMENTS).toContain('README.md');
  expect(DOCUMENTS).toContain(join('functions', 'recharge-webhook', 'README.md'));
});
