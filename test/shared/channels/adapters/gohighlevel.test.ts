import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../shared/channels/adapter.ts';
import { channelSchema } from '../../../../shared/channels/settings.ts';
import { type Reply, sendOnce } from '../../../../shared/http.ts';
import { verifyRequest } from '../../../../shared/incoming/verifiers.ts';
import {
  adapterOf,
  bodies,
  common,
  expectSound,
  forDelivery,
  fuzzed,
  message,
  NOW,
  OUR_ID,
  parsed,
  reply,
} from './support.ts';

const LOCATION = 'GKAWb4yu7A4LSc0skQ6g';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const spki = (key: KeyObject) => key.export({ format: 'der', type: 'spki' }).toString('base64');
const SETTINGS = { adapter: 'gohighlevel', locationId: LOCATION };
const workflow = adapterOf({ ...SETTINGS, publicKey: spki(publicKey) });
const provider = adapterOf({
  ...SETTINGS,
  type: 'Custom',
  provider: { id: '61d6d1f9cdac7612faf80753' },
  publicKey: spki(publicKey),
});

/** As published at https://marketplace.gohighlevel.com/docs/webhook/ProviderOutboundMessage */
const DELIVERED = {
  contactId: 'GKBhT6BfwY9mjzXAU3sq',
  locationId: LOCATION,
  messageId: 'GKJxs4P5L8dWc5CFUITM',
  type: 'SMS',
  phone: '+15864603685',
  message: 'The text message to be sent to the contact',
  attachments: ['https://www.google.com/images/branding/googlelogo/1x/googlelogo_color_272x92dp.png'],
  userId: 'GK56r6wdJDrkUPd0xsmx',
};
/** The body that docs/channels.md has people enter, filled in. */
const WORKFLOW = {
  location_id: LOCATION,
  contact_id: 'GKBhT6BfwY9mjzXAU3sq',
  message_id: 'GKJxs4P5L8dWc5CFUITM',
  message: 'Is it in stock?',
  first_name: 'Jane',
  last_name: 'Doe',
  email: 'Jane@example.com',
};

describe('a message of a workflow', () => {
  const READ = {
    id: 'GKJxs4P5L8dWc5CFUITM',
    contact: 'GKBhT6BfwY9mjzXAU3sq',
    type: 'text',
    text: 'Is it in stock?',
    attachments: [],
    firstName: 'Jane',
    lastName: 'Doe',
    email: 'jane@example.com',
  };

  it('is read from the body that the documentation has people enter', () => {
    expect(message(workflow, WORKFLOW)).toEqual(READ);
  });

  it('is read from the form of the plain Webhook action, too', () => {
    const { location_id: _, message_id, message: body, ...person } = WORKFLOW;
    const plain = {
      ...person,
      location: { id: LOCATION },
      message: { type: 2, body },
      customData: { message_id },
    };
    expect(message(workflow, plain)).toEqual(READ);
  });

  it.each([
    ['is left out', undefined],
    ['is blank', ''],
    ['is not known to the workflow', '{{message.id}}'],
  ])('is one of its own in each delivery where its id %s', (_, message_id) => {
    const body = Buffer.from(JSON.stringify({ ...WORKFLOW, message_id }));
    const read = (deliveryId?: string) => workflow.parse({ headers: {}, query: {}, body }, deliveryId);
    expect(read('delivery-1')).toMatchObject({ kind: 'messages', messages: [{ id: 'delivery-1' }] });
    expect(read('delivery-2')).toMatchObject({ kind: 'messages', messages: [{ id: 'delivery-2' }] });
    expect(read()).toEqual({ kind: 'fault', fault: 'not a message as GoHighLevel describes it: id' });
  });

  it.each<[string, object, string]>([
    ['of another location', { ...WORKFLOW, location_id: 'another' }, 'of another location'],
    ['of the agency itself', { ...WORKFLOW, direction: 'outbound' }, 'not written by the contact'],
    ['that is empty', { ...WORKFLOW, message: ' ' }, 'neither text nor file'],
    [
      'as an app is told of it',
      { ...WORKFLOW, type: 'InboundMessage' },
      'an event of an app, and no message of a provider or workflow',
    ],
  ])('%s is not relayed', (_, payload, why) => {
    expect(parsed(workflow, payload)).toEqual({ kind: 'ignored', why });
  });

  /** https://marketplace.gohighlevel.com/docs/webhook/OutboundMessage */
  const OUTBOUND = {
    type: 'OutboundMessage',
    locationId: LOCATION,
    contactId: 'cI08i1Bls3iTB9bKgFJh',
    direction: 'outbound',
    messageType: 'SMS',
    body: 'This is a test message',
    messageId: 'cXcYRmGhooTfw05RZhiK',
    status: 'delivered',
  };
  it.each([
    ['sent', 'sent'],
    ['delivered', 'delivered'],
    ['read', 'read'],
    ['opened', 'read'],
    ['failed', 'failed'],
    ['undelivered', 'failed'],
    ['opt_out', 'failed'],
  ])('of the agency is a receipt of ours, as an app is told of it: %s', (status, stage) => {
    expect(parsed(workflow, { ...OUTBOUND, status })).toEqual({
      kind: 'receipts',
      receipts: [{ externalId: 'cXcYRmGhooTfw05RZhiK', stage, words: status }],
    });
  });

  it('of the agency is none on its way, nor without a name, nor at a provider, whose replies arrive at once', () => {
    const why = 'an event of an app, and no message of a provider or workflow';
    for (const [at, given] of [
      [workflow, { status: 'pending' }],
      [workflow, { messageId: undefined }],
      [provider, {}],
    ] as const) {
      expect(parsed(at, { ...OUTBOUND, ...given })).toEqual({ kind: 'ignored', why });
    }
    expect([workflow.reportsDelivery, provider.reportsDelivery]).toEqual([true, false]);
    expect(parsed(workflow, { ...OUTBOUND, locationId: 'x' })).toMatchObject({ why: 'of another location' });
  });

  it('is kept aside at a provider, whose replies could start the workflow again', () => {
    const fault = 'it comes from a workflow, at a provider';
    expect(parsed(provider, WORKFLOW)).toEqual({ kind: 'fault', fault });
  });

  it('lets in who has the token in its header, and by a signature nothing but what became of a message', () => {
    const verify = (token: string) =>
      verifyRequest({
        verifiers: workflow.verifiers,
        secrets: ['the-secret'],
        headers: { 'x-webhook-token': token },
        query: {},
        body: Buffer.from('{}'),
        now: NOW,
      }).ok;
    expect([verify('the-secret'), verify('another')]).toEqual([true, false]);
    const signed = (payload: object) => {
      const body = Buffer.from(JSON.stringify(payload));
      const headers = { 'x-ghl-signature': sign(null, body, privateKey).toString('base64') };
      return workflow.vouched?.({ headers, query: {}, body });
    };
    expect(signed(OUTBOUND)).toEqual({ ok: true });
    for (const payload of [WORKFLOW, DELIVERED, { ...OUTBOUND, type: 'InboundMessage' }]) {
      const reason = 'x-ghl-signature counts at a provider only';
      expect(signed(payload)).toEqual({ ok: false, reason });
    }
  });
});

describe('a message at the delivery URL of a provider', () => {
  const body = Buffer.from(JSON.stringify(DELIVERED));
  const signature = sign(null, body, privateKey).toString('base64');
  const vouch = (headers: Record<string, string>, bytes = body) =>
    provider.vouched?.({ headers, query: {}, body: bytes });

  it('is a message of its contact', () => {
    expect(message(provider, DELIVERED)).toEqual({
      id: DELIVERED.messageId,
      contact: DELIVERED.contactId,
      type: 'text',
      text: DELIVERED.message,
      attachments: DELIVERED.attachments,
    });
  });

  it('counts by its signature, of which each bit of header and body counts', () => {
    expect(vouch({ 'x-ghl-signature': signature })).toEqual({ ok: true });
    const refused = { ok: false, reason: 'x-ghl-signature does not fit the body' };
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = Buffer.from(signature);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const given = changed.toString('latin1');
      expect(vouch({ 'x-ghl-signature': given }), `bit ${bit}`).toEqual(refused);
    }
    for (let bit = 0; bit < body.length * 8; bit += 1) {
      const changed = Buffer.from(body);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(vouch({ 'x-ghl-signature': signature }, changed), `bit ${bit}`).toEqual(refused);
    }
  });

  it('is not let in by another key, the secret itself, or the RSA header, which has ended', () => {
    const other = generateKeyPairSync('ed25519').privateKey;
    const forged = sign(null, body, other).toString('base64');
    expect(vouch({ 'x-ghl-signature': forged })).toMatchObject({ ok: false });
    expect(vouch({ 'x-ghl-signature': 'the-secret' })).toMatchObject({ ok: false });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    expect(vouch({ 'x-wh-signature': sign('sha256', body, rsa).toString('base64') })).toEqual({
      ok: false,
      reason: 'no x-ghl-signature in the request; x-wh-signature ended on 2026-07-01',
    });
    expect(vouch({})).toEqual({ ok: false, reason: 'no x-ghl-signature in the request' });
    // The vendor's own key is the default, and no key of this test.
    const vendors = adapterOf({ ...SETTINGS, provider: {} });
    const request = { headers: { 'x-ghl-signature': signature }, query: {}, body };
    expect(vendors.vouched?.(request)).toMatchObject({ ok: false });
  });

  it.each([
    ['of RSA', spki(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)],
    ['that is none', 'not a key'],
  ])('does not take a public key %s', (_, key) => {
    const { error } = channelSchema.safeParse({ toId: 'a', ...SETTINGS, publicKey: key });
    expect(error?.issues.map(({ message: fault }) => fault)).toEqual([
      'must be the public key of Ed25519, in base64',
    ]);
  });

  it('is not relayed where another sub-account sent it, whose deliveries the same key signs', () => {
    const ignored = { kind: 'ignored', why: 'of another location' };
    expect(parsed(provider, { ...DELIVERED, locationId: 'another' })).toEqual(ignored);
    expect(parsed(provider, { location_id: LOCATION, ...DELIVERED, locationId: 'another' })).toEqual(ignored);
    expect(parsed(provider, { ...DELIVERED, locationId: undefined })).toMatchObject({ kind: 'fault' });
  });

  it('is kept aside where the channel has no provider, and where it is an email', () => {
    expect(parsed(workflow, DELIVERED)).toEqual({
      kind: 'fault',
      fault: 'it comes from a provider, and this channel has none',
    });
    expect(parsed(provider, { ...DELIVERED, type: 'Email' })).toEqual({
      kind: 'fault',
      fault: 'an email, and replies are none',
    });
  });
});

describe('whatever comes', () => {
  it.each([
    ['of a workflow', workflow, WORKFLOW],
    ['of a provider', provider, DELIVERED],
  ])('%s is sound, or kept aside', (_, adapter, payload) => {
    const kinds = expectSound(adapter, fuzzed(payload, 17));
    expect(kinds.messages).toBeGreaterThan(50);
    expect(kinds.fault).toBeGreaterThan(50);
    expect(kinds.ignored).toBeGreaterThan(5);
  });

  it.each([workflow, provider])('the sample is a message', (adapter) => {
    const sample = adapter.sample({ id: 'test-1', contact: 'relay-test', text: 'Test' }, NOW);
    expect(message(adapter, sample)).toMatchObject({ id: 'test-1', contact: 'relay-test', text: 'Test' });
  });
});

describe('a delivery', () => {
  const FILE = 'https://files.example.com/a.pdf';

  it('of a workflow is sent to the contact, in parts, with files at the last', () => {
    const long = { contact: 'c-1', text: 'x'.repeat(1_601), attachments: [FILE] };
    expect(bodies(workflow, long)).toEqual([
      { type: 'SMS', contactId: 'c-1', message: 'x'.repeat(1_600) },
      { type: 'SMS', contactId: 'c-1', message: 'x', attachments: [FILE] },
    ]);
  });

  it('of a provider is added as an inbound message, of this provider where it has an id', () => {
    const [inbound] = provider.requests(forDelivery({ contact: 'c-1' }), 'the-token');
    expect(inbound?.url).toBe('https://services.leadconnectorhq.com/conversations/messages/inbound');
    const added = { contactId: 'c-1', message: 'Hello', direction: 'inbound', altId: OUR_ID };
    expect(JSON.parse(inbound?.body ?? '')).toEqual({
      ...added,
      type: 'Custom',
      conversationProviderId: '61d6d1f9cdac7612faf80753',
    });
    const standard = adapterOf({ ...SETTINGS, provider: {} });
    expect(bodies(standard, { contact: 'c-1' })).toEqual([{ ...added, type: 'SMS' }]);
  });

  it('at a provider is reported if that is wanted, by the name that GoHighLevel gave it', () => {
    const reporting = adapterOf({ ...SETTINGS, provider: { reports: true } });
    const about = { id: 'GKJxs4P5L8dWc5CFUITM', contact: 'c-1', ourId: OUR_ID };
    const said = (ended: 'delivered' | 'failed') =>
      reporting.report?.(about, { ended, token: 'the-token', now: NOW });
    expect(said('delivered')).toEqual({
      method: 'PUT',
      url: 'https://services.leadconnectorhq.com/conversations/messages/GKJxs4P5L8dWc5CFUITM/status',
      headers: expect.objectContaining({ authorization: 'Bearer the-token', version: '2021-04-15' }),
      body: '{"status":"delivered"}',
    });
    const error = { code: '1', type: 'saas', message: 'The receiver refused it.' };
    expect(JSON.parse(said('failed')?.body ?? '')).toEqual({ status: 'failed', error });
    expect([workflow.report, provider.report]).toEqual([undefined, undefined]);
  });

  const limits = (headers: Record<string, string>) =>
    reply(429, { statusCode: 429, message: 'Too many requests' }, headers);
  const interval = { 'x-ratelimit-interval-milliseconds': '10000', 'x-ratelimit-max': '100' };
  const unknown: Delivery = { kind: 'unknown', detail: 'a success, but not an answer of GoHighLevel' };
  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    [
      'what it took, by its name',
      reply(201, { success: true, conversationId: 'c', messageId: 'm-1', message: 'Success' }),
      { kind: 'delivered', externalId: 'm-1' },
    ],
    ['a success of somebody else', reply(200, '<html>'), unknown],
    [
      'a refusal in a list of words',
      reply(422, {
        statusCode: 422,
        message: ['type must be a valid enum value'],
        error: 'Unprocessable Entity',
      }),
      { kind: 'refused', detail: 'HTTP 422: type must be a valid enum value' },
    ],
    [
      'a refusal in a word',
      reply(400, { statusCode: 400, message: 'Incorrect conversationProviderId/type' }),
      { kind: 'refused', detail: 'HTTP 400: Incorrect conversationProviderId/type' },
    ],
    [
      'a text that is too long',
      reply(422, { message: ['message must be shorter: at most 1600 characters, body too long'] }),
      { kind: 'too_long', detail: expect.stringContaining('HTTP 422'), maxLength: 1_600 },
    ],
    [
      '100 requests in 10 s',
      limits({ ...interval, 'x-ratelimit-remaining': '0', 'x-ratelimit-daily-remaining': '1500' }),
      { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 10_000, whoWaits: 'channel' },
    ],
    [
      '200,000 requests a day',
      limits({ ...interval, 'x-ratelimit-limit-daily': '200000', 'x-ratelimit-daily-remaining': '0' }),
      {
        kind: 'not_applied',
        detail: "HTTP 429: the day's requests are spent",
        retryAfterMs: 3_600_000,
        whoWaits: 'channel',
      },
    ],
    [
      'a named wait before its other headers',
      limits({ ...interval, 'retry-after': '7' }),
      { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 7_000, whoWaits: 'channel' },
    ],
  ])('is judged by what GoHighLevel says: %s', (_, given, judged) => {
    expect(workflow.judge(given, NOW)).toEqual(judged);
  });
});

describe('over HTTP', () => {
  const asked: unknown[] = [];
  /** As GoHighLevel answers: who has no token is refused, and who asks a third time within 10 s must wait. */
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { method, url, headers } = request;
    const isKnown = headers.authorization === 'Bearer pit-1' && headers.version === '2021-04-15';
    const status = !isKnown ? 401 : asked.length < 2 ? 201 : 429;
    if (isKnown) asked.push({ method, url, body: JSON.parse(body) });
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-ratelimit-interval-milliseconds': '10000',
      'x-ratelimit-daily-remaining': '199999',
    });
    const taken = { success: true, conversationId: 'c-1', messageId: `m-${asked.length}` };
    response.end(JSON.stringify(status === 201 ? taken : { statusCode: status, message: 'Refused' }));
  });
  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(() => server.close());

  it('a reply is sent or added with the token, and its wait is heard', async () => {
    const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const deliver = async (settings: object, token: string) => {
      const adapter = adapterOf({ ...SETTINGS, apiUrl, ...settings });
      const [request] = adapter.requests(forDelivery({ contact: 'c-1' }), token);
      if (!request) throw new Error('Nothing is sent.');
      return adapter.judge(await sendOnce({ ...request, timeoutMs: 5_000 }), NOW);
    };
    expect(await deliver({}, 'another')).toEqual({ kind: 'not_applied', detail: 'HTTP 401' });
    expect(await deliver({}, 'pit-1')).toEqual({ kind: 'delivered', externalId: 'm-1' });
    expect(await deliver({ provider: {} }, 'pit-1')).toEqual({ kind: 'delivered', externalId: 'm-2' });
    expect(await deliver({}, 'pit-1')).toEqual({
      kind: 'not_applied',
      detail: 'HTTP 429',
      retryAfterMs: 10_000,
      whoWaits: 'channel',
    });
    expect(asked.slice(0, 2)).toMatchObject([
      { method: 'POST', url: '/conversations/messages', body: { contactId: 'c-1', message: 'Hello' } },
      { method: 'POST', url: '/conversations/messages/inbound', body: { direction: 'inbound' } },
    ]);
  });
});
