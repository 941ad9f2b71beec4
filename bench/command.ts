import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Milliseconds from the start of a process to its end. @throws an Error where it fails. */
export async function msOf(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const begun = performance.now();
  const child = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}.`);
  return Math.round(performance.now() - begun);
}
