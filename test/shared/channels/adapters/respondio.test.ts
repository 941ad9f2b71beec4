import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../shared/channels/adapter.ts';
import type { Reply } from '../../../../shared/http.ts';
import { verifyRequest } from '../../../../shared/incoming/verifiers.ts';
import {
  adapterOf,
  bodies,
  common,
  DELIVERY_ID,
  expectSound,
  forDelivery,
  fuzzed,
  message,
  NOW,
  OUR_ID,
  parsed,
  reply,
} from './support.ts';

const SETTINGS = { adapter: 'respondio', channelId: 'gfd8g7fd89dgfd' };
const respondio = adapterOf(SETTINGS);

/** The token and the ids of https://respond.io/help/custom-channel/custom-channel. */
const TOKEN = 'aaaxczsadzxcasdacxzcasdaaaxczsadzxcasdacxzcasd';
const DOCUMENTED = {
  channelId: 'gfd8g7fd89dgfd',
  contactId: '+60177872890',
  message: { type: 'text', text: 'Hello World' },
};
const given = (fields: object) => ({ ...DOCUMENTED, ...fields });
const typed = (type: string, fields: object = {}) => given({ message: { type, ...fields } });
const FILE = 'https://files.example.com/a.pdf';

describe('a request of respond.io', () => {
  it('is a message of its contact, named by its delivery, since it has no id', () => {
    expect(message(respondio, DOCUMENTED)).toEqual({
      id: DELIVERY_ID,
      contact: '+60177872890',
      type: 'text',
      text: 'Hello World',
      attachments: [],
    });
    expect(message(respondio, given({ channelId: undefined }))?.contact).toBe('+60177872890');
    expect(message(respondio, given({ mId: 'm-1' }))?.id).toBe('m-1');
  });

  it('is answered with the mId that names it, of at most 50 characters', () => {
    expect(respondio.acceptedAs?.(OUR_ID)).toBe(`{"mId":"${OUR_ID}"}`);
    expect(respondio.acceptedAs?.('a'.repeat(64))).toBe(`{"mId":"${'a'.repeat(50)}"}`);
  });

  it.each<[string, object, string, string[]]>([
    ['a file', typed('attachment', { attachment: { type: 'file', url: FILE } }), '', [FILE]],
    ['a file of its own kind', typed('image', { url: FILE, caption: 'My cat' }), 'My cat', [FILE]],
    ['a file that is gone', typed('audio', { filename: 'a.ogg' }), '[audio] a.ogg', []],
    [
      'quick replies',
      typed('quick_reply', { title: 'Which size?', replies: ['S', 'L'] }),
      'Which size?\n[button] S\n[button] L',
      [],
    ],
    [
      'an email',
      typed('email', { subject: 'My order', text: 'It is sent.' }),
      '[subject] My order\nIt is sent.',
      [],
    ],
    [
      'a place',
      typed('location', { latitude: 48.2, longitude: 16.37, address: 'Café' }),
      '[location] Café https://www.google.com/maps/search/?api=1&query=48.2%2C16.37',
      [],
    ],
  ])('tells all that it holds: %s', (_name, payload, text, attachments) => {
    expect(message(respondio, payload)).toMatchObject({ text, attachments });
  });

  it.each<[string, object, string]>([
    [
      'an echo',
      { ...DOCUMENTED, events: [{ type: 'message_echo', mId: 'm' }] },
      'an echo of what was written elsewhere',
    ],
    ['a receipt', { events: [{ type: 'message_status', mId: 'm', status: { value: 'read' } }] }, 'a receipt'],
    ['a receipt by itself', { type: 'message_status' }, 'a receipt'],
    ['another channel', given({ channelId: 'other' }), 'of another channel'],
  ])('is ignored: %s', (_name, payload, why) => {
    expect(parsed(respondio, payload)).toEqual({ kind: 'ignored', why });
  });

  const NO_CONTACT = 'contactId is not 1 to 50 letters, digits and signs that respond.io allows';
  const NO_MESSAGE = 'message is of no type that is known, or lacks what its type needs';
  it.each<[string, unknown, string]>([
    ['no JSON', '[]', 'the body is not a JSON object in UTF-8'],
    ['no contact', given({ contactId: undefined }), NO_CONTACT],
    ['an id with another sign', given({ contactId: 'jane-doe' }), NO_CONTACT],
    ['an id of 51 characters', given({ contactId: 'x'.repeat(51) }), NO_CONTACT],
    ['no message', given({ message: undefined }), NO_MESSAGE],
    ['a blank text', typed('text', { text: ' ' }), NO_MESSAGE],
    ['a type nobody knows', typed('custom_payload', { payload: {} }), NO_MESSAGE],
  ])('is not understood, in a sentence without a value: %s', (_name, payload, fault) => {
    expect(parsed(respondio, payload)).toEqual({ kind: 'fault', fault });
  });

  it('is not understood where nothing names it', () => {
    const body = Buffer.from(JSON.stringify(DOCUMENTED));
    expect(respondio.parse({ headers: {}, query: {}, body })).toEqual({
      kind: 'fault',
      fault: 'mId is missing, and nothing else names the message',
    });
  });

  it('has every id that respond.io allows', () => {
    const contactId = 'azAZ09_=+/@'.padEnd(50, 'x');
    expect(message(respondio, given({ contactId }))?.contact).toBe(contactId);
  });

  it('never makes the parser throw or hang', () => {
    const attachment = { type: 'image', url: FILE, description: 'x' };
    const kinds = expectSound(respondio, [
      ...fuzzed(DOCUMENTED, 7),
      ...fuzzed(typed('attachment', { attachment }), 8),
      ...fuzzed(typed('quick_reply', { title: 'x', replies: ['a'] }), 9),
    ]);
    expect(kinds.messages).toBeGreaterThan(50);
    expect(kinds.fault).toBeGreaterThan(50);
  });

  it('is proved by the token of its channel as a bearer token, and by nothing else', () => {
    const verify = (headers: Record<string, string>) =>
      verifyRequest({
        verifiers: respondio.verifiers,
        secrets: [TOKEN],
        headers,
        query: {},
        body: Buffer.from(JSON.stringify(DOCUMENTED)),
        now: NOW,
      }).ok;
    expect(verify({ authorization: `Bearer ${TOKEN}` })).toBe(true);
    expect(verify({ authorization: TOKEN })).toBe(false);
    expect(verify({ authorization: `Basic ${TOKEN}` })).toBe(false);
    expect(verify({ authorization: `Bearer ${TOKEN}x` })).toBe(false);
    expect(verify({ authorization: `Bearer ${TOKEN.slice(1)}` })).toBe(false);
    expect(verify({})).toBe(false);
  });
});

describe('a delivery to respond.io', () => {
  it('is a message of the contact, by the documented form, with the token of the channel', () => {
    const [request, ...others] = respondio.requests(forDelivery({ contact: '+60177872890' }), TOKEN);
    expect(others).toEqual([]);
    expect(request).toEqual({
      method: 'POST',
      url: 'https://webhook.respond.io/custom/channel/webhook/',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${TOKEN}` },
      body: expect.any(String),
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      channelId: 'gfd8g7fd89dgfd',
      contactId: '+60177872890',
      events: [{ type: 'message', mId: OUR_ID, timestamp: NOW, message: { type: 'text', text: 'Hello' } }],
    });
  });

  it('goes to the host that is configured', () => {
    const own = adapterOf({ ...SETTINGS, baseUrl: 'https://app.respond.io/' });
    expect(own.requests(forDelivery({ contact: 'jane' }), TOKEN)[0]?.url).toBe(
      'https://app.respond.io/custom/channel/webhook/',
    );
  });

  it('goes in parts, each with its name and time, links below the text', () => {
    const adapter = adapterOf({ ...SETTINGS, maxLength: 100 });
    const fields = { contact: 'jane', text: 'x'.repeat(100), attachments: [FILE] };
    expect(bodies(adapter, fields).map(({ events: [event] }) => event)).toEqual([
      { type: 'message', mId: OUR_ID, timestamp: NOW, message: { type: 'text', text: 'x'.repeat(100) } },
      { type: 'message', mId: `${OUR_ID}-2`, timestamp: NOW + 1, message: { type: 'text', text: FILE } },
    ]);
  });

  it.each(['jane-doe', 'x'.repeat(51), 'jane doe'])(
    'has nowhere to go to for an id that is none: %s',
    (contact) => {
      expect(respondio.requests(forDelivery({ contact }), TOKEN)).toEqual([]);
    },
  );

  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    ['taken', reply(200, { success: true }), { kind: 'delivered' }],
    ['taken without a word', reply(200), { kind: 'delivered' }],
    [
      'a page of the host that moved',
      reply(200, '<!doctype html>'),
      { kind: 'unknown', detail: 'a success, but a page and no answer of respond.io' },
    ],
    [
      'refused',
      reply(400, { error: { message: 'Channel not found' } }),
      { kind: 'refused', detail: 'HTTP 400: Channel not found' },
    ],
  ])('is judged by its answer: %s', (_name, answer, delivery) => {
    expect(respondio.judge(answer, NOW)).toEqual(delivery);
  });
});

it('respond.io hears what became of a message, by the name that it was answered', () => {
  const about = { id: 'd-1', contact: 'jane', ourId: OUR_ID };
  const said = (ended: 'delivered' | 'failed') =>
    respondio.report?.(about, { ended, token: TOKEN, now: NOW });
  expect(said('delivered')).toMatchObject({
    method: 'POST',
    url: 'https://webhook.respond.io/custom/channel/webhook/',
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  const [delivered, failed] = [said('delivered'), said('failed')].map((one) => JSON.parse(one?.body ?? ''));
  const event = { type: 'message_status', mId: OUR_ID, timestamp: NOW, status: { value: 'delivered' } };
  expect(delivered).toEqual({ channelId: 'gfd8g7fd89dgfd', contactId: 'jane', events: [event] });
  expect(failed.events[0].status).toEqual({ value: 'failed', message: 'The receiver refused it.' });
  expect(JSON.parse(respondio.acceptedAs?.(OUR_ID) ?? '')).toEqual({ mId: OUR_ID });
});

describe('a sample of a request of respond.io', () => {
  it('is what the parser reads, under its own id, for a contact that respond.io allows', () => {
    const sample = respondio.sample({ id: 'test-1', contact: 'relay-test', text: 'Hello' }, NOW);
    expect(message(respondio, sample)).toMatchObject({ id: 'test-1', contact: 'relay_test', text: 'Hello' });
  });
});
