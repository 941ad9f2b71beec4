import '../preflight.mjs';
import { enableCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';

// This comes first: what is loaded from here on is compiled only at the first start.
enableCompileCache();
const { main } = await import('./main.ts');

// The reader may close the pipe early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const { stdin, stdout, stderr, env } = process;
const io = { stdin, stdout, stderr, env, now: Date.now, sleep };
process.exitCode = await main(process.argv.slice(2), io);
