import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { WorkersOptions } from './workers-parts.ts';

export type ToThread = { start: WorkersOptions } | 'stop';
export type FromThread = { lines: string[] } | 'started';

/** What takes from the queues: recharges and messages are worked off here. */
export interface Workers {
  start(options: WorkersOptions): Promise<void>;
  /** Waits for what is running. A run has its own end. */
  stop(): Promise<void>;
}

export interface Given {
  /** Takes each line of their log. */
  write: (line: string) => void;
  /** Is told of what no handler has caught. None of their work is lost, but they do no more. */
  onDeath: (error: unknown) => void;
}

/**
 * The workers, which begin to load at once: in a thread of their own, as on AWS they are functions of their own. So a
 * webhook does not wait for the work that those before it have made. The thread ends with the process, however that ends. On
 * one core it would only cost: 40 MB, and its own copy of the code to load.
 *
 * @param env `RELAY_ONE_THREAD=1` does without it on any machine.
 */
export function loadWorkers(given: Given, env: NodeJS.ProcessEnv): Workers {
  const inOneThread = env.RELAY_ONE_THREAD === '1' || availableParallelism() === 1;
  return inOneThread ? workersHere(given) : workersInThread(given);
}

function workersHere({ write }: Given): Workers {
  const parts = import('./workers-parts.ts');
  let workers: { stop(): Promise<void> } | undefined;
  return {
    async start(options) {
      workers = (await parts).startWorkers(options, write);
    },
    stop: async () => workers?.stop(),
  };
}

function workersInThread({ write, onDeath }: Given): Workers {
  const thread = new Worker(new URL('./workers-thread.ts', import.meta.url));
  const ended = new Promise((resolve) => thread.once('exit', resolve));
  const started = Promise.withResolvers<void>();
  thread.on('message', (said: FromThread) => {
    if (said === 'started') started.resolve();
    else for (const line of said.lines) write(line);
  });
  thread.on('error', onDeath);
  const tell = (what: ToThread) => thread.postMessage(what);
  return {
    async start(options) {
      tell({ start: options });
      await started.promise;
    },
    async stop() {
      tell('stop');
      await ended;
    },
  };
}
