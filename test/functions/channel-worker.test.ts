import { DeleteCommand, ScanCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import type { SQSRecord } from 'aws-lambda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelWorkerDeps } from '../../functions/channel-worker/deps.ts';
import { createChannelWorkerHandler } from '../../functions/channel-worker/handler.ts';
import { createSandboxChat, type SandboxChat } from '../../local/sandbox/chat.ts';
import { createSandboxPlatform, type SandboxPlatform } from '../../local/sandbox/platform.ts';
import { productionMessagePolicy } from '../../shared/channels/decide.ts';
import { type Direction, type Message, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { createDynamoMessages } from '../../shared/channels/messages.ts';
import type { Received } from '../../shared/channels/queue.ts';
import { channelsSchema } from '../../shared/channels/settings.ts';
import { createLogger } from '../../shared/logger.ts';
import { platformProfileSchema } from '../../shared/platform/profile.ts';
import { createSecrets, outboundSecretsSchema } from '../../shared/settings/secrets.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();

const PLATFORM_KEY = 'platform-key-8f2e';
const CHAT_TOKEN = 'chat-token-77aa';
const SECRETS = { platformApiKey: PLATFORM_KEY, channelTokens: { support: CHAT_TOKEN } };

let platform: SandboxPlatform;
let chat: SandboxChat;
beforeAll(async () => {
  platform = await createSandboxPlatform({ apiKey: PLATFORM_KEY, webhookSecret: 'unused' });
  chat = await createSandboxChat({ secret: CHAT_TOKEN });
});
afterAll(async () => {
  await Promise.all([platform.close(), chat.close()]);
});

interface Given {
  secrets?: Partial<typeof SECRETS>;
  hide?: () => Promise<void>;
  bury?: () => Promise<void>;
  callMs?: number;
}

/** The handler over a real table, a real platform and a real chat of the sandbox; its queue only remembers. */
function aWorker(given: Given = {}) {
  const { client, table } = store();
  const lines: string[] = [];
  const hidden: { handles: string[]; ms: number }[] = [];
  const buried: string[] = [];
  const deps = channelWorkerDeps({
    config: {
      platform: platformProfileSchema.parse({ baseUrl: `${platform.url}/v1`, requestsPerMinute: 60_000 }),
      channels: channelsSchema.parse({
        support: {
          adapter: 'webhook',
          toId: 'agency-1',
          incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/from', text: '/text' },
          delivery: {
            url: `${chat.url}/messages`,
            headers: { authorization: 'Bearer {{token}}' },
            externalId: '/id',
          },
        },
      }),
    },
    client,
    table,
    secrets: createSecrets(
      'outbound',
      async () => JSON.stringify(given.secrets ?? SECRETS),
      outboundSecretsSchema,
    ),
    queue: {
      async hide(received: readonly Received[], ms: number) {
        hidden.push({ handles: received.map(({ receiptHandle }) => receiptHandle), ms });
        await given.hide?.();
      },
      async bury({ body }: Received) {
        buried.push(body);
        await given.bury?.();
      },
    },
    policy: { ...productionMessagePolicy, callMs: given.callMs ?? 5_000 },
    logger: createLogger((line) => lines.push(line)),
    now: Date.now,
  });
  const handler = createChannelWorkerHandler(deps);
  return {
    hidden,
    buried,
    lines: (): any[] => lines.map((line) => JSON.parse(line)),
    text: () => lines.join('\n'),
    alerts: () =>
      lines
        .map((line) => JSON.parse(line))
        .filter(({ level }) => level === 'alert')
        .map(({ message }) => message),
    /** @returns the SQS ids that are reported failed. */
    async work(records: SQSRecord[], remainingMs = 60_000): Promise<string[]> {
      const { batchItemFailures } = await handler(
        { Records: records },
        { getRemainingTimeInMillis: () => remainingMs },
      );
      return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
    },
  };
}

/** Only the parts the handler reads; its SQS id is `sqs-<body>` and its handle `handle of <body>`. */
const record = (body: string, group: string, receives = 1): SQSRecord =>
  ({
    messageId: `sqs-${body}`,
    receiptHandle: `handle of ${body}`,
    body,
    attributes: { MessageGroupId: group, ApproximateReceiveCount: String(receives) },
  }) as unknown as SQSRecord;

let contacts = 0;
const aContact = () => {
  contacts += 1;
  return `contact-${contacts}`;
};

/** Stores a queued message and says what the queue holds of it. */
async function queued(direction: Direction, contact: string, text: string, receives?: number) {
  const { client, table } = store();
  const { mark } = createDynamoMessages(client, table, Date.now);
  const content = { id: text, contact, type: 'text' as const, text, attachments: [] };
  const message = { ...newMessage({ channel: 'support', direction, content }, Date.now()), status: 'queued' };
  expect((await mark(message as Message)).kind).toBe('written');
  return record(JSON.stringify({ message: idOf(direction, text) }), contact, receives);
}

const idOf = (direction: Direction, text: string) =>
  messageIdOf({ channel: 'support', direction, content: { id: text } });
const rowOf = async (direction: Direction, text: string) => {
  const { client, table } = store();
  return createDynamoMessages(client, table, Date.now).read(idOf(direction, text));
};
const sqsIds = (records: SQSRecord[]) => records.map(({ messageId }) => messageId);

/** All tests send with one token. */
async function forgetWaits() {
  const { client, table } = store();
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table }));
  const waits = Items.filter(({ pk }) => `${pk}`.startsWith('WAIT#'));
  await Promise.all(waits.map(({ pk }) => client.send(new DeleteCommand({ TableName: table, Key: { pk } }))));
}

/** What the platform has of a contact, in the order in which it came. */
const atPlatform = (contact: string): string[] =>
  platform.books.flatMap((event) =>
    (event.kind === 'received' || event.kind === 'sent') && event.fromId === contact ? [event.body] : [],
  );
const atChat = (contact: string): string[] =>
  chat.books.flatMap((event) =>
    event.kind === 'delivered' && event.contact === contact ? [event.text] : [],
  );

describe('a batch', () => {
  it('of several contacts is delivered, each one’s messages in their order', async () => {
    const [a, b, c] = [aContact(), aContact(), aContact()];
    const records = [
      await queued('incoming', a, `${a} one`),
      await queued('incoming', b, `${b} one`),
      await queued('incoming', a, `${a} two`),
      await queued('send', c, `${c} one`),
      await queued('incoming', a, `${a} three`),
      await queued('outgoing', b, `${b} reply`),
    ];
    const { work, hidden, buried, alerts, lines, text } = aWorker();
    expect(await work(records)).toEqual([]);
    expect(atPlatform(a)).toEqual([`${a} one`, `${a} two`, `${a} three`]);
    expect(atPlatform(b)).toEqual([`${b} one`]);
    expect(atPlatform(c)).toEqual([`${c} one`]);
    expect(atChat(b)).toEqual([`${b} reply`]);
    expect(await rowOf('incoming', `${a} one`)).toMatchObject({
      status: 'delivered',
      externalIds: [expect.stringMatching(/^\d{13}$/)],
    });
    expect(await rowOf('outgoing', `${b} reply`)).toMatchObject({
      status: 'delivered',
      externalIds: [expect.stringMatching(/^\d{16}$/)],
    });
    expect({ hidden, buried, alerts: alerts() }).toEqual({ hidden: [], buried: [], alerts: [] });
    const told = lines().filter(({ message }) => message === 'decided');
    expect(told).toHaveLength(6);
    for (const secret of [PLATFORM_KEY, CHAT_TOKEN, a, b, c]) expect(text()).not.toContain(secret);
  });

  it('may be empty, or name a message twice', async () => {
    const a = aContact();
    const one = await queued('incoming', a, `${a} one`);
    const { work } = aWorker();
    expect(await work([])).toEqual([]);
    expect(await work([one, { ...one, messageId: 'sqs-again' }])).toEqual([]);
    expect(atPlatform(a)).toEqual([`${a} one`]);
  });

  it('in which one contact waits: all of it that is behind waits as long, and everybody else goes on', async () => {
    const [stuck, free] = [aContact(), aContact()];
    platform.fault({ operation: 'incoming', fault: 'error_before', email: stuck });
    const records = [
      await queued('incoming', stuck, `${stuck} one`),
      await queued('incoming', free, `${free} one`),
      await queued('incoming', stuck, `${stuck} two`),
      await queued('incoming', free, `${free} two`),
      await queued('incoming', stuck, `${stuck} three`),
    ];
    const mine = records.filter(({ attributes }) => attributes.MessageGroupId === stuck);
    const { work, hidden } = aWorker();
    expect(await work(records)).toEqual(sqsIds(mine));
    expect(hidden).toEqual([
      { handles: mine.map(({ receiptHandle }) => receiptHandle), ms: expect.any(Number) },
    ]);
    expect(hidden[0]?.ms).toBeGreaterThanOrEqual(1_000);
    expect(hidden[0]?.ms).toBeLessThanOrEqual(2_000);
    expect(atPlatform(free)).toEqual([`${free} one`, `${free} two`]);
    expect(atPlatform(stuck)).toEqual([]);
    // The later ones were not even begun.
    expect(await rowOf('incoming', `${stuck} two`)).toMatchObject({ version: 1, status: 'queued' });
    expect(await aWorker().work(mine)).toEqual([]);
    expect(atPlatform(stuck)).toEqual([`${stuck} one`, `${stuck} two`, `${stuck} three`]);
  });

  it('waits as long as the platform asks: its limit is the key’s, and so everybody’s', async () => {
    const [a, b] = [aContact(), aContact()];
    platform.fault({ operation: 'incoming', fault: 'rate_limited', ms: 7_000, email: a });
    const one = await queued('incoming', a, `${a} one`);
    const { work, hidden } = aWorker();
    expect(await work([one])).toEqual(sqsIds([one]));
    expect(hidden).toMatchObject([{ ms: 7_000 }]);
    const other = await queued('incoming', b, `${b} one`);
    expect(await work([other])).toEqual(sqsIds([other]));
    expect(hidden[1]?.ms).toBeGreaterThan(6_000);
    expect(atPlatform(b)).toEqual([]);
  });

  it('waits as long as the chat asks, with all that goes to the same chat, and without asking again', async () => {
    const [a, b] = [aContact(), aContact()];
    chat.fault({ operation: 'deliver', fault: 'rate_limited', ms: 3_600_000, contact: a });
    const secrets = { ...SECRETS, channelTokens: { support: CHAT_TOKEN, sales: 'another-token' } };
    const one = await queued('outgoing', a, `${a} one`);
    const { work, hidden } = aWorker({ secrets });
    expect(await work([one])).toEqual(sqsIds([one]));
    expect(hidden).toMatchObject([{ ms: 3_600_000 }]);
    expect(await rowOf('outgoing', `${a} one`)).toMatchObject({ status: 'queued', waits: 1 });
    const other = await queued('outgoing', b, `${b} one`);
    expect(await aWorker({ secrets }).work([other])).toEqual(sqsIds([other]));
    expect(await rowOf('outgoing', `${b} one`)).toMatchObject({
      status: 'queued',
      history: expect.arrayContaining([
        expect.objectContaining({
          event: 'waiting',
          detail: expect.stringMatching(/^told to wait until 20/),
        }),
      ]),
    });
    expect(atChat(b)).toEqual([]);
    // What goes elsewhere goes on.
    const incoming = await queued('incoming', b, `${b} to the platform`);
    expect(await aWorker({ secrets }).work([incoming])).toEqual([]);
    await forgetWaits();
  });

  it('in which one contact hangs does not keep the others until it is over', async () => {
    const [stuck, free] = [aContact(), aContact()];
    platform.fault({ operation: 'incoming', fault: 'hang_after', email: stuck });
    const records = [
      await queued('incoming', stuck, `${stuck} one`),
      await queued('incoming', free, `${free} one`),
    ];
    const worker = aWorker({ callMs: 400 });
    const working = worker.work(records);
    const began = Date.now();
    while (atPlatform(free).length === 0) {
      if (Date.now() - began > 390) expect.unreachable('It waited for the one that hangs.');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await working).toEqual(sqsIds(records.slice(0, 1)));
    // It arrived all the same; the platform knows it again.
    expect(await aWorker().work(records.slice(0, 1))).toEqual([]);
    expect(atPlatform(stuck)).toEqual([`${stuck} one`]);
  });

  it('goes on behind a message that is refused, or of which nobody knows', async () => {
    const [a, b] = [aContact(), aContact()];
    platform.fault({ operation: 'incoming', fault: 'invalid', email: a });
    chat.fault({ operation: 'deliver', fault: 'error_after', email: b });
    const records = [
      await queued('incoming', a, `${a} one`),
      await queued('incoming', a, `${a} two`),
      await queued('outgoing', b, `${b} one`),
      await queued('outgoing', b, `${b} two`),
    ];
    const { work, buried, alerts, text } = aWorker();
    expect(await work(records)).toEqual([]);
    expect(await rowOf('incoming', `${a} one`)).toMatchObject({ status: 'failed' });
    expect(await rowOf('outgoing', `${b} one`)).toMatchObject({ status: 'parked' });
    expect(atPlatform(a)).toEqual([`${a} two`]);
    expect(atChat(b)).toEqual([`${b} one`, `${b} two`]);
    expect(buried).toEqual([records[0]?.body]);
    expect(alerts().toSorted()).toEqual(['message_failed', 'message_parked']);
    expect(text()).not.toContain(a);
  });

  it('whose run is nearly over goes back at once, unbegun', async () => {
    const a = aContact();
    const records = [await queued('incoming', a, `${a} one`), await queued('incoming', a, `${a} two`)];
    const { work, hidden } = aWorker();
    expect(await work(records, 24_000)).toEqual(sqsIds(records));
    expect(hidden).toEqual([{ handles: records.map(({ receiptHandle }) => receiptHandle), ms: 0 }]);
    expect(atPlatform(a)).toEqual([]);
  });

  it('stays in order where the queue does not answer', async () => {
    const a = aContact();
    platform.fault({ operation: 'incoming', fault: 'rate_limited', email: a });
    const records = [await queued('incoming', a, `${a} one`), await queued('incoming', a, `${a} two`)];
    const fails = async () => {
      throw new Error('no answer');
    };
    const { work, lines } = aWorker({ hide: fails });
    expect(await work(records)).toEqual(sqsIds(records));
    expect(atPlatform(a)).toEqual([]);
    expect(lines().find(({ level }) => level === 'error')).toMatchObject({ error: 'Error: no answer' });
  });
});

describe('a message of the queue', () => {
  it.each([
    ['is no JSON', 'hello'],
    ['is empty', ''],
    ['is another message', '{"key":"key-1"}'],
    ['names nothing that is stored', '{"message":"rrm-000000000000000000000000"}'],
  ])('that %s is buried, and its group goes on', async (_, body) => {
    const a = aContact();
    const { work, buried, lines } = aWorker();
    expect(await work([record(body, a), await queued('incoming', a, `${a} one`)])).toEqual([]);
    expect(buried).toEqual([body]);
    expect(atPlatform(a)).toEqual([`${a} one`]);
    expect(lines().filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ messageId: `sqs-${body}` }),
    ]);
  });

  it('that cannot be buried comes again, and is then', async () => {
    const a = aContact();
    platform.fault({ operation: 'incoming', fault: 'invalid', email: a });
    const one = await queued('incoming', a, `${a} one`);
    const fails = async () => {
      throw new Error('no answer');
    };
    expect(await aWorker({ bury: fails }).work([one])).toEqual(sqsIds([one]));
    expect(await rowOf('incoming', `${a} one`)).toMatchObject({ status: 'failed' });
    const again = aWorker();
    expect(await again.work([one])).toEqual([]);
    expect(again.buried).toEqual([one.body]);
    expect(again.alerts()).toEqual(['message_failed']);
    expect(atPlatform(a)).toEqual([]);
  });

  it('whose row is of a later version waits for it, with an alert', async () => {
    const a = aContact();
    const one = await queued('incoming', a, `${a} one`);
    const { client, table } = store();
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${idOf('incoming', `${a} one`)}` },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 99 },
      }),
    );
    const { work, alerts, hidden } = aWorker();
    expect(await work([one])).toEqual(sqsIds([one]));
    expect(alerts()).toEqual(['newer_row']);
    expect(hidden).toHaveLength(1);
    expect(atPlatform(a)).toEqual([]);
  });

  it('whose row storage does not give waits the longer the oftener it came, and nobody waits with it', async () => {
    const [a, b] = [aContact(), aContact()];
    const { client } = store();
    const records = [await queued('incoming', a, `${a} one`, 9), await queued('incoming', b, `${b} one`)];
    const lost = idOf('incoming', `${a} one`);
    client.middlewareStack.add((next, { commandName }) => (args) => {
      if (commandName === 'GetItemCommand' && JSON.stringify(args.input).includes(lost)) {
        throw new Error('no answer');
      }
      return next(args);
    });
    const waits: number[] = [];
    for (let times = 0; times < 20; times += 1) {
      const { work, hidden } = aWorker();
      expect(await work(records)).toEqual(sqsIds(records.slice(0, 1)));
      waits.push(hidden[0]?.ms ?? 0);
    }
    expect(atPlatform(b)).toEqual([`${b} one`]);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(512_000);
    // Of 20 draws up to 512 s, none above 60 s is as likely as 1 in 10^18.
    expect(Math.max(...waits)).toBeGreaterThan(60_000);
  });

  it('waits while its key or token is not set', async () => {
    const a = aContact();
    const records = [await queued('incoming', a, `${a} one`), await queued('outgoing', a, `${a} reply`)];
    const [incoming, outgoing] = records as [SQSRecord, SQSRecord];
    const worker = aWorker({ secrets: {} });
    const alone = { ...outgoing, attributes: { ...outgoing.attributes, MessageGroupId: 'another' } };
    expect((await worker.work([incoming, alone])).toSorted()).toEqual(sqsIds(records).toSorted());
    expect(atPlatform(a)).toEqual([]);
    expect(atChat(a)).toEqual([]);
    expect(await aWorker().work([incoming, alone])).toEqual([]);
    expect(atPlatform(a)).toEqual([`${a} one`]);
    expect(atChat(a)).toEqual([`${a} reply`]);
  });
});

describe('a happy message of the worker', () => {
  it.each([
    ['incoming', { requests: 2, writeUnits: 1, readUnits: 1 }],
    // The intent.
    ['send', { requests: 3, writeUnits: 2, readUnits: 1 }],
    // And where the contact takes replies, and half a unit for whether the chat asked us to wait.
    ['outgoing', { requests: 5, writeUnits: 2, readUnits: 2.5 }],
  ] as const)('on %s costs %j', async (direction, budget) => {
    const a = aContact();
    const one = await queued(direction, a, `${a} one`);
    const counted = meter(store().client);
    expect(await aWorker().work([one])).toEqual([]);
    expect(await rowOf(direction, `${a} one`)).toMatchObject({ status: 'delivered' });
    const own = { requests: 1, readUnits: 1 };
    expect({
      requests: counted.requests - own.requests,
      writeUnits: counted.writeUnits,
      readUnits: counted.readUnits - own.readUnits,
    }).toEqual(budget);
  });
});
