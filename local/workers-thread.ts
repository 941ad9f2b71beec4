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

/** Each message wakes the other thread, of which webhooks want all. So what is logged goes as one, this often at most. */
const LINES_EVERY_MS = 50;

function linesTogether(write: (lines: string[]) => void) {
  let gathered: string[] = [];
  const flush = () => {
    if (gathered.length > 0) write(gathered);
    gathered = [];
  };
  return {
    add(line: string) {
      if (gathered.push(line) === 1) setTimeout(flush, LINES_EVERY_MS);
    },
    flush,
  };
}

const log = linesTogether((lines) => tell({ lines }));
// Also where an error ends the thread: its last lines say what led to it.
process.on('exit', log.flush);
let workers: ReturnType<typeof startWorkers> | undefined;
port.on('message', async (told: ToThread) => {
  if (told !== 'stop') {
    workers = startWorkers(told.start, log.add);
    tell('started');
    return;
  }
  await workers?.stop();
  // Of the thread alone, which idle connections would keep for some seconds more.
  process.exit(0);
});
