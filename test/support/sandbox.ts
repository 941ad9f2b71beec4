import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';

/** @returns takes what is to be ended after the test, the last one first. */
export function useEndings(): (end: () => unknown) => void {
  const endings: (() => unknown)[] = [];
  afterEach(async () => {
    for (const end of endings.splice(0).reverse()) await end();
  });
  return (end) => void endings.push(end);
}

export interface Delivered {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Notes what it is sent; `answer` says the status of the nth request (from 0), or never where it is slow. */
export async function startReceiver(
  atTheEnd: (end: () => unknown) => void,
  answer: (delivered: Delivered, index: number) => number | Promise<number> = () => 200,
) {
  const received: Delivered[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { url, headers } = request;
    const delivered = { url, headers, body: Buffer.concat(chunks).toString() };
    const index = received.push(delivered) - 1;
    response.writeHead(await answer(delivered, index)).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atTheEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** One request; a payload makes it a POST, a text is sent as it is. */
export async function call(url: string, payload?: unknown, headers: Record<string, string> = {}) {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload);
  const response = await fetch(url, {
    headers: { 'content-type': 'application/json', ...headers },
    redirect: 'manual',
    ...(payload === undefined ? {} : { method: 'POST', body }),
  });
  const text = await response.text();
  return { status: response.status, headers: Object.fromEntries(response.headers), text, json: parsed(text) };
}

function parsed(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
