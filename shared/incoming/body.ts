import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import type { IncomingRequest } from './verifiers.ts';

type Sent = Pick<IncomingRequest, 'headers' | 'body'>;

/** https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1 */
const UNPACKERS = new Map<string, (body: Buffer, options: { maxOutputLength: number }) => Buffer>([
  ['gzip', gunzipSync],
  ['x-gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
]);

/**
 * The body without its content encoding. What does not unpack is taken as it is: some gateways unpack a body and leave
 * its header standing.
 *
 * @param maxBytes no more than this is ever made of it.
 * @returns undefined where it is larger than that.
 */
export function unpack({ headers, body }: Sent, maxBytes: number): Buffer | undefined {
  const unpacker = UNPACKERS.get(headers['content-encoding']?.trim().toLowerCase() ?? '');
  if (!unpacker) return body;
  try {
    return unpacker(body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge ? undefined : body;
  }
}

/**
 * The body as JSON text, where it is a form that says so: an object of texts, or the one object that its only field
 * holds, as GitHub and Slack send it. A name that comes twice with two values has a list of them. All else is left as
 * it is, JSON under a form's content type too, which many senders write without meaning it.
 */
export function formAsJson({ headers, body }: Sent): { body: Buffer; isForm: boolean } {
  const asItIs = { body, isForm: false };
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(headers['content-type']?.trim() ?? ''))
    return asItIs;
  // A file that ends in a line feed is sent with it; no value holds one that is not escaped.
  const text = new TextDecoder().decode(body).trimEnd();
  const values = /^\s*([{["]|$)/.test(text) ? undefined : formOf(text);
  if (!values) return asItIs;
  const [only = '', ...others] = values.values();
  if (others.length === 0 && typeof only === 'string' && isObject(only))
    return { body: Buffer.from(only), isForm: false };
  return { body: Buffer.from(JSON.stringify(Object.fromEntries(values))), isForm: true };
}

/** Undefined for what is not UTF-8: with characters replaced, two values would be one. */
function formOf(text: string): Map<string, string | string[]> | undefined {
  const values = new Map<string, Set<string>>();
  try {
    for (const pair of text.split('&').filter((one) => one !== '')) {
      const [name = '', value = ''] = pair
        .split(/=(.*)/s, 2)
        .map((part) => decodeURIComponent(part.replaceAll('+', ' ')));
      values.set(name, (values.get(name) ?? new Set()).add(value));
    }
  } catch {
    return undefined;
  }
  return new Map(
    [...values].map(([name, [first = '', ...more]]) => [name, more.length === 0 ? first : [first, ...more]]),
  );
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
