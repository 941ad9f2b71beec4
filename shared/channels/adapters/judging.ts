import { type Reply, readJson, retryAfterMs } from '../../http.ts';
import type { Delivery } from '../adapter.ts';

/** Certainly not delivered: whoever answers so has not done it, and what is wrong is ours or is put right. */
const WAITING = [401, 403, 405];
const REFUSING = [400, 410, 413, 415, 422];

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
      ? { kind: 'refused', detail }
      : { kind: 'not_applied', detail: `${detail}: there is nothing at this address` };
  }
  if (WAITING.includes(status)) return { kind: 'not_applied', detail };
  return { kind: REFUSING.includes(status) ? 'refused' : 'unknown', detail };
}
