import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createRechargeWebhookHandler } from '../../functions/recharge-webhook/handler.ts';
import { createMemoryLedger, EMPTY_TABLE } from '../../proof/memory-ledger.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { signRequest, verifyRequest } from '../../shared/incoming/verifiers.ts';
import { createLogger } from '../../shared/logger.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { rechargeSchema } from '../../shared/recharge/settings.ts';
import { holds } from '../support/fuzz.ts';
import { headerText, hostileHeaders, hostileText, mutated, written } from '../support/hostile.ts';
import { SENDERS } from '../support/senders.ts';

const NOW = 1_767_605_400_123;
const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const OLD = 'whsec_cHJldmlvdXMgc2VjcmV0IG9mIHRoZSByZWxheQ==';
const CLIENT = 'jane.roe-canary@example.com';
const ROUTE = '/webhooks/auto-recharge';

const TOKEN = { type: 'token' } as const;
const HMAC = { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' } as const;
const TIMED = {
  type: 'hmac',
  header: 'x-sent',
  encoding: 'base64',
  prefix: 'v1=',
  signs: '{timestamp}.{body}',
  timestampHeader: 'x-sent',
} as const;
const STANDARD = { type: 'standard-webhooks' } as const;

/** Settings of the section `recharge`, and a body that they understand. */
const SETTINGS = [
  {
    recharge: { creditsField: 'credits', verifiers: [HMAC, TOKEN, STANDARD] },
    sample: { idempotency_key: 'key-1', email: CLIENT, credits: 500 },
  },
  {
    recharge: {
      keyFields: ['data.id'],
      creditsField: 'data.recharge.credits',
      creditsAsText: true,
      verifiers: [TIMED],
    },
    sample: {
      data: { id: 448812, sub_account: { email: CLIENT, id: 'sub-7' }, recharge: { credits: '500' } },
    },
  },
  {
    recharge: { keyHeader: 'x-request-id', keyHeaderTrusted: true, credits: 500, verifiers: [TOKEN] },
    sample: { sub_account_id: 'sub-7', name: 'Zoë' },
  },
  {
    recharge: { keyHeader: 'webhook-id', creditsField: 'credits', verifiers: [STANDARD] },
    sample: [{ email: CLIENT, credits: 500 }],
  },
].map(({ recharge, sample }) => ({ config: rechargeSchema.parse({ mode: 'live', ...recharge }), sample }));

const FIELDS = [
  'idempotency_key',
  'email',
  'credits',
  'data',
  'sub_account',
  'sub_account_id',
  'id',
  'amount',
];
const HEADERS = [
  ...['x-webhook-token', 'x-webhook-signature', 'x-sent', 'x-request-id', 'idempotency-key'],
  ...['webhook-id', 'webhook-timestamp', 'webhook-signature', 'svix-id', 'authorization', 'cookie'],
];

const aDelivery = fc.constantFrom(...SETTINGS).chain(({ config, sample }) =>
  fc.record({
    config: fc.constant(config),
    body: written(mutated([sample], FIELDS)),
    headers: hostileHeaders(HEADERS),
    id: fc.oneof(fc.constant('evt-1'), headerText),
    secret: fc.constantFrom<(string | undefined)[]>(SECRET, SECRET, SECRET, OLD, undefined, 'another secret'),
    packed: fc.boolean(),
    base64: fc.boolean(),
  }),
);
type Delivery = typeof aDelivery extends fc.Arbitrary<infer Value> ? Value : never;

/** As it arrives, with what proves the sender who holds the secret. */
function eventOf({ config, body, headers, id, secret, packed, base64 }: Delivery) {
  const bytes = packed ? gzipSync(body) : body;
  const own: Record<string, string> = {
    'webhook-id': id,
    'x-request-id': id,
    ...(packed ? { 'content-encoding': 'gzip' } : {}),
  };
  const [verifier] = config.verifiers;
  const proof =
    secret === undefined || verifier === undefined
      ? {}
      : signRequest({ secret, body: bytes, now: NOW, headers: own, verifier });
  const sent = base64 || packed || !Buffer.from(bytes.toString()).equals(bytes);
  return {
    bytes,
    event: {
      headers: { ...headers, ...own, ...proof },
      body: bytes.toString(sent ? 'base64' : 'utf8'),
      isBase64Encoded: sent,
    },
  };
}

/** The handler over what is kept in memory. */
function aWebhook(config: Delivery['config']) {
  const kept = { table: EMPTY_TABLE };
  const queued: string[] = [];
  const quarantine = new Map<string, string>();
  const lines: string[] = [];
  const handler = createRechargeWebhookHandler({
    config,
    secrets: {
      get: async () => ({ webhook: [SECRET, OLD] }),
      reread: async () => 'kept',
      doubt: () => {},
    },
    ledger: createMemoryLedger(kept),
    accounts: { emailOf: async (id) => (id === 'sub-7' ? CLIENT : undefined) },
    quarantine: {
      async keep({ body, reason, headers, route, receivedAt }, tell) {
        // What storage does to it.
        expect({ route, receivedAt }).toEqual({ route: ROUTE, receivedAt: NOW });
        for (const value of Object.values(headers)) expect(value).not.toContain(SECRET);
        expect(reason.length).toBeLessThan(300);
        quarantine.set(body.toString('base64'), reason);
        tell?.('id');
        return 'id';
      },
    },
    capture: { take: async () => false },
    secretUses: { saw: async () => {} },
    refusals: { answered: async () => {} },
    queue: { send: async (keys) => void queued.push(...keys) },
    sweepAgainMs: 180_000,
    logger: createLogger((line) => lines.push(line), { now: () => NOW }),
    now: () => NOW,
  });
  const rows = () => [...kept.table.recharges.values()].map(({ row }) => row);
  return { handler, rows, queued, quarantine, lines };
}

/** The value at a path, as whoever wrote the body understands it. */
function at(payload: any, path: string): unknown {
  return path
    .split('.')
    .reduce((value, name) => (Object.hasOwn(Object(value), name) ? value[name] : undefined), payload);
}

/** What a body says, read once more and otherwise than the relay reads it. */
function saidIn(body: Buffer, { config }: Pick<Delivery, 'config'>, contentType: string) {
  const text = body.toString('utf8').replace(/^\ufeff/, '');
  const isForm = contentType.startsWith('application/x-www-form-urlencoded');
  const parse = () => {
    try {
      return JSON.parse(text);
    } catch {
      return isForm ? Object.fromEntries(new URLSearchParams(text)) : undefined;
    }
  };
  const parsed = parse();
  const payload = Array.isArray(parsed) ? parsed[0] : parsed;
  return {
    credits: config.creditsField === undefined ? config.credits : Number(at(payload, config.creditsField)),
    emails: config.emailFields.map((path) => at(payload, path)).filter((email) => typeof email === 'string'),
    ids: config.platformIdFields.map((path) => at(payload, path)).filter((id) => id !== undefined),
    keys: config.keyFields.map((path) => at(payload, path)).filter((key) => key !== undefined),
  };
}

describe('whatever comes to the recharge webhook', () => {
  holds(
    'is answered, and what was verified is charged as it says, kept aside or refused',
    aDelivery,
    async (delivery) => {
      const { config, body, id } = delivery;
      const { event, bytes } = eventOf(delivery);
      const { handler, rows, queued, quarantine, lines } = aWebhook(config);
      const { statusCode: status, body: said = '' } = await handler(event);
      const isVerified = lines.every((line) => !/"word":"(unauthorized|too_large)"/.test(line));
      expect([202, 400, 401, 413]).toContain(status);
      expect(isVerified).toBe(status === 202 || status === 400);
      const names = Object.keys(event.headers).map((name) => name.toLowerCase());
      const isOnce = new Set(names).size === names.length;
      if (delivery.secret === SECRET && bytes.length <= 65_536 && isOnce) expect(isVerified, said).toBe(true);
      // What was verified is there, and nothing else is.
      expect(quarantine.get(bytes.toString('base64')) !== undefined).toBe(status === 400);
      expect(queued).toEqual(rows().map(({ key }) => key));
      expect(rows()).toHaveLength(status === 202 ? 1 : 0);
      for (const row of rows()) {
        expect(JSON.parse(said)).toEqual({ status: 'received', idempotency_key: row.key });
        expectAsSaid(row, saidIn(body, delivery, event.headers['content-type'] ?? ''), [
          id,
          ...Object.values(event.headers),
        ]);
      }
      for (const line of lines) {
        expect(line).not.toContain(CLIENT);
        expect(line).not.toMatch(/MfKQ9r8GKYq|cHJldmlvdXMg/);
      }
      // The same again changes nothing.
      const again = await handler(event);
      expect(again.statusCode).toBe(status === 202 ? 200 : status);
      expect(rows()).toHaveLength(status === 202 ? 1 : 0);
    },
    { runs: 300 },
  );

  holds(
    'changes nothing of a recharge that is there, whatever comes under its key',
    fc.tuple(
      written(mutated([{ idempotency_key: 'key-1', email: CLIENT, credits: 500 }], FIELDS)).filter(
        ({ length }) => length <= 65_536,
      ),
      fc.boolean(),
    ),
    async ([body, isFirst]) => {
      const [{ config } = { config: rechargeSchema.parse({}) }] = SETTINGS;
      const { handler, rows, quarantine } = aWebhook(config);
      const whole = Buffer.from(JSON.stringify({ idempotency_key: 'key-1', email: CLIENT, credits: 500 }));
      const send = (bytes: Buffer) => {
        const given = {
          config,
          body: bytes,
          headers: {},
          id: '',
          secret: SECRET,
          packed: false,
          base64: true,
        };
        return handler(eventOf(given).event);
      };
      if (!isFirst) await send(body);
      const first = rows();
      const { statusCode } = await send(whole);
      const before = rows();
      const answer = isFirst ? await send(body) : undefined;
      // Whoever comes first stands.
      for (const row of [...first, ...before]) expect(rows()).toContainEqual(row);
      for (const status of [statusCode, answer?.statusCode ?? 200])
        if (status === 409) expect(quarantine.size).toBeGreaterThan(0);
        else expect([200, 202, 400]).toContain(status);
    },
    { runs: 60 },
  );
});

function expectAsSaid(row: Recharge, said: ReturnType<typeof saidIn>, headers: string[]): void {
  expect(row.credits).toBe(said.credits);
  expect(Number.isSafeInteger(row.credits) && row.credits > 0).toBe(true);
  const spelled = said.emails.map((email) => String(email).trim().toLowerCase());
  if (spelled.length > 0) expect(spelled).toContain(row.email);
  else expect([said.ids.map(String), row.email]).toEqual([expect.arrayContaining(['sub-7']), CLIENT]);
  const keys = [...said.keys.map(String), ...headers.map((text) => text.trim().replace(/^"(.*)"$/, '$1'))];
  // A number beyond 2^53 is its digits in the body.
  if (!/^\d{16,}$/.test(row.key)) expect(keys).toContain(row.key);
}

const VERIFIERS = Object.values(SENDERS).map(({ verifier }) => verifierSchema.parse(verifier));

describe('a proof', () => {
  holds(
    'that nobody made with the secret lets nobody in, and the reason quotes nothing',
    fc.record({
      headers: hostileHeaders([
        ...HEADERS,
        ...VERIFIERS.flatMap((verifier) => ('header' in verifier ? [verifier.header] : [])),
        ...VERIFIERS.flatMap((verifier) =>
          'timestampHeader' in verifier ? [verifier.timestampHeader ?? ''] : [],
        ),
      ]),
      text: hostileText,
      body: written(mutated([{ id: 1 }])),
    }),
    ({ headers, text, body }) => {
      const lower = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
      );
      const verdict = verifyRequest({
        ...{ headers: lower, query: { token: text }, rawQuery: text, body, now: NOW },
        ...{ verifiers: VERIFIERS, secrets: [SECRET] },
      });
      expect(verdict).toEqual({ ok: false, reason: expect.stringMatching(/^[\w\s:;,()-]+$/) });
    },
    { runs: 150 },
  );

  holds(
    'holds for these bytes and this secret alone, whoever sends',
    fc.record({
      sender: fc.constantFrom(...Object.values(SENDERS)),
      change: fc.constantFrom('nothing', 'body', 'secret', 'time', 'beside'),
      at: fc.nat(10_000),
      bit: fc.nat(7),
      headers: hostileHeaders(HEADERS),
    }),
    ({ sender, change, at: place, bit, headers }) => {
      const verifier = verifierSchema.parse(sender.verifier);
      const body = Buffer.from(sender.body);
      if (change === 'body')
        body.writeUInt8(body.readUInt8(place % body.length) ^ (1 << bit), place % body.length);
      const others = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const);
      const beside =
        change === 'beside' ? others.filter(([name]) => !Object.hasOwn(sender.headers, name)) : [];
      const isTimed =
        verifier.type === 'standard-webhooks' || (verifier.type === 'hmac' && verifier.timestampHeader);
      const verdict = verifyRequest({
        verifiers: [verifier],
        secrets: [change === 'secret' ? `${sender.secret}A` : sender.secret],
        headers: { ...Object.fromEntries(beside), ...sender.headers },
        query: sender.query ?? {},
        ...(sender.rawQuery === undefined ? {} : { rawQuery: sender.rawQuery }),
        body,
        now: sender.now + (change === 'time' ? 3_600_000 : 0),
      });
      // A token says nothing of the body, and of a form only its fields are signed.
      const isSame =
        ['nothing', 'beside'].includes(change) ||
        (change === 'body' && verifier.type === 'token') ||
        (change === 'time' && !isTimed);
      if (change === 'body' && verifier.type === 'hmac' && verifier.signs.includes('{form}')) return;
      expect(verdict.ok).toBe(isSame);
    },
    { runs: 150 },
  );
});
