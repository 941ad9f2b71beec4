import { buildApp } from 'fauxqs';
import type { Engine } from './engines.ts';

/** SQS inside this process. What is queued is gone with the process. */
export async function startSqs(): Promise<Engine> {
  const app = buildApp({ logger: false });
  const endpoint = await app.listen({ port: 0, host: '127.0.0.1' });
  return { endpoint, stop: () => app.close() };
}
