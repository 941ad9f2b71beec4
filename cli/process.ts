import '../preflight.mjs';
import { setTimeout as sleep } from 'node:timers/promises';

// Only now is what is loaded compiled for the next start, too.
const { main } = await import('./main.ts');

// The reader may close the pipe early, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const { stdin, stdout, stderr, env } = process;
const io = { stdin, stdout, stderr, env, now: Date.now, sleep };
process.exitCode = await main(process.argv.slice(2), io);
