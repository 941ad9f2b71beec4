import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import type { Adapter } from '../../../../shared/channels/adapter.ts';
import { channelSchema } from '../../../../shared/channels/settings.ts';
import { inboundSecretsSchema, outboundSecretsSchema } from '../../../../shared/settings/secrets.ts';
import { bodies, expectSound, forDelivery, fuzzed, message, NOW, OUR_ID, parsed, reply } from './support.ts';

const root = new URL('../../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const page = read('docs/channels.md');
const blocks = (title: string) =>
  [...page.matchAll(/^ *```([^\n]*)\n(.*?)^ *```$/gms)]
    .filter(([, heading]) => heading === title)
    .map(([, , text = '']) => text);

describe('what is written about channels', () => {
  it('shows channels that can be used', () => {
    const channels = blocks('json channel').map((text) => channelSchema.safeParse(JSON.parse(text)));
    expect(channels.length).toBeGreaterThanOrEqual(4);
    expect(channels.flatMap(({ error }) => error?.message ?? [])).toEqual([]);
    expect(channels.map(({ data }) => data?.adapter)).toEqual(
      expect.arrayContaining(['telegram', 'chatwoot', 'webhook']),
    );
  });

  it.each(channelSchema.options.map(({ shape }) => shape.adapter.value))(
    'tells of %s, which is tested',
    (name) => {
      expect(page).toMatch(new RegExp(`^## .*${name}`, 'im'));
      expect(read('docs/configuration.md')).toContain(`"adapter": "${name}"`);
      expect(read(`test/shared/channels/adapters/${name}.test.ts`)).toMatch(/fuzzed/);
    },
  );

  it('shows secrets that can be used', () => {
    const [inbound, outbound] = ['json inbound', 'json outbound'].map((title) =>
      JSON.parse(blocks(title)[0] ?? ''),
    );
    expect(Object.keys(z.strictObject(inboundSecretsSchema.shape).parse(inbound).channels)).toEqual([
      'support/incoming',
      'support/outgoing',
      'support/send',
    ]);
    expect(z.strictObject(outboundSecretsSchema.shape).parse(outbound).channelTokens.support).toMatch(
      /token/,
    );
  });
});

describe('the adapter of the documentation', () => {
  let folder: string;
  let file: string;
  let parley: Adapter;
  beforeAll(async () => {
    const [source = ''] = blocks('ts adapter');
    expect(source.split('\n').length).toBeLessThan(60);
    // As it would stand in its folder, but somewhere else.
    const home = new URL('shared/channels/adapters/', root);
    const placed = source
      .replaceAll(/from '(\.{1,2}\/[^']+)'/g, (_all, path) => `from '${fileURLToPath(new URL(path, home))}'`)
      .replace("from 'zod'", `from '${createRequire(import.meta.url).resolve('zod')}'`);
    folder = mkdtempSync(join(tmpdir(), 'adapter-'));
    file = join(folder, 'parley.ts');
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(file, placed);
    const { createParleyAdapter } = await import(pathToFileURL(file).href);
    parley = createParleyAdapter({ baseUrl: 'https://parley.example.com' });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is well typed', () => {
    const options = { extends: fileURLToPath(new URL('tsconfig.json', root)), files: [file] };
    const typeRoots = [fileURLToPath(new URL('node_modules/@types', root))];
    const config = { ...options, include: [], compilerOptions: { typeRoots } };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const tsc = fileURLToPath(new URL('node_modules/.bin/tsc', root));
    const { stdout } = spawnSync(tsc, ['--noEmit', '-p', folder], { encoding: 'utf8' });
    expect(stdout).toBe('');
  }, 60_000);

  it('relays what a contact says, and not what a bot says', () => {
    const event = { uuid: 'e-1', from: { handle: 'jane', bot: false }, says: 'Hello' };
    const expected = { id: 'e-1', contact: 'jane', type: 'text', text: 'Hello', attachments: [] };
    expect(message(parley, event)).toEqual(expected);
    expect(message(parley, parley.sample({ id: 'e-1', contact: 'jane', text: 'Hello' }, NOW))).toEqual(
      expected,
    );
    expect(parsed(parley, { ...event, from: { handle: 'relay', bot: true } }).kind).toBe('ignored');
    expect(parsed(parley, { ...event, says: ' ' }).kind).toBe('fault');
  });

  it('delivers, in parts', () => {
    const [request] = parley.requests(forDelivery({ contact: 'jane' }), 'the-token');
    expect(request).toMatchObject({
      url: 'https://parley.example.com/say',
      headers: { authorization: 'Bearer the-token' },
    });
    expect(bodies(parley, { contact: 'jane', text: 'x'.repeat(2_001) }).map(({ ref }) => ref)).toEqual([
      `${OUR_ID}-1`,
      `${OUR_ID}-2`,
    ]);
    expect(parley.judge(reply(201), NOW)).toEqual({ kind: 'delivered' });
  });

  it('stands what every adapter has to', () => {
    const event = { uuid: 'e-1', from: { handle: 'jane', bot: false }, says: 'Hello' };
    const kinds = expectSound(parley, fuzzed(event, 8));
    expect(kinds.messages).toBeGreaterThan(10);
    expect(kinds.fault).toBeGreaterThan(50);
  });
});
