// A payment endpoint for Recharge Relay that needs nothing but Node. Your database and your provider come into the
// places of `charges`, `refunds` and `provider`. Run it: PAYMENT_HOOK_SECRET=whsec_… PORT=4000 node payment-endpoint.mjs
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const key = Buffer.from((process.env.PAYMENT_HOOK_SECRET ?? '').replace(/^whsec_/, ''), 'base64');
if (key.length === 0) throw new Error('Set PAYMENT_HOOK_SECRET: whsec_ and base64, as the relay has it.');
const [charges, refunds] = [new Map(), new Map()]; // By charge_id: in a database, its primary key.
/** It takes our id as its idempotency key: what failed half-way may be asked of it again. */
const provider = (what, _idempotencyKey) => sleep(50, `${what}_${randomUUID()}`);
const charge = async ({ charge_id }) => ({ status: 'paid', payment_ref: await provider('pay', charge_id) });
const refund = async ({ refund_id }) => ({ status: 'refunded', refund_ref: await provider('re', refund_id) });
const busy = [409, { error: 'in progress' }];

/** Reserves the row first, then does the work. Whoever comes meanwhile hears 409, whoever comes later the same answer. */
async function once(rows, body, work) {
  const row = rows.get(body.charge_id) ?? { body };
  if (JSON.stringify(row.body) !== JSON.stringify(body)) return [422, { error: 'another charge' }];
  if (row.answer || row.working) return row.answer ?? busy;
  rows.set(body.charge_id, Object.assign(row, { working: true })); // No `await` stands before this line.
  await work(body)
    .then((done) => Object.assign(row, { answer: [200, { ...done, charge_id: body.charge_id }] }))
    .finally(() => Object.assign(row, { working: false })); // Where it failed, the next request takes over.
  return row.answer;
}
/** What a charge is now. A cancellation is answered likewise: nothing is pending here that it could withdraw. */
const lookup = (charge_id) =>
  charges.has(charge_id)
    ? (refunds.get(charge_id)?.answer ?? charges.get(charge_id).answer ?? busy)
    : [404, { status: 'not_found', charge_id }];

async function answerTo(request) {
  const raw = (await request.setEncoding('utf8').toArray()).join('');
  if (!isSigned(request.headers, raw)) return [401, { error: 'not signed' }];
  const [, charge_id] = /^\/charges\/([^/]+)(\/cancel)?$/.exec(request.url) ?? [];
  if (charge_id) return lookup(decodeURIComponent(charge_id));
  const body = JSON.parse(raw || '{}');
  if (`${request.method} ${request.url}` === 'POST /charges') return once(charges, body, charge);
  if (`${request.method} ${request.url}` !== 'POST /refunds') return [404, { error: 'no such address' }];
  if (charges.get(body.charge_id)?.answer) return once(refunds, body, refund);
  return [402, { status: 'refused', reason: 'no such charge', charge_id: body.charge_id }];
}

/** Standard Webhooks: the raw body, an id and a time that is at most five minutes away. */
function isSigned(headers, raw) {
  const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(time)) <= 300)) return false;
  const ours = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${time}.${raw}`).digest('base64')}`);
  const theirs = signatures.split(' ').map((signature) => Buffer.from(signature));
  return theirs.some((one) => one.length === ours.length && timingSafeEqual(one, ours));
}

const server = createServer(async (request, response) => {
  const [status, body] = await answerTo(request).catch(() => [500, { error: 'failed' }]);
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
});
server.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () => {
  process.stdout.write(`listening on http://127.0.0.1:${server.address().port}\n`);
});
