import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { DEVIATING, EMAIL, error, KEY, usePlatforms } from '../operate/probe/support.ts';
import { runCommand, startCommand } from '../support/command.ts';

const { newSandbox, newPlatform } = usePlatforms();
const folder = mkdtempSync(join(tmpdir(), 'relay-probe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.concurrent('relay probe', () => {
  const envOf = (baseUrl: string) => ({
    PLATFORM_BASE_URL: baseUrl,
    PLATFORM_API_KEY: KEY,
    RELAY_LOCAL_DIR: join(folder, 'none'),
  });
  // Between two questions a probe waits for a tenth of a second, so as to leave room for others.
  const cli = (baseUrl: string, args: string[], input = '') =>
    runCommand(['probe', ...args], { env: envOf(baseUrl), input, sleep: async () => {} });

  it('prints the findings and the section, or both as JSON', async () => {
    const sandbox = await newSandbox();
    const { code, stdout, stderr } = await cli(sandbox.baseUrl, ['--email', EMAIL]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('keyPlacement.credits is header.\n');
    const section = JSON.parse(stdout.slice(stdout.indexOf('\n{')));
    expect(section.platform).toMatchObject({ baseUrl: sandbox.baseUrl, subAccountLookup: true });
    const asJson = await cli(sandbox.baseUrl, ['--email', EMAIL, '--json']);
    expect(asJson).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      reached: true,
      key_works: true,
      section: section.platform,
    });
  });

  it('writes the section into a configuration, leaves the rest, and shows what is different', async () => {
    const sandbox = await newSandbox({ profile: DEVIATING });
    const file = join(folder, 'relay.config.json');
    const rest = { pricing: { currency: 'EUR', perCredit: '0.09' }, own: [1, 2] };
    writeFileSync(
      file,
      JSON.stringify({
        ...rest,
        platform: { baseUrl: 'https://api.example.com/v1', keyHeader: 'x-api-key', emptyPoolPattern: 'none' },
      }),
    );
    const { code, stdout } = await cli(sandbox.baseUrl, ['--write', file]);
    expect(code).toBe(0);
    const text = readFileSync(file, 'utf8');
    const written = JSON.parse(text);
    expect(text).toBe(`${JSON.stringify(written, null, 2)}\n`);
    const { platform, ...others } = written;
    expect(others).toEqual(rest);
    expect(Object.keys(written)).toEqual(['pricing', 'own', 'platform']);
    expect(platform).toMatchObject({
      baseUrl: sandbox.baseUrl,
      keyHeader: 'api-key',
      keyPlacement: { credits: 'query', contacts: 'header' },
      emptyPoolPattern: 'none',
    });
    expect(stdout).toContain(
      [
        `Written to ${file}:`,
        `  platform.baseUrl: "https://api.example.com/v1" -> "${sandbox.baseUrl}"`,
        '  platform.keyHeader: "x-api-key" -> "api-key"',
        '  platform.keyPrefix: not said -> ""',
        '  platform.keyQuery: not said -> "key"',
        '  platform.sendPath: not said -> "/send_custom_channel_message"',
        '  platform.keyPlacement.contacts: not said -> "header"',
      ].join('\n'),
    );
    const again = await cli(sandbox.baseUrl, ['--write', file, '--base-url', sandbox.baseUrl]);
    expect(again.stdout).toContain(`${file} says all this already.`);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('writes nothing where the file is no JSON, or the platform no platform', async () => {
    const sandbox = await newSandbox();
    const file = join(folder, 'broken.json');
    for (const broken of ['{ "platform": ', '[1]', '{"platform":{"keyPlacement":"header"}}']) {
      writeFileSync(file, broken);
      const refused = await cli(sandbox.baseUrl, ['--write', file]);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/^broken\.json cannot be used:/);
      expect(readFileSync(file, 'utf8')).toBe(broken);
    }
    const fresh = join(folder, 'fresh.json');
    const { code, stdout } = await cli('http://127.0.0.1:1/v1', ['--write', fresh]);
    expect(code).toBe(1);
    expect(stdout).toContain(`The platform's API could not be reached. Nothing was written to ${fresh}.`);
    expect(() => readFileSync(fresh)).toThrow('ENOENT');
    const elsewhere = await newPlatform(() => error(401, 'UNAUTHORIZED'));
    const keyless = await cli(elsewhere.baseUrl, ['--write', fresh]);
    expect(keyless.code).toBe(1);
    expect(keyless.stdout).toContain('The key opened no address');
    expect(() => readFileSync(fresh)).toThrow('ENOENT');
    expect((await cli(sandbox.baseUrl, ['--write', fresh])).code).toBe(0);
    expect(JSON.parse(readFileSync(fresh, 'utf8'))).toMatchObject({ platform: { baseUrl: sandbox.baseUrl } });
  });

  it('grants only to whom was named twice', async () => {
    const sandbox = await newSandbox();
    const grant = (typed: string, ...more: string[]) =>
      cli(sandbox.baseUrl, ['--grant-one-credit', EMAIL, '--wait', '0', ...more], typed);
    for (const typed of ['', 'demo@example.org\n', '\n']) {
      expect(await grant(typed)).toMatchObject({ code: 4, stdout: '' });
    }
    expect(await grant(`${EMAIL}\n`, '--reads-only')).toMatchObject({ code: 2 });
    expect(sandbox.books).toEqual([]);
    const granted = await grant(`${EMAIL}\n`);
    expect(granted).toMatchObject({ code: 0 });
    expect(granted.stderr).toContain('This grants one credit, for good,');
    // Without --email, too, the lookup is tried with an address that is there.
    expect(JSON.parse(granted.stdout.slice(granted.stdout.indexOf('\n{'))).platform).toMatchObject({
      subAccountLookup: true,
    });
    expect(sandbox.books).toHaveLength(1);
    expect(await grant('', '--yes')).toMatchObject({ code: 0 });
    expect(sandbox.books).toHaveLength(2);
  });

  it('has said by which mark to find its credit before it sends it, should it be killed on the next line', async () => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault: 'hang_after' });
    const { child, ended } = startCommand(['probe', '--grant-one-credit', EMAIL, '--yes'], {
      env: envOf(sandbox.baseUrl),
    });
    await vi
      .waitFor(() => expect(sandbox.books).toHaveLength(1), { timeout: 20_000 })
      .finally(() => child.kill('SIGKILL'));
    const { code, stdout, stderr } = await ended;
    expect(code).toBeNull();
    const [, mark] = /being granted, marked (probe-[0-9a-f]{12}):/.exec(stderr) ?? [];
    expect(stdout).not.toContain('probe-');
    expect(sandbox.books).toMatchObject([
      { kind: 'grant', amount: 1, description: expect.stringContaining(mark ?? 'no mark was told') },
    ]);
  });
});
