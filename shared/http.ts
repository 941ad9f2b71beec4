import { request as httpsRequest } from 'node:https';
import type { ZlibOptions } from 'node:zlib';
import { request as httpRequest } from './node-http.ts';

export interface OutgoingRequest {
  method: 'GET' | 'POST' | 'PUT';
  url: string;
  headers: Record<string, string>;
  body?: string;
  /** For the whole call: name lookup, connection, TLS, request and the last byte of the answer. */
  timeoutMs: number;
  /**
   * A longer answer, compressed or not, is cut off and counts as `no_answer`. Default: 256 KB; what we otherwise get
   * is under 2 KB.
   */
  maxAnswerBytes?: number;
}

export type Reply =
  /** `body`: decompressed, read as UTF-8, without a byte order mark. */
  | { kind: 'response'; status: number; headers: Record<string, string>; body: string }
  /** The connection never stood, so not one byte of the request left this process. */
  | { kind: 'not_sent'; detail: string }
  /** The request may have arrived; what became of it is not known. */
  | { kind: 'no_answer'; detail: string };

const MAX_ANSWER_BYTES = 256 * 1024;
const WAIT_HEADERS = ['retry-after', 'x-ratelimit-reset'];

/**
 * Sends one HTTP request, once: no retry, no redirect, no reused connection.
 *
 * A fresh connection per call is what makes `not_sent` provable: an error before the (TLS) connection
 * stood cannot have carried a request. A reused keep-alive socket, gone stale while a Lambda slept,
 * would turn into `no_answer`, and each `no_answer` to a grant costs a person's time.
 *
 * The request is handed to the operating system in the same turn in which this function is called.
 */
export function sendOnce(request: OutgoingRequest): Promise<Reply> {
  try {
    return exchange(request);
  } catch (error) {
    // A header or address that Node refuses: thrown before there is a connection.
    return Promise.resolve({
      kind: 'not_sent',
      detail: error instanceof Error ? error.name : 'not a request',
    });
  }
}

function exchange(request: OutgoingRequest): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const url = new URL(request.url);
  const secure = url.protocol === 'https:';
  const maxBytes = request.maxAnswerBytes ?? MAX_ANSWER_BYTES;
  const tooLong = () => new Error(`the answer is longer than ${maxBytes} bytes`);
  let connected = false;

  const fail = (error: Error) => {
    const detail = describeNetworkError(error);
    resolve(connected ? { kind: 'no_answer', detail } : { kind: 'not_sent', detail });
  };

  const outgoing = (secure ? httpsRequest : httpRequest)(url, {
    method: request.method,
    headers: {
      ...request.headers,
      ...(request.body === undefined ? {} : { 'content-length': String(Buffer.byteLength(request.body)) }),
    },
    agent: false,
  });
  // No AbortSignal: one that nobody needs any more still makes its error, stack and all, once the time has come.
  const late = setTimeout(() => outgoing.destroy(new Error('no answer in time')), request.timeoutMs);
  outgoing.on('socket', (socket) => {
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      connected = true;
    });
  });
  outgoing.on('error', fail);
  // Also after an answer that is none, such as 101, which Node ends without an error. Nothing settles twice.
  outgoing.on('close', () => {
    clearTimeout(late);
    fail(new Error('the connection closed without an answer'));
  });
  outgoing.on('response', (incoming) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    incoming.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > maxBytes) outgoing.destroy(tooLong());
    });
    incoming.on('error', fail);
    incoming.on('aborted', () => fail(new Error('the connection closed in the middle of the answer')));
    incoming.on('end', () => {
      const headers = Object.fromEntries(
        Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
      );
      const body = decompressed(Buffer.concat(chunks), headers['content-encoding'], maxBytes);
      if (body === 'too_long') return fail(tooLong());
      resolve({
        kind: 'response',
        status: incoming.statusCode ?? 0,
        headers,
        // The decoder leaves a byte order mark out, which `JSON.parse` does not take.
        body: new TextDecoder().decode(body),
      });
    });
  });
  outgoing.end(request.body);
  return promise;
}

/** Loaded with the first answer that needs it, which few do: 2 ms. */
const zlib = () => process.getBuiltinModule('node:zlib');

/** Servers and proxies compress answers that nobody asked them to compress. */
const DECOMPRESS = new Map<string, (bytes: Buffer, options: ZlibOptions) => Buffer>([
  ['gzip', (bytes, options) => zlib().gunzipSync(bytes, options)],
  ['x-gzip', (bytes, options) => zlib().gunzipSync(bytes, options)],
  ['br', (bytes, options) => zlib().brotliDecompressSync(bytes, options)],
  // Its zlib header is left out by some: the first byte of one ends in 8.
  [
    'deflate',
    (bytes, options) =>
      (bytes[0] ?? 0) % 16 === 8 ? zlib().inflateSync(bytes, options) : zlib().inflateRawSync(bytes, options),
  ],
]);

/** What cannot be decompressed stays as it came: no reader takes it for an answer, and its status still counts. */
function decompressed(bytes: Buffer, encoding = 'identity', maxBytes: number): Buffer | 'too_long' {
  try {
    const decompress = DECOMPRESS.get(encoding.trim().toLowerCase());
    return decompress ? decompress(bytes, { maxOutputLength: maxBytes }) : bytes;
  } catch (error) {
    return error instanceof RangeError ? 'too_long' : bytes;
  }
}

/**
 * Reads how long the other side asks us to wait. A header may hold seconds to wait, an HTTP date, or a Unix
 * time in seconds or milliseconds; of several the first one counts that holds one of these.
 *
 * @param names headers in lower case; by default `Retry-After`, then `X-RateLimit-Reset`.
 * @returns milliseconds from `now`, or undefined where no header says it.
 */
export function retryAfterMs(
  headers: Record<string, string>,
  now: number,
  names: readonly string[] = WAIT_HEADERS,
): number | undefined {
  const waits = names.map((name) => waitMs(headers[name]?.trim() ?? '', now));
  const first = waits.find((wait) => wait !== undefined);
  return first === undefined ? undefined : Math.min(first, LONGEST_WAIT_MS);
}

/** 30 days are longer than anything here waits. Numbers far beyond would not be exact, or would be no numbers. */
const LONGEST_WAIT_MS = 30 * 24 * 3_600_000;

function waitMs(text: string, now: number): number | undefined {
  if (/^\d+(\.\d+)?$/.test(text)) {
    const value = Number(text);
    if (value > 1e12) return Math.max(0, Math.ceil(value - now));
    if (value > 1e9) return Math.max(0, Math.ceil(value * 1000 - now));
    return Math.ceil(value * 1000);
  }
  // Without a time of day it is none: `Date.parse` takes "-1" for a date of 2001.
  const date = text.includes(':') ? Date.parse(text) : Number.NaN;
  return Number.isFinite(date) ? Math.max(0, date - now) : undefined;
}

/** The parsed text, or undefined (which no JSON text means) where it is no JSON. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Whether another party's answer says this number, in whatever spelling: `5000`, `5000.0`, `"5000"`, `"5000.00"`.
 *
 * @param ours a whole number, 0 or more.
 */
export function saysNumber(said: unknown, ours: number): boolean {
  if (typeof said !== 'string') return said === ours;
  const written = said.trim();
  // Longer ones are no numbers of ours. The bound keeps the work small, whatever is sent.
  return written.length <= 40 && /^\+?\d+(\.0+)?$/.test(written) && Number(written) === ours;
}

/** True for `https:` anywhere, and for `http:` on this machine only. */
export function isSafeUrl(text: string): boolean {
  if (!text.isWellFormed() || !URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username || url.password) return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && isOnThisMachine(text);
}

/** Whether a text is an address of the machine it is used on. */
export function isOnThisMachine(text: string): boolean {
  return URL.canParse(text) && ['127.0.0.1', 'localhost', '[::1]'].includes(new URL(text).hostname);
}

function describeNetworkError(error: Error): string {
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : '';
  // OpenSSL's text names its thread and ends in a line feed: one fault must be one text, in every process.
  const message = error.message.replace(/[0-9A-F]{8,16}:(?=error:)/, '').trim();
  return `${code}${message}`.slice(0, 200);
}

/** A call with everything awaited that could be: `send` puts its bytes on the wire in the same turn. */
export interface Prepared<Outcome> {
  send(): Promise<Outcome>;
}
