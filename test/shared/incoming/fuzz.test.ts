import { describe, expect, it } from 'vitest';
import { formAsJson, unpack } from '../../../shared/incoming/body.ts';
import { verifierSchema } from '../../../shared/incoming/verifier-settings.ts';
import { verifyRequest } from '../../../shared/incoming/verifiers.ts';
import { rechargeSchema } from '../../../shared/recharge/settings.ts';
import { readOrder } from '../../../shared/recharge/webhook.ts';
import { cpuMsOf } from '../../support/cpu.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = 1_767_605_400_123;
const NAMES = [
  'x-signature',
  'x-time',
  'x-id',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
  'svix-id',
];

const VERIFIERS = [
  { type: 'token', header: 'x-signature', prefix: 'v1=' },
  { type: 'hmac', header: 'x-signature' },
  { type: 'hmac', header: 'x-signature', encoding: 'base64' },
  { type: 'hmac', header: 'x-signature', encoding: 'base64', prefix: 'v1=' },
  {
    type: 'hmac',
    header: 'x-signature',
    prefix: 'v1=',
    signs: '{id}{timestamp}{url}{form}',
    timestampHeader: 'x-signature',
    idHeader: 'x-id',
    url: 'https://hooks.example.com/',
  },
  { type: 'hmac', header: 'x-signature', signs: '{timestamp}.{body}', timestampHeader: 'x-time' },
  { type: 'standard-webhooks' },
].map((verifier) => verifierSchema.parse(verifier));

const requestOf = (text: string) => ({
  headers: Object.fromEntries(NAMES.map((name) => [name, text])),
  query: { token: text },
  rawQuery: text,
  body: Buffer.from(text),
});
const verify = (text: string) =>
  verifyRequest({ ...requestOf(text), verifiers: VERIFIERS, secrets: [SECRET], now: NOW });

/** Numbers from 0 up to (not including) 1, the same ones for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

/** What parts, prefixes, times, escapes and signatures are made of. */
const PIECES = [
  ...[',', ';', ' ', '\t', '=', '"', '%', '%2B', '+', '&', '\\', '\n', '\0', '\u{1F98A}', '\ud83d', '{', '['],
  ...[
    't=',
    'ts=',
    'v1=',
    'v1,',
    'v1a,',
    'sha256=',
    'token=',
    'whsec_',
    'null',
    '1767605400',
    '1767605400123',
  ],
  ...['a'.repeat(64), 'A'.repeat(43), 'AAAA', '==', '2026-01-05T09:30:00Z', '__proto__', '{"id":1}', 'e5'],
];

describe('what anybody may send', () => {
  it('is refused with a reason that quotes nothing, whatever it is', () => {
    for (let seed = 1; seed <= 2_000; seed += 1) {
      const random = randomFrom(seed);
      const length = 1 + Math.floor(random() * 40);
      const pieces = Array.from({ length }, () => PIECES[Math.floor(random() * PIECES.length)] ?? '');
      const verdict = verify(pieces.join(''));
      expect(verdict, `seed ${seed}`).toEqual({
        ok: false,
        reason: expect.stringMatching(/^[\w\s:;,()-]+$/),
      });
    }
  });

  it('is read without an exception, whatever it is', () => {
    const config = rechargeSchema.parse({ creditsField: 'id', keyHeader: 'x-id', keyHeaderTrusted: true });
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomFrom(seed);
      const pieces = Array.from({ length: 20 }, () => PIECES[Math.floor(random() * PIECES.length)] ?? '');
      const body = Buffer.from(pieces.join(''));
      for (const encoding of ['gzip', 'deflate', 'br', 'GZIP ', 'gzip, gzip', 'constructor']) {
        const headers = { 'content-encoding': encoding, 'content-type': 'application/x-www-form-urlencoded' };
        const unpacked = unpack({ headers, body }, 1_000) ?? Buffer.alloc(0);
        const form = formAsJson({ headers, body: unpacked });
        expect(readOrder(form.body, config, { ...form, headers }), `seed ${seed}`).toHaveProperty('fault');
      }
    }
  });

  /** The least of several runs: whatever else the machine does only adds to it. */
  const costOf = (work: () => void) => Math.min(...Array.from({ length: 3 }, () => cpuMsOf(work)));

  it.each([
    ...[
      ',',
      ' ',
      '=',
      '"',
      '"a',
      'a',
      'a,',
      'v1=',
      'v1=,',
      'v1,',
      't=1767605400,',
      't=1,v1=a ',
      '1767605400,',
    ],
    ...['%', '%2B', '+', '&', 'token=&', 'token=a&', 'a&', 'a=b&', '\n', '-', '1', '1.', '0x'],
  ])('costs eight times as much where it is eight times as long, not sixty-four: %j', (piece) => {
    // What ends otherwise than it began is where a pattern goes back.
    const sized = (bytes: number) => `${piece.repeat(bytes / piece.length)}x`;
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const work = (text: string) => () => {
      verify(text);
      formAsJson({ headers, body: Buffer.from(text) });
    };
    work(sized(8_192))();
    const [short, long] = [costOf(work(sized(8_192))), costOf(work(sized(65_536)))];
    // 2 ms: what a clock of the system, and a collection of garbage, may add.
    expect(long).toBeLessThan(32 * (short + 2));
  });
});
