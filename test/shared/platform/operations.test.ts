import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import {
  createPlatformOperations,
  PlatformError,
  type PlatformOperations,
  PlatformRequestError,
} from '../../../shared/platform/operations.ts';
import { createPace, type Pace } from '../../../shared/platform/pace.ts';
import { platformProfileSchema } from '../../../shared/platform/profile.ts';
import { AnsweringPlatform, type Body, KEY } from './answering.ts';

const platform = new AnsweringPlatform();

const EMAIL = 'jane.smith@example.com';
const PHONE = '+15551234567';
const jane = { id: 'abc123xyz', firstName: 'Jane', phone: PHONE, email: EMAIL };
const outgoing = { fromId: 'external-7', customChannel: 'my-channel', body: 'Hello Jane!' };
const incoming = { messageSid: 'sid-1', fromId: 'external-7', toId: 'us', body: 'Hello!' };
const enveloped = { error: { code: 'SOME_CODE', message: 'Some words.' } };

type Settings = Partial<z.input<typeof platformProfileSchema>>;
type How = { key?: string; timeoutMs?: number; pace?: Pace };

function operations(settings: Settings = {}, { pace, ...how }: How = {}) {
  return createPlatformOperations({
    profile: platformProfileSchema.parse({ baseUrl: platform.baseUrl, ...settings }),
    ...platform.callOptions(how),
    ...(pace === undefined ? {} : { pace }),
  });
}

/** Each operation in each way that changes what an unknown outcome means. */
const WAYS: [name: string, repeatable: boolean, ask: (of: PlatformOperations) => Promise<unknown>][] = [
  ['createContact with a phone', true, (of) => of.createContact({ phone: PHONE })],
  ['createContact with both', true, (of) => of.createContact({ phone: PHONE, email: EMAIL })],
  ['createContact by email only', false, (of) => of.createContact({ email: EMAIL })],
  ['findContact', true, (of) => of.findContact({ email: EMAIL })],
  ['addToList', false, (of) => of.addToList('list-1', 'abc123xyz')],
  ['sendMessage', false, (of) => of.sendMessage(outgoing)],
  ['receiveMessage', true, (of) => of.receiveMessage(incoming)],
];

async function failure(asked: Promise<unknown>): Promise<PlatformError> {
  const error = await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PlatformError)) throw new Error(`no PlatformError, but ${String(error)}`);
  return error;
}

const sent = () =>
  platform.seen.map(({ method, url, body }) => [method, url, body === '' ? undefined : JSON.parse(body)]);

describe('creating a contact', () => {
  it('sends the fields given, the phone number in E.164, the key in the query', async () => {
    platform.answers(201, jane);
    await operations().createContact({ firstName: 'Jane', phone: '+1 (555) 123-4567', email: EMAIL });
    expect(sent()).toEqual([
      ['POST', `/v1/contacts?apiKey=${KEY}`, { firstName: 'Jane', phone: PHONE, email: EMAIL }],
    ]);
    expect(platform.seen[0]?.headers).toMatchObject({ 'content-type': 'application/json' });
  });

  it.each([
    [201, false],
    [200, true],
    [202, undefined],
  ])('answered with %i: existed is %s', async (status, existed) => {
    platform.answers(status, jane);
    expect(await operations().createContact({ phone: PHONE })).toEqual({ contact: jane, existed });
  });

  it('leaves out what it does not know of the answer, and what is not as documented', async () => {
    platform.answers(201, { ...jane, lastName: null, createdAt: 7, tags: ['new'] });
    const { contact } = await operations().createContact({ phone: PHONE });
    expect(contact).toEqual(jane);
    expect(contact).not.toHaveProperty('tags');
  });
});

describe('finding a contact', () => {
  it.each([
    [{ phoneNumber: '+1 555 123 4567' }, 'phoneNumber=%2B15551234567'],
    [{ email: 'jane+1@example.com' }, 'email=jane%2B1%40example.com'],
  ])('by %j asks for %s', async (by, query) => {
    platform.answers(200, jane);
    expect(await operations().findContact(by)).toEqual(jane);
    expect(sent()).toEqual([['GET', `/v1/contacts?${query}&apiKey=${KEY}`, undefined]]);
  });

  it('finds none where the platform says 404', async () => {
    platform.answers(404, enveloped);
    expect(await operations().findContact({ email: EMAIL })).toBeUndefined();
  });

  it('does not take the 404 of something else for none', async () => {
    platform.answers(404, 'Not Found');
    expect(await failure(operations().findContact({ email: EMAIL }))).toMatchObject({
      outcome: 'not_applied',
      agencyFault: 'wrong_address',
    });
  });
});

describe('adding to a list', () => {
  it('asks for the escaped list', async () => {
    platform.answers(200, '');
    expect(await operations().addToList('a/b?c', 'abc123xyz')).toBeUndefined();
    expect(sent()).toEqual([
      ['POST', `/v1/lists/a%2Fb%3Fc/contacts?apiKey=${KEY}`, { contactId: 'abc123xyz' }],
    ]);
  });
});

describe('a message', () => {
  const contact = { campaignId: 'c-1', firstName: 'Jane', lastName: 'Smith', email: EMAIL };

  it('sent holds all that was given', async () => {
    platform.answers(200, { success: true, messageId: '1234567890' });
    expect(await operations().sendMessage({ ...outgoing, ...contact })).toEqual({ messageId: '1234567890' });
    expect(sent()).toEqual([
      ['POST', `/v1/send_custom_channel_message?apiKey=${KEY}`, { customData: { ...outgoing, ...contact } }],
    ]);
  });

  it('received holds all that was given, and is a text where it is not said', async () => {
    platform.answers(200, { success: true, messageId: 17 });
    const labelled = { ...incoming, channel: 'custom', status: 'received' };
    expect(await operations().receiveMessage({ ...labelled, ...contact })).toEqual({ messageId: '17' });
    await operations().receiveMessage({ ...incoming, messageType: 'reaction' });
    const url = `/v1/incoming_custom_channel_message?apiKey=${KEY}`;
    expect(sent()).toEqual([
      ['POST', url, { customData: { ...labelled, ...contact }, messageType: 'text' }],
      ['POST', url, { customData: incoming, messageType: 'reaction' }],
    ]);
  });

  it('received goes without names, email and campaign where the profile says so', async () => {
    platform.answers(200, '');
    await operations({ contactFieldsOnIncoming: false }).receiveMessage({ ...incoming, ...contact });
    expect(sent()[0]?.[2]).toEqual({ customData: incoming, messageType: 'text' });
  });

  it('goes to the addresses of the profile', async () => {
    platform.answers(200, '');
    const dashed = operations({
      sendPath: '/send-custom-channel-message',
      incomingPath: '/incoming-custom-channel-message',
    });
    await dashed.sendMessage(outgoing);
    await dashed.receiveMessage(incoming);
    expect(platform.seen.map(({ url }) => url)).toEqual([
      `/v1/send-custom-channel-message?apiKey=${KEY}`,
      `/v1/incoming-custom-channel-message?apiKey=${KEY}`,
    ]);
  });
});

describe('the key', () => {
  it('goes where the profile says, for each group of addresses', async () => {
    platform.answers(200, jane);
    const placed = operations({
      keyPlacement: { contacts: 'header', lists: 'query', messages: 'header' },
      keyQuery: 'k',
    });
    for (const [, , ask] of WAYS) await ask(placed);
    expect(
      platform.seen.map(({ url, headers }) => [url.replace(/email=[^&]+/, 'email'), headers['x-api-key']]),
    ).toEqual([
      ['/v1/contacts', KEY],
      ['/v1/contacts', KEY],
      ['/v1/contacts', KEY],
      ['/v1/contacts?email', KEY],
      [`/v1/lists/list-1/contacts?k=${KEY}`, undefined],
      ['/v1/send_custom_channel_message', KEY],
      ['/v1/incoming_custom_channel_message', KEY],
    ]);
  });

  it('stands behind its prefix in the header, and alone in the query', async () => {
    platform.answers(200, jane);
    const placed = operations({
      keyPlacement: { contacts: 'header' },
      keyHeader: 'Authorization',
      keyPrefix: 'Bearer ',
    });
    for (const [, , ask] of WAYS) await ask(placed);
    const seen = platform.seen.map(({ url, headers }) => [url.includes(KEY), headers.authorization]);
    const [inHeader, inQuery] = [
      [false, `Bearer ${KEY}`],
      [true, undefined],
    ];
    expect(seen).toEqual([inHeader, inHeader, inHeader, inHeader, inQuery, inQuery, inQuery]);
  });

  it.each(WAYS)(
    'is asked for anew where it is malformed, and %s was not applied',
    async (_name, _repeatable, ask) => {
      expect(await failure(ask(operations({}, { key: 'two words' })))).toMatchObject({
        outcome: 'not_applied',
        mayRepeat: true,
        agencyFault: 'unauthorized',
        message: expect.stringMatching(
          /: not sent: the API key is empty or malformed\. Check the API key\. Then it may be repeated\.$/,
        ),
      });
      expect(platform.seen).toHaveLength(0);
      expect(platform.unauthorized).toBe(1);
    },
  );

  it('that cannot be read is an error of its own', async () => {
    const unreadable = createPlatformOperations({
      profile: platformProfileSchema.parse({ baseUrl: platform.baseUrl }),
      ...platform.callOptions(),
      apiKey: () => Promise.reject(new Error('no secret')),
    });
    await expect(unreadable.sendMessage(outgoing)).rejects.toThrow('no secret');
  });
});

type Expected = { outcome: string; repeat: 'yes' | 'no' | 'where safe'; more?: Record<string, unknown> };
type Row = [name: string, status: number, body: Body, expected: Expected];

const notApplied = (more = {}): Expected => ({ outcome: 'not_applied', repeat: 'yes', more });
const refused: Expected = { outcome: 'refused', repeat: 'no', more: { code: 'SOME_CODE' } };
const unknown: Expected = { outcome: 'unknown', repeat: 'where safe' };
const redirected: Expected = { ...unknown, more: { agencyFault: 'redirected' } };

describe.each(WAYS)('%s', (name, repeatable, ask) => {
  it.each<Row>([
    ['301', 301, '', redirected],
    ['303', 303, '', redirected],
    ['307', 307, jane, redirected],
    ['401', 401, enveloped, notApplied({ agencyFault: 'unauthorized', code: 'SOME_CODE' })],
    ['403', 403, '', notApplied({ agencyFault: 'forbidden' })],
    ['404 of something else', 404, { message: 'Not Found' }, notApplied({ agencyFault: 'wrong_address' })],
    ['404 of a web framework', 404, { error: 'Not Found' }, notApplied({ agencyFault: 'wrong_address' })],
    ['429', 429, enveloped, notApplied({ retryAfterMs: 30_000 })],
    ['400 of the platform', 400, enveloped, refused],
    ['422 of the platform', 422, enveloped, refused],
    ['400 and a text', 400, { error: 'no such list' }, { outcome: 'refused', repeat: 'no' }],
    ['400 of something else', 400, '<html>', unknown],
    ['422 of something else', 422, '', unknown],
    ['402', 402, enveloped, unknown],
    ['408', 408, enveloped, unknown],
    ['409', 409, enveloped, unknown],
    ['413', 413, '', unknown],
    ['500', 500, enveloped, unknown],
    ['502', 502, '<html>', unknown],
    ['503', 503, '', unknown],
    ['200 and HTML', 200, '<html>OK</html>', unknown],
    ['200 and a list', 200, [], unknown],
    ['200 and a text', 200, '"OK"', unknown],
    ['200 and an error', 200, enveloped, unknown],
    ['200 and success: false', 200, { success: false }, unknown],
  ])('answered with %s (%i)', async (_name, status, body, { outcome, repeat, more }) => {
    platform.answers(status, body, {
      location: '/v1/elsewhere',
      'retry-after': '30',
      'x-request-id': 'req-7',
    });
    const error = await failure(ask(operations()));
    expect(error).toMatchObject({
      operation: name.split(' ')[0],
      outcome,
      mayRepeat: repeat === 'where safe' ? repeatable : repeat === 'yes',
      status,
      requestId: 'req-7',
      ...more,
    });
    expect(error.agencyFault).toBe(more?.agencyFault);
    expect(error.retryAfterMs).toBe(more?.retryAfterMs);
    expect(platform.seen).toHaveLength(1);
    expect(platform.unauthorized).toBe(status === 401 ? 1 : 0);
  });

  it.each([401, 403, 429] as const)(
    'answered with %i is unknown where that proves nothing',
    async (status) => {
      platform.answers(status, enveloped);
      const others = ([401, 403, 429] as const).filter((other) => other !== status);
      expect(await failure(ask(operations({ notAppliedStatuses: others })))).toMatchObject({
        outcome: 'unknown',
        mayRepeat: repeatable,
      });
    },
  );

  it('that finds no platform was not applied', async () => {
    platform.close();
    const error = await failure(ask(operations()));
    expect(error).toMatchObject({ outcome: 'not_applied', mayRepeat: true });
    expect(error.message).toMatch(/did not happen: not sent: ECONNREFUSED.*\. It may be repeated\.$/);
    expect(error.status).toBeUndefined();
  });

  it.each<[string, () => void]>([
    [
      'whose connection breaks',
      () => {
        platform.answer = (response) => response.destroy();
      },
    ],
    [
      'whose answer breaks off',
      () => {
        platform.answer = (response) => {
          response.writeHead(200, { 'content-length': '1000' }).write('{"id":"abc"');
          setTimeout(() => response.destroy(), 20);
        };
      },
    ],
    ['that is not answered in time', () => {}],
  ])('%s is unknown, and is not repeated here', async (_name, prepare) => {
    prepare();
    const error = await failure(ask(operations({}, { timeoutMs: 200 })));
    expect(error).toMatchObject({ outcome: 'unknown', mayRepeat: repeatable });
    expect(error.status).toBeUndefined();
    expect(platform.seen).toHaveLength(1);
  });

  it('over the budget is not sent, and says how long to wait', async () => {
    platform.answers(200, jane);
    const paced = operations({}, { pace: createPace({ requestsPerMinute: 1, now: () => 0 }) });
    await ask(paced);
    expect(await failure(ask(paced))).toMatchObject({
      outcome: 'not_applied',
      mayRepeat: true,
      retryAfterMs: 60_000,
      message: expect.stringMatching(/not sent: our own limit of requests.*\. It may be repeated in 60 s\.$/),
    });
    expect(platform.seen).toHaveLength(1);
  });
});

describe('404 of the platform', () => {
  it.each(WAYS.filter(([name]) => name !== 'findContact'))('refuses %s', async (_name, _repeatable, ask) => {
    platform.answers(404, enveloped);
    expect(await failure(ask(operations()))).toMatchObject({
      outcome: 'refused',
      mayRepeat: false,
      status: 404,
    });
  });
});

describe('an answer without a body', () => {
  it.each(WAYS)('to %s', async (name, _repeatable, ask) => {
    platform.answers(200, '');
    if (name.includes('Contact')) {
      expect(await failure(ask(operations()))).toMatchObject({ outcome: 'unknown' });
    } else {
      expect(await ask(operations())).toEqual(name === 'addToList' ? undefined : {});
    }
  });
});

describe('what a person is told', () => {
  const told = async (ask = WAYS[5]?.[2]) => {
    if (ask === undefined) throw new Error('no such way');
    return (await failure(ask(operations()))).message;
  };

  it('of a refusal', async () => {
    platform.answers(400, enveloped, { 'x-request-id': 'req-7' });
    expect(await told()).toBe(
      'Sending a message was refused: status 400 SOME_CODE Some words. (request id req-7). The same request would be refused again: correct it.',
    );
  });

  it('of a wait', async () => {
    platform.answers(429, '', { 'retry-after': '1.2' });
    expect(await told()).toBe('Sending a message did not happen: status 429. It may be repeated in 2 s.');
  });

  it('of an outcome that nobody knows', async () => {
    platform.answers(500, '');
    expect(await told()).toBe(
      'Sending a message has no known outcome: status 500. Look whether it is there before you repeat it.',
    );
    expect(await told((of) => of.receiveMessage(incoming))).toBe(
      'Handing over an incoming message has no known outcome: status 500. It may be repeated.',
    );
  });

  it('of a redirect', async () => {
    platform.answers(302, '');
    expect(await told()).toBe(
      'Sending a message has no known outcome: status 302. Check the address of the platform. Look whether it is there before you repeat it.',
    );
    expect(await told((of) => of.receiveMessage(incoming))).toBe(
      'Handing over an incoming message has no known outcome: status 302. Check the address of the platform. Then it may be repeated.',
    );
  });

  it('of a wait that is too long for a limit of requests', async () => {
    platform.answers(429, '', { 'retry-after': '3600' });
    expect(await told()).toBe(
      "Sending a message did not happen: status 429. Ask the platform's support why it wants so long a wait. It may be repeated in 3600 s.",
    );
  });

  it('of an answer that is none', async () => {
    platform.answers(200, '<html>');
    expect(await told()).toBe(
      'Sending a message has no known outcome: status 200: not the documented answer. Look whether it is there before you repeat it.',
    );
  });

  it.each([
    [401, 'Check the API key. Then it may be repeated.'],
    [403, 'Check what the API key is allowed to do. Then it may be repeated.'],
    [404, 'Check the address of the platform. Then it may be repeated.'],
  ])('of %i', async (status, todo) => {
    platform.answers(status, '');
    expect(await told()).toBe(`Sending a message did not happen: status ${status}. ${todo}`);
  });

  it('never holds the key, an email, a phone number or a query string, even where the platform quotes them', async () => {
    const message = `${KEY} ${EMAIL} ${PHONE} /v1/contacts?email=x&apiKey=${KEY}`;
    platform.answers(
      400,
      { error: { code: `BAD_${KEY}_${EMAIL}`, message } },
      { 'x-request-id': `r-${KEY}` },
    );
    const error = await failure(operations().findContact({ email: EMAIL }));
    expect(error.message).toBe(
      'Finding a contact was refused: status 400 [email] [key] [email] [phone] /v1/contacts?[redacted] (request id r-[key]). The same request would be refused again: correct it.',
    );
    expect(error.code).toBe('[email]');
    expect(error.requestId).toBe('r-[key]');
    expect(JSON.stringify(error)).not.toContain(KEY);
  });

  it('never holds the key behind its prefix, where the platform quotes the header', async () => {
    const message = `authorization: Bearer ${KEY} is not known, nor is bearer ${KEY}`;
    platform.answers(401, { error: { code: `Bearer_${KEY}`, message } });
    const keyPlacement = { contacts: 'header' } as const;
    const bearer = { keyHeader: 'authorization', keyPrefix: 'Bearer ', keyPlacement };
    const error = await failure(operations(bearer).findContact({ email: EMAIL }));
    expect(error.message).toContain(
      'status 401 Bearer_[key] authorization: Bearer [key] is not known, nor is bearer [key]',
    );
    expect(JSON.stringify(error)).not.toContain(KEY);
  });
});

describe('arguments that cannot be meant', () => {
  const SECRET = 'hush-hush';
  const anything = (value: unknown) => value as never;

  it.each<[string, (of: PlatformOperations) => Promise<unknown>, string]>([
    [
      'a contact without phone and email',
      (of) => of.createContact({ firstName: SECRET }),
      'Creating a contact was not tried:\n✖ a contact needs a phone number or an email',
    ],
    [
      'a contact with what is no phone number',
      (of) => of.createContact({ phone: SECRET }),
      'Creating a contact was not tried:\n✖ this is not a phone number\n  → at phone',
    ],
    [
      'a contact whose phone number has no country code',
      (of) => of.createContact({ phone: '0612345678', email: SECRET }),
      'Creating a contact was not tried:\n✖ the phone number has no country code: it begins with + and the code\n  → at phone\n✖ must be an email address\n  → at email',
    ],
    [
      'a contact to be found by nothing',
      (of) => of.findContact(anything({})),
      'Finding a contact was not tried:\n✖ give a phone number or an email, and not both',
    ],
    [
      'a contact to be found by both',
      (of) => of.findContact({ phoneNumber: PHONE, email: EMAIL }),
      'Finding a contact was not tried:\n✖ give a phone number or an email, and not both',
    ],
    [
      'a contact to be found by what is no phone number',
      (of) => of.findContact({ phoneNumber: SECRET }),
      'Finding a contact was not tried:\n✖ this is not a phone number\n  → at phoneNumber',
    ],
    [
      'a list that is a step in the path',
      (of) => of.addToList('..', 'abc'),
      'Adding a contact to a list was not tried:\n✖ must be the id of a list\n  → at listId',
    ],
    [
      'no contact to add',
      (of) => of.addToList('list-1', ''),
      'Adding a contact to a list was not tried:\n✖ must not be empty\n  → at contactId',
    ],
    [
      'a message without its text and channel',
      (of) => of.sendMessage(anything({ fromId: SECRET, body: 7 })),
      'Sending a message was not tried:\n✖ must be text\n  → at customChannel\n✖ must be text\n  → at body',
    ],
    [
      'a message received without an id',
      (of) => of.receiveMessage({ ...incoming, messageSid: '' }),
      'Handing over an incoming message was not tried:\n✖ must not be empty\n  → at messageSid',
    ],
    [
      'a message received of another type',
      (of) => of.receiveMessage(anything({ ...incoming, messageType: SECRET })),
      'Handing over an incoming message was not tried:\n✖ Invalid option: expected one of "text"|"reaction"\n  → at messageType',
    ],
  ])('are told, and nothing is sent: %s', async (_name, ask, message) => {
    const error = await ask(operations()).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PlatformRequestError);
    expect((error as Error).message).toBe(message);
    expect((error as Error).message).not.toContain(SECRET);
    expect(platform.seen).toHaveLength(0);
  });
});
