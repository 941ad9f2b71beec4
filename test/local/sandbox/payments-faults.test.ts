import { connect } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import {
  answered,
  charge,
  chargeBody,
  kinds,
  lookup,
  signedHeaders,
  usePayments,
} from './asking-payments.ts';

const { paymentsWith } = usePayments();

describe('a fault of a charge', () => {
  it.each([
    ['error_before', { status: 500 }],
    ['hang_before', { kind: 'no_answer' }],
    ['reset_before', { kind: 'no_answer' }],
    ['in_progress', { status: 409 }],
    ['rate_limited', { status: 429, headers: { 'retry-after': '2' } }],
    ['unauthorized', { status: 401 }],
    ['forbidden', { status: 403 }],
    ['bad_request', { status: 400 }],
    ['not_found', { status: 404 }],
    ['invalid', { status: 422 }],
  ])('%s captures nothing, and the charge can be made afterwards', async (fault, reply) => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault });
    expect(await charge(payments.url, {}, 200)).toMatchObject(reply);
    expect(payments.books).toEqual([]);
    expect(await answered(lookup(payments.url))).toMatchObject({ status: 404 });
    expect(await answered(charge(payments.url))).toMatchObject({ status: 200, json: { status: 'paid' } });
  });

  it.each([
    ['error_after', { status: 500 }],
    ['hang_after', { kind: 'no_answer' }],
    ['reset_after', { kind: 'no_answer' }],
    ['garbage', { status: 200, body: '<html>OK</html>' }],
  ])('%s captures all the same, and the repetition tells', async (fault, reply) => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault });
    expect(await charge(payments.url, {}, 200)).toMatchObject(reply);
    expect(kinds(payments)).toEqual(['capture']);
    expect((await answered(lookup(payments.url))).json).toMatchObject({ status: 'paid' });
    expect((await answered(charge(payments.url))).json).toMatchObject({ status: 'paid' });
    expect(kinds(payments)).toEqual(['capture']);
  });

  it.each([
    ['other_charge', { charge_id: 'charge-of-somebody-else' }],
    ['respelled', { amount: '5000', currency: 'usd' }],
  ])('%s reports a capture in other words', async (fault, said) => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault });
    expect((await answered(charge(payments.url))).json).toMatchObject({ status: 'paid', ...said });
    expect(payments.books).toMatchObject([{ charge_id: 'charge-1', amount: 5_000, currency: 'USD' }]);
  });

  it('no_payment_ref and other_amount misreport a capture that is right', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'no_payment_ref' });
    payments.fault({ operation: 'charge', fault: 'other_amount' });
    const bare = await answered(charge(payments.url));
    expect([bare.status, bare.json]).toEqual([
      200,
      { status: 'paid', charge_id: 'charge-1', amount: 5_000, currency: 'USD' },
    ]);
    const other = await answered(charge(payments.url, { charge_id: 'charge-2' }));
    expect(other.json).toMatchObject({ status: 'paid', amount: 5_001 });
    expect(payments.books).toMatchObject([
      { charge_id: 'charge-1', amount: 5_000 },
      { charge_id: 'charge-2', amount: 5_000 },
    ]);
    expect((await answered(charge(payments.url))).json).toHaveProperty('payment_ref');
  });

  it('late is in progress for repetitions and not found by lookups, then captured once', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'late', ms: 200 });
    expect(await charge(payments.url, {}, 50)).toMatchObject({ kind: 'no_answer' });
    expect(await answered(charge(payments.url))).toMatchObject({
      status: 409,
      json: { error: expect.any(String) },
    });
    expect(await answered(lookup(payments.url))).toMatchObject({ status: 404 });
    expect(payments.books).toEqual([]);
    await vi.waitFor(() => expect(kinds(payments)).toEqual(['capture']));
    expect(await answered(charge(payments.url))).toMatchObject({ status: 200 });
    expect(kinds(payments)).toEqual(['capture']);
  });

  it('slow answers the truth after its ms, and is in progress until then', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'slow', ms: 150 });
    const answers = await Promise.all(Array.from({ length: 10 }, () => answered(charge(payments.url))));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(409)]);
    expect(kinds(payments)).toEqual(['capture']);
  });

  it('answer_twice writes a paid and a declined answer on one socket', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'answer_twice' });
    const body = JSON.stringify(chargeBody());
    const headers = { ...signedHeaders(body), 'idempotency-key': 'charge-1', 'content-length': body.length };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    const socket = connect(payments.port, '127.0.0.1');
    socket.write(`POST /charges HTTP/1.1\r\nhost: localhost\r\n${lines.join('')}\r\n${body}`);
    let received = '';
    for await (const chunk of socket) received += chunk;
    const [, first, second, ...rest] = received.split('HTTP/1.1 ');
    expect(first).toMatch(/^200 OK\r\n[\s\S]*\r\n\r\n\{"status":"paid"/);
    expect(second).toMatch(/^402 Payment Required\r\n[\s\S]*\r\n\r\n\{"status":"declined"/);
    expect(rest).toEqual([]);
    expect(kinds(payments)).toEqual(['capture']);
  });

  it('refuse_connections begins at once and ends on the same port', async () => {
    const payments = await paymentsWith();
    payments.fault({ operation: 'charge', fault: 'refuse_connections', ms: 150 });
    expect(await charge(payments.url)).toMatchObject({ kind: 'not_sent' });
    await vi.waitFor(async () => expect(await charge(payments.url)).toMatchObject({ status: 200 }), 2_000);
  });

  it('can be meant for one client, also on the lookup of a charge that never arrived', async () => {
    const { url, ...payments } = await paymentsWith();
    const other = { charge_id: 'charge-2', account: { email: 'client-001@example.com' } };
    for (const operation of ['charge', 'lookup']) {
      const fault = operation === 'charge' ? 'error_before' : 'unauthorized';
      payments.fault({ operation, fault, times: 'always', email: 'client-001@example.com' });
    }
    expect(await answered(charge(url))).toMatchObject({ status: 200 });
    expect(await answered(charge(url, other))).toMatchObject({ status: 500 });
    expect(await answered(lookup(url))).toMatchObject({ status: 200 });
    expect(await answered(lookup(url, 'charge-2'))).toMatchObject({ status: 401 });
  });
});
