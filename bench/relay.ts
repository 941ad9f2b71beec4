import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localSecrets, readRuntime } from '../local/state.ts';
import { request } from '../shared/node-http.ts';

/** `fetch` would take three times the CPU, of the cores that are measured. The relay closes what is idle for 5 s. */
const agent = new Agent({ keepAlive: true, timeout: 2_000 });

export async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
): Promise<{ status: number; text: string }> {
  const sent = request(url, { method: 'POST', agent, headers }).end(body);
  const [response] = await once(sent, 'response');
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += chunk;
  return { status: response.statusCode, text };
}

/** Of the sandbox: each may have one recharge under way. */
export const CLIENTS = Array.from(
  { length: 100 },
  (_, index) => `client-${String(index + 1).padStart(3, '0')}@example.com`,
);

export type Relay = Awaited<ReturnType<typeof startRelay>>;

/** A relay as `npm start` makes it, warmed up by its demonstration, in a folder of its own. */
export async function startRelay(nodeArgs: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'relay-bench-'));
  const own = { RELAY_LOCAL_DIR: folder };
  const env = { ...process.env, ...own };
  const child = spawn(
    process.execPath,
    [...nodeArgs, 'local/process.ts', '--port', '0', '--quiet', '--no-console'],
    {
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const stop = async () => {
    child.kill('SIGTERM');
    if (child.exitCode === null) await once(child, 'exit');
    rmSync(folder, { recursive: true });
  };
  try {
    await demonstrated(child.stdout);
    const runtime = readRuntime(own);
    if (!runtime) throw new Error('The relay wrote no runtime.json.');
    const [token = ''] = localSecrets(own).inbound.webhook;
    return { ...runtime, folder, env, token, cpuMs: () => cpuMsOf(child.pid ?? 0), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function demonstrated(output: NodeJS.ReadableStream): Promise<void> {
  for await (const chunk of output) if (String(chunk).includes('Ctrl-C')) return;
  throw new Error('The relay did not start.');
}

/** Of Linux, whatever it runs on. */
const MS_A_TICK = 10;

/**
 * What a process and its threads have had of all cores so far; none of what it started. Undefined where there is no /proc.
 * https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, 14 and 15
 */
function cpuMsOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return ((user ?? 0) + (system ?? 0)) * MS_A_TICK;
  } catch {
    return undefined;
  }
}

/** Runs `work` again and again, so many times in all, at most so many at a time. */
export async function together(
  count: number,
  atATime: number,
  work: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: atATime }, one));
}

/** Each look costs the relay's machine something: it must not be what is measured. */
const LOOK_EVERY_MS = 50;

export async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
