import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { isSafeUrl, retryAfterMs, saysNumber, sendOnce } from '../../shared/http.ts';

async function listening(
  server: ReturnType<typeof createServer> | ReturnType<typeof createTcpServer>,
): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/path?x=1`;
}

const web = (listener: RequestListener) => listening(createServer(listener));
/** Says these bytes to whoever has sent something, then does `then` with the socket. */
const raw = (bytes: string, then: (socket: Socket) => unknown = (socket) => socket.end()) =>
  listening(
    createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(bytes, () => then(socket)));
    }),
  );
const send = (url: string, timeoutMs = 2_000) =>
  sendOnce({ method: 'POST', url, headers: { 'x-a': 'b' }, body: '{"ü":1}', timeoutMs });

describe('one request', () => {
  it('arrives as it was given, and brings back status, headers and body', async () => {
    const seen: unknown[] = [];
    const url = await web(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      seen.push([request.method, request.url, request.headers['x-a'], body]);
      response.writeHead(201, { 'X-Answer': 'yes' }).end('dönë');
    });
    expect(await send(url)).toMatchObject({
      kind: 'response',
      status: 201,
      headers: { 'x-answer': 'yes' },
      body: 'dönë',
    });
    expect(seen).toEqual([['POST', '/path?x=1', 'b', '{"ü":1}']]);
  });

  it('follows no redirect', async () => {
    let requests = 0;
    const url = await web((_, response) => {
      requests += 1;
      response.writeHead(307, { location: '/elsewhere' }).end();
    });
    expect(await send(url)).toMatchObject({ kind: 'response', status: 307 });
    expect(requests).toBe(1);
  });

  it('was not sent where nobody listens', async () => {
    expect(await send('http://127.0.0.1:1/')).toMatchObject({
      kind: 'not_sent',
      detail: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('was not sent where the other side speaks no TLS: no byte of it was written', async () => {
    const seen: Buffer[] = [];
    const url = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk) => {
          seen.push(chunk);
          socket.end('this is no TLS');
        });
      }),
    );
    expect(await send(url.replace('http:', 'https:'))).toEqual({
      kind: 'not_sent',
      detail: expect.stringMatching(/^EPROTO: write EPROTO error:\S+:SSL routines:.*\S$/),
    });
    expect(Buffer.concat(seen).toString('latin1')).not.toContain('POST');
  });

  it('was not sent where Node refuses to write a header', async () => {
    const url = await web((_, response) => void response.end());
    const broken = { method: 'GET' as const, url, headers: { 'x-a': 'line\nfeed' }, timeoutMs: 1_000 };
    expect(await sendOnce(broken)).toMatchObject({ kind: 'not_sent' });
  });

  it.each<[string, string, ((socket: Socket) => unknown)?]>([
    ['is reset', '', (socket) => socket.resetAndDestroy()],
    ['closes without a word', ''],
    ['breaks off in the middle of the answer', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf'],
    ['answers what is no HTTP', 'what?\r\n\r\n'],
    [
      'answers 101, and so none at all',
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
      () => {},
    ],
    ['says nothing in time', '', () => {}],
    ['never ends its answer', 'HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf', () => {}],
  ])('may have arrived where the connection %s', async (_, bytes, then) => {
    expect(await send(await raw(bytes, then), 300)).toMatchObject({ kind: 'no_answer' });
  });

  it('may have arrived where the answer is longer than any of ours', async () => {
    const url = await web((_, response) => void response.end('x'.repeat(300_000)));
    expect(await send(url)).toMatchObject({
      kind: 'no_answer',
      detail: expect.stringContaining('longer than'),
    });
  });
});

describe('an answer that may be long', () => {
  const get = async (length: number) => {
    const url = await web((_, response) => void response.end('x'.repeat(length)));
    return sendOnce({ method: 'GET', url, headers: {}, timeoutMs: 2_000, maxAnswerBytes: 400_000 });
  };
  it('is read to the length that was allowed, and no further', async () => {
    expect(await get(400_000)).toMatchObject({ kind: 'response', body: 'x'.repeat(400_000) });
    expect(await get(400_001)).toMatchObject({
      kind: 'no_answer',
      detail: 'the answer is longer than 400000 bytes',
    });
  });
});

describe('an answer that came compressed, or with a byte order mark', () => {
  const answered = async (body: Buffer, encoding: string) => {
    const url = await web((_, response) => {
      response.writeHead(200, { 'content-encoding': encoding }).end(body);
    });
    return send(url);
  };
  const TEXT = '{"dönë":true}';

  it.each<[string, Buffer]>([
    ['gzip', gzipSync(TEXT)],
    ['x-gzip', gzipSync(TEXT)],
    ['GZIP', gzipSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['identity', Buffer.from(TEXT)],
    ['identity', Buffer.from(`\ufeff${TEXT}`)],
    ['gzip', gzipSync(`\ufeff${TEXT}`)],
  ])('is read: %s', async (encoding, body) => {
    expect(await answered(body, encoding)).toMatchObject({ kind: 'response', body: TEXT });
  });

  it.each<[string, string, Buffer]>([
    ['breaks off', 'gzip', gzipSync(TEXT).subarray(0, 20)],
    ['is compressed otherwise than it says', 'br', gzipSync(TEXT)],
    ['is not compressed at all', 'gzip', Buffer.from('<html>')],
    ['is compressed in a way we do not know', 'zstd', Buffer.from('?')],
    ['is empty', 'gzip', Buffer.alloc(0)],
  ])('keeps its status where it cannot be read: it %s', async (_, encoding, body) => {
    expect(await answered(body, encoding)).toMatchObject({
      kind: 'response',
      status: 200,
      body: body.toString(),
    });
  });

  it.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
  ] as const)('is bounded by its length when decompressed: %s', async (encoding, compress) => {
    const long = Buffer.alloc(1_000_000, 'x');
    expect(await answered(compress(long.subarray(0, 262_144)), encoding)).toMatchObject({ kind: 'response' });
    expect(await answered(compress(long), encoding)).toEqual({
      kind: 'no_answer',
      detail: 'the answer is longer than 262144 bytes',
    });
  });
});

describe('a number in an answer', () => {
  it.each<[unknown, boolean]>([
    [500, true],
    ['500', true],
    ['500.00', true],
    [' +0500 ', true],
    [500.5, false],
    ['500.5', false],
    [501, false],
    ['5e2', false],
    ['', false],
    [null, false],
    [[500], false],
    [`${'0'.repeat(40)}500`, false],
  ])('%j says 500: %s', (said, says) => {
    expect(saysNumber(said, 500)).toBe(says);
  });
});

describe('how long the other side asks us to wait', () => {
  const NOW = Date.UTC(2026, 0, 5, 12);
  it.each<[Record<string, string>, number | undefined]>([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Mon, 05 Jan 2026 12:01:00 GMT' }, 60_000],
    [{ 'retry-after': 'Mon, 05 Jan 2026 11:00:00 GMT' }, 0],
    [{ 'x-ratelimit-reset': '30' }, 30_000],
    [{ 'x-ratelimit-reset': String(NOW / 1_000 + 7) }, 7_000],
    [{ 'x-ratelimit-reset': String(NOW + 1_500) }, 1_500],
    [{ 'retry-after': '1', 'x-ratelimit-reset': '30' }, 1_000],
    [{ 'x-ratelimit-reset': 'Mon, 05 Jan 2026 12:00:03 GMT' }, 3_000],
    [{ 'retry-after': 'soon', 'x-ratelimit-reset': '30' }, 30_000],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after': '-1' }, undefined],
    [{ 'retry-after': '' }, undefined],
    [{ 'retry-after': '9'.repeat(400) }, 30 * 86_400_000],
    [{}, undefined],
  ])('%j is %s ms', (headers, ms) => {
    expect(retryAfterMs(headers, NOW)).toBe(ms);
  });

  it('is read from the headers that are named, in their order', () => {
    const headers = { 'retry-after': '1', 'x-wait': '2', 'x-reset': '3' };
    expect(retryAfterMs(headers, NOW, ['x-none', 'x-reset', 'x-wait'])).toBe(3_000);
    expect(retryAfterMs(headers, NOW, ['x-none'])).toBeUndefined();
  });
});

describe('an address we may send secrets to', () => {
  it.each([
    ['https://api.example.com/v1', true],
    ['http://127.0.0.1:3000', true],
    ['http://localhost/', true],
    ['http://[::1]:80/', true],
    ['http://api.example.com/v1', false],
    ['http://127.0.0.1.example.com/', false],
    ['https://user:password@api.example.com/', false],
    ['ftp://api.example.com/', false],
    ['api.example.com', false],
    ['https://api.example.com/\ud83d', false],
  ])('%s: %s', (url, safe) => {
    expect(isSafeUrl(url)).toBe(safe);
  });
});
