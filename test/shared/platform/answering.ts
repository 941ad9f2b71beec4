import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { afterEach, beforeEach } from 'vitest';

export const KEY = 'key_Zx81kQ';

export type Body = Record<string, unknown> | unknown[] | string;

interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A platform for each test of the file, which does what the test says and notes what it was asked. */
export class AnsweringPlatform {
  baseUrl = '';
  seen: Seen[] = [];
  unauthorized = 0;
  /** What it does with each request. */
  answer: (response: ServerResponse) => void = () => {};
  private server: Server | undefined;

  constructor() {
    beforeEach(() => this.listen());
    afterEach(() => this.close());
  }

  answers(status: number, body: Body, headers: Record<string, string> = {}): void {
    this.answer = (response) => {
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  }

  /** What every client of it is made with. */
  callOptions({ key = KEY, timeoutMs = 2_000 } = {}) {
    return {
      apiKey: async () => key,
      onUnauthorized: () => {
        this.unauthorized += 1;
      },
      timeoutMs,
      now: () => 1_700_000_000_000,
    };
  }

  close(): void {
    this.server?.close();
    this.server?.closeAllConnections();
  }

  private async listen(): Promise<void> {
    this.seen = [];
    this.unauthorized = 0;
    this.answer = () => {};
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString('utf8');
        this.seen.push({
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body,
        });
        this.answer(response);
      });
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    this.baseUrl = `http://127.0.0.1:${address.port}/v1`;
  }
}
