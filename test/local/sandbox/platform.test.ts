import { type ChildProcess, fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createSandboxPlatform,
  type SandboxPlatform,
  type SandboxPlatformOptions,
} from '../../../local/sandbox/platform.ts';
import { type Reply, sendOnce } from '../../../shared/http.ts';

const KEY = 'platform-key';
const SECRET = 'webhook-secret';
const EMAIL = 'demo@example.com';

const atTheEnd: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of atTheEnd.splice(0).reverse()) await end();
});

async function platformWith(options: Partial<SandboxPlatformOptions> = {}): Promise<SandboxPlatform> {
  const platform = await createSandboxPlatform({ apiKey: KEY, webhookSecret: SECRET, ...options });
  atTheEnd.push(platform.close);
  return platform;
}

/** Notes what it is sent, and answers with the given statuses in turn, then 200. */
async function webhookReceiver(...statuses: number[]) {
  const received: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(statuses.shift() ?? 200).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  atTheEnd.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

function send(url: string, method: 'GET' | 'POST', payload?: unknown, timeoutMs = 2_000): Promise<Reply> {
  const headers = { 'content-type': 'application/json', 'x-api-key': KEY };
  const body = payload === undefined ? {} : { body: JSON.stringify(payload) };
  return sendOnce({ method, url, headers, timeoutMs, ...body });
}

async function answered(reply: Promise<Reply>) {
  const answer = await reply;
  if (answer.kind !== 'response') throw new Error(`${answer.kind}: ${answer.detail}`);
  return { ...answer, json: JSON.parse(answer.body) };
}

const grant = (url: string, amount = 100, email = EMAIL, timeoutMs?: number) =>
  send(`${url}/v1/subaccounts/credits`, 'POST', { email, amount, description: 'Auto-recharge' }, timeoutMs);

const kinds = (platform: SandboxPlatform, kind: string) =>
  platform.books.filter((event) => event.kind === kind);

describe('granting credits', () => {
  it('answers as the API page says, and the books keep what was granted', async () => {
    const platform = await platformWith({
      clients: [{ email: EMAIL, subAccountId: 'abc123xyz', balance: 42 }],
    });
    const { status, json } = await answered(grant(platform.url, 500));
    expect(status).toBe(200);
    expect(json).toEqual({
      success: true,
      sub_account_id: 'abc123xyz',
      credits_added: 500,
      new_balance: 542,
    });
    expect(platform.balance(EMAIL)).toBe(542);
    expect(platform.books).toEqual([
      {
        kind: 'grant',
        at: expect.any(String),
        email: EMAIL,
        amount: 500,
        description: 'Auto-recharge',
        newBalance: 542,
      },
    ]);
  });

  it('does not accept the key as a query parameter', async () => {
    const platform = await platformWith();
    const response = await fetch(`${platform.url}/v1/subaccounts/credits?apiKey=${KEY}`, {
      method: 'POST',
      body: JSON.stringify({ email: EMAIL, amount: 1 }),
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({
      error: { code: 'INVALID_API_KEY', message: expect.any(String) },
    });
    expect(platform.books).toEqual([]);
  });

  it.each([
    ['text that is not JSON', 'not json'],
    ['an amount of nothing', '{"email":"demo@example.com","amount":0}'],
    ['an amount in text', '{"email":"demo@example.com","amount":"5"}'],
    ['no email', '{"amount":5}'],
  ])('refuses %s with 400 in the envelope', async (_, body) => {
    const platform = await platformWith();
    const response = await fetch(`${platform.url}/v1/subaccounts/credits`, {
      method: 'POST',
      headers: { 'x-api-key': KEY },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'INVALID_REQUEST' } });
  });

  it('answers an unknown client in the envelope and an unknown path without it', async () => {
    const { url } = await platformWith();
    const unknownClient = await answered(grant(url, 1, 'nobody@example.com'));
    expect(unknownClient.status).toBe(404);
    expect(unknownClient.json).toMatchObject({ error: { code: 'SUBACCOUNT_NOT_FOUND' } });
    expect(await send(`${url}/v2/subaccounts/credits`, 'POST', {})).toMatchObject({
      status: 404,
      headers: { 'content-type': 'text/plain' },
    });
  });

  it('tells on every answer how many requests are left, and refuses those over the limit', async () => {
    const { url, books } = await platformWith({ ratePerMinute: 2 });
    const lookup = await answered(send(`${url}/v1/subaccounts?email=${EMAIL}`, 'GET'));
    expect(lookup.headers).toMatchObject({ 'x-ratelimit-limit': '2', 'x-ratelimit-remaining': '1' });
    expect((await answered(grant(url))).headers).toMatchObject({ 'x-ratelimit-remaining': '0' });
    const refused = await answered(grant(url));
    expect(refused.status).toBe(429);
    expect(refused.json).toMatchObject({ error: { code: 'RATE_LIMITED' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
    expect(Number(refused.headers['x-ratelimit-reset'])).toBeLessThanOrEqual(60);
    expect(books).toHaveLength(1);
  });
});

describe('looking a client up', () => {
  it('takes the key from the header or the query and tells the balance', async () => {
    const { url } = await platformWith({ clients: [{ email: EMAIL, subAccountId: 'abc', balance: 12.5 }] });
    const byHeader = await answered(send(`${url}/v1/subaccounts?email=${EMAIL}`, 'GET'));
    expect(byHeader.json).toMatchObject({
      success: true,
      data: {
        uid: 'abc',
        email: EMAIL,
        role: 'Sub Account',
        is_agency_sub_account: true,
        usage_limits: { credits: 12.5 },
      },
    });
    const byQuery = await fetch(`${url}/v1/subaccounts?email=${EMAIL}&apiKey=${KEY}`);
    expect(await byQuery.json()).toEqual(byHeader.json);
    expect((await fetch(`${url}/v1/subaccounts?email=${EMAIL}&apiKey=wrong`)).status).toBe(401);
    expect((await send(`${url}/v1/subaccounts?email=no@example.com`, 'GET')).kind).toBe('response');
    expect((await answered(send(`${url}/v1/subaccounts?email=no@example.com`, 'GET'))).json).toMatchObject({
      error: { code: 'SUBACCOUNT_NOT_FOUND' },
    });
  });

  it.each([
    ['error', 500],
    ['not_found', 404],
    ['not_found_plain', 404],
    ['unauthorized', 401],
    ['rate_limited', 429],
  ])('answers the fault %s with %i, once', async (fault, status) => {
    const { url, ...platform } = await platformWith();
    platform.fault({ operation: 'lookup', fault });
    expect(await send(`${url}/v1/subaccounts?email=${EMAIL}`, 'GET')).toMatchObject({ status });
    expect(await send(`${url}/v1/subaccounts?email=${EMAIL}`, 'GET')).toMatchObject({ status: 200 });
  });
});

describe('the auto-recharge webhook', () => {
  it('is sent, signed, when a balance falls below its threshold, and once per recharge', async () => {
    const { url: webhookUrl, received } = await webhookReceiver();
    const platform = await platformWith({ webhookUrl });
    expect(platform.spend(EMAIL, 400)).toEqual({ email: EMAIL, balance: 100, webhook: null });
    const { webhook } = platform.spend(EMAIL, 0.5);
    expect(platform.spend(EMAIL, 1)).toEqual({ email: EMAIL, balance: 98.5, webhook: null });
    await vi.waitFor(() => expect(received).toHaveLength(1));

    const [{ headers, body }] = received as [(typeof received)[0]];
    expect(JSON.parse(body)).toEqual({
      idempotency_key: webhook?.idempotency_key,
      email: EMAIL,
      credits: 500,
    });
    expect(headers['content-type']).toBe('application/json');
    expect(headers['x-webhook-token']).toBe(SECRET);
    const signature = createHmac('sha256', 'webhook-secret').update(body).digest('hex');
    expect(headers['x-webhook-signature']).toBe(`sha256=${signature}`);
  });

  it('is sent anew, under another key, only after a grant has lifted the balance', async () => {
    const { url: webhookUrl } = await webhookReceiver();
    const platform = await platformWith({ webhookUrl });
    const first = platform.spend(EMAIL, 450).webhook;
    await grant(platform.url, 10);
    expect(platform.spend(EMAIL, 1).webhook).toBeNull();
    await grant(platform.url, 500);
    const second = platform.spend(EMAIL, 500).webhook;
    expect(second?.idempotency_key).toEqual(expect.any(String));
    expect(second).not.toEqual(first);
  });

  it('is repeated with the same bytes until it is accepted', async () => {
    const { url: webhookUrl, received } = await webhookReceiver(500, 302);
    const platform = await platformWith({ webhookUrl, webhookRetryMs: [5, 5, 5] });
    platform.spend(EMAIL, 450);
    await vi.waitFor(() => expect(kinds(platform, 'delivery')).toHaveLength(3));
    expect(kinds(platform, 'delivery')).toMatchObject([
      { attempt: 1, status: 500 },
      { attempt: 2, status: 302 },
      { attempt: 3, status: 200 },
    ]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(received).toHaveLength(3);
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
    expect(new Set(received.map(({ headers }) => headers['x-webhook-signature'])).size).toBe(1);
  });

  it('is given up at the end of the schedule, after which spending starts a new one', async () => {
    const { url: webhookUrl } = await webhookReceiver(503, 503);
    const platform = await platformWith({ webhookUrl, webhookRetryMs: [5] });
    platform.spend(EMAIL, 450);
    await vi.waitFor(() => expect(kinds(platform, 'given_up')).toHaveLength(1));
    expect(kinds(platform, 'delivery')).toHaveLength(2);
    expect(platform.spend(EMAIL, 1).webhook).not.toBeNull();
  });

  it('waits for a relay that is not there yet, at the address it is given later', async () => {
    const platform = await platformWith({ webhookRetryMs: [20, 20, 20, 20, 20] });
    expect(platform.spend(EMAIL, 450).webhook).toBeNull();
    platform.setWebhook('http://127.0.0.1:1/');
    expect(platform.spend(EMAIL, 1).webhook).not.toBeNull();
    await vi.waitFor(() => expect(kinds(platform, 'delivery')[0]).toMatchObject({ status: 'no_answer' }));
    const { url, received } = await webhookReceiver();
    expect((await answered(send(`${platform.url}/sandbox/webhook`, 'POST', { url }))).json).toEqual({ url });
    await vi.waitFor(() => expect(received).toHaveLength(1));
  });

  it('can be delivered twice at once, or lost on its first try', async () => {
    const { url: webhookUrl, received } = await webhookReceiver();
    const platform = await platformWith({ webhookUrl, webhookRetryMs: [5] });
    platform.fault({ operation: 'webhook', fault: 'twice' });
    platform.spend('client-001@example.com', 450);
    await vi.waitFor(() => expect(kinds(platform, 'delivery')).toHaveLength(2));
    expect(received.map(({ body }) => body)).toEqual([received[0]?.body, received[0]?.body]);

    platform.fault({ operation: 'webhook', fault: 'lost' });
    platform.spend('client-002@example.com', 450);
    await vi.waitFor(() => expect(kinds(platform, 'delivery')).toHaveLength(4));
    expect(kinds(platform, 'delivery').slice(2)).toMatchObject([
      { attempt: 1, status: 'lost' },
      { attempt: 2, status: 200 },
    ]);
    expect(received).toHaveLength(3);
  });
});

describe('spending over HTTP', () => {
  it('tells the balance and the webhook it started, and refuses more than there is', async () => {
    const { url: webhookUrl } = await webhookReceiver();
    const { url, books } = await platformWith({ webhookUrl });
    const spend = (credits: unknown, email = EMAIL) =>
      answered(send(`${url}/sandbox/spend`, 'POST', { email, credits }));
    expect((await spend(450)).json).toEqual({
      email: EMAIL,
      balance: 50,
      webhook: { idempotency_key: expect.stringMatching(/^[0-9a-f-]{36}$/) },
    });
    expect(await spend(51)).toMatchObject({
      status: 409,
      json: { error: 'demo@example.com has 50 credits, so 51 cannot be spent.' },
    });
    expect((await spend(-1)).status).toBe(400);
    expect((await spend(1, 'nobody@example.com')).status).toBe(404);
    expect(books.filter(({ kind }) => kind === 'spend')).toHaveLength(1);
  });

  it('shows accounts, books and health without a key', async () => {
    const { url } = await platformWith();
    await grant(url, 100);
    const read = async (path: string) => (await fetch(url + path)).json();
    const account = {
      email: EMAIL,
      subAccountId: 'sub-demo-example-com',
      balance: 600,
      threshold: 100,
      grants: [{ at: expect.any(String), amount: 100, description: 'Auto-recharge', newBalance: 600 }],
    };
    expect(await read(`/sandbox/accounts/${EMAIL}`)).toEqual(account);
    const { accounts } = (await read('/sandbox/accounts')) as { accounts: unknown[] };
    expect(accounts).toHaveLength(101);
    expect(accounts[0]).toEqual(account);
    expect(await read('/sandbox/books')).toMatchObject({ events: [{ kind: 'grant', amount: 100 }] });
    expect(await read('/health')).toEqual({ status: 'ok' });
  });
});

describe('a fault of a grant', () => {
  it.each([
    ['unauthorized', 401, { error: { code: 'INVALID_API_KEY' } }],
    ['forbidden', 403, { error: { code: 'FORBIDDEN' } }],
    ['empty_pool', 400, { error: { message: 'Insufficient credits in agency account' } }],
    ['not_found', 404, { error: { code: 'SUBACCOUNT_NOT_FOUND' } }],
    ['invalid', 422, { error: { code: 'INVALID_REQUEST' } }],
    ['request_timeout', 408, { error: {} }],
    ['conflict', 409, { error: {} }],
    ['error_before', 500, { error: {} }],
    ['rate_limited', 429, { error: { code: 'RATE_LIMITED' } }],
    ['success_false', 200, { success: false }],
  ])('%s answers %i and grants nothing', async (fault, status, payload) => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault });
    const answer = await answered(grant(platform.url));
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject(payload);
    expect(platform.books).toEqual([]);
    expect(platform.balance(EMAIL)).toBe(500);
  });

  it('may lack the envelope, or point elsewhere', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'not_found_plain' });
    platform.fault({ operation: 'grant', fault: 'redirect' });
    expect(await answered(grant(platform.url))).toMatchObject({ status: 404, json: { error: 'Not Found' } });
    expect(await grant(platform.url)).toMatchObject({ status: 302, headers: { location: '/v1/moved' } });
    expect(platform.books).toEqual([]);
  });

  it.each([
    [undefined, '2'],
    [1, '1'],
    [2_001, '3'],
  ])('rate_limited with %s ms asks to wait %s s', async (ms, seconds) => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'rate_limited', ms });
    expect((await answered(grant(platform.url))).headers['retry-after']).toBe(seconds);
  });

  it.each([
    ['error_after', { kind: 'response', status: 500 }],
    ['garbage', { kind: 'response', status: 200, body: '<html>OK</html>' }],
    ['see_other', { kind: 'response', status: 303 }],
    [
      'other_client',
      { kind: 'response', status: 200, body: expect.stringContaining('"sub-of-somebody-else"') },
    ],
    ['reset_after', { kind: 'no_answer' }],
    ['hang_after', { kind: 'no_answer' }],
    ['huge', { kind: 'no_answer', detail: 'the answer is longer than 262144 bytes' }],
  ])('%s grants all the same, so the caller cannot know', async (fault, reply) => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault });
    expect(await grant(platform.url, 100, EMAIL, 300)).toMatchObject(reply);
    expect(platform.books).toMatchObject([{ kind: 'grant', amount: 100, newBalance: 600 }]);
  });

  it.each(['reset_before', 'hang_before'])(
    '%s leaves the caller without an answer and grants nothing',
    async (fault) => {
      const platform = await platformWith();
      platform.fault({ operation: 'grant', fault });
      expect(await grant(platform.url, 100, EMAIL, 200)).toMatchObject({ kind: 'no_answer' });
      expect(platform.books).toEqual([]);
    },
  );

  it('hang closes the socket after its ms', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'hang_before', ms: 30 });
    const reply = await grant(platform.url);
    expect(reply).toMatchObject({ kind: 'no_answer', detail: expect.not.stringContaining('in time') });
  });

  it('fewer grants half and says so', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'fewer' });
    expect((await answered(grant(platform.url, 100))).json).toMatchObject({
      success: true,
      credits_added: 50,
      new_balance: 550,
    });
    expect(platform.balance(EMAIL)).toBe(550);
  });

  it('late grants after the caller has gone', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'late', ms: 150 });
    expect(await grant(platform.url, 100, EMAIL, 50)).toMatchObject({ kind: 'no_answer' });
    expect(platform.books).toEqual([]);
    await vi.waitFor(() => expect(platform.balance(EMAIL)).toBe(600));
  });

  it('slow answers the truth after its ms', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'slow', ms: 100 });
    const before = performance.now();
    expect((await answered(grant(platform.url))).json).toMatchObject({ new_balance: 600 });
    expect(performance.now() - before).toBeGreaterThan(95);
  });

  it('refuse_connections begins at once, destroys open connections, and ends on the same port', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'hang_before' });
    const open = grant(platform.url);
    await vi.waitFor(async () =>
      expect(await (await fetch(`${platform.url}/sandbox/faults`)).json()).toEqual({ faults: [] }),
    );
    const order = { operation: 'grant', fault: 'refuse_connections', ms: 200 };
    expect((await answered(send(`${platform.url}/sandbox/faults`, 'POST', order))).status).toBe(200);
    expect(await open).toMatchObject({ kind: 'no_answer' });
    expect(await grant(platform.url)).toMatchObject({ kind: 'not_sent' });
    await vi.waitFor(async () => expect(await grant(platform.url)).toMatchObject({ status: 200 }), 2_000);
  });
});

describe('the fault switch', () => {
  it('hits the requests in turn, as often as it is told, and only the client it names', async () => {
    const { url } = await platformWith();
    const set = (order: unknown) => answered(send(`${url}/sandbox/faults`, 'POST', order));
    await set({ operation: 'grant', fault: 'conflict', times: 2 });
    await set({ operation: 'grant', fault: 'forbidden', times: 'always', email: 'client-001@example.com' });
    const statuses = [];
    for (const email of [EMAIL, 'client-001@example.com', EMAIL, 'client-001@example.com']) {
      statuses.push((await answered(grant(url, 1, email))).status);
    }
    expect(statuses).toEqual([409, 409, 200, 403]);
    const listed = await fetch(`${url}/sandbox/faults`);
    expect(await listed.json()).toEqual({
      faults: [{ operation: 'grant', fault: 'forbidden', times: 'always', email: 'client-001@example.com' }],
    });
    await fetch(`${url}/sandbox/faults`, { method: 'DELETE' });
    expect((await answered(grant(url, 1, 'client-001@example.com'))).status).toBe(200);
  });

  it('is not used up by a request that is refused for its own sake', async () => {
    const platform = await platformWith();
    platform.fault({ operation: 'grant', fault: 'conflict' });
    expect((await answered(grant(platform.url, -1))).status).toBe(400);
    expect((await answered(grant(platform.url, 1))).status).toBe(409);
  });

  it('refuses a fault it does not know, with the valid names', async () => {
    const platform = await platformWith();
    const { status, json } = await answered(
      send(`${platform.url}/sandbox/faults`, 'POST', { operation: 'lookup', fault: 'late' }),
    );
    expect(status).toBe(400);
    expect(json.error).toContain(
      'lookup: error, hang, not_found, not_found_plain, unauthorized, rate_limited',
    );
    expect(() => platform.fault({ operation: 'grnt', fault: 'late' })).toThrow('Valid names are grant: ');
  });
});

describe('the sandbox platform as a process', () => {
  async function start(options: object): Promise<{ child: ChildProcess; url: string }> {
    const child = fork(join(import.meta.dirname, '../../../local/sandbox/platform-process.ts'), [
      JSON.stringify({ apiKey: KEY, webhookSecret: SECRET, ...options }),
    ]);
    atTheEnd.push(() => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return { child, url: `http://127.0.0.1:${port}` };
  }

  it('keeps its books over a kill, and goes on with an undelivered webhook', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    atTheEnd.push(() => rmSync(folder, { recursive: true }));
    const booksFile = join(folder, 'books.jsonl');
    const { url: webhookUrl, received } = await webhookReceiver(503);
    const options = { booksFile, webhookUrl, webhookRetryMs: [300] };

    const first = await start(options);
    await grant(first.url, 7);
    await send(`${first.url}/sandbox/spend`, 'POST', { email: EMAIL, credits: 450 });
    await vi.waitFor(() => expect(readFileSync(booksFile, 'utf8')).toContain('"status":503'));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    appendFileSync(booksFile, '{"kind":"grant","at":"2026-01-');

    const second = await start(options);
    const account = await answered(send(`${second.url}/sandbox/accounts/${EMAIL}`, 'GET'));
    expect(account.json).toMatchObject({ balance: 57, grants: [{ amount: 7, newBalance: 507 }] });
    await vi.waitFor(() => expect(received).toHaveLength(2));
    expect(received[1]?.body).toBe(received[0]?.body);
    const spent = await answered(send(`${second.url}/sandbox/spend`, 'POST', { email: EMAIL, credits: 1 }));
    expect(spent.json).toEqual({ email: EMAIL, balance: 56, webhook: null });
    await grant(second.url, 3);
    const lines = readFileSync(booksFile, 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).attempt).filter(Boolean)).toEqual([1, 2]);
    expect(lines.map((line) => JSON.parse(line).newBalance).filter(Boolean)).toEqual([507, 57, 56, 59]);
  });

  it.each([
    ['its parent hangs up', (child: ChildProcess) => child.disconnect()],
    ['it is asked to by SIGTERM', (child: ChildProcess) => child.kill('SIGTERM')],
    ['it is asked to by SIGINT', (child: ChildProcess) => child.kill('SIGINT')],
  ])('ends when %s', async (_, end) => {
    const { child } = await start({});
    end(child);
    expect(await once(child, 'exit')).toEqual([0, null]);
  });
});

it('close ends hanging requests, timers and the port', async () => {
  const platform = await createSandboxPlatform({ apiKey: KEY, webhookSecret: SECRET });
  platform.fault({ operation: 'grant', fault: 'late', ms: 50 });
  const open = grant(platform.url);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await platform.close();
  expect(await open).toMatchObject({ kind: 'no_answer' });
  expect(await grant(platform.url)).toMatchObject({ kind: 'not_sent' });
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(platform.books).toEqual([]);
});

it('close ends a webhook that is under way, which then never happened', async () => {
  const relay = createServer(() => {});
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  atTheEnd.push(() => relay.close());
  const webhookUrl = `http://127.0.0.1:${(relay.address() as AddressInfo).port}/`;
  const platform = await createSandboxPlatform({ apiKey: KEY, webhookSecret: SECRET, webhookUrl });
  platform.spend(EMAIL, 450);
  const [socket] = (await once(relay, 'connection')) as [Socket];
  await Promise.all([once(socket, 'close'), platform.close()]);
  expect(platform.books.map(({ kind }) => kind)).toEqual(['spend', 'webhook']);
});
