import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { type Reply, sendOnce } from '../../shared/http.ts';
import type { Money } from '../../shared/money.ts';
import {
  type AnswerTable,
  CHARGE_ANSWERS,
  chargeBody,
  LOOKUP_ANSWERS,
  REFUND_ANSWERS,
  readAgreed,
  refundBody,
  type Subject,
} from '../../shared/payments/contract.ts';
import type { ChargeRequest } from '../../shared/payments/payment-hook.ts';
import { type Call, signedRequest } from '../../shared/payments/signed-request.ts';
import type { PaymentEndpoint } from './endpoint.ts';

/** How a request is signed: as the relay does it, or in a way that must be refused. */
export type Proof = 'right' | 'missing' | 'other_secret' | 'old' | 'other_body';

/** One request, and what came back in the endpoint's own words. */
export interface Exchange {
  /** Such as `POST /charges`. */
  sent: string;
  body?: Record<string, unknown>;
  signature: Proof;
  /** The status and the beginning of the body; else why there is none. */
  came: string;
  /** 0: no answer came. */
  status: number;
  /** False where the connection never stood: nothing can have come of it. */
  wasSent: boolean;
  /** From the first byte to the last. */
  ms: number;
  /** Whether the answer names the charge. */
  namesCharge: boolean;
}

/** An answer as the relay reads it. */
export interface Heard<Outcome> {
  exchange: Exchange;
  /** Absent: not as agreed. */
  outcome?: Outcome;
  /** What is not as agreed, and the member it is about. */
  fault?: string;
  field?: string;
}

export interface Client {
  email: string;
  platformId?: string;
  customer?: string;
}

export interface AskerOptions extends Pick<PaymentEndpoint, 'url' | 'key'> {
  client: Client;
  money: Money;
  /** Stands in every charge, for whoever looks at the provider's dashboard. */
  rechargeKey: string;
  timeoutMs: number;
  now: () => number;
}

/** Standard Webhooks refuses what is more than five minutes old. */
const OLD_MS = 10 * 60_000;
const SHOWN_CHARACTERS = 300;

export type Asker = ReturnType<typeof createAsker>;

/** Speaks as the relay does, in the same bytes, and keeps every exchange. */
export function createAsker(options: AskerOptions) {
  const { client, money, rechargeKey } = options;
  const exchanges: Exchange[] = [];

  async function ask<Outcome>(
    call: Call,
    table: AnswerTable<Outcome>,
    subject: Subject,
    proof: Proof,
  ): Promise<Heard<Outcome>> {
    const startedAt = options.now();
    const reply = await sendOnce({ ...requestOf(call, proof, options), timeoutMs: options.timeoutMs });
    const exchange = exchangeOf(call, proof, reply, options.now() - startedAt);
    exchanges.push(exchange);
    return { exchange, ...(reply.kind === 'response' ? readingOf(table, reply, subject) : {}) };
  }

  const chargeRequest = (chargeId: string, amount: number): ChargeRequest => ({
    chargeId,
    rechargeKey,
    account: client,
    credits: 1,
    money: { ...money, amount },
    description: 'A test of the payment endpoint, refunded at once',
    startedAt: options.now(),
  });

  return {
    exchanges,
    charge(
      chargeId: string,
      { amount = money.amount, proof = 'right' }: { amount?: number; proof?: Proof } = {},
    ) {
      const request = chargeRequest(chargeId, amount);
      const body = chargeBody(request);
      const call: Call = { method: 'POST', path: '/charges', id: chargeId, idempotencyKey: chargeId, body };
      return ask(call, CHARGE_ANSWERS, request, proof);
    },
    lookup(chargeId: string, proof: Proof = 'right') {
      const path = `/charges/${encodeURIComponent(chargeId)}`;
      return ask({ method: 'GET', path, id: freshId(chargeId) }, LOOKUP_ANSWERS, { chargeId, money }, proof);
    },
    cancel(chargeId: string, proof: Proof = 'right') {
      const path = `/charges/${encodeURIComponent(chargeId)}/cancel`;
      return ask({ method: 'POST', path, id: freshId(chargeId) }, LOOKUP_ANSWERS, { chargeId, money }, proof);
    },
    refund(
      refundId: string,
      {
        chargeId,
        paymentRef,
        amount = money.amount,
      }: { chargeId: string; paymentRef: string; amount?: number },
      proof: Proof = 'right',
    ) {
      const request = { refundId, chargeId, paymentRef, rechargeKey, money: { ...money, amount } };
      const body = refundBody(request);
      const call: Call = { method: 'POST', path: '/refunds', id: refundId, idempotencyKey: refundId, body };
      return ask(call, REFUND_ANSWERS, request, proof);
    },
  };
}

const freshId = (chargeId: string) => `${chargeId}_${randomBytes(8).toString('hex')}`;

function requestOf(call: Call, proof: Proof, { url, key, now }: AskerOptions) {
  const at = new Date(now());
  const signed = (signing: { key: Webhook; signedAt: Date }) => signedRequest(url, call, signing);
  switch (proof) {
    case 'right':
      return signed({ key, signedAt: at });
    case 'old':
      return signed({ key, signedAt: new Date(now() - OLD_MS) });
    case 'other_secret':
      return signed({ key: new Webhook(randomBytes(24).toString('base64')), signedAt: at });
    case 'other_body': {
      const request = signed({ key, signedAt: at });
      const signature = key.sign(call.id, at, JSON.stringify({ ...call.body, credits: 2 }));
      return { ...request, headers: { ...request.headers, 'webhook-signature': signature } };
    }
    case 'missing': {
      const request = signed({ key, signedAt: at });
      const unsigned = Object.entries(request.headers).filter(([name]) => !name.startsWith('webhook-'));
      return { ...request, headers: Object.fromEntries(unsigned) };
    }
  }
}

function readingOf<Outcome>(
  table: AnswerTable<Outcome>,
  reply: { status: number; body: string },
  subject: Subject,
): Omit<Heard<Outcome>, 'exchange'> {
  const read = readAgreed(table, reply, subject);
  if (read === undefined) return { fault: `status ${reply.status}` };
  if ('outcome' in read) return read;
  return { fault: read.detail, ...(read.field === undefined ? {} : { field: read.field }) };
}

function exchangeOf({ method, path, body }: Call, signature: Proof, reply: Reply, ms: number): Exchange {
  const sent = { sent: `${method} ${path}`, ...(body === undefined ? {} : { body }), signature, ms };
  if (reply.kind !== 'response') {
    const came =
      reply.kind === 'not_sent' ? `nothing was sent: ${reply.detail}` : `no answer: ${reply.detail}`;
    return { ...sent, came, status: 0, wasSent: reply.kind === 'no_answer', namesCharge: false };
  }
  const words = reply.body.slice(0, SHOWN_CHARACTERS).replaceAll(/\s+/g, ' ').trim();
  return {
    ...sent,
    came: `${reply.status} ${words}`.trim(),
    status: reply.status,
    wasSent: true,
    namesCharge: reply.body.includes('"charge_id"'),
  };
}
