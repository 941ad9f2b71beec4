import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { ChannelWebhookDeps } from '../../../functions/channel-webhook/handler.ts';
import { parsingAs, TOKEN, webhookEvent } from '../../support/chat-world.ts';
import { meter } from '../../support/store.ts';
import {
  CHANNELS,
  INCOMING,
  idOf,
  NOW,
  OUTGOING,
  SEND,
  STANDARD_SECRET,
  useChannelWebhook,
} from './receiving.ts';

const { store, aWebhook } = useChannelWebhook();

describe('a message', () => {
  it('from the chat is stored, queued, and answered as the chat wants it', async () => {
    const { post, queued, messages, lines, text } = await aWebhook();
    const answer = await post('support/incoming', INCOMING);
    expect(answer).toMatchObject({
      status: 202,
      body: { status: 'received' },
      headers: { 'content-type': 'application/json' },
    });
    const id = idOf('incoming', 'm-1');
    expect(await messages.read(id)).toMatchObject({
      channel: 'support',
      direction: 'incoming',
      status: 'queued',
      queuedNo: 1,
      receivedAt: NOW,
      content: { id: 'm-1', contact: '+15551234567', type: 'text', text: 'Hello', firstName: 'Jane' },
    });
    expect(await queued()).toEqual([id]);
    expect(lines()).toEqual([
      expect.objectContaining({
        level: 'info',
        message: 'channel answered',
        channel: 'support',
        direction: 'incoming',
        status: 202,
        word: 'queued',
        messages: 1,
        id,
        channel_202: 1,
      }),
    ]);
    for (const hidden of ['Hello', 'Jane', '5551234567', TOKEN]) expect(text()).not.toContain(hidden);
  });

  it('from the platform or our own systems is answered with its id, and a repetition with its status', async () => {
    const { post, messages } = await aWebhook();
    for (const [direction, body, theirId] of [
      ['outgoing', OUTGOING, 'p-1'],
      ['send', SEND, 's-1'],
    ] as const) {
      const id = idOf(direction, theirId);
      expect(await post(`support/${direction}`, body)).toMatchObject({
        status: 202,
        body: { status: 'queued', id },
      });
      expect(await post(`support/${direction}`, body)).toMatchObject({
        status: 200,
        body: { status: 'queued', id },
      });
      const row = await messages.read(id);
      if (!row) throw new Error('It is not stored.');
      await messages.write(row, { ...row, status: 'delivered' });
      expect(await post(`support/${direction}`, body)).toMatchObject({
        status: 200,
        body: { status: 'delivered', id },
      });
    }
  });

  it('costs 2 requests and 5 write units to take in; a repetition 1 request', async () => {
    const { post } = await aWebhook();
    const counted = meter(store().client);
    await post('support/incoming', INCOMING);
    expect(counted).toMatchObject({ requests: 2, writeUnits: 5, readUnits: 0 });
    counted.reset();
    await post('support/incoming', INCOMING);
    expect(counted).toMatchObject({ requests: 1, readUnits: 0 });
  });

  it('that comes ten times at once is stored and queued once', async () => {
    const { post, queued, rows } = await aWebhook();
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('support/send', SEND)));
    expect(answers.map(({ status }) => status).toSorted()).toEqual([...Array(9).fill(200), 202]);
    expect(await rows()).toHaveLength(1);
    expect(await queued()).toEqual([idOf('send', 's-1')]);
    expect(await queued()).toEqual([]);
  });

  it('says where its contact takes replies, before it is queued', async () => {
    const seen: unknown[] = [];
    const { post, messages } = await aWebhook({
      deps: ({ queue, messages: all }) => ({
        queue: {
          async send(message) {
            seen.push((await (all as typeof messages).known('support', message.content.contact)).replyTo);
            await queue.send(message);
          },
        },
      }),
    });
    await post('support/incoming', { ...INCOMING, reply: 'C1:17.2' });
    expect(seen).toEqual(['C1:17.2']);
    expect((await messages.known('support', '+15551234567')).replyTo).toBe('C1:17.2');
  });

  it('says so at the repetition, where it could not the first time', async () => {
    let fails = true;
    const { post, messages } = await aWebhook({
      deps: ({ messages: all }) => ({
        messages: {
          ...all,
          async rememberReplyTo(place) {
            if (fails) throw new Error('no answer');
            await all.rememberReplyTo(place);
          },
        },
      }),
    });
    const body = { ...INCOMING, reply: 'C1:17.2' };
    expect((await post('support/incoming', body)).status).toBe(500);
    fails = false;
    expect((await post('support/incoming', body)).status).toBe(202);
    expect((await messages.known('support', '+15551234567')).replyTo).toBe('C1:17.2');
  });

  it('may come as bytes, and in the path parameters of the gateway', async () => {
    const { handler, queued } = await aWebhook();
    const event = {
      ...webhookEvent('/prod/channels/support/incoming', Buffer.from(JSON.stringify(INCOMING))),
      pathParameters: { channel: 'support', direction: 'incoming' },
    } as APIGatewayProxyEventV2;
    expect((await handler(event)).statusCode).toBe(202);
    expect(await queued()).toEqual([idOf('incoming', 'm-1')]);
  });

  it('of a workflow of GoHighLevel that knows no id is another one each time, and with an id it is one', async () => {
    const support = { adapter: 'gohighlevel', toId: 'agency-1', locationId: 'location-1' };
    const { post, rows } = await aWebhook({ channels: { support } });
    const yes = { location_id: 'location-1', contact_id: 'contact-1', message: 'yes' };
    for (const message_id of ['', '{{message.id}}', 'message-1', 'message-1']) {
      expect(await post('support/incoming', { ...yes, message_id })).toMatchObject({ status: 200, body: '' });
    }
    expect(await rows()).toHaveLength(3);
    expect(await post('support/incoming', yes, { 'x-webhook-token': 'another' })).toMatchObject({
      status: 401,
    });
    expect(await rows()).toHaveLength(3);
  });

  it('of the platform without an id of its own is another one each time, unless its signature names it', async () => {
    const channels = structuredClone(CHANNELS);
    delete (channels.support.outgoing as { id?: string }).id;
    const { post, clock } = await aWebhook({ channels });
    const { messageId: _, ...unnamed } = OUTGOING;
    const first = await post('support/outgoing', unnamed);
    const second = await post('support/outgoing', unnamed);
    expect([first.status, second.status]).toEqual([202, 202]);
    expect(first.body.id).not.toBe(second.body.id);

    const body = JSON.stringify(unnamed);
    const signature = new Webhook(STANDARD_SECRET).sign('msg_1', new Date(clock.now), body);
    const signed = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(clock.now / 1_000),
      'webhook-signature': signature,
    };
    expect((await post('support/outgoing', body, signed)).status).toBe(202);
    expect(await post('support/outgoing', body, signed)).toMatchObject({
      status: 200,
      body: { id: idOf('outgoing', 'msg_1') },
    });
    // Svix signs the same under names of its own.
    const bySvix = Object.fromEntries(
      Object.entries(signed).map(([name, value]) => [name.replace('webhook', 'svix'), value]),
    );
    expect(await post('support/outgoing', body, bySvix)).toMatchObject({
      status: 200,
      body: { id: idOf('outgoing', 'msg_1') },
    });
    // Not signed, it may be anything.
    const claimed = { 'x-webhook-token': TOKEN, 'webhook-id': 'msg_1' };
    expect((await post('support/outgoing', body, claimed)).status).toBe(202);
  });
});

describe('a receipt', () => {
  const verifiers = [{ type: 'token' }];
  const desk = {
    adapter: 'chatwoot',
    toId: 'a',
    baseUrl: 'https://chat.example.com',
    accountId: 1,
    verifiers,
  };
  const failed = {
    event: 'message_updated',
    id: 5,
    message_type: 'outgoing',
    status: 'failed',
    account: { id: 1 },
  };

  it('is noted and answered as any message, and rings nobody where the reply is none of ours', async () => {
    const { post, lines, alerts, rows, deps } = await aWebhook({ channels: { support: desk } });
    expect(await post('support/incoming', failed)).toMatchObject({ status: 200, body: '' });
    const answered = { message: 'channel answered', word: 'receipt', stages: 'failed', unknown: 1, id: '' };
    expect(lines().at(-1)).toMatchObject(answered);
    const said = { failed: { at: NOW, words: 'failed' } };
    expect(await deps.receipts.read('support', '5')).toEqual({ channel: 'support', externalId: '5', said });
    expect([await rows(), alerts()]).toEqual([[], []]);
  });

  it('is asked for again where it could not be stored, and is let in by nobody without the secret', async () => {
    const note = () => Promise.reject(new Error('storage is away'));
    const { post } = await aWebhook({
      channels: { support: desk },
      deps: ({ receipts }) => ({ receipts: { ...receipts, note } }),
    });
    expect((await post('support/incoming', failed)).status).toBe(500);
    expect((await post('support/incoming', failed, { 'x-webhook-token': 'x' })).status).toBe(401);
  });
});

describe('messages of one request', () => {
  const three = ['a', 'b', 'c'].map((id) => ({
    id,
    contact: '+15551234567',
    type: 'text' as const,
    text: `text ${id}`,
    attachments: [],
  }));
  const threeAtOnce = (parsed = three) => ({
    deps: ({ channels }: ChannelWebhookDeps) => ({
      channels: parsingAs(channels, () => ({ kind: 'messages', messages: parsed })),
    }),
  });

  it('are queued in their order', async () => {
    const sent: string[] = [];
    const { post, lines } = await aWebhook({
      deps: (deps) => ({
        ...threeAtOnce().deps(deps),
        queue: { send: async ({ content }) => void sent.push(content.id) },
      }),
    });
    expect((await post('support/incoming', '{}')).status).toBe(202);
    expect(sent).toEqual(['a', 'b', 'c']);
    expect(lines().at(-1)).toMatchObject({
      messages: 3,
      id: three.map(({ id }) => idOf('incoming', id)).join(' '),
    });
  });

  it('stop at the first that cannot be queued, and all come again in their order', async () => {
    const sent: string[] = [];
    let fails = true;
    const { post, messages } = await aWebhook({
      deps: (deps) => ({
        ...threeAtOnce().deps(deps),
        queue: {
          async send({ content }) {
            if (fails && content.id === 'b') throw new Error('no answer');
            sent.push(content.id);
          },
        },
      }),
    });
    expect((await post('support/incoming', '{}')).status).toBe(500);
    expect(sent).toEqual(['a']);
    expect((await messages.read(idOf('incoming', 'b')))?.status).toBe('received');
    expect(await messages.read(idOf('incoming', 'c'))).toBeUndefined();
    fails = false;
    expect((await post('support/incoming', '{}')).status).toBe(202);
    expect(sent).toEqual(['a', 'b', 'c']);
  });

  it('that are our own coming back are left out; where all are, nothing happens', async () => {
    const own = { ...three[0], id: idOf('outgoing', 'p-1') } as (typeof three)[number];
    const { post, queued, rows } = await aWebhook(threeAtOnce([own, ...three.slice(1, 2)]));
    expect((await post('support/incoming', '{}')).status).toBe(202);
    expect(await rows()).toHaveLength(1);
    expect(await queued()).toEqual([idOf('incoming', 'b')]);
    const none = await aWebhook(threeAtOnce([own]));
    expect((await none.post('support/incoming', '{}')).status).toBe(202);
    expect(none.lines().at(-1)).toMatchObject({
      word: 'ignored',
      reason: 'it is our own message coming back',
    });
  });
});

describe('an id that comes again with another message', () => {
  it.each([
    ['incoming', INCOMING, { ...INCOMING, text: 'Hello again' }, 'm-1', 202],
    ['incoming', INCOMING, { ...INCOMING, from: '+447700900123' }, 'm-1', 202],
    ['incoming', INCOMING, { ...INCOMING, files: ['https://a.example/1'] }, 'm-1', 202],
    ['outgoing', OUTGOING, { ...OUTGOING, body: 'Hi again' }, 'p-1', 409],
    ['send', SEND, { ...SEND, body: 'Another order' }, 's-1', 409],
  ] as const)(
    'on %s: the first one stands, the other is kept',
    async (direction, first, second, theirId, status) => {
      const { post, messages, alerts, queued } = await aWebhook();
      await post(`support/${direction}`, first);
      const id = idOf(direction, theirId);
      const row = await messages.read(id);
      const answer = await post(`support/${direction}`, second);
      expect(answer.status).toBe(status);
      if (status === 409) expect(answer.body.error.code).toBe('KEY_REUSED');
      expect(await messages.read(id)).toEqual(row);
      expect(await queued()).toEqual([id]);
      expect(alerts()).toMatchObject([{ message: 'message_quarantined', id }]);
      await post(`support/${direction}`, second);
      expect(alerts()).toHaveLength(1);
    },
  );

  it('is the same message where only a name or a file’s signature differs', async () => {
    const { post, alerts } = await aWebhook();
    const files = (signature: string) => ({ files: [`https://a.example/1.png?signature=${signature}`] });
    await post('support/incoming', { ...INCOMING, ...files('one') });
    await post('support/incoming', { ...INCOMING, ...files('two'), name: 'Jane S.' });
    expect(alerts()).toEqual([]);
  });
});
