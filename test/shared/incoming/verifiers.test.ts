import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type HmacVerifier,
  type Verifier,
  verifierSchema,
} from '../../../shared/incoming/verifier-settings.ts';
import { signRequest, verifyRequest } from '../../../shared/incoming/verifiers.ts';

const SECRET = 'correct horse';
const NOW = 1_614_265_330_000;
/** printf '1614265330.{"idempotency_key":"k-1"}' | openssl dgst -sha256 -hmac 'correct horse' */
const TIMED_BODY = '{"idempotency_key":"k-1"}';
const TIMED_HEX = '4d3469bd3305a8f474679523f1d50a6c25b1db78392b3216a9a106858861e8f4';
const TIMED_BASE64 = 'TTRpvTMFqPR0Z5Uj8dUKbCWx23g5KzIWqaEGhYhh6PQ=';
/** RFC 4231, test case 2. */
const RFC_KEY = 'Jefe';
const RFC_DATA = 'what do ya want for nothing?';
const RFC_HEX = '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843';
const RFC_BASE64 = 'W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=';

function hmac(options: Record<string, unknown> = {}): HmacVerifier {
  const verifier = verifierSchema.parse({ type: 'hmac', header: 'X-Signature', ...options });
  if (verifier.type !== 'hmac') throw new Error('not an hmac verifier');
  return verifier;
}

interface Given {
  verifiers: Verifier[];
  secrets?: string[];
  headers?: Record<string, string>;
  query?: Record<string, string>;
  rawQuery?: string;
  body?: string | Buffer;
  now?: number;
}

function verify({ secrets = [SECRET], headers = {}, query = {}, body = '{}', now = NOW, ...given }: Given) {
  return verifyRequest({ ...given, secrets, headers, query, body: Buffer.from(body), now });
}

describe('any verifier', () => {
  const token = verifierSchema.parse({ type: 'token' });

  it('refuses everything while no verifier is configured', () => {
    expect(verify({ verifiers: [], headers: { 'x-webhook-token': SECRET } })).toEqual({
      ok: false,
      reason: 'no verifier is configured',
    });
  });

  it('refuses everything while there is no secret', () => {
    expect(verify({ verifiers: [token], secrets: [], headers: { 'x-webhook-token': '' } })).toEqual({
      ok: false,
      reason: 'no secret is set',
    });
  });

  it.each<[string, Given]>([
    ['an empty token', { verifiers: [token], headers: { 'x-webhook-token': '' } }],
    ['a blank token', { verifiers: [token], headers: { 'x-webhook-token': ' ' } }],
    [
      'a signature made with the empty key',
      {
        verifiers: [hmac()],
        headers: signRequest({ secret: '', body: Buffer.from('{}'), now: NOW, verifier: hmac() }),
      },
    ],
  ])('never takes an empty secret for a secret: %s', (_name, given) => {
    expect(verify({ ...given, secrets: ['', ' '] }).ok).toBe(false);
    expect(verify({ ...given, secrets: ['', ' ', SECRET] }).ok).toBe(false);
  });

  it('lets a request in when one of several verifiers agrees, and names that one', () => {
    const headers = { 'x-webhook-token': SECRET, 'x-signature': 'nonsense' };
    expect(verify({ verifiers: [hmac(), token], headers })).toEqual({ ok: true, verifier: 'token' });
  });

  it('gives a reason per verifier that reveals neither a secret nor a signature', () => {
    const verdict = verify({
      verifiers: [token, hmac(), { type: 'standard-webhooks' }],
      secrets: [RFC_KEY],
      headers: { 'x-webhook-token': 'guess-1', 'x-signature': 'guess-2', 'webhook-id': 'guess-3' },
      body: RFC_DATA,
    });
    expect(verdict).toEqual({
      ok: false,
      reason:
        'token: the token is not known; hmac: the signature does not match; ' +
        'standard-webhooks: no header webhook-signature',
    });
  });
});

describe('token', () => {
  const verifiers = [verifierSchema.parse({ type: 'token' })];
  const renamed = [verifierSchema.parse({ type: 'token', header: 'X-Hook-Key', query: 'key' })];
  const bearer = [verifierSchema.parse({ type: 'token', header: 'Authorization', prefix: 'Bearer ' })];

  it.each<[string, Given]>([
    ['in the default header', { verifiers, headers: { 'x-webhook-token': SECRET } }],
    ['in the default query parameter', { verifiers, query: { token: SECRET } }],
    [
      'in a configured header, whatever its case in the configuration',
      { verifiers: renamed, headers: { 'x-hook-key': SECRET } },
    ],
    ['in a configured query parameter', { verifiers: renamed, query: { key: SECRET } }],
    ['behind a configured prefix', { verifiers: bearer, headers: { authorization: `Bearer ${SECRET}` } }],
    ['behind it in other letters', { verifiers: bearer, headers: { authorization: `bearer ${SECRET}` } }],
    [
      'that is the previous secret',
      { verifiers, secrets: ['new', SECRET], headers: { 'x-webhook-token': SECRET } },
    ],
    ['in a header that came twice', { verifiers, headers: { 'x-webhook-token': `${SECRET},${SECRET}` } }],
    ['beside another one', { verifiers: bearer, headers: { authorization: `Basic eDp5, Bearer ${SECRET}` } }],
    ['whose line feed was stored with it', { verifiers, secrets: [`${SECRET}\n`], query: { token: SECRET } }],
    ['that was sent with its line feed', { verifiers, query: { token: `${SECRET}\r\n` } }],
  ])('accepts the secret %s', (_name, given) => {
    expect(verify(given)).toEqual({ ok: true, verifier: 'token' });
  });

  it.each<[string, Given]>([
    ['no token at all', { verifiers }],
    ['the secret without its prefix', { verifiers: bearer, headers: { authorization: SECRET } }],
    ['another prefix', { verifiers: bearer, headers: { authorization: `Basic ${SECRET}` } }],
    ['the prefix alone', { verifiers: bearer, headers: { authorization: 'Bearer ' } }],
    ['a wrong token', { verifiers, headers: { 'x-webhook-token': 'wrong horse!!' } }],
    ['the beginning of the secret', { verifiers, query: { token: SECRET.slice(0, -1) } }],
    ['the secret and more', { verifiers, query: { token: `${SECRET}x` } }],
    ['the secret in another case', { verifiers, query: { token: SECRET.toUpperCase() } }],
    [
      'the secret behind more guesses than a header is looked through for',
      { verifiers, headers: { 'x-webhook-token': `${'guess,'.repeat(8)}${SECRET}` } },
    ],
    [
      'the secret behind more guesses than an address is looked through for',
      { verifiers, rawQuery: `${'token=guess&'.repeat(8)}token=${encodeURIComponent(SECRET)}` },
    ],
    ['two guesses that make the secret', { verifiers, headers: { 'x-webhook-token': 'correct, horse' } }],
    [
      'the secret under the default names after they were configured away',
      { verifiers: renamed, headers: { 'x-webhook-token': SECRET }, query: { token: SECRET } },
    ],
  ])('refuses %s', (_name, given) => {
    expect(verify(given).ok).toBe(false);
  });
});

describe('hmac over the body', () => {
  const verifiers = [hmac()];
  const rfc = { secrets: [RFC_KEY], body: RFC_DATA };

  it.each<[string, Given]>([
    ['the RFC 4231 vector in hex', { ...rfc, verifiers, headers: { 'x-signature': RFC_HEX } }],
    ['upper-case hex', { ...rfc, verifiers, headers: { 'x-signature': RFC_HEX.toUpperCase() } }],
    [
      'a signature after its prefix and a blank',
      { ...rfc, verifiers: [hmac({ prefix: 'sha256=' })], headers: { 'x-signature': `sha256= ${RFC_HEX}` } },
    ],
    [
      'a signature after its prefix in other letters',
      { ...rfc, verifiers: [hmac({ prefix: 'sha256=' })], headers: { 'x-signature': `SHA256=${RFC_HEX}` } },
    ],
    [
      'a signature after its prefix',
      { ...rfc, verifiers: [hmac({ prefix: 'sha256=' })], headers: { 'x-signature': `sha256=${RFC_HEX}` } },
    ],
    [
      'the RFC 4231 vector in base64',
      { ...rfc, verifiers: [hmac({ encoding: 'base64' })], headers: { 'x-signature': RFC_BASE64 } },
    ],
    [
      'a signature by the previous secret',
      { ...rfc, verifiers, secrets: ['new', RFC_KEY], headers: { 'x-signature': RFC_HEX } },
    ],
    [
      // printf '\xff\xfe' | openssl dgst -sha256 -hmac 'correct horse'
      'a body that is no text, because the bytes are signed',
      {
        verifiers,
        body: Buffer.from([0xff, 0xfe]),
        headers: { 'x-signature': 'f66109294943f54db41b4f5dc628d82107923fd3643595e5fae9f2b65add3cc3' },
      },
    ],
  ])('accepts %s', (_name, given) => {
    expect(verify(given)).toEqual({ ok: true, verifier: 'hmac' });
  });

  const prefixed = [hmac({ prefix: 'sha256=' })];
  const base64 = [hmac({ encoding: 'base64' })];
  it.each<[string, Given]>([
    [
      'in a header that came twice',
      { ...rfc, verifiers, headers: { 'x-signature': `${RFC_HEX}, ${RFC_HEX}` } },
    ],
    [
      'behind one by another secret',
      {
        ...rfc,
        verifiers: prefixed,
        headers: { 'x-signature': `sha256=${'0'.repeat(64)},sha256=${RFC_HEX}` },
      },
    ],
    [
      'among parts of other schemes',
      {
        ...rfc,
        verifiers: prefixed,
        headers: { 'x-signature': `keyId="k 1";sha1=da39a3ee; ;=,sha256="${RFC_HEX}" x` },
      },
    ],
    [
      'in base64 without its padding',
      { ...rfc, verifiers: base64, headers: { 'x-signature': RFC_BASE64.slice(0, -1) } },
    ],
    [
      'in the base64 of addresses',
      {
        ...rfc,
        verifiers: base64,
        headers: { 'x-signature': RFC_BASE64.replaceAll('+', '-').replaceAll('/', '_') },
      },
    ],
    [
      'by a secret whose line feed was stored with it',
      { ...rfc, verifiers, secrets: [` ${RFC_KEY}\n`], headers: { 'x-signature': RFC_HEX } },
    ],
  ])('accepts the signature %s', (_name, given) => {
    expect(verify(given)).toEqual({ ok: true, verifier: 'hmac' });
  });

  it.each<[string, Given]>([
    ['a missing signature', { ...rfc, verifiers }],
    ['an empty signature', { ...rfc, verifiers, headers: { 'x-signature': '' } }],
    [
      'an empty signature after the prefix',
      { ...rfc, verifiers: prefixed, headers: { 'x-signature': 'sha256=' } },
    ],
    ['another body', { ...rfc, verifiers, body: `${RFC_DATA} `, headers: { 'x-signature': RFC_HEX } }],
    ['another secret', { ...rfc, verifiers, secrets: ['jefe'], headers: { 'x-signature': RFC_HEX } }],
    ['a flipped digit', { ...rfc, verifiers, headers: { 'x-signature': `4${RFC_HEX.slice(1)}` } }],
    ['half a signature', { ...rfc, verifiers, headers: { 'x-signature': RFC_HEX.slice(0, 32) } }],
    ['hex with garbage behind it', { ...rfc, verifiers, headers: { 'x-signature': `${RFC_HEX}zz` } }],
    ['characters that are no hex', { ...rfc, verifiers, headers: { 'x-signature': 'zz'.repeat(32) } }],
    [
      'the signature in two parts',
      { ...rfc, verifiers, headers: { 'x-signature': `${RFC_HEX.slice(0, 32)}, ${RFC_HEX.slice(32)}` } },
    ],
    [
      'a part that only ends like the prefix',
      { ...rfc, verifiers: prefixed, headers: { 'x-signature': `xsha256=${RFC_HEX}` } },
    ],
    ['another prefix', { ...rfc, verifiers: prefixed, headers: { 'x-signature': `sha512=${RFC_HEX}` } }],
    ['a missing prefix', { ...rfc, verifiers: prefixed, headers: { 'x-signature': RFC_HEX } }],
    ['base64 where hex was agreed', { ...rfc, verifiers, headers: { 'x-signature': RFC_BASE64 } }],
    ['hex where base64 was agreed', { ...rfc, verifiers: base64, headers: { 'x-signature': RFC_HEX } }],
    [
      'base64 with garbage inside',
      {
        ...rfc,
        verifiers: base64,
        headers: { 'x-signature': `${RFC_BASE64.slice(0, 4)}!${RFC_BASE64.slice(4)}` },
      },
    ],
  ])('refuses %s', (_name, given) => {
    expect(verify(given).ok).toBe(false);
  });
});

describe('hmac over the timestamp and the body', () => {
  const verifier = hmac({ signs: '{timestamp}.{body}', timestampHeader: 'X-Timestamp' });
  const headers = { 'x-signature': TIMED_HEX, 'x-timestamp': '1614265330' };
  const signed = { verifiers: [verifier], body: TIMED_BODY, headers };

  it.each<[string, Given]>([
    ['the signature that openssl makes', signed],
    [
      'the same in base64',
      {
        ...signed,
        verifiers: [{ ...verifier, encoding: 'base64' }],
        headers: { ...headers, 'x-signature': TIMED_BASE64 },
      },
    ],
    ['a timestamp exactly 300 s old', { ...signed, now: NOW + 300_000 }],
    ['a timestamp exactly 300 s ahead', { ...signed, now: NOW - 300_000 }],
    [
      'an old timestamp within a wider tolerance',
      { ...signed, verifiers: [{ ...verifier, toleranceSeconds: 600 }], now: NOW + 600_000 },
    ],
  ])('accepts %s', (_name, given) => {
    expect(verify(given)).toEqual({ ok: true, verifier: 'hmac' });
  });

  it.each<[string, Given, string]>([
    ['a timestamp more than 300 s old', { ...signed, now: NOW + 300_001 }, 'the timestamp is too old'],
    ['a timestamp more than 300 s ahead', { ...signed, now: NOW - 300_001 }, 'the timestamp is too new'],
    [
      'a changed timestamp',
      { ...signed, headers: { ...headers, 'x-timestamp': '1614265331' } },
      'the signature does not match',
    ],
    [
      'a signature over the body alone',
      {
        ...signed,
        headers: {
          ...headers,
          ...signRequest({ secret: SECRET, body: Buffer.from(TIMED_BODY), now: NOW, verifier: hmac() }),
        },
      },
      'the signature does not match',
    ],
  ])('refuses %s', (_name, given, reason) => {
    expect(verify(given)).toEqual({ ok: false, reason: `hmac: ${reason}` });
  });

  it.each([
    undefined,
    '',
    'now',
    '1614265330x',
    '1.61426533e9',
    '0x6037be32',
    '-1614265330',
    '01614265330',
    '1614265330000000',
    '٣٦١٤٢٦٥٣٣٠',
    '2021-02-25',
    '2021-02-25T15:02:10',
    '2021-13-25T15:02:10Z',
  ])('refuses the timestamp %j, signed or not', (timestamp) => {
    const timed = timestamp === undefined ? {} : { 'x-timestamp': timestamp };
    expect(verify({ ...signed, headers: { 'x-signature': TIMED_HEX, ...timed } })).toEqual({
      ok: false,
      reason: 'hmac: the timestamp is missing, or neither a Unix time nor an ISO date',
    });
  });

  it.each([
    '1614265330',
    '1614265330000',
    '1614265330.25',
    '2021-02-25T15:02:10Z',
    '2021-02-25T15:02:10.123456789Z',
    '2021-02-25T16:02:10+01:00',
    '2021-02-25T10:32:10-0430',
  ])('takes %s for the time it is, and for its own text in what is signed', (timestamp) => {
    const signature = createHmac('sha256', SECRET).update(`${timestamp}.${TIMED_BODY}`).digest('hex');
    const given = { ...signed, headers: { 'x-signature': signature, 'x-timestamp': timestamp } };
    expect(verify(given)).toEqual({ ok: true, verifier: 'hmac' });
    expect(verify({ ...given, now: NOW + 302_000 })).toEqual({
      ok: false,
      reason: 'hmac: the timestamp is too old',
    });
    expect(verify({ ...given, now: NOW - 302_000 })).toEqual({
      ok: false,
      reason: 'hmac: the timestamp is too new',
    });
  });

  it('takes both headers twice, joined by a gateway', () => {
    const twice = { 'x-signature': `${TIMED_HEX},${TIMED_HEX}`, 'x-timestamp': '1614265330, 1614265330' };
    expect(verify({ ...signed, headers: twice }).ok).toBe(true);
  });
});

describe('standard-webhooks', () => {
  // The example that the Standard Webhooks libraries test themselves with.
  const signature = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const headers = {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': signature,
  };
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  const verifiers: Verifier[] = [{ type: 'standard-webhooks' }];
  const signed = { verifiers, secrets: [secret], headers, body: '{"test": 2432232314}' };
  const NO_SIGNATURE = 'webhook-signature holds no signature behind the configured prefix';
  const wrong = 'v1,AAAA9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=';
  const renamed = (nameOf: (name: string) => string, written = (value: string) => value) => ({
    ...signed,
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [nameOf(name), written(value)]),
    ),
  });
  const withSignature = (value: string) => ({
    ...signed,
    headers: { ...headers, 'webhook-signature': value },
  });

  it.each<[string, Given]>([
    ['the published example', signed],
    [
      'the second published example',
      {
        verifiers,
        secrets: ['whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD'],
        headers: {
          'webhook-id': 'msg_27UH4WbU6Z5A5EzD8u03UvzRbpk',
          'webhook-timestamp': '1649367553',
          'webhook-signature': 'v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=',
        },
        body: '{"email":"test@example.com","username":"test_user"}',
        now: 1_649_367_553_000,
      },
    ],
    [
      'a signature by the previous secret',
      { ...signed, secrets: ['whsec_AAAAr8GKYqrTwjUPD8ILPZIo2LaLaSw', secret] },
    ],
    ['a good signature among others', withSignature(`v1a,YWJj ${wrong} ${signature}`)],
    ['a good signature among what is none', withSignature(`v2 ,; v1 v1, v1,!!!! x=y ${signature} v3,`)],
    ['signatures set apart by commas', withSignature(`${wrong},${signature}`)],
    [
      'headers that came twice',
      renamed(
        (name) => name,
        (value) => `${value}, ${value}`,
      ),
    ],
    ['the names of Svix', renamed((name) => name.replace('webhook', 'svix'))],
    [
      'names with a prefix of the sender',
      {
        ...renamed((name) => name.replace('webhook', 'x-acme')),
        verifiers: [{ type: 'standard-webhooks', headerPrefix: 'x-acme-' }],
      },
    ],
    [
      'the names of Svix, with nonsense under the others',
      {
        ...signed,
        headers: {
          ...renamed((name) => name.replace('webhook', 'svix')).headers,
          'webhook-id': 'x',
          'webhook-signature': wrong,
        },
      },
    ],
    ['a secret as some dashboards show it', { ...signed, secrets: [`v1,${secret}`] }],
    ['a secret with its line feed', { ...signed, secrets: [`${secret}\r\n`] }],
    ['a secret without what it begins with', { ...signed, secrets: [secret.slice('whsec_'.length)] }],
    [
      'an old timestamp within a wider tolerance',
      { ...signed, verifiers: [{ type: 'standard-webhooks', toleranceSeconds: 600 }], now: NOW + 600_000 },
    ],
    [
      // printf 'm.1614265330.\xff' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(base64 -d | xxd -p) -binary | base64
      'a body that is no text, because the bytes are signed',
      {
        ...signed,
        body: Buffer.from([0xff]),
        headers: {
          ...headers,
          'webhook-id': 'm',
          'webhook-signature': 'v1,+AVQh+kbZfx8ZNdBYm9o0dkZeqoOumqRz1RnJHKELEs=',
        },
      },
    ],
    ['a timestamp exactly 300 s old', { ...signed, now: NOW + 300_000 }],
    ['a timestamp exactly 300 s ahead', { ...signed, now: NOW - 300_000 }],
  ])('accepts %s', (_name, given) => {
    const { headers: sent = {}, verifiers: [verifier] = [] } = given;
    const prefix = verifier?.type === 'standard-webhooks' ? verifier.headerPrefix : undefined;
    const header = `${prefix ?? (sent['svix-id'] === undefined ? 'webhook-' : 'svix-')}id`;
    const id = { header, value: sent[header]?.split(',')[0] };
    expect(verify(given)).toEqual({ ok: true, verifier: 'standard-webhooks', id });
  });

  it.each<[string, Given, string]>([
    ['a timestamp more than 300 s old', { ...signed, now: NOW + 300_001 }, 'the timestamp is too old'],
    ['a timestamp more than 300 s ahead', { ...signed, now: NOW - 300_001 }, 'the timestamp is too new'],
    ['another body', { ...signed, body: '{"test": 2432232315}' }, 'the signature does not match'],
    [
      'another id',
      { ...signed, headers: { ...headers, 'webhook-id': 'msg_2' } },
      'the signature does not match',
    ],
    [
      'another secret',
      { ...signed, secrets: ['whsec_AAAA9r8GKYqrTwjUPD8ILPZIo2LaLaSw'] },
      'the signature does not match',
    ],
    ['an empty id', { ...signed, headers: { ...headers, 'webhook-id': '' } }, 'no header webhook-id'],
    [
      'a timestamp with letters behind it',
      { ...signed, headers: { ...headers, 'webhook-timestamp': '1614265330x' } },
      'the timestamp is missing, or neither a Unix time nor an ISO date',
    ],
    ['a wrong signature', withSignature(wrong), 'the signature does not match'],
    ['the right signature under another version', withSignature(signature.replace('v1', 'v2')), NO_SIGNATURE],
    ['an empty signature', withSignature(''), NO_SIGNATURE],
    ['a signature without its version', withSignature(signature.slice(3)), NO_SIGNATURE],
    ['malformed base64', withSignature('v1,!!!!'), 'the signature does not match'],
    [
      'the names of Svix where others are configured',
      {
        ...renamed((name) => name.replace('webhook', 'svix')),
        verifiers: [{ type: 'standard-webhooks', headerPrefix: 'x-acme-' }],
      },
      'no header x-acme-signature',
    ],
    [
      'an id of one set of names with the signature of the other',
      {
        ...signed,
        headers: {
          'svix-id': headers['webhook-id'],
          'webhook-timestamp': headers['webhook-timestamp'],
          'webhook-signature': signature,
        },
      },
      'no header webhook-id',
    ],
    [
      'a secret that is no base64',
      { ...signed, secrets: ['whsec_?', 'whsec_'] },
      'no secret is a Standard Webhooks secret (whsec_ and base64)',
    ],
  ])('refuses %s', (_name, given, reason) => {
    expect(verify(given)).toEqual({ ok: false, reason: `standard-webhooks: ${reason}` });
  });
});

describe('verifierSchema', () => {
  it.each([
    ['an unknown type', { type: 'none' }],
    ['a misspelt setting', { type: 'token', haeder: 'x-token' }],
    ['an hmac without a header', { type: 'hmac' }],
    ['a signed timestamp without its header', { type: 'hmac', header: 'x-s', signs: '{timestamp}.{body}' }],
    ['a timestamp header that nothing signs', { type: 'hmac', header: 'x-s', timestampHeader: 'x-t' }],
    [
      'what is signed without the body',
      { type: 'hmac', header: 'x-s', signs: '{url}', url: 'https://a.example' },
    ],
    ['an unknown placeholder', { type: 'hmac', header: 'x-s', signs: '{host}{body}' }],
    ['a signed id without its header', { type: 'hmac', header: 'x-s', signs: '{id}.{body}' }],
    ['an id that nothing signs', { type: 'hmac', header: 'x-s', idHeader: 'x-id' }],
    ['a signed address that nobody says', { type: 'hmac', header: 'x-s', signs: '{url}{body}' }],
    ['an address that nothing signs', { type: 'hmac', header: 'x-s', url: 'https://a.example' }],
    ['an address that is none', { type: 'hmac', header: 'x-s', signs: '{url}{body}', url: 'a.example' }],
    ['a prefix of a time that is nowhere', { type: 'hmac', header: 'x-s', timestampPrefix: 't=' }],
    ['an algorithm that is broken', { type: 'hmac', header: 'x-s', algorithm: 'md5' }],
    ['a prefix that is no header name', { type: 'standard-webhooks', headerPrefix: 'x acme' }],
    ['a tolerance of nothing', { type: 'hmac', header: 'x-s', toleranceSeconds: 0 }],
  ])('refuses %s', (_name, verifier) => {
    expect(verifierSchema.safeParse(verifier).success).toBe(false);
  });
});

describe('signRequest', () => {
  it('signs as a sender with the default scheme does', () => {
    expect(signRequest({ secret: RFC_KEY, body: Buffer.from(RFC_DATA), now: NOW })).toEqual({
      'x-webhook-signature': `sha256=${RFC_HEX}`,
    });
  });

  it('signs the timestamp where the verifier asks for one', () => {
    const verifier = hmac({
      signs: '{timestamp}.{body}',
      timestampHeader: 'x-timestamp',
      encoding: 'base64',
    });
    expect(signRequest({ secret: SECRET, body: Buffer.from(TIMED_BODY), now: NOW + 999, verifier })).toEqual({
      'x-timestamp': '1614265330',
      'x-signature': TIMED_BASE64,
    });
  });
});
