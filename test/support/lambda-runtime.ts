/**
 * Loads one bundle as Lambda does, in a process of its own: `node lambda-runtime.ts ASSET HANDLER` with the
 * function's environment. Each message `{event, remainingMs}` is one invocation; the answer is its result.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [asset = '', handlerName = ''] = process.argv.slice(2);
const [file, exported = ''] = handlerName.split('.');
const module = await import(pathToFileURL(join(asset, `${file}.mjs`)).href);
const handler = module[exported];

process.on('message', async ({ event, remainingMs }: { event: unknown; remainingMs: number }) => {
  const endsAt = Date.now() + remainingMs;
  const result = await handler(event, { getRemainingTimeInMillis: () => endsAt - Date.now() });
  process.send?.({ result });
});
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
