import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cpuMsOf } from '../../../support/cpu.ts';
import { adapterOf, bodies, expectSound, fuzzed, message, NOW, parsed, reply } from './support.ts';

const DELIVERY = { url: 'https://chat.example.com/messages' };
const made = (incoming: object, delivery: object = {}) =>
  adapterOf({
    adapter: 'webhook',
    incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/from', text: '/text', ...incoming },
    delivery: { ...DELIVERY, ...delivery },
  });

const LISTED = { id: '/messages/0/id', contact: '/messages/0/from', text: '/messages/0/text' };
const one = { id: '1', from: 'a', text: 'one' };
const two = { id: '2', from: 'b', text: 'two' };
const texts = (adapter: ReturnType<typeof made>, payload: unknown) => {
  const read = parsed(adapter, payload);
  return read.kind === 'messages'
    ? read.messages.map(({ id, contact, text }) => `${id} ${contact} ${text}`)
    : read;
};

describe('a delivery of several messages', () => {
  it('is each of them, in their order, by pointers that are written for the first', () => {
    expect(texts(made(LISTED), { messages: [one, two] })).toEqual(['1 a one', '2 b two']);
    expect(texts(made(LISTED), { messages: [one] })).toEqual(['1 a one']);
  });

  it('is each of them in lists within lists', () => {
    const at = '/entry/0/changes/0/messages/0';
    const adapter = made({ id: `${at}/id`, contact: `${at}/from`, text: `${at}/text` });
    const three = { id: '3', from: 'c', text: 'three' };
    const entry = [
      { changes: [{ messages: [one] }, { messages: [two] }] },
      { changes: [{ messages: [three] }] },
    ];
    expect(texts(adapter, { entry })).toEqual(['1 a one', '2 b two', '3 c three']);
  });

  it('may be a list itself', () => {
    expect(texts(made({}), [one, two])).toEqual(['1 a one', '2 b two']);
    expect(texts(made({ id: '/0/id', contact: '/0/from', text: '/0/text' }), [one, two])).toEqual([
      '1 a one',
      '2 b two',
    ]);
    expect(parsed(made({}), [])).toEqual({ kind: 'ignored', why: 'there is no message in it' });
  });

  it('shares what stands outside of their list', () => {
    const adapter = made({ ...LISTED, contact: '/from' });
    expect(texts(adapter, { from: 'a', messages: [one, two] })).toEqual(['1 a one', '2 a two']);
  });

  it('leaves out names that stand in a list of their own, since whose they are nothing says', () => {
    const adapter = made({ ...LISTED, firstName: '/contacts/0/name' });
    const contacts = [{ name: 'Jane' }];
    expect(message(adapter, { messages: [one], contacts })?.firstName).toBe('Jane');
    expect(parsed(adapter, { messages: [one, two], contacts })).toMatchObject({
      messages: [
        expect.not.objectContaining({ firstName: 'Jane' }),
        expect.not.objectContaining({ firstName: 'Jane' }),
      ],
    });
  });

  it.each([
    ['contact', '/contacts/0/id'],
    ['text', '/texts/0'],
    ['replyTo', '/rooms/0'],
    ['attachments', '/files/0'],
  ])('is kept aside where the %s of each stands in a list of its own', (field, pointer) => {
    const adapter = made({ ...LISTED, [field]: pointer });
    const lists = {
      contacts: [{ id: 'x' }, { id: 'y' }],
      texts: ['x', 'y'],
      rooms: ['x', 'y'],
      files: ['https://a.example/1', 'https://a.example/2'],
    };
    const read = parsed(adapter, { messages: [one, two], ...lists });
    expect(read).toEqual({
      kind: 'fault',
      fault: `message 1: the ${field} (${pointer}) stands in a list of its own: whose it is cannot be told`,
    });
    expect(parsed(adapter, { messages: [one], ...lists }).kind).toBe('messages');
  });

  it('of which one cannot be read is the others, and the rest is told', () => {
    const messages = [one, { id: '', from: 'b', text: 'x' }, two, { id: '4', from: 'd' }];
    expect(parsed(made(LISTED), { messages })).toMatchObject({
      kind: 'messages',
      messages: [{ id: '1' }, { id: '2' }],
      rest: 'message 2: the id (/messages/0/id) is not 1 to 255 printable characters',
    });
  });

  it('leaves out what stands in the list and is no message', () => {
    expect(texts(made(LISTED), { messages: [one, { signature: 'x' }] })).toEqual(['1 a one']);
    expect(parsed(made(LISTED), { messages: [{ signature: 'x' }] }).kind).toBe('fault');
  });

  it('under one id is one text of one person, and nobody’s where several wrote', () => {
    const adapter = made({ ...LISTED, id: '/id' });
    expect(texts(adapter, { id: '9', messages: [one, { ...two, from: 'a' }] })).toEqual(['9 a one\ntwo']);
    expect(parsed(adapter, { id: '9', messages: [one, two] })).toEqual({
      kind: 'fault',
      fault: 'there are texts of several contacts (/messages/0/from) under one id',
    });
  });

  it('of which some are ignored is the others', () => {
    const adapter = made({
      id: '/entry/0/message/id',
      contact: '/entry/0/message/from',
      text: '/entry/0/message/text',
      ignore: [{ at: '/entry/0/statuses', exists: true }],
    });
    const entry = [{ statuses: [{ id: 's' }] }, { message: one }];
    expect(texts(adapter, { entry })).toEqual(['1 a one']);
    expect(parsed(adapter, { entry: entry.slice(0, 1) })).toEqual({
      kind: 'ignored',
      why: 'it has a mark of incoming.ignore',
    });
  });

  it('is the first alone where the settings say so', () => {
    expect(texts(made({ ...LISTED, lists: 'first' }), { messages: [one, two] })).toEqual(['1 a one']);
  });

  it('is kept aside where it holds more than anybody sends', () => {
    const messages = Array.from({ length: 1_001 }, (_, index) => ({ ...one, id: `${index}` }));
    const fault = 'there are more than 1000 messages in one delivery';
    expect(parsed(made(LISTED), { messages })).toEqual({ kind: 'fault', fault });
    expect(parsed(made({}), messages)).toEqual({ kind: 'fault', fault });
    expect(parsed(made(LISTED), { messages: messages.slice(1) })).toMatchObject({ kind: 'messages' });
  });

  it('holds nobody up, however long its lists are', () => {
    const adapter = made({
      ...LISTED,
      attachments: '/files/0',
      firstName: '/names/0/0',
      beside: { link: '/links/0' },
    });
    const long = Array(60_000).fill(0);
    const payloads = [{ messages: long }, { messages: [one], files: long, names: [long], links: long }, long];
    const thousand = Array.from({ length: 1_000 }, (_, index) => ({ ...one, id: `${index}` }));
    for (const payload of [...payloads, { messages: thousand, files: long.slice(0, 1_000) }]) {
      expect(cpuMsOf(() => parsed(adapter, payload))).toBeLessThan(2_000);
    }
  });
});

describe('a message', () => {
  it('has all its files and texts, where they stand in lists, or at several places', () => {
    const adapter = made({ text: '/parts/0/text', attachments: ['/files/0/url', '/media0', '/media1'] });
    const payload = {
      id: '1',
      from: 'a',
      parts: [{ text: 'one' }, { image: 'x' }, { text: 'two' }],
      files: [{ url: 'https://a.example/1' }, { url: 'https://a.example/2' }],
      media0: 'https://a.example/2',
      media1: 'https://a.example/3',
    };
    expect(message(adapter, payload)).toMatchObject({
      text: 'one\ntwo',
      attachments: ['https://a.example/1', 'https://a.example/2', 'https://a.example/3'],
    });
  });

  it('may be ignored because a field is there, or because it is not', () => {
    const adapter = made({
      ignore: [
        { at: '/receipt', exists: true },
        { at: '/from', exists: false },
      ],
    });
    const why = 'it has a mark of incoming.ignore';
    expect(parsed(adapter, { ...one, receipt: { read: true } })).toEqual({ kind: 'ignored', why });
    expect(parsed(adapter, { ...one, from: null })).toEqual({ kind: 'ignored', why });
    expect(texts(adapter, { ...one, receipt: null })).toEqual(['1 a one']);
    expect(texts(adapter, { ...one, receipt: [] })).toEqual(['1 a one']);
  });

  it('without a sender is its conversation’s where the settings say so', () => {
    const adapter = made({ contact: ['/sender/id', '/conversation/id'] });
    expect(message(adapter, { ...one, sender: null, conversation: { id: 7 } })?.contact).toBe('7');
  });

  it('of which nothing can be read is its kind', () => {
    const adapter = made({ kind: '/type' });
    expect(message(adapter, { id: '1', from: 'a', type: 'image' })?.text).toBe('[photo]');
    expect(message(adapter, { id: '1', from: 'a', type: 'hologram' })?.text).toBe('[hologram]');
    expect(message(adapter, { ...one, type: 'text' })?.text).toBe('one');
    expect(parsed(adapter, { id: '1', from: 'a' }).kind).toBe('fault');
  });

  it('is no message where it is a reaction taken back', () => {
    const adapter = made({ kind: '/type', reaction: { at: '/type', equals: 'reaction' } });
    const why = 'a reaction taken back';
    expect(parsed(adapter, { id: '1', from: 'a', type: 'reaction' })).toEqual({ kind: 'ignored', why });
  });

  it('is answered in its thread, which is left out where there is none', () => {
    const body = { channel: '{{to}}', root: '{{thread}}', text: '{{text}}' };
    const adapter = made({ replyTo: '/room', thread: '/root' }, { body });
    const answered = (payload: object) => {
      const read = message(adapter, { ...one, ...payload });
      return bodies(adapter, {
        contact: 'a',
        ...(read?.replyTo === undefined ? {} : { replyTo: read.replyTo }),
      });
    };
    expect(answered({ room: 'r', root: 't' })).toEqual([{ channel: 'r', root: 't', text: 'Hello' }]);
    expect(answered({ room: 'r' })).toEqual([{ channel: 'r', text: 'Hello' }]);
    expect(answered({ root: 't' })).toEqual([{ channel: 'a', root: 't', text: 'Hello' }]);
    expect(answered({ room: '["x","y"' })).toEqual([{ channel: '["x","y"', text: 'Hello' }]);
  });
});

describe('phone numbers', () => {
  const from = (phone: object, number: string) => parsed(made({ phone }), { ...one, from: number });
  it('are read as the settings say that they are written, and go back so', () => {
    const phone = { written: 'international', defaultCountry: 'DE' };
    const adapter = made({ phone }, { body: { to: '{{to}}', e164: '{{contact}}' } });
    expect(message(adapter, { ...one, from: '436641234567' })?.contact).toBe('+436641234567');
    expect(bodies(adapter, { contact: '+436641234567' })).toEqual([
      { to: '436641234567', e164: '+436641234567' },
    ]);
    expect(from({ written: 'national', defaultCountry: 'AT' }, '0664 1234567')).toMatchObject({
      messages: [{ contact: '+436641234567' }],
    });
  });

  it('that could be two persons’ are nobody’s', () => {
    expect(from({ defaultCountry: 'DE' }, '436641234567')).toEqual({
      kind: 'fault',
      fault:
        'the contact (/from) is not usable: the phone number can be read with and without a country code: say which in phone.written',
    });
  });

  it('need a country to be national', () => {
    expect(() => made({ phone: { written: 'national' } })).toThrow('national numbers need a defaultCountry');
  });
});

describe('an answer to a delivery', () => {
  const answer = {
    refused: [{ at: '/ok', equals: false }],
    waits: [{ at: '/error/code', equals: 130429 }],
    contactWaits: [{ at: '/error/code', equals: 131056 }],
    waitSeconds: '/error/retry_after',
    replyTo: '/error/new_id',
    maxLength: '/error/max_length',
  };
  const judge = (
    status: number,
    body: object,
    headers?: Record<string, string>,
    delivery: object = { answer },
  ) => made({}, delivery).judge(reply(status, body, headers), NOW);

  it.each([
    [
      'a refusal under 200',
      200,
      { ok: false, error: 'thread_not_found' },
      { kind: 'refused', detail: 'HTTP 200: thread_not_found' },
    ],
    [
      'a refusal with its reason',
      400,
      { error: { message: 'chat not found' } },
      { kind: 'refused', detail: 'HTTP 400: chat not found' },
    ],
    [
      'a refusal under 500, which alone would prove nothing',
      500,
      { ok: false, message: 'invalid thread' },
      { kind: 'refused', detail: 'HTTP 500: invalid thread' },
    ],
    [
      'a wait of everybody under 400',
      400,
      { error: { code: 130429, message: 'Rate limit hit', retry_after: 20 } },
      { kind: 'not_applied', detail: 'HTTP 400: Rate limit hit', retryAfterMs: 20_000, whoWaits: 'channel' },
    ],
    [
      'a wait of one contact',
      400,
      { error: { code: 131056, message: 'Pair rate limit hit', retry_after: 6 } },
      { kind: 'not_applied', detail: 'HTTP 400: Pair rate limit hit', retryAfterMs: 6_000 },
    ],
    [
      'a 429 with its seconds in the body',
      429,
      { error: { message: 'Slow down', retry_after: '3' } },
      { kind: 'not_applied', detail: 'HTTP 429: Slow down', retryAfterMs: 3_000, whoWaits: 'channel' },
    ],
    [
      'a new place',
      410,
      { error: { message: 'moved', new_id: 77 } },
      { kind: 'moved', detail: 'HTTP 410: moved', replyTo: '77' },
    ],
    [
      'the longest text, in a field',
      422,
      { error: { message: 'no', max_length: 160 } },
      { kind: 'too_long', detail: 'HTTP 422: no', maxLength: 160 },
    ],
    [
      'the longest text, in words',
      400,
      { code: 21617, message: 'The concatenated message body exceeds the 1600 character limit' },
      {
        kind: 'too_long',
        detail: 'HTTP 400: The concatenated message body exceeds the 1600 character limit',
        maxLength: 1_600,
      },
    ],
    [
      'a reason that names somebody',
      400,
      { message: 'jane@example.com and +43 664 1234567 are unknown' },
      { kind: 'refused', detail: 'HTTP 400: (email) and (number) are unknown' },
    ],
    [
      'that it is too long, and no more',
      400,
      { error: 'text too long' },
      { kind: 'too_long', detail: 'HTTP 400: text too long' },
    ],
    ['a success, with nothing of the kind', 200, { ok: true }, { kind: 'delivered' }],
    ['an error of theirs', 500, { message: 'oops' }, { kind: 'unknown', detail: 'HTTP 500' }],
  ])('says what the settings say that it says: %s', (_name, status, body, delivery) => {
    expect(judge(status, body)).toEqual(delivery);
  });

  it('may be about the contact alone', () => {
    const headers = { 'retry-after': '30' };
    expect(judge(429, {}, headers, { waits: 'contact' })).toEqual({
      kind: 'not_applied',
      detail: 'HTTP 429',
      retryAfterMs: 30_000,
    });
  });
});

describe('what stands beside the text in somebody’s own form', () => {
  const adapter = made({
    beside: { contact: '/x', location: '/y', order: '/z', forwarded: '/f', photo: '/p' },
  });
  it.each([
    [
      'a card of no known form',
      { x: { who: 'Jan', reach: ['+31201234567'] } },
      '[contact] who Jan; reach +31201234567',
    ],
    ['several cards', { x: [{ name: 'Jan' }, { name: 'Ria', phone: 7 }] }, '[contact] Jan\n[contact] Ria 7'],
    ['a place by its name', { y: { name: 'Shop', address: '1 Road' } }, '[location] Shop, 1 Road'],
    [
      'a place in text, as Twilio has it',
      { y: { Latitude: '48.2', latitude: '48.2', longitude: '16.37' } },
      '[location] https://www.google.com/maps/search/?api=1&query=48.2%2C16.37',
    ],
    [
      'what is true, and nothing of what is not',
      { z: { gift: true, paid: false, items: [{ n: 1 }] } },
      '[order] gift; n 1',
    ],
    ['a message with its writer', { f: { from: 'Ria', text: 'Hi' } }, '[forwarded] from Ria: Hi'],
    ['a mark', { f: true }, '[forwarded]'],
    ['a text', { f: 'Ria' }, '[forwarded] Ria'],
    [
      'a file’s words, and none of its numbers',
      { p: { id: 'x', size: 7, sha256: 'y', caption: 'cat' } },
      '[photo] cat',
    ],
  ])('is told whole: %s', (_name, fields, text) => {
    expect(message(adapter, { id: '1', from: 'a', ...fields })?.text).toBe(text);
  });
});

describe('the example of the documentation', () => {
  const page = readFileSync(new URL('../../../../docs/channels.md', import.meta.url), 'utf8');
  const [, block = ''] = /The messages of the WhatsApp[^`]*```json channel\n(.*?)^```/ms.exec(page) ?? [];
  const whatsApp = adapterOf(JSON.parse(block));
  const delivery = (value: object) => ({
    object: 'whatsapp_business_account',
    entry: [
      { id: '1', changes: [{ field: 'messages', value: { messaging_product: 'whatsapp', ...value } }] },
    ],
  });
  /** As in https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages */
  const given = (fields: object) =>
    delivery({
      contacts: [{ profile: { name: 'Sheena Nelson' }, wa_id: '16505551234' }],
      messages: [{ from: '16505551234', id: 'wamid.A', timestamp: '1749416383', ...fields }],
    });

  it.each<[string, object, string]>([
    [
      'text',
      { type: 'text', text: { body: 'Does it come in another color?' } },
      'Does it come in another color?',
    ],
    ['a photo', { type: 'image', image: { id: '1', sha256: 'x', caption: 'this one' } }, '[photo] this one'],
    ['a sticker', { type: 'sticker', sticker: { id: '1', animated: false } }, '[sticker]'],
    [
      'a place',
      { type: 'location', location: { latitude: 37.4, longitude: -122.1, name: 'Shop', address: '1 Road' } },
      '[location] Shop, 1 Road https://www.google.com/maps/search/?api=1&query=37.4%2C-122.1',
    ],
    [
      'a card',
      {
        type: 'contacts',
        contacts: [
          {
            name: { formatted_name: 'Barbara J. Johnson', first_name: 'Barbara' },
            org: { company: 'Social Tsunami' },
            phones: [{ phone: '+1 (940) 555-1234', wa_id: '19405551234', type: 'Home' }],
            emails: [{ email: 'bjj@example.com' }],
          },
        ],
      },
      '[contact] Barbara J. Johnson +1 (940) 555-1234 bjj@example.com Social Tsunami',
    ],
    [
      'an order',
      {
        type: 'order',
        order: { text: 'Please', product_items: [{ product_retailer_id: 'b1', quantity: 2 }] },
      },
      '[order] text Please; product_retailer_id b1; quantity 2',
    ],
    ['a button', { type: 'button', button: { text: 'Yes', payload: 'yes' } }, 'Yes'],
    [
      'a choice of a list',
      { type: 'interactive', interactive: { type: 'list_reply', list_reply: { id: '1', title: 'Large' } } },
      'Large',
    ],
    [
      'a forwarded message',
      { type: 'text', text: { body: 'Hi' }, context: { forwarded: true } },
      'Hi\n[forwarded]',
    ],
    ['what WhatsApp does not pass on', { type: 'unsupported', errors: [{ code: 131051 }] }, '[unsupported]'],
  ])('reads %s', (_name, fields, text) => {
    expect(message(whatsApp, given(fields))).toMatchObject({
      id: 'wamid.A',
      contact: '+16505551234',
      firstName: 'Sheena Nelson',
      text,
    });
  });

  it('reads a reaction, and ignores one that is taken back, receipts and what WhatsApp itself says', () => {
    const reaction = { type: 'reaction', reaction: { message_id: 'wamid.B', emoji: '👍' } };
    expect(message(whatsApp, given(reaction))).toMatchObject({ type: 'reaction', text: '👍' });
    for (const payload of [
      given({ type: 'reaction', reaction: { message_id: 'wamid.B' } }),
      given({ type: 'system', system: { body: 'User A changed from x to y' } }),
      delivery({ statuses: [{ id: 'wamid.C', status: 'delivered', recipient_id: '16505551234' }] }),
    ]) {
      expect(parsed(whatsApp, payload).kind).toBe('ignored');
    }
  });

  it('never makes the parser throw or hang', () => {
    const text = {
      type: 'text',
      text: { body: 'Hi' },
      context: { forwarded: true },
      image: { caption: 'x' },
    };
    expect(expectSound(whatsApp, fuzzed(given(text), 5, 200)).messages).toBeGreaterThan(50);
  });
});
