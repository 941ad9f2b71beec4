import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const packageJson: { scripts: Record<string, string>; dependencies: Record<string, string> } = JSON.parse(
  readFileSync('package.json', 'utf8'),
);
/** A clone, as far as the first steps of a script read it. */
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'relay-clone-')));
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  for (const file of ['package.json', 'preflight.mjs', 'bin']) {
    cpSync(file, join(folder, file), { recursive: true });
  }
});

const install = (names: string[]) => {
  for (const name of names) mkdirSync(join(folder, 'node_modules', name), { recursive: true });
};

/** As npm runs it, but with this Node and the system's own commands alone. */
function runScript(script: string, nodeOptions = '') {
  const { status, stdout, stderr } = spawnSync(script, {
    shell: true,
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, NODE_OPTIONS: nodeOptions },
  });
  return { status, said: stdout + stderr };
}

describe('where npm ci has not been run, one sentence says so', () => {
  const own = Object.entries(packageJson.scripts).filter(([, script]) => !script.startsWith('npm run'));

  it.each(own)('npm run %s', (_name, script) => {
    expect(runScript(script)).toEqual({
      status: 1,
      said: `What this needs is not installed: run npm ci in ${folder} first.\n`,
    });
  });

  it('a script that runs others begins with one of those', () => {
    const others = Object.values(packageJson.scripts).filter((script) => script.startsWith('npm run'));
    for (const script of others) expect(own.map(([name]) => name)).toContain(script.split(' ')[2]);
  });
});

it('a package that came with an upgrade, and is not installed yet, is named', () => {
  install(Object.keys(packageJson.dependencies).filter((name) => name !== 'zod'));
  expect(runScript('node preflight.mjs').said).toBe(`zod is not installed: run npm ci in ${folder} first.\n`);
});

it('an old Node, which reads no TypeScript, is not the one that npm ci brings', () => {
  install(Object.keys(packageJson.dependencies));
  const { status, said } = runScript('node preflight.mjs', '--no-experimental-strip-types');
  expect(said).toMatch(/^Node [\d.]+ does not read TypeScript: run npm ci .*\n$/);
  expect(status).toBe(1);
});

it('where all is well it says nothing', () => {
  install(Object.keys(packageJson.dependencies));
  expect(runScript('node preflight.mjs')).toEqual({ status: 0, said: '' });
});

it('leaves out the languages of zod that nobody reads', () => {
  const script = `await import('./preflight.mjs'); console.log(Object.keys((await import('zod')).locales).join())`;
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  expect(said.trim()).toBe('default');
});
