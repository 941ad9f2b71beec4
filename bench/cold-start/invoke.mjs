/**
 * Loads one bundle as Lambda does and invokes its handler: `node invoke.mjs BUNDLE`, with the events as one message. It
 * is plain JavaScript, because the code that takes types away would count as part of the start.
 */
import { pathToFileURL } from 'node:url';

const [, , bundle] = process.argv;
const context = { getRemainingTimeInMillis: () => 30_000 };

const cpuMs = ({ user, system }) => (user + system) / 1_000;

process.once('message', async ([first, ...more]) => {
  const cpuAtStart = process.cpuUsage();
  const startedAt = performance.now();
  const loaded = await import(pathToFileURL(bundle).href);
  const handler = loaded.handler ?? loaded.default.handler;
  const loadedAt = performance.now();
  const { statusCode } = await handler(first, context);
  const firstMs = performance.now() - loadedAt;
  const startCpuMs = cpuMs(process.cpuUsage(cpuAtStart));
  const cpuBefore = process.cpuUsage();
  for (const event of more) await handler(event, context);
  const warm = more.length === 0 ? {} : { warmCpuMs: cpuMs(process.cpuUsage(cpuBefore)) / more.length };
  process.send({ statusCode, initMs: loadedAt - startedAt, firstMs, cpuMs: startCpuMs, ...warm }, () =>
    process.exit(0),
  );
});
