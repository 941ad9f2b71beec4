import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { FUNCTIONS } from '../../infra/build.ts';

/** Functions that do nothing, for tests that look at the template alone. */
export function useEmptyBundles(): void {
  const before = process.env.RELAY_DIST;
  const dist = mkdtempSync(join(tmpdir(), 'relay-empty-'));
  beforeAll(() => {
    process.env.RELAY_DIST = dist;
    for (const name of FUNCTIONS) {
      mkdirSync(join(dist, name));
      writeFileSync(join(dist, name, 'index.mjs'), 'export const handler = () => undefined;');
    }
  });
  afterAll(() => {
    if (before === undefined) delete process.env.RELAY_DIST;
    else process.env.RELAY_DIST = before;
    rmSync(dist, { recursive: true });
  });
}
