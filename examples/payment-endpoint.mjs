// A payment endpoint for Recharge Relay that needs nothing but Node. Your database and your provider come into the
// places of `charges`, `refunds` and `provider`. Run it: PAYMENT_HOOK_SECRET=whsec_… PORT=4000 node payment-endpoint.mjs
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const key = Buffer.from((process.env.PAYMENT_HOOK_SECRET ?? '').replace(/^whsec_/, ''), 'base64');
if (key.length === 0) throw new Error('Set PAYMENT_HOOK_SECRET: whsec_ and base64, as the relay has it.');

// Both by charge_id. In a database: its primary key, so that of two requests at one moment one gets the row.
const charges = new Map();
const refunds = new Map();
// It takes our id as its idempotency key: what failed half-way may be asked of it again.
const provider = {
  charge: (_charge, _idempotencyKey) => sleep(50, `pay_${randomUUID()}`),
  refund: (_paymentRef, _idempotencyKey) => sleep(50, `re_${randomUUID()}`),
};
const busy = { status: 409, body: { error: 'in progress' } };

/** Reserves the row first, then does the work. Whoever comes meanwhile hears 409, whoever comes later the same answer. */
async function once(rows, id, body, work) {
  const row = rows.get(id) ?? { body };
  if (JSON.stringify(row.body) !== JSON.stringify(body))
    return { status: 422, body: { error: 'other content' } };
  if (row.answer) return row.answer;
  if (row.working) return busy;
  rows.set(id, Object.assign(row, { working: true })); // No `await` stands before this line.
  try {
    row.answer = { status: 200, body: await work() };
    return row.answer;
  } finally {
    row.working = false; // After a failure the next request takes over, under the provider's idempotency key.
  }
}

async function charge({ charge_id, amount, currency }) {
  const payment_ref = await provider.charge({ amount, currency }, charge_id);
  return { status: 'paid', payment_ref, charge_id, amount, currency };
}

async function refund({ refund_id, charge_id, payment_ref }) {
  const refund_ref = await provider.refund(payment_ref, refund_id);
  return { status: 'refunded', refund_ref, refund_id, charge_id };
}

/** What a charge is now. A cancellation is answered likewise: nothing is pending here that it could withdraw. */
function lookup(charge_id) {
  const row = charges.get(charge_id);
  if (!row) return { status: 404, body: { status: 'not_found', charge_id } };
  return refunds.get(charge_id)?.answer ?? row.answer ?? busy;
}

function answerTo(method, path, body) {
  const [, charge_id] = /^\/charges\/([^/]+)(\/cancel)?$/.exec(path) ?? [];
  if (charge_id) return lookup(decodeURIComponent(charge_id));
  if (method === 'POST' && path === '/charges')
    return once(charges, body.charge_id, body, () => charge(body));
  if (method !== 'POST' || path !== '/refunds') return { status: 404, body: { error: 'no such address' } };
  if (charges.get(body.charge_id)?.answer) return once(refunds, body.charge_id, body, () => refund(body));
  return { status: 402, body: { status: 'refused', reason: 'no such charge', charge_id: body.charge_id } };
}

/** Standard Webhooks: the raw body, an id and a time that is at most five minutes away. */
function isSigned(headers, raw) {
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(time)) <= 300)) return false;
  const ours = Buffer.from(createHmac('sha256', key).update(`${id}.${time}.${raw}`).digest('base64'));
  const theirs = signatures.split(' ').map((signature) => Buffer.from(signature.replace(/^v1,/, '')));
  return theirs.some((signature) => signature.length === ours.length && timingSafeEqual(signature, ours));
}

const server = createServer(async (request, response) => {
  const send = ({ status, body }) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  try {
    let raw = '';
    for await (const chunk of request.setEncoding('utf8')) raw += chunk;
    if (!isSigned(request.headers, raw)) return send({ status: 401, body: { error: 'not signed' } });
    send(await answerTo(request.method, request.url, raw && JSON.parse(raw)));
  } catch {
    send({ status: 500, body: { error: 'failed' } });
  }
});
server.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
