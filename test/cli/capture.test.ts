import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { exits, runCommand } from '../support/command.ts';
import { useOperator } from '../support/operator.ts';
import { useParties } from '../support/parties.ts';
import { type RunningRelay, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newParties = useParties();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const SECRET = 'the secret that the platform shows';
const PAYLOAD = {
  type: 'wallet.low',
  delivery_id: 'dlv-1',
  wallet: { client_email: 'demo@example.com', credits_wanted: 100, credits_remaining: 3 },
};

/** As a platform of which nothing is documented sends it: its own header, its own time, a prefix. */
function deliver(address: string, payload: object = PAYLOAD, secret = SECRET) {
  const body = JSON.stringify(payload);
  const time = String(Math.floor(Date.now() / 1_000));
  const signature = createHmac('sha256', secret).update(`${time}.${body}`).digest('base64');
  const headers = { 'X-Acme-Time': time, 'X-Acme-Proof': `v2=${signature}`, 'content-type': 'text/plain' };
  return answerOf(fetch(address, { method: 'POST', headers, body }));
}

async function answerOf(sent: Promise<Response>) {
  const response = await sent;
  return { status: response.status, body: await response.json() };
}

/** What `capture start` printed to be set at the sender. */
async function captureAddress(relay: RunningRelay, ...args: string[]): Promise<string> {
  const { code, stdout } = await relay.cli('capture', 'start', ...args);
  expect(code).toBe(0);
  return /^ {2}(http\S+\?token=capture-\S{24})$/m.exec(stdout)?.[1] ?? '';
}

const newestId = async (relay: RunningRelay) => (await relay.json<{ id: string }>('capture', 'show')).id;

describe('an undocumented sender', () => {
  it('is captured, understood from what it sent, and its delivery replayed', async () => {
    const folder = newFolder();
    const file = join(folder, 'relay.config.json');
    const parties = await newParties();
    const env = { ...parties.env, RELAY_CONFIG: file, WEBHOOK_SECRET: SECRET };
    writeFileSync(file, '{}');
    const before = await start({ folder, env });
    expect(await before.cli('capture', 'show')).toEqual(
      exits(3, /^Nothing was captured at \/webhooks\/auto-recharge: npx relay capture start\n$/),
    );
    expect(await deliver(`${before.url}/webhooks/auto-recharge`)).toMatchObject({ status: 401 });

    const address = await captureAddress(before, '--minutes', '5');
    expect(address.startsWith(`${before.url}/webhooks/auto-recharge?token=`)).toBe(true);
    expect(await deliver(address)).toEqual({ status: 202, body: { status: 'captured' } });
    expect(await before.json('recharges', 'list')).toEqual([]);
    const listed = await before.cli('capture', 'list');
    expect(listed.stdout).toMatch(
      /^20\S+Z +in \d min {2}\/webhooks\/auto-recharge {2}on, 1 of 20 captured\n/m,
    );

    const text = (await before.cli('capture', 'show')).stdout;
    expect(text).toContain('let in by the verifier {"type":"hmac","header":"x-acme-proof"');
    const shown = await before.json<any>('capture', 'show');
    expect(shown.body).toBe(JSON.stringify(PAYLOAD));
    expect(text + JSON.stringify(shown)).not.toMatch(new RegExp(`v2=[\\w+/=]{44}|\\?token|token=|${SECRET}`));
    expect(shown.config).toEqual({
      recharge: {
        verifiers: [
          {
            type: 'hmac',
            header: 'x-acme-proof',
            encoding: 'base64',
            prefix: 'v2=',
            signs: '{timestamp}.{body}',
            timestampHeader: 'x-acme-time',
          },
        ],
        keyFields: ['delivery_id'],
        emailFields: ['wallet.client_email'],
        creditsField: 'wallet.credits_wanted',
      },
    });
    // Proved, but not yet understood: the mapping is not in force.
    expect(await before.cli('quarantine', 'replay', shown.id)).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^400 .*NOT_UNDERSTOOD/),
    });
    expect(before.output()).not.toMatch(/v2=|capture-|the secret that/);
    await before.end();

    writeFileSync(file, JSON.stringify(shown.config));
    const after = await start({ folder, env });
    expect(await after.cli('quarantine', 'replay', shown.id)).toEqual({
      code: 0,
      stdout: '202 {"status":"received","idempotency_key":"dlv-1"}\n',
      stderr: '',
    });
    await after.reaches('dlv-1', 'completed');
    expect(parties.grants()).toEqual(['demo@example.com']);
    // What the platform sends from now on is taken, and the first delivery again is the same one.
    const same = after.url + address.slice(before.url.length);
    expect(await deliver(same)).toMatchObject({ status: 200, body: { status: 'completed' } });
    expect(await deliver(same, { ...PAYLOAD, delivery_id: 'dlv-2' })).toMatchObject({ status: 202 });
    expect(await after.cli('webhook', 'send', '--body', file)).toMatchObject({
      stdout: expect.stringMatching(/^400 .*the idempotency key/),
    });
  });
});

describe('what was captured', () => {
  const WEBHOOK = { idempotency_key: 'key-1', email: 'demo@example.com', credits: 100 };
  let relay: RunningRelay;
  beforeAll(async () => {
    const file = join(newFolder(), 'relay.config.json');
    writeFileSync(file, '{"recharge":{"verifiers":[{"type":"standard-webhooks"}]}}');
    relay = await start({
      env: { RELAY_CONFIG: file, WEBHOOK_SECRET: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw' },
    });
  });

  it('by somebody whose proof nobody knows is replayed only where the operator says so', async () => {
    expect(await deliver(await captureAddress(relay), WEBHOOK)).toMatchObject({ status: 202 });
    const id = await newestId(relay);
    expect((await relay.cli('capture', 'show')).stdout).toContain(
      'No verifier matches.\nLooked at:\n  the secret as a token',
    );
    expect(await relay.cli('quarantine', 'replay', id)).toEqual(
      exits(4, /^Nobody proved to have sent this: .+ add --unverified\.\n$/),
    );
    expect(await relay.json('recharges', 'list')).toEqual([]);
    expect(await relay.cli('quarantine', 'replay', id, '--unverified')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^202 /),
    });
  });

  it('cannot be replayed with a signature that the relay does not take, and it is said why', async () => {
    const address = await captureAddress(relay);
    expect(await deliver(address, { ...WEBHOOK, idempotency_key: 'key-2' })).toMatchObject({ status: 202 });
    const id = await newestId(relay);
    // A command that does not know the configuration of the relay.
    const env = { RELAY_LOCAL_DIR: relay.folder, WEBHOOK_SECRET: 'another secret' };
    const { code, stdout } = await runCommand(['quarantine', 'replay', id, '--unverified'], { env });
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^401 .*UNAUTHORIZED.*\nIt was signed as "webhook send" signs, .+ compare recharge\.verifiers with what is deployed .+\n$/,
    );
  });

  it('is shown by "quarantine" too, without what may prove the sender', async () => {
    const payload = { ...WEBHOOK, idempotency_key: 'key-3', name: 'Zoë' };
    expect(await deliver(await captureAddress(relay), payload)).toMatchObject({ status: 202 });
    const id = await newestId(relay);
    const { stdout } = await relay.cli('quarantine', 'show', id);
    expect(stdout).toContain('Z  /webhooks/auto-recharge  captured\n');
    expect(stdout).toMatch(/x-acme-proof: \(47 characters, sha256 [0-9a-f]{8}…\)\n/);
    expect(stdout).not.toContain('v2=');
    expect((await relay.cli('capture', 'show', id, '--raw')).stdout).toMatch(/x-acme-proof: v2=.{44}\n/);
    expect(await relay.cli('quarantine', 'show', id, '--body')).toMatchObject({
      stdout: JSON.stringify(payload),
    });
    expect((await relay.cli('quarantine', 'list')).stdout).not.toContain(id);
    expect((await relay.cli('capture', 'list')).stdout).toMatch(
      new RegExp(`ago  /webhooks/auto-recharge +captured +${id}\n`),
    );
  });

  it('at a channel is told apart from webhooks, and replayed to that channel with its own secret', async () => {
    const route = '/channels/demo/outgoing';
    const address = await captureAddress(relay, '--route', route);
    const reply = { messageId: 'm-1', contactId: 'c-1', body: 'Hello' };
    expect(await deliver(address, reply)).toEqual({ status: 202, body: { status: 'captured' } });
    expect(await deliver(address.replace(route, '/webhooks/auto-recharge'), reply)).toMatchObject({
      status: 401,
    });
    const { id, config } = await relay.json<any>('capture', 'show', '--route', route);
    expect(config).toEqual({
      channels: { demo: { outgoing: { id: '/messageId', contact: '/contactId', text: '/body' } } },
    });
    expect(await relay.cli('quarantine', 'replay', id, '--unverified')).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^202 \{"status":"queued","id":"rrm-[0-9a-f]{24}"\}\n$/),
    });
  });

  it('ends with stop, and is not begun for too long, or where the relay takes nothing', async () => {
    const address = await captureAddress(relay);
    expect((await relay.cli('capture', 'stop')).stdout).toMatch(/^Nothing is captured at .+ any more\./);
    expect(await deliver(address)).toMatchObject({ status: 401 });
    expect((await relay.cli('capture', 'list')).stdout).not.toMatch(/\/webhooks\S* +on,/);
    const route = '/channels/demo/send';
    const started = await relay.json('capture', 'start', '--route', route);
    expect(started).toMatchObject({ route, address: expect.stringContaining('?token=') });
    const { on } = await relay.json<{ on: object[] }>('capture', 'list');
    expect(on).toContainEqual({ route, kept: 0, until: expect.any(String) });
    expect(await relay.json('capture', 'stop', '--route', route)).toEqual({ route, stopped: true });
    expect(await relay.cli('capture', 'stop', '--route', '/channels/demo/incoming')).toMatchObject({
      stdout: 'Nothing was captured at /channels/demo/incoming.\n',
    });
    for (const minutes of ['0', '1441']) {
      expect(await relay.cli('capture', 'start', '--minutes', minutes)).toEqual(
        exits(2, /^--minutes is from 1 to 1440\.\nHelp: /),
      );
    }
    expect(await relay.cli('capture', 'start', '--route', '/webhooks')).toEqual(
      exits(2, /\/webhooks\/auto-recharge, or \/channels\/NAME\/incoming\|outgoing\|send/),
    );
    expect(await relay.cli('capture', 'show', 'none')).toEqual(
      exits(3, /^Nothing captured is kept under none: npx relay capture list\n$/),
    );
  });
});

describe('with --stack', () => {
  const config = join(newFolder(), 'relay.config.json');
  const { shell, aws, newStack } = useOperator();
  let dynamo: Engine;
  let stack: ReturnType<typeof newStack>;
  beforeAll(async () => {
    writeFileSync(config, '{}');
    dynamo = await startDynamo();
    stack = newStack();
    await createTable(createDocumentClient(engineAt(dynamo.endpoint)), stack.name);
    Object.assign(shell, { AWS_ENDPOINT_URL_DYNAMODB: dynamo.endpoint, RELAY_CONFIG: config });
  });
  afterAll(() => dynamo.stop());
  const cli = (...args: string[]) => stack.cli(args);

  it('the address is that of the stack, also of a channel, and before any secret is set', async () => {
    const { stdout, stderr } = await cli('capture', 'start', '--route', '/channels/support/outgoing');
    expect(stderr).toBe('No configuration here has a channel support, or any other.\n');
    expect(stdout).toMatch(
      /^ {2}https:\/\/hooks\.example\.com\/channels\/support\/outgoing\?token=capture-\S{24}$/m,
    );
    expect(stdout).toContain(
      `npx relay --stack ${stack.name} capture show --route /channels/support/outgoing\n`,
    );
    expect((await cli('capture', 'list')).stdout).toMatch(
      / {2}\/channels\/support\/outgoing {2}on, 0 of 20 captured\n/,
    );
  });

  it('secrets are those of the channel and way, in Secrets Manager', async () => {
    const captured = {
      route: '/channels/support/outgoing',
      body: Buffer.from('{"id":"m-1","contact_id":"c-1","text":"Hi"}'),
      headers: { 'x-token': 'of the channel' },
      reason: 'captured',
      receivedAt: Date.now(),
    };
    await createDynamoQuarantine(createDocumentClient(engineAt(dynamo.endpoint)), stack.name).keep(captured);
    const show = async () =>
      JSON.parse((await cli('capture', 'show', '--route', captured.route, '--json')).stdout);
    const unset = await show();
    expect(unset.matching).toEqual([]);
    expect(unset.looked_at[0]).toMatch(/^no secret is set/);
    const replayed = await cli('quarantine', 'replay', unset.id);
    expect(replayed).toEqual(
      exits(5, /^No secret is set for \/channels\/support\/outgoing, so nothing can be/),
    );
    aws().put(stack.inbound, { webhook: ['other'], channels: { 'support/outgoing': ['of the channel'] } });
    expect((await show()).config).toEqual({
      channels: {
        support: {
          outgoing: {
            verifiers: [{ type: 'token', header: 'x-token' }],
            id: '/id',
            text: '/text',
            contact: '/contact_id',
          },
        },
      },
    });
  });
});
