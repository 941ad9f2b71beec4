import '../preflight.mjs';
import { flushCompileCache, getCompileCacheDir } from 'node:module';

// The processes that it starts have what they load compiled from the first start, too.
const directory = getCompileCacheDir();
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
await import('./main.ts');
// What was compiled is written by a process that ends by itself. This one may be killed.
flushCompileCache();
