import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  judgeSignature,
  partsBehind,
  readTime,
  type Scheme,
  signatureOf,
  signBody,
} from '../../../shared/incoming/signature.ts';
import { utc } from '../../support/builders.ts';

const NOW = utc('2026-01-05 12:00:00');
const KEY = 'a secret of these tests';
const BODY = Buffer.from('{"credits":500}');

const scheme = (given: Partial<Scheme> = {}): Scheme => ({
  header: 'x-signature',
  prefix: '',
  encoding: 'hex',
  signs: '{body}',
  toleranceSeconds: 60,
  ...given,
});
const hmac = (text: string, { algorithm = 'sha256', encoding = 'hex' }: Partial<Scheme> = {}) =>
  createHmac(algorithm, KEY).update(text).digest(encoding);

interface Sent {
  body?: Buffer;
  rawQuery?: string;
}
const judged = (by: Scheme, headers: Record<string, string>, sent: Sent = {}) =>
  judgeSignature(by, { headers, body: BODY, now: NOW, ...sent }, [KEY]);
const LET_IN = { ok: true };
const NO_MATCH = { ok: false, reason: 'the signature does not match' };

describe('the parts of a header', () => {
  it('lose the quotes around them, and no others', () => {
    expect(partsBehind('', '"abc"')).toEqual(['abc']);
    for (const part of ['x"abc"', '"abc"x', '"abc', 'a"b"c']) expect(partsBehind('', part)).toEqual([part]);
  });

  it('may have a blank behind what they begin with, whose case does not matter', () => {
    expect(partsBehind('sha256=', 'SHA256= abc, sha256=def; sha1=ghi')).toEqual(['abc', 'def']);
  });

  it('are read up to the 32nd that begins so', () => {
    const parts = Array.from({ length: 40 }, (_, n) => `v1=${n}`);
    expect(partsBehind('v1=', parts.join(','))).toEqual(Array.from({ length: 32 }, (_, n) => String(n)));
  });
});

describe('a time', () => {
  it.each([
    ['1767614400', NOW],
    ['1767614400.5', NOW + 500],
    ['1767614400000', NOW],
    // Up to here in seconds, from here in milliseconds.
    ['99999999999', 99_999_999_999_000],
    ['100000000000', 100_000_000_000],
    ['2026-01-05T12:00:00Z', NOW],
    ['2026-01-05T13:00:00.000+0100', NOW],
  ])('is read as senders write it: %s', (text, at) => {
    expect(readTime(text)).toBe(at);
  });

  it.each([
    '',
    '0',
    '01767614400',
    '-1',
    'now',
    '2026-01-05',
    '2026-01-05T12:00:00Z (noon)',
    '+002026-01-05T12:00:00Z',
    '2026-13-05T12:00:00Z',
  ])('is none in %j', (text) => {
    expect(readTime(text)).toBeUndefined();
  });
});

describe('a signature', () => {
  it('is looked at up to 130 characters, which is more than any has', () => {
    const none = { ok: false, reason: 'x-signature holds no signature behind the configured prefix' };
    const by = scheme({ prefix: 'v1=' });
    expect(judged(by, { 'x-signature': `v1=${'a'.repeat(130)}` })).toEqual(NO_MATCH);
    expect(judged(by, { 'x-signature': `v1=${'a'.repeat(131)}` })).toEqual(none);
    expect(judged(by, { 'x-signature': 'v1=' })).toEqual(none);
  });

  it('in base64 may be written for addresses, and without its padding', () => {
    const by = scheme({ encoding: 'base64', algorithm: 'sha512', signs: 'n{body}' });
    const bodies = Array.from({ length: 50 }, (_, n) => String(n));
    const text = bodies.find((one) => /\+.*\//.test(hmac(`n${one}`, by))) ?? expect.unreachable();
    const body = Buffer.from(text);
    const signature = hmac(`n${text}`, by);
    const forAddresses = signature.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
    for (const one of [signature, forAddresses]) {
      expect(judged(by, { 'x-signature': one }, { body })).toEqual(LET_IN);
    }
    expect(judged(by, { 'x-signature': `=${signature}` }, { body })).toEqual(NO_MATCH);
  });

  it('has nothing in the place of what its scheme does not have', () => {
    const signature = hmac(BODY.toString());
    const timed = scheme({ signs: '{id}{timestamp}{url}{body}' });
    expect(judged(timed, { 'x-signature': signature }, { rawQuery: 'a=1' })).toEqual(LET_IN);
    const untold = { body: BODY, timestamp: '', url: '' };
    expect(signatureOf(scheme({ signs: '{id}{body}' }), KEY, untold)).toBe(signature);
    expect(signBody(scheme({ signs: '{id}{url}{body}' }), KEY, { body: BODY, now: NOW })).toEqual({
      'x-signature': signature,
    });
  });

  it('is let in that we have made ourselves, whatever it covers', () => {
    const at = { timestampHeader: 'x-signature', prefix: 'v1=', signs: '{timestamp}.{body}' };
    const covers = [
      scheme({ url: 'https://relay.example.com/hook', signs: '{url}{body}' }),
      scheme(at),
      scheme({ ...at, timestampHeader: 'x-time' }),
      scheme({ ...at, timestampPrefix: 'ts=' }),
    ];
    for (const by of covers) expect(judged(by, signBody(by, KEY, { body: BODY, now: NOW }))).toEqual(LET_IN);
    expect(signBody(scheme(at), KEY, { body: BODY, now: NOW })['x-signature']).toMatch(/^t=\d{10},v1=/);
  });
});

describe('an id that a signature covers', () => {
  const by = scheme({ idHeader: 'x-id', signs: '{id}.{body}' });
  const signature = hmac(`msg_1.${BODY}`);

  it.each(['msg_1', ' msg_1 ', 'msg_1,msg_1', ' msg_1 , msg_1'])('is read as it was signed: %j', (id) => {
    expect(judged(by, { 'x-signature': signature, 'x-id': id })).toEqual({
      ok: true,
      id: { header: 'x-id', value: 'msg_1' },
    });
  });

  it('may hold a comma', () => {
    const headers = { 'x-signature': hmac(`a,b.${BODY}`), 'x-id': ' a,b ' };
    expect(judged(by, headers)).toMatchObject({ id: { value: 'a,b' } });
  });

  it.each([undefined, '', ' ', ' , '])('is missing in %j', (id) => {
    const headers = { 'x-signature': signature, ...(id === undefined ? {} : { 'x-id': id }) };
    expect(judged(by, headers)).toMatchObject({ ok: false });
  });
});

describe('a time that a signature covers', () => {
  const at = (seconds: number) => String(NOW / 1_000 + seconds);
  const by = scheme({ timestampHeader: 'x-signature', prefix: 'v1=', signs: '{timestamp}.{body}' });
  const signed = (seconds: number) => hmac(`${at(seconds)}.${BODY}`);

  it.each(['t=', 'ts=', 'time=', 'timestamp='])('may share the header under the name %s', (name) => {
    expect(judged(by, { 'x-signature': `${name}${at(0)},v1=${signed(0)}` })).toEqual(LET_IN);
  });

  it('may stand there with another one: a header that came twice', () => {
    expect(judged(by, { 'x-signature': `t=${at(1)},t=${at(0)},v1=${signed(0)}` })).toEqual(LET_IN);
  });

  it('is tried among four at most, for each costs a pass over the body', () => {
    const among = (...seconds: number[]) => seconds.map((one) => `t=${at(one)}`).join(',');
    expect(judged(by, { 'x-signature': `${among(1, 2, 3, 0)},v1=${signed(0)}` })).toEqual(LET_IN);
    expect(judged(by, { 'x-signature': `${among(1, 2, 3, 4, 0)},v1=${signed(0)}` })).toEqual(NO_MATCH);
  });

  it.each([
    [-60, LET_IN],
    [60, LET_IN],
    [-61, { ok: false, reason: 'the timestamp is too old' }],
    [61, { ok: false, reason: 'the timestamp is too new' }],
  ])('is near enough within the tolerance: %i s', (seconds, verdict) => {
    expect(judged(by, { 'x-signature': `t=${at(seconds)},v1=${signed(seconds)}` })).toEqual(verdict);
  });
});

describe('an address that a signature covers', () => {
  const url = 'https://relay.example.com/hook';
  const withUrl = (given: Partial<Scheme> = {}) => scheme({ url, signs: '{url}.{body}', ...given });
  const signed = (address: string) => ({ 'x-signature': hmac(`${address}.${BODY}`) });

  it('is the one that the sender was given, with or without the query that they added', () => {
    expect(judged(withUrl(), signed(url))).toEqual(LET_IN);
    expect(judged(withUrl(), signed(url), { rawQuery: 'a=1' })).toEqual(LET_IN);
    expect(judged(withUrl(), signed(`${url}?a=1`), { rawQuery: 'a=1' })).toEqual(LET_IN);
    expect(judged(withUrl(), signed(`${url}?a=2`), { rawQuery: 'a=1' })).toEqual(NO_MATCH);
  });

  it('has no second question mark, and none without a query', () => {
    expect(judged(withUrl(), signed(`${url}?`))).toEqual(NO_MATCH);
    expect(judged(withUrl(), signed(`${url}?`), { rawQuery: '' })).toEqual(NO_MATCH);
    const given = withUrl({ url: `${url}?a=1` });
    expect(judged(given, signed(`${url}?a=1`), { rawQuery: 'a=1' })).toEqual(LET_IN);
    expect(judged(given, signed(`${url}?a=1?a=1`), { rawQuery: 'a=1' })).toEqual(NO_MATCH);
  });
});

/** https://www.twilio.com/docs/usage/security#how-twilio-signs-its-requests */
it('a form is signed by its fields, sorted by name and by value, each pair once', () => {
  const by = scheme({ signs: '{form}' });
  const body = Buffer.from('b=1&a=2&a=10&a=2');
  expect(judged(by, { 'x-signature': hmac('a10a2b1') }, { body })).toEqual(LET_IN);
});
