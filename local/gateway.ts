import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { createServer, request as httpRequest } from '../shared/node-http.ts';

export type HttpHandler = (event: APIGatewayProxyEventV2) => Promise<APIGatewayProxyStructuredResultV2>;

export interface GatewayOptions {
  /** 0 for any free port. */
  port: number;
  /** By method and path, such as `POST /webhooks/auto-recharge` or `POST /channels/{channel}/{direction}`. */
  routes: Record<string, HttpHandler>;
  /** By path prefix: the origin to which such requests are passed, and the prefix that they get there. */
  passes?: Record<string, { origin: string; prefix: string }>;
}

/** API Gateway's own limit. Ours are lower, and are answered by the handlers. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;

/** Whoever goes on connecting keeps nobody waiting for longer. */
const WAITS_FOR_OTHERS_MS = 100;

/** After this time a client that does not take its answer no longer keeps us from ending. */
const CLOSES_WITHIN_MS = 1_000;

/**
 * An HTTP API on 127.0.0.1: makes API Gateway's version 2 events from the raw bytes.
 *
 * @throws an Error that names the port, if it cannot be had.
 */
export async function startGateway({ port, routes, passes = {} }: GatewayOptions) {
  const table = Object.entries(routes).map(([routeKey, handler]) => ({
    routeKey,
    handler,
    pattern: new RegExp(`^${routeKey.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
  }));
  const server = createServer(async (incoming, outgoing) => {
    try {
      await allAreIn();
      const path = new URL(incoming.url ?? '/', 'http://localhost').pathname;
      const prefix = Object.keys(passes).find((candidate) => path.startsWith(candidate));
      const pass = prefix === undefined ? undefined : passes[prefix];
      if (prefix !== undefined && pass) return passOn(incoming, outgoing, pass.origin + pass.prefix, prefix);
      const route = routeOf(table, `${incoming.method} ${path}`);
      const body = await readBody(incoming);
      if (body === undefined)
        return answer(outgoing, { statusCode: 413, body: '{"message":"Request Too Long"}' });
      if (!route) return answer(outgoing, { statusCode: 404, body: '{"message":"Not Found"}' });
      answer(outgoing, await route.handler(toEvent(incoming, body, route)));
    } catch {
      // What a handler throws, API Gateway hides.
      answer(outgoing, { statusCode: 500, body: '{"message":"Internal Server Error"}' });
    }
  });
  const allAreIn = whenAllAreIn(server);
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    const why = reason === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${reason})`;
    throw new Error(
      `Port ${port} of 127.0.0.1 ${why}. Choose another with --port N, or any free one with --port 0.`,
    );
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Bug! A TCP server has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** Takes no more requests, and waits for the answers to those that came. */
    async close() {
      const closed = once(server, 'close');
      server.close();
      setTimeout(() => server.closeAllConnections(), CLOSES_WITHIN_MS).unref();
      await closed;
    },
  };
}

/**
 * Node takes one new connection in each turn of its loop, however many wait, and a turn is as long as the work of those it
 * has taken. So of fifty webhooks that came at once the last was read half a second later. Now whoever asks waits until a
 * turn has brought nobody new: some milliseconds.
 *
 * @returns settles at once where nobody new has come.
 */
function whenAllAreIn(server: Server): () => Promise<void> | undefined {
  let isNew = false;
  let settling: Promise<void> | undefined;
  const settle = async () => {
    for (const until = Date.now() + WAITS_FOR_OTHERS_MS; isNew && Date.now() < until; ) {
      isNew = false;
      // The first is the end of this turn, the second that of the next.
      await nextTurn();
      await nextTurn();
    }
    settling = undefined;
  };
  server.on('connection', () => {
    isNew = true;
    settling ??= settle();
  });
  return () => settling;
}

interface Route {
  routeKey: string;
  /** What the path has in the place of the route's `{…}`, decoded. */
  pathParameters?: Record<string, string>;
}

/** @returns undefined if there is none, or if a part of the path is not what an address may hold. */
function routeOf(
  table: { routeKey: string; handler: HttpHandler; pattern: RegExp }[],
  request: string,
): (Route & { handler: HttpHandler }) | undefined {
  for (const { routeKey, handler, pattern } of table) {
    const match = pattern.exec(request);
    if (!match) continue;
    const parameters = Object.entries(match.groups ?? {});
    if (parameters.length === 0) return { routeKey, handler };
    try {
      const decoded = parameters.map(([name, value]) => [name, decodeURIComponent(value)]);
      return { routeKey, handler, pathParameters: Object.fromEntries(decoded) };
    } catch {
      return undefined;
    }
  }
  return undefined;
}

/**
 * The event API Gateway makes: names in lower case, repeated headers joined, text as text and all else as base64.
 */
export function toEvent(
  incoming: IncomingMessage,
  body: Buffer,
  { routeKey, pathParameters }: Route,
): APIGatewayProxyEventV2 {
  const url = new URL(incoming.url ?? '/', 'http://localhost');
  const { cookie, ...headers } = incoming.headersDistinct;
  const isText = /^(text\/|application\/(json|xml|javascript)\b)/.test(
    incoming.headers['content-type'] ?? '',
  );
  const asBase64 = !isText || !isUtf8(body);
  const query = Object.fromEntries(
    [...new Set(url.searchParams.keys())].map((name) => [name, url.searchParams.getAll(name).join(',')]),
  );
  const now = new Date();
  return {
    version: '2.0',
    routeKey,
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    ...(cookie === undefined ? {} : { cookies: cookie.flatMap((line) => line.split(/; */)) }),
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, values]) => [name, (values ?? []).join(',')]),
    ),
    ...(url.search === '' ? {} : { queryStringParameters: query }),
    ...(pathParameters === undefined ? {} : { pathParameters }),
    requestContext: {
      accountId: 'local',
      apiId: 'local',
      domainName: 'localhost',
      domainPrefix: 'localhost',
      http: {
        method: incoming.method ?? 'GET',
        path: url.pathname,
        protocol: `HTTP/${incoming.httpVersion}`,
        sourceIp: incoming.socket.remoteAddress ?? '',
        userAgent: incoming.headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length === 0 ? {} : { body: body.toString(asBase64 ? 'base64' : 'utf8') }),
    isBase64Encoded: body.length > 0 && asBase64,
  };
}

/** @returns undefined for a body that is too long, which is read to its end so that it can be answered. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks) : undefined;
}

function answer(outgoing: ServerResponse, result: APIGatewayProxyStructuredResultV2): void {
  const headers = { 'content-type': 'application/json', ...result.headers };
  outgoing.writeHead(
    result.statusCode ?? 200,
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
  );
  outgoing.end(result.body ?? '');
}

function passOn(incoming: IncomingMessage, outgoing: ServerResponse, target: string, prefix: string): void {
  const onward = httpRequest(
    target + (incoming.url ?? '').slice(prefix.length),
    { method: incoming.method, headers: incoming.headers },
    (reply) => {
      outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
      // An answer that breaks off does so for the caller, too.
      pipeline(reply, outgoing, () => {});
    },
  );
  onward.on('error', () =>
    answer(outgoing, { statusCode: 502, body: '{"message":"The sandbox gave no answer"}' }),
  );
  incoming.pipe(onward);
}
