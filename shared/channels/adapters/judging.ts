import { type Reply, readJson, retryAfterMs } from '../../http.ts';
import type { Delivery } from '../adapter.ts';
import { text } from './beside.ts';

/** Certainly not delivered: a system that answers so has done nothing. The fault is ours, or will be put right. */
const WAITING = [401, 403, 405];
const REFUSING = [400, 410, 413, 415, 422];

/** Where the systems that are known put the reason of a refusal. */
const REASONS = [
  '/error/message',
  '/error/description',
  '/error/error_data/details',
  '/error/code',
  '/error',
  '/errors/0/message',
  '/errors/0/title',
  '/errors/0/detail',
  '/errors/0',
  '/message',
  '/detail',
  '/description',
  '/title',
];

/** A reason is a sentence; what is longer is somebody's page. */
const MAX_REASON = 100;

/** Behind what was seen, what the other side says of it, on one line; whom it names is for no log. */
export function reasoned(seen: string, reason: string): string {
  const line = reason.slice(0, MAX_REASON).replace(/\p{C}/gu, ' ').trim().toWellFormed();
  const told = line.replace(/\S+@\S+/g, '(email)').replace(/\+?\d[\d\s().-]{6,}\d/g, '(number)');
  return told === '' ? seen : `${seen}: ${told}`;
}

/** A wait that the other side asks for holds for all of these; one that nobody asks for is the message's own. */
export const waitingAs = (delivery: Delivery, whoWaits: 'place' | 'channel'): Delivery =>
  delivery.kind === 'not_applied' && delivery.retryAfterMs !== undefined
    ? { ...delivery, whoWaits }
    : delivery;

/**
 * What an answer means by HTTP alone.
 *
 * @param externalId reads from the answer's JSON what the system calls the message.
 */
export function judgeHttp(
  reply: Reply,
  now: number,
  externalId: (answer: unknown) => string | undefined = () => undefined,
): Delivery {
  if (reply.kind === 'not_sent') return { kind: 'not_applied', detail: reply.detail };
  if (reply.kind === 'no_answer') return { kind: 'unknown', detail: reply.detail };
  const { status, headers, body } = reply;
  const detail = `HTTP ${status}`;
  if (status >= 200 && status < 300) {
    const id = externalId(readJson(body));
    return { kind: 'delivered', ...(id === undefined ? {} : { externalId: id }) };
  }
  if (status >= 300 && status < 400) {
    return { kind: 'not_applied', detail: `${detail}: a redirect, which is not followed` };
  }
  if (status === 429) {
    const wait = retryAfterMs(headers, now);
    return { kind: 'not_applied', detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
  }
  if (status === 404) {
    // What says in JSON that there is an error has looked for the contact; a gateway's page means a wrong
    // address.
    const answer = readJson(body);
    const spoken = typeof answer === 'object' && answer !== null && 'error' in answer;
    return spoken
      ? { kind: 'refused', detail: reasoned(detail, reasonOf(answer)) }
      : { kind: 'not_applied', detail: `${detail}: there is nothing at this address` };
  }
  if (WAITING.includes(status)) return { kind: 'not_applied', detail };
  if (!REFUSING.includes(status)) return { kind: 'unknown', detail };
  return refusal(reasoned(detail, reasonOf(readJson(body))), body);
}

/** The other side's own words, where they stand where others put theirs. */
export const reasonOf = (answer: unknown): string => text(answer, ...REASONS);

/** What says that the text is too long may be sent in shorter parts; any other refusal is one. */
export function refusal(detail: string, body: string): Delivery {
  const said = body.slice(0, MAX_READ);
  if (!TOO_LONG.test(said)) return { kind: 'refused', detail };
  const named = LENGTHS.map((pattern) => Number(pattern.exec(said)?.[1])).find((length) => length > 0);
  return { kind: 'too_long', detail, ...(named === undefined ? {} : { maxLength: named }) };
}

/** An error is said at the beginning of an answer, and patterns look at no more of it. */
const MAX_READ = 2_000;
const TOO_LONG =
  /(text|body|message|content|caption)\b[^.{}]{0,80}\b(too long|exceed|longer than|at most|maximum)|character limit/i;

/** "…exceeds the 1600 character limit", "maximum is 150000 characters", "must be at most 1000". */
const LENGTHS = [/(\d{2,6})[ -]char/i, /(?:maximum|max|limit|at most|longer than)\D{0,20}(\d{2,6})/i];
