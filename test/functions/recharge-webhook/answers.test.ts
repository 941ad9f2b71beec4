import { createHash } from 'node:crypto';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { DeleteQueueCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { engineAt } from '../../../local/aws.ts';
import { createTable } from '../../../local/engines.ts';
import { withoutClient } from '../../../shared/recharge/erased.ts';
import { createDocumentClient } from '../../../shared/storage/clients.ts';
import { meter } from '../../support/store.ts';
import { BODY, DAY_MS, NOT_STORED, NOW, order, RECEIVED, type Sent, useWebhook } from './receiving.ts';

const { store, queue, aWebhook, everythingStored, quarantined, nothingHappened } = useWebhook();

describe('a new webhook', () => {
  it('is answered 202, stored as received and queued', async () => {
    const { send } = aWebhook();
    expect(await send(BODY)).toEqual(RECEIVED);
    expect(await store().ledger.read('key-1')).toEqual({
      v: 2,
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

describe('a webhook that comes again after its client was erased', () => {
  /** As `relay erase` leaves the row. */
  const erased = async (body: string) => {
    const { ledger } = store();
    const webhook = aWebhook({ recharge: { platformIdFields: ['id'], creditsField: 'credits' } });
    await webhook.send(body);
    await queue().taken();
    const row = (await ledger.read('key-1')) ?? expect.unreachable('it was claimed');
    const { nextAttemptAt: _, ...ended } = row;
    const { row: blocked } = await ledger.write(row, { ...ended, phase: 'blocked' });
    await ledger.write(blocked, withoutClient(blocked, ['jane@example.com'], { now: NOW }));
    return webhook;
  };
  const duplicate = {
    status: 200,
    body: { status: 'blocked', idempotency_key: 'key-1' },
  };

  it('is a duplicate, and nothing is kept of it', async () => {
    const { send } = await erased(BODY);
    expect(await send(BODY)).toMatchObject(duplicate);
    expect(await quarantined(BODY)).toBeUndefined();
    expect(await queue().taken()).toEqual([]);
  });

  it('is a duplicate where it names the client by an id alone, which leads nowhere any more', async () => {
    const { send } = await erased(BODY);
    const byId = '{"idempotency_key":"key-1","id":"4711","credits":500}';
    expect(await send(byId)).toMatchObject(duplicate);
    expect(await quarantined(byId)).toBeUndefined();
  });

  it('is none where it names another client, or other credits', async () => {
    const { send } = await erased(BODY);
    expect((await send(BODY.replace('jane', 'joe'))).status).toBe(409);
    expect((await send(BODY.replace('500', '501'))).status).toBe(409);
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
            'This idempotency_key was received before, for another client or number of credits. The first one stands. Nothing is charged for this one, and it is kept for 30 days.',
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
