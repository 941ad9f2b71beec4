import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from '../../shared/node-http.ts';

/** What a request gets. All but `answer` are ways to fail that a caller has to survive. */
export type Answer =
  | {
      kind: 'answer';
      status: number;
      headers: Record<string, string>;
      body: string;
      /** Runs once the last byte has been handed to the operating system. */
      afterwards?: () => void;
    }
  /** Written on the socket as it is. Then the socket ends. For answers that HTTP does not allow. */
  | { kind: 'bytes'; text: string }
  /** No answer; the socket is closed after `ms`. */
  | { kind: 'hang'; ms: number }
  /** The socket is destroyed at once, without an answer. */
  | { kind: 'reset' };

export interface SandboxRequest {
  /** The decoded part of the path in the place of the route's `{…}`, or else empty. */
  param: string;
  query: URLSearchParams;
  /** Names in lower case. */
  headers: Record<string, string>;
  /** The raw body, empty for a GET. */
  body: string;
}

export type Handler = (request: SandboxRequest) => Answer | Promise<Answer>;

/** By method and path, such as `POST /charges/{charge_id}/cancel`; at most one `{…}` in a path. */
export type Routes = Record<string, Handler>;

/** Timers that end with the server, so that a closed sandbox does nothing more. */
export interface Timers {
  after(ms: number, action: () => void): void;
  /** Never settles where the server closes first. */
  sleep(ms: number): Promise<void>;
  /** Aborted when the server closes. */
  closed: AbortSignal;
  stop(): void;
}

export interface SandboxServer {
  /** Without a slash at its end. */
  url: string;
  port: number;
  /** Stops listening, and destroys the open connections. Listens again on the same port after `ms`. */
  refuseConnections(ms: number): void;
  close(): Promise<void>;
}

/** As the product's own webhook accepts; the longest genuine request here is under 1 KB. */
const MAX_BODY_BYTES = 64 * 1024;

/** Another process may take the port during an outage. It is asked for again until it is free. */
const REOPEN_RETRY_MS = 50;

export function json(status: number, payload: unknown, headers: Record<string, string> = {}): Answer {
  const body = JSON.stringify(payload);
  return { kind: 'answer', status, headers: { 'content-type': 'application/json', ...headers }, body };
}

export function text(status: number, body: string): Answer {
  return { kind: 'answer', status, headers: { 'content-type': 'text/plain' }, body };
}

/** @returns the parsed JSON; undefined if the text is none. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

export function createTimers(): Timers {
  const running = new Set<NodeJS.Timeout>();
  const closing = new AbortController();
  const after = (ms: number, action: () => void) => {
    if (closing.signal.aborted) return;
    const timer = setTimeout(() => {
      running.delete(timer);
      action();
    }, ms);
    running.add(timer);
  };
  return {
    after,
    sleep: (ms) => new Promise((resolve) => after(ms, resolve)),
    closed: closing.signal,
    stop() {
      closing.abort();
      for (const timer of running) clearTimeout(timer);
      running.clear();
    },
  };
}

/**
 * Serves the routes on 127.0.0.1. An unknown path or method gets a plain 404, a body over 64 KB a 413, and an error
 * thrown by a handler a 500 with its text, because a sandbox has nothing to hide.
 *
 * @param port 0 for any free one.
 */
export async function startServer(routes: Routes, port: number, timers: Timers): Promise<SandboxServer> {
  const table = Object.entries(routes).map(([route, handle]) => ({
    pattern: new RegExp(`^${route.replace(/\{\w+\}/, '([^/]+)')}$`),
    handle,
  }));
  const server = createServer(async (incoming, response) => {
    try {
      deliver(await answerTo(incoming, table), response, timers);
    } catch (error) {
      deliver(text(500, `sandbox: ${String(error)}`), response, timers);
    }
  });
  const openPort = await listen(server, port);
  const reopen = () => {
    listen(server, openPort).catch(() => timers.after(REOPEN_RETRY_MS, reopen));
  };
  return {
    url: `http://127.0.0.1:${openPort}`,
    port: openPort,
    refuseConnections(ms) {
      server.close();
      server.closeAllConnections();
      timers.after(ms, reopen);
    },
    close() {
      timers.stop();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      server.closeAllConnections();
      return promise;
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen(port, '127.0.0.1', resolve);
  await promise;
  server.off('error', reject);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Bug! A TCP server has a port');
  return address.port;
}

async function answerTo(
  incoming: IncomingMessage,
  table: { pattern: RegExp; handle: Handler }[],
): Promise<Answer> {
  const body = await readBody(incoming);
  if (body === undefined) return text(413, `The body is longer than ${MAX_BODY_BYTES} bytes.`);
  const url = new URL(incoming.url ?? '/', 'http://127.0.0.1');
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  );
  for (const { pattern, handle } of table) {
    const match = pattern.exec(`${incoming.method} ${url.pathname}`);
    if (match) {
      return handle({ param: decodeURIComponent(match[1] ?? ''), query: url.searchParams, headers, body });
    }
  }
  return text(404, `Not found: ${incoming.method} ${url.pathname}`);
}

/** @returns undefined for a body that is too long, which is read to its end so that it can be answered. */
async function readBody(incoming: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString('utf8') : undefined;
}

function deliver(answer: Answer, response: ServerResponse, timers: Timers): void {
  switch (answer.kind) {
    case 'answer':
      if (answer.afterwards) response.once('finish', answer.afterwards);
      response.writeHead(answer.status, answer.headers).end(answer.body);
      return;
    case 'bytes':
      response.socket?.end(answer.text);
      return;
    case 'hang':
      timers.after(answer.ms, () => response.socket?.destroy());
      return;
    case 'reset':
      response.socket?.destroy();
      return;
  }
}
