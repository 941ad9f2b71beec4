import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { localSecrets, readStoredSecrets, writeStoredSecrets } from '../../local/state.ts';

const folder = mkdtempSync(join(tmpdir(), 'relay-state-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('stored secrets', () => {
  it('are not put in the place of others than were read', () => {
    const env = { RELAY_LOCAL_DIR: folder };
    localSecrets(env);
    const { secrets, version } = readStoredSecrets(env) ?? expect.unreachable();
    expect(writeStoredSecrets(env, { ...secrets, first: 1 }, version)).toBe('written');
    expect(writeStoredSecrets(env, { ...secrets, second: 2 }, version)).toBe('changed');
    const stored = JSON.parse(readFileSync(join(folder, 'secrets.json'), 'utf8'));
    expect(stored).toMatchObject({ first: 1 });
    expect(stored).not.toHaveProperty('second');
    expect(readdirSync(folder)).toEqual(['secrets.json']);
  });
});
