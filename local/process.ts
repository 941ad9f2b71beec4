import '../preflight.mjs';
import { getCompileCacheDir } from 'node:module';

// The processes that it starts have what they load compiled from the first start, too.
const directory = getCompileCacheDir();
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
await import('./main.ts');
