import { enableCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './workers.ts';

// A thread does not have it from its process.
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { startWorkers } = await import('./workers-parts.ts');

const port = parentPort;
if (port === null) throw new Error('Bug! This is no thread.');
const tell = (what: FromThread) => port.postMessage(what);
let workers: ReturnType<typeof startWorkers> | undefined;
port.on('message', async (told: ToThread) => {
  if (told !== 'stop') {
    workers = startWorkers(told.start, (line) => tell({ line }));
    tell('started');
    return;
  }
  await workers?.stop();
  // Of the thread alone, which idle connections would keep for some seconds more.
  process.exit(0);
});
