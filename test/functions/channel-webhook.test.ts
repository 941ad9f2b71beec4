import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteQueueCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelWebhookDeps } from '../../functions/channel-webhook/deps.ts';
import {
  type ChannelWebhookDeps,
  createChannelWebhookHandler,
} from '../../functions/channel-webhook/handler.ts';
import { engineAt } from '../../local/aws.ts';
import { createQueue, type Engine } from '../../local/engines.ts';
import { startSqs } from '../../local/sqs.ts';
import { sweepMessage } from '../../shared/channels/accept.ts';
import { type Message, messageIdOf } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import { createSqsMessageQueue, readMessageId } from '../../shared/channels/queue.ts';
import { channelsSchema } from '../../shared/channels/settings.ts';
import { createDynamoCapture } from '../../shared/incoming/capture.ts';
import { createDynamoQuarantine } from '../../shared/incoming/quarantine.ts';
import { signRequest } from '../../shared/incoming/verifiers.ts';
import { createLogger } from '../../shared/logger.ts';
import { createSecrets, inboundSecretsSchema } from '../../shared/settings/secrets.ts';
import { createSqsClient } from '../../shared/storage/clients.ts';
import { TOKEN, webhookEvent } from '../support/chat-world.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();

let engine: Engine;
let sqs: SQSClient;
beforeAll(async () => {
  engine = await startSqs();
  sqs = createSqsClient(engineAt(engine.endpoint));
});
afterAll(async () => {
  sqs.destroy();
  await engine.stop();
});

const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
const MINUTE = 60_000;
const STANDARD_SECRET = `whsec_${Buffer.from('outgoing-secret-of-a-test').toString('base64')}`;
const SLACK_SECRET = 'slack-signing-secret';

const CHANNELS = {
  support: {
    adapter: 'webhook',
    toId: 'agency-1',
    incoming: {
      verifiers: [{ type: 'token' }],
      id: '/id',
      contact: '/from',
      text: '/text',
      firstName: '/name',
      replyTo: '/reply',
      attachments: '/files',
      ignore: [{ at: '/echo', equals: true }],
    },
    delivery: { url: 'https://chat.example.com/messages' },
    outgoing: {
      verifiers: [{ type: 'token' }, { type: 'standard-webhooks' }],
      id: '/messageId',
      contact: '/to',
      text: '/body',
    },
    send: { verifiers: [{ type: 'token' }] },
  },
  team: { adapter: 'slack', toId: 'agency-1' },
};

let queues = 0;

interface Given {
  channels?: Record<string, unknown>;
  deps?: (deps: ChannelWebhookDeps) => Partial<ChannelWebhookDeps>;
}

/** The handler over real engines, its clock, and what it logged. */
async function aWebhook({ channels = CHANNELS, deps: change = () => ({}) }: Given = {}) {
  const { client, table } = store();
  queues += 1;
  const queueUrl = await createQueue(sqs, {
    name: `messages-${queues}.fifo`,
    deadLetterName: `messages-${queues}-dead.fifo`,
    visibilityTimeoutSeconds: 30,
    maxReceiveCount: 1_000,
  });
  const clock = { now: NOW };
  const now = () => clock.now;
  const lines: string[] = [];
  const secret = {
    channels: {
      'support/incoming': [TOKEN],
      'support/outgoing': [TOKEN, STANDARD_SECRET],
      'support/send': [TOKEN],
      'team/incoming': [SLACK_SECRET],
    },
  };
  const deps = channelWebhookDeps({
    config: { channels: channelsSchema.parse(channels) },
    client,
    table,
    secrets: createSecrets('inbound', async () => JSON.stringify(secret), inboundSecretsSchema, { now }),
    queue: createSqsMessageQueue(sqs, queueUrl),
    logger: createLogger((line) => lines.push(line), { now }),
    now,
  });
  const handler = createChannelWebhookHandler({ ...deps, ...change(deps) });
  const messages = createDynamoMessages(client, table, now);
  return {
    clock,
    queueUrl,
    messages,
    deps,
    lines: (): any[] => lines.map((line) => JSON.parse(line)),
    text: () => lines.join('\n'),
    alerts: () => lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'alert'),
    async post(route: string, body: unknown, headers?: Record<string, string>) {
      const bytes = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
      const answer = await handler(webhookEvent(`/channels/${route}`, bytes, headers));
      const { statusCode: status = 0, body: text = '' } = answer;
      return { status, body: text.startsWith('{') ? JSON.parse(text) : text, headers: answer.headers };
    },
    handler,
    /** The ids that wait, each once, in the order in which the queue gives them. */
    async queued(): Promise<string[]> {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }),
      );
      return Messages.map(({ Body = '' }) => readMessageId(Body));
    },
    async rows(): Promise<(Message & { pk: string })[]> {
      const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
      return Items.filter(({ pk }) => pk.startsWith('MESSAGE#')) as (Message & { pk: string })[];
    },
    quarantine: createDynamoQuarantine(client, table),
  };
}

const INCOMING = { id: 'm-1', from: '+15551234567', text: 'Hello', name: 'Jane' };
const OUTGOING = { messageId: 'p-1', to: '+15551234567', body: 'Hi Jane' };
const SEND = { id: 's-1', fromId: '+15551234567', body: 'Your order is on its way' };
const idOf = (direction: Message['direction'], id: string, channel = 'support') =>
  messageIdOf({ channel, direction, content: { id } });

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
            seen.push(await (all as typeof messages).replyTo('support', message.content.contact));
            await queue.send(message);
          },
        },
      }),
    });
    await post('support/incoming', { ...INCOMING, reply: 'C1:17.2' });
    expect(seen).toEqual(['C1:17.2']);
    expect(await messages.replyTo('support', '+15551234567')).toBe('C1:17.2');
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
    expect(await messages.replyTo('support', '+15551234567')).toBe('C1:17.2');
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
    // Not signed, it may be anything.
    const claimed = { 'x-webhook-token': TOKEN, 'webhook-id': 'msg_1' };
    expect((await post('support/outgoing', body, claimed)).status).toBe(202);
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
    deps: ({ channels }: ChannelWebhookDeps) => {
      const support = channels.get('support');
      if (!support) throw new Error('There is no such channel.');
      const parse = () => ({ kind: 'messages' as const, messages: parsed });
      return { channels: new Map([['support', { ...support, adapter: { ...support.adapter, parse } }]]) };
    },
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
    const kept = (await quarantine.list()).find((entry) => entry.id === id);
    expect(kept).toMatchObject({ receivedAt: NOW });
    const { client, table } = store();
    const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
    expect(Items).toEqual([
      expect.objectContaining({ route: `/channels/support/${direction}`, headers: {}, receivedAt: NOW }),
    ]);
    expect(Buffer.from(Items[0]?.body).toString()).toBe(body);
  });

  it('what makes an adapter fail, too', async () => {
    const { post, alerts } = await aWebhook({
      deps: ({ channels }) => {
        const support = channels.get('support');
        if (!support) throw new Error('There is no such channel.');
        const parse = () => {
          throw new TypeError('Cannot read properties of undefined');
        };
        return { channels: new Map([['support', { ...support, adapter: { ...support.adapter, parse } }]]) };
      },
    });
    expect((await post('support/incoming', INCOMING)).status).toBe(202);
    expect(alerts()).toMatchObject([{ reason: 'it could not be read: TypeError' }]);
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
    await sqs.send(new DeleteQueueCommand({ QueueUrl: queueUrl }));
    expect((await post('support/send', SEND)).status).toBe(500);
    const id = idOf('send', 's-1');
    expect(await messages.read(id)).toMatchObject({ status: 'received' });
    await createQueue(sqs, {
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
    expect(await quarantine.list('captured')).toMatchObject([{ id: kept }]);
    expect(lines().some((line) => JSON.stringify(line).includes(token))).toBe(false);
  });
});
