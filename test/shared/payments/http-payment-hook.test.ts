import { channel } from 'node:diagnostics_channel';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpPaymentHook } from '../../../shared/payments/http-payment-hook.ts';
import type { ChargeReference, ChargeRequest, RefundRequest } from '../../../shared/payments/payment-hook.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

const charge: ChargeRequest = {
  chargeId: 'ch-1',
  rechargeKey: 'key 1/ä',
  account: { email: 'jane@example.com', platformId: 'sub_1', customer: 'cus_1' },
  credits: 500,
  money: { amount: 5000, currency: 'USD' },
  description: '500 credits',
  startedAt: 0,
};
const reference: ChargeReference = { chargeId: 'ch-1', money: charge.money, paymentRef: 'pay_1' };
const refund: RefundRequest = { ...reference, money: charge.money, refundId: 're-1', rechargeKey: 'key 1/ä' };

interface Seen {
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

let server: Server;
let url: string;
let seen: Seen[];
/** What the endpoint does with each request; set per test. */
let answer: (response: ServerResponse) => void;

beforeEach(async () => {
  seen = [];
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      seen.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
      answer(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  url = `http://127.0.0.1:${address.port}/hook`;
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

type Body = Record<string, unknown> | unknown[] | string;

function answers(status: number, body: Body, headers: Record<string, string> = {}) {
  answer = (response) => {
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

function hook(
  options: { secret?: () => Promise<string>; timeoutMs?: number; now?: () => number; url?: string } = {},
) {
  const secret = async () => SECRET;
  return createHttpPaymentHook({ url, secret, timeoutMs: 2_000, now: Date.now, ...options });
}

async function send(payments = hook(), request = charge) {
  const prepared = await payments.prepareCharge(request);
  return prepared.send();
}

/** As the agency's endpoint would check it. */
function signatureHolds({ headers, body }: Seen): boolean {
  const text = (name: string) => String(headers[name]);
  new Webhook(SECRET).verify(
    body,
    {
      'webhook-id': text('webhook-id'),
      'webhook-timestamp': text('webhook-timestamp'),
      'webhook-signature': text('webhook-signature'),
    },
    { jsonParse: false },
  );
  return true;
}

const paid = { status: 'paid', payment_ref: 'pay_1' };
const declined = { status: 'declined', reason: 'card_declined' };
const pending = { status: 'pending', payment_ref: 'pay_1' };
const unknown = (detail: string) => ({ kind: 'unknown', detail });
const misconfigured = (status: number) => ({
  kind: 'not_attempted',
  detail: `status ${status}`,
  misconfigured: true,
});
/** Unknown, and said at once: it does not pass by itself. */
const unusable = (detail: string) => ({ ...unknown(detail), misconfigured: true });
/** The field that is wrong is named where the body is an object. */
const NOT_AGREED = (status: number) =>
  unusable(
    expect.stringMatching(
      `^status ${status} with(out| an unusable) (the agreed body|status|payment_ref|reason)$`,
    ),
  );
const NOT_FOUND_BY_WHOM = unusable('status 404 without "status":"not_found"');
const OTHER_MONEY = (status: number) =>
  unusable(expect.stringMatching(`^status ${status} about another (amount|currency)$`));
const OTHER_CHARGE = (status: number) => unusable(`status ${status} about another charge`);

type Row = [name: string, status: number, body: Body, outcome: unknown];

/** What every call makes of an answer that speaks of a charge; charge and lookup differ in the status only. */
const charges = (s: { paid: number; declined: number; pending: number }): Row[] => [
  ['paid', s.paid, paid, { kind: 'paid', paymentRef: 'pay_1' }],
  [
    'paid, naming our money',
    s.paid,
    { ...paid, amount: 5000, currency: 'USD' },
    { kind: 'paid', paymentRef: 'pay_1' },
  ],
  ['paid, with another amount', s.paid, { ...paid, amount: 4999 }, OTHER_MONEY(s.paid)],
  ['paid, with an amount of nothing', s.paid, { ...paid, amount: '' }, OTHER_MONEY(s.paid)],
  ['paid, with the amount in dollars', s.paid, { ...paid, amount: '50.00' }, OTHER_MONEY(s.paid)],
  ...[
    { amount: '5000', currency: 'usd' },
    { amount: ' 5000.00 ', currency: ' Usd ' },
    { amount: null, currency: null, charge_id: null },
    { charge_id: 'ch-1' },
  ].map(
    (said): Row => [
      `paid, naming what is ours in other words: ${JSON.stringify(said)}`,
      s.paid,
      { ...paid, ...said },
      { kind: 'paid', paymentRef: 'pay_1' },
    ],
  ),
  [
    'paid, with 5000.0',
    s.paid,
    '{"status":"paid","payment_ref":"pay_1","amount":5000.0}',
    { kind: 'paid', paymentRef: 'pay_1' },
  ],
  [
    'paid, behind a byte order mark',
    s.paid,
    `\ufeff${JSON.stringify(paid)}`,
    { kind: 'paid', paymentRef: 'pay_1' },
  ],
  ['paid, for another charge', s.paid, { ...paid, charge_id: 'ch-2' }, OTHER_CHARGE(s.paid)],
  ['paid, for a charge that is a number', s.paid, { ...paid, charge_id: 1 }, OTHER_CHARGE(s.paid)],
  ['paid, with another currency', s.paid, { ...paid, currency: 'EUR' }, OTHER_MONEY(s.paid)],
  ['paid without a payment_ref', s.paid, { status: 'paid' }, NOT_AGREED(s.paid)],
  ['paid with an empty payment_ref', s.paid, { ...paid, payment_ref: '' }, NOT_AGREED(s.paid)],
  ['paid with a blank payment_ref', s.paid, { ...paid, payment_ref: '  ' }, NOT_AGREED(s.paid)],
  [
    'paid with a number for a payment_ref',
    s.paid,
    { ...paid, payment_ref: 7 },
    { kind: 'paid', paymentRef: '7' },
  ],
  ['paid with a payment_ref that is rounded', s.paid, { ...paid, payment_ref: 2 ** 60 }, NOT_AGREED(s.paid)],
  ['paid with a payment_ref beyond ASCII', s.paid, { ...paid, payment_ref: 'pay_ü' }, NOT_AGREED(s.paid)],
  [
    'paid with a line break in the payment_ref',
    s.paid,
    { ...paid, payment_ref: 'pay_1\n' },
    NOT_AGREED(s.paid),
  ],
  [
    'paid with 255 characters of payment_ref',
    s.paid,
    { ...paid, payment_ref: 'p'.repeat(255) },
    { kind: 'paid', paymentRef: 'p'.repeat(255) },
  ],
  [
    'paid with 256 characters of payment_ref',
    s.paid,
    { ...paid, payment_ref: 'p'.repeat(256) },
    NOT_AGREED(s.paid),
  ],
  ['a word that is not agreed', s.paid, { ...paid, status: 'succeeded' }, NOT_AGREED(s.paid)],
  ['HTML', s.paid, '<html>OK</html>', NOT_AGREED(s.paid)],
  ['nothing', s.paid, '', NOT_AGREED(s.paid)],
  ['declined', s.declined, declined, { kind: 'declined', reason: 'card_declined', retryable: false }],
  [
    'declined, worth another try',
    s.declined,
    { ...declined, retryable: true },
    { kind: 'declined', reason: 'card_declined', retryable: true },
  ],
  [
    'declined at length',
    s.declined,
    { ...declined, reason: 'r'.repeat(101) },
    { kind: 'declined', reason: 'r'.repeat(100), retryable: false },
  ],
  [
    'declined, with a word for retryable',
    s.declined,
    { ...declined, retryable: null },
    { kind: 'declined', reason: 'card_declined', retryable: false },
  ],
  ['declined, for another charge', s.declined, { ...declined, charge_id: 'ch-2' }, OTHER_CHARGE(s.declined)],
  ['declined without a reason', s.declined, { status: 'declined' }, NOT_AGREED(s.declined)],
  ['declined for another amount', s.declined, { ...declined, amount: 1 }, OTHER_MONEY(s.declined)],
  ['pending', s.pending, pending, { kind: 'pending', paymentRef: 'pay_1' }],
  [
    'pending with a page for the client',
    s.pending,
    { ...pending, action_url: 'https://pay.example.com/1' },
    { kind: 'pending', paymentRef: 'pay_1', actionUrl: 'https://pay.example.com/1' },
  ],
  [
    'pending with a page on this machine',
    s.pending,
    { ...pending, action_url: 'http://127.0.0.1:9/1' },
    { kind: 'pending', paymentRef: 'pay_1', actionUrl: 'http://127.0.0.1:9/1' },
  ],
  [
    'pending with an unencrypted page',
    s.pending,
    { ...pending, action_url: 'http://pay.example.com/1' },
    { kind: 'pending', paymentRef: 'pay_1' },
  ],
  [
    'pending with a script for a page',
    s.pending,
    { ...pending, action_url: 'javascript:alert(1)' },
    { kind: 'pending', paymentRef: 'pay_1' },
  ],
  [
    'pending with an endless page address',
    s.pending,
    { ...pending, action_url: `https://pay.example.com/${'x'.repeat(2048)}` },
    { kind: 'pending', paymentRef: 'pay_1' },
  ],
  [
    'pending without a payment_ref',
    s.pending,
    { status: 'pending' },
    unusable(`status ${s.pending} without payment_ref`),
  ],
];

describe('a charge', () => {
  it.each<Row>([
    ...charges({ paid: 200, declined: 402, pending: 202 }),
    ['a decline under 200', 200, declined, NOT_AGREED(200)],
    ['paid under 202', 202, paid, NOT_AGREED(202)],
    ['402 from something else', 402, { error: 'payment required' }, NOT_AGREED(402)],
    ['201', 201, paid, unusable('status 201')],
    ['a redirect, which is not followed', 302, '', unusable('status 302')],
    ['405', 405, '', unusable('status 405')],
    ['400', 400, '', misconfigured(400)],
    ['401', 401, '', misconfigured(401)],
    ['403', 403, '', misconfigured(403)],
    ['404', 404, { error: { code: 'not_found' } }, misconfigured(404)],
    ['422', 422, '', misconfigured(422)],
    ['408', 408, '', unknown('status 408')],
    ['409', 409, paid, unknown('status 409')],
    ['429 that does not say how long', 429, '', { kind: 'not_attempted', detail: 'status 429' }],
    ['500', 500, paid, unknown('status 500')],
    ['503', 503, '', unknown('status 503')],
  ])('answered with %s (%i)', async (_name, status, body, outcome) => {
    answers(status, body, { location: '/elsewhere' });
    expect(await send()).toStrictEqual(outcome);
    expect(seen).toHaveLength(1);
  });

  it('answered with 429 and Retry-After is not attempted, and says how long to wait', async () => {
    answers(429, '', { 'retry-after': '7' });
    expect(await send()).toEqual({ kind: 'not_attempted', detail: 'status 429', retryAfterMs: 7_000 });
  });

  it('that the endpoint never answers is unknown', async () => {
    answer = () => {};
    expect(await send(hook({ timeoutMs: 100 }))).toEqual(unknown('no answer: no answer in time'));
    expect(seen).toHaveLength(1);
  });

  it('whose connection breaks after it was sent is unknown, and is not repeated', async () => {
    answer = (response) => response.destroy();
    expect(await send()).toMatchObject({
      kind: 'unknown',
      detail: expect.stringMatching(/^no answer: ECONNRESET/),
    });
    expect(seen).toHaveLength(1);
  });

  it('that finds no endpoint was not attempted', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await send()).toMatchObject({
      kind: 'not_attempted',
      detail: expect.stringMatching(/^not sent: ECONNREFUSED/),
    });
  });

  it.each(['', ' ', 'whsec_', 'whsec_not base64!'])('is not sent while the secret is %j', async (secret) => {
    expect(await send(hook({ secret: async () => secret }))).toEqual({
      kind: 'not_attempted',
      detail: 'the payment hook secret is empty or malformed',
      misconfigured: true,
    });
    expect(seen).toHaveLength(0);
  });

  it('says exactly what is to be charged, under its own key', async () => {
    answers(200, paid);
    await send();
    const [request] = seen;
    expect(request).toMatchObject({
      method: 'POST',
      path: '/hook/charges',
      headers: { 'idempotency-key': 'ch-1', 'webhook-id': 'ch-1', 'content-type': 'application/json' },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      charge_id: 'ch-1',
      recharge_key: 'key 1/ä',
      account: { email: 'jane@example.com', platform_id: 'sub_1', customer: 'cus_1' },
      credits: 500,
      amount: 5000,
      currency: 'USD',
      description: '500 credits',
    });
  });

  it('leaves out what is not known of the account', async () => {
    answers(200, paid);
    await send(hook(), { ...charge, account: { email: 'jane@example.com' } });
    expect(JSON.parse(seen[0]?.body ?? '').account).toEqual({ email: 'jane@example.com' });
  });

  it('is repeated with the same bytes; only the timestamp and the signature are new', async () => {
    answers(200, paid);
    const now = Date.now();
    await send(hook({ now: () => now - 60_000 }));
    await send(hook({ now: () => now }));
    const [first, second] = seen.map(({ headers, ...rest }) => {
      const { 'webhook-timestamp': timestamp, 'webhook-signature': signature, ...others } = headers;
      return { timestamp, signature, same: { ...rest, others } };
    });
    expect(second?.same).toEqual(first?.same);
    expect(Number(second?.timestamp) - Number(first?.timestamp)).toBe(60);
    expect(second?.signature).not.toBe(first?.signature);
    expect(seen.every(signatureHolds)).toBe(true);
  });

  it('goes out in the very turn in which send is called, and not before', async () => {
    answers(200, paid);
    let created = 0;
    const count = () => {
      created += 1;
    };
    channel('http.client.request.created').subscribe(count);
    const prepared = await hook().prepareCharge(charge);
    expect(created).toBe(0);
    const outcome = prepared.send();
    expect(created).toBe(1);
    await outcome;
    channel('http.client.request.created').unsubscribe(count);
  });

  it('is not prepared where the secret cannot be read', async () => {
    const secret = async () => {
      throw new Error('secrets are down');
    };
    await expect(hook({ secret }).prepareCharge(charge)).rejects.toThrow('secrets are down');
    expect(seen).toHaveLength(0);
  });
});

const lookupRows: Row[] = [
  ...charges({ paid: 200, declined: 200, pending: 200 }),
  ['refunded', 200, { status: 'refunded', refund_ref: 'rf_1' }, { kind: 'refunded', refundRef: 'rf_1' }],
  ['refunded without a reference', 200, { status: 'refunded' }, { kind: 'refunded' }],
  ['refunded with another amount', 200, { status: 'refunded', amount: 1 }, OTHER_MONEY(200)],
  ['not found', 404, { status: 'not_found' }, { kind: 'not_found' }],
  ['not found, of our charge', 404, { status: 'not_found', charge_id: 'ch-1' }, { kind: 'not_found' }],
  ['not found, of another charge', 404, { status: 'not_found', charge_id: 'ch-2' }, OTHER_CHARGE(404)],
  ['a 404 in an error envelope', 404, { error: { code: 'not_found', message: 'No' } }, NOT_FOUND_BY_WHOM],
  ['a 404 in an error text', 404, { error: 'no such charge' }, NOT_FOUND_BY_WHOM],
  ['the 404 of a web server', 404, '<html>404 Not Found</html>', NOT_FOUND_BY_WHOM],
  ['an empty 404', 404, '', NOT_FOUND_BY_WHOM],
  ['the 404 of an API gateway', 404, { message: 'Not Found' }, NOT_FOUND_BY_WHOM],
  [
    'the 404 of a web framework',
    404,
    { statusCode: 404, error: 'Not Found', message: 'GET /x' },
    NOT_FOUND_BY_WHOM,
  ],
  ['a 404 that is a list', 404, [{ status: 'not_found' }], NOT_FOUND_BY_WHOM],
  ['not found under 200', 200, { status: 'not_found' }, NOT_AGREED(200)],
  ['202', 202, pending, unusable('status 202')],
  ['402', 402, declined, unusable('status 402')],
  ['a redirect, which is not followed', 302, paid, unusable('status 302')],
  ['401', 401, '', unusable('status 401')],
  ['405', 405, '', unusable('status 405')],
  ['410', 410, { error: 'gone' }, unusable('status 410')],
  ['500', 500, '', unusable('status 500')],
  ['501', 501, '', unusable('status 501')],
  ...[408, 409, 425, 429, 502, 503, 504, 524].map(
    (status): Row => ['what passes by itself', status, '', unknown(`status ${status}`)],
  ),
];

describe.each([
  { name: 'a lookup', method: 'GET', path: '/hook/charges/ch-1', word: 'lookup' as const },
  { name: 'a cancel', method: 'POST', path: '/hook/charges/ch-1/cancel', word: 'cancel' as const },
])('$name', ({ method, path, word }) => {
  it.each(lookupRows)('answered with %s (%i)', async (_name, status, body, outcome) => {
    answers(status, body, { location: '/elsewhere' });
    expect(await hook()[word](reference)).toEqual(outcome);
    expect(seen).toHaveLength(1);
  });

  it('believes any amount where the caller does not know the money', async () => {
    answers(200, { ...paid, amount: 1, currency: 'EUR' });
    expect(await hook()[word]({ chargeId: 'ch-1' })).toEqual({ kind: 'paid', paymentRef: 'pay_1' });
  });

  it('is unknown where nothing could be sent', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await hook()[word](reference)).toMatchObject({
      kind: 'unknown',
      detail: expect.stringMatching(/^not sent: ECONNREFUSED/),
    });
  });

  it('is unknown where no answer comes', async () => {
    answer = () => {};
    expect(await hook({ timeoutMs: 100 })[word](reference)).toEqual(unknown('no answer: no answer in time'));
  });

  it('is unknown, and not sent, where the secret is malformed', async () => {
    expect(await hook({ secret: async () => '' })[word](reference)).toEqual(
      unusable('the payment hook secret is empty or malformed'),
    );
    expect(seen).toHaveLength(0);
  });

  it('signs the empty body under an id of its own, new each time', async () => {
    answers(200, paid);
    await hook()[word](reference);
    await hook()[word](reference);
    expect(seen.map((request) => [request.method, request.path, request.body])).toEqual([
      [method, path, ''],
      [method, path, ''],
    ]);
    expect(seen.every(signatureHolds)).toBe(true);
    const [first, second] = seen.map(({ headers }) => String(headers['webhook-id']));
    expect(first).toMatch(new RegExp(`^ch-1_${word}_`));
    expect(second).not.toBe(first);
  });

  it('cannot leave its path through the charge id', async () => {
    answers(200, paid);
    await hook()[word]({ ...reference, chargeId: '../x?y' });
    expect(seen[0]?.path).toBe(path.replace('ch-1', '..%2Fx%3Fy'));
  });
});

describe('a refund', () => {
  it.each<Row>([
    ['refunded', 200, { status: 'refunded', refund_ref: 'rf_1' }, { kind: 'refunded', refundRef: 'rf_1' }],
    [
      'refunded, naming our money',
      200,
      { status: 'refunded', amount: 5000, currency: 'USD' },
      { kind: 'refunded' },
    ],
    [
      'refunded with an unreadable reference',
      200,
      { status: 'refunded', refund_ref: '' },
      { kind: 'refunded' },
    ],
    ['refunded with another amount', 200, { status: 'refunded', amount: 50 }, OTHER_MONEY(200)],
    ['refunded, of another charge', 200, { status: 'refunded', charge_id: 'ch-2' }, OTHER_CHARGE(200)],
    [
      'refunded, under another refund',
      200,
      { status: 'refunded', charge_id: 'ch-1', refund_id: 're-2' },
      unusable('status 200 about another refund'),
    ],
    ['paid, which is no answer to a refund', 200, paid, unusable('status 200 with an unusable status')],
    ['HTML', 200, '<html>', NOT_AGREED(200)],
    ['pending', 202, { status: 'pending' }, { kind: 'pending' }],
    ['an empty 202', 202, '', NOT_AGREED(202)],
    [
      'refused',
      402,
      { status: 'refused', reason: 'r'.repeat(101) },
      { kind: 'refused', reason: 'r'.repeat(100) },
    ],
    ['refused without a reason', 402, { status: 'refused' }, unusable('status 402 without reason')],
    ['a redirect, which is not followed', 307, '', unusable('status 307')],
    ['400', 400, '', misconfigured(400)],
    ['401', 401, '', misconfigured(401)],
    ['403', 403, '', misconfigured(403)],
    ['404', 404, '', misconfigured(404)],
    ['422', 422, '', misconfigured(422)],
    ['408', 408, '', unknown('status 408')],
    ['409', 409, '', unknown('status 409')],
    ['429', 429, '', { kind: 'not_attempted', detail: 'status 429' }],
    ['500', 500, '', unknown('status 500')],
  ])('answered with %s (%i)', async (_name, status, body, outcome) => {
    answers(status, body, { location: '/elsewhere' });
    expect(await hook().refund(refund)).toStrictEqual(outcome);
    expect(seen).toHaveLength(1);
  });

  it('that finds no endpoint was not attempted', async () => {
    await new Promise((resolve) => server.close(resolve));
    expect(await hook().refund(refund)).toMatchObject({ kind: 'not_attempted' });
  });

  it('that is not answered is unknown', async () => {
    answer = (response) => response.destroy();
    expect(await hook().refund(refund)).toMatchObject({ kind: 'unknown' });
    expect(seen).toHaveLength(1);
  });

  it('says which charge to refund, under one key for ever', async () => {
    answers(200, { status: 'refunded' });
    await hook().refund(refund);
    await hook().refund(refund);
    const [first, second] = seen;
    expect(first).toMatchObject({
      method: 'POST',
      path: '/hook/refunds',
      headers: { 'idempotency-key': 're-1', 'webhook-id': 're-1' },
    });
    expect(JSON.parse(first?.body ?? '')).toEqual({
      refund_id: 're-1',
      charge_id: 'ch-1',
      payment_ref: 'pay_1',
      recharge_key: 'key 1/ä',
      amount: 5000,
      currency: 'USD',
    });
    expect(second?.body).toBe(first?.body);
    expect(seen.every(signatureHolds)).toBe(true);
  });
});

describe('the endpoint and its secret', () => {
  it.each([
    'http://pay.example.com',
    'ftp://pay.example.com',
    'https://a:b@pay.example.com',
    'https://pay.example.com/?x=1',
    'pay',
  ])('refuses %s for an endpoint', (unsafe) => {
    const refusal = new TypeError('the payment hook needs an https URL without ? and #');
    expect(() => hook({ url: unsafe })).toThrow(refusal);
  });

  it('takes an endpoint with a slash at its end', async () => {
    answers(200, paid);
    await send(hook({ url: `${url}/` }));
    expect(seen[0]?.path).toBe('/hook/charges');
  });

  it('takes a secret with a line feed at its end', async () => {
    answers(200, paid);
    await send(hook({ secret: async () => `${SECRET}\n` }));
    expect(seen.every(signatureHolds)).toBe(true);
  });

  it('takes a secret that is no base64 as the key itself', async () => {
    answers(200, paid);
    await send(hook({ secret: async () => 'not-base64!', now: () => 1_614_265_330_999 }));
    const [request] = seen;
    const expected = new Webhook('not-base64!', { format: 'raw' });
    expect(request?.headers['webhook-signature']).toBe(
      expected.sign('ch-1', new Date(1_614_265_330_000), request?.body ?? ''),
    );
  });

  it('never shows the secret in an outcome', async () => {
    for (const status of [200, 400, 402, 404, 429, 500]) {
      answers(status, SECRET);
      const outcomes = [await send(), await hook().lookup(reference), await hook().refund(refund)];
      expect(JSON.stringify(outcomes)).not.toContain(SECRET.slice(6, 12));
    }
  });
});
