import { setTimeout as sleepFor } from 'node:timers/promises';
import { type Reply, retryAfterMs, sendOnce } from '../../shared/http.ts';
import { readError } from '../../shared/platform/schemas.ts';

/** Where an API key is put. */
export interface Place {
  in: 'header' | 'query';
  name: string;
  /** What stands before the key there, such as `Bearer `. In the query nothing does. */
  prefix: string;
}

export interface Question {
  method: 'GET' | 'POST';
  path: string;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
}

export interface Seen {
  question: Question;
  /** Whether it was asked with the right key. The key's place may have been wrong. */
  key: 'right' | 'wrong' | 'none';
  answer: Reply;
}

export interface Asker {
  ask(question: Question, place: Place, key: 'right' | 'wrong'): Promise<Reply>;
  askWithoutKey(question: Question): Promise<Reply>;
  /** Asks there from now on. */
  moveTo(baseUrl: string): void;
  /** In the order they came; those of status 429 too. */
  seen: readonly Seen[];
}

export interface AskerOptions {
  apiKey: string;
  wrongKey: string;
  /** Gets a sentence before each wait. */
  tell: (sentence: string) => void;
  now: () => number;
  sleep?: (ms: number) => Promise<unknown>;
}

/** As the workers have it. */
const TIMEOUT_MS = 10_000;
/** The export of one day, at 165 bytes for each action of the platform: 100,000 of them. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Six hundred a minute, the relay's own pace, because other tools of the agency use the same key. */
const SPACING_MS = 100;
/** The platform counts in minutes. */
const MINUTE_MS = 60_000;
/** For all requests together. */
const MAX_WAIT_MS = 3 * MINUTE_MS;
const MIN_WAIT_MS = 1_000;

/**
 * Asks the platform, one question at a time, and follows no redirect. It waits a 429 out, as its headers say or for
 * a minute. So only questions that may be asked twice may be asked here. If that takes too long, it sends nothing
 * more. Nothing may be asked before `moveTo`.
 */
export function createAsker({ apiKey, wrongKey, tell, now, sleep = sleepFor }: AskerOptions): Asker {
  const seen: Seen[] = [];
  let baseUrl = '';
  let leftMs = MAX_WAIT_MS;
  let gaveUp = false;

  const send = async (question: Question, key: Seen['key'], place?: Place): Promise<Reply> => {
    if (gaveUp) return { kind: 'not_sent', detail: 'the platform asks to wait for longer' };
    const url = new URL(baseUrl + question.path);
    for (const [name, value] of Object.entries(question.query ?? {})) url.searchParams.set(name, value);
    const value = key === 'right' ? apiKey : wrongKey;
    if (place?.in === 'query') url.searchParams.set(place.name, value);
    const request = {
      method: question.method,
      url: url.href,
      headers: {
        accept: 'application/json, text/csv',
        ...(place?.in === 'header' ? { [place.name]: place.prefix + value } : {}),
        ...(question.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(question.body === undefined ? {} : { body: JSON.stringify(question.body) }),
      timeoutMs: TIMEOUT_MS,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    };
    for (;;) {
      if (seen.length > 0) await sleep(SPACING_MS);
      const answer = await sendOnce(request);
      seen.push({ question, key, answer });
      if (answer.kind !== 'response' || answer.status !== 429) return answer;
      const asked = retryAfterMs(answer.headers, now(), waitHeaders(answer.headers)) ?? MINUTE_MS;
      const waitMs = Math.max(MIN_WAIT_MS, asked);
      gaveUp = waitMs > leftMs;
      if (gaveUp) return answer;
      leftMs -= waitMs;
      tell(`The platform asks to wait ${Math.ceil(waitMs / 1000)} s (too many requests).`);
      await sleep(waitMs);
    }
  };
  return {
    seen,
    ask: (question, place, key) => send(question, key, place),
    askWithoutKey: (question) => send(question, 'none'),
    moveTo(url) {
      baseUrl = url;
    },
  };
}

/** `retry-after` first, then any header that is called a reset. */
export function waitHeaders(headers: Record<string, string>): string[] {
  return ['retry-after', ...Object.keys(headers).filter((name) => /reset/.test(name))];
}

/** The status with the platform's word for it, if it is one word. Other text might quote what was asked. */
export function inWords(answer: Reply): string {
  if (answer.kind === 'not_sent') return `not sent (${answer.detail})`;
  if (answer.kind === 'no_answer') return `no answer (${answer.detail})`;
  const { code = '' } = readError(answer.body);
  return /^[A-Za-z][A-Za-z_.-]{0,60}\d{0,4}$/.test(code) ? `${answer.status} ${code}` : String(answer.status);
}

export function placeInWords(place: Place): string {
  return place.in === 'header' ? `the header ${nameInWords(place)}` : `the query as ${place.name}`;
}

/** For example `authorization: Bearer`, if something stands before the key. */
export function nameInWords({ name, prefix }: Place): string {
  return prefix === '' ? name : `${name}: ${prefix.trim()}`;
}

export const questionInWords = ({ method, path, body }: Question) =>
  `${method} ${path}${body === undefined ? '' : ' with {}'}`;
