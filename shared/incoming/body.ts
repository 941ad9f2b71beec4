import type { IncomingRequest } from './verifiers.ts';

type Sent = Pick<IncomingRequest, 'headers' | 'body'>;

/** Functions of zlib, by content encoding: https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1 */
const UNPACKERS = new Map<string, 'gunzipSync' | 'inflateSync' | 'brotliDecompressSync'>([
  ['gzip', 'gunzipSync'],
  ['x-gzip', 'gunzipSync'],
  ['deflate', 'inflateSync'],
  ['br', 'brotliDecompressSync'],
]);

/**
 * The body without its content encoding. A body that does not unpack is returned unchanged, because some gateways
 * unpack a body and leave its `Content-Encoding` header in place.
 *
 * @param maxBytes the most that is ever unpacked.
 * @returns undefined where the unpacked body is larger than that.
 */
export function unpack({ headers, body }: Sent, maxBytes: number): Buffer | undefined {
  const unpacker = UNPACKERS.get(headers['content-encoding']?.trim().toLowerCase() ?? '');
  if (!unpacker) return body;
  try {
    // Loaded with the first body that needs it, which few do: 2 ms of a cold start.
    return process.getBuiltinModule('node:zlib')[unpacker](body, { maxOutputLength: maxBytes });
  } catch (error) {
    const isTooLarge = error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE';
    return isTooLarge ? undefined : body;
  }
}

/**
 * Turns a form (by its content type) into JSON text: an object whose values are texts. If the form's only field holds a
 * JSON object, as GitHub and Slack send it, the result is that object. A name with several different values gets a list
 * of them. Any other body is returned unchanged. So is JSON under a form's content type, which many senders set by
 * mistake.
 */
export function formAsJson({ headers, body }: Sent): { body: Buffer; isForm: boolean } {
  const asItIs = { body, isForm: false };
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(headers['content-type']?.trim() ?? ''))
    return asItIs;
  // A body sent from a file may end in the file's line feed. Trimming is safe: a line feed in a value is escaped.
  const text = new TextDecoder().decode(body).trimEnd();
  const values = /^\s*([{["]|$)/.test(text) ? undefined : formOf(text);
  if (!values) return asItIs;
  const [only = '', ...others] = values.values();
  if (others.length === 0 && typeof only === 'string' && isObject(only))
    return { body: Buffer.from(only), isForm: false };
  return { body: Buffer.from(JSON.stringify(Object.fromEntries(values))), isForm: true };
}

/** Undefined where the form is not UTF-8: replacement characters could make two different values equal. */
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
