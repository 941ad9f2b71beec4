import { type Reply, retryAfterMs } from '../http.ts';
import {
  type AnswerTable,
  CHARGE_ANSWERS,
  LOOKUP_ANSWERS,
  REFUND_ANSWERS,
  REFUSED_STATUSES,
  readAgreed,
  type Subject,
} from './contract.ts';
import type { ChargeOutcome, LookupOutcome, NotAttempted, RefundOutcome, Unknown } from './payment-hook.ts';

/** These pass by themselves: an overload, a restart, a gateway that waits for either. */
const passes = (status: number) => [408, 409, 425, 429].includes(status) || status >= 502;

/** What came of a request, if there was one. */
export type Answer = Reply | { kind: 'no_secret'; detail: string };

/** @param now Unix milliseconds. */
export function readCharge(answer: Answer, subject: Subject, now: number): ChargeOutcome {
  return agreedAnswer(CHARGE_ANSWERS, answer, subject) ?? otherwise(answer, now);
}

/** Of a lookup, or of a cancel. */
export function readLookup(answer: Answer, subject: Subject): LookupOutcome {
  return agreedAnswer(LOOKUP_ANSWERS, answer, subject) ?? silence(answer);
}

/** @param now Unix milliseconds. */
export function readRefund(answer: Answer, subject: Subject, now: number): RefundOutcome {
  return agreedAnswer(REFUND_ANSWERS, answer, subject) ?? otherwise(answer, now);
}

/** Undefined where the table does not know the status; `unknown` where the body is not the agreed one. */
function agreedAnswer<Outcome>(
  table: AnswerTable<Outcome>,
  answer: Answer,
  subject: Subject,
): Outcome | Unknown | undefined {
  if (answer.kind !== 'response') return undefined;
  const read = readAgreed(table, answer, subject);
  if (read === undefined || 'outcome' in read) return read?.outcome;
  return { kind: 'unknown', detail: read.detail, misconfigured: true };
}

/** The rows that charges and refunds share. */
function otherwise(answer: Answer, now: number): NotAttempted | Unknown {
  switch (answer.kind) {
    case 'no_secret':
      return { kind: 'not_attempted', detail: answer.detail, misconfigured: true };
    case 'not_sent':
      return { kind: 'not_attempted', detail: `not sent: ${answer.detail}` };
    case 'no_answer':
      return silence(answer);
    case 'response': {
      const { status, headers } = answer;
      const detail = `status ${status}`;
      if (status === 429) {
        const wait = retryAfterMs(headers, now);
        return { kind: 'not_attempted', detail, ...(wait === undefined ? {} : { retryAfterMs: wait }) };
      }
      if (REFUSED_STATUSES.includes(status)) return { kind: 'not_attempted', detail, misconfigured: true };
      // The failure may be that of the provider behind the endpoint. The lookup tells, or else says that it cannot.
      return status >= 500 ? { kind: 'unknown', detail } : silence(answer);
    }
  }
}

/** Nothing was learnt, and only the agency's developer can mend what does not pass by itself. */
function silence(answer: Answer): Unknown {
  const lasting = { misconfigured: true };
  switch (answer.kind) {
    case 'no_secret':
      return { kind: 'unknown', detail: answer.detail, ...lasting };
    case 'not_sent':
      return { kind: 'unknown', detail: `not sent: ${answer.detail}` };
    case 'no_answer':
      return { kind: 'unknown', detail: `no answer: ${answer.detail}` };
    case 'response':
      return {
        kind: 'unknown',
        detail: `status ${answer.status}`,
        ...(passes(answer.status) ? {} : lasting),
      };
  }
}
