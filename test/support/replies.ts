import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as fc from 'fast-check';
import { afterAll, beforeAll } from 'vitest';
import { headerText, mutated, written } from './hostile.ts';

/** What another party answers. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

const STATUSES = [
  200, 200, 200, 201, 202, 204, 302, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503,
];
const HEADERS = ['retry-after', 'x-ratelimit-reset', 'x-request-id', 'content-type', 'content-encoding'];
const VALUES = ['5', '1.5', '-1', '99999999999999999999', '1e9', '0', 'gzip', '9'.repeat(400)];

/** Any answer. @param samples of what it should be. @param names that a reader may look for. */
export const aReply = (samples: readonly unknown[], names: readonly string[] = []): fc.Arbitrary<Reply> =>
  fc.record({
    status: fc.constantFrom(...STATUSES),
    headers: fc
      .array(fc.tuple(fc.constantFrom(...HEADERS), fc.oneof(headerText, fc.constantFrom(...VALUES))), {
        maxLength: 2,
      })
      .map((headers) => Object.fromEntries(headers)),
    body: written(mutated(samples, names)),
  });

/** Another party, for the tests of a file: it says what it is told to say, whatever it is asked. */
export function useReplies() {
  let reply: Reply = { status: 500, headers: {}, body: Buffer.alloc(0) };
  let server: Server | undefined;
  let url = '';
  beforeAll(async () => {
    server = createServer((request, response) => {
      request.resume();
      // Of a list that says that it goes on, the next page ends it.
      const isNext = request.url?.includes('starting_after') ?? false;
      response.writeHead(reply.status, reply.headers);
      response.end(isNext ? '{"object":"list","data":[],"has_more":false}' : reply.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server?.closeAllConnections();
    server?.close();
  });
  return {
    url: () => url,
    say(next: Reply) {
      reply = next;
    },
  };
}
