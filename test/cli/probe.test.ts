import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { createSandboxPlatform, type SandboxPlatformOptions } from '../../local/sandbox/platform.ts';
import { callOptions, createPatience } from '../../operate/platform.ts';
import { findingLine } from '../../operate/probe/finding.ts';
import { type ProbeOptions, probe } from '../../operate/probe/probe.ts';
import { createPlatformClient } from '../../shared/platform/client.ts';
import { createPlatformOperations } from '../../shared/platform/operations.ts';
import { type PlatformProfile, platformProfileSchema } from '../../shared/platform/profile.ts';
import { ROOT, runNode } from '../support/relay-process.ts';

vi.setConfig({ testTimeout: 60_000 });

const KEY = 'key_Qx71mZ';
const EMAIL = 'demo@example.com';
const folder = mkdtempSync(join(tmpdir(), 'relay-probe-'));
const closing: { close(): unknown }[] = [];
afterAll(async () => {
  for (const one of closing) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

async function newSandbox(options: Partial<SandboxPlatformOptions> = {}) {
  const sandbox = await createSandboxPlatform({ apiKey: KEY, webhookSecret: 'webhook-secret', ...options });
  closing.push(sandbox);
  return { ...sandbox, baseUrl: `${sandbox.url}/v1` };
}

interface Answering {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}
interface Heard {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A platform that is no sandbox: it answers as the test says, and remembers what it heard. */
async function newPlatform(answer: (heard: Heard) => Answering) {
  const heard: Heard[] = [];
  const server = createServer(async (incoming, outgoing) => {
    let body = '';
    for await (const chunk of incoming) body += chunk;
    const url = new URL(incoming.url ?? '', 'http://127.0.0.1');
    const { method = '', headers } = incoming;
    const one = { method, path: url.pathname, query: url.searchParams, headers, body };
    heard.push(one);
    const { status, body: answered = '', headers: more = {} } = answer(one);
    const text = typeof answered === 'string' ? answered : JSON.stringify(answered);
    outgoing.writeHead(status, more).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(server);
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : 0;
  return { heard, baseUrl: `http://127.0.0.1:${port}/v1` };
}

const error = (status: number, code: string): Answering => ({
  status,
  body: { error: { code, message: 'What went wrong.' } },
});
const hasKey = ({ query, headers }: Heard) => query.get('apiKey') === KEY || headers['x-api-key'] === KEY;

/** A whole minute takes no time; what is waited for is remembered. */
async function run(
  { baseUrl }: { baseUrl: string },
  { section = {}, ...options }: Partial<ProbeOptions> = {},
) {
  const waits: number[] = [];
  let clock = Date.now();
  const told: string[] = [];
  const report = await probe({
    profile: platformProfileSchema.parse({ ...section, baseUrl }),
    section: { ...section, baseUrl },
    apiKey: KEY,
    tell: (finding) => told.push(findingLine(finding)),
    tellWait: () => {},
    now: () => clock,
    sleep: async (ms) => {
      // The spacing between two questions is none of a test's business.
      if (ms > 100) waits.push(ms);
      clock += ms;
    },
    ...options,
  });
  expect(told).toEqual(report.findings.map(findingLine));
  const lines = told.join('\n');
  const finding = (asked: string | RegExp) => report.findings.find((one) => one.asked.match(asked));
  return { ...report, lines, finding, waits, profile: platformProfileSchema.parse(report.section) };
}

const DEVIATING = {
  keyPlacement: {
    credits: 'query',
    subAccounts: 'header',
    contacts: 'header',
    lists: 'header',
    messages: 'header',
    usageExport: 'query',
  },
  keyHeader: 'api-key',
  keyQuery: 'key',
  errorShape: 'flat',
  rateHeaders: {
    retryAfter: 'none',
    limit: 'ratelimit-limit',
    remaining: 'ratelimit-remaining',
    reset: 'ratelimit-reset',
    resetAs: 'unix',
  },
  requestIdHeader: 'x-correlation-id',
  subAccountLookup: false,
  exportListsGrants: false,
} as const;

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
async function useAll(profile: PlatformProfile, listed: 'found' | 'not_found') {
  const options = callOptions({ profile, apiKey: KEY }, createPatience(() => {}).pace);
  const operations = createPlatformOperations(options);
  const client = createPlatformClient(options);
  const { contact } = await operations.createContact({ phone: '+31612345678' });
  expect(await operations.findContact({ phoneNumber: '+31612345678' })).toEqual(contact);
  expect(await operations.findContact({ email: 'nobody@example.com' })).toBeUndefined();
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
    expect(finding('Errors')?.came).toBe('400, 401, 404 as {"error":"text"}');

    await useAll(profile, 'not_found');
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

describe.concurrent('one credit', () => {
  const ofDemo = { email: EMAIL, waitMs: 120_000 };

  it('is granted once, and a mark found in the usage export proves that grants stand there', async () => {
    const sandbox = await newSandbox();
    const { section, grant, finding } = await run(sandbox, { grant: ofDemo });
    expect(sandbox.books).toEqual([
      {
        kind: 'grant',
        at: expect.any(String),
        email: EMAIL,
        amount: 1,
        description: `${grant?.mark} A probe's one credit`,
        newBalance: 501,
      },
    ]);
    expect(grant).toEqual({ outcome: 'granted', mark: expect.stringMatching(/^probe-[0-9a-f]{12}$/) });
    expect(section.usageExport).toEqual({ listsGrants: true });
    expect(finding('for that mark')).toMatchObject({
      came: 'found after 0 s, with the credit and the email',
      means: 'usageExport.listsGrants is true',
    });
  });

  it('that is not found within the wait proves nothing', async () => {
    const sandbox = await newSandbox({ profile: { exportListsGrants: false } });
    const { section, waits, finding } = await run(sandbox, { grant: ofDemo });
    expect(section).not.toHaveProperty('usageExport');
    expect(waits).toEqual([7_500, 7_500, 15_000, 30_000, 60_000]);
    expect(finding('for that mark')).toMatchObject({
      came: 'not found in 120 s',
      means: 'That proves nothing: usageExport.listsGrants stays false',
      known: false,
    });
  });

  it('that is found as something else proves nothing', async () => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault: 'fewer' });
    const { section, grant, finding } = await run(sandbox, { grant: ofDemo });
    expect(grant?.outcome).toBe('differs');
    expect(section).not.toHaveProperty('usageExport');
    expect(finding('for that mark')?.came).toMatch(/^found, but the export does not say 1 credits/);
  });

  const OUTCOMES = [
    ['error_after', 'unknown', 1],
    ['error_before', 'unknown', 0],
    ['reset_after', 'unknown', 1],
    ['rate_limited', 'not_applied', 0],
    ['empty_pool', 'not_applied', 0],
    ['invalid', 'refused', 0],
  ] as const;
  it.each(OUTCOMES)('is never tried again: %s is %s', async (fault, outcome, granted) => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault });
    const { grant, section, finding } = await run(sandbox, { grant: { email: EMAIL, waitMs: 0 } });
    expect(grant?.outcome).toBe(outcome);
    expect(sandbox.books.map(({ kind }) => kind)).toEqual(Array.from({ length: granted }, () => 'grant'));
    expect(finding('of one credit')?.known).toBe(false);
    // It was there after all: the export is the better witness.
    expect(section.usageExport).toEqual(granted === 1 ? { listsGrants: true } : undefined);
  });

  it('that was granted shows where its key goes, also where nothing else did', async () => {
    const platform = await newPlatform((heard) => {
      if (heard.path !== '/v1/subaccounts/credits') {
        return hasKey(heard) ? error(404, 'NOT_FOUND') : error(401, 'UNAUTHORIZED');
      }
      if (heard.body === '{}') return error(400, 'INVALID');
      return { status: 200, body: { success: true, credits_added: 1, new_balance: 2 } };
    });
    const section = { keyPlacement: { credits: 'query' } };
    const { section: after, finding } = await run(platform, { section, grant: { email: EMAIL, waitMs: 0 } });
    expect(finding('POST /subaccounts/credits with')?.means).toMatch(
      /UNKNOWN \(a wrong key is answered the same\)/,
    );
    expect(after.keyPlacement).toMatchObject({ credits: 'query' });
    const grants = platform.heard.filter(({ body }) => body.includes('amount'));
    expect(grants).toHaveLength(1);
    expect(grants[0]?.query.get('apiKey')).toBe(KEY);
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

describe.concurrent('relay probe', () => {
  const cli = (baseUrl: string, ...args: string[]) =>
    runNode(['cli/main.ts', 'probe', ...args], {
      PLATFORM_BASE_URL: baseUrl,
      PLATFORM_API_KEY: KEY,
      RELAY_LOCAL_DIR: join(folder, 'none'),
    }).ended;

  it('prints the findings and the section, or both as JSON', async () => {
    const sandbox = await newSandbox();
    const { code, stdout, stderr } = await cli(sandbox.baseUrl, '--email', EMAIL);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('keyPlacement.credits is header.\n');
    const section = JSON.parse(stdout.slice(stdout.indexOf('\n{')));
    expect(section.platform).toMatchObject({ baseUrl: sandbox.baseUrl, subAccountLookup: true });
    const asJson = await cli(sandbox.baseUrl, '--email', EMAIL, '--json');
    expect(asJson).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(asJson.stdout)).toMatchObject({
      reached: true,
      keyWorks: true,
      section: section.platform,
    });
  });

  it('writes the section into a configuration, leaves the rest, and shows what is different', async () => {
    const sandbox = await newSandbox({ profile: DEVIATING });
    const file = join(folder, 'relay.config.json');
    const rest = { pricing: { currency: 'EUR', perCredit: '0.09' }, own: [1, 2] };
    writeFileSync(
      file,
      JSON.stringify({
        ...rest,
        platform: { baseUrl: 'https://api.example.com/v1', keyHeader: 'x-api-key', emptyPoolPattern: 'none' },
      }),
    );
    const { code, stdout } = await cli(sandbox.baseUrl, '--write', file);
    expect(code).toBe(0);
    const text = readFileSync(file, 'utf8');
    const written = JSON.parse(text);
    expect(text).toBe(`${JSON.stringify(written, null, 2)}\n`);
    const { platform, ...others } = written;
    expect(others).toEqual(rest);
    expect(Object.keys(written)).toEqual(['pricing', 'own', 'platform']);
    expect(platform).toMatchObject({
      baseUrl: sandbox.baseUrl,
      keyHeader: 'api-key',
      keyPlacement: { credits: 'query', contacts: 'header' },
      emptyPoolPattern: 'none',
    });
    expect(stdout).toContain(
      [
        `Written to ${file}:`,
        `  platform.baseUrl: "https://api.example.com/v1" -> "${sandbox.baseUrl}"`,
        '  platform.keyHeader: "x-api-key" -> "api-key"',
        '  platform.keyPrefix: not said -> ""',
        '  platform.keyQuery: not said -> "key"',
        '  platform.sendPath: not said -> "/send_custom_channel_message"',
        '  platform.keyPlacement.contacts: not said -> "header"',
      ].join('\n'),
    );
    const again = await cli(sandbox.baseUrl, '--write', file, '--base-url', sandbox.baseUrl);
    expect(again.stdout).toContain(`${file} says all this already.`);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('writes nothing where the file is no JSON, or the platform no platform', async () => {
    const sandbox = await newSandbox();
    const file = join(folder, 'broken.json');
    for (const broken of ['{ "platform": ', '[1]', '{"platform":{"keyPlacement":"header"}}']) {
      writeFileSync(file, broken);
      const refused = await cli(sandbox.baseUrl, '--write', file);
      expect(refused).toMatchObject({ code: 1, stdout: '' });
      expect(refused.stderr).toMatch(/^broken\.json cannot be used:/);
      expect(readFileSync(file, 'utf8')).toBe(broken);
    }
    const fresh = join(folder, 'fresh.json');
    const { code, stdout } = await cli('http://127.0.0.1:1/v1', '--write', fresh);
    expect(code).toBe(1);
    expect(stdout).toContain(`The platform's API could not be reached. Nothing was written to ${fresh}.`);
    expect(() => readFileSync(fresh)).toThrow('ENOENT');
    const elsewhere = await newPlatform(() => error(401, 'UNAUTHORIZED'));
    const keyless = await cli(elsewhere.baseUrl, '--write', fresh);
    expect(keyless.code).toBe(1);
    expect(keyless.stdout).toContain('The key opened no address');
    expect(() => readFileSync(fresh)).toThrow('ENOENT');
    expect((await cli(sandbox.baseUrl, '--write', fresh)).code).toBe(0);
    expect(JSON.parse(readFileSync(fresh, 'utf8'))).toMatchObject({ platform: { baseUrl: sandbox.baseUrl } });
  });

  it('grants only to whom was named twice', async () => {
    const sandbox = await newSandbox();
    const grant = (typed: string, ...more: string[]) => {
      const args = ['cli/main.ts', 'probe', '--grant-one-credit', EMAIL, '--wait', '0', ...more];
      return typedInto(args, typed, sandbox.baseUrl);
    };
    for (const typed of ['', 'demo@example.org\n', '\n']) {
      expect(await grant(typed)).toMatchObject({ code: 1, stdout: '' });
    }
    expect(await grant(`${EMAIL}\n`, '--reads-only')).toMatchObject({ code: 1 });
    expect(sandbox.books).toEqual([]);
    const granted = await grant(`${EMAIL}\n`);
    expect(granted).toMatchObject({ code: 0 });
    expect(granted.stderr).toContain('This grants one credit, for good,');
    // Without --email, too, the lookup is tried with an address that is there.
    expect(JSON.parse(granted.stdout.slice(granted.stdout.indexOf('\n{'))).platform).toMatchObject({
      subAccountLookup: true,
    });
    expect(sandbox.books).toHaveLength(1);
    expect(await grant('', '--yes')).toMatchObject({ code: 0 });
    expect(sandbox.books).toHaveLength(2);
  });

  it('has said by which mark to find its credit before it sends it, should it be killed on the next line', async () => {
    const sandbox = await newSandbox();
    sandbox.fault({ operation: 'grant', fault: 'hang_after' });
    const args = ['cli/main.ts', 'probe', '--grant-one-credit', EMAIL, '--yes'];
    const granted = () => vi.waitFor(() => expect(sandbox.books).toHaveLength(1), { timeout: 20_000 });
    const { code, stdout, stderr } = await typedInto(args, '', sandbox.baseUrl, granted);
    expect(code).toBeNull();
    const [, mark] = /being granted, marked (probe-[0-9a-f]{12}):/.exec(stderr) ?? [];
    expect(stdout).not.toContain('probe-');
    expect(sandbox.books).toMatchObject([
      { kind: 'grant', amount: 1, description: expect.stringContaining(mark ?? 'no mark was told') },
    ]);
  });
});

/** The same with something to read on standard input; killed as soon as `until` says so. */
async function typedInto(args: string[], typed: string, baseUrl: string, until?: () => Promise<unknown>) {
  const { PATH = '' } = process.env;
  const child = spawn(process.execPath, args, {
    cwd: ROOT,
    env: { PATH, PLATFORM_BASE_URL: baseUrl, PLATFORM_API_KEY: KEY, RELAY_LOCAL_DIR: join(folder, 'none') },
  });
  const said = { stdout: '', stderr: '' };
  for (const channel of ['stdout', 'stderr'] as const) {
    child[channel].setEncoding('utf8').on('data', (text: string) => {
      said[channel] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(typed);
  const closed = once(child, 'close');
  if (until) await until().finally(() => child.kill('SIGKILL'));
  const [code] = await closed;
  return { code, ...said };
}
