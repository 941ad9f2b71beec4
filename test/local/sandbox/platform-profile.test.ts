import { describe, expect, it, vi } from 'vitest';
import { createSandboxPlatform, type SandboxPlatformOptions } from '../../../local/sandbox/platform.ts';
import { call, useEndings } from '../../support/sandbox.ts';

const KEY = 'platform-key';
const atTheEnd = useEndings();

type Profile = NonNullable<SandboxPlatformOptions['profile']>;
type Group = keyof NonNullable<Profile['keyPlacement']>;

async function platformWith(profile: Profile, ratePerMinute?: number) {
  const platform = await createSandboxPlatform({
    apiKey: KEY,
    webhookSecret: 'webhook-secret',
    profile,
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
  });
  atTheEnd(platform.close);
  return platform;
}

const customData = { messageSid: 'm', fromId: 'f', toId: 't', customChannel: 'c', body: 'b' };
const OPERATIONS: [Group, string, unknown, number][] = [
  ['credits', '/v1/subaccounts/credits', { email: 'demo@example.com', amount: 1 }, 200],
  ['subAccounts', '/v1/subaccounts?email=demo@example.com', undefined, 200],
  ['contacts', '/v1/contacts', { phone: '+15551234567' }, 201],
  ['lists', '/v1/lists/newsletter/contacts', { contactId: 'nobody' }, 404],
  ['messages', '/v1/send_custom_channel_message', { customData }, 200],
  ['messages', '/v1/incoming_custom_channel_message', { customData }, 200],
  ['usageExport', '/v1/agencies/usage/export', undefined, 200],
];
const DEFAULTS = {
  credits: 'header',
  subAccounts: 'either',
  contacts: 'query',
  lists: 'query',
  messages: 'query',
  usageExport: 'query',
};

describe('where the API key of a group is looked for', () => {
  const tried = async (url: string, path: string, payload: unknown) => {
    const inQuery = new URL(url + path);
    inQuery.searchParams.set('key', KEY);
    return {
      header: (await call(url + path, payload, { 'X-Agency-Key': KEY })).status,
      query: (await call(inQuery.href, payload)).status,
    };
  };
  const named = { keyHeader: 'X-Agency-Key', keyQuery: 'key' };

  it.each(OPERATIONS)(
    '%s: header or query, under the names of the profile (%s)',
    async (group, path, payload, ok) => {
      const asHeader = await platformWith({ ...named, keyPlacement: { [group]: 'header' } });
      expect(await tried(asHeader.url, path, payload)).toEqual({ header: ok, query: 401 });
      const asQuery = await platformWith({ ...named, keyPlacement: { [group]: 'query' } });
      expect(await tried(asQuery.url, path, payload)).toEqual({ header: 401, query: ok });
    },
  );

  it.each(OPERATIONS)(
    '%s: as the page says where the profile is silent (%s)',
    async (group, path, payload, ok) => {
      const placement = DEFAULTS[group];
      expect(await tried((await platformWith(named)).url, path, payload)).toEqual({
        header: placement === 'query' ? 401 : ok,
        query: placement === 'header' ? 401 : expect.any(Number),
      });
    },
  );
});

it.each(['header', 'either'] as const)('the key counts behind its prefix only: %s', async (contacts) => {
  const { url } = await platformWith({
    keyPlacement: { contacts },
    keyHeader: 'Authorization',
    keyPrefix: 'Bearer ',
  });
  const asked = async (authorization: string) =>
    (await call(`${url}/v1/contacts`, { phone: '+15551234567' }, { authorization })).status;
  expect(await asked(KEY)).toBe(401);
  expect(await asked(`Basic ${KEY}`)).toBe(401);
  expect(await asked(`Bearer x${KEY}`)).toBe(401);
  expect(await asked(`Bearer ${KEY}`)).toBe(201);
});

describe('the shape of an error', () => {
  it.each([
    ['envelope', { error: { code: 'CONTACT_NOT_FOUND', message: expect.any(String) } }],
    ['flat', { error: expect.stringContaining('No contact') }],
    ['message', { message: expect.stringContaining('No contact') }],
  ] as const)('%s is that of refusals and faults alike', async (errorShape, shape) => {
    const platform = await platformWith({ errorShape });
    const target = `${platform.url}/v1/contacts?email=nobody@example.com&apiKey=${KEY}`;
    expect((await call(target)).json).toEqual(shape);
    platform.fault({ operation: 'contacts', fault: 'not_found' });
    expect((await call(target)).json).toEqual(shape);
  });
});

describe('the headers of an answer', () => {
  const send = async (profile: Profile, ratePerMinute = 1) => {
    vi.setSystemTime('2026-03-01T10:00:00.250Z');
    atTheEnd(() => vi.useRealTimers());
    const { url, ...platform } = await platformWith(profile, ratePerMinute);
    const again = () => call(`${url}/v1/contacts?apiKey=${KEY}`, { phone: '+15551234567' });
    return { first: await again(), again, platform };
  };

  it('carry an id that no other answer has, also those of faults and refusals', async () => {
    const { first, again, platform } = await send({ requestIdHeader: 'X-Trace' }, 3);
    platform.fault({ operation: 'contacts', fault: 'error_before' });
    const answers = [first, await again(), await again(), await again()];
    expect(answers.map(({ status }) => status)).toEqual([201, 500, 200, 429]);
    const ids = answers.map(({ headers }) => headers['x-trace']);
    expect(new Set(ids).size).toBe(4);
    expect(ids).toEqual(ids.map(() => expect.stringMatching(/^[0-9a-f-]{36}$/)));
    const { first: usual } = await send({});
    expect(usual.headers['x-request-id']).toEqual(expect.any(String));
  });

  it.each([
    ['seconds', 'seconds', { 'retry-after': '60', 'x-ratelimit-reset': '60' }],
    ['date', 'unix', { 'retry-after': 'Sun, 01 Mar 2026 10:01:01 GMT', 'x-ratelimit-reset': '1772359261' }],
    ['none', 'unixMs', { 'x-ratelimit-reset': '1772359260250' }],
  ] as const)(
    'tell when to come again: Retry-After as %s, the reset as %s',
    async (retryAfter, resetAs, told) => {
      const { again } = await send({ rateHeaders: { retryAfter, resetAs } });
      const { status, headers } = await again();
      expect(status).toBe(429);
      expect(headers).toMatchObject(told);
      if (retryAfter === 'none') expect(headers).not.toHaveProperty('retry-after');
    },
  );

  it('tell the limit under the names of the profile, or not at all', async () => {
    const { first, again } = await send({
      rateHeaders: { limit: 'RateLimit-Limit', remaining: null, reset: 'Reset-In' },
    });
    expect(first.headers).toMatchObject({ 'ratelimit-limit': '1', 'reset-in': '60' });
    expect(Object.keys((await again()).headers).filter((name) => /limit|remaining|reset/.test(name))).toEqual(
      ['ratelimit-limit', 'reset-in'],
    );
  });

  it('of the fault rate_limited follow the profile, too', async () => {
    const { again, platform } = await send({ rateHeaders: { retryAfter: 'date', resetAs: 'unix' } }, 5);
    platform.fault({ operation: 'contacts', fault: 'rate_limited', ms: 5_000 });
    const { status, headers } = await again();
    expect(status).toBe(429);
    expect(headers).toMatchObject({
      'retry-after': 'Sun, 01 Mar 2026 10:00:06 GMT',
      'x-ratelimit-reset': '1772359206',
    });
  });
});

describe('the rate limit', () => {
  it('is one for all operations, starts anew after a minute, and is not used up by other keys', async () => {
    vi.setSystemTime(Date.now());
    atTheEnd(() => vi.useRealTimers());
    const { url } = await platformWith({}, 2);
    const contact = (key = KEY) => call(`${url}/v1/contacts?apiKey=${key}`, { phone: '+15551234567' });
    const lookup = () => call(`${url}/v1/subaccounts?email=demo@example.com&apiKey=${KEY}`);
    for (const status of [401, 401, 429]) expect((await contact('wrong')).status).toBe(status);
    expect((await contact()).headers['x-ratelimit-remaining']).toBe('1');
    expect((await lookup()).headers['x-ratelimit-remaining']).toBe('0');
    expect((await contact()).status).toBe(429);
    expect((await lookup()).json).toEqual({ error: { code: 'RATE_LIMITED', message: 'Too many requests.' } });
    vi.setSystemTime(Date.now() + 59_000);
    expect((await contact()).status).toBe(429);
    vi.setSystemTime(Date.now() + 1_000);
    expect((await contact()).status).toBe(200);
  });
});

it('without the lookup its address is unknown', async () => {
  const { url } = await platformWith({ subAccountLookup: false });
  const answer = await call(`${url}/v1/subaccounts?email=demo@example.com&apiKey=${KEY}`);
  expect(answer).toMatchObject({ status: 404, text: expect.stringContaining('"error":"Not Found"') });
});

it('a deviation that is not known is refused', async () => {
  const profile = { keyPlacment: {} } as Profile;
  await expect(platformWith(profile)).rejects.toThrow('keyPlacment');
  await expect(platformWith({ keyHeader: 'not a header' })).rejects.toThrow('must be a header name');
});
