import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import { cpuMs } from '../support/cpu.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-config-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = (args: string[], env: NodeJS.ProcessEnv = {}) =>
  runCommand([...args, 'config', 'check'], { env });
const written = (name: string, value: unknown) => {
  const file = join(folder, name);
  writeFileSync(file, JSON.stringify(value, null, 2));
  return file;
};

describe('relay config check', () => {
  it('has nothing to say of the example, within two seconds of work', async () => {
    const ms = await cpuMs(async () => {
      const args = ['config', 'check', 'relay.config.example.json'];
      const { code, stdout } = await runCommand(args, { env: {} });
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'relay.config.example.json: no faults.\n' });
    });
    expect(ms).toBeLessThan(2_000);
  });

  it('prints file, line and rule of each fault, and ends with 1', async () => {
    const RELAY_CONFIG = written('faulty.json', { guard: { unknownAccounts: 'maybe', limit: {} } });
    const { code, stdout } = await check([], { RELAY_CONFIG });
    expect(code).toBe(1);
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      `${RELAY_CONFIG}:3: guard.unknownAccounts must be one of "refuse", "allow"`,
      `${RELAY_CONFIG}:4: guard has no setting "limit"; there are unknownAccounts, limits, suspendAfterDeclines`,
      `${RELAY_CONFIG}: 2 faults. It is a part: enough for npm start, but to be deployed it lacks platform, pricing, payment.`,
    ]);
  });

  it('lets a part pass for npm start, and not for a stack', async () => {
    const RELAY_CONFIG = written('part.json', { guard: { limits: {} } });
    expect((await check([], { RELAY_CONFIG })).code).toBe(0);
    expect((await check(['--stack', 'recharge-relay-dev'], { RELAY_CONFIG })).code).toBe(1);
  });

  it('says that there is no such file', async () => {
    const { code, stdout } = await runCommand(['config', 'check', join(folder, 'none.json')], { env: {} });
    expect(code).toBe(1);
    expect(stdout).toContain('none.json: the file cannot be read (ENOENT)');
  });
});
