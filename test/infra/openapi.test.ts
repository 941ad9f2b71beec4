import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { beforeEach, describe, expect, it } from 'vitest';
import { channelWebhookDeps } from '../../functions/channel-webhook/deps.ts';
import { createChannelWebhookHandler } from '../../functions/channel-webhook/handler.ts';
import { rechargeWebhookDeps } from '../../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../../functions/recharge-webhook/handler.ts';
import { openapiDocument } from '../../infra/openapi.ts';
import { createQueue } from '../../local/engines.ts';
import { startGateway } from '../../local/gateway.ts';
import { MESSAGE_STATUSES } from '../../shared/channels/message.ts';
import { createSqsMessageQueue } from '../../shared/channels/queue.ts';
import { channelSchema } from '../../shared/channels/settings.ts';
import { createDynamoCapture } from '../../shared/incoming/capture.ts';
import { createLogger } from '../../shared/logger.ts';
import { createAccounts } from '../../shared/recharge/accounts.ts';
import { PHASES } from '../../shared/recharge/recharge.ts';
import { parseConfig } from '../../shared/settings/config.ts';
import { createSecrets, inboundSecretsSchema } from '../../shared/settings/secrets.ts';
import { useQueue } from '../support/queue.ts';
import { useLedger } from '../support/store.ts';

const document: any = JSON.parse(readFileSync('docs/relay.openapi.json', 'utf8'));
const packageJson = JSON.parse(readFileSync('package.json', 'utf8'));

const RECHARGE = '/webhooks/auto-recharge';
const INCOMING = '/channels/{channel}/incoming';
const OUTGOING = '/channels/{channel}/outgoing';
const SEND = '/channels/{channel}/send';

const ajv = new Ajv2020({ strict: true, strictRequired: false, allErrors: true });
// It is strict about the schemas; what stands around them is no schema.
ajv.addVocabulary(Object.keys(document));
ajv.addSchema(document, 'relay');

/** @param place where the schema stands in the document. */
function check(place: string[], value: unknown): string[] {
  const pointer = place.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
  const validate = ajv.getSchema(`relay#/${pointer}`);
  if (!validate) throw new Error(`The document has nothing at ${pointer}.`);
  return validate(value)
    ? []
    : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}
const isA = (name: string, value: unknown) => check(['components', 'schemas', name], value).length === 0;

/** What an answer may be, in one line each: status, content type, and which of the document's objects. */
function documentedAnswers(path: string): string[] {
  const responses = Object.entries<any>(document.paths[path].post.responses);
  return responses.flatMap(([status, { content }]) =>
    Object.entries<any>(content).flatMap(([type, { schema }]) =>
      (schema.anyOf ?? [schema]).map((branch: any) => `${status} ${type} ${nameOf(branch)}`),
    ),
  );
}

function nameOf({ $ref, type, properties }: any): string {
  const name = $ref?.split('/').at(-1) ?? type;
  return name === 'Error' ? properties.error.properties.code.const : name;
}

const store = useLedger();
const queue = useQueue();

const NOW = Date.UTC(2026, 0, 5, 12, 0, 0);
/** One that every scheme can use. */
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const EMAIL = 'client@example.com';
const VERIFIERS = [
  { type: 'token' },
  { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' },
  { type: 'standard-webhooks' },
];
const COMMON = {
  toId: 'agency-1',
  outgoing: { verifiers: VERIFIERS, id: '/messageId', contact: '/contactId', text: '/body' },
  send: { verifiers: VERIFIERS },
};
/** One of each kind, named as its adapter. */
const CHANNELS: Record<string, object> = {
  telegram: { ...COMMON, adapter: 'telegram' },
  chatwoot: { ...COMMON, adapter: 'chatwoot', baseUrl: 'https://chat.example.com', accountId: 1 },
  slack: { ...COMMON, adapter: 'slack' },
  webhook: {
    ...COMMON,
    adapter: 'webhook',
    incoming: { verifiers: VERIFIERS, id: '/message/id', contact: '/sender/phone', text: '/message/text' },
    delivery: { url: 'https://chat.example.com/messages' },
  },
  unmapped: { ...COMMON, adapter: 'slack', outgoing: { verifiers: VERIFIERS } },
};

interface Answer {
  status: number | undefined;
  type: unknown;
  body: unknown;
}

interface Sent {
  /** Default: a token that is known. */
  headers?: Record<string, string>;
  query?: Record<string, string>;
  channel?: string;
}

type Ask = (path: string, body: unknown, sent?: Sent) => Promise<Answer>;
let ask: Ask;
let queues = 0;

/** Both handlers over real engines. */
beforeEach(async () => {
  const { client, table } = store();
  const sqs = queue().client;
  queues += 1;
  const messageQueue = await createQueue(sqs, {
    name: `messages-${queues}.fifo`,
    deadLetterName: `messages-${queues}-dead.fifo`,
    visibilityTimeoutSeconds: 30,
    maxReceiveCount: 5,
  });
  const config = parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      recharge: { verifiers: VERIFIERS, creditsField: 'credits' },
      channels: CHANNELS,
    },
    'the test',
  );
  const ways = ['incoming', 'outgoing', 'send'];
  const channels = Object.keys(CHANNELS).flatMap((name) => ways.map((way) => [`${name}/${way}`, [SECRET]]));
  const secrets = JSON.stringify({ webhook: [SECRET], channels: Object.fromEntries(channels) });
  const common = {
    config,
    client,
    table,
    secrets: createSecrets('inbound', async () => secrets, inboundSecretsSchema, { now: () => NOW }),
    logger: createLogger(() => {}),
    now: () => NOW,
  };
  const recharge = createRechargeWebhookHandler(
    rechargeWebhookDeps({ ...common, queue: queue().queue, sweepAgainMs: 180_000 }),
  );
  const channel = createChannelWebhookHandler(
    channelWebhookDeps({ ...common, queue: createSqsMessageQueue(sqs, messageQueue) }),
  );
  ask = async (path, body, sent = {}) => {
    const result = await (path === RECHARGE ? recharge : channel)(anEvent(path, body, sent));
    const { statusCode: status, headers, body: text = '' } = result;
    const type = headers?.['content-type'];
    return { status, type, body: type === 'application/json' ? JSON.parse(text) : text };
  };
});

const textOf = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body));

/** Only the parts that handlers read. */
function anEvent(path: string, body: unknown, { headers, query, channel = 'webhook' }: Sent) {
  return {
    rawPath: path.replace('{channel}', channel),
    headers: headers ?? { [path === INCOMING ? tokenHeaderOf(channel) : 'x-webhook-token']: SECRET },
    queryStringParameters: query,
    body: textOf(body),
    isBase64Encoded: false,
  } as unknown as APIGatewayProxyEventV2;
}

const tokenHeaderOf = (channel: string) =>
  channel === 'telegram' ? 'x-telegram-bot-api-secret-token' : 'x-webhook-token';

const order = (over: object = {}) => ({ idempotency_key: 'key-1', email: EMAIL, credits: 500, ...over });
const reply = (over: object = {}) => ({ messageId: 'm-1', contactId: 'c-1', body: 'Hello', ...over });
const message = (over: object = {}) => ({ id: 'm-1', fromId: 'c-1', body: 'Hello', ...over });
const chat = (over: object = {}) => ({
  message: { id: 'm-1', text: 'Hello' },
  sender: { phone: '+15551234567' },
  ...over,
});
const exampleOf = (path: string, name: string) =>
  document.paths[path].post.requestBody.content['application/json'].examples[name].value;

const hmac = (secret: string, text: string) => createHmac('sha256', secret).update(text).digest('hex');
const SECONDS = String(NOW / 1_000);

type Proof = { headers: Record<string, string>; query?: Record<string, string> };

/** By the document's name of it, what proves who holds the secret and sends this body. */
const PROOFS: Record<string, (body: string, secret?: string) => Proof> = {
  tokenInHeader: (_body, secret = SECRET) => ({ headers: { 'x-webhook-token': secret } }),
  tokenInAddress: (_body, secret = SECRET) => ({ headers: {}, query: { token: secret } }),
  hmac: (body, secret = SECRET) => ({ headers: { 'x-webhook-signature': `sha256=${hmac(secret, body)}` } }),
  standardWebhooks: (body, secret = SECRET) => ({
    headers: {
      'webhook-id': 'msg_1',
      'webhook-timestamp': SECONDS,
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(NOW), body),
    },
  }),
  telegram: (_body, secret = SECRET) => ({ headers: { 'x-telegram-bot-api-secret-token': secret } }),
  chatwoot: (body, secret = SECRET) => ({
    headers: {
      'x-chatwoot-timestamp': SECONDS,
      'x-chatwoot-signature': `sha256=${hmac(secret, `${SECONDS}.${body}`)}`,
    },
  }),
  slack: (body, secret = SECRET) => ({
    headers: {
      'x-slack-request-timestamp': SECONDS,
      'x-slack-signature': `v0=${hmac(secret, `v0:${SECONDS}:${body}`)}`,
    },
  }),
};

/** A vendor's own example, signed as that vendor signs. */
function askAs(adapter: 'telegram' | 'chatwoot' | 'slack', body: unknown = exampleOf(INCOMING, adapter)) {
  return ask(INCOMING, body, { channel: adapter, headers: PROOFS[adapter]?.(textOf(body))?.headers ?? {} });
}

const withUnset = (field: string) => ({ [field]: undefined });
const tooLargeFor = (path: string) => 'x'.repeat(path.startsWith('/channels/') ? 262_145 : 65_537);
const NOBODY = { headers: {} };

async function captured(path: string): Promise<Answer> {
  const { client, table } = store();
  const route = path.replace('{channel}', 'webhook');
  const token = await createDynamoCapture(client, table).start(route, NOW + 1);
  return ask(path, '{}', { ...NOBODY, query: { token } });
}

async function withoutTable(path: string, body: unknown): Promise<Answer> {
  const { client, table } = store();
  await client.send(new DeleteTableCommand({ TableName: table }));
  return ask(path, body);
}

async function twice(path: string, first: unknown, second: unknown = first): Promise<Answer> {
  await ask(path, first);
  return ask(path, second);
}

/** As the gateway of `npm start` answers, which speaks like the one on AWS, before or behind a handler. */
async function throughGateway(path: string, body: string): Promise<Answer> {
  const throws = async () => Promise.reject(new Error('ended'));
  const routes = { 'POST /webhooks/auto-recharge': throws, 'POST /channels/{channel}/{direction}': throws };
  const gateway = await startGateway({ port: 0, routes });
  try {
    const url = gateway.url + path.replace('{channel}', 'webhook');
    const response = await fetch(url, { method: 'POST', body });
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      body: await response.json(),
    };
  } finally {
    await gateway.close();
  }
}

type Case = [answer: string, when: string, make: () => Promise<Answer>];

/** What every way of every endpoint may end in. */
const failuresOf = (path: string, body: unknown): Case[] => [
  [
    '202 application/json Captured',
    'nobody can verify it, at the address of a capture',
    () => captured(path),
  ],
  ['401 application/json UNAUTHORIZED', 'it is not verified', () => ask(path, body, NOBODY)],
  ['413 application/json TOO_LARGE', 'it is a byte too large', () => ask(path, tooLargeFor(path))],
  [
    '413 application/json GatewayError',
    'it is too large for the gateway',
    () => throughGateway(path, 'x'.repeat(10 * 1024 * 1024 + 1)),
  ],
  ['500 application/json NOT_STORED', 'the table is gone', () => withoutTable(path, body)],
  [
    '500 application/json GatewayError',
    'a function ends without an answer',
    () => throughGateway(path, '{}'),
  ],
];

const unknownChannel = (path: string): Case => [
  '404 application/json UNKNOWN_CHANNEL',
  'no channel has this name',
  () => ask(path, '{}', { channel: 'nobody' }),
];

const CASES: Record<string, Case[]> = {
  [RECHARGE]: [
    ['202 application/json RechargeReceived', 'its key is new', () => ask(RECHARGE, order())],
    ['200 application/json RechargeKnown', 'its key is known', () => twice(RECHARGE, order())],
    [
      '400 application/json NOT_UNDERSTOOD',
      'it has no key',
      () => ask(RECHARGE, order(withUnset('idempotency_key'))),
    ],
    [
      '409 application/json KEY_REUSED',
      'its key is of another number of credits',
      () => twice(RECHARGE, order(), order({ credits: 1 })),
    ],
    ...failuresOf(RECHARGE, order()),
  ],
  [INCOMING]: [
    ['200 text/plain string', 'Telegram tells of a message', () => askAs('telegram')],
    ['200 text/plain string', 'Chatwoot tells of a message', () => askAs('chatwoot')],
    ['200 text/plain string', 'Slack tells of a message', () => askAs('slack')],
    [
      '200 text/plain string',
      'Slack wants its challenge back',
      () => askAs('slack', { type: 'url_verification', challenge: 'abc' }),
    ],
    [
      '200 text/plain string',
      'Slack tells of nothing that is relayed',
      () => askAs('slack', { type: 'other' }),
    ],
    ['200 text/plain string', 'Slack is not understood', () => askAs('slack', '[]')],
    [
      '202 application/json MessageReceived',
      'any other system tells of a message',
      () => ask(INCOMING, chat()),
    ],
    ['202 application/json MessageReceived', 'it does so again', () => twice(INCOMING, chat())],
    [
      '202 application/json MessageReceived',
      'it gives an id to another message',
      () => twice(INCOMING, chat(), chat({ sender: { phone: '+15550000000' } })),
    ],
    [
      '202 application/json MessageReceived',
      'it is not understood',
      () => ask(INCOMING, chat({ message: 1 })),
    ],
    unknownChannel(INCOMING),
    ...failuresOf(INCOMING, chat()),
  ],
  [OUTGOING]: [
    ['202 application/json Message', 'its id is new', () => ask(OUTGOING, reply())],
    ['202 application/json Message', 'it has no id', () => twice(OUTGOING, reply(withUnset('messageId')))],
    ['200 application/json Message', 'its id is known', () => twice(OUTGOING, reply())],
    [
      '200 application/json Ignored',
      'it is our own message coming back',
      () => ask(OUTGOING, reply({ messageId: 'rrm-0123456789abcdef01234567' })),
    ],
    [
      '400 application/json NOT_UNDERSTOOD',
      'its fields are not configured',
      () => ask(OUTGOING, reply(), { channel: 'unmapped' }),
    ],
    [
      '409 application/json KEY_REUSED',
      'its id is of another message',
      () => twice(OUTGOING, reply(), reply({ body: 'Goodbye' })),
    ],
    unknownChannel(OUTGOING),
    ...failuresOf(OUTGOING, reply()),
  ],
  [SEND]: [
    ['202 application/json Message', 'its id is new', () => ask(SEND, message())],
    ['200 application/json Message', 'its id is known', () => twice(SEND, message())],
    ['400 application/json NOT_UNDERSTOOD', 'it is blank', () => ask(SEND, message({ body: ' ' }))],
    [
      '409 application/json KEY_REUSED',
      'its id is of another message',
      () => twice(SEND, message(), message({ body: 'Goodbye' })),
    ],
    unknownChannel(SEND),
    ...failuresOf(SEND, message()),
  ],
};

/** Status, content type and object, where the document has all of it for this address. */
function documented(path: string, { status, type, body }: Answer): string {
  const place = ['paths', path, 'post', 'responses', String(status), 'content', String(type), 'schema'];
  expect(check(place, body)).toEqual([]);
  if (Number(status) >= 400) expect(examplesAt(place.slice(0, -1))).toContainEqual(body);
  const error = (body as any)?.error?.code;
  const found = documentedAnswers(path)
    .filter((line) => line.startsWith(`${status} ${type} `))
    .map((line) => line.slice(`${status} ${type} `.length))
    .filter((name) =>
      name === 'string' ? typeof body === 'string' : name === error || isAnObject(name, body),
    );
  expect(found).toHaveLength(1);
  return `${status} ${type} ${found[0]}`;
}

const examplesAt = (place: string[]): unknown[] => {
  const { examples } = place.reduce<any>((value, name) => value[name], document);
  return Object.values<any>(examples).map(({ value }) => value);
};
const isAnObject = (name: string, body: unknown) => name in document.components.schemas && isA(name, body);

describe.each(Object.entries(CASES))('the answers of %s', (path, cases) => {
  it.each(cases)('are %s where %s', async (expected, _when, make) => {
    expect(documented(path, await make())).toBe(expected);
  });

  it('are all that the document has, but for those that the gateway alone may give', () => {
    const given = new Set(cases.map(([answer]) => answer));
    expect(documentedAnswers(path).sort()).toEqual(
      [...given, 'default application/json GatewayError'].sort(),
    );
  });
});

describe('the status in an answer', () => {
  const setTo = (pk: string, field: string, value: string) =>
    store().client.send(
      new UpdateCommand({
        TableName: store().table,
        Key: { pk },
        UpdateExpression: 'SET #field = :value',
        ExpressionAttributeNames: { '#field': field },
        ExpressionAttributeValues: { ':value': value },
      }),
    );

  it.each(PHASES)('may be any phase of a recharge: %s', async (phase) => {
    await ask(RECHARGE, order());
    await setTo('RECHARGE#key-1', 'phase', phase);
    const answer = await ask(RECHARGE, order());
    expect(documented(RECHARGE, answer)).toBe('200 application/json RechargeKnown');
    expect(answer.body).toEqual({ status: phase, idempotency_key: 'key-1' });
  });

  it.each(MESSAGE_STATUSES)('may be any status of a message: %s', async (status) => {
    const { id } = (await ask(SEND, message())).body as { id: string };
    await setTo(`MESSAGE#${id}`, 'status', status);
    const answer = await ask(SEND, message());
    expect(documented(SEND, answer)).toBe('200 application/json Message');
    // What was not queued yet is queued now.
    expect(answer.body).toEqual({ status: status === 'received' ? 'queued' : status, id });
  });
});

describe('what a sender may write', () => {
  const SEND_BODY = ['components', 'schemas', 'SendMessage'];
  const RECHARGE_BODY = ['components', 'schemas', 'RechargeWebhook'];

  it.each<[string, object]>([
    ['no more than it must', {}],
    ['all that it may', { campaignId: 'c', firstName: 'Jane', lastName: 'Smith', email: 'Jane@Example.com' }],
    ['an id of 255 characters outside of the first plane', { id: '🔑'.repeat(255) }],
    ['a line break in the text', { body: 'a\nb' }],
  ])('is a message of its own systems with %s', async (_name, over) => {
    expect(check(SEND_BODY, message(over))).toEqual([]);
    expect((await ask(SEND, message(over))).status).toBe(202);
  });

  it.each<[string, object]>([
    ['no id', withUnset('id')],
    ['a number for an id', { id: 1 }],
    ['a line break in its id', { id: 'a\nb' }],
    ['an id of 256 characters', { id: 'x'.repeat(256) }],
    ['an empty contact', { fromId: '' }],
    ['a line break in its contact', { fromId: 'a\nb' }],
    ['a line break in its campaign', { campaignId: 'a\nb' }],
    ['a blank last name', { lastName: ' ' }],
    ['a blank text', { body: '\u00a0\n' }],
    ['a campaign that is a number', { campaignId: 1 }],
    ['a blank name', { firstName: ' ' }],
    ['a name of 256 characters', { lastName: 'x'.repeat(256) }],
    ['an address that is none', { email: 'jane' }],
    ['a field that is not known', { phone: '+15551234567' }],
  ])('is no message with %s', async (_name, over) => {
    const body = JSON.parse(JSON.stringify(message(over)));
    expect(check(SEND_BODY, body)).not.toEqual([]);
    expect((await ask(SEND, body)).status).toBe(400);
  });

  it('may write each field of a webhook in any of its default places', async () => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: '4711' });
    const clients = [
      { email: EMAIL },
      { sub_account_email: EMAIL },
      { subAccountEmail: EMAIL },
      { sub_account: { email: EMAIL } },
      { sub_account_id: '4711' },
      { subAccountId: 4711 },
      { sub_account: { id: 4711 } },
    ];
    for (const named of [...clients, ...clients.map((inside) => ({ data: inside }))]) {
      const key = JSON.stringify(named);
      const above = { credits: 500, idempotency_key: key, ...named };
      const inData = {
        credits: 500,
        ...named,
        data: { idempotency_key: `in ${key}`, ...Object(named).data },
      };
      for (const body of [above, inData]) {
        expect(check(RECHARGE_BODY, body)).toEqual([]);
        expect((await ask(RECHARGE, body)).status).toBe(202);
      }
    }
  });

  it.each<[string, object]>([
    ['no key', withUnset('idempotency_key')],
    ['a key that is a number', { idempotency_key: 1 }],
    ['a key of 256 characters', { idempotency_key: 'k'.repeat(256) }],
    ['no client', withUnset('email')],
    ['an email in another script', { email: 'jané@example.com' }],
    ['no credits', withUnset('credits')],
    ['credits as text', { credits: '500' }],
    ['half a credit', { credits: 0.5 }],
    ['zero credits', { credits: 0 }],
    ['credits inside of data', { credits: undefined, data: { credits: 500 } }],
    ['an id of a client that is an object', { email: undefined, sub_account_id: {} }],
  ])('is no webhook with %s', async (_name, over) => {
    const body = JSON.parse(JSON.stringify(order(over)));
    expect(check(RECHARGE_BODY, body)).not.toEqual([]);
    expect((await ask(RECHARGE, body)).status).toBe(400);
  });

  const ways = Object.entries<any>(document.paths).flatMap(([path, { post }]) =>
    post.security.map((scheme: object): [string, string] => [Object.keys(scheme).join(), path]),
  );

  it.each<[string, string]>(ways)('is proven by %s at %s', async (scheme, path) => {
    const prove = PROOFS[scheme];
    if (!prove) throw new Error(`There is no proof for ${scheme}.`);
    const channel = scheme in CHANNELS ? scheme : 'webhook';
    const sample = scheme in CHANNELS ? exampleOf(path, scheme) : chat();
    const body = textOf(
      { [RECHARGE]: order(), [INCOMING]: sample, [OUTGOING]: reply(), [SEND]: message() }[path],
    );
    const proof = prove(body);
    const { in: place, name } = document.components.securitySchemes[scheme];
    expect(place === 'query' ? proof.query : proof.headers).toHaveProperty(name);

    expect(await ask(path, body, { channel, ...prove(body, 'whsec_YW5vdGhlcg==') })).toMatchObject({
      status: 401,
    });
    const { status } = await ask(path, body, { channel, ...proof });
    expect(status).toBe(channel === 'webhook' ? 202 : 200);
  });
});

describe('the document', () => {
  it('is what the generator makes: npm run openapi', () => {
    expect(JSON.stringify(document)).toBe(JSON.stringify(openapiDocument()));
  });

  it('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const without = structuredClone(document);
    delete without.paths[SEND].post.responses['200'].description;
    expect(await new Validator().validate(without)).toMatchObject({ valid: false });
  });

  it('has the version of this program, and names no machine', () => {
    expect(document.info.version).toBe(packageJson.version);
    expect(document.servers.map(({ url }: any) => url)).toEqual(['https://{host}']);
    expect(JSON.stringify(document)).not.toMatch(/localhost|127\.0\.0\.1|amazonaws|:3000/);
  });

  it('has every way of every address, and nothing that only npm start has', () => {
    expect(Object.keys(document.paths)).toEqual([RECHARGE, INCOMING, OUTGOING, SEND]);
    expect(Object.keys(CASES)).toEqual(Object.keys(document.paths));
  });

  it('has an example of each adapter, and all of them are tried here', () => {
    const adapters = channelSchema.options.map(({ shape }) => shape.adapter.value).sort();
    const { examples } = document.paths[INCOMING].post.requestBody.content['application/json'];
    expect(Object.keys(examples).sort()).toEqual(adapters);
    expect(Object.keys(CHANNELS).sort()).toEqual([...adapters, 'unmapped'].sort());
  });

  it('has examples that are what they show', () => {
    for (const [path, { post }] of Object.entries<any>(document.paths)) {
      const bodies = [
        [['requestBody'], post.requestBody],
        ...Object.entries(post.responses).map(([status, response]) => [['responses', status], response]),
      ] as [string[], any][];
      for (const [place, { content }] of bodies) {
        for (const [type, { examples }] of Object.entries<any>(content)) {
          const schema = ['paths', path, 'post', ...place, 'content', type, 'schema'];
          const values = Object.values<any>(examples).map(({ value }) => value);
          expect(values).not.toEqual([]);
          for (const value of values) expect(check(schema, value)).toEqual([]);
        }
      }
      for (const [index, { example }] of (post.parameters ?? []).entries()) {
        expect(check(['paths', path, 'post', 'parameters', String(index), 'schema'], example)).toEqual([]);
      }
    }
  });

  it('knows every member of an answer: with another one it is none', () => {
    for (const [path, { post }] of Object.entries<any>(document.paths)) {
      for (const [status, { content }] of Object.entries<any>(post.responses)) {
        const place = ['paths', path, 'post', 'responses', status, 'content', 'application/json', 'schema'];
        for (const { value } of Object.values<any>(content['application/json']?.examples ?? {})) {
          expect(check(place, { ...value, more: 1 })).not.toEqual([]);
        }
      }
    }
  });

  it('holds nothing that is not used', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text).toContain(`"#/components/schemas/${name}"`);
    }
    const used = Object.values<any>(document.paths).flatMap(({ post }) => post.security.flatMap(Object.keys));
    expect([...new Set(used)].sort()).toEqual(Object.keys(document.components.securitySchemes).sort());
    expect(Object.keys(PROOFS).sort()).toEqual(Object.keys(document.components.securitySchemes).sort());
  });

  it.each([
    ['functions/recharge-webhook/handler.ts', [RECHARGE]],
    ['functions/channel-webhook/handler.ts', [INCOMING, OUTGOING, SEND]],
  ])('has the errors that stand in %s, and no other', (file, paths) => {
    const errors = [...readFileSync(file, 'utf8').matchAll(/errorResponse\(\s*(\d+),\s*'(\w+)'/g)];
    const answers = paths.flatMap(documentedAnswers).filter((line) => /^\d+ \S+ [A-Z_]+$/.test(line));
    const written = new Set(errors.map(([, status, code]) => `${status} application/json ${code}`));
    expect([...new Set(answers)].sort()).toEqual([...written].sort());
  });

  it('has a closed list of codes: those of its answers', () => {
    const answers = Object.keys(document.paths).flatMap(documentedAnswers);
    const codes = answers.map((line) => line.split(' ').at(-1)).filter((name = '') => /^[A-Z_]+$/.test(name));
    const { code } = document.components.schemas.Error.properties.error.properties;
    expect([...code.enum].sort()).toEqual([...new Set(codes)].sort());
  });
});
