import { describe, expect, it } from 'vitest';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';
import { EMAIL, error, hasKey, run, usePlatforms } from './support.ts';

const { newPlatform } = usePlatforms();

describe.concurrent('what nothing proves', () => {
  const UNTOUCHED = [
    ['answers every request with a page', () => ({ status: 200, body: '<html>OK</html>' })],
    ['looks at what is asked before it looks at the key', () => error(400, 'INVALID')],
    ['has none of these addresses', () => ({ status: 404, body: 'Not Found' })],
    ['is out of order', () => ({ status: 503, body: '{' })],
  ] as const;
  it.each(UNTOUCHED)('stays UNKNOWN of a platform that %s', async (_, answer) => {
    const platform = await newPlatform(answer);
    const { keyWorks, profile, findings, section } = await run(platform, { email: EMAIL });
    expect(keyWorks).toBe(false);
    expect(profile).toEqual(platformProfileSchema.parse({ baseUrl: platform.baseUrl }));
    expect(section.keyPlacement).toBeUndefined();
    const keys = findings.filter(({ asked }) => asked.includes(', key in '));
    expect(keys).toHaveLength(6);
    for (const { known, means } of keys) {
      expect(known).toBe(false);
      expect(means).toMatch(/^keyPlacement\.\w+ is UNKNOWN \(.*\) and stays (query|header)$/);
    }
  });

  it('is not asked for in every name where an address does not look at the key', async () => {
    const platform = await newPlatform(() => error(400, 'INVALID'));
    await run(platform);
    // Without a key, then six addresses with the right and a wrong key in header and query.
    expect(platform.heard).toHaveLength(25);
  });

  it('stays UNKNOWN where the key opens addresses whose answers mean nothing', async () => {
    const platform = await newPlatform((heard) =>
      hasKey(heard)
        ? {
            status: 200,
            body: '[1, 2',
            headers: { 'x-ratelimit-limit': 'many', 'x-ratelimit-reset': 'soon', 'x-request-id': 'same' },
          }
        : { status: 401 },
    );
    const { profile, finding } = await run(platform, { email: EMAIL, phone: '+31612345678' });
    expect(profile).toEqual(platformProfileSchema.parse({ baseUrl: platform.baseUrl }));
    for (const asked of [/email given/, /phone number/, /of today/, /limit of/, /is reset/, /name of a/]) {
      expect(finding(asked)).toMatchObject({ known: false });
    }
    // Nobody knows what it made of an empty object.
    expect(finding('POST /subaccounts/credits')?.means).toMatch(/look there for what it made of it/);
  });

  it('of a key that opens nothing is not asked of addresses that write', async () => {
    const platform = await newPlatform(() => error(401, 'UNAUTHORIZED'));
    const { keyWorks, finding } = await run(platform, { grant: { email: EMAIL, waitMs: 0 } });
    expect(keyWorks).toBe(false);
    expect(platform.heard.map(({ method }) => method)).not.toContain('POST');
    expect(finding('GET /contacts, key')?.asked).toBe(
      'GET /contacts, key in the header x-api-key, api-key, apikey, authorization: Bearer, the query as apiKey, api_key, apikey, key',
    );
    expect(finding('one credit')).toMatchObject({ came: 'not sent' });
  });

  it('of the lookup is whether it can be relied on, as long as it finds whoever is asked for', async () => {
    const platform = await newPlatform((heard) => {
      if (!hasKey(heard)) return error(401, 'UNAUTHORIZED');
      return { status: 200, body: { success: true, data: { usage_limits: { credits: 1 } } } };
    });
    const { profile, finding } = await run(platform, { email: EMAIL });
    expect(profile.subAccountLookup).toBe(false);
    expect(finding('email given')).toMatchObject({
      came: 'found, with a balance, and an unknown one found, with a balance',
      known: false,
    });
  });

  it('about the limit is not made up of another window than a minute', async () => {
    const hourly = { 'x-ratelimit-limit': '5000', 'x-ratelimit-reset': '3000' };
    const platform = await newPlatform((heard) => ({
      ...(hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED')),
      headers: hourly,
    }));
    const { section, finding } = await run(platform);
    expect(section).not.toHaveProperty('requestsPerMinute');
    expect(section).not.toHaveProperty('waitHeaders');
    expect(finding('limit of requests')?.means).toMatch(/UNKNOWN \(the limit is not one of a minute\)/);
  });
});

describe.concurrent('the headers of a limit', () => {
  const inHeaders = async (headers: Record<string, string>) => {
    const platform = await newPlatform((heard) => ({
      ...(hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED')),
      headers,
    }));
    const { section, finding } = await run(platform);
    const { requestsPerMinute, waitHeaders } = section;
    return { requestsPerMinute, waitHeaders, reset: finding('is reset')?.came };
  };

  it('are known by many names, and say in how many forms when to come again', async () => {
    const at = Date.now() + 40_000;
    expect(
      await inHeaders({
        'X-Rate-Limit-Limit': '61',
        'X-Rate-Limit-Reset': String(at),
        'x-rate-limit-remaining': '3',
      }),
    ).toEqual({
      requestsPerMinute: 30,
      waitHeaders: ['retry-after', 'x-rate-limit-reset'],
      reset: 'the header x-rate-limit-reset as a Unix time in milliseconds',
    });
    expect(
      await inHeaders({ 'RateLimit-Limit': '1', 'RateLimit-Reset': new Date(at).toUTCString() }),
    ).toEqual({
      requestsPerMinute: 1,
      waitHeaders: ['retry-after', 'ratelimit-reset'],
      reset: 'the header ratelimit-reset as a date',
    });
    expect(
      await inHeaders({ 'x-ratelimit-limit-day': '9000', 'x-ratelimit-limit': '120', 'x-quota-used': '7' }),
    ).toEqual({ requestsPerMinute: 60, waitHeaders: undefined, reset: 'no header says it' });
  });

  it('of a 429 are kept to, for three minutes in all', async () => {
    const platform = await newPlatform(() => ({ status: 429, headers: { 'retry-after': '50' } }));
    const busy = await run(platform);
    expect(busy.waits).toEqual([50_000, 50_000, 50_000]);
    expect(platform.heard).toHaveLength(4);
    expect(busy.keyWorks).toBe(false);
    expect(busy.finding('POST /subaccounts/credits')?.came).toMatch(/the platform asks to wait for longer/);
    let refusals = 2;
    const sometimes = await newPlatform((heard) => {
      refusals -= 1;
      if (refusals >= 0) return { status: 429 };
      return hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED');
    });
    const patient = await run(sometimes);
    // Nothing says how long: the platform counts in minutes.
    expect(patient.waits).toEqual([60_000, 60_000]);
    expect(patient.keyWorks).toBe(true);
  });
});

describe.concurrent('an address', () => {
  it('where nothing listens, or nothing speaks TLS, is not reached', async () => {
    const { reached, finding } = await run({ baseUrl: 'http://127.0.0.1:1/v1' });
    expect(reached).toBe(false);
    expect(finding('without a key')?.means).toBe('The platform cannot be reached');
    const plain = await newPlatform(() => error(401, 'UNAUTHORIZED'));
    const insecure = await run({ baseUrl: plain.baseUrl.replace('http:', 'https:') });
    expect(insecure.reached).toBe(false);
    expect(insecure.finding('without a key')?.means).toBe(
      'The platform cannot be reached: it does not speak TLS, or its certificate is not accepted',
    );
  });

  it('that leads elsewhere is told, not followed, and gets no key', async () => {
    const platform = await newPlatform(() => ({
      status: 301,
      headers: { location: '/v2/contacts?apiKey=secret' },
    }));
    const { reached, finding } = await run(platform);
    expect(reached).toBe(false);
    expect(platform.heard).toHaveLength(1);
    expect(platform.heard[0]).not.toMatchObject({ query: { has: 'apiKey' } });
    expect(finding('without a key')?.came).toBe(
      `301, a redirect to ${platform.baseUrl.replace('/v1', '/v2/contacts')}`,
    );
  });

  it('gets no key that is none', async () => {
    const platform = await newPlatform(() => ({ status: 200 }));
    await expect(run(platform, { apiKey: ' ' })).rejects.toThrow('The API key is empty or malformed');
    expect(platform.heard).toEqual([]);
  });
});
