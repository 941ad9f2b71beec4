import { createHash } from 'node:crypto';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { GetCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { rechargeWebhookDeps } from '../../../functions/recharge-webhook/deps.ts';
import { createRechargeWebhookHandler } from '../../../functions/recharge-webhook/handler.ts';
import { engineAt } from '../../../local/aws.ts';
import { createTable } from '../../../local/engines.ts';
import { createDynamoCapture } from '../../../shared/incoming/capture.ts';
import { signRequest } from '../../../shared/incoming/verifiers.ts';
import { createLogger } from '../../../shared/logger.ts';
import { createAccounts } from '../../../shared/recharge/accounts.ts';
import { readMessage } from '../../../shared/recharge/queue.ts';
import { parseConfig } from '../../../shared/settings/config.ts';
import { createSecrets, inboundSecretsSchema } from '../../../shared/settings/secrets.ts';
import { createDocumentClient } from '../../../shared/storage/clients.ts';
import { useQueue } from '../../support/queue.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();
const queue = useQueue();

const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);
const DAY_MS = 86_400_000;
const SECRET = 'correct horse battery staple';
const EMAIL = 'jane@example.com';
const BODY = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500}';

const CREDITS_AS_SENT = { creditsField: 'credits' };

interface Given {
  /** What the configuration's section `recharge` says besides the verifiers; `creditsField` unless given. */
  recharge?: Record<string, unknown>;
  /** The stored secret; a function where it changes. */
  secret?: () => string | Promise<string>;
  client?: ReturnType<typeof createDocumentClient>;
}

/** The handler over real engines, its clock, and what it logged. */
function aWebhook(given: Given = {}) {
  const { client, table } = store();
  const clock = { now: NOW };
  const now = () => clock.now;
  const lines: Record<string, unknown>[] = [];
  const reads = { count: 0 };
  const config = parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      recharge: {
        verifiers: [{ type: 'token' }, { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' }],
        ...(given.recharge ?? CREDITS_AS_SENT),
      },
    },
    'the test',
  );
  const handler = createRechargeWebhookHandler(
    rechargeWebhookDeps({
      config,
      client: given.client ?? client,
      table,
      secrets: createSecrets(
        'inbound',
        async () => {
          reads.count += 1;
          return (await given.secret?.()) ?? JSON.stringify({ webhook: [SECRET] });
        },
        inboundSecretsSchema,
        { now },
      ),
      queue: queue().queue,
      sweepAgainMs: 180_000,
      logger: createLogger((line) => lines.push(withoutTime(line))),
      now,
    }),
  );
  return {
    clock,
    lines,
    reads,
    alerts: () => lines.filter(({ level }) => level === 'alert').map(({ message }) => message),
    send: async (body: string | Buffer, sent: Sent = {}) => answerOf(await handler(anEvent(body, sent, now))),
    handler,
  };
}

function withoutTime(line: string): Record<string, unknown> {
  const { time: _, ...rest } = JSON.parse(line);
  return rest;
}

interface Sent {
  /** Besides the signature that goes with the body; `null` for no signature. */
  headers?: Record<string, string>;
  secret?: string | null;
  query?: Record<string, string>;
  base64?: boolean;
}

/** As API Gateway makes it: payload format 2.0. Signed unless told otherwise. */
function anEvent(
  body: string | Buffer,
  { headers = {}, secret = SECRET, query, base64 = false }: Sent = {},
  now = () => NOW,
): APIGatewayProxyEventV2 {
  const bytes = Buffer.from(body);
  const signature = secret === null ? {} : signRequest({ secret, body: bytes, now: now() });
  return {
    version: '2.0',
    routeKey: 'POST /webhooks/auto-recharge',
    rawPath: '/webhooks/auto-recharge',
    rawQueryString: new URLSearchParams(query).toString(),
    headers: { 'content-type': 'application/json', ...signature, ...headers },
    ...(query === undefined ? {} : { queryStringParameters: query }),
    requestContext: {
      accountId: '123456789012',
      apiId: 'api',
      domainName: 'api.example.com',
      domainPrefix: 'api',
      http: {
        method: 'POST',
        path: '/webhooks/auto-recharge',
        protocol: 'HTTP/1.1',
        sourceIp: '192.0.2.1',
        userAgent: 'test',
      },
      requestId: 'id',
      routeKey: 'POST /webhooks/auto-recharge',
      stage: '$default',
      time: '05/Jan/2026:09:30:00 +0000',
      timeEpoch: NOW,
    },
    ...(bytes.length === 0 ? {} : { body: bytes.toString(base64 ? 'base64' : 'utf8') }),
    isBase64Encoded: base64,
  };
}

function answerOf({ statusCode, headers, body }: APIGatewayProxyStructuredResultV2) {
  expect(headers).toEqual({ 'content-type': 'application/json' });
  return { status: statusCode, body: JSON.parse(body ?? '') };
}

const order = (over: Record<string, unknown> = {}) =>
  JSON.stringify({ idempotency_key: 'key-1', email: EMAIL, credits: 500, ...over });

async function everythingStored(): Promise<Record<string, unknown>[]> {
  const { client, table } = store();
  const { Items = [] } = await client.send(new ScanCommand({ TableName: table, ConsistentRead: true }));
  return Items;
}

/** What is kept of the webhook with this body. */
async function quarantined(body: string | Buffer): Promise<Record<string, unknown> | undefined> {
  const { client, table } = store();
  const pk = `QUARANTINE#${createHash('sha256').update('/webhooks/auto-recharge\n').update(body).digest('hex')}`;
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }));
  return Item;
}

async function nothingHappened(): Promise<void> {
  expect(await everythingStored()).toEqual([]);
  expect(await queue().taken()).toEqual([]);
}

const RECEIVED = { status: 202, body: { status: 'received', idempotency_key: 'key-1' } };
const NOT_STORED = {
  status: 500,
  body: { error: { code: 'NOT_STORED', message: 'The webhook could not be stored. Please send it again.' } },
};
const UNAUTHORIZED = {
  status: 401,
  body: { error: { code: 'UNAUTHORIZED', message: 'The webhook could not be verified.' } },
};
const notUnderstood = (reason: string) => ({
  status: 400,
  body: {
    error: { code: 'NOT_UNDERSTOOD', message: `Not understood: ${reason}. The webhook is kept for 30 days.` },
  },
});

describe('a new webhook', () => {
  it('is answered 202, stored as received and queued', async () => {
    const { send } = aWebhook();
    expect(await send(BODY)).toEqual(RECEIVED);
    expect(await store().ledger.read('key-1')).toEqual({
      v: 1,
      key: 'key-1',
      email: 'jane@example.com',
      credits: 500,
      receivedAt: NOW,
      phase: 'received',
      version: 1,
      attempt: 1,
      attemptStartedAt: NOW,
      nextAttemptAt: NOW + 180_000,
      grantNo: 0,
      history: [{ at: NOW, event: 'received' }],
    });
    expect(await queue().taken()).toEqual(['{"key":"key-1"}']);
  });

  it('costs one request and one log line, in which the client is masked', async () => {
    const counted = meter(store().client);
    const { send, lines } = aWebhook();
    await send(BODY);
    expect(counted).toMatchObject({ requests: 1, writeUnits: 3, readUnits: 0 });
    expect(lines).toEqual([
      {
        level: 'info',
        message: 'webhook answered',
        key: 'key-1',
        email: 'j***@example.com',
        word: 'received',
        phase: 'received',
        credits: 500,
        status: 202,
        durationMs: 0,
        webhook_202: 1,
        stage: 'local',
        _aws: expect.objectContaining({
          CloudWatchMetrics: [expect.objectContaining({ Metrics: [{ Name: 'webhook_202' }] })],
        }),
      },
    ]);
  });

  it('that comes 20 times at once makes one row: one 202 and nineteen 200', async () => {
    const { send, alerts } = aWebhook();
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(BODY)));
    expect(answers.filter(({ status }) => status === 202)).toEqual([RECEIVED]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(19);
    expect((await everythingStored()).map(({ pk }) => pk)).toEqual(['RECHARGE#key-1']);
    expect(new Set(await queue().taken())).toEqual(new Set(['{"key":"key-1"}']));
    expect(alerts()).toEqual([]);
  });
});

describe('a webhook that came before', () => {
  it('is answered 200, and queued again while nothing is known to have begun', async () => {
    const { send, lines } = aWebhook();
    await send(BODY);
    await queue().taken();
    expect(await send(BODY)).toEqual({ status: 200, body: { status: 'received', idempotency_key: 'key-1' } });
    expect(await queue().taken()).toEqual(['{"key":"key-1"}']);
    expect(lines.at(-1)).toMatchObject({ message: 'webhook answered', word: 'duplicate' });
  });

  it.each(['granting', 'charged', 'needs_review', 'completed'] as const)(
    'is told that the recharge is %s, and is not queued again',
    async (phase) => {
      const { send } = aWebhook();
      await send(BODY);
      await queue().taken();
      const row = await store().ledger.read('key-1');
      if (!row) throw new Error('There is no row.');
      await store().ledger.write(row, { ...row, phase });
      expect(await send(BODY)).toEqual({ status: 200, body: { status: phase, idempotency_key: 'key-1' } });
      expect(await queue().taken()).toEqual([]);
    },
  );

  it('costs one request, and changes nothing on the row', async () => {
    const { send, clock } = aWebhook();
    await send(BODY);
    const before = await everythingStored();
    const counted = meter(store().client);
    clock.now += 400 * DAY_MS;
    await send(BODY);
    expect(counted.requests).toBe(1);
    expect(await everythingStored()).toEqual(before);
  });

  it('is the same one with other white space, members, field names and spelling of the email', async () => {
    const { send, alerts } = aWebhook();
    await send(BODY);
    const again = {
      idempotency_key: 'key-1',
      event: 'x',
      data: { email: ' Jane@Example.COM ' },
      credits: 500,
    };
    expect((await send(JSON.stringify(again, null, 2))).status).toBe(200);
    expect(alerts()).toEqual([]);
  });

  it('is the same one after the credits of every recharge were configured anew', async () => {
    const body = '{"idempotency_key":"key-1","email":"jane@example.com"}';
    await aWebhook({ recharge: { credits: 500 } }).send(body);
    const { send, alerts } = aWebhook({ recharge: { credits: 1_000 } });
    expect((await send(body)).status).toBe(200);
    expect((await store().ledger.read('key-1'))?.credits).toBe(500);
    expect(alerts()).toEqual([]);
  });
});

describe('a key that comes with other content', () => {
  it.each([
    ['another number of credits', order({ credits: 501 })],
    ['another client', order({ email: 'john@example.com' })],
  ])('is answered 409 for %s, kept aside, with one alert however often it comes', async (_name, other) => {
    const { send, alerts, lines } = aWebhook();
    await send(BODY);
    const before = await store().ledger.read('key-1');
    await queue().taken();
    const conflict = {
      status: 409,
      body: {
        error: {
          code: 'KEY_REUSED',
          message:
            'This idempotency_key was received before, for another client or number of credits. Nothing was done.',
        },
      },
    };
    for (let sent = 1; sent <= 3; sent += 1) expect(await send(other)).toEqual(conflict);
    expect(await store().ledger.read('key-1')).toEqual(before);
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual(['key_reused']);
    expect(lines.find(({ level }) => level === 'alert')).toMatchObject({
      key: 'key-1',
      email: expect.stringMatching(/^j\*\*\*@example\.com$/),
      quarantine: createHash('sha256').update('/webhooks/auto-recharge\n').update(other).digest('hex'),
    });
    expect(await quarantined(other)).toMatchObject({
      body: new Uint8Array(Buffer.from(other)),
      reason: 'the idempotency key belongs to another client or number of credits',
    });
    // The first one still stands.
    expect((await send(BODY)).status).toBe(200);
  });
});

describe('a webhook that is genuine and not understood', () => {
  const NO_CLIENT =
    'no client: neither an email (email, sub_account_email, subAccountEmail, sub_account.email, data.email, ' +
    'data.sub_account_email, data.subAccountEmail, data.sub_account.email) nor an id (sub_account_id, ' +
    'subAccountId, sub_account.id, data.sub_account_id, data.subAccountId, data.sub_account.id)';
  const NOT_JSON = 'the body is not a JSON object in UTF-8';
  const KEY = 'the idempotency key (idempotency_key, data.idempotency_key)';
  const KEY_FORM = `${KEY} must be 1 to 255 printable characters`;
  const EMAIL_FORM = "the client's email is not an email address in plain ASCII";
  const WHOLE = 'the credits (credits) must be a whole number';
  const POSITIVE = 'the credits (credits) must be greater than zero';
  const credits = (json: string) =>
    `{"idempotency_key":"key-1","email":"jane@example.com","credits":${json}}`;

  it.each<[string, string | Buffer, string]>([
    ['no body at all', '', NOT_JSON],
    ['no JSON', 'idempotency_key=key-1&credits=500', NOT_JSON],
    ['half of its JSON', BODY.slice(0, -1), NOT_JSON],
    ['a JSON list', `[${BODY}]`, NOT_JSON],
    ['a JSON text', '"key-1"', NOT_JSON],
    ['null', 'null', NOT_JSON],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(BODY.slice(0, -1)), Buffer.from(',"name":"\xff"}', 'latin1')]),
      NOT_JSON,
    ],
    ['UTF-16', Buffer.from(`\ufeff${BODY}`, 'utf16le'), NOT_JSON],
    ['lists 30,000 deep', '['.repeat(30_000), NOT_JSON],
    [
      'lists 30,000 deep in place of the key',
      `{"idempotency_key":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      `${KEY} must be text`,
    ],
    ['an empty object', '{}', `${KEY} must be text`],
    ['no key', order({ idempotency_key: undefined }), `${KEY} must be text`],
    ['null for a key', order({ idempotency_key: null }), `${KEY} must be text`],
    ['a number for a key', order({ idempotency_key: 7 }), `${KEY} must be text`],
    ['an object for a key', order({ idempotency_key: { a: 1 } }), `${KEY} must be text`],
    ['an empty key', order({ idempotency_key: '' }), KEY_FORM],
    ['a key of 256 characters', order({ idempotency_key: 'k'.repeat(256) }), KEY_FORM],
    ['a line feed in the key', order({ idempotency_key: 'key\n1' }), KEY_FORM],
    ['a NUL in the key', order({ idempotency_key: 'key\u00001' }), KEY_FORM],
    ['a zero-width space in the key', order({ idempotency_key: 'key\u200b1' }), KEY_FORM],
    ['half a surrogate pair in the key', credits('500').replace('key-1', '\\ud83d'), KEY_FORM],
    ['no client', order({ email: undefined }), NO_CLIENT],
    ['an object for an id', order({ email: undefined, sub_account_id: { a: 1 } }), NO_CLIENT],
    ['a space in the id', order({ email: undefined, sub_account_id: 'sub 1' }), NO_CLIENT],
    ['a negative id', order({ email: undefined, sub_account_id: -1 }), NO_CLIENT],
    ['an empty email', order({ email: '' }), EMAIL_FORM],
    ['a number for an email', order({ email: 5 }), "the client's email must be text"],
    ['an email without @', order({ email: 'jane' }), EMAIL_FORM],
    ['two emails', order({ email: 'jane@example.com,john@example.com' }), EMAIL_FORM],
    ['an email with a name', order({ email: 'Jane <jane@example.com>' }), EMAIL_FORM],
    ['a line break in the email', order({ email: 'jane@example.com\r\nBcc: john@example.com' }), EMAIL_FORM],
    ['a trailing dot in the email', order({ email: 'jane@example.com.' }), EMAIL_FORM],
    ['a Cyrillic letter in the email', order({ email: 'j\u0430ne@example.com' }), EMAIL_FORM],
    ['full-width letters in the email', order({ email: '\uff4aane@example.com' }), EMAIL_FORM],
    ['a Kelvin sign, whose lower case is k', order({ email: '\u212aate@example.com' }), EMAIL_FORM],
    ['a Turkish capital I in the email', order({ email: 'kat\u0130@example.com' }), EMAIL_FORM],
    ['a zero-width space in the email', order({ email: 'jane@example.com\u200b' }), EMAIL_FORM],
    ['a right-to-left mark in the email', order({ email: '\u202ejane@example.com' }), EMAIL_FORM],
    ['an accent of its own in the email', order({ email: 'jane\u0301@example.com' }), EMAIL_FORM],
    ['an email of 255 characters', order({ email: `${'j'.repeat(243)}@example.com` }), EMAIL_FORM],
    ['no credits', order({ credits: undefined }), WHOLE],
    ['null credits', credits('null'), WHOLE],
    ['true credits', credits('true'), WHOLE],
    ['credits as text', credits('"500"'), WHOLE],
    ['empty text for credits', credits('""'), WHOLE],
    ['a list of credits', credits('[500]'), WHOLE],
    ['half a credit', credits('0.5'), WHOLE],
    ['a part of a credit too many', credits('500.0000001'), WHOLE],
    ['1e21 credits', credits('1e21'), WHOLE],
    ['more credits than a number counts exactly', credits('9007199254740993'), WHOLE],
    ['more credits than a number holds', credits('1e999'), WHOLE],
    ['NaN as text', credits('"NaN"'), WHOLE],
    ['no credits at all', credits('0'), POSITIVE],
    ['minus no credits', credits('-0'), POSITIVE],
    ['negative credits', credits('-500'), POSITIVE],
    ['NaN, which is no JSON', credits('NaN'), NOT_JSON],
  ])('for it holds %s is answered 400 and kept whole, once, with one alert', async (_name, body, reason) => {
    const { send, alerts } = aWebhook();
    expect(await send(body, { base64: true })).toEqual(notUnderstood(reason));
    expect(await send(body, { base64: true })).toEqual(notUnderstood(reason));
    expect(await everythingStored()).toHaveLength(1);
    const kept = await quarantined(body);
    expect(kept?.body).toEqual(new Uint8Array(Buffer.from(body)));
    expect(kept).toMatchObject({ reason, receivedAt: NOW });
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual(['webhook_quarantined']);
  });

  it('is kept for 30 days with its headers, without any that prove who sent it', async () => {
    const { send, lines } = aWebhook();
    await send('{}', {
      headers: {
        'X-Webhook-Token': SECRET,
        Authorization: `Bearer ${SECRET}`,
        'Proxy-Authorization': SECRET,
        Cookie: `session=${SECRET}`,
        'X-Api-Key': SECRET,
        'X-Other-Secret': SECRET,
        'X-Hub-Token': SECRET,
        'Webhook-Id': 'msg_1',
        // A proof of a scheme that is not configured is one all the same.
        'Webhook-Signature': 'v1,c2lnbmF0dXJl',
        'Idempotency-Key': 'key-1',
      },
      query: { token: SECRET },
    });
    const kept = await quarantined('{}');
    expect(kept).toMatchObject({
      headers: { 'content-type': 'application/json', 'webhook-id': 'msg_1', 'idempotency-key': 'key-1' },
      // 2026-02-04, 09:30 UTC.
      expiresAt: 1_770_197_400,
    });
    expect(Object.keys(Object(kept?.headers)).sort()).toEqual([
      'content-type',
      'idempotency-key',
      'webhook-id',
    ]);
    expect(JSON.stringify([kept, lines])).not.toContain(SECRET);
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'alert',
        message: 'webhook_quarantined',
        quarantine: '71d94263a7f264e35f47d71eea6024abf15421fdbd14005731e43a8a1eba4457',
        reason: 'the idempotency key (idempotency_key, data.idempotency_key) must be text',
      }),
      expect.objectContaining({ level: 'info', word: 'quarantined', webhook_400: 1 }),
    ]);
  });

  it('is news again once its 30 days are over, also where the table still holds it', async () => {
    const { send, alerts, clock } = aWebhook();
    await send('{}');
    clock.now += 30 * DAY_MS - 1_000;
    await send('{}');
    expect(alerts()).toEqual(['webhook_quarantined']);
    clock.now += 2_000;
    await send('{}');
    expect(alerts()).toEqual(['webhook_quarantined', 'webhook_quarantined']);
    expect(await quarantined('{}')).toMatchObject({ receivedAt: NOW + 30 * DAY_MS + 1_000 });
  });

  it('is kept and answered 400 while nobody has configured the credits', async () => {
    const { send } = aWebhook({ recharge: {} });
    const reason = 'recharge.credits or recharge.creditsField is not configured yet';
    expect(await send(BODY)).toEqual(notUnderstood(reason));
    expect(await quarantined(BODY)).toMatchObject({ reason });
  });

  it('is stored as a recharge once the mapping is mended and it comes again', async () => {
    await aWebhook({ recharge: {} }).send(BODY);
    expect(await aWebhook().send(BODY)).toEqual(RECEIVED);
  });

  it('is answered 500 where it could not even be kept aside', async () => {
    const { client, table } = store();
    await client.send(new DeleteTableCommand({ TableName: table }));
    expect(await aWebhook().send('{}')).toEqual(NOT_STORED);
  });
});

describe('a webhook that is understood', () => {
  it.each([
    ['a key of 255 characters', order({ idempotency_key: 'k'.repeat(255) }), 'k'.repeat(255)],
    ['a key with #, / and blanks', order({ idempotency_key: 'a # b / c' }), 'a # b / c'],
    ['a key in another script', order({ idempotency_key: 'schlüssel-鍵-🔑' }), 'schlüssel-鍵-🔑'],
    ['the key of an object’s own', order({ idempotency_key: '__proto__' }), '__proto__'],
  ])('may have %s', async (_name, body, key) => {
    const { send } = aWebhook();
    expect(await send(body)).toEqual({ status: 202, body: { status: 'received', idempotency_key: key } });
    expect(await store().ledger.read(key)).toMatchObject({ key, email: EMAIL, credits: 500 });
    expect((await queue().taken()).map(readMessage)).toEqual([key]);
  });

  it.each([
    ['capitals', 'JANE@Example.COM'],
    ['blanks around it', '  jane@example.com\t'],
    ['a line break behind it', 'jane@example.com\r\n'],
  ])('names the same client with %s', async (_name, email) => {
    const { send } = aWebhook();
    expect((await send(order({ email }))).status).toBe(202);
    expect((await store().ledger.read('key-1'))?.email).toBe('jane@example.com');
  });

  it('names another client with a plus and a tag', async () => {
    const { send } = aWebhook();
    await send(order({ email: 'jane+ai@example.com' }));
    expect((await store().ledger.read('key-1'))?.email).toBe('jane+ai@example.com');
  });

  it.each([
    ['a byte order mark', `\ufeff${BODY}`],
    ['a member twice, of which the last counts', BODY.replace('500', '5,"credits":500')],
    ['a member __proto__', BODY.replace('{', '{"__proto__":{"email":"john@example.com"},')],
    ['a member constructor', BODY.replace('{', '{"constructor":{"prototype":{"credits":1}},')],
    [
      'lists 10,000 deep beside what it means',
      BODY.replace('{', `{"x":${'['.repeat(10_000)}${']'.repeat(10_000)},`),
    ],
    ['500.0 credits', BODY.replace('500', '500.0')],
    ['5e2 credits', BODY.replace('500', '5e2')],
  ])('may have %s', async (_name, body) => {
    const { send } = aWebhook();
    expect(await send(body)).toEqual(RECEIVED);
    expect(await store().ledger.read('key-1')).toMatchObject({ email: EMAIL, credits: 500 });
    expect(Object.hasOwn(Object.prototype, 'credits')).toBe(false);
  });

  it('does not find its fields on the prototype of an object', async () => {
    const { send } = aWebhook({
      recharge: {
        keyFields: ['constructor.name'],
        emailFields: ['toString.name'],
        creditsField: 'constructor.length',
      },
    });
    expect(await send(BODY)).toEqual(notUnderstood('the idempotency key (constructor.name) must be text'));
    const inherited = '{"__proto__":{"idempotency_key":"key-1","email":"jane@example.com","credits":500}}';
    expect((await aWebhook().send(inherited)).status).toBe(400);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1', ''])(
    'may have the content type "%s"',
    async (type) => {
      expect(await aWebhook().send(BODY, { headers: { 'content-type': type } })).toEqual(RECEIVED);
    },
  );

  it('may name the client by the id the platform knows it by, as text or number', async () => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: '4711' });
    const { send } = aWebhook();
    const byNumber = '{"idempotency_key":"key-1","sub_account_id":4711,"credits":500}';
    const byText = '{"idempotency_key":"key-2","data":{"sub_account":{"id":"4711"}},"credits":500}';
    expect(await send(byNumber)).toEqual(RECEIVED);
    expect((await send(byText)).status).toBe(202);
    expect((await ledger.read('key-1'))?.email).toBe(EMAIL);
    expect((await ledger.read('key-2'))?.email).toBe(EMAIL);
    // The same recharge, however the client is named.
    expect((await send(BODY)).status).toBe(200);
  });

  it('is kept aside while the platform’s id is linked to no account, and says by which command it is', async () => {
    const { client, table, ledger } = store();
    const { send, alerts } = aWebhook();
    const body = '{"idempotency_key":"key-1","sub_account_id":"sub_1","credits":500}';
    const reason = 'the platform id of the client is linked to no account: relay accounts set';
    expect(await send(body)).toEqual(notUnderstood(reason));
    expect(await quarantined(body)).toMatchObject({ reason });
    expect(alerts()).toEqual(['webhook_quarantined']);
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: 'sub_1' });
    expect(await send(body)).toEqual(RECEIVED);
  });

  it('may name the client by email and id, where the id leads to that client or to none', async () => {
    const { client, table, ledger } = store();
    const { send } = aWebhook();
    expect(await send(order({ sub_account_id: 'sub_1' }))).toEqual(RECEIVED);
    await createAccounts(client, table, ledger).set(EMAIL, { platformId: 'sub_1' });
    expect((await send(order({ sub_account_id: 'sub_1' }))).status).toBe(200);
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'an email and an id that lead to two accounts',
      { sub_account_id: 'sub_1' },
      'the email and the platform id of the client lead to two accounts',
    ],
    ['two emails of two clients', { data: { email: 'john@example.com' } }, 'name two clients'],
    ['two ids', { sub_account_id: 'sub_2', data: { sub_account: { id: 3 } } }, 'name two clients'],
  ])('is kept aside, and nobody is charged, for %s', async (_name, members, reason) => {
    const { client, table, ledger } = store();
    await createAccounts(client, table, ledger).set('john@example.com', { platformId: 'sub_1' });
    const { send, alerts } = aWebhook();
    const answer = await send(order(members));
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining(reason) } },
    });
    expect(await ledger.read('key-1')).toBeUndefined();
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual(['webhook_quarantined']);
  });

  it('keeps the spelling of the email that the platform used, where it is another than ours', async () => {
    const { ledger } = store();
    await aWebhook().send(order({ email: ' Jane@Example.COM ' }));
    expect(await ledger.read('key-1')).toMatchObject({ email: EMAIL, grantEmail: 'Jane@Example.COM' });
    await aWebhook().send(order({ idempotency_key: 'key-2' }));
    expect(await ledger.read('key-2')).not.toHaveProperty('grantEmail');
  });

  it('may be a recharge of the configured number of credits', async () => {
    const { send } = aWebhook({ recharge: { credits: 250 } });
    expect(await send('{"idempotency_key":"key-1","email":"jane@example.com"}')).toEqual(RECEIVED);
    expect((await store().ledger.read('key-1'))?.credits).toBe(250);
  });
});

describe('the proof of the sender', () => {
  const NAME = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500,"name":"Zoë 🦊"}';

  it.each<[string, Sent]>([
    ['as text', {}],
    ['as base64', { base64: true }],
  ])('is a signature over the bytes of the body: %s', async (_name, sent) => {
    expect(await aWebhook().send(NAME, sent)).toEqual(RECEIVED);
  });

  it('is made over the raw bytes: the same JSON in other words has another signature', async () => {
    const headers = signRequest({ secret: SECRET, body: Buffer.from(BODY), now: NOW });
    expect(await aWebhook().send(BODY.replace('{', '{ '), { secret: null, headers })).toEqual(UNAUTHORIZED);
    expect(await aWebhook().send(`\ufeff${BODY}`, { secret: null, headers })).toEqual(UNAUTHORIZED);
  });

  it.each<[string, Sent]>([
    ['a token in a header', { headers: { 'x-webhook-token': SECRET } }],
    ['a header name in capitals', { headers: { 'X-WEBHOOK-TOKEN': SECRET } }],
    ['a token in the address', { query: { token: SECRET } }],
    ['the previous secret', { headers: { 'x-webhook-token': 'the old one' } }],
  ])('may be %s', async (_name, sent) => {
    const { send } = aWebhook({ secret: () => JSON.stringify({ webhook: [SECRET, 'the old one'] }) });
    expect(await send(BODY, { secret: null, ...sent })).toEqual(RECEIVED);
  });

  it('may be a signature of the Standard Webhooks', async () => {
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    const { send } = aWebhook({
      recharge: { ...CREDITS_AS_SENT, verifiers: [{ type: 'standard-webhooks' }] },
      secret: () => JSON.stringify({ webhook: [secret] }),
    });
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': '1767605400',
      'webhook-signature': new Webhook(secret).sign('msg_1', new Date(1_767_605_400_000), BODY),
    };
    expect(await send(BODY, { secret: null, headers })).toEqual(RECEIVED);
  });

  it.each<[string, Sent]>([
    ['is missing', { secret: null }],
    ['is made with another secret', { secret: 'a guess' }],
    ['is an empty token', { secret: null, headers: { 'x-webhook-token': '' } }],
    ['is a wrong token', { secret: null, query: { token: 'a guess' } }],
    ['has no prefix', { secret: null, headers: { 'x-webhook-signature': 'a'.repeat(64) } }],
  ])('is refused with 401, and nothing happens, where it %s', async (_name, sent) => {
    const { send, alerts, lines } = aWebhook();
    expect(await send(BODY, sent)).toEqual(UNAUTHORIZED);
    // Not understood either, but nobody is told: no oracle, and no way to fill the quarantine.
    expect(await send('{', sent)).toEqual(UNAUTHORIZED);
    await nothingHappened();
    expect(alerts()).toEqual([]);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ level: 'info', message: 'webhook answered', word: 'unauthorized' });
    expect(JSON.stringify(lines)).not.toMatch(/a guess|aaaa|key-1|jane/);
  });

  it('is refused where no verifier is configured, and where no secret is set', async () => {
    const unconfigured = aWebhook({ recharge: { verifiers: [] } });
    expect(await unconfigured.send(BODY)).toEqual(UNAUTHORIZED);
    expect(unconfigured.lines[0]).toMatchObject({ reason: 'no verifier is configured' });
    const unset = aWebhook({ secret: () => '' });
    expect(await unset.send(BODY, { secret: '' })).toEqual(UNAUTHORIZED);
    expect(unset.lines[0]).toMatchObject({ reason: 'no secret is set' });
    await nothingHappened();
  });

  it('is held to a changed secret at once, but the secrets are read at most once a minute', async () => {
    let stored = 'the first one';
    const { send, clock, reads } = aWebhook({ secret: () => JSON.stringify({ webhook: [stored] }) });
    await send(BODY, { secret: 'the first one' });
    expect(reads.count).toBe(1);

    stored = 'the second one';
    clock.now += 60_000;
    expect((await send(BODY, { secret: 'the second one' })).status).toBe(200);
    expect(reads.count).toBe(2);
    expect(await send(BODY, { secret: 'the first one' })).toEqual(UNAUTHORIZED);

    for (let forged = 0; forged < 50; forged += 1) await send(BODY, { secret: 'a guess' });
    clock.now += 59_999;
    await send(BODY, { secret: 'a guess' });
    expect(reads.count).toBe(2);
    clock.now += 1;
    await send(BODY, { secret: 'a guess' });
    expect(reads.count).toBe(3);
  });

  it('is held to a changed secret by all that come at once', async () => {
    let stored = 'the first one';
    const { send, clock, reads } = aWebhook({ secret: () => JSON.stringify({ webhook: [stored] }) });
    await send(BODY, { secret: 'the first one' });
    stored = 'the second one';
    clock.now += 60_000;
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => send(BODY, { secret: 'the second one' })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(reads.count).toBe(2);
  });

  it('cannot be judged while the secrets cannot be read: 500, and nothing happens', async () => {
    let stored: string | Error = new Error('no answer');
    const { send, lines } = aWebhook({
      secret: async () => {
        if (stored instanceof Error) throw stored;
        return stored;
      },
    });
    expect(await send(BODY)).toEqual(NOT_STORED);
    await nothingHappened();
    expect(lines).toEqual([
      expect.objectContaining({
        level: 'error',
        message: 'a webhook could not be stored',
        error: 'Error: The secret "inbound" could not be read, because Error: no answer',
      }),
      expect.objectContaining({ level: 'info', word: 'not_stored', webhook_500: 1 }),
    ]);
    stored = JSON.stringify({ webhook: [SECRET] });
    expect(await send(BODY)).toEqual(RECEIVED);
  });

  it('is judged by the known secrets for as long as they cannot be read again: the store is no sender', async () => {
    let fails = false;
    const { send, clock } = aWebhook({
      secret: async () => {
        if (fails) throw new Error('no answer');
        return JSON.stringify({ webhook: [SECRET] });
      },
    });
    await send(BODY);
    clock.now += 3_600_000;
    fails = true;
    expect((await send(BODY)).status).toBe(200);
    clock.now += 61_000;
    expect(await send(BODY, { secret: 'a guess' })).toEqual(UNAUTHORIZED);
    expect((await send(BODY)).status).toBe(200);
  });
});

describe('a webhook that nobody can verify, while captures are on', () => {
  const CAPTURED = { status: 202, body: { status: 'captured' } };
  const ROUTE = '/webhooks/auto-recharge';
  const start = (route = ROUTE) => {
    const { client, table } = store();
    return createDynamoCapture(client, table).start(route, NOW + 60_000);
  };
  const rows = async () => (await everythingStored()).filter(({ pk }) => !String(pk).startsWith('CONTROL#'));

  it('is kept whole and answered 202, and nothing else happens', async () => {
    const token = await start();
    const { send, alerts, lines } = aWebhook();
    const headers = { 'X-Platform-Signature': 'v1=abc', Authorization: 'Bearer of-the-platform' };
    expect(await send(BODY, { secret: null, headers, query: { token }, base64: true })).toEqual(CAPTURED);
    expect(await rows()).toEqual([
      expect.objectContaining({
        reason: 'captured',
        headers: {
          'content-type': 'application/json',
          'x-platform-signature': 'v1=abc',
          authorization: 'Bearer of-the-platform',
        },
        body: new Uint8Array(Buffer.from(BODY)),
        // 30 days on: 2026-02-04, 09:30 UTC.
        expiresAt: 1_770_197_400,
      }),
    ]);
    expect(await queue().taken()).toEqual([]);
    expect(alerts()).toEqual([]);
    expect(lines).toMatchObject([
      { level: 'info', word: 'captured', status: 202, quarantine: expect.stringMatching(/^[0-9a-f]{64}$/) },
    ]);
    expect(JSON.stringify([lines, await everythingStored()])).not.toContain(token);
    expect(JSON.stringify(lines)).not.toMatch(/v1=abc|of-the-platform|jane|key-1/);
  });

  it('is captured also where no verifier is configured, and no secret is set', async () => {
    const query = { token: await start() };
    expect(await aWebhook({ recharge: { verifiers: [] } }).send(BODY, { secret: null, query })).toEqual(
      CAPTURED,
    );
    expect(await aWebhook({ secret: () => '' }).send('{}', { secret: null, query })).toEqual(CAPTURED);
  });

  it.each<[string, (token: string) => Record<string, string> | undefined]>([
    ['without a token', () => undefined],
    ['with another token', (token) => ({ token: `${token}x` })],
    ['with the token under another name', (token) => ({ Token: token })],
  ])('is refused as ever %s', async (_name, queryOf) => {
    const query = queryOf(await start());
    const { send, lines } = aWebhook();
    expect(await send(BODY, { secret: null, ...(query ? { query } : {}) })).toEqual(UNAUTHORIZED);
    expect(await rows()).toEqual([]);
    expect(lines).toMatchObject([{ word: 'unauthorized', status: 401 }]);
  });

  it('is refused as ever once the time is over, when it is full, and at the address of another route', async () => {
    const { send, clock } = aWebhook();
    const sent = async (token: string, body = BODY) => send(body, { secret: null, query: { token } });
    expect(await sent(await start('/channels/support/outgoing'))).toEqual(UNAUTHORIZED);
    const token = await start();
    for (let n = 1; n <= 20; n += 1) expect(await sent(token, `{"n":${n}}`)).toEqual(CAPTURED);
    expect(await sent(token)).toEqual(UNAUTHORIZED);
    const fresh = await start();
    clock.now += 60_000;
    expect(await sent(fresh)).toEqual(UNAUTHORIZED);
    clock.now -= 1;
    expect(await sent(fresh)).toEqual(CAPTURED);
    expect(await rows()).toHaveLength(21);
  });

  it('is refused with the very bytes with which it is refused while nothing is captured', async () => {
    const { handler } = aWebhook();
    const refused = async (query: Record<string, string>) => handler(anEvent(BODY, { secret: null, query }));
    const before = await refused({ token: 'capture-AAAAAAAAAAAAAAAAAAAAAAAA' });
    await start();
    expect(await refused({ token: 'capture-AAAAAAAAAAAAAAAAAAAAAAAA' })).toEqual(before);
    expect(await refused({})).toEqual(before);
  });

  it('is answered 500 where it cannot be kept', async () => {
    const token = await start();
    const { client, table } = store();
    await client.send(new DeleteTableCommand({ TableName: table }));
    expect(await aWebhook().send(BODY, { secret: null, query: { token } })).toEqual(NOT_STORED);
  });

  it('is asked about with one request, and only where it holds a token of a capture', async () => {
    const counted = meter(store().client);
    const { send } = aWebhook();
    await send(BODY, { secret: null });
    await send(BODY, { secret: null, query: { token: 'a guess' } });
    expect(counted.requests).toBe(0);
    await send(BODY, { secret: null, query: { token: 'capture-AAAAAAAAAAAAAAAAAAAAAAAA' } });
    expect(counted.requests).toBe(1);
  });

  it('does not concern the ones that are verified: they are recharges, at the same cost', async () => {
    const query = { token: await start() };
    const counted = meter(store().client);
    const { send } = aWebhook();
    expect(await send(BODY, { query })).toEqual(RECEIVED);
    expect(counted).toMatchObject({ requests: 1, writeUnits: 3, readUnits: 0 });
    expect((await send(BODY, { query })).status).toBe(200);
    expect(counted.requests).toBe(2);
    expect((await rows()).map(({ pk }) => pk)).toEqual(['RECHARGE#key-1']);
  });
});

describe('the size of a webhook', () => {
  const TOO_LARGE = {
    status: 413,
    body: { error: { code: 'TOO_LARGE', message: 'The body is larger than 65536 bytes.' } },
  };
  const padded = (bytes: number) => BODY.replace('}', `,"x":"${'x'.repeat(bytes - BODY.length - 7)}"}`);

  it('may be 64 KB', async () => {
    expect(Buffer.byteLength(padded(65_536))).toBe(65_536);
    expect(await aWebhook().send(padded(65_536))).toEqual(RECEIVED);
    expect((await aWebhook().send(padded(65_536), { base64: true })).status).toBe(200);
  });

  it.each<[string, Sent]>([
    ['signed', {}],
    ['unsigned', { secret: null }],
    ['signed, as base64', { base64: true }],
  ])('may not be a byte more: 413, before anything is verified or kept (%s)', async (_name, sent) => {
    const { send, reads } = aWebhook();
    expect(await send(padded(65_537), sent)).toEqual(TOO_LARGE);
    expect(reads.count).toBe(0);
    await nothingHappened();
  });

  it('is counted in bytes, not in characters', async () => {
    expect(await aWebhook().send(`{"x":"${'ü'.repeat(32_766)}"}`)).toEqual(TOO_LARGE);
  });

  it('that can be kept aside is 64 KB as well', async () => {
    const body = 'x'.repeat(65_536);
    expect((await aWebhook().send(body)).status).toBe(400);
    expect((await quarantined(body))?.body).toEqual(new Uint8Array(Buffer.from(body)));
  });
});

describe('an outage', () => {
  it('of the table is answered 500; the same webhook is new once the table is back', async () => {
    const { client, table } = store();
    const { send, lines } = aWebhook();
    await client.send(new DeleteTableCommand({ TableName: table }));
    expect(await send(BODY)).toEqual(NOT_STORED);
    expect(await queue().taken()).toEqual([]);
    expect(lines).toEqual([
      expect.objectContaining({ level: 'error', message: 'a webhook could not be stored' }),
      expect.objectContaining({ level: 'info', word: 'not_stored', webhook_500: 1 }),
    ]);
    await createTable(client, table);
    expect(await send(BODY)).toEqual(RECEIVED);
  });

  it('of the network to the table is answered 500, within the time of a webhook', async () => {
    const startedAt = performance.now();
    const client = createDocumentClient(engineAt('http://127.0.0.1:1'));
    expect(await aWebhook({ client }).send(BODY)).toEqual(NOT_STORED);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    client.destroy();
  });

  it('of the queue is answered 500; the row stands, is due by itself, and a repetition queues it', async () => {
    const { client, url } = queue();
    await client.send(new DeleteQueueCommand({ QueueUrl: url }));
    const { send } = aWebhook();
    expect(await send(BODY)).toEqual(NOT_STORED);
    expect(await store().ledger.due('time', NOW + 180_000)).toEqual({
      items: [{ key: 'key-1', nextAttemptAt: NOW + 180_000 }],
    });
    await queue().restore();
    expect(await send(BODY)).toEqual({ status: 200, body: { status: 'received', idempotency_key: 'key-1' } });
    expect(await queue().taken()).toEqual(['{"key":"key-1"}']);
  });
});
