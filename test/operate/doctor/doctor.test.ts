import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { engineAt } from '../../../local/aws.ts';
import { mustBeMended } from '../../../operate/doctor/doctor.ts';
import type { HealthFinding } from '../../../operate/doctor/finding.ts';
import { createDynamoQuarantine } from '../../../shared/incoming/quarantine.ts';
import { createDocumentClient } from '../../../shared/storage/clients.ts';
import { findingsOf, usePatient } from './support.ts';

const { traces, answers, parties, examined } = usePatient();
afterEach(() => answers.clear());
const folder = mkdtempSync(join(tmpdir(), 'relay-doctor-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WEBHOOK = '/webhooks/auto-recharge';
const NOBODY = 'http://127.0.0.1:1';

const of = (findings: HealthFinding[], id: string) =>
  findings.find((one) => one.id === id) ?? expect.unreachable(`no finding ${id}`);
const wrong = (findings: HealthFinding[]) =>
  findings.filter(({ state }) => state === 'warn' || state === 'fail');
/** The one thing that is wrong. */
async function onlyFinding(given: Parameters<typeof examined>[0]): Promise<HealthFinding> {
  const findings = wrong(await examined(given));
  expect(findings.map(({ id }) => id)).toHaveLength(1);
  return findings[0] ?? expect.unreachable();
}

describe('a relay in which nothing is wrong', () => {
  it('is looked at everywhere, and nothing is charged, granted or changed by it', async () => {
    const { connection, runtime } = traces();
    await connection.accounts.set('client@example.com', {});
    const findings = await examined();
    expect(wrong(findings)).toEqual([]);
    expect(findings.filter(({ state }) => state === 'ok').map(({ id }) => id)).toEqual([
      ...['relay', 'access', 'clock', 'configuration', 'mode', 'mapping', 'clients', 'secrets', 'verifiers'],
      ...[
        'previous_secrets',
        'platform',
        'payment_endpoint',
        'webhook',
        'charging',
        'quarantine',
        'dead_letters',
      ],
    ]);
    expect(mustBeMended(findings)).toBe(false);
    expect([parties().captures(), parties().grants()]).toEqual([[], []]);
    const client = createDocumentClient(engineAt(runtime.dynamodbEndpoint));
    const key = { TableName: runtime.table, Key: { pk: 'CONTROL#charging' } };
    expect((await client.send(new GetCommand(key))).Item).toBeUndefined();
    client.destroy();
  });

  it('gives away no secret, also where each is wrong', async () => {
    const PAYMENT_HOOK_SECRET = 'whsec_b3RoZXItc2VjcmV0';
    const env = { PAYMENT_HOOK_SECRET, PLATFORM_API_KEY: 'another-key', WEBHOOK_SECRET: 'short' };
    const said = JSON.stringify([await examined(), await examined({ env })]);
    for (const secret of [...Object.values(env), 'platform-key', 'webhook-secret', 'b3RoZXI', 'cGF5bWVudC'])
      expect(said).not.toContain(secret);
  });
});

describe('what is wrong is found, with what to do about it:', () => {
  it('no relay was started: what needs one is skipped, with the reason', async () => {
    const findings = await findingsOf({ stack: undefined, env: { RELAY_LOCAL_DIR: join(folder, 'none') } });
    expect(of(findings, 'relay')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('npm start'),
    });
    expect(of(findings, 'mapping')).toEqual({
      id: 'mapping',
      state: 'skipped',
      found: 'The configuration in force is not known here, or has faults.',
    });
    expect(mustBeMended(findings)).toBe(true);
  });

  it('the relay does not listen, or somebody else does', async () => {
    answers.set('/health', 503);
    expect(await onlyFinding({})).toMatchObject({
      id: 'relay',
      state: 'fail',
      todo: expect.stringContaining('npm start'),
    });
    answers.clear();
    answers.set(WEBHOOK, 202);
    expect(await onlyFinding({})).toMatchObject({
      id: 'webhook',
      state: 'fail',
      found: expect.stringContaining('takes a webhook that nobody signed (202)'),
    });
    answers.set(WEBHOOK, 404);
    expect((await onlyFinding({})).todo).toContain('the address has moved');
  });

  it('Stripe is not heard, which takes the money', async () => {
    const ofStripe = { settings: () => ({ payment: { type: 'stripe', receipts: true, apiUrl: NOBODY } }) };
    expect(of(await examined(ofStripe), 'stripe_webhook')).toMatchObject({ state: 'ok' });
    answers.set('/webhooks/stripe', 404);
    expect(of(await examined(ofStripe), 'stripe_webhook')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('/webhooks/stripe answers 404 where 401 is agreed'),
    });
    expect((await examined()).map(({ id }) => id)).not.toContain('stripe_webhook');
  });

  it('a queue, or the table, gives no answer', async () => {
    const findings = await examined({ runtime: { sqsEndpoint: NOBODY } });
    expect(of(findings, 'access')).toMatchObject({
      state: 'fail',
      found: expect.stringContaining('the four queues: Error: connect ECONNREFUSED'),
    });
    const table = await examined({ env: { DYNAMODB_ENDPOINT: NOBODY } });
    expect(of(table, 'access').found).toContain('the table: ');
    expect(of(table, 'charging')).toMatchObject({ state: 'skipped', found: 'The table does not answer.' });
    expect(wrong(table).map(({ id }) => id)).toEqual(['access']);
    // It concerns no other.
    expect(of(table, 'payment_endpoint').state).toBe('ok');
  });

  it.each([
    [5 * 60_000, 's ahead of the table'],
    [-5 * 60_000, 's behind the table'],
  ])('a clock that is %d ms off', async (offMs, words) => {
    const findings = await examined({ now: () => Date.now() + offMs });
    expect(of(findings, 'clock')).toMatchObject({ state: 'fail', found: expect.stringContaining(words) });
  });

  it('a configuration with faults', async () => {
    const RELAY_CONFIG = join(folder, 'faulty.json');
    writeFileSync(RELAY_CONFIG, '{\n  "guard": { "limit": {} }\n}');
    const finding = await onlyFinding({ env: { RELAY_CONFIG } });
    expect(finding).toMatchObject({ id: 'configuration', state: 'fail' });
    expect(finding.found).toContain('line 2: guard has no setting "limit"');
  });

  it.each([
    ['mode', 'warn', { mode: 'observe' }, 'observe'],
    ['mapping', 'fail', { creditsField: undefined }, 'how many credits'],
    ['verifiers', 'fail', { verifiers: [] }, 'every webhook is refused'],
    ['verifiers', 'fail', { verifiers: [{ type: 'standard-webhooks' }] }, 'so it can be guessed'],
  ])('recharge: %s', async (id, state, changes, words) => {
    const settings = (usual: { recharge: object }) => ({ recharge: { ...usual.recharge, ...changes } });
    expect(await onlyFinding({ settings })).toMatchObject({
      id,
      state,
      found: expect.stringContaining(words),
    });
  });

  it('nobody is set up, where only those who are get credits', async () => {
    const settings = () => ({ guard: { unknownAccounts: 'refuse' } });
    expect(await onlyFinding({ settings })).toMatchObject({ id: 'clients', state: 'warn' });
    await traces().connection.accounts.set('client@example.com', {});
    expect(of(await examined({ settings }), 'clients')).toMatchObject({
      state: 'ok',
      found: '1 client is set up.',
    });
  });

  it.each([
    ['PAYMENT_HOOK_SECRET', 'no-base64', 'secret:paymentHook', 'is whsec_ and base64'],
    ['PLATFORM_API_KEY', 'with space', 'secret:platformApiKey', 'holds a space'],
    ['WEBHOOK_SECRET', 'short', 'secret:webhook', 'can be guessed'],
  ])('a secret of a wrong form: %s', async (name, value, id, words) => {
    const findings = await examined({ env: { [name]: value } });
    expect(of(findings, id)).toMatchObject({ state: 'fail', found: expect.stringContaining(words) });
  });

  it('a previous secret that was forgotten', async () => {
    const file = join(traces().target.env.RELAY_LOCAL_DIR, 'secrets.json');
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    stored.inbound.webhook.push('a-former-secret');
    writeFileSync(file, JSON.stringify(stored));
    expect(await onlyFinding({})).toMatchObject({
      id: 'previous_secret:webhook',
      state: 'warn',
      found: expect.stringMatching(
        /^A previous value of webhook \([0-9a-f]{8}\) is accepted since a time that is not known/,
      ),
      todo: expect.stringMatching(/^npx relay secrets drop webhook --which [0-9a-f]{8}$/),
    });
  });

  it.each([
    [{}, 'fail', 'has no support/incoming, support/token'],
    [
      { outgoing: { verifiers: [{ type: 'token' }] } },
      'fail',
      'has no support/incoming, support/outgoing, support/token',
    ],
  ])('a channel lacks what it needs', async (more, state, words) => {
    const settings = () => ({ channels: { support: { adapter: 'telegram', toId: 'agency', ...more } } });
    expect(await onlyFinding({ settings })).toMatchObject({
      id: 'channel:support',
      state,
      found: expect.stringContaining(words),
    });
  });

  it('a channel has its secrets, and replies are refused, or kept aside', async () => {
    const file = join(traces().target.env.RELAY_LOCAL_DIR, 'secrets.json');
    const stored = JSON.parse(readFileSync(file, 'utf8'));
    stored.inbound.channels = {
      'support/incoming': ['a-long-secret-1'],
      'support/outgoing': ['a-long-secret-2'],
    };
    stored.outbound.channelTokens.support = 'a-token';
    writeFileSync(file, JSON.stringify(stored));
    const withOutgoing = (outgoing: object) => () => ({
      channels: { support: { adapter: 'telegram', toId: 'agency', outgoing } },
    });
    expect(await onlyFinding({ settings: withOutgoing({}) })).toMatchObject({
      state: 'warn',
      found: expect.stringContaining('no verifier for outgoing'),
    });
    const verifiers = [{ type: 'token' }];
    expect((await onlyFinding({ settings: withOutgoing({ verifiers }) })).found).toContain(
      'kept in quarantine',
    );
    const all = withOutgoing({ verifiers, contact: '/contact', text: '/text' });
    expect(of(await examined({ settings: all }), 'channel:support').state).toBe('ok');
  });

  it.each([
    [{ PLATFORM_API_KEY: 'another-key' }, 'refuses the API key'],
    [{ PLATFORM_BASE_URL: `${NOBODY}/v1` }, 'gives no usable answer (not sent'],
  ])('the platform', async (env, words) => {
    expect(await onlyFinding({ env })).toMatchObject({
      id: 'platform',
      state: 'fail',
      found: expect.stringContaining(words),
    });
  });

  it.each([
    [
      { PAYMENT_HOOK_SECRET: 'whsec_b3RoZXItc2VjcmV0' },
      'refuses our signature (401)',
      'Is its secret the one',
    ],
    [{ PAYMENT_HOOK_URL: NOBODY }, 'is not reached (', 'reachable from here'],
  ])('the payment endpoint', async (env, words, todo) => {
    expect(await onlyFinding({ env })).toMatchObject({
      id: 'payment_endpoint',
      state: 'fail',
      found: expect.stringContaining(words),
      todo: expect.stringContaining(todo),
    });
  });

  it('a payment endpoint that answers whoever asks, or never', async () => {
    const server = createServer((request, response) => {
      if (request.url?.startsWith('/silent')) return;
      response.writeHead(404, { 'content-type': 'application/json' }).end('{"status":"not_found"}');
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
    expect(await onlyFinding({ env: { PAYMENT_HOOK_URL: url } })).toMatchObject({
      id: 'payment_endpoint',
      found: expect.stringContaining('answers a request that nobody signed (404)'),
    });
    const silent = await examined({ env: { PAYMENT_HOOK_URL: `${url}/silent` }, boundMs: 700 });
    expect(of(silent, 'payment_endpoint')).toMatchObject({
      state: 'fail',
      found: 'There was no answer within 0.7 s.',
    });
    server.closeAllConnections();
    server.close();
  });

  it('charging is paused', async () => {
    await traces().connection.charging.pause({ reason: 'a look' });
    expect(await onlyFinding({})).toMatchObject({
      id: 'charging',
      state: 'warn',
      found: 'Charging is paused until somebody resumes: a look.',
    });
  });

  it('genuine webhooks were not understood', async () => {
    const { runtime } = traces();
    const client = createDocumentClient(engineAt(runtime.dynamodbEndpoint));
    const webhook = { route: WEBHOOK, body: Buffer.from('{}'), headers: {}, reason: 'no key' };
    await createDynamoQuarantine(client, runtime.table).keep({ ...webhook, receivedAt: Date.now() });
    client.destroy();
    expect(await onlyFinding({})).toMatchObject({
      id: 'quarantine',
      state: 'warn',
      found: expect.stringContaining('1 of the genuine webhooks and messages. The newest, because: no key.'),
    });
  });

  it('dead letters lie about', async () => {
    const { sqs, urls } = traces();
    await sqs.send(new SendMessageCommand({ QueueUrl: urls.rechargeDeadLetters, MessageBody: '{}' }));
    expect(await onlyFinding({})).toMatchObject({
      id: 'dead_letters',
      found: 'The dead-letter queues hold 1 of recharges.',
      todo: 'npx relay deadletters list',
    });
  });
});
