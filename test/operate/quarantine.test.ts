import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { configuredVerifiers, proofsFor } from '../../operate/proofs.ts';
import { replayAllQuarantined, replayQuarantined } from '../../operate/quarantine.ts';
import type { QuarantinedWebhook } from '../../shared/incoming/quarantine.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { signedIdHeaders, verifyRequest } from '../../shared/incoming/verifiers.ts';

const target = (env: NodeJS.ProcessEnv) => ({ stack: undefined, env });

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = Buffer.from('{"text":"Zoë 🦊"}');
const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);

const VERIFIERS = [
  { type: 'token', header: 'x-key' },
  { type: 'token' },
  { type: 'hmac', header: 'x-a', prefix: 'v1=' },
  { type: 'hmac', header: 'x-b', encoding: 'base64', signs: '{timestamp}.{body}', timestampHeader: 'x-time' },
  { type: 'hmac', header: 'x-c', signs: 'v0:{timestamp}:{body}', timestampHeader: 'x-time-c' },
  { type: 'hmac', header: 'x-d', prefix: 'v1=', signs: '{timestamp}.{body}', timestampHeader: 'x-d' },
  {
    type: 'hmac',
    header: 'x-d',
    prefix: 'h1=',
    signs: '{timestamp}:{body}',
    timestampHeader: 'x-d',
    timestampPrefix: 'at=',
  },
  {
    type: 'hmac',
    header: 'x-a',
    algorithm: 'sha1',
    prefix: 'sha1=',
    signs: '{url}{form}',
    url: 'https://a.example/',
  },
  { type: 'hmac', header: 'x-e', signs: '{id}|{body}', idHeader: 'x-event' },
  { type: 'standard-webhooks' },
  { type: 'standard-webhooks', headerPrefix: 'x-acme-' },
].map((verifier) => verifierSchema.parse(verifier));

const folder = mkdtempSync(join(tmpdir(), 'relay-replay-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a body that is signed anew', () => {
  it.each(VERIFIERS.map((verifier) => [JSON.stringify(verifier), verifier] as const))(
    'is let in by %s, alone and among the others',
    (_name, verifier) => {
      for (const asked of [[verifier], VERIFIERS]) {
        const headers = proofsFor(asked, { secret: SECRET, body: BODY, now: NOW });
        const request = { headers, query: {}, body: BODY, secrets: [SECRET], now: NOW };
        expect(verifyRequest({ ...request, verifiers: [verifier] })).toMatchObject({
          ok: true,
          verifier: verifier.type,
        });
      }
    },
  );

  it('keeps the id it came with, under the name it came with', () => {
    for (const name of ['webhook-id', 'svix-id', 'x-event']) {
      const headers = { [name]: 'the first one' };
      const proofs = proofsFor(VERIFIERS, { secret: SECRET, body: BODY, now: NOW, headers });
      expect(proofs[name]).toBe('the first one');
      const verifiers = VERIFIERS.filter((verifier) => signedIdHeaders(verifier).includes(name));
      expect(
        verifyRequest({ headers: proofs, query: {}, body: BODY, verifiers, secrets: [SECRET], now: NOW }),
      ).toMatchObject({ ok: true, id: { header: name, value: 'the first one' } });
    }
  });

  it('has the same id however often it is sent', () => {
    const id = (now: number, body = BODY) =>
      proofsFor(VERIFIERS, { secret: SECRET, body, now })['webhook-id'];
    expect(id(NOW + 1)).toBe(id(NOW));
    expect(id(NOW, Buffer.from('{}'))).not.toBe(id(NOW));
  });

  it('is signed for the others where the secret is none of the Standard Webhooks', () => {
    for (const secret of ['plain', 'whsec_not base64']) {
      const headers = proofsFor(VERIFIERS, { secret, body: BODY, now: NOW });
      expect(headers).toHaveProperty('x-key', secret);
      expect(headers).not.toHaveProperty('webhook-signature');
    }
  });
});

describe('the verifiers of a route', () => {
  const configured = (config: unknown, route: string) => {
    const file = join(folder, 'relay.config.json');
    writeFileSync(file, JSON.stringify(config));
    return configuredVerifiers(route, target({ RELAY_CONFIG: file }));
  };
  const token = { type: 'token', header: 'x-key', prefix: '', query: 'token' };
  const delivery = { url: 'https://chat.example.com/messages' };
  const incoming = { verifiers: [token], id: '/id', contact: '/contact', text: '/text' };

  it('are those of the configuration: of the webhook, of each way of a channel, and of an adapter', () => {
    const config = {
      recharge: { verifiers: [{ type: 'standard-webhooks' }], mode: 'a fault elsewhere' },
      channels: {
        own: { adapter: 'webhook', toId: 'a', incoming, delivery, send: { verifiers: [token] } },
        slack: { adapter: 'slack', toId: 'a' },
      },
    };
    expect(configured(config, '/webhooks/auto-recharge')).toEqual([{ type: 'standard-webhooks' }]);
    expect(configured(config, '/channels/own/incoming')).toEqual([token]);
    expect(configured(config, '/channels/own/outgoing')).toEqual([]);
    expect(configured(config, '/channels/own/send')).toEqual([token]);
    expect(configured(config, '/channels/slack/incoming')).toMatchObject([{ header: 'x-slack-signature' }]);
    expect(configured(config, '/channels/other/incoming')).toEqual([]);
  });

  it('are none where no configuration is named, or it is not understood, and a missing file is said', () => {
    expect(configuredVerifiers('/webhooks/auto-recharge', target({}))).toEqual([]);
    expect(configured({ recharge: { verifiers: 'token' } }, '/webhooks/auto-recharge')).toEqual([]);
    const env = { RELAY_CONFIG: join(folder, 'none.json') };
    expect(() => configuredVerifiers('/webhooks/auto-recharge', target(env))).toThrow(
      /^none\.json cannot be used:/,
    );
  });
});

describe('a replay', () => {
  const seen: { url: string | undefined; headers: NodeJS.Dict<string | string[]>; body: Buffer }[] = [];
  const answer = { status: 202, location: '' };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    seen.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks) });
    response.writeHead(answer.status, answer.location === '' ? {} : { location: answer.location }).end('{}');
  });
  let url = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`;
  });
  afterAll(() => server.close());

  const kept: QuarantinedWebhook = {
    route: '/channels/own/outgoing',
    body: Buffer.from([0x7b, 0xff, 0x00, 0x7d]),
    headers: {
      'content-type': 'text/plain',
      'x-vendor-event': 'message',
      host: 'hooks.example.com',
      'content-length': '999',
      'transfer-encoding': 'chunked',
      connection: 'close',
      'x-forwarded-for': '192.0.2.1',
      'x-amzn-trace-id': 'Root=1',
    },
    reason: 'no text',
    receivedAt: NOW,
  };
  const inbound = {
    url: '',
    secrets: async () => ({
      webhook: ['of the webhook'],
      channels: { 'own/outgoing': ['current', 'previous'] },
    }),
  };
  const sent = async (webhook = kept) => {
    const options = { target: target({}), unverified: false, now: NOW };
    // A stack names the address of its webhook: all routes have that origin.
    const replayed = await replayQuarantined(
      webhook,
      { ...inbound, url: `${url}/webhooks/auto-recharge` },
      options,
    );
    return { replayed, request: seen.at(-1) };
  };

  it('is the bytes and headers that came, at the route they came to, proved with its current secret', async () => {
    const { replayed, request } = await sent();
    expect(replayed).toEqual({ status: 202, body: '{}' });
    expect(request).toMatchObject({ url: '/channels/own/outgoing', body: kept.body });
    expect(request?.headers).toMatchObject({
      'content-type': 'text/plain',
      'x-vendor-event': 'message',
      'content-length': '4',
      'x-webhook-token': 'current',
      host: url.slice('http://'.length),
    });
    for (const name of ['x-forwarded-for', 'x-amzn-trace-id', 'transfer-encoding'])
      expect(request?.headers).not.toHaveProperty(name);
  });

  it('tells its secret to nobody else: a redirect is not followed', async () => {
    Object.assign(answer, { status: 307, location: `${url}/elsewhere` });
    const { replayed, request } = await sent();
    expect(replayed.status).toBe(307);
    expect(request?.url).toBe('/channels/own/outgoing');
    Object.assign(answer, { status: 202, location: '' });
  });

  it('is not made without a secret, and a refusal is explained by the setting of its route', async () => {
    await expect(sent({ ...kept, route: '/channels/own/incoming' })).rejects.toThrow(
      /^No secret is set for \/channels\/own\/incoming, so nothing can be proved to it\.$/,
    );
    answer.status = 401;
    const { replayed } = await sent();
    expect(replayed.advice).toMatch(/compare channels\.own\.outgoing\.verifiers with what is deployed/);
    answer.status = 202;
  });
});

describe('many that are sent again', () => {
  it('are all tried, also where several are not kept any more: that is no silence of the relay', async () => {
    const quarantine = { show: async () => undefined, async *list() {} };
    const ids = Array.from({ length: 7 }, (_, index) => `gone-${index}`);
    const inbound = { url: 'http://127.0.0.1:9', secrets: async () => ({ webhook: [], channels: {} }) };
    const given = { inbound, target: target({}) };
    const told: string[] = [];
    const all = await replayAllQuarantined({ quarantine, now: () => NOW }, ids, given, ({ error = '' }) =>
      told.push(error),
    );
    expect(all).toEqual({ taken: 0, refused: 0, unanswered: 7, untried: 0 });
    expect(told[6]).toBe('Nothing is kept under gone-6: npx relay quarantine list');
  });
});
