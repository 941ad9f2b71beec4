import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { cruise } from 'dependency-cruiser';
import { afterEach, expect, it } from 'vitest';
import config from '../.dependency-cruiser.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-structure-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The rules that a repository of these files breaks. */
async function brokenBy(files: Record<string, string>): Promise<string[]> {
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const { output } = await cruise(['.'], {
    ...config.options,
    baseDir: folder,
    validate: true,
    ruleSet: { forbidden: config.forbidden ?? [] },
  });
  if (typeof output === 'string') throw new Error(output);
  return output.summary.violations.map(({ rule }) => rule.name);
}

/** The rules that one file breaks by importing another. */
function brokenByImport(from: string, to: string, statement: (to: string) => string): Promise<string[]> {
  const path = relative(dirname(from), to);
  return brokenBy({
    [from]: statement(path.startsWith('.') ? path : `./${path}`),
    [to]: 'export const there = 1;\nexport type There = 1;\n',
  });
}

const value = (to: string) => `import { there } from '${to}';\nexport const here = there;\n`;
const type = (to: string) => `import type { There } from '${to}';\nexport type Here = There;\n`;
const late = (to: string) => `export const here = () => import('${to}');\n`;
const again = (to: string) => `export * from '${to}';\n`;

const BROKEN: [rule: string, from: string, to: string, statement: (to: string) => string][] = [
  ['shared-is-the-ground', 'shared/recharge/guard.ts', 'local/state.ts', late],
  ['leaves-know-no-room', 'shared/money.ts', 'shared/recharge/pricing.ts', type],
  ['outside-and-storage-know-no-business', 'shared/platform/client.ts', 'shared/recharge/recharge.ts', type],
  ['payments-and-platform-apart', 'shared/platform/client.ts', 'shared/payments/payment-hook.ts', type],
  ['config-is-gathered-on-top', 'shared/recharge/guard.ts', 'shared/settings/config.ts', type],
  ['settings-know-no-room', 'shared/settings/secrets.ts', 'shared/channels/settings.ts', value],
  ['recharges-know-no-channels', 'shared/recharge/guard.ts', 'shared/channels/message.ts', value],
  ['channels-know-no-recharges', 'shared/channels/relay.ts', 'shared/recharge/webhook.ts', again],
  ['events-come-afterwards', 'shared/recharge/run-recharge.ts', 'shared/events/event.ts', type],
  ['books-are-read-afterwards', 'shared/recharge/guard.ts', 'shared/books/month-books.ts', type],
  ['the-machine-is-pure', 'shared/recharge/machine/grant.ts', 'shared/recharge/ledger.ts', value],
  [
    'functions-stand-alone',
    'functions/recharge-webhook/handler.ts',
    'functions/channel-webhook/handler.ts',
    value,
  ],
  [
    'settings-know-no-phone-numbers',
    'shared/channels/adapters/settings.ts',
    'shared/platform/phone.ts',
    value,
  ],
  ['entry-points-are-not-imported', 'local/relay.ts', 'functions/recharge-worker/index.ts', late],
  ['local-runs-the-functions', 'local/main.ts', 'cli/program.ts', value],
  ['the-sandbox-is-the-other-side', 'local/sandbox/platform.ts', 'shared/platform/schemas.ts', type],
  ['operate-stands-on-shared', 'operate/recharges.ts', 'local/relay.ts', value],
  ['commands-stand-on-operate', 'cli/commands/recharges.ts', 'functions/recharge-worker/deps.ts', value],
  ['commands-show-and-do-not-do', 'cli/commands/recharges.ts', 'shared/recharge/dynamo-ledger.ts', value],
  ['the-linked-command-only-starts-it', 'bin/relay.mjs', 'operate/target.ts', late],
  [
    'the-stack-knows-what-functions-need',
    'infra/relay-stack.ts',
    'functions/recharge-worker/handler.ts',
    value,
  ],
  ['measurements-are-outside', 'bench/recharges.ts', 'infra/stages.ts', value],
  ['examples-stand-alone', 'examples/payment-endpoint.mjs', 'shared/money.ts', late],
  ['every-folder-has-its-rules', 'tools/report.ts', 'shared/money.ts', value],
  ['nothing-imports-tests', 'cli/program.ts', 'test/support/world.ts', value],
];
it.each(BROKEN)('%s: not from %s to %s', async (rule, from, to, statement) => {
  expect(await brokenByImport(from, to, statement)).toContain(rule);
});

it('no-circles: not even of types', async () => {
  expect(await brokenBy({ 'cli/a.ts': type('./b.ts'), 'cli/b.ts': type('./a.ts') })).toContain('no-circles');
});

it('http-is-asked-for: an import loads undici with it, a type or a question does not', async () => {
  const file = (text: string) => brokenBy({ 'local/gateway.ts': text });
  expect(await file("import { request } from 'node:http';\nexport const here = request;\n")).toEqual([
    'http-is-asked-for',
  ]);
  expect(await file("import type { Server } from 'node:http';\nexport type Here = Server;\n")).toEqual([]);
  const loaded = (statement: string) => {
    const script = `${statement}; console.log(process.moduleLoadList.some((name) => name.includes('undici')))`;
    return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' }).trim();
  };
  expect(loaded("import 'node:http'")).toBe('true');
  expect(loaded(`await import('${new URL('../shared/node-http.ts', import.meta.url)}')`)).toBe('false');
});

it('every rule is broken above', () => {
  const rules = (config.forbidden ?? []).map(({ name }) => name);
  expect(['no-circles', 'http-is-asked-for', ...BROKEN.map(([rule]) => rule)].sort()).toEqual(rules.sort());
});

it.each([
  ['the machine takes types', 'shared/recharge/machine/grant.ts', 'shared/platform/client.ts', type],
  ['the machine takes what only calculates', 'shared/recharge/machine/grant.ts', 'shared/backoff.ts', value],
  ['npm start takes handlers', 'local/relay.ts', 'functions/recharge-worker/handler.ts', value],
  ['a deed knows where the local data are', 'operate/connection.ts', 'local/state.ts', value],
])('%s', async (_, from, to, statement) => {
  expect(await brokenByImport(from, to, statement)).toEqual([]);
});
