import { describe, expect, it } from 'vitest';
import { formAsJson } from '../../../shared/incoming/body.ts';
import { verifierSchema } from '../../../shared/incoming/verifier-settings.ts';
import { verifyRequest } from '../../../shared/incoming/verifiers.ts';
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

describe('what anybody may send', () => {
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
