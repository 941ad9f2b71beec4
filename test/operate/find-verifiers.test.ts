import { describe, expect, it } from 'vitest';
import { captureReport } from '../../operate/capture.ts';
import { findVerifiers } from '../../operate/find-verifiers.ts';
import { masked } from '../../operate/masked.ts';
import { type Verifier, verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { verifyRequest } from '../../shared/incoming/verifiers.ts';
import { aCaptured, aConfig, type Sent } from '../support/builders.ts';
import { SENDERS } from '../support/senders.ts';

const SECRET = 'correct horse battery staple';
const STANDARD = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const BODY = aCaptured().body.toString();
/** 2026-01-05, 09:30 UTC. */
const SECONDS = '1767605400';
const NOW = aCaptured().receivedAt;

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

const search = (sent: Sent, secrets = [SECRET]) => findVerifiers(aCaptured(sent), secrets);
const report = (sent: Sent, webhook = [SECRET], configured: Verifier[] = []) =>
  captureReport({ id: 'abc', kept: aCaptured(sent) }, { webhook, channels: {} }, { raw: false, configured });
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
    const config = aConfig({ recharge: { verifiers: found({ headers }) } });
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
    const { notes } = report(sent);
    expect(notes).toContainEqual(
      expect.stringMatching(
        /^verifiers: the signed time was 60 minutes before ours, which is refused\..+"toleranceSeconds": 3600 lets it in$/,
      ),
    );
  });

  it.each<[string, Sent, string | RegExp]>([
    [
      'the secret with more around it',
      { headers: { authorization: `Bearer 1 ${SECRET} v2` } },
      'authorization holds the secret, and more behind it: a token is compared to its end',
    ],
    [
      'a prefix that is another one each time',
      { headers: { 'x-signature': `12/${HEX}` } },
      'in: x-signature',
    ],
    [
      'the secret in the body',
      { body: `{"verification":"${SECRET}"}` },
      'the body holds the secret: no verifier looks for it there',
    ],
    [
      'a time that is not signed',
      { headers: { 'x-time': '1767605400123', 'x-sent': `t=${SECONDS}` } },
      'times in: x-time, x-sent (t=)',
    ],
    [
      'a signature of the body before something changed it',
      { headers: { 'x-signature': HEX }, body: `${BODY}\n` },
      'x-signature is the signature of the body without the blanks around it: what came is not what was signed',
    ],
    [
      'a signature of the same JSON, written in another way',
      { headers: { 'x-signature': HEX }, body: JSON.stringify(JSON.parse(BODY), null, 1) },
      'x-signature is the signature of the JSON of the body, written in another way: what came is not what was signed',
    ],
    [
      'headers of Standard Webhooks with another kind of secret',
      {
        headers: {
          'x-acme-id': '1',
          'x-acme-timestamp': SECONDS,
          'x-acme-signature': `v1,${STANDARD_BASE64}`,
        },
      },
      'x-acme-signature looks like Standard Webhooks, and the secret is none of theirs: whsec_ and base64',
    ],
    ['another hash', { headers: { 'x-signature': `md5=${SHA1_HEX.slice(0, 32)}` } }, 'in: x-signature'],
    [
      'an address that is signed with its query',
      { headers: { host: 'hooks.example.com', 'x-signature': 'f'.repeat(64) }, query: { brand: 'a' } },
      'addresses: https://hooks.example.com/webhooks/auto-recharge. One with a query cannot be tried: it held the token of the capture',
    ],
    ['nothing at all', {}, 'in: nothing, it has no headers'],
  ])('is none for %s, and it is said what was looked at', (_name, sent, line) => {
    const { matches, lookedAt } = search(sent);
    expect(matches).toEqual([]);
    expect(lookedAt).toContainEqual(line);
    expect(lookedAt[0]).toMatch(
      /^the secret as a token, as the key of HMAC with SHA-1, SHA-256 and SHA-512 in hex/,
    );
    expect(lookedAt.join()).not.toMatch(new RegExp(`${SECRET}|${HEX}|${SHA1_HEX}`));
  });

  it('is none while no secret is set, and that is said', () => {
    const { matches, lookedAt } = search({ headers: { 'x-signature': HEX } }, []);
    expect(matches).toEqual([]);
    expect(lookedAt[0]).toMatch(/^no secret is set for this address/);
  });
});

describe('what real senders send', () => {
  // Their address is another one, or has a query, which cannot be tried.
  const untried = [
    'Twilio, its published example',
    'Twilio, its published example of a body that is no form',
    'Twilio, with a query and a field twice',
  ];

  it.each(Object.entries(SENDERS).filter(([name]) => !untried.includes(name)))(
    'is understood, and the verifier proposed that lets it in: %s',
    (_name, { verifier, secret, headers, query = {}, body, now }) => {
      const others = {
        'content-type': 'application/json',
        'user-agent': 'sender/1.0',
        'x-request-id': 'r-1',
      };
      const kept = aCaptured({ headers: { ...others, ...headers }, query, body, receivedAt: now });
      const [best] = findVerifiers(kept, ['another one', secret]).matches;
      const verifiers = [verifierSchema.parse(best?.settings)];
      expect(verifiers).toEqual([verifierSchema.parse(verifier)]);
      const request = { headers, query, body: kept.body, secrets: [secret], now };
      expect(verifyRequest({ ...request, verifiers }).ok).toBe(true);
    },
  );
});

describe('the nearest miss', () => {
  const timed = { headers: { 'x-signature': TIMED_HEX, 'x-time': SECONDS } };

  it.each<[string, Sent, string[], string[]]>([
    ['nothing, where it is let in', timed, [SECRET], []],
    [
      'the time',
      { ...timed, receivedAt: NOW + 540_000 },
      [SECRET],
      ['would agree, if the time were not 9 minutes old'],
    ],
    [
      'a time ahead of ours',
      { ...timed, receivedAt: NOW - 7_300_000 },
      [SECRET],
      ['would agree, if the time were not 2 hours ahead'],
    ],
    ['the secret', timed, ['a newer one', SECRET], ['agrees with the previous secret']],
    [
      'both',
      { ...timed, receivedAt: NOW + 3 * 86_400_000 },
      ['a newer one', SECRET],
      ['agrees with the previous secret', 'would agree, if the time were not 3 days old'],
    ],
  ])('is named: %s', (_name, sent, webhook, nearest) => {
    expect(report(sent, webhook)).toMatchObject({ nearest, matching: [{ header: 'x-signature' }] });
  });

  it('is told beside what the configured verifiers say', () => {
    const configured = [{ type: 'hmac', header: 'x-signature' }].map((verifier) =>
      verifierSchema.parse(verifier),
    );
    const said = (sent: Sent) => report(sent, [SECRET], configured).configured;
    expect(said(timed)).toBe('hmac: the signature does not match');
    expect(said({ headers: { 'x-signature': HEX } })).toBe('they let it in by now');
    expect(report(timed)).not.toHaveProperty('configured');
  });
});

describe('what is shown of the headers', () => {
  const kept = aCaptured({
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

  it('has no value that may prove a sender', () => {
    expect(masked(kept.headers, { verifiers: [], secrets: [SECRET] })).toEqual({
      'content-type': 'application/json',
      'x-request-id': '0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0',
      'x-signature': expect.stringMatching(/^\(71 characters, sha256 [0-9a-f]{8}…\)$/),
      'x-key': '(28 characters, sha256 c4bbcb1f…)',
      'x-proof': expect.stringMatching(/^\(47 characters/),
      'x-jws': expect.stringMatching(/^\(39 characters/),
      authorization: expect.stringMatching(/^\(5 characters/),
    });
  });
});
