import { gzipSync } from 'node:zlib';
import { DeleteTableCommand } from '@aws-sdk/client-dynamodb';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { createDynamoCapture } from '../../../shared/incoming/capture.ts';
import { signRequest } from '../../../shared/incoming/verifiers.ts';
import { meter } from '../../support/store.ts';
import {
  anEvent,
  BODY,
  CREDITS_AS_SENT,
  NOT_STORED,
  NOW,
  RECEIVED,
  SECRET,
  type Sent,
  UNAUTHORIZED,
  useWebhook,
} from './receiving.ts';

const GZIP = { 'content-encoding': 'gzip' };

const { store, queue, aWebhook, everythingStored, nothingHappened } = useWebhook();

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

  it.each<[string, string | Buffer, Sent, boolean]>([
    ['a genuine one under a secret that was changed on one side', BODY, { secret: 'the old one' }, true],
    ['a genuine one whose scheme is not the configured one', BODY, { secret: null }, true],
    ['a genuine one that is packed', gzipSync(BODY), { secret: null, headers: GZIP, base64: true }, true],
    ['what anybody posts', '{"jsonrpc":"2.0","method":"eth_accounts"}', { secret: null }, false],
    ['a form that anybody posts', 'log=admin&pwd=admin', { secret: null }, false],
    ['nothing', '', { secret: null }, false],
    ['a guess at the token', '{}', { secret: null, query: { token: 'a guess' } }, false],
  ])(
    'counts for the alarm, when it is refused, where it has the form of a webhook: %s',
    async (_, body, sent, counts) => {
      const { send, lines } = aWebhook();
      expect(await send(body, sent)).toEqual(UNAUTHORIZED);
      expect(lines[0]).toMatchObject({ word: 'unauthorized', plausible: counts, webhook_401: 1 });
      expect(lines[0]?.webhook_401_plausible).toBe(counts ? 1 : undefined);
    },
  );

  it('is looked for in the header that names the key, where one does', async () => {
    const { send, lines } = aWebhook({
      recharge: { ...CREDITS_AS_SENT, keyHeader: 'x-key', keyHeaderTrusted: true },
    });
    await send(BODY, { secret: null });
    await send('{}', { secret: null, headers: { 'x-key': 'key-1' } });
    expect(lines.map(({ plausible }) => plausible)).toEqual([false, true]);
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
    // The first one, which is counted for people. The others of this minute wait.
    expect(counted.requests).toBe(1);
    await send(BODY, { secret: null, query: { token: 'capture-AAAAAAAAAAAAAAAAAAAAAAAA' } });
    expect(counted.requests).toBe(2);
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
