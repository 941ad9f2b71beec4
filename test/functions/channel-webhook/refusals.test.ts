import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createQueue } from '../../../local/engines.ts';
import { sweepMessage } from '../../../shared/channels/accept.ts';
import { createDynamoCapture } from '../../../shared/incoming/capture.ts';
import { signRequest } from '../../../shared/incoming/verifiers.ts';
import { parsingAs, webhookEvent } from '../../support/chat-world.ts';
import {
  CHANNELS,
  INCOMING,
  idOf,
  MINUTE,
  NOW,
  OUTGOING,
  SEND,
  SLACK_SECRET,
  STANDARD_SECRET,
  useChannelWebhook,
} from './receiving.ts';

const { store, sqs, aWebhook } = useChannelWebhook();

describe('nothing gets in', () => {
  it.each([
    ['without a proof', {}],
    ['with a wrong one', { 'x-webhook-token': 'wrong' }],
    ['with the secret of another channel', { 'x-webhook-token': SLACK_SECRET }],
  ])('%s: 401 and no trace', async (_, headers) => {
    const { post, rows, queued, alerts, lines } = await aWebhook();
    for (const route of ['support/incoming', 'support/outgoing', 'support/send']) {
      expect(await post(route, INCOMING, headers)).toMatchObject({
        status: 401,
        body: { error: { code: 'UNAUTHORIZED' } },
      });
    }
    expect(await rows()).toEqual([]);
    expect(await queued()).toEqual([]);
    expect(alerts()).toEqual([]);
    expect(lines().at(-1)).toMatchObject({ word: 'unauthorized', channel_401: 1 });
  });

  it('on a way for which no verifier is configured', async () => {
    const { post } = await aWebhook();
    for (const way of ['outgoing', 'send']) expect((await post(`team/${way}`, SEND)).status).toBe(401);
  });

  it.each(['unknown/incoming', 'constructor/incoming', '__proto__/incoming', 'support/sideways', 'support/'])(
    'of a channel or way that is not there: %s',
    async (route) => {
      const { post, lines } = await aWebhook();
      const { status, body } = await post(route, INCOMING);
      expect({ status, code: body.error.code }).toEqual({ status: 404, code: 'UNKNOWN_CHANNEL' });
      expect(lines()).toEqual([expect.objectContaining({ word: 'unknown_channel', channel_404: 1 })]);
    },
  );

  it('of more than 256 KB, whoever sends it', async () => {
    const { post, rows } = await aWebhook();
    const largest = JSON.stringify({ ...INCOMING, text: '' });
    const filled = (bytes: number) =>
      JSON.stringify({ ...INCOMING, text: 'x'.repeat(bytes - Buffer.byteLength(largest)) });
    expect((await post('support/incoming', filled(256 * 1024 + 1))).status).toBe(413);
    expect(await rows()).toEqual([]);
    expect((await post('support/incoming', filled(256 * 1024))).status).toBe(202);
    expect(await rows()).toHaveLength(1);
  });
});

describe('what needs no relaying', () => {
  it('is answered as if it did, and said in the log', async () => {
    const { post, rows, lines } = await aWebhook();
    expect((await post('support/incoming', { ...INCOMING, echo: true })).status).toBe(202);
    expect(lines().at(-1)).toMatchObject({ word: 'ignored', reason: 'it has a mark of incoming.ignore' });
    const echo = { ...OUTGOING, messageId: idOf('incoming', 'm-1') };
    expect(await post('support/outgoing', echo)).toMatchObject({ status: 200, body: { status: 'ignored' } });
    expect(await rows()).toEqual([]);
  });

  it('may want an answer of its own', async () => {
    const { post, clock } = await aWebhook();
    const body = JSON.stringify({ type: 'url_verification', challenge: 'challenge-1' });
    const headers = signRequest({
      secret: SLACK_SECRET,
      body: Buffer.from(body),
      now: clock.now,
      verifier: {
        type: 'hmac',
        header: 'x-slack-signature',
        encoding: 'hex',
        prefix: 'v0=',
        signs: 'v0:{timestamp}:{body}',
        timestampHeader: 'x-slack-request-timestamp',
        toleranceSeconds: 300,
      },
    });
    expect(await post('team/incoming', body, headers)).toEqual({
      status: 200,
      body: 'challenge-1',
      headers: { 'content-type': 'text/plain' },
    });
  });
});

describe('what is verified and not understood is kept whole, with one alert:', () => {
  it.each([
    ['incoming', 202],
    ['outgoing', 400],
    ['send', 400],
  ] as const)('%s', async (direction, status) => {
    const { post, rows, alerts, quarantine } = await aWebhook();
    const body = '{"hello":"☃"}';
    for (let times = 0; times < 3; times += 1) {
      expect((await post(`support/${direction}`, body)).status).toBe(status);
    }
    expect(await rows()).toEqual([]);
    expect(alerts()).toEqual([
      expect.objectContaining({
        message: 'message_quarantined',
        channel: 'support',
        direction,
        quarantine: expect.stringMatching(/^[0-9a-f]{64}$/),
        reason: expect.stringMatching(/./),
      }),
    ]);
    const { quarantine: id } = alerts()[0];
    const kept = (await Array.fromAsync(quarantine.list())).find((entry) => entry.id === id);
    expect(kept).toMatchObject({ receivedAt: NOW });
    const { client, table } = store();
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    expect(Items).toEqual([
      expect.objectContaining({ route: `/channels/support/${direction}`, headers: {}, receivedAt: NOW }),
    ]);
    expect(Buffer.from(Items[0]?.body).toString()).toBe(body);
  });

  it('a part of a delivery, whose other messages go on', async () => {
    const support = {
      ...CHANNELS.support,
      incoming: {
        ...CHANNELS.support.incoming,
        id: '/messages/0/id',
        contact: '/messages/0/from',
        text: '/messages/0/text',
      },
    };
    const { post, rows, alerts, lines, quarantine } = await aWebhook({ channels: { ...CHANNELS, support } });
    const body = { messages: [INCOMING, { ...INCOMING, id: '' }, { ...INCOMING, id: 'm-3', from: 'b' }] };
    expect((await post('support/incoming', body)).status).toBe(202);
    expect((await rows()).map(({ content }) => content.id).toSorted()).toEqual(['m-1', 'm-3']);
    const rest = 'message 2: the id (/messages/0/id) is not 1 to 255 printable characters';
    expect(alerts()).toMatchObject([
      { message: 'message_quarantined', reason: `part of it was not understood: ${rest}` },
    ]);
    expect(lines().at(-1)).toMatchObject({ word: 'queued', messages: 2, rest });
    expect(await Array.fromAsync(quarantine.list())).toHaveLength(1);
    // And once more, since the answer may get lost.
    expect((await post('support/incoming', body)).status).toBe(202);
    expect(await rows()).toHaveLength(2);
    expect(alerts()).toHaveLength(1);
  });

  it('what makes an adapter fail, too', async () => {
    const { post, alerts } = await aWebhook({
      deps: ({ channels }) => ({
        channels: parsingAs(channels, () => {
          throw new TypeError('Cannot read properties of undefined');
        }),
      }),
    });
    expect((await post('support/incoming', INCOMING)).status).toBe(202);
    expect(alerts()).toMatchObject([{ reason: 'it could not be read: TypeError' }]);
  });
});

describe('what cannot be stored or queued is asked for again', () => {
  it('storage that fails', async () => {
    const { post, queued, lines } = await aWebhook();
    const { client, table } = store();
    await client.send(new DeleteTableCommand({ TableName: table }));
    expect(await post('support/incoming', INCOMING)).toMatchObject({
      status: 500,
      body: { error: { code: 'NOT_STORED' } },
    });
    expect(await post('support/send', '{}')).toMatchObject({ status: 500 });
    expect(await queued()).toEqual([]);
    expect(lines().filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  it('a queue that fails: the mark makes no duplicate, and is queued the next time', async () => {
    const { post, messages, queueUrl, queued } = await aWebhook();
    await sqs().send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    expect((await post('support/send', SEND)).status).toBe(500);
    const id = idOf('send', 's-1');
    expect(await messages.read(id)).toMatchObject({ status: 'received' });
    await createQueue(sqs(), {
      name: queueUrl.split('/').at(-1) ?? '',
      deadLetterName: 'another-dead.fifo',
      visibilityTimeoutSeconds: 30,
      maxReceiveCount: 1_000,
    });
    expect(await post('support/send', SEND)).toMatchObject({ status: 200, body: { status: 'queued', id } });
    expect(await queued()).toEqual([id]);
    expect(await messages.read(id)).toMatchObject({ status: 'queued' });
  });

  it('but for a reply without an id: repeated, it would be another one, so it is left to the sweeper', async () => {
    const channels = structuredClone(CHANNELS);
    delete (channels.support.outgoing as { id?: string }).id;
    const { post, messages, deps, clock, queued, lines } = await aWebhook({
      channels,
      deps: () => ({
        queue: {
          async send() {
            throw new Error('no answer');
          },
        },
      }),
    });
    const { messageId: _, ...unnamed } = OUTGOING;
    const { status, body } = await post('support/outgoing', unnamed);
    expect([status, body]).toEqual([202, { status: 'received', id: body.id }]);
    expect(lines()[0]).toMatchObject({ level: 'error', id: body.id, error: 'Error: no answer' });
    clock.now += MINUTE;
    expect((await messages.due(clock.now)).items).toEqual([body.id]);
    expect(await sweepMessage(body.id, { ...deps, messages })).toBe(true);
    expect(await queued()).toEqual([body.id]);

    const text = JSON.stringify(unnamed);
    const signed = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(clock.now / 1_000),
      'webhook-signature': new Webhook(STANDARD_SECRET).sign('msg_1', new Date(clock.now), text),
    };
    expect((await post('support/outgoing', text, signed)).status).toBe(500);
  });

  it('but what is queued is not, though its row cannot say so', async () => {
    const { post, messages, queued, lines } = await aWebhook({
      deps: ({ messages: all }) => ({
        messages: {
          ...all,
          write: async () => {
            throw new Error('no answer');
          },
        },
      }),
    });
    const id = idOf('send', 's-1');
    expect(await post('support/send', SEND)).toMatchObject({ status: 202, body: { status: 'queued', id } });
    expect(await queued()).toEqual([id]);
    expect((await messages.read(id))?.status).toBe('received');
    expect(lines()[0]).toMatchObject({ level: 'error', id, error: 'Error: no answer' });
  });

  it('a row of a later version', async () => {
    const { post } = await aWebhook();
    const { client, table } = store();
    await post('support/send', SEND);
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${idOf('send', 's-1')}` },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 99 },
      }),
    );
    expect((await post('support/send', SEND)).status).toBe(500);
  });

  it('a mark that an hour-old process left is queued again, once', async () => {
    const { post, messages, clock, queued } = await aWebhook({
      deps: ({ queue }) => ({ queue: { send: (message) => queue.send(message) } }),
    });
    await post('support/send', SEND);
    const id = idOf('send', 's-1');
    expect(await queued()).toEqual([id]);
    const row = await messages.read(id);
    if (!row) throw new Error('It is not stored.');
    await messages.write(row, { ...row, status: 'received' });
    clock.now += 60 * MINUTE;
    expect(await post('support/send', SEND)).toMatchObject({ status: 200, body: { status: 'queued' } });
    expect(await messages.read(id)).toMatchObject({ status: 'queued', queuedNo: 1 });
  });
});

describe('a capture', () => {
  it('keeps what nobody can verify, where its address holds the token for it', async () => {
    const { handler, rows, lines, quarantine, clock } = await aWebhook();
    const { client, table } = store();
    const capture = createDynamoCapture(client, table);
    const token = await capture.start('/channels/support/outgoing', clock.now + MINUTE);
    const event = (route: string) => ({
      ...webhookEvent(`/channels/${route}`, JSON.stringify(OUTGOING), { 'x-their-proof': 'abc' }),
      queryStringParameters: { token },
    });
    expect((await handler(event('support/incoming'))).statusCode).toBe(401);
    expect((await handler(event('support/outgoing'))).statusCode).toBe(202);
    expect(await rows()).toEqual([]);
    expect(lines().at(-1)).toMatchObject({ word: 'captured', quarantine: expect.stringMatching(/./) });
    const kept = lines().at(-1).quarantine;
    expect(await Array.fromAsync(quarantine.list({ of: 'captured' }))).toMatchObject([{ id: kept }]);
    expect(lines().some((line) => JSON.stringify(line).includes(token))).toBe(false);
  });
});
