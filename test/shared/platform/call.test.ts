import { describe, expect, it } from 'vitest';
import { redactUrl } from '../../../shared/platform/call.ts';
import { createPace } from '../../../shared/platform/pace.ts';
import { KEY } from './answering.ts';
import { differs, EMAIL, grant, granted, unknown, usePlatform } from './asking.ts';

const { platform, client, send } = usePlatform();

const notFound = { error: { code: 'NOT_FOUND', message: 'No sub-account' } };

describe('the pace', () => {
  const SLOW = 'not sent: our own limit of requests, or the wait the platform asked for';

  it('keeps back a grant over the budget, as not applied, and says how long', async () => {
    platform.answers(200, granted);
    const asker = client({}, { pace: createPace({ requestsPerMinute: 1, now: () => 0 }) });
    expect(await send(asker)).toMatchObject({ kind: 'granted' });
    expect(await send(asker)).toEqual({
      kind: 'not_applied',
      detail: SLOW,
      retryAfterMs: 60_000,
      unsent: true,
    });
    expect(platform.seen).toHaveLength(1);
  });

  it('keeps back a look-up over the budget, as no answer', async () => {
    const asker = client({}, { pace: createPace({ requestsPerMinute: 1, now: () => 0 }) });
    platform.answers(404, notFound);
    expect(await asker.subAccount(EMAIL)).toEqual({ kind: 'not_found' });
    expect(await asker.subAccount(EMAIL)).toEqual({ kind: 'no_answer', detail: SLOW });
    expect(await asker.findGrant({ mark: 'rr-1-1', email: EMAIL, credits: 1, since: 0 })).toEqual({
      kind: 'no_answer',
      detail: SLOW,
    });
    expect(platform.seen).toHaveLength(1);
  });

  it('is taken when a grant is prepared, so that sending it is the bytes alone', async () => {
    platform.answers(200, granted);
    const asker = client({}, { pace: createPace({ requestsPerMinute: 1, now: () => 0 }) });
    const first = await asker.prepareGrant(grant);
    const second = await asker.prepareGrant(grant);
    expect(await second.send()).toMatchObject({ kind: 'not_applied' });
    expect(await first.send()).toMatchObject({ kind: 'granted' });
  });

  it('costs nothing where there is no key to send', async () => {
    platform.answers(200, granted);
    const pace = createPace({ requestsPerMinute: 1, now: () => 0 });
    expect(await send(client({}, { pace, key: '' }))).toMatchObject({ agencyFault: 'unauthorized' });
    expect(await send(client({}, { pace }))).toMatchObject({ kind: 'granted' });
  });

  it.each<[string, Record<string, string>, number]>([
    ['seconds', { 'retry-after': '30' }, 30_000],
    ['a date', { 'retry-after': 'Tue, 14 Nov 2023 22:14:20 GMT' }, 60_000],
    ['the time of the reset', { 'x-ratelimit-reset': '1700000045' }, 45_000],
    ['an hour, of which a quarter is believed', { 'retry-after': '3600' }, 900_000],
  ])('stands still after a 429 that names %s', async (_name, headers, ms) => {
    let now = 0;
    const asker = client({}, { pace: createPace({ requestsPerMinute: 600, now: () => now }) });
    platform.answers(429, '', headers);
    await asker.subAccount(EMAIL);
    platform.answers(200, granted);
    now = ms - 1;
    expect(await send(asker)).toEqual({ kind: 'not_applied', detail: SLOW, retryAfterMs: 1, unsent: true });
    now = 1;
    const held = { kind: 'not_applied', detail: SLOW, retryAfterMs: ms - 1, unsent: true };
    expect(await send(asker)).toEqual(ms > 120_000 ? { ...held, agencyFault: 'rate_limited' } : held);
    now = ms;
    expect(await send(asker)).toMatchObject({ kind: 'granted' });
  });

  it.each<[string, number, Record<string, string>]>([
    ['a 429 that names no time', 429, {}],
    ['a 503, whatever it names', 503, { 'retry-after': '30' }],
    ['a success, whatever it names', 200, { 'x-ratelimit-reset': '30' }],
  ])('goes on after %s', async (_name, status, headers) => {
    const asker = client({}, { pace: createPace({ requestsPerMinute: 600, now: () => 0 }) });
    platform.answers(status, '', headers);
    await asker.subAccount(EMAIL);
    platform.answers(200, granted);
    expect(await send(asker)).toMatchObject({ kind: 'granted' });
  });

  it('reads the headers the profile names, in their order', async () => {
    platform.answers(429, '', { 'x-wait': 'soon', 'retry-after': '7', 'x-reset': '5' });
    const wait = async (waitHeaders: string[]) => send(client({ waitHeaders }));
    expect(await wait(['X-Wait', 'X-Reset', 'retry-after'])).toMatchObject({ retryAfterMs: 5_000 });
    expect(await wait(['x-wait'])).toEqual({ kind: 'not_applied', detail: 'status 429' });
  });
});

describe('what is said about an answer', () => {
  it('never holds the key, a query string or an email address, even where the platform quotes them', async () => {
    const message = `Bad key ${KEY} for ${EMAIL} in GET /v1/subaccounts?email=x&apiKey=${KEY}, ask help@example.com`;
    platform.answers(400, { error: { code: KEY, message } });
    const detail = 'status 400 [key] Bad key [key] for [email] in GET /v1/subaccounts?[redacted] ask [email]';
    expect(await send()).toEqual({ kind: 'refused', detail });
    expect(await client().subAccount(EMAIL)).toEqual({ kind: 'no_answer', detail });
  });

  it('never holds a phone number', async () => {
    platform.answers(409, { error: 'No SMS to +1 (555) 123-4567 or 31612345678; 10+20 = 30, 12345678' });
    expect(await send()).toEqual(unknown('status 409 No SMS to [phone] or [phone]; 10+20 = 30, 12345678'));
  });

  it('names the request as the platform does, where its support may have to be asked', async () => {
    platform.answers(500, { error: 'Oops' }, { 'x-request-id': 'req_8/a:1' });
    expect(await send()).toEqual(unknown('status 500 Oops (request id req_8/a:1)'));
    platform.answers(409, { error: 'Oops' }, { 'x-request-id': 'r1', 'x-trace': 't'.repeat(100) });
    expect(await send(client({ requestIdHeader: 'X-Trace' }))).toEqual(
      unknown(`status 409 Oops (request id ${'t'.repeat(64)})`),
    );
    platform.answers(200, { success: false, credits_added: 0 }, { 'x-request-id': 'r1' });
    expect(await send()).toEqual(differs('success is false (request id r1)'));
    platform.answers(500, { error: 'Oops' }, { 'x-request-id': 'not a plain word' });
    expect(await send()).toEqual(unknown('status 500 Oops'));
    platform.answers(500, { error: 'Oops' }, { 'x-request-id': `of-${KEY}` });
    expect(await send()).toEqual(unknown('status 500 Oops (request id of-[key])'));
    platform.answers(500, { error: 'x'.repeat(300) }, { 'x-request-id': 'r1' });
    expect(await send()).toEqual(unknown(`status 500 ${'x'.repeat(173)} (request id r1)`));
  });

  it('is the same for each wait: equal ones are one entry in the history of a row', async () => {
    platform.answers(429, { error: 'Slow' }, { 'x-request-id': 'r1' });
    expect(await send()).toEqual({ kind: 'not_applied', detail: 'status 429 Slow' });
    expect(await client().subAccount(EMAIL)).toEqual({ kind: 'no_answer', detail: 'status 429 Slow' });
  });

  it('does not end in half an email or half a key where a long text was cut', async () => {
    // Hidden, these take no room: what stands at the cut, after 2,000 characters, would be shown.
    const emails = `${'x'.repeat(308)}@example.com `.repeat(6);
    for (const secret of [EMAIL, KEY]) {
      platform.answers(500, { error: `${emails}${'y'.repeat(58)} ${secret}${secret}` });
      expect(await send()).toEqual(unknown(`status 500 ${'[email] '.repeat(6)}${'y'.repeat(58)}`));
    }
  });

  it('is at most 200 characters long, and does not end in half a key', async () => {
    platform.answers(409, { error: `${'x'.repeat(185)}${KEY}` });
    const result = await send();
    expect(result).toEqual(unknown(`status 409 ${'x'.repeat(185)}[key`));
  });
});

describe('redactUrl', () => {
  it.each([
    [
      'https://api.example.com/v1/subaccounts?apiKey=secret&email=a',
      'https://api.example.com/v1/subaccounts?[redacted]',
    ],
    ['"GET /x?apiKey=secret" failed, GET /y?k=1 too', '"GET /x?[redacted]" failed, GET /y?[redacted] too'],
    ['https://api.example.com/v1#a', 'https://api.example.com/v1#a'],
    ['Really? Yes', 'Really? Yes'],
  ])('%s becomes %s', (text, redacted) => {
    expect(redactUrl(text)).toBe(redacted);
  });
});
