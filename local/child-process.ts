import { fork } from 'node:child_process';
import { once } from 'node:events';
import * as z from 'zod';
import type { Engine } from './engines.ts';

const OPTIONS = 'RELAY_PROCESS_OPTIONS';
/** Loaded once, also where this process was started with it. */
const PREFLIGHT = new URL('../preflight.mjs', import.meta.url).href;
const readySchema = z.object({ port: z.int().positive(), path: z.string().default('') });

/**
 * Starts one of our processes, and waits until it listens on its port of 127.0.0.1.
 *
 * @param file relative to this folder; it calls `runAsProcess`.
 * @throws an Error with the process's own last words if it ends instead.
 */
export async function startProcess(file: string, options: unknown = {}): Promise<Engine> {
  // A group of its own: Ctrl-C in a terminal must reach the relay alone, which then ends the others.
  const child = fork(new URL(file, import.meta.url), {
    // Not as an argument: those are shown to every user of the machine, and these hold secrets.
    env: { ...process.env, [OPTIONS]: JSON.stringify(options) },
    execArgv: [...process.execArgv, '--import', PREFLIGHT],
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let lastWords = '';
  child.stderr?.setEncoding('utf8').on('data', (words: string) => {
    lastWords = (lastWords + words).slice(-1_000);
  });
  const ended = once(child, 'exit');
  const first = await Promise.race([once(child, 'message'), ended.then(() => undefined)]);
  const ready = readySchema.safeParse(first?.[0]);
  if (!ready.success) throw new Error(`${file} did not start: ${lastWords.trim()}`);
  return {
    endpoint: `http://127.0.0.1:${ready.data.port}${ready.data.path}`,
    ...(child.pid === undefined ? {} : { pid: child.pid }),
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/**
 * The other side. It takes its options as JSON from the environment, or from the first argument. It sends `{port}`,
 * and the path of what is to be opened there, to the parent once it listens, or to standard output if there is no parent. It ends at once on SIGTERM and
 * SIGINT, and when the parent is gone, so that a killed parent leaves nothing behind. What must be kept is on disk
 * already.
 *
 * @param create parses the options.
 */
export async function runAsProcess(
  create: (options: unknown) => Promise<{ port: number; path?: string }>,
): Promise<void> {
  for (const end of ['disconnect', 'SIGTERM', 'SIGINT']) process.once(end, () => process.exit(0));
  const { port, path } = await create(JSON.parse(process.env[OPTIONS] ?? process.argv[2] ?? '{}')).catch(
    (error: unknown) => {
      // In one sentence: the parent shows it to a person.
      process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
      process.exit(1);
    },
  );
  if (process.send) process.send({ port, path });
  else process.stdout.write(`${JSON.stringify({ port })}\n`);
}
