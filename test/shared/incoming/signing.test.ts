import { describe, expect, it } from 'vitest';
import { standardWebhooksKey } from '../../../shared/incoming/standard-webhooks.ts';
import { type Verifier, verifierSchema } from '../../../shared/incoming/verifier-settings.ts';
import {
  signedIdHeaders,
  signRequest,
  toleranceSecondsOf,
  verifyRequest,
} from '../../../shared/incoming/verifiers.ts';
import { utc } from '../../support/builders.ts';

const NOW = utc('2026-01-05 12:00:00');
const SECRET = `whsec_${Buffer.from('a secret of these tests').toString('base64')}`;
const BODY = Buffer.from('{"credits":500}');

const verifier = (settings: object): Verifier => verifierSchema.parse(settings);
const TOKEN = verifier({ type: 'token', prefix: 'Bearer ' });
const STANDARD = verifier({ type: 'standard-webhooks' });
const WITH_ID = verifier({
  type: 'hmac',
  header: 'x-signature',
  signs: '{id}.{timestamp}.{body}',
  idHeader: 'x-id',
  timestampHeader: 'x-time',
  toleranceSeconds: 60,
});
const BODY_ALONE = verifier({ type: 'hmac', header: 'x-signature' });

interface Given {
  headers?: Record<string, string>;
  body?: Buffer;
  secret?: string;
}
const signed = (by: Verifier, { headers = {}, body = BODY, secret = SECRET }: Given = {}) => ({
  ...headers,
  ...signRequest({ secret, body, now: NOW, headers, verifier: by }),
});
const letIn = (by: Verifier, headers: Record<string, string>) =>
  verifyRequest({ verifiers: [by], headers, query: {}, body: BODY, secrets: [SECRET], now: NOW });

describe('what we sign', () => {
  it.each([
    ['a token', TOKEN],
    ['an HMAC of the body', BODY_ALONE],
    ['an HMAC of an id, a time and the body', WITH_ID],
    ['Standard Webhooks', STANDARD],
    ['Standard Webhooks under names of their own', verifier({ ...STANDARD, headerPrefix: 'x-hook-' })],
  ])('with %s is let in by the verifier of that', (_, by) => {
    expect(letIn(by, signed(by))).toMatchObject({ ok: true, verifier: by.type });
  });

  it('with a token holds the secret behind what stands before it', () => {
    expect(signed(TOKEN)).toEqual({ 'x-webhook-token': `Bearer ${SECRET}` });
  });

  it('bears the names of the standard, or those of Svix where the request has an id under these', () => {
    expect(Object.keys(signed(STANDARD))).toEqual(['webhook-id', 'webhook-timestamp', 'webhook-signature']);
    const svix = signed(STANDARD, { headers: { 'svix-id': 'msg_7' } });
    expect(Object.keys(svix)).toEqual(['svix-id', 'svix-timestamp', 'svix-signature']);
    expect(letIn(STANDARD, svix)).toMatchObject({ ok: true, id: { header: 'svix-id', value: 'msg_7' } });
  });

  it('signs the id that the request has, and gives it one of its body where it has none', () => {
    expect(signed(WITH_ID, { headers: { 'x-id': 'delivery-1' } })['x-id']).toBe('delivery-1');
    const idOf = (body: Buffer) => signed(WITH_ID, { body })['x-id'];
    expect(idOf(BODY)).toMatch(/^msg_[0-9a-f]{24}$/);
    expect(idOf(Buffer.from(BODY))).toBe(idOf(BODY));
    expect(idOf(Buffer.from('{"credits":501}'))).not.toBe(idOf(BODY));
  });

  it('is nothing where the secret is none of the standard', () => {
    expect(signed(STANDARD, { secret: 'not base64!' })).toEqual({});
  });
});

describe('what a signature covers besides the body', () => {
  it.each<[string, Verifier, number | undefined, string[]]>([
    ['nothing, of a token', TOKEN, undefined, []],
    ['nothing, where the body is signed alone', BODY_ALONE, undefined, []],
    ['the time and the id that are configured', WITH_ID, 60, ['x-id']],
    ['the standard’s time and id, under each of its names', STANDARD, 300, ['webhook-id', 'svix-id']],
    [
      'a time that is kept more strictly',
      verifier({ ...STANDARD, toleranceSeconds: 30 }),
      30,
      ['webhook-id', 'svix-id'],
    ],
  ])('is %s', (_, by, toleranceSeconds, idHeaders) => {
    expect(toleranceSecondsOf(by)).toBe(toleranceSeconds);
    expect(signedIdHeaders(by)).toEqual(idHeaders);
  });
});

describe('a secret of the Standard Webhooks', () => {
  const base64 = Buffer.from('a secret of these tests').toString('base64');

  it.each([base64, `whsec_${base64}`, `v1,whsec_${base64}`, `v1,${base64}`])(
    'is the same key, however a dashboard shows it: %s',
    (secret) => {
      expect(standardWebhooksKey(secret)?.toString()).toBe('a secret of these tests');
    },
  );

  it('loses nothing of a key that holds what others begin with', () => {
    expect(standardWebhooksKey('AAAAwhsec_BB')).toEqual(Buffer.from('AAAAwhsec_BB', 'base64'));
  });

  it.each(['', '!AAAA', 'AAAA!', 'AAAA BBBB', 'AAAA===', 'AAAAA'])('is not %j', (secret) => {
    expect(standardWebhooksKey(secret)).toBeUndefined();
  });
});

describe('why a signature is refused', () => {
  it('is said of the headers that were sent, under whichever of the names', () => {
    const svix = { ...signed(STANDARD, { headers: { 'svix-id': 'msg_7' } }), 'svix-id': 'msg_8' };
    expect(letIn(STANDARD, svix)).toEqual({
      ok: false,
      reason: 'standard-webhooks: the signature does not match',
    });
    expect(letIn(STANDARD, {})).toEqual({
      ok: false,
      reason: 'standard-webhooks: no header webhook-signature',
    });
  });

  it.each<[string, Partial<Parameters<typeof verifyRequest>[0]>]>([
    ['there is none', {}],
    ['it is empty', { query: { token: '' }, headers: { 'x-webhook-token': ' ' } }],
    ['the address has others', { rawQuery: 'a&b=1' }],
    ['the address has its name alone', { rawQuery: 'token' }],
  ])('a token: that there is none, where %s', (_, sent) => {
    const by = verifier({ type: 'token' });
    const request = { headers: {}, query: {}, body: BODY, secrets: [SECRET], now: NOW, ...sent };
    expect(verifyRequest({ verifiers: [by], ...request })).toEqual({
      ok: false,
      reason: 'token: no token in the request',
    });
  });

  it('a token behind another word of the same length is none', () => {
    expect(letIn(TOKEN, { 'x-webhook-token': `Digest ${SECRET}` })).toEqual({
      ok: false,
      reason: 'token: no token in the request',
    });
  });
});
