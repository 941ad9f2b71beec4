import { describe, expect, it } from 'vitest';
import { findVerifiers, masked, printable, routeSchema, secretsOf } from '../../cli/capture.ts';
import { captureJson, captureText } from '../../cli/capture-report.ts';
import { proposeChannel, proposeRecharge } from '../../cli/mapping.ts';
import type { QuarantinedWebhook } from '../../shared/incoming/quarantine.ts';
import { verifyRequest } from '../../shared/incoming/verifiers.ts';
import { readOrder } from '../../shared/recharge/webhook.ts';
import { parseConfig } from '../../shared/settings/config.ts';

const SECRET = 'correct horse battery staple';
const STANDARD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = '{"idempotency_key":"key-1","email":"jane@example.com","credits":500}';
/** 2026-01-05, 09:30 UTC. */
const SECONDS = '1767605400';
const NOW = 1_767_605_400_123;

// Made over BODY with openssl and SECRET, not by the relay: `openssl dgst -sha256 -hmac "$SECRET"`.
const HEX = '2aa44a0c04194bf919455eed65ec242254c6bd53058a978c3d80ab2f0ee419ac';
const BASE64 = 'KqRKDAQZS/kZRV7tZewkIlTGvVMFipeMPYCrLw7kGaw=';
/** Over `1767605400.` and BODY. */
const TIMED_HEX = '1b935b1f676f6c33d9fbe7c20ad9225c5cae699b69ecf616028daa3e324a3849';
const TIMED_BASE64 = 'G5NbH2dvbDPZ++fCCtkiXFyuaZtp7PYWAo2qPjJKOEk=';
/** Over `v0:1767605400:` and BODY. */
const V0_HEX = '01f7c05a4ca8bfe66fd648c19a81a1dc06a421cfc18f28f92c5147c5511cf011';
/** Over `msg_1.1767605400.` and BODY, with the bytes that STANDARD stands for. */
const STANDARD_BASE64 = 'KPe9VQ736mJcjxAHgL/ST2hwHP5tg1VHJ1OgiXjM7Rk=';
/** HMAC-SHA1. */
const SHA1_HEX = 'f3013243c431de02cf8fe174bad99159f656e1df';

type Sent = Partial<Pick<QuarantinedWebhook, 'headers' | 'query' | 'receivedAt' | 'route'>> & {
  body?: string;
};

const aDelivery = ({ body = BODY, ...sent }: Sent): QuarantinedWebhook => ({
  route: '/webhooks/auto-recharge',
  receivedAt: NOW,
  reason: 'captured',
  headers: {},
  ...sent,
  body: Buffer.from(body),
});

const search = (sent: Sent, secrets = [SECRET]) => findVerifiers(aDelivery(sent), secrets);
const found = (sent: Sent, secrets?: string[]) =>
  search(sent, secrets).matches.map(({ settings }) => settings);

describe('the verifier that would have let a delivery in', () => {
  it.each<[string, Sent, object]>([
    [
      'the secret in a header',
      { headers: { 'x-dmchamp-signature': SECRET } },
      { type: 'token', header: 'x-dmchamp-signature' },
    ],
    ['the secret in the address', { query: { key: SECRET } }, { type: 'token', query: 'key' }],
    [
      'the secret behind Bearer',
      { headers: { authorization: `Bearer ${SECRET}` } },
      { type: 'token', header: 'authorization', prefix: 'Bearer ' },
    ],
    ['hex over the body', { headers: { 'x-signature': HEX } }, { type: 'hmac', header: 'x-signature' }],
    [
      'hex in capitals',
      { headers: { 'x-signature': HEX.toUpperCase() } },
      { type: 'hmac', header: 'x-signature' },
    ],
    [
      'hex behind sha256=',
      { headers: { 'x-signature': `sha256=${HEX}` } },
      { type: 'hmac', header: 'x-signature', prefix: 'sha256=' },
    ],
    [
      'base64 over the body',
      { headers: { 'x-signature': BASE64 } },
      { type: 'hmac', header: 'x-signature', encoding: 'base64' },
    ],
    [
      'base64 behind a prefix of its own',
      { headers: { authorization: `HMAC ${BASE64}` } },
      { type: 'hmac', header: 'authorization', encoding: 'base64', prefix: 'HMAC ' },
    ],
    [
      'hex over time and body',
      { headers: { 'x-signature': `v1=${TIMED_HEX}`, 'x-sent-at': SECONDS } },
      {
        type: 'hmac',
        header: 'x-signature',
        prefix: 'v1=',
        signs: '{timestamp}.{body}',
        timestampHeader: 'x-sent-at',
      },
    ],
    [
      'base64 over time and body, beside another time',
      { headers: { 'x-other-time': '1767605399', 'x-signature': TIMED_BASE64, 'x-sent-at': SECONDS } },
      {
        type: 'hmac',
        header: 'x-signature',
        encoding: 'base64',
        signs: '{timestamp}.{body}',
        timestampHeader: 'x-sent-at',
      },
    ],
    [
      'what Slack signs',
      { headers: { 'x-slack-signature': `v0=${V0_HEX}`, 'x-slack-request-timestamp': SECONDS } },
      {
        type: 'hmac',
        header: 'x-slack-signature',
        prefix: 'v0=',
        signs: 'v0:{timestamp}:{body}',
        timestampHeader: 'x-slack-request-timestamp',
      },
    ],
  ])('is found: %s', (_name, sent, settings) => {
    const others = { 'content-type': 'application/json', 'user-agent': 'platform/1.0' };
    const given = { ...sent, headers: { ...others, ...sent.headers } };
    expect(found(given)).toEqual([settings]);
    expect(found(given, ['a newer one', SECRET])).toEqual([settings]);
    expect(found(given, ['another secret'])).toEqual([]);
    expect(found({ ...given, body: `${BODY} ` }, [SECRET])).toEqual(
      'type' in settings && settings.type === 'token' ? [settings] : [],
    );
  });

  it('is found: Standard Webhooks', () => {
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': SECONDS,
      'webhook-signature': `v1,${STANDARD_BASE64}`,
    };
    expect(found({ headers }, [STANDARD])).toEqual([{ type: 'standard-webhooks' }]);
    expect(found({ headers }, [SECRET])).toEqual([]);
  });

  it('is the one that proves most, where several would do', () => {
    const headers = { 'x-token': SECRET, 'x-plain': HEX, 'x-signature': TIMED_HEX, 'x-time': SECONDS };
    expect(found({ headers }).map((settings) => ('header' in settings ? settings.header : ''))).toEqual([
      'x-signature',
      'x-plain',
      'x-token',
    ]);
  });

  it('can be pasted: the relay lets the same delivery in with it', () => {
    const headers = { 'x-signature': `v1=${TIMED_HEX}`, 'x-sent-at': SECONDS };
    const config = withRecharge({ verifiers: found({ headers }) });
    const request = { headers, query: {}, body: Buffer.from(BODY), secrets: [SECRET], now: NOW };
    expect(verifyRequest({ ...request, verifiers: config.recharge.verifiers })).toEqual({
      ok: true,
      verifier: 'hmac',
    });
  });

  it('is found for a repetition that keeps its first time, with a word of that', () => {
    const sent = {
      headers: { 'x-signature': TIMED_HEX, 'x-time': SECONDS },
      receivedAt: NOW + 3_600_000,
    };
    expect(search(sent).matches).toMatchObject([{ ageSeconds: 3_600 }]);
    const { notes } = captureJson({ id: 'abc', kept: aDelivery(sent), secrets: [SECRET], raw: false });
    expect(notes).toContainEqual(
      expect.stringMatching(/^verifiers: the signed time was 3600 seconds before ours/),
    );
  });

  it.each<[string, Sent, string | RegExp]>([
    [
      'the secret with more behind it',
      { headers: { authorization: `Bearer ${SECRET}, v2` } },
      'authorization holds the secret, and more behind it: a token is compared to its end',
    ],
    [
      'a signature in a list',
      { headers: { 'x-signature': `t=${SECONDS},v1=${HEX},v0=x` } },
      'x-signature holds the right signature among other characters',
    ],
    [
      'a prefix that is another one each time',
      { headers: { 'x-signature': `t=${SECONDS},v1=${HEX}` } },
      'x-signature holds the right signature among other characters',
    ],
    [
      'a time in milliseconds',
      { headers: { 'x-time': '1767605400123' } },
      'x-time looks like Unix milliseconds: signed times are seconds',
    ],
    [
      'the secret in the body',
      { body: `{"verification":"${SECRET}"}` },
      'the body holds the secret: no verifier looks for it there',
    ],
    ['another hash', { headers: { 'x-signature': `sha1=${SHA1_HEX}` } }, 'in: x-signature'],
    ['nothing at all', {}, 'in: nothing, it has no headers'],
  ])('is none for %s, and it is said what was looked at', (_name, sent, line) => {
    const { matches, lookedAt } = search(sent);
    expect(matches).toEqual([]);
    expect(lookedAt).toContainEqual(line);
    expect(lookedAt[0]).toMatch(/^the secret as a token, as the key of HMAC-SHA256 in hex and base64/);
    expect(lookedAt.join()).not.toMatch(new RegExp(`${SECRET}|${HEX}|${SHA1_HEX}`));
  });

  it('is none while no secret is set, and that is said', () => {
    const { matches, lookedAt } = search({ headers: { 'x-signature': HEX } }, []);
    expect(matches).toEqual([]);
    expect(lookedAt[0]).toMatch(/^no secret is set for this address/);
  });
});

const withRecharge = (recharge: object) =>
  parseConfig(
    {
      platform: { baseUrl: 'https://api.example.com/v1' },
      pricing: { currency: 'USD', perCredit: '0.10' },
      payment: { type: 'http', url: 'https://pay.example.com' },
      recharge,
    },
    'the test',
  );

/** What the relay reads of the payload with the proposed mapping. */
function readBack(payload: object) {
  const body = Buffer.from(JSON.stringify(payload));
  const { fields, notes } = proposeRecharge(body);
  return { read: readOrder(body, withRecharge(fields).recharge), fields, notes };
}

describe('the mapping that a captured webhook suggests', () => {
  it.each<[string, object, object]>([
    [
      'names that are documented',
      { idempotency_key: 'key-1', email: 'jane@example.com', credits: 500 },
      { keyFields: ['idempotency_key'], emailFields: ['email'], creditsField: 'credits' },
    ],
    [
      'members under data, in camel case, beside a balance and a threshold',
      {
        event: 'auto_recharge',
        data: {
          idempotencyKey: 'key-1',
          subAccount: { id: 'sub_1', email: 'jane@example.com', creditBalance: 12 },
          creditsRequested: 500,
          creditThreshold: 50,
          amount: 4_500,
          currency: 'usd',
        },
      },
      {
        keyFields: ['data.idempotencyKey'],
        emailFields: ['data.subAccount.email'],
        platformIdFields: ['data.subAccount.id'],
        creditsField: 'data.creditsRequested',
      },
    ],
    [
      'an event id, and a list',
      {
        event_id: 'key-1',
        accounts: [{ owner: 'x', client_email: 'jane@example.com' }],
        credits: { amount: 500 },
      },
      {
        keyFields: ['event_id'],
        emailFields: ['accounts.0.client_email'],
        creditsField: 'credits.amount',
      },
    ],
  ])('is accepted by the configuration and reads the order: %s', (_name, payload, fields) => {
    const result = readBack(payload);
    expect(result.fields).toEqual(fields);
    expect(result.read).toEqual({
      order: { key: 'key-1', client: { email: 'jane@example.com' }, credits: 500 },
    });
    expect(result.notes).toContainEqual(
      expect.stringMatching(/counts the credits to grant: not money, and not what is left/),
    );
  });

  it('names what else may be the credits beside those that are named so', () => {
    const payload = { idempotency_key: 'key-1', email: 'jane@example.com', credits: 42, amount: 500 };
    expect(readBack(payload).notes).toEqual([
      'creditsField: make sure that credits counts the credits to grant: not money, and not what is left. Beside it: amount (500)',
    ]);
    const { amount: _, ...alone } = payload;
    expect(readBack(alone).notes).toEqual([
      'creditsField: make sure that credits counts the credits to grant: not money, and not what is left',
    ]);
  });

  it('is by the platform’s id where there is no email, with the command that links it', () => {
    const { read, notes } = readBack({ idempotency_key: 'key-1', location: { id: 4711 }, credits: 500 });
    expect(read).toEqual({ order: { key: 'key-1', client: { platformId: '4711' }, credits: 500 } });
    expect(notes).toContain(
      'link the id to its client: npm run relay -- accounts set EMAIL --platform-id ID',
    );
  });

  it.each<[string, object, RegExp]>([
    ['only an amount', { amount: 500 }, /: amount \(500\)\. An amount may as well be money$/],
    ['an amount and a quantity', { amount: 500, quantity: 5 }, /: amount \(500\), quantity \(5\)\./],
    [
      'two numbers of credits',
      { credits: 500, bonus_credits: 50 },
      /: credits \(500\), bonus_credits \(50\)\./,
    ],
    [
      'a price of the credits',
      { credit_price: 500 },
      /: credit_price \(500\)\. An amount may as well be money$/,
    ],
    ['credits with a fraction', { credits: 0.5 }, /no field holds whole credits/],
    ['a balance only', { credits_remaining: 12, credit_limit: 5 }, /no field holds whole credits/],
    ['credits as text', { credits: '500' }, /no field holds whole credits/],
  ])('never guesses the credits: %s', (_name, members, note) => {
    const { fields, read, notes } = readBack({
      idempotency_key: 'key-1',
      email: 'jane@example.com',
      ...members,
    });
    expect(fields).not.toHaveProperty('creditsField');
    expect(notes).toContainEqual(expect.stringMatching(note));
    expect(read).toEqual({ fault: 'recharge.credits or recharge.creditsField is not configured yet' });
  });

  it('says of credits as text that they are text', () => {
    expect(readBack({ credits: '500' }).notes).toContain(
      'creditsField: credits is text, and credits must be a JSON number',
    );
  });

  it('never guesses between two addresses, and warns of others beside the likely one', () => {
    const two = readBack({
      idempotency_key: 'k',
      agency: { email: 'a@example.com' },
      user: { email: 'b@example.com' },
    });
    expect(two.fields).not.toHaveProperty('emailFields');
    expect(two.notes).toContainEqual(expect.stringMatching(/only you know .+: agency\.email, user\.email$/));
    const likely = readBack({ agency_email: 'a@example.com', sub_account_email: 'b@example.com' });
    expect(likely.fields.emailFields).toEqual(['sub_account_email']);
    expect(likely.notes).toContain(
      "emailFields: make sure that the client's is sub_account_email, not agency_email",
    );
    expect(JSON.stringify([two.notes, likely.notes])).not.toContain('@');
  });

  it('asks to compare a repetition where the key has another name', () => {
    const { fields, notes } = readBack({ id: 'evt_1', email: 'jane@example.com', credits: 1 });
    expect(fields.keyFields).toEqual(['id']);
    expect(notes).toContainEqual(
      expect.stringMatching(/^keyFields: id must stay the same when .+ sent again/),
    );
    expect(readBack({ idempotency_key: 'k' }).notes.join()).not.toMatch(/keyFields/);
    expect(readBack({}).notes).toContain('keyFields: no field looks like one');
    expect(readBack({ event_id: 'a', request_id: 'b' }).notes).toContain(
      'keyFields: one of event_id, request_id?',
    );
  });

  it.each<[string, string]>([
    ['no JSON', 'idempotency_key=1'],
    ['a list', '[1]'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['null', 'null'],
  ])('is none for %s', (_name, body) => {
    const expected = {
      fields: {},
      notes: ['the body is no JSON object in UTF-8: the relay reads nothing else'],
    };
    expect(proposeRecharge(Buffer.from(body, 'latin1'))).toEqual(expected);
    expect(proposeChannel(Buffer.from(body, 'latin1'), 'outgoing')).toEqual(expected);
  });

  it('is not led astray by names that no setting can say, by depth, or by numbers of members', () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`m${n}`, n]));
    const body = Buffer.from(
      `{"sub.email":"x@example.com","__proto__":{"email":"y@example.com"},"email":"jane@example.com","deep":${deep},"many":${JSON.stringify(many)}}`,
    );
    const { fields } = proposeRecharge(body);
    expect(fields.emailFields).toEqual(['email']);
    expect(() => withRecharge(fields)).not.toThrow();
  });
});

describe('the mapping that a captured message suggests', () => {
  const withChannel = (direction: 'incoming' | 'outgoing', fields: object) =>
    parseConfig(
      {
        platform: { baseUrl: 'https://api.example.com/v1' },
        pricing: { currency: 'USD', perCredit: '0.10' },
        payment: { type: 'http', url: 'https://pay.example.com' },
        channels: {
          support: {
            adapter: 'webhook',
            toId: 'agency',
            incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/contact', text: '/text' },
            delivery: { url: 'https://chat.example.com/messages' },
            [direction]: { verifiers: [{ type: 'token' }], ...fields },
          },
        },
      },
      'the test',
    ).channels.support;

  it('is made of JSON pointers that the configuration accepts: a reply of the platform', () => {
    const payload = {
      event: 'message',
      data: {
        messageId: 'm-1',
        contact: { id: 'c-1', first_name: 'Zoë' },
        message: { body: 'Hello', attachments: ['https://files.example.com/1.png'] },
      },
    };
    const { fields, notes } = proposeChannel(Buffer.from(JSON.stringify(payload)), 'outgoing');
    expect(fields).toEqual({
      id: '/data/messageId',
      contact: '/data/contact/id',
      text: '/data/message/body',
      attachments: '/data/message/attachments',
    });
    expect(withChannel('outgoing', fields)).toMatchObject({ outgoing: { contact: ['/data/contact/id'] } });
    expect(notes).toEqual([
      expect.stringMatching(/^contact: make sure that \/data\/contact\/id is the person outside/),
    ]);
  });

  it('takes names and email of who writes in, and fields with a slash or a dot', () => {
    const payload = {
      'a/b.c': {
        sid: 7,
        from: '+4912345',
        text: 'Hi',
        first_name: 'Zoë',
        last_name: 'K',
        email: 'z@example.com',
      },
    };
    const { fields } = proposeChannel(Buffer.from(JSON.stringify(payload)), 'incoming');
    expect(fields).toEqual({
      id: '/a~1b.c/sid',
      contact: '/a~1b.c/from',
      text: '/a~1b.c/text',
      firstName: '/a~1b.c/first_name',
      lastName: '/a~1b.c/last_name',
      email: '/a~1b.c/email',
    });
    expect(withChannel('incoming', fields)).toMatchObject({ incoming: { text: ['/a~1b.c/text'] } });
  });

  it('leaves out what is not clear, and what is not there', () => {
    const payload = { fromId: 'a', toId: 'b', body: 'one', text: 'two' };
    const { fields, notes } = proposeChannel(Buffer.from(JSON.stringify(payload)), 'outgoing');
    expect(fields).toEqual({ contact: '/toId' });
    expect(notes).toContain('text: one of /body, /text?');
    expect(proposeChannel(Buffer.from('{}'), 'incoming').notes).toEqual([
      'text: no field looks like it',
      'contact: no field looks like it',
    ]);
  });
});

describe('what is shown', () => {
  const kept = aDelivery({
    headers: {
      'content-type': 'application/json',
      'x-request-id': '0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0',
      'x-signature': `sha256=${HEX}`,
      'x-key': SECRET,
      'x-proof': `id ${BASE64}`,
      'x-jws': 'k-1.aGVsbG8-d29ybGQ_aGVsbG8td29ybGQ_aGk',
      authorization: 'short',
    },
    query: { key: SECRET, brand: 'a' },
  });
  const shown = (raw: boolean) => captureText({ id: 'abc', kept, secrets: [SECRET], raw });

  it('has no value that may prove a sender, unless it is asked for', () => {
    expect(masked(kept.headers, { matches: [], secrets: [SECRET] })).toEqual({
      'content-type': 'application/json',
      'x-request-id': '0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0',
      'x-signature': expect.stringMatching(/^\(71 characters, sha256 [0-9a-f]{8}…\)$/),
      'x-key': '(28 characters, sha256 c4bbcb1f…)',
      'x-proof': expect.stringMatching(/^\(47 characters/),
      'x-jws': expect.stringMatching(/^\(39 characters/),
      authorization: expect.stringMatching(/^\(5 characters/),
    });
    for (const secret of [SECRET, HEX, BASE64, 'authorization: short']) {
      expect(shown(false)).not.toContain(secret);
      expect(shown(true)).toContain(secret);
    }
    expect(shown(false)).toContain('?brand=a\n');
  });

  it('has no secret of ours in the body either, unless it is asked for', () => {
    const body = `{"token":"${SECRET}","credits":500}`;
    const bodyOf = (raw: boolean) =>
      captureJson({ id: 'abc', kept: aDelivery({ body }), secrets: ['a newer one', SECRET], raw }).body;
    expect(bodyOf(false)).toBe('{"token":"(the secret)","credits":500}');
    expect(bodyOf(true)).toBe(body);
  });

  it('leads from the best verifier over the mapping to the replay', () => {
    const text = shown(false);
    expect(text).toContain(`\n\n${BODY}\n\n`);
    expect(text).toContain(
      'it is let in by the verifier {"type":"hmac","header":"x-signature","prefix":"sha256="}\n',
    );
    expect(text).toContain('also by {"type":"token","header":"x-key"}\n');
    const [json = ''] = /^\{\n.*?^\}$/ms.exec(text) ?? [];
    expect(withRecharge(JSON.parse(json).recharge).recharge).toMatchObject({
      verifiers: [{ type: 'hmac', header: 'x-signature', prefix: 'sha256=' }],
      keyFields: ['idempotency_key'],
      creditsField: 'credits',
    });
    expect(text.endsWith('Once that is in force: npm run relay -- quarantine replay abc')).toBe(true);
  });

  it('is of a channel: its own part of the configuration, and of "send" the verifier alone', () => {
    const sent = { body: '{"id":"m-1","contact_id":"c","text":"Hi"}', headers: { 'x-token': SECRET } };
    const config = (route: string) =>
      captureJson({ id: 'abc', kept: aDelivery({ ...sent, route }), secrets: [SECRET], raw: false }).config;
    const verifiers = [{ type: 'token', header: 'x-token' }];
    expect(config('/channels/support/outgoing')).toEqual({
      channels: { support: { outgoing: { verifiers, id: '/id', contact: '/contact_id', text: '/text' } } },
    });
    expect(config('/channels/support/send')).toEqual({ channels: { support: { send: { verifiers } } } });
  });

  it('does not let a sender speak to the terminal', () => {
    expect(printable('a\u001b[2Jb\r\nc\rd\te\u202ef\u0000 Zoë 🦊')).toBe(
      'a\\u{1b}[2Jb\r\nc\\u{d}d\te\\u{202e}f\\u{0} Zoë 🦊',
    );
  });
});

describe('a route', () => {
  it('is one that the relay has', () => {
    const taken = (route: string) => routeSchema.safeParse(route).success;
    expect(taken('/webhooks/auto-recharge')).toBe(true);
    for (const way of ['incoming', 'outgoing', 'send']) expect(taken(`/channels/a-1/${way}`)).toBe(true);
    for (const other of [
      '/',
      '/channels/a/other',
      '/channels/A/send',
      '/channels/a/send/',
      '/channels//send',
    ])
      expect(taken(other)).toBe(false);
  });

  it('has secrets of its own', () => {
    const inbound = { webhook: ['w', ' '], channels: { 'a/send': ['s', 'p'], 'a/incoming': [''] } };
    expect(secretsOf('/webhooks/auto-recharge', inbound)).toEqual(['w']);
    expect(secretsOf('/channels/a/send', inbound)).toEqual(['s', 'p']);
    expect(secretsOf('/channels/a/incoming', inbound)).toEqual([]);
    expect(secretsOf('/channels/b/incoming', inbound)).toEqual([]);
  });
});
