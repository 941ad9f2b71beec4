import { Webhook } from 'standardwebhooks';
import {
  createSandboxPayments,
  type SandboxPayments,
  type SandboxPaymentsOptions,
} from '../../../local/sandbox/payments.ts';
import { type Reply, sendOnce } from '../../../shared/http.ts';
import { useEndings } from '../../support/sandbox.ts';

export const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const EMAIL = 'demo@example.com';

/** Makes sandboxes for the tests of a file, which end with the test. */
export function usePayments() {
  const atTheEnd = useEndings();
  const paymentsWith = async (options: Partial<SandboxPaymentsOptions> = {}): Promise<SandboxPayments> => {
    const payments = await createSandboxPayments({ secret: SECRET, ...options });
    atTheEnd(payments.close);
    return payments;
  };
  return { atTheEnd, paymentsWith };
}

export function signedHeaders(body: string, now = new Date()): Record<string, string> {
  return {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
    'webhook-signature': new Webhook(SECRET).sign('msg_1', now, body),
  };
}

interface Asked {
  method?: 'GET' | 'POST';
  payload?: unknown;
  key?: string;
  timeoutMs?: number;
}

export function send(
  url: string,
  { method = 'POST', payload, key, timeoutMs = 2_000 }: Asked = {},
): Promise<Reply> {
  const body = payload === undefined ? '' : JSON.stringify(payload);
  const headers = { ...signedHeaders(body), ...(key === undefined ? {} : { 'idempotency-key': key }) };
  return sendOnce({ method, url, headers, timeoutMs, ...(method === 'GET' ? {} : { body }) });
}

/** The status and the body of an answer that must come. */
export async function answered(reply: Promise<Reply>) {
  const answer = await reply;
  if (answer.kind !== 'response') throw new Error(`${answer.kind}: ${answer.detail}`);
  return { status: answer.status, json: JSON.parse(answer.body), headers: answer.headers };
}

export const chargeBody = (changes: object = {}) => ({
  charge_id: 'charge-1',
  recharge_key: 'recharge-1',
  account: { email: EMAIL, platform_id: 'abc', customer: 'cus_1' },
  credits: 500,
  amount: 5_000,
  currency: 'USD',
  description: '500 credits',
  ...changes,
});

export function charge(
  url: string,
  changes: { charge_id?: string; [name: string]: unknown } = {},
  timeoutMs?: number,
) {
  const payload = chargeBody(changes);
  return send(`${url}/charges`, { payload, key: payload.charge_id, ...(timeoutMs ? { timeoutMs } : {}) });
}

export const lookup = (url: string, chargeId = 'charge-1') =>
  send(`${url}/charges/${chargeId}`, { method: 'GET', timeoutMs: 300 });

export const cancel = (url: string, timeoutMs = 300) => send(`${url}/charges/charge-1/cancel`, { timeoutMs });

export async function settle(url: string, outcome: string, chargeId = 'charge-1') {
  const response = await fetch(`${url}/sandbox/charges/${chargeId}/settle`, {
    method: 'POST',
    body: JSON.stringify({ outcome }),
  });
  return { status: response.status, json: JSON.parse(await response.text()) };
}

export function refund(
  url: string,
  changes: { refund_id?: string; [name: string]: unknown } = {},
  timeoutMs = 2_000,
) {
  const payload = {
    refund_id: 'refund-1',
    charge_id: 'charge-1',
    recharge_key: 'recharge-1',
    amount: 5_000,
    currency: 'USD',
    ...changes,
  };
  return send(`${url}/refunds`, { payload, key: payload.refund_id, timeoutMs });
}

export const kinds = ({ books }: SandboxPayments) => books.map(({ kind }) => kind);
