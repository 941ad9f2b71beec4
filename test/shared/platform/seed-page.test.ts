import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSandboxPlatform, type SandboxPlatform } from '../../../local/sandbox/platform.ts';
import { createPlatformClient } from '../../../shared/platform/client.ts';
import { createPlatformOperations, type PlatformOperations } from '../../../shared/platform/operations.ts';
import { createPace } from '../../../shared/platform/pace.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';
import { AnsweringPlatform } from './answering.ts';

/** The examples of the platform's API page as they stand there; where it hides an address, one of ours. */
const KEY = 'YOUR_API_KEY';
const EMAIL = 'jane.smith@example.com';
const CLIENT = 'demo@example.com';

const newContact = { firstName: 'Jane', lastName: 'Smith', phone: '+15551234567', email: EMAIL };
const contact = { id: 'abc123xyz', ...newContact, createdAt: '2026-01-15T10:30:00Z' };
const outgoing = {
  fromId: 'external-contact-id',
  customChannel: 'my-channel',
  body: 'Hello Jane! Your order has been shipped.',
  campaignId: 'optional-campaign-id',
  firstName: 'Jane',
  lastName: 'Smith',
};
const incoming = {
  messageSid: 'unique-message-id',
  fromId: 'external-contact-id',
  toId: 'your-user-id',
  body: "Customer's message here",
  channel: 'custom',
  status: 'received',
};
const grant = { email: CLIENT, credits: 500, description: 'Auto-recharge via webhook' };

function clients(baseUrl: string, key = KEY) {
  const options = {
    profile: platformProfileSchema.parse({ baseUrl }),
    apiKey: async () => key,
    onUnauthorized: () => {},
    timeoutMs: 5_000,
    now: Date.now,
    pace: createPace({ requestsPerMinute: 600, now: Date.now }),
  };
  const money = createPlatformClient(options);
  return {
    ...createPlatformOperations(options),
    async grant() {
      const prepared = await money.prepareGrant(grant);
      return prepared.send();
    },
  };
}

describe('the examples of the API page', () => {
  const platform = new AnsweringPlatform();
  type Example = {
    ask: (of: ReturnType<typeof clients>) => Promise<unknown>;
    request: [line: string, body: unknown];
    header: string | undefined;
    answer: [status: number, body: string | Record<string, unknown>];
    result: unknown;
  };

  it.each<[string, Example]>([
    [
      'Create a contact',
      {
        ask: (of) => of.createContact(newContact),
        request: [`POST /v1/contacts?apiKey=${KEY}`, newContact],
        header: undefined,
        answer: [201, contact],
        result: { contact, existed: false },
      },
    ],
    [
      'Create a contact that exists',
      {
        ask: (of) => of.createContact(newContact),
        request: [`POST /v1/contacts?apiKey=${KEY}`, newContact],
        header: undefined,
        answer: [200, contact],
        result: { contact, existed: true },
      },
    ],
    [
      'Get contact details by phone',
      {
        ask: (of) => of.findContact({ phoneNumber: '+15551234567' }),
        request: [`GET /v1/contacts?phoneNumber=%2B15551234567&apiKey=${KEY}`, undefined],
        header: undefined,
        answer: [200, contact],
        result: contact,
      },
    ],
    [
      'Get contact details by email',
      {
        ask: (of) => of.findContact({ email: EMAIL }),
        request: [`GET /v1/contacts?email=jane.smith%40example.com&apiKey=${KEY}`, undefined],
        header: undefined,
        answer: [200, contact],
        result: contact,
      },
    ],
    [
      'Add a contact to a list',
      {
        ask: (of) => of.addToList('LIST_ID', 'abc123xyz'),
        request: [`POST /v1/lists/LIST_ID/contacts?apiKey=${KEY}`, { contactId: 'abc123xyz' }],
        header: undefined,
        answer: [200, ''],
        result: undefined,
      },
    ],
    [
      'Send a message',
      {
        ask: (of) => of.sendMessage(outgoing),
        request: [`POST /v1/send_custom_channel_message?apiKey=${KEY}`, { customData: outgoing }],
        header: undefined,
        answer: [200, ''],
        result: {},
      },
    ],
    [
      'Receive a message',
      {
        ask: (of) => of.receiveMessage({ ...incoming, messageType: 'text' }),
        request: [
          `POST /v1/incoming_custom_channel_message?apiKey=${KEY}`,
          { customData: incoming, messageType: 'text' },
        ],
        header: undefined,
        answer: [200, ''],
        result: {},
      },
    ],
    [
      'Grant credits',
      {
        ask: (of) => of.grant(),
        request: [
          'POST /v1/subaccounts/credits',
          { email: CLIENT, amount: 500, description: 'Auto-recharge via webhook' },
        ],
        header: KEY,
        answer: [200, { success: true, sub_account_id: 'abc123xyz', credits_added: 500, new_balance: 542 }],
        result: { kind: 'granted', newBalance: 542 },
      },
    ],
  ])('%s: the request goes out as shown, the answer is understood', async (_name, example) => {
    platform.answers(...example.answer);
    expect(await example.ask(clients(platform.baseUrl))).toEqual(example.result);
    expect(
      platform.seen.map(({ method, url, headers, body }) => [
        `${method} ${url}`,
        body === '' ? undefined : JSON.parse(body),
        headers['x-api-key'],
      ]),
    ).toEqual([[...example.request, example.header]]);
    expect(platform.seen[0]?.headers['content-type']).toBe(
      example.request[1] === undefined ? undefined : 'application/json',
    );
  });

  it('of an error is understood', async () => {
    const error = { code: 'INVALID_PHONE', message: 'Phone number must include a valid country code.' };
    platform.answers(400, { error });
    await expect(clients(platform.baseUrl).createContact(newContact)).rejects.toMatchObject({
      outcome: 'refused',
      status: 400,
      code: 'INVALID_PHONE',
      message:
        'Creating a contact was refused: status 400 INVALID_PHONE Phone number must include a valid country code. The same request would be refused again: correct it.',
    });
  });
});

let sandbox: SandboxPlatform;
let of: ReturnType<typeof clients>;

async function start(options: { ratePerMinute?: number } = {}) {
  sandbox = await createSandboxPlatform({
    apiKey: KEY,
    webhookSecret: 'secret',
    lists: [{ id: 'LIST_ID', name: 'Customers' }],
    ...options,
  });
  of = clients(`${sandbox.url}/v1`);
}
beforeEach(() => start());
afterEach(() => sandbox.close());

const inBooks = (kind: string) => sandbox.books.filter((event) => event.kind === kind);

describe('a platform that keeps to the API page', () => {
  it('creates a contact once for a phone number, and finds it by phone and by email', async () => {
    const created = await of.createContact(newContact);
    expect(created).toEqual({
      contact: {
        ...newContact,
        id: expect.stringMatching(/./),
        createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      },
      existed: false,
    });
    expect(await of.createContact({ phone: '+1 555 123 4567' })).toEqual({ ...created, existed: true });
    expect(await of.findContact({ phoneNumber: '+1 (555) 123-4567' })).toEqual(created.contact);
    expect(await of.findContact({ email: EMAIL })).toEqual(created.contact);
    expect(await of.findContact({ email: 'john@example.com' })).toBeUndefined();
    expect(inBooks('contact')).toHaveLength(1);
  });

  it('adds a contact to a list', async () => {
    const { contact } = await of.createContact(newContact);
    await of.addToList('LIST_ID', contact.id);
    expect(inBooks('list_addition')).toMatchObject([{ listId: 'LIST_ID', contactId: contact.id }]);
    await expect(of.addToList('OTHER', contact.id)).rejects.toMatchObject({
      outcome: 'refused',
      status: 404,
    });
  });

  it('sends a message, and creates the contact that is missing', async () => {
    expect(await of.sendMessage(outgoing)).toEqual({});
    expect(inBooks('sent')).toMatchObject([outgoing]);
    expect(inBooks('contact')).toMatchObject([{ fromId: 'external-contact-id', firstName: 'Jane' }]);
  });

  it('takes in a message once, however often it comes', async () => {
    const first = await of.receiveMessage({ ...incoming, messageType: 'text' });
    expect(first).toEqual({ messageId: expect.stringMatching(/^\d+$/) });
    expect(await of.receiveMessage({ ...incoming, messageType: 'text' })).toEqual(first);
    expect(inBooks('received')).toMatchObject([{ ...incoming, messageType: 'text' }]);
  });

  it('takes in a reaction', async () => {
    await of.receiveMessage({ ...incoming, messageType: 'reaction' });
    expect(inBooks('received')).toMatchObject([{ messageType: 'reaction' }]);
  });

  it('grants credits', async () => {
    sandbox.spend(CLIENT, 458);
    expect(await of.grant()).toEqual({ kind: 'granted', newBalance: 542 });
    expect(inBooks('grant')).toMatchObject([{ amount: 500, description: 'Auto-recharge via webhook' }]);
  });
});

const WAYS: [operation: string, ask: (of: PlatformOperations) => Promise<unknown>][] = [
  ['contacts', (all) => all.createContact(newContact)],
  ['contacts', (all) => all.findContact({ email: EMAIL })],
  ['lists', (all) => all.addToList('LIST_ID', 'abc123xyz')],
  ['send', (all) => all.sendMessage(outgoing)],
  ['incoming', (all) => all.receiveMessage(incoming)],
];

describe.each([
  ['400', 'invalid', { status: 400, outcome: 'refused', code: 'INVALID_REQUEST' }],
  ['401', 'unauthorized', { status: 401, outcome: 'not_applied', agencyFault: 'unauthorized' }],
  ['404 of another server', 'not_found_plain', { status: 404, agencyFault: 'wrong_address' }],
  ['429', 'rate_limited', { status: 429, outcome: 'not_applied', mayRepeat: true, retryAfterMs: 2_000 }],
  ['500', 'error_before', { status: 500, outcome: 'unknown', code: 'INTERNAL' }],
])('status %s', (_status, fault, expected) => {
  it.each(WAYS)('of %s is understood', async (operation, ask) => {
    sandbox.fault({ operation, fault });
    await expect(ask(of)).rejects.toMatchObject({
      ...expected,
      requestId: expect.stringMatching(/^[\w-]{36}$/),
    });
  });
});

describe('the statuses of the API page', () => {
  it.each(WAYS)('404 of %s is none, or a refusal', async (operation, ask) => {
    sandbox.fault({ operation, fault: 'not_found' });
    const result = await ask(of).catch((error: unknown) => error);
    if (ask === WAYS[1]?.[1]) expect(result).toBeUndefined();
    else expect(result).toMatchObject({ status: 404, outcome: 'refused', mayRepeat: false });
  });

  it.each([
    ['invalid', { kind: 'refused' }],
    ['unauthorized', { kind: 'not_applied', agencyFault: 'unauthorized' }],
    ['not_found', { kind: 'refused' }],
    ['rate_limited', { kind: 'not_applied', retryAfterMs: 2_000 }],
    ['error_after', { kind: 'unknown' }],
  ])('a grant answered with %s is understood', async (fault, expected) => {
    sandbox.fault({ operation: 'grant', fault });
    expect(await of.grant()).toMatchObject(expected);
  });

  it('401 is what a wrong key gets', async () => {
    const stranger = clients(`${sandbox.url}/v1`, 'ANOTHER_KEY');
    await expect(stranger.findContact({ email: EMAIL })).rejects.toMatchObject({
      agencyFault: 'unauthorized',
    });
    expect(await stranger.grant()).toMatchObject({ agencyFault: 'unauthorized' });
  });

  it('429 keeps everything back until the time it named', async () => {
    await sandbox.close();
    await start({ ratePerMinute: 1 });
    await of.sendMessage(outgoing);
    await expect(of.sendMessage(outgoing)).rejects.toMatchObject({ status: 429, mayRepeat: true });
    const kept = await of.grant();
    expect(kept).toMatchObject({ kind: 'not_applied', detail: expect.stringMatching(/^not sent: /) });
    expect(kept).toHaveProperty('retryAfterMs', expect.closeTo(60_000, -4));
    expect(inBooks('sent')).toHaveLength(1);
  });
});

describe('the usage export', () => {
  const MARK = 'rr-30d658b5b34e-1';
  const money = () =>
    createPlatformClient({
      profile: platformProfileSchema.parse({ baseUrl: `${sandbox.url}/v1` }),
      apiKey: async () => KEY,
      onUnauthorized: () => {},
      timeoutMs: 5_000,
      now: Date.now,
    });

  it('shows the grant that was made, to the client it was made to', async () => {
    const asked = { mark: MARK, email: CLIENT, credits: 500, since: Date.now() };
    expect(await money().findGrant(asked)).toEqual({ kind: 'not_found' });
    sandbox.fault({ operation: 'grant', fault: 'error_after' });
    const prepared = await money().prepareGrant({ ...grant, description: `${MARK} Auto-recharge, of 500` });
    expect(await prepared.send()).toMatchObject({ kind: 'unknown' });
    expect(await money().findGrant(asked)).toEqual({ kind: 'found' });
    expect(await money().findGrant({ ...asked, platformId: 'sub-demo-example-com' })).toEqual({
      kind: 'found',
    });
    expect(await money().findGrant({ ...asked, credits: 499 })).toMatchObject({ kind: 'differs' });
    expect(await money().findGrant({ ...asked, mark: 'rr-30d658b5b34e' })).toEqual({ kind: 'not_found' });
    await (await money().prepareGrant({ ...grant, description: MARK })).send();
    expect(await money().findGrant(asked)).toMatchObject({ kind: 'differs' });
  });
});
