import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeRuntime } from '../../local/state.ts';
import { readDelivery } from '../../operate/read-delivery.ts';

const CONFIG = {
  platform: { baseUrl: 'https://platform.example.com/v1' },
  recharge: {
    mode: 'live',
    creditsField: 'credits',
    keyHeader: 'webhook-id',
    verifiers: [{ type: 'standard-webhooks' }],
  },
  pricing: { currency: 'USD', perCredit: '0.10' },
  payment: { type: 'http', url: 'https://pay.example.com' },
  channels: {
    shop: {
      adapter: 'webhook',
      toId: 'agency',
      incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/contact', text: '/text' },
      delivery: { url: 'https://shop.example.com/in' },
    },
  },
};

const folder = mkdtempSync(join(tmpdir(), 'relay-reading-'));
const target = { stack: undefined, env: { RELAY_LOCAL_DIR: folder } };
beforeAll(() =>
  writeRuntime(target.env, {
    url: 'http://127.0.0.1:9',
    dynamodbEndpoint: 'http://127.0.0.1:9',
    table: 'recharge-relay',
    config: CONFIG,
  }),
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kept = (route: string, body: unknown, headers: Record<string, string> = {}) => ({
  route,
  headers,
  body: Buffer.from(JSON.stringify(body)),
  reason: 'kept',
  receivedAt: 0,
});
const HOOK = '/webhooks/auto-recharge';

describe('what would be read from a delivery by the configuration of now', () => {
  it('is what the relay reads of it: of a recharge its key, also a signed one of a header, its client and credits', () => {
    const body = { email: 'Jane@example.com', credits: 500 };
    expect(readDelivery(target, kept(HOOK, body, { 'webhook-id': 'msg_1' }))).toEqual({
      facts: [
        ['key', 'msg_1'],
        ['client', 'jane@example.com'],
        ['credits', '500'],
      ],
    });
    expect(
      readDelivery(target, kept(HOOK, { email: 'jane@example.com' }, { 'webhook-id': 'msg_1' })),
    ).toEqual({
      fault: expect.stringContaining('the credits (credits)'),
    });
  });

  it('is of a channel its messages, by the channel of that name', () => {
    const message = { id: 'm-1', contact: 'joe', text: 'Is it open?' };
    expect(readDelivery(target, kept('/channels/shop/incoming', message))).toEqual({
      facts: [['message of joe', 'Is it open?']],
    });
    expect(readDelivery(target, kept('/channels/elsewhere/incoming', message))).toEqual({
      fault: 'no channel is called elsewhere',
    });
  });

  it('is not known where no configuration is', () => {
    const elsewhere = { stack: undefined, env: { RELAY_LOCAL_DIR: join(folder, 'none') } };
    expect(readDelivery(elsewhere, kept(HOOK, {}))).toEqual({ fault: expect.stringContaining('npm start') });
  });
});
