import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { ROOT } from './command.ts';

export const PAYMENT_SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const EXAMPLE = readFileSync(join(ROOT, 'examples/payment-endpoint.mjs'), 'utf8');

/** The example of a payment endpoint as a process of its own, right or with some lines changed: for one test file. */
export function useEndpoints() {
  const folder = mkdtempSync(join(tmpdir(), 'relay-endpoints-'));
  const ending: (() => unknown)[] = [];
  let files = 0;
  afterAll(() => {
    for (const end of ending) end();
    rmSync(folder, { recursive: true, force: true });
  });

  /**
   * @param changes what stands in the example, and what stands there instead.
   * @returns its address.
   */
  return async function startEndpoint(...changes: [from: string, to: string][]): Promise<string> {
    const source = changes.reduce((text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`The example has no ${from}`);
      return text.replace(from, () => to);
    }, EXAMPLE);
    files += 1;
    const file = join(folder, `endpoint-${files}.mjs`);
    writeFileSync(file, source);
    const child = spawn(process.execPath, [file], {
      env: { PAYMENT_HOOK_SECRET: PAYMENT_SECRET, PORT: '0' },
    });
    ending.push(() => child.kill());
    const [line] = await once(child.stdout, 'data');
    return String(line).replace('listening on ', '').trim();
  };
}
