import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { GatewayEvent } from '../../../shared/incoming/request.ts';
import { TOKEN } from '../../support/chat-world.ts';
import { INCOMING, idOf, useChannelWebhook } from './receiving.ts';

const { aWebhook } = useChannelWebhook();

describe('a message whose body is no JSON, but says what it is', () => {
  const token = { 'x-webhook-token': TOKEN };
  const form = { ...token, 'content-type': 'application/x-www-form-urlencoded' };

  it.each<[string, string | Buffer, Record<string, string>]>([
    ['a form, as Twilio sends it', 'id=m-1&from=%2B15551234567&text=Hello', form],
    ['gzip', gzipSync(JSON.stringify(INCOMING)), { ...token, 'content-encoding': 'gzip' }],
    ['JSON in a field of a form', `payload=${encodeURIComponent(JSON.stringify(INCOMING))}`, form],
  ])('is read: %s', async (_name, body, headers) => {
    const { post, messages } = await aWebhook();
    expect((await post('support/incoming', body, headers)).status).toBe(202);
    expect(await messages.read(idOf('incoming', 'm-1'))).toMatchObject({
      content: { id: 'm-1', contact: '+15551234567', text: 'Hello' },
    });
  });

  it('is kept aside, and no more of it is unpacked, where it is a bomb', async () => {
    const { post, alerts } = await aWebhook();
    const bomb = gzipSync(Buffer.alloc(40_000_000));
    expect((await post('support/incoming', bomb, { ...token, 'content-encoding': 'gzip' })).status).toBe(202);
    expect(alerts()).toMatchObject([
      { message: 'message_quarantined', reason: 'unpacked, the body is larger than 262144 bytes' },
    ]);
  });
});

describe('an event of another gateway', () => {
  it.each<[string, object]>([
    [
      'a REST API (version 1.0) with its stage in the path',
      {
        path: '/prod/channels/support/incoming',
        pathParameters: null,
        headers: { 'X-Webhook-Token': TOKEN },
        queryStringParameters: null,
      },
    ],
    [
      'a REST API with the channel as a parameter',
      {
        resource: '/channels/{channel}/{direction}',
        pathParameters: { channel: 'support', direction: 'incoming' },
        headers: null,
        multiValueQueryStringParameters: { token: [TOKEN] },
      },
    ],
    ['a function URL', { rawPath: '/channels/support/incoming', headers: { 'x-webhook-token': TOKEN } }],
  ])('is read: of %s', async (_name, event) => {
    const { handler, messages } = await aWebhook();
    const answer = await handler({ ...event, body: JSON.stringify(INCOMING) });
    expect(answer.statusCode).toBe(202);
    expect(await messages.read(idOf('incoming', 'm-1'))).toMatchObject({ status: 'queued' });
  });

  it.each<[string, object, number]>([
    ['nothing at all', {}, 404],
    [
      'null for everything',
      { path: null, rawPath: null, headers: null, pathParameters: null, body: null },
      404,
    ],
    ['no body', { rawPath: '/channels/support/incoming', body: null }, 401],
  ])('is refused with a sentence where it holds %s', async (_name, event, status) => {
    const { handler, rows } = await aWebhook();
    const answer = await handler(event as GatewayEvent);
    expect(answer).toMatchObject({ statusCode: status, body: expect.stringMatching(/"message":"[^"]+"/) });
    expect(await rows()).toEqual([]);
  });
});
