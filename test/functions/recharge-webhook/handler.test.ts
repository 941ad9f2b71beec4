import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  createRechargeWebhookHandler,
  type RechargeWebhookDeps,
} from '../../../functions/recharge-webhook/handler.ts';
import { createMemoryLedger, EMPTY_TABLE } from '../../../proof/memory-ledger.ts';
import type { QuarantinedWebhook } from '../../../shared/incoming/quarantine.ts';
import { createLogger } from '../../../shared/logger.ts';
import { erasedNameOf, newRecharge } from '../../../shared/recharge/recharge.ts';
import { aConfig } from '../../support/builders.ts';
import {
  anEvent,
  answerOf,
  BODY,
  CREDITS_AS_SENT,
  EMAIL,
  NOW,
  notUnderstood,
  order,
  RECEIVED,
  SECRET,
  type Sent,
} from './receiving.ts';

const ROUTE = '/webhooks/auto-recharge';
const HMAC = { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' };

/** The handler on ports in memory, and what came to each of them. */
function aWebhook({
  recharge = {},
  linked = {},
  known = [SECRET],
  ...given
}: {
  recharge?: object;
  linked?: Record<string, string>;
  known?: string[];
} & Partial<RechargeWebhookDeps> = {}) {
  const { recharge: config } = aConfig({
    recharge: { verifiers: [HMAC], ...('credits' in recharge ? {} : CREDITS_AS_SENT), ...recharge },
  });
  const ledger = createMemoryLedger({ table: EMPTY_TABLE });
  const clock = { now: NOW };
  const now = () => clock.now;
  const lines: Record<string, unknown>[] = [];
  const queued: string[] = [];
  const kept: QuarantinedWebhook[] = [];
  const answered: unknown[] = [];
  const previous: unknown[] = [];
  const handler = createRechargeWebhookHandler({
    config,
    ledger,
    secrets: { get: async () => ({ webhook: known }), reread: async () => 'kept', doubt: () => {} },
    accounts: { emailOf: async (platformId) => linked[platformId] },
    quarantine: {
      keep: async (webhook, tell) => {
        kept.push(webhook);
        tell?.('id-1');
        return 'id-1';
      },
    },
    capture: { take: async () => false },
    secretUses: { saw: async (...use) => void previous.push(use) },
    refusals: { answered: async (...answer) => void answered.push(answer) },
    queue: { send: async (keys) => void queued.push(...keys) },
    sweepAgainMs: 180_000,
    logger: createLogger((line) => lines.push(JSON.parse(line)), { now }),
    now,
    ...given,
  });
  const send = async (body: string | Buffer = BODY, sent: Sent = {}) =>
    answerOf(await handler(anEvent(body, sent, now)));
  return { send, ledger, clock, lines, queued, kept, answered, previous };
}

const alerts = (lines: Record<string, unknown>[]) => lines.filter(({ level }) => level === 'alert');
const duplicate = (status: string) => ({ status: 200, body: { status, idempotency_key: 'key-1' } });

describe('a genuine webhook', () => {
  it('is claimed, due by itself in a while, queued, and told in one line', async () => {
    const { send, ledger, queued, lines, answered } = aWebhook({
      accounts: { emailOf: () => expect.unreachable('It names no id.') },
    });
    expect(await send()).toEqual(RECEIVED);
    expect(await ledger.read('key-1')).toStrictEqual(
      newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW + 180_000),
    );
    expect(queued).toEqual(['key-1']);
    expect(lines).toMatchObject([
      {
        level: 'info',
        message: 'webhook answered',
        status: 202,
        word: 'received',
        key: 'key-1',
        email: 'j***@example.com',
        phase: 'received',
        credits: 500,
        durationMs: 0,
        webhook_202: 1,
      },
    ]);
    expect(answered).toMatchObject([[ROUTE, 202, { word: 'received' }]]);
  });

  it('keeps the spelling of the address, which the platform may need', async () => {
    const { send, ledger } = aWebhook();
    await send(order({ email: 'Jane@Example.com' }));
    expect(await ledger.read('key-1')).toMatchObject({ email: EMAIL, grantEmail: 'Jane@Example.com' });
  });

  it('is told with how long it took', async () => {
    const { send, clock, lines } = aWebhook({
      accounts: {
        emailOf: async () => {
          clock.now += 40;
          return EMAIL;
        },
      },
      recharge: { platformIdFields: ['id'] },
    });
    await send(order({ id: 'sub-1' }));
    expect(lines.at(-1)).toMatchObject({ durationMs: 40 });
  });

  it('that a previous secret signed is noted as such', async () => {
    const { send, previous } = aWebhook({ known: ['the new one', SECRET] });
    expect(await send()).toEqual(RECEIVED);
    expect(previous).toEqual([['webhook', SECRET]]);
  });

  it('of a key that was received before is a duplicate, told so, and queued while nothing has begun', async () => {
    const { send, queued, lines } = aWebhook();
    await send();
    expect(await send()).toEqual(duplicate('received'));
    expect(queued).toEqual(['key-1', 'key-1']);
    expect(lines.at(-1)).toMatchObject({ word: 'duplicate', webhook_200: 1 });
  });

  it.each([
    ['its row was written', { version: 2 }],
    ['the sweeper has brought it back', { swept: 1 }],
    ['it has gone on', { phase: 'granting' as const }],
  ])('is not queued again once %s', async (_, given) => {
    const { send, ledger, queued } = aWebhook();
    const row = newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW);
    await ledger.claim({ ...row, ...given });
    expect((await send()).status).toBe(200);
    expect(queued).toEqual([]);
  });

  it('whose credits a setting names is a duplicate also after that setting has changed', async () => {
    const { send, ledger } = aWebhook({ recharge: { credits: 1_000 } });
    await ledger.claim(newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW));
    expect(await send()).toEqual(duplicate('received'));
  });
});

describe('a webhook of a key that is somebody else’s', () => {
  const KEY_REUSED = {
    status: 409,
    body: {
      error: {
        code: 'KEY_REUSED',
        message:
          'This idempotency_key was received before, for another client or number of credits. The first one stands. Nothing is charged for this one, and it is kept for 30 days.',
      },
    },
  };

  it.each([
    ['another client', { email: 'joe@example.com' }],
    ['other credits', { credits: 501 }],
  ])('names %s: it is kept aside, and the first one stands', async (_, other) => {
    const { send, queued, kept, lines, answered } = aWebhook();
    await send();
    expect(await send(order(other))).toEqual(KEY_REUSED);
    expect(queued).toEqual(['key-1']);
    expect(kept).toMatchObject([
      {
        route: ROUTE,
        body: Buffer.from(order(other)),
        reason: 'the idempotency key belongs to another client or number of credits',
        receivedAt: NOW,
      },
    ]);
    const of = { key: 'key-1', quarantine: 'id-1', email: expect.stringMatching(/^j\*\*\*@/) };
    expect(lines.slice(-2)).toMatchObject([
      { level: 'alert', message: 'key_reused', ...of },
      { message: 'webhook answered', word: 'key_reused', status: 409, ...of },
    ]);
    expect(answered.at(-1)).toMatchObject([ROUTE, 409, { word: 'key_reused', quarantine: 'id-1' }]);
  });
});

describe('a webhook that names its client by the platform’s id', () => {
  const recharge = { platformIdFields: ['id'] };
  const byId = '{"idempotency_key":"key-1","id":"sub-1","credits":500}';

  it('is of the account that has this id', async () => {
    const { send, ledger } = aWebhook({ recharge, linked: { 'sub-1': EMAIL } });
    expect(await send(byId)).toEqual(RECEIVED);
    expect(await ledger.read('key-1')).toMatchObject({ email: EMAIL });
  });

  it('that no account has is kept aside, and a person hears of it', async () => {
    const reason = 'the platform id of the client is linked to no account: relay accounts set';
    const { send, ledger, kept, lines } = aWebhook({ recharge });
    expect(await send(byId)).toEqual(notUnderstood(reason));
    expect(kept).toMatchObject([{ reason }]);
    expect(await ledger.read('key-1')).toBeUndefined();
    expect(alerts(lines)).toMatchObject([
      { message: 'webhook_quarantined', route: ROUTE, quarantine: 'id-1', reason },
    ]);
    expect(lines.at(-1)).toMatchObject({ word: 'quarantined', quarantine: 'id-1', reason, webhook_400: 1 });
  });

  it('and by an email that leads to another account is kept aside', async () => {
    const { send, queued } = aWebhook({ recharge, linked: { 'sub-1': 'joe@example.com' } });
    expect(await send(order({ id: 'sub-1' }))).toEqual(
      notUnderstood('the email and the platform id of the client lead to two accounts'),
    );
    expect(queued).toEqual([]);
  });

  it('and by an email that leads to the same account, or that no account has yet, is theirs', async () => {
    expect(await aWebhook({ recharge, linked: { 'sub-1': EMAIL } }).send(order({ id: 'sub-1' }))).toEqual(
      RECEIVED,
    );
    expect(await aWebhook({ recharge }).send(order({ id: 'sub-1' }))).toEqual(RECEIVED);
  });

  it('is a duplicate where that client was erased meanwhile, and none of a client who was not', async () => {
    const { send, ledger, kept, lines } = aWebhook({ recharge });
    const row = newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW);
    await ledger.claim({ ...row, phase: 'completed', email: erasedNameOf(row) });
    expect(await send(byId)).toEqual(duplicate('completed'));
    expect(await send()).toEqual(duplicate('completed'));
    expect(kept).toEqual([]);
    expect(lines).toMatchObject([{ word: 'duplicate' }, { word: 'duplicate' }]);
    const known = aWebhook({ recharge });
    await known.ledger.claim(row);
    expect((await known.send(byId)).status).toBe(400);
  });
});

describe('a webhook that is not understood', () => {
  it('is kept aside with its headers, but for what proves its sender', async () => {
    const { send, kept } = aWebhook();
    const headers = { 'x-request-id': 'r-1', authorization: 'Bearer x', 'idempotency-token': 't-1' };
    expect((await send('{}', { headers })).status).toBe(400);
    expect(kept).toMatchObject([{ body: Buffer.from('{}') }]);
    expect(kept[0]?.headers).toEqual({ 'content-type': 'application/json', 'x-request-id': 'r-1' });
  });

  it('keeps the header that its key stands in, whatever that looks like', async () => {
    const recharge = { keyHeader: 'idempotency-token', keyHeaderTrusted: true };
    const { send, kept } = aWebhook({ recharge });
    await send('{}', { headers: { 'idempotency-token': 't-1' } });
    expect(kept[0]?.headers).toMatchObject({ 'idempotency-token': 't-1' });
  });

  it('has its fields read from a form as well', async () => {
    const { send, queued } = aWebhook();
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(
      await send('idempotency_key=key-1&email=jane%40example.com&credits=500', { headers: form }),
    ).toEqual(RECEIVED);
    expect(queued).toEqual(['key-1']);
  });

  it('may have its key in a header', async () => {
    const { send } = aWebhook({ recharge: { keyHeader: 'x-key', keyHeaderTrusted: true } });
    expect((await send(order(), { headers: { 'x-key': 'key-1' } })).status).toBe(202);
  });
});

it('a webhook may have its key in a header alone if the signature covers that', async () => {
  const verifier = { ...HMAC, idHeader: 'x-id', signs: '{id}.{body}' };
  const recharge = { verifiers: [verifier], keyHeader: 'x-id' };
  const signature = createHmac('sha256', SECRET).update(`key-1.${BODY}`).digest('hex');
  const headers = { 'x-id': 'key-1', 'x-webhook-signature': `sha256=${signature}` };
  expect(await aWebhook({ recharge }).send(BODY, { secret: null, headers })).toEqual(RECEIVED);
});

describe('a request that nobody verifies', () => {
  const UNSIGNED = { secret: null };

  it('is answered 401 and counted for the alarm where it has the form of a webhook', async () => {
    const { send, lines, kept, queued, answered } = aWebhook();
    expect(await send(BODY, UNSIGNED)).toEqual({
      status: 401,
      body: { error: { code: 'UNAUTHORIZED', message: 'The webhook could not be verified.' } },
    });
    expect(lines).toMatchObject([
      {
        word: 'unauthorized',
        reason: expect.stringContaining('no header x-webhook-signature'),
        plausible: true,
        webhook_401: 1,
        webhook_401_plausible: 1,
      },
    ]);
    expect([kept, queued]).toEqual([[], []]);
    expect(answered).toMatchObject([[ROUTE, 401, { word: 'unauthorized' }]]);
  });

  it('is noise where it has not', async () => {
    const { send, lines } = aWebhook();
    expect((await send('{}', UNSIGNED)).status).toBe(401);
    expect(lines).toMatchObject([{ plausible: false, webhook_401: 1 }]);
    expect(lines[0]).not.toHaveProperty('webhook_401_plausible');
  });

  it('is kept, and not refused, where an operator wants to see what comes', async () => {
    const taken: unknown[] = [];
    const { send, lines, kept } = aWebhook({
      capture: {
        take: async (...given) => {
          taken.push(given);
          return true;
        },
      },
    });
    expect(await send(BODY, { secret: null, query: { token: 'capture-1' } })).toEqual({
      status: 202,
      body: { status: 'captured' },
    });
    expect(taken).toEqual([[ROUTE, 'capture-1', NOW]]);
    expect(kept).toMatchObject([{ route: ROUTE, reason: 'captured' }]);
    expect(lines).toMatchObject([
      { word: 'captured', quarantine: 'id-1', reason: expect.stringContaining('no header'), webhook_202: 1 },
    ]);
  });
});

describe('the size of a webhook', () => {
  const padded = (bytes: number) => BODY.replace('}', `,"x":"${'x'.repeat(bytes - BODY.length - 7)}"}`);
  const GZIP = { 'content-encoding': 'gzip' };

  it('may be 64 KB, and a byte more is refused before anything is verified', async () => {
    const { send, lines } = aWebhook({
      secrets: { get: () => expect.unreachable(), reread: () => expect.unreachable(), doubt: () => {} },
    });
    expect(await send(padded(65_537))).toEqual({
      status: 413,
      body: { error: { code: 'TOO_LARGE', message: 'The body is larger than 65536 bytes.' } },
    });
    expect(lines).toMatchObject([{ word: 'too_large', webhook_413: 1 }]);
    expect(await aWebhook().send(padded(65_536))).toEqual(RECEIVED);
  });

  it('is 64 KB also where it comes packed; a larger one is kept aside as it came', async () => {
    const { send, kept } = aWebhook();
    expect(await send(gzipSync(padded(65_536)), { headers: GZIP, base64: true })).toEqual(RECEIVED);
    const packed = gzipSync(padded(65_537));
    expect(await send(packed, { headers: GZIP, base64: true })).toEqual(
      notUnderstood('unpacked, the body is larger than 65536 bytes'),
    );
    expect(kept).toMatchObject([{ body: packed }]);
  });

  it('that nobody verifies is judged unpacked, where that is possible', async () => {
    const { send, lines } = aWebhook();
    await send(gzipSync(BODY), { headers: GZIP, base64: true, secret: null });
    await send(gzipSync(padded(65_537)), { headers: GZIP, base64: true, secret: null });
    expect(lines).toMatchObject([{ plausible: true }, { plausible: false }]);
  });
});

describe('an outage', () => {
  const fails = async () => {
    throw new Error('no storage');
  };
  const NOT_STORED = {
    status: 500,
    body: {
      error: { code: 'NOT_STORED', message: 'The webhook could not be stored. Please send it again.' },
    },
  };

  it('is answered 500, so that the platform sends the webhook again', async () => {
    const { send, lines, answered } = aWebhook({ queue: { send: fails } });
    expect(await send()).toEqual(NOT_STORED);
    expect(lines).toMatchObject([
      { level: 'error', message: 'a webhook could not be stored', error: 'Error: no storage' },
      { message: 'webhook answered', word: 'not_stored', status: 500, webhook_500: 1 },
    ]);
    expect(answered).toEqual([[ROUTE, 500, { word: 'not_stored' }]]);
  });

  it('is no reason to lose a webhook that cannot be kept aside', async () => {
    expect(await aWebhook({ quarantine: { keep: fails } }).send('{}')).toEqual(NOT_STORED);
  });
});
