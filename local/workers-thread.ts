import '../preflight.mjs';
import { enableCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './workers.ts';

// A thread does not have it from its process.
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { startWorkers } = await import('./workers-parts.ts');

const port = parentPort;
if (port === null) throw new Error('Bug! This is no thread.');
const tell = (what: FromThread) => port.postMessage(what);

/** Each message wakes the other thread. So the lines of a turn go as one, at its end. */
function linesTogether(write: (lines: string[]) => void): (line: string) => void {
  let gathered: string[] = [];
  return (line) => {
    if (gathered.push(line) > 1) return;
    setImmediate(() => {
      write(gathered);
      gathered = [];
    });
  };
}

let workers: ReturnType<typeof startWorkers> | undefined;
port.on('message', async (told: ToThread) => {
  if (told !== 'stop') {
    workers = startWorkers(
      told.start,
      linesTogether((lines) => tell({ lines })),
    );
    tell('started');
    return;
  }
  await workers?.stop();
  // Their last lines are told at the end of this turn.
  await new Promise((resolve) => setImmediate(resolve));
  // Of the thread alone, which idle connections would keep for some seconds more.
  process.exit(0);
});
