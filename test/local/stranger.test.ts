import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type RunningRelay, useRelays } from '../support/relay-process.ts';

// Written by someone who knows the public contracts alone, and shares no code with the relay.

const { newFolder, start } = useRelays();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = 'a secret of the agency';
const API_KEY = 'key-of-the-agency';
const PAYMENT_SECRET = `whsec_${Buffer.from('between relay and payments').toString('base64')}`;

interface Heard {
  method: string | undefined;
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
  body: any;
}

const servers: { close(): void }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** Answers every request with status and JSON, and remembers what it heard. */
async function listening(answer: (heard: Heard) => [number, unknown]) {
  const heard: Heard[] = [];
  const server = createServer(async (incoming, outgoing) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const { method, url: path = '', headers } = incoming;
    const one = { method, path, headers, text, body: text === '' ? undefined : JSON.parse(text) };
    heard.push(one);
    const [status, body] = answer(one);
    outgoing.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  const address = server.address();
  return { heard, url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}` };
}

const newPlatform = () => {
  const balances = new Map<string, number>();
  return listening(({ method, path, headers, body }) => {
    if (headers['x-api-key'] !== API_KEY) return [401, { error: { code: 'UNAUTHORIZED', message: 'no' } }];
    if (method !== 'POST' || path !== '/v1/subaccounts/credits') return [404, 'nothing here'];
    const balance = (balances.get(body.email) ?? 40) + body.amount;
    balances.set(body.email, balance);
    const sub_account_id = body.email === 'dan@example.com' ? 'sub_77' : 'sub_1';
    return [200, { success: true, sub_account_id, credits_added: body.amount, new_balance: balance }];
  });
};

const newPayments = () => {
  const paid = new Map<string, unknown>();
  return listening(({ method, path, headers, text, body }) => {
    try {
      new Webhook(PAYMENT_SECRET).verify(text, headers as Record<string, string>, { jsonParse: false });
    } catch {
      return [401, { error: 'the signature is wrong' }];
    }
    const known = paid.get(path.replace('/charges/', ''));
    if (method === 'GET') return known ? [200, known] : [404, { status: 'not_found' }];
    const charge = { status: 'paid', payment_ref: `their-payment-${paid.size + 1}` };
    paid.set(body.charge_id, charge);
    return [200, charge];
  });
};

interface Stranger {
  relay: RunningRelay;
  platform: Awaited<ReturnType<typeof newPlatform>>;
  payments: Awaited<ReturnType<typeof newPayments>>;
}

async function stranger(
  config?: unknown,
  { folder = newFolder(), ownEngines = false } = {},
): Promise<Stranger> {
  const [platform, payments] = await Promise.all([newPlatform(), newPayments()]);
  const file = join(folder, 'mapping.json');
  if (config !== undefined) writeFileSync(file, JSON.stringify(config));
  const relay = await start({
    folder,
    ownEngines,
    env: {
      PLATFORM_BASE_URL: `${platform.url}/v1`,
      PLATFORM_API_KEY: API_KEY,
      PAYMENT_HOOK_URL: payments.url,
      PAYMENT_HOOK_SECRET: PAYMENT_SECRET,
      WEBHOOK_SECRET: SECRET,
      ...(config === undefined ? {} : { RELAY_CONFIG: file }),
    },
  });
  return { relay, platform, payments };
}

async function post(url: string, body: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body, headers });
  return { status: response.status, body: await response.json() };
}
const token = { 'x-webhook-token': SECRET };

describe('a stranger’s platform and payment endpoint', () => {
  let world: Stranger;
  let hook: string;
  beforeAll(async () => {
    world = await stranger();
    hook = `${world.relay.url}/webhooks/auto-recharge`;
  });

  it('are asked for one charge and one grant, signed and authorised, for a flat payload', async () => {
    const { relay, platform, payments } = world;
    const payload = JSON.stringify({ idempotency_key: 'flat-1', email: ' Ann@Example.com', credits: 120 });
    expect(await post(hook, payload, token)).toEqual({
      status: 202,
      body: { status: 'received', idempotency_key: 'flat-1' },
    });
    expect(await relay.reaches('flat-1', 'completed')).toMatchObject({
      key: 'flat-1',
      email: 'ann@example.com',
      credits: 120,
      amount: 1_200,
      currency: 'USD',
      payment_ref: 'their-payment-1',
      new_balance: 160,
    });
    expect(await post(hook, payload, token)).toEqual({
      status: 200,
      body: { status: 'completed', idempotency_key: 'flat-1' },
    });

    const [charge, ...moreCharges] = payments.heard;
    expect(moreCharges).toEqual([]);
    const chargeId = charge?.body.charge_id;
    expect(chargeId).toMatch(/^\S{8,255}$/);
    expect(charge).toMatchObject({
      method: 'POST',
      path: '/charges',
      headers: { 'content-type': 'application/json', 'idempotency-key': chargeId, 'webhook-id': chargeId },
    });
    expect(charge?.body).toEqual({
      charge_id: chargeId,
      recharge_key: 'flat-1',
      account: { email: 'ann@example.com' },
      credits: 120,
      amount: 1_200,
      currency: 'USD',
      description: expect.stringContaining('120 credits'),
    });

    const [grant, ...moreGrants] = platform.heard;
    expect(moreGrants).toEqual([]);
    expect(grant).toMatchObject({
      method: 'POST',
      path: '/v1/subaccounts/credits',
      headers: { 'x-api-key': API_KEY, 'content-type': 'application/json' },
      body: { email: 'Ann@Example.com', amount: 120 },
    });
    expect(JSON.stringify(platform.heard.map(({ path, text }) => path + text))).not.toContain(API_KEY);
  });

  it('let a webhook in by the token in the URL, or by a signature over its bytes, and by nothing else', async () => {
    const body = (key: string) =>
      JSON.stringify({ idempotency_key: key, email: 'bea@example.com', credits: 10 });
    const signed = (text: string, secret = SECRET) => ({
      'x-webhook-signature': `sha256=${createHmac('sha256', secret).update(text).digest('hex')}`,
    });
    const inUrl = `${hook}?token=${encodeURIComponent(SECRET)}`;
    expect((await post(inUrl, body('in-url'))).status).toBe(202);
    await world.relay.reaches('in-url', 'completed');
    expect((await post(hook, body('signed'), signed(body('signed')))).status).toBe(202);
    expect(await world.relay.reaches('signed', 'completed')).toMatchObject({ new_balance: 60 });

    const refused = await Promise.all([
      post(hook, body('forged')),
      post(hook, body('forged'), { 'x-webhook-token': 'a guess' }),
      post(`${hook}?token=`, body('forged')),
      post(hook, body('forged'), signed(body('forged'), 'a guess')),
      post(hook, `${body('forged')} `, signed(body('forged'))),
    ]);
    for (const answer of refused) {
      expect(answer).toEqual({
        status: 401,
        body: { error: { code: 'UNAUTHORIZED', message: expect.any(String) } },
      });
    }
    expect((await world.relay.cli('recharges', 'show', 'forged')).code).toBe(3);
  });
});

describe.concurrent('a stranger’s mapping', () => {
  it('reads a nested payload, signed in base64 with its time, and takes the configured price', async () => {
    const { relay, platform, payments } = await stranger({
      recharge: {
        keyFields: ['data.event.id'],
        emailFields: ['data.customer.mail'],
        creditsField: 'data.quantity',
        verifiers: [
          {
            type: 'hmac',
            header: 'X-Brand-Signature',
            encoding: 'base64',
            signs: '{timestamp}.{body}',
            timestampHeader: 'X-Brand-Time',
          },
        ],
      },
      pricing: { currency: 'EUR', perCredit: '0.15' },
    });
    const body = JSON.stringify({
      type: 'recharge',
      amount: 9_999,
      data: { event: { id: 'nested/1' }, customer: { mail: 'cem@example.com' }, quantity: 250, amount: 1 },
    });
    const time = String(Math.floor(Date.now() / 1_000));
    const headers = {
      'x-brand-time': time,
      'x-brand-signature': createHmac('sha256', SECRET).update(`${time}.${body}`).digest('base64'),
    };
    const hook = `${relay.url}/webhooks/auto-recharge`;
    // The mapping names its own proof: the ones of the default no longer count.
    expect((await post(hook, body, token)).status).toBe(401);
    expect((await post(hook, body, headers)).status).toBe(202);
    expect(await relay.reaches('nested/1', 'completed')).toMatchObject({
      email: 'cem@example.com',
      credits: 250,
      amount: 3_750,
      currency: 'EUR',
      new_balance: 290,
    });
    expect(payments.heard.map(({ body: { amount, currency } }) => [amount, currency])).toEqual([
      [3_750, 'EUR'],
    ]);
    expect(platform.heard.map((grant) => grant.body.amount)).toEqual([250]);
  });

  it('finds the client by the platform’s id, once it is linked, and charges fixed credits', async () => {
    const { relay, platform, payments } = await stranger({
      recharge: { platformIdFields: ['account'], credits: 300 },
      pricing: { currency: 'JPY', perCredit: '12' },
      guard: { unknownAccounts: 'refuse' },
    });
    const hook = `${relay.url}/webhooks/auto-recharge`;
    const body = JSON.stringify({ idempotency_key: 'by-id-1', account: 'sub_77' });
    expect(await post(hook, body, token)).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('kept for 30 days') } },
    });
    expect(
      await relay.json(
        'accounts',
        'add',
        'dan@example.com',
        '--platform-id',
        'sub_77',
        '--customer',
        'cus_5',
      ),
    ).toMatchObject({ email: 'dan@example.com', known: true, platform_id: 'sub_77' });

    expect((await post(hook, body, token)).status).toBe(202);
    expect(await relay.reaches('by-id-1', 'completed')).toMatchObject({
      email: 'dan@example.com',
      credits: 300,
      amount: 3_600,
      currency: 'JPY',
    });
    expect(payments.heard[0]?.body.account).toEqual({
      email: 'dan@example.com',
      platform_id: 'sub_77',
      customer: 'cus_5',
    });
    expect(platform.heard.map(({ body: { email, amount } }) => [email, amount])).toEqual([
      ['dan@example.com', 300],
    ]);
    const [account] = await relay.json<unknown[]>('accounts', 'list');
    expect(account).toMatchObject({
      last: { key: 'by-id-1' },
      reservations: [{ state: 'reserved', amount: 3_600, currency: 'JPY' }],
    });
  });
});

it('has a table of its own: what the sandbox paid for in the same folder is granted on no real platform', async () => {
  const folder = newFolder();
  // On engines that others share, each table has a name of its own anyhow.
  const own = { folder, ownEngines: true };
  const sandbox = await start({ ...own, env: { WEBHOOK_SECRET: SECRET } });
  const [key, email] = ['paid-in-the-sandbox', 'client-001@example.com'];
  const fault = { operation: 'grant', fault: 'rate_limited', times: 'always', email };
  expect((await post(`${sandbox.url}/sandbox/platform/faults`, JSON.stringify(fault))).status).toBe(200);
  const order = JSON.stringify({ idempotency_key: key, email, credits: 5 });
  expect((await post(`${sandbox.url}/webhooks/auto-recharge`, order, token)).status).toBe(202);
  await sandbox.reaches(key, 'charged');
  await sandbox.end();

  const { relay, platform } = await stranger(undefined, own);
  const { code, stderr } = await relay.cli('recharges', 'show', key);
  expect([code, stderr]).toEqual([3, expect.stringContaining('No recharge has the key paid-in-the-sandbox')]);
  expect(platform.heard).toEqual([]);
});
