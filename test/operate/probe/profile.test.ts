import { describe, expect, it } from 'vitest';
import { callOptions, createPatience } from '../../../operate/platform.ts';
import { createPlatformClient } from '../../../shared/platform/client.ts';
import { createPlatformOperations } from '../../../shared/platform/operations.ts';
import { type PlatformProfile, platformProfileSchema } from '../../../shared/platform/profile.ts';
import { DEVIATING, EMAIL, error, hasKey, KEY, run, usePlatforms } from './support.ts';

const { newPlatform, newSandbox } = usePlatforms();

/** Where the key goes nowhere but into a header, behind a word. */
const BEARER = {
  keyPlacement: {
    credits: 'header',
    subAccounts: 'header',
    contacts: 'header',
    lists: 'header',
    messages: 'header',
    usageExport: 'header',
  },
  keyHeader: 'Authorization',
  keyPrefix: 'Bearer ',
} as const;

/** Every operation of the relay, with the profile that was found. */
/** @param speaks whether its errors have the documented form: without it, nobody can tell who says a 404. */
async function useAll(profile: PlatformProfile, listed: 'found' | 'not_found', speaks = true) {
  const options = callOptions({ profile, apiKey: KEY }, createPatience(() => {}).pace);
  const operations = createPlatformOperations(options);
  const client = createPlatformClient(options);
  const { contact } = await operations.createContact({ phone: '+31612345678' });
  expect(await operations.findContact({ phoneNumber: '+31612345678' })).toEqual(contact);
  const nobody = operations.findContact({ email: 'nobody@example.com' });
  await (speaks
    ? expect(nobody).resolves.toBeUndefined()
    : expect(nobody).rejects.toMatchObject({ agencyFault: 'wrong_address' }));
  await operations.addToList('customers', contact.id);
  await operations.sendMessage({ fromId: 'v', customChannel: 'chat', body: 'Hello' });
  const incoming = { messageSid: 's', fromId: 'v', toId: 'shop', body: 'Hi' };
  expect(await operations.receiveMessage(incoming)).toEqual({ messageId: expect.any(String) });
  const grant = await client.prepareGrant({ email: EMAIL, credits: 5, description: 'rr-1 a test' });
  expect(await grant.send()).toEqual({ kind: 'granted', newBalance: 505 });
  const mark = { mark: 'rr-1', email: EMAIL, credits: 5, since: Date.now() };
  expect(await client.findGrant(mark)).toEqual({ kind: listed });
}

describe.concurrent('a probe of the documented platform', () => {
  it('finds the documented profile, and changes nothing', async () => {
    const sandbox = await newSandbox({ ratePerMinute: 1_200 });
    const { section, profile, reached, keyWorks, finding } = await run(sandbox, { email: EMAIL });
    expect({ reached, keyWorks }).toEqual({ reached: true, keyWorks: true });
    expect(sandbox.books).toEqual([]);
    expect(profile).toEqual(
      platformProfileSchema.parse({ baseUrl: sandbox.baseUrl, subAccountLookup: true }),
    );
    // What was proven is written down, also where it is the default.
    expect(section).toEqual({
      baseUrl: sandbox.baseUrl,
      keyHeader: 'x-api-key',
      keyPrefix: '',
      keyQuery: 'apiKey',
      keyPlacement: {
        contacts: 'query',
        subAccounts: 'query',
        usageExport: 'query',
        credits: 'header',
        lists: 'query',
        messages: 'query',
      },
      sendPath: '/send_custom_channel_message',
      incomingPath: '/incoming_custom_channel_message',
      subAccountLookup: true,
      requestIdHeader: 'x-request-id',
      requestsPerMinute: 600,
      waitHeaders: ['retry-after', 'x-ratelimit-reset'],
    });
    expect(finding('in other letters')).toMatchObject({
      came: 'not found',
      means: expect.stringContaining('The case of an email matters'),
    });
  });

  it('says in one line what was asked, what came, and what it means', async () => {
    const sandbox = await newSandbox();
    const { lines } = await run(sandbox);
    expect(lines.split('\n')).toEqual([
      `GET /contacts at ${sandbox.baseUrl} without a key: 401 INVALID_API_KEY, without TLS, on this machine. baseUrl is ${sandbox.baseUrl}.`,
      'GET /contacts, key in the query as apiKey: 404 CONTACT_NOT_FOUND, for a wrong key 401 INVALID_API_KEY. keyPlacement.contacts is query.',
      'GET /subaccounts, key in the query as apiKey: 404 SUBACCOUNT_NOT_FOUND, for a wrong key 401 INVALID_API_KEY; the other place works too. keyPlacement.subAccounts is query.',
      'GET /agencies/usage/export, key in the query as apiKey: 200, for a wrong key 401 INVALID_API_KEY. keyPlacement.usageExport is query.',
      'POST /subaccounts/credits with {}, key in the header x-api-key: 400 INVALID_REQUEST, for a wrong key 401 INVALID_API_KEY. keyPlacement.credits is header.',
      'POST /lists/no-such-list/contacts with {}, key in the query as apiKey: 400 INVALID_REQUEST, for a wrong key 401 INVALID_API_KEY. keyPlacement.lists is query.',
      'POST /send_custom_channel_message with {}, key in the query as apiKey: 400 INVALID_REQUEST, for a wrong key 401 INVALID_API_KEY. keyPlacement.messages is query.',
      'POST /incoming_custom_channel_message with {}: 400 INVALID_REQUEST. incomingPath is /incoming_custom_channel_message.',
      'GET /subaccounts of an unknown email: not found. subAccountLookup is UNKNOWN and stays false: only a sub-account that is there can show it (--email).',
      'GET /agencies/usage/export of today: 200 with the columns Sub Account ID, Sub Account Email, Sub Account Name, Date, Amount, Reason, Campaign Name, Contact Name, Credit Type, Custom Keys Used, Description, AI Model. The usage export works.',
      'Errors: 400 INVALID_REQUEST, 401 INVALID_API_KEY, 404 CONTACT_NOT_FOUND, 404 SUBACCOUNT_NOT_FOUND as {"error":{"code","message"}}. They are read as they are.',
      'The name of a request, in all answers: the header x-request-id. requestIdHeader is x-request-id.',
      'The limit of requests, in all answers: the header x-ratelimit-limit: 60000. requestsPerMinute is 30000, half of it, for other tools have the same key.',
      'When the limit is reset, in all answers: the header x-ratelimit-reset as seconds to wait. waitHeaders is retry-after, x-ratelimit-reset.',
      'Whether grants stand in the usage export: not asked. usageExport.listsGrants is UNKNOWN and stays false: only a grant can show it (--grant-one-credit).',
    ]);
  });

  it.each([
    ['in its documented places', {}],
    ['behind Bearer', BEARER],
  ])('tells neither the key nor an email nor what stands in a query: %s', async (_, profile) => {
    const sandbox = await newSandbox({ profile });
    const { findings, section, grant } = await run(sandbox, {
      email: EMAIL,
      grant: { email: EMAIL, waitMs: 0 },
    });
    expect(grant?.outcome).toBe('granted');
    expect(JSON.stringify([findings, section])).not.toMatch(/key_Qx71mZ|@|\?|nobody-/);
  });

  it.each([
    ['a code', { code: `Bearer ${KEY}`, message: 'No.' }],
    ['a message', { code: 'INVALID', message: `Bearer ${KEY} is not known` }],
  ])('does not tell the key where the platform quotes its header as %s', async (_, quoted) => {
    const platform = await newPlatform((heard) =>
      heard.headers.authorization === `Bearer ${KEY}`
        ? { status: 400, body: { error: quoted }, headers: { 'x-request-id': KEY } }
        : error(401, 'UNAUTHORIZED'),
    );
    const { findings, section } = await run(platform, { email: EMAIL, grant: { email: EMAIL, waitMs: 0 } });
    expect(section).toMatchObject({ keyPrefix: 'Bearer ' });
    expect(JSON.stringify([findings, section])).not.toContain(KEY);
  });

  it('with reads only sends no POST, and leaves the writing addresses as they are', async () => {
    const platform = await newPlatform((heard) =>
      hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED'),
    );
    const section = { keyPlacement: { credits: 'query' } };
    const { section: after, finding } = await run(platform, { readsOnly: true, section });
    expect(new Set(platform.heard.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect(after.keyPlacement).toEqual({
      contacts: 'query',
      subAccounts: 'query',
      usageExport: 'query',
      credits: 'query',
    });
    expect(finding('POST /subaccounts/credits')).toMatchObject({
      came: 'not asked (--reads-only)',
      means: 'keyPlacement.credits is UNKNOWN and stays query',
      known: false,
    });
  });

  it('sends nothing to an address that writes but an empty object', async () => {
    const platform = await newPlatform((heard) =>
      hasKey(heard) ? error(400, 'INVALID') : error(401, 'UNAUTHORIZED'),
    );
    await run(platform, { email: EMAIL });
    const posts = platform.heard.filter(({ method }) => method === 'POST');
    expect(new Set(posts.map(({ body }) => body))).toEqual(new Set(['{}']));
    expect([...new Set(posts.map(({ path }) => path))]).toEqual([
      '/v1/subaccounts/credits',
      '/v1/lists/no-such-list/contacts',
      '/v1/send_custom_channel_message',
      '/v1/incoming_custom_channel_message',
    ]);
  });
});

describe.concurrent('a probe of a platform that differs', () => {
  it('discovers how, and every operation works with what it found', async () => {
    const sandbox = await newSandbox({ profile: DEVIATING, ratePerMinute: 300 });
    const { section, profile, finding } = await run(sandbox, { email: EMAIL });
    expect(sandbox.books).toEqual([]);
    expect(section).toEqual({
      baseUrl: sandbox.baseUrl,
      keyHeader: 'api-key',
      keyPrefix: '',
      keyQuery: 'key',
      keyPlacement: {
        contacts: 'header',
        usageExport: 'query',
        credits: 'query',
        lists: 'header',
        messages: 'header',
      },
      sendPath: '/send_custom_channel_message',
      incomingPath: '/incoming_custom_channel_message',
      subAccountLookup: false,
      requestIdHeader: 'x-correlation-id',
      requestsPerMinute: 150,
      waitHeaders: ['retry-after', 'ratelimit-reset'],
    });
    expect(finding('When the limit is reset')?.came).toBe('the header ratelimit-reset as a Unix time');
    expect(finding('Errors')).toMatchObject({
      came: '400, 401, 404 as {"error":"text"}',
      means:
        'In another shape than the documented one, a 404 counts as a wrong address, and a 400 or 422 to a grant as unknown',
    });

    await useAll(profile, 'not_found', false);
    // And a 429 is understood: the platform says it in the header that was found.
    sandbox.fault({ operation: 'contacts', fault: 'rate_limited', ms: 30_000 });
    const options = callOptions({ profile, apiKey: KEY }, createPatience(() => {}).pace);
    const busy = createPlatformOperations(options).findContact({ email: EMAIL });
    const waitMs = await busy.then(
      () => 0,
      (failure) => failure.retryAfterMs,
    );
    expect(waitMs).toBeGreaterThan(25_000);
    expect(waitMs).toBeLessThan(32_000);
  });

  it('finds a key behind Bearer, in every group, with which every operation works', async () => {
    const sandbox = await newSandbox({ profile: BEARER });
    const { section, profile, finding, keyWorks, lines } = await run(sandbox, { email: EMAIL });
    expect(keyWorks).toBe(true);
    expect(section).toMatchObject({
      keyHeader: 'authorization',
      keyPrefix: 'Bearer ',
      subAccountLookup: true,
    });
    expect(section).not.toHaveProperty('keyQuery');
    expect(Object.values(section.keyPlacement ?? {})).toEqual(Array.from({ length: 6 }, () => 'header'));
    expect(finding('POST /subaccounts/credits')).toEqual({
      asked: 'POST /subaccounts/credits with {}, key in the header authorization: Bearer',
      came: '400 INVALID_REQUEST, for a wrong key 401 INVALID_API_KEY',
      means: 'keyPlacement.credits is header',
      known: true,
    });
    expect(lines).toContain('incomingPath is /incoming_custom_channel_message.');
    await useAll(profile, 'found');
  });

  it('keeps what is configured where it works as well, and what it cannot ask', async () => {
    const either = { credits: 'either', contacts: 'either', lists: 'either' } as const;
    const sandbox = await newSandbox({ profile: { keyPlacement: either } });
    const section = {
      keyPlacement: { credits: 'query', contacts: 'header' },
      emptyPoolPattern: 'no credits',
      usageExport: { listsGrants: true },
    };
    const { section: after } = await run(sandbox, { section });
    expect(after).toMatchObject({
      keyPlacement: { credits: 'query', contacts: 'header', lists: 'query', messages: 'query' },
      emptyPoolPattern: 'no credits',
      usageExport: { listsGrants: true },
    });
  });

  it('finds the address with its version, and the messages in their other spelling', async () => {
    const platform = await newPlatform((heard) => {
      const known = heard.path.startsWith('/v1/') && !heard.path.includes('_custom_channel');
      if (!known) return { status: 404, body: 'Not Found' };
      return hasKey(heard) ? error(400, 'INVALID') : error(401, 'UNAUTHORIZED');
    });
    const { section, finding } = await run({ baseUrl: platform.baseUrl.replace('/v1', '') });
    expect(section).toMatchObject({
      baseUrl: platform.baseUrl,
      sendPath: '/send-custom-channel-message',
      incomingPath: '/incoming-custom-channel-message',
      keyPlacement: { messages: 'query' },
    });
    expect(finding(/without a key/)?.means).toBe(`baseUrl is ${platform.baseUrl}, where the API answers`);
  });

  it('tries the configured prefix first, and no other name where it is right', async () => {
    const platform = await newPlatform(({ headers }) =>
      headers.authorization === `Token ${KEY}` ? error(400, 'INVALID') : error(401, 'UNAUTHORIZED'),
    );
    const configured = { keyHeader: 'Authorization', keyPrefix: 'Token ' };
    const { section, finding } = await run(platform, { section: configured });
    // As it is written there: the case of a header's name means nothing.
    expect(section).toMatchObject({ ...configured, keyPlacement: { credits: 'header', lists: 'header' } });
    expect(finding('POST /subaccounts/credits')?.asked).toMatch(/key in the header authorization: Token$/);
    expect(platform.heard.every(({ headers }) => !('x-api-key' in headers))).toBe(true);
  });

  it('takes a configured prefix out that does not work', async () => {
    const platform = await newPlatform(({ headers }) =>
      headers['x-api-key'] === KEY ? error(400, 'INVALID') : error(401, 'UNAUTHORIZED'),
    );
    const { section } = await run(platform, { section: { keyPrefix: 'Bearer ' } });
    expect(section).toMatchObject({
      keyHeader: 'x-api-key',
      keyPrefix: '',
      keyPlacement: { credits: 'header' },
    });
  });

  it('takes the names that serve the grants where one name does not serve all', async () => {
    const platform = await newPlatform(({ headers, path }) => {
      const name = path.includes('credits') ? 'apikey' : 'x-api-key';
      return headers[name] === KEY ? error(400, 'INVALID') : error(401, 'UNAUTHORIZED');
    });
    const { section, finding } = await run(platform);
    expect(section).toMatchObject({ keyHeader: 'apikey', keyPlacement: { credits: 'header' } });
    expect(section.keyPlacement).toEqual({ credits: 'header' });
    expect(finding('GET /contacts, key')?.means).toMatch(
      /^keyPlacement.contacts is UNKNOWN \(it works in the header x-api-key, and the profile has one name for all\)/,
    );
  });

  it('says what a key may not do', async () => {
    const platform = await newPlatform((heard) => {
      if (!hasKey(heard)) return error(401, 'UNAUTHORIZED');
      return heard.path.includes('subaccounts') ? error(403, 'NO_AGENCY') : error(404, 'NOT_FOUND');
    });
    const { section, keyWorks, finding } = await run(platform, { email: EMAIL });
    expect(keyWorks).toBe(true);
    expect(section).toMatchObject({ keyPlacement: { credits: 'header' }, subAccountLookup: false });
    expect(finding('POST /subaccounts/credits')?.means).toBe(
      'keyPlacement.credits is header, but this key may not do it',
    );
  });
});
