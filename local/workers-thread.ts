import '../preflight.mjs';
import { enableCompileCache } from 'node:module';
import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { FromThread, ToThread } from './workers.ts';

// A thread does not have it from its process.
enableCompileCache(process.env.NODE_COMPILE_CACHE);
const { startWorkers } = await import('./workers-parts.ts');

/**
 * Between 0, as all else has it, and 19: a tenth of a core that others want, too. So in a flood webhooks are answered first, and
 * recharges get what is left. It comes after the loading, which would take long on a busy machine.
 */
const GIVES_WAY = 10;
// Elsewhere it would be the priority of the whole process. https://man7.org/linux/man-pages/man2/setpriority.2.html, BUGS
if (process.platform === 'linux') setPriority(GIVES_WAY);

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
let workers: ReturnType<typeof startWorkers> | undefined;
port.on('message', async (told: ToThread) => {
  if (told !== 'stop') {
    workers = startWorkers(told.start, log.add);
    tell('started');
    return;
  }
  await workers?.stop();
  log.flush();
  // Of the thread alone, which idle connections would keep for some seconds more.
  process.exit(0);
});
