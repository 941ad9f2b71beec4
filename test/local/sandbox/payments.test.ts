import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSandboxPayments } from '../../../local/sandbox/payments.ts';
import { sendOnce } from '../../../shared/http.ts';
import {
  answered,
  cancel,
  charge,
  chargeBody,
  kinds,
  lookup,
  refund,
  SECRET,
  send,
  settle,
  signedHeaders,
  usePayments,
} from './asking-payments.ts';

const EMAIL = 'demo@example.com';

const { atTheEnd, paymentsWith } = usePayments();

describe('a charge', () => {
  it('is captured once, and asked for again gets the same answer', async () => {
    const payments = await paymentsWith();
    const first = await answered(charge(payments.url));
    expect(first.status).toBe(200);
    expect(first.json).toEqual({
      status: 'paid',
      payment_ref: expect.stringMatching(/^pay_/),
      charge_id: 'charge-1',
      amount: 5_000,
      currency: 'USD',
    });
    const again = await answered(charge(payments.url));
    expect([again.status, again.json]).toEqual([200, first.json]);
    expect(payments.books).toEqual([
      {
        kind: 'capture',
        at: expect.any(String),
        charge_id: 'charge-1',
        recharge_key: 'recharge-1',
        email: EMAIL,
        platform_id: 'abc',
        customer: 'cus_1',
        amount: 5_000,
        currency: 'USD',
        payment_ref: first.json.payment_ref,
      },
    ]);
    expect((await answered(lookup(payments.url))).json).toEqual(first.json);
  });

  it.each([
    ['amount', { amount: 5_001 }],
    ['currency', { currency: 'EUR' }],
    ['email', { account: { email: 'client-001@example.com', platform_id: 'abc', customer: 'cus_1' } }],
    ['platform_id', { account: { email: EMAIL, customer: 'cus_1' } }],
    ['customer', { account: { email: EMAIL, platform_id: 'abc', customer: 'cus_2' } }],
  ])('under an id taken with another %s is refused with 422', async (name, changes) => {
    const payments = await paymentsWith();
    await charge(payments.url);
    expect(await answered(charge(payments.url, changes))).toMatchObject({
      status: 422,
      json: { error: `The charge stands with another ${name}.` },
    });
    expect(kinds(payments)).toEqual(['capture']);
  });

  it.each([
    ['decline', 'card_declined', false],
    ['decline_retryable', 'insufficient_funds', true],
  ])('that met the fault %s stays declined for ever', async (fault, reason, retryable) => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault });
    const declined = { status: 'declined', reason, retryable };
    expect(await answered(charge(payments.url))).toMatchObject({ status: 402, json: declined });
    expect(await answered(charge(payments.url))).toMatchObject({ status: 402, json: declined });
    expect(await answered(lookup(payments.url))).toMatchObject({ status: 200, json: declined });
    expect(payments.books).toMatchObject([{ kind: 'decline', charge_id: 'charge-1', reason, retryable }]);
  });

  it('that is pending turns paid by settling, while its repetition still says pending', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'pending_action' });
    const first = await answered(charge(payments.url));
    expect(first).toMatchObject({
      status: 202,
      json: { status: 'pending', action_url: 'https://payments.example.com/confirm' },
    });
    expect((await answered(lookup(payments.url))).json).toEqual(first.json);
    expect(await settle(payments.url, 'refunded')).toMatchObject({ status: 409 });
    const { payment_ref } = first.json;
    expect((await settle(payments.url, 'paid')).json).toMatchObject({ status: 'paid', payment_ref });
    expect((await answered(lookup(payments.url))).json).toMatchObject({ status: 'paid', payment_ref });
    expect(await answered(charge(payments.url))).toMatchObject({ status: 202, json: first.json });
    expect(await settle(payments.url, 'declined')).toMatchObject({ status: 409 });
    expect(kinds(payments)).toEqual(['pending', 'capture']);
  });

  it('that is pending may turn declined', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'pending' });
    expect((await answered(charge(payments.url))).json).not.toHaveProperty('action_url');
    expect((await settle(payments.url, 'declined')).json).toMatchObject({
      status: 'declined',
      reason: 'card_declined',
      retryable: false,
    });
    expect(kinds(payments)).toEqual(['pending', 'decline']);
  });

  it('that is pending becomes paid by itself where it is told so', async () => {
    const payments = await paymentsWith({ pendingSettleMs: 30 });
    payments.fault({ operation: 'charge', fault: 'pending' });
    await charge(payments.url);
    await charge(payments.url);
    await vi.waitFor(() => expect(kinds(payments)).toEqual(['pending', 'capture']));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(kinds(payments)).toEqual(['pending', 'capture']);
  });

  it.each([
    ['another Idempotency-Key', chargeBody(), 'charge-2'],
    ['no Idempotency-Key', chargeBody(), undefined],
    ['half a cent', chargeBody({ amount: 0.5 }), 'charge-1'],
    ['a currency in lower case', chargeBody({ currency: 'usd' }), 'charge-1'],
    ['no account', chargeBody({ account: undefined }), 'charge-1'],
  ])('with %s is refused with 400', async (_, payload, key) => {
    const payments = await paymentsWith();
    const asked = key === undefined ? { payload } : { payload, key };
    const refused = await answered(send(`${payments.url}/charges`, asked));
    expect(refused).toMatchObject({ status: 400, json: { error: expect.any(String) } });
    expect(payments.books).toEqual([]);
  });
});

describe('the signature', () => {
  const post = (url: string, headers: Record<string, string>) =>
    sendOnce({
      method: 'POST',
      url: `${url}/charges`,
      headers: { 'idempotency-key': 'charge-1', ...headers },
      body: JSON.stringify(chargeBody()),
      timeoutMs: 1_000,
    });

  it('must be there, fit the raw body and be fresh', async () => {
    const payments = await paymentsWith();
    const body = JSON.stringify(chargeBody());
    const stale = signedHeaders(body, new Date(Date.now() - 6 * 60_000));
    for (const headers of [{}, signedHeaders(`${body} `), stale]) {
      expect(await answered(post(payments.url, headers))).toMatchObject({
        status: 401,
        json: { error: expect.any(String) },
      });
    }
    expect(payments.books).toEqual([]);
    expect(await post(payments.url, signedHeaders(body))).toMatchObject({ status: 200 });
  });

  it('is asked for by every path of the contract, and by none of the sandbox', async () => {
    const { url } = await paymentsWith();
    const statuses = [];
    for (const path of ['/charges', '/charges/charge-1/cancel', '/refunds']) {
      statuses.push((await fetch(url + path, { method: 'POST' })).status);
    }
    for (const path of ['/charges/charge-1', '/sandbox/books', '/sandbox/faults', '/health']) {
      statuses.push((await fetch(url + path)).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 200, 200, 200]);
  });
});

describe('looking up and cancelling', () => {
  it('does not know a charge that was never made', async () => {
    const { url } = await paymentsWith();
    const notFound = { status: 404, json: { status: 'not_found', charge_id: 'charge-1' } };
    expect(await answered(lookup(url))).toMatchObject(notFound);
    expect(await answered(cancel(url))).toMatchObject(notFound);
    expect(await settle(url, 'paid')).toMatchObject(notFound);
  });

  it('cancels a pending charge, once', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'pending' });
    await charge(payments.url);
    const cancelled = {
      status: 'declined',
      reason: 'cancelled',
      retryable: false,
      charge_id: 'charge-1',
      amount: 5_000,
      currency: 'USD',
    };
    expect(await answered(cancel(payments.url))).toMatchObject({ status: 200, json: cancelled });
    expect((await answered(cancel(payments.url))).json).toEqual(cancelled);
    expect((await answered(lookup(payments.url))).json).toEqual(cancelled);
    expect(await settle(payments.url, 'paid')).toMatchObject({ status: 409 });
    expect(kinds(payments)).toEqual(['pending', 'cancel']);
  });

  it('leaves a paid charge paid', async () => {
    const payments = await paymentsWith();
    await charge(payments.url);
    expect((await answered(cancel(payments.url))).json).toMatchObject({ status: 'paid' });
    expect(kinds(payments)).toEqual(['capture']);
  });

  it.each([
    ['error', { status: 500 }],
    ['hang', { kind: 'no_answer' }],
    ['not_found', { status: 404, body: '{"status":"not_found","charge_id":"charge-1"}' }],
    ['garbage', { status: 200, body: '<html>OK</html>' }],
    ['unauthorized', { status: 401 }],
    ['not_found_plain', { status: 404, body: expect.stringContaining('"error":"Not Found"') }],
  ])('a lookup can meet the fault %s', async (fault, reply) => {
    const { url, ...payments } = await paymentsWith();
    await charge(url);
    payments.fault({ operation: 'lookup', fault });
    expect(await lookup(url)).toMatchObject(reply);
    expect((await answered(lookup(url))).json).toMatchObject({ status: 'paid' });
  });

  it.each([
    ['error', { status: 500 }],
    ['hang', { kind: 'no_answer' }],
  ])('a cancellation can meet the fault %s, and is not done', async (fault, reply) => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'pending' });
    await charge(payments.url);
    payments.fault({ operation: 'cancel', fault });
    expect(await cancel(payments.url)).toMatchObject(reply);
    expect(kinds(payments)).toEqual(['pending']);
  });
});

describe('a refund', () => {
  it('is made once per charge, whatever id it is asked under', async () => {
    const payments = await paymentsWith();
    await charge(payments.url);
    const first = await answered(refund(payments.url));
    expect(first).toMatchObject({ status: 200, json: { status: 'refunded' } });
    expect(first.json.refund_ref).toMatch(/^re_/);
    for (const changes of [{}, { refund_id: 'refund-2' }]) {
      const again = await answered(refund(payments.url, changes));
      expect([again.status, again.json]).toEqual([200, first.json]);
    }
    expect((await answered(lookup(payments.url))).json).toMatchObject({
      status: 'refunded',
      refund_ref: first.json.refund_ref,
      amount: 5_000,
    });
    expect(await answered(charge(payments.url))).toMatchObject({ status: 200, json: { status: 'paid' } });
    expect(payments.books).toMatchObject([
      { kind: 'capture' },
      { kind: 'refund', refund_id: 'refund-1', amount: 5_000, refund_ref: first.json.refund_ref },
    ]);
  });

  it.each(['decline', 'pending', 'error_before'])(
    'of a charge that met %s is refused: nothing was captured',
    async (fault) => {
      const payments = await paymentsWith();
      payments.fault({ operation: 'charge', fault });
      await charge(payments.url);
      expect(await answered(refund(payments.url))).toMatchObject({
        status: 402,
        json: { status: 'refused', reason: 'nothing_captured' },
      });
    },
  );

  it('of other money, or under another payment, is refused with 422', async () => {
    const payments = await paymentsWith();
    await charge(payments.url);
    for (const changes of [{ amount: 4_999 }, { currency: 'EUR' }, { payment_ref: 'pay_other' }]) {
      expect(await answered(refund(payments.url, changes))).toMatchObject({ status: 422 });
    }
    expect(kinds(payments)).toEqual(['capture']);
  });

  it('needs its id as Idempotency-Key', async () => {
    const { url } = await paymentsWith();
    const payload = { refund_id: 'r', charge_id: 'c', recharge_key: 'k', amount: 1, currency: 'USD' };
    expect(await answered(send(`${url}/refunds`, { payload, key: 'x' }))).toMatchObject({ status: 400 });
  });

  it('can be pending, without a second one beside it, until it is settled', async () => {
    const payments = await paymentsWith();
    await charge(payments.url);
    payments.fault({ operation: 'refund', fault: 'pending' });
    for (const refund_id of ['refund-1', 'refund-1', 'refund-2']) {
      expect(await answered(refund(payments.url, { refund_id }))).toMatchObject({
        status: 202,
        json: { status: 'pending' },
      });
    }
    expect((await answered(lookup(payments.url))).json).toMatchObject({ status: 'paid' });
    const settled = await settle(payments.url, 'refunded');
    expect(settled).toMatchObject({ status: 200, json: { status: 'refunded' } });
    expect(await answered(refund(payments.url))).toMatchObject({
      status: 200,
      json: { status: 'refunded', refund_ref: settled.json.refund_ref },
    });
    expect(kinds(payments)).toEqual(['capture', 'refund_pending', 'refund']);
  });

  it('that was refused stays refused under its id', async () => {
    const payments = await paymentsWith();
    await charge(payments.url);
    payments.fault({ operation: 'refund', fault: 'refuse' });
    const refused = { status: 402, json: { status: 'refused', reason: 'refund_window_closed' } };
    expect(await answered(refund(payments.url))).toMatchObject(refused);
    expect(await answered(refund(payments.url))).toMatchObject(refused);
    expect(kinds(payments)).toEqual(['capture', 'refund_refused']);
  });

  it.each([
    ['error_before', { status: 500 }, ['capture']],
    ['bad_request', { status: 400 }, ['capture']],
    ['rate_limited', { status: 429, headers: { 'retry-after': '2' } }, ['capture']],
    ['error_after', { status: 500 }, ['capture', 'refund']],
    ['hang_after', { kind: 'no_answer' }, ['capture', 'refund']],
  ])('that meets %s leaves true books', async (fault, reply, books) => {
    const payments = await paymentsWith();
    await charge(payments.url);
    payments.fault({ operation: 'refund', fault });
    expect(await refund(payments.url, {}, 200)).toMatchObject(reply);
    expect(kinds(payments)).toEqual(books);
  });
});

describe('the books on disk', () => {
  const booksIn = () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    atTheEnd(() => rmSync(folder, { recursive: true }));
    return join(folder, 'books.jsonl');
  };

  async function start(booksFile: string): Promise<{ child: ChildProcess; url: string }> {
    const child = fork(join(import.meta.dirname, '../../../local/sandbox/payments-process.ts'), [
      JSON.stringify({ secret: SECRET, booksFile }),
    ]);
    atTheEnd(() => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return { child, url: `http://127.0.0.1:${port}` };
  }

  it('bring every answer back after a kill, and a torn last line does not count', async () => {
    const booksFile = booksIn();
    const first = await start(booksFile);
    const fault = (order: object) =>
      fetch(`${first.url}/sandbox/faults`, { method: 'POST', body: JSON.stringify(order) });
    const asked = [{ charge_id: 'paid' }, { charge_id: 'declined' }, { charge_id: 'pending' }];
    for (const name of ['slow', 'decline', 'pending_action']) {
      await fault({ operation: 'charge', fault: name, ms: 1 });
    }
    const before = [];
    for (const changes of asked) before.push((await answered(charge(first.url, changes))).json);
    await settle(first.url, 'paid', 'pending');
    const refunded = (await answered(refund(first.url, { charge_id: 'paid' }))).json;
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    appendFileSync(booksFile, '{"kind":"capture","charge_id":"torn"');

    const { url } = await start(booksFile);
    const after = [];
    for (const changes of asked) after.push((await answered(charge(url, changes))).json);
    expect(after).toEqual(before);
    expect((await answered(lookup(url, 'pending'))).json).toMatchObject({ status: 'paid' });
    expect((await answered(lookup(url, 'paid'))).json).toMatchObject(refunded);
    expect((await answered(refund(url, { charge_id: 'paid' }))).json).toEqual(refunded);
    const { events } = (await (await fetch(`${url}/sandbox/books`)).json()) as { events: { kind: string }[] };
    expect(events.map(({ kind }) => kind)).toEqual(['capture', 'decline', 'pending', 'capture', 'refund']);
    expect(await answered(charge(url))).toMatchObject({ status: 200 });
    expect(
      await createSandboxPayments({ secret: SECRET, booksFile }).then(({ close }) => close()),
    ).toBeUndefined();
  });

  it('are refused where a whole line is not one of theirs, or money was taken twice', async () => {
    const booksFile = booksIn();
    writeFileSync(booksFile, '{"kind":"capture"}\n');
    await expect(createSandboxPayments({ secret: SECRET, booksFile })).rejects.toThrow('line 1');
    const capture = JSON.stringify({
      kind: 'capture',
      at: '2026-01-01T00:00:00.000Z',
      charge_id: 'c',
      recharge_key: 'k',
      email: EMAIL,
      amount: 1,
      currency: 'USD',
      payment_ref: 'p',
    });
    writeFileSync(booksFile, `${capture}\n${capture}\n`);
    await expect(createSandboxPayments({ secret: SECRET, booksFile })).rejects.toThrow(
      'Bug! c captured while paid',
    );
  });

  it('go on settling what was pending', async () => {
    const booksFile = booksIn();
    const first = await createSandboxPayments({ secret: SECRET, booksFile });
    first.fault({ operation: 'charge', fault: 'pending' });
    await charge(first.url);
    await first.close();
    const second = await paymentsWith({ booksFile, pendingSettleMs: 20 });
    await vi.waitFor(() => expect(kinds(second)).toEqual(['pending', 'capture']));
  });

  it('process ends when its parent hangs up', async () => {
    const { child } = await start(booksIn());
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

it('a body over 64 KB is refused with 413', async () => {
  const { url } = await paymentsWith();
  const response = await fetch(`${url}/charges`, { method: 'POST', body: 'x'.repeat(64 * 1024 + 1) });
  expect(response.status).toBe(413);
});
