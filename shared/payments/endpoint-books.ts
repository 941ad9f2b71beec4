import { randomUUID } from 'node:crypto';
import type { Webhook } from 'standardwebhooks';
import { sendOnce } from '../http.ts';
import { LOOKUP_ANSWERS, readAgreed } from './contract.ts';
import type { BookAnswer, PaymentBooks } from './payment-books.ts';
import type { ChargeReference, LookupOutcome } from './payment-hook.ts';
import { signedRequest } from './signed-request.ts';

/** @param now Unix time in milliseconds. */
export interface EndpointBooksOptions {
  url: string;
  key: Webhook;
  timeoutMs: number;
  now: () => number;
}

/** The books of the agency's own payment endpoint, as far as its lookup goes: it is asked charge by charge. */
export function createEndpointBooks({ url, key, timeoutMs, now }: EndpointBooksOptions): PaymentBooks {
  return {
    name: 'the payment endpoint',
    async look(charge) {
      const { chargeId, money } = charge;
      const path = `/charges/${encodeURIComponent(chargeId)}`;
      // As lookups of the payment hook, which an endpoint may know by their form.
      const call = { method: 'GET', path, id: `${chargeId}_lookup_${randomUUID()}` } as const;
      const request = signedRequest(url, call, { key, signedAt: new Date(now()) });
      const reply = await sendOnce({ ...request, timeoutMs });
      if (reply.kind !== 'response') return { kind: 'no_answer', detail: reply.detail };
      const read = readAgreed(LOOKUP_ANSWERS, reply, { chargeId, ...(money === undefined ? {} : { money }) });
      if (read === undefined) return { kind: 'no_answer', detail: `status ${reply.status}` };
      if ('outcome' in read) return answerOf(read.outcome, charge);
      const isAboutIt = read.field !== undefined && ABOUT_IT.includes(read.field);
      return { kind: isAboutIt ? 'differs' : 'no_answer', detail: read.detail };
    },
  };
}

/** An answer that contradicts one of these speaks of another payment than ours. */
const ABOUT_IT: readonly string[] = ['amount', 'currency', 'charge_id'];

function answerOf(outcome: LookupOutcome, charge: ChargeReference): BookAnswer {
  switch (outcome.kind) {
    case 'paid':
    case 'refunded': {
      const { chargeId, money, paymentRef = chargeId } = charge;
      return {
        kind: 'found',
        payment: {
          ref: outcome.kind === 'paid' ? outcome.paymentRef : paymentRef,
          chargeId,
          ...(money === undefined ? {} : { taken: money }),
          status: outcome.kind,
          refunded: outcome.kind === 'refunded' ? (money?.amount ?? 0) : 0,
          refundPending: 0,
          refundRefs: outcome.kind === 'refunded' && outcome.refundRef ? [outcome.refundRef] : [],
          disputes: [],
        },
      };
    }
    case 'unknown':
      return { kind: 'no_answer', detail: outcome.detail };
    default:
      return { kind: 'not_paid', status: outcome.kind };
  }
}
