import '../preflight.mjs';
import { enableCompileCache } from 'node:module';

// This comes first: what is loaded from here on is compiled only at the first start. So is what the processes
// load that it starts.
const { directory } = enableCompileCache();
if (directory !== undefined) process.env.NODE_COMPILE_CACHE = directory;
await import('./main.ts');
