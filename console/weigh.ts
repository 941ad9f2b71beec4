import { BUDGET_BYTES, bundlePage, sizeOf } from './bundle.ts';

// What a browser loads is bundled when it is asked for. The build says how much that is, as of the functions.
const bytes = sizeOf(await bundlePage());
const words = `${'console'.padEnd(22)}${Math.ceil(bytes / 1_024)} KB compressed`;
process.stdout.write(`${words}\n`);
if (bytes > BUDGET_BYTES)
  throw new Error(`The console has outgrown its budget of ${BUDGET_BYTES / 1_024} KB.`);
