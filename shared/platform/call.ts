import { type Reply, retryAfterMs, sendOnce } from '../http.ts';
import type { Pace } from './pace.ts';
import type { PlatformProfile } from './profile.ts';
import { readError } from './schemas.ts';

export interface CallOptions {
  profile: PlatformProfile;
  apiKey: () => Promise<string>;
  /** Called on every 401, and for an empty or malformed key: whoever caches the key should read it again. */
  onUnauthorized: () => void;
  /** For one whole call; nothing is repeated here. */
  timeoutMs: number;
  /** Unix time in milliseconds. */
  now: () => number;
  /** Shared by all clients of one key in this process. Without it each call leaves at once. */
  pace?: Pace;
}

export interface Call {
  method: 'GET' | 'POST';
  path: string;
  keyIn: 'header' | 'query';
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** The media type asked for. Default: JSON. */
  accept?: string;
  maxAnswerBytes?: number;
}

export interface Exchange {
  answer: Reply | { kind: 'no_key' };
  /** One line for a person, without the key, query strings, email addresses and phone numbers. */
  detail: string;
  /** How long to wait before another call, where our own pace or a 429 says it. */
  retryAfterMs?: number;
  /** The platform's word for the error. */
  code?: string;
  /** The platform's name for this request. */
  requestId?: string;
}

/** A detail goes into the row's history, and a row ends at 4 KB. */
const MAX_DETAIL_CHARACTERS = 200;

/** Of a code and of a request id. A UUID has 36; a longer one would push the platform's words out of the detail. */
const MAX_WORD_CHARACTERS = 64;

/**
 * Everything that has to be awaited or can say no, so that the returned call is nothing but the request. A place in
 * the pace is taken here too, and lost where the call is never made.
 *
 * @throws where the API key cannot be read.
 */
export async function prepareCall(
  { profile, apiKey, onUnauthorized, timeoutMs, now, pace }: CallOptions,
  { method, path, keyIn, query = {}, body, accept = 'application/json', maxAnswerBytes }: Call,
): Promise<() => Promise<Exchange>> {
  // A key pasted into a secret store often ends in a line feed, and a header may not.
  const key = (await apiKey()).trim();
  if (!/^[!-~]+$/.test(key)) {
    return async () => {
      onUnauthorized();
      return { answer: { kind: 'no_key' }, detail: 'not sent: the API key is empty or malformed' };
    };
  }
  const wait = pace?.take();
  if (wait !== undefined) {
    const detail = 'our own limit of requests, or the wait the platform asked for';
    const answer = { kind: 'not_sent' as const, detail };
    return async () => ({ answer, detail: `not sent: ${detail}`, retryAfterMs: wait });
  }
  const url = new URL(profile.baseUrl + path);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  if (keyIn === 'query') url.searchParams.set(profile.keyQuery, key);
  const headers = {
    accept,
    ...(keyIn === 'header' ? { [profile.keyHeader]: profile.keyPrefix + key } : {}),
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
  };
  const request = {
    method,
    url: url.href,
    headers,
    timeoutMs,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(maxAnswerBytes === undefined ? {} : { maxAnswerBytes }),
  };

  return async () => {
    const answer = await sendOnce(request);
    if (answer.kind !== 'response') return { answer, detail: redact(describe(answer), key) };
    if (answer.status === 401) onUnauthorized();
    const requestId = readRequestId(answer.headers[profile.requestIdHeader], key);
    const { code } = readError(answer.body);
    const askedWait =
      answer.status === 429 ? retryAfterMs(answer.headers, now(), profile.waitHeaders) : undefined;
    if (askedWait !== undefined) pace?.hold(askedWait);
    return {
      answer,
      detail: redact(describe(answer), key),
      ...(askedWait === undefined ? {} : { retryAfterMs: askedWait }),
      ...(code === undefined ? {} : { code: redact(code, key).slice(0, MAX_WORD_CHARACTERS) }),
      ...(requestId === undefined ? {} : { requestId }),
    };
  };
}

/** Undefined for a header that is absent, or is no plain word. */
function readRequestId(header: string | undefined, key: string): string | undefined {
  if (header === undefined || !/^[\w.:+/=-]+$/.test(header)) return undefined;
  return header.replaceAll(key, '[key]').slice(0, MAX_WORD_CHARACTERS);
}

function describe(answer: Reply): string {
  if (answer.kind === 'not_sent') return `not sent: ${answer.detail}`;
  if (answer.kind === 'no_answer') return `no answer: ${answer.detail}`;
  const { code, message } = readError(answer.body);
  return [`status ${answer.status}`, code, message].filter((part) => part !== undefined).join(' ');
}

/**
 * A detail for whoever has to ask the platform's support. It is not used for an answer that is met again and again:
 * equal waits are one entry in a row's history, and with a request id no two are equal.
 */
export function withRequestId(detail: string, { requestId }: Exchange): string {
  const name = requestId === undefined ? '' : ` (request id ${requestId})`;
  return detail.slice(0, MAX_DETAIL_CHARACTERS - name.length) + name;
}

/**
 * A phone number: a plus, the country code and the rest, or 9 to 15 digits in a row. The digits count because a
 * contact's id is often its number without the plus.
 */
const PHONE_NUMBERS = /\+\d[\d .()-]{5,}\d|\b\d{9,15}\b/g;

/** Ten times what is kept, because a hidden word takes less room than the word itself. */
const MAX_READ_CHARACTERS = 10 * MAX_DETAIL_CHARACTERS;

/**
 * An error text may quote our request. Its writer may make it as long as they like, so it is cut before it is
 * searched. A word that the cut splits is dropped, because half a key or half an email would not be recognised.
 */
function redact(text: string, key: string): string {
  const whole = text.replaceAll(key, '[key]');
  const read = whole.slice(0, MAX_READ_CHARACTERS);
  const words = read === whole ? read : read.slice(0, Math.max(0, read.search(/\s\S*$/)));
  const hidden = redactUrl(words)
    .replace(/[^\s"'<>]+/g, (word) => (/[^@]@[^@]/.test(word) ? '[email]' : word))
    .replace(PHONE_NUMBERS, '[phone]');
  return hidden.slice(0, MAX_DETAIL_CHARACTERS);
}

/** Hides every query string in a URL or in a text that holds one: the API key may travel there. */
export function redactUrl(text: string): string {
  return text.replace(/\?[^\s"'<>]+/g, '?[redacted]');
}
