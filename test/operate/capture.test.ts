import { describe, expect, it } from 'vitest';
import { captureReport } from '../../operate/capture.ts';
import { routeSchema, secretsOf } from '../../operate/routes.ts';
import type { InboundSecrets } from '../../shared/settings/secrets.ts';
import { aCaptured, type Sent } from '../support/builders.ts';

const SECRET = 'correct horse battery staple';

describe('the report of a captured delivery', () => {
  const report = (sent: Sent, secrets: InboundSecrets, raw = false) =>
    captureReport({ id: 'abc', kept: aCaptured(sent) }, secrets, { raw });

  it('has no secret of ours in the body either, unless it is asked for', () => {
    const body = `{"token":"${SECRET}","credits":500}`;
    const bodyOf = (raw: boolean) =>
      report({ body }, { webhook: ['a newer one', SECRET], channels: {} }, raw).body;
    expect(bodyOf(false)).toBe('{"token":"(the secret)","credits":500}');
    expect(bodyOf(true)).toBe(body);
  });

  it('is of a channel: its own part of the configuration, and of "send" the verifier alone', () => {
    const sent = { body: '{"id":"m-1","contact_id":"c","text":"Hi"}', headers: { 'x-token': SECRET } };
    const config = (route: string) =>
      report(
        { ...sent, route },
        { webhook: [], channels: { 'support/outgoing': [SECRET], 'support/send': [SECRET] } },
      ).config;
    const verifiers = [{ type: 'token', header: 'x-token' }];
    expect(config('/channels/support/outgoing')).toEqual({
      channels: { support: { outgoing: { verifiers, id: '/id', contact: '/contact_id', text: '/text' } } },
    });
    expect(config('/channels/support/send')).toEqual({ channels: { support: { send: { verifiers } } } });
  });
});

describe('a route', () => {
  it('is one that the relay has', () => {
    const taken = (route: string) => routeSchema.safeParse(route).success;
    expect(taken('/webhooks/auto-recharge')).toBe(true);
    for (const way of ['incoming', 'outgoing', 'send']) expect(taken(`/channels/a-1/${way}`)).toBe(true);
    for (const other of [
      '/',
      '/channels/a/other',
      '/channels/A/send',
      '/channels/a/send/',
      '/channels//send',
    ])
      expect(taken(other)).toBe(false);
  });

  it('has secrets of its own', () => {
    const inbound = { webhook: ['w', ' '], channels: { 'a/send': ['s', 'p'], 'a/incoming': [''] } };
    expect(secretsOf('/webhooks/auto-recharge', inbound)).toEqual(['w']);
    expect(secretsOf('/channels/a/send', inbound)).toEqual(['s', 'p']);
    expect(secretsOf('/channels/a/incoming', inbound)).toEqual([]);
    expect(secretsOf('/channels/b/incoming', inbound)).toEqual([]);
  });
});
