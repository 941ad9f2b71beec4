import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
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

const INCOMING = {
  verifiers: [{ type: 'token' }],
  id: '/id',
  contact: ['/from/phone', '/from/id'],
  text: '/message/text',
};
const DELIVERY = { url: 'https://chat.example.com/messages' };

const made = ({ incoming = {}, delivery = {} }: Record<string, object> = {}) =>
  adapterOf({
    adapter: 'webhook',
    incoming: { ...INCOMING, ...incoming },
    delivery: { ...DELIVERY, ...delivery },
  });
const PAYLOAD = { id: 'm-1', from: { id: 'visitor-1' }, message: { text: 'Hello' } };

describe('a webhook of any chat system', () => {
  it('is read where the settings say, with as little as an id, a contact and a text', () => {
    expect(parsed(made(), PAYLOAD)).toEqual({
      kind: 'messages',
      messages: [{ id: 'm-1', contact: 'visitor-1', type: 'text', text: 'Hello', attachments: [] }],
    });
  });

  it('has the id that stands in the body, also where no number of JavaScript is that', () => {
    for (const id of ['9007199254740993', '12345678901234567890123']) {
      const payload = JSON.stringify({ ...PAYLOAD, id: 0 }).replace('"id":0', `"id":${id}`);
      expect(message(made(), payload)?.id).toBe(id);
    }
  });

  it('is read with everything', () => {
    const incoming = {
      firstName: '/from/first',
      lastName: '/from/last',
      email: '/from/email',
      attachments: '/files',
      replyTo: '/room/1',
      reaction: { at: '/kind', equals: 'reaction' },
    };
    const payload = {
      ...PAYLOAD,
      id: 4711,
      from: { id: 12, first: ' Jane ', last: 'Smith 👨‍👩‍👧', email: 'Jane@Example.com' },
      files: ['https://files.example.com/a.png', 'http://files.example.com/b.png?x=1'],
      room: ['a', 'b'],
      kind: 'reaction',
    };
    expect(message(made({ incoming }), payload)).toEqual({
      id: '4711',
      contact: '12',
      type: 'reaction',
      text: 'Hello',
      attachments: ['https://files.example.com/a.png', 'http://files.example.com/b.png?x=1'],
      firstName: 'Jane',
      lastName: 'Smith 👨‍👩‍👧',
      email: 'jane@example.com',
      replyTo: 'b',
    });
  });

  it('is a text where it has not the mark of a reaction, of the same type', () => {
    const incoming = { reaction: { at: '/reaction', equals: true } };
    expect(message(made({ incoming }), { ...PAYLOAD, reaction: true })).toMatchObject({ type: 'reaction' });
    expect(message(made({ incoming }), { ...PAYLOAD, reaction: 'true' })).toMatchObject({ type: 'text' });
  });

  it('takes the first field that leads to a value', () => {
    const from = { phone: null, id: 'visitor-2' };
    expect(message(made(), { ...PAYLOAD, from })?.contact).toBe('visitor-2');
    expect(message(made(), { ...PAYLOAD, from: { ...from, phone: '123' } })?.contact).toBe('123');
  });

  it('needs no text where there is an attachment, be it one address', () => {
    const payload = { ...PAYLOAD, message: {}, file: 'https://files.example.com/a.png' };
    const incoming = { attachments: '/file' };
    expect(message(made({ incoming }), payload)).toMatchObject({
      text: '',
      attachments: ['https://files.example.com/a.png'],
    });
  });

  it('drops names and emails it cannot use: a person without them is still a person', () => {
    const incoming = { firstName: '/from/first', lastName: '/from/last', email: '/from/email' };
    const from = { id: 'visitor-1', first: '', last: 7, email: 'nobody' };
    expect(message(made({ incoming }), { ...PAYLOAD, from })).toEqual(message(made(), PAYLOAD));
  });

  it('replaces half a character, which no later system could store', () => {
    const text = '{"id":"m-1","from":{"id":"v"},"message":{"text":"a\\ud83d"}}';
    expect(message(made(), text)?.text).toBe('a\ufffd');
  });

  it.each<[string, object]>([
    ['with one of our ids', { id: OUR_ID }],
    ['with one of our ids for a part', { id: `${OUR_ID}-2` }],
    ['that repeats our id in the field that is said to', { meta: { ref: OUR_ID } }],
  ])('is our own echo: %s', (_name, fields) => {
    expect(parsed(made({ incoming: { echoId: '/meta/ref' } }), { ...PAYLOAD, ...fields })).toEqual({
      kind: 'ignored',
      why: 'it is our own message coming back',
    });
  });

  it('is nobody’s echo by its text, or by an id that is only like ours', () => {
    const echo = made({ incoming: { echoId: '/meta/ref' } });
    for (const id of [`x${OUR_ID}`, `${OUR_ID}0`, OUR_ID.toUpperCase(), 'rrm-1']) {
      expect(message(echo, { ...PAYLOAD, id, message: { text: OUR_ID }, meta: { ref: 'r' } })?.id).toBe(id);
    }
  });

  it('is ignored by a mark of the settings, before anything else of it is looked at', () => {
    const ignore = [
      { at: '/direction', equals: 'out' },
      { at: '/status', equals: 3 },
    ];
    const adapter = made({ incoming: { ignore } });
    const why = 'it has a mark of incoming.ignore';
    expect(parsed(adapter, { direction: 'out' })).toEqual({ kind: 'ignored', why });
    expect(parsed(adapter, { ...PAYLOAD, status: 3 })).toEqual({ kind: 'ignored', why });
    expect(parsed(adapter, { ...PAYLOAD, direction: 'in', status: '3' }).kind).toBe('messages');
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'hello', 'the body is not a JSON object in UTF-8'],
    ['a list of nothing that is a message', [1], 'the id (/id) is not 1 to 255 printable characters'],
    ['nothing', '', 'the body is not a JSON object in UTF-8'],
    [
      'bytes that are not UTF-8',
      Buffer.from(JSON.stringify({ ...PAYLOAD, id: 'ÿ' }), 'latin1'),
      'the body is not a JSON object in UTF-8',
    ],
    ['no id', { ...PAYLOAD, id: '' }, 'the id (/id) is not 1 to 255 printable characters'],
    [
      'an id with a control character',
      { ...PAYLOAD, id: 'a\n' },
      'the id (/id) is not 1 to 255 printable characters',
    ],
    [
      'an id of 256',
      { ...PAYLOAD, id: 'x'.repeat(256) },
      'the id (/id) is not 1 to 255 printable characters',
    ],
    [
      'an id that is no whole number as it is written',
      { ...PAYLOAD, id: 1e21 },
      'the id (/id) is not 1 to 255 printable characters',
    ],
    [
      'no contact',
      { ...PAYLOAD, from: 'x' },
      'the contact (/from/phone, /from/id) is not 1 to 255 printable characters',
    ],
    ['a text that is none', { ...PAYLOAD, message: { text: {} } }, 'the text (/message/text) is not text'],
    [
      'a blank text',
      { ...PAYLOAD, message: { text: ' \n' } },
      'the text (/message/text) is blank, and there is no attachment',
    ],
    [
      'attachments that are no addresses',
      { ...PAYLOAD, files: [{ url: 'https://files.example.com/a.png' }] },
      'the attachments (/files) are not web addresses, one or a list of them',
    ],
    [
      'an attachment that a reader would run',
      { ...PAYLOAD, files: ['javascript:alert(1)'] },
      'the attachments (/files) are not web addresses, one or a list of them',
    ],
  ])('is not understood, in a sentence without a value: %s', (_name, payload, fault) => {
    expect(parsed(made({ incoming: { attachments: '/files' } }), payload)).toEqual({ kind: 'fault', fault });
  });

  it('may have phone numbers for contacts, which become E.164', () => {
    const adapter = made({ incoming: { phone: { defaultCountry: 'NL' } } });
    const from = (phone: string) => ({ ...PAYLOAD, from: { phone } });
    expect(message(adapter, from('+1 (202) 555-0123'))?.contact).toBe('+12025550123');
    expect(message(adapter, from('020 123 4567'))?.contact).toBe('+31201234567');
    const fault = parsed(adapter, from('Jane'));
    expect(fault).toMatchObject({ kind: 'fault' });
    expect(JSON.stringify(fault)).toContain('the contact (/from/phone, /from/id) is not usable: ');
    expect(JSON.stringify(fault)).not.toContain('Jane');
    expect(parsed(made({ incoming: { phone: {} } }), from('020 123 4567')).kind).toBe('fault');
  });

  it('never makes the parser throw or hang', () => {
    const adapter = made({
      incoming: {
        firstName: '/from/first',
        email: '/from/email',
        attachments: '/files',
        replyTo: '/room',
        echoId: '/echo',
        phone: { defaultCountry: 'NL' },
        ignore: [{ at: '/x/y', equals: 1 }],
      },
    });
    const payload = {
      ...PAYLOAD,
      from: { phone: '+12025550123', first: 'J' },
      files: ['https://a.example'],
      room: 1,
    };
    const kinds = expectSound(adapter, fuzzed(payload, 1));
    expect(kinds.messages).toBeGreaterThan(50);
    expect(kinds.fault).toBeGreaterThan(50);
  });
});

describe('a delivery to any chat system', () => {
  it('is JSON with id, contact and text unless said otherwise, under our id as its idempotency key', () => {
    expect(made().requests(forDelivery(), 'the-token')).toEqual([
      {
        method: 'POST',
        url: 'https://chat.example.com/messages',
        headers: { 'content-type': 'application/json', 'idempotency-key': OUR_ID },
        body: `{"id":"${OUR_ID}","contact":"contact-1","text":"Hello"}`,
      },
    ]);
  });

  it('fills the texts of the configured JSON, however deep, and the token in headers', () => {
    const delivery = {
      headers: { Authorization: 'Bearer {{token}}', 'Content-Type': 'application/vnd.api+json' },
      body: {
        data: { to: '{{to}}', for: '{{contact}}', '{{id}}': ['{{text}}', 1, null, true] },
        note: '{{id}}: {{attachments}} {{token}}',
        files: '{{attachments}}',
      },
    };
    const attachments = ['https://a.example/1', 'https://a.example/2'];
    const [request] = made({ delivery }).requests(
      forDelivery({ attachments, replyTo: 'room-1' }),
      'the-token',
    );
    expect(request?.headers).toEqual({
      authorization: 'Bearer the-token',
      'content-type': 'application/vnd.api+json',
      'idempotency-key': OUR_ID,
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      data: { to: 'room-1', for: 'contact-1', '{{id}}': ['Hello', 1, null, true] },
      note: `${OUR_ID}: https://a.example/1\nhttps://a.example/2 the-token`,
      files: attachments,
    });
  });

  it('goes to the contact where there is no other place for replies', () => {
    expect(bodies(made({ delivery: { body: { to: '{{to}}' } } }), {})).toEqual([{ to: 'contact-1' }]);
  });

  it('takes what a customer writes for text, quotation marks, placeholders and all', () => {
    const text = '"}, {{token}} {{id}} $& $1 \\ \n';
    expect(bodies(made(), { text, contact: '{{token}}' })).toEqual([
      { id: OUR_ID, contact: '{{token}}', text },
    ]);
  });

  it('puts links into the text where the JSON has no field for them', () => {
    expect(bodies(made(), { attachments: ['https://a.example/1'] })[0].text).toBe(
      'Hello\nhttps://a.example/1',
    );
  });

  it('goes in parts where it is too long, each under an id of its own, the links with the last', () => {
    const delivery = { maxLength: 100, body: { id: '{{id}}', text: '{{text}}', files: '{{attachments}}' } };
    const adapter = made({ delivery });
    const fields = {
      text: `${'a'.repeat(90)} ${'b'.repeat(90)} ${'c'.repeat(9)}`,
      attachments: ['https://a.example/1'],
    };
    expect(bodies(adapter, fields)).toEqual([
      { id: OUR_ID, text: 'a'.repeat(90), files: [] },
      { id: `${OUR_ID}-2`, text: `${'b'.repeat(90)} ${'c'.repeat(9)}`, files: ['https://a.example/1'] },
    ]);
    const keys = adapter.requests(forDelivery(fields), '').map(({ headers }) => headers['idempotency-key']);
    expect(keys).toEqual([OUR_ID, `${OUR_ID}-2`]);
  });

  it('may be links alone', () => {
    const body = { text: '{{text}}', files: '{{attachments}}' };
    const fields = { text: '', attachments: ['https://a.example/1'] };
    expect(bodies(made({ delivery: { body } }), fields)).toEqual([
      { text: '', files: ['https://a.example/1'] },
    ]);
  });

  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    ['200', reply(200, '{"data":{"id":"x-1"}}'), { kind: 'delivered', externalId: 'x-1' }],
    ['201 with a number', reply(201, '{"data":{"id":7}}'), { kind: 'delivered', externalId: '7' }],
    ['202 without an id', reply(202, '{}'), { kind: 'delivered' }],
    ['204', reply(204), { kind: 'delivered' }],
    ['200 that is no JSON', reply(200, '<html>OK</html>'), { kind: 'delivered' }],
    ['400', reply(400, '{"error":{}}'), { kind: 'refused', detail: 'HTTP 400' }],
    [
      '404 of the system itself',
      reply(404, '{"error":{"code":"NO_CONTACT"}}'),
      { kind: 'refused', detail: 'HTTP 404: NO_CONTACT' },
    ],
    ['410', reply(410), { kind: 'refused', detail: 'HTTP 410' }],
    ['415', reply(415), { kind: 'refused', detail: 'HTTP 415' }],
    ['422', reply(422), { kind: 'refused', detail: 'HTTP 422' }],
  ])('is judged by its answer: %s', (_name, given, delivery) => {
    expect(made({ delivery: { externalId: '/data/id' } }).judge(given, NOW)).toEqual(delivery);
  });

  it('travels whole over a real connection, and its answer back', async () => {
    const seen: unknown[] = [];
    const server = createServer((request, response) => {
      request.setEncoding('utf8');
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        seen.push([request.headers.authorization, request.headers['idempotency-key'], JSON.parse(body)]);
        response.writeHead(seen.length === 1 ? 201 : 429, { 'retry-after': '7' }).end('{"id":"x-1"}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : 0;
      const delivery = {
        url: `http://127.0.0.1:${port}/messages`,
        headers: { authorization: 'Bearer {{token}}' },
        externalId: '/id',
      };
      const adapter = made({ delivery });
      const [request] = adapter.requests(forDelivery({ text: 'Grüße 👋' }), 'the-token');
      if (!request) throw new Error('no request');
      const send = async () => adapter.judge(await sendOnce({ ...request, timeoutMs: 5_000 }), NOW);
      expect(await send()).toEqual({ kind: 'delivered', externalId: 'x-1' });
      const wait = { retryAfterMs: 7_000, whoWaits: 'channel' };
      expect(await send()).toEqual({ kind: 'not_applied', detail: 'HTTP 429', ...wait });
      const body = { id: OUR_ID, contact: 'contact-1', text: 'Grüße 👋' };
      expect(seen).toEqual(Array.from({ length: 2 }, () => ['Bearer the-token', OUR_ID, body]));
      server.close();
      server.closeAllConnections();
      expect((await send()).kind).toBe('not_applied');
    } finally {
      server.close();
    }
  });
});

describe('the settings of a webhook channel', () => {
  const faults = (settings: Record<string, object>) => {
    const channel = { adapter: 'webhook', toId: 'agency', incoming: INCOMING, delivery: DELIVERY };
    const result = channelSchema.safeParse({ ...channel, ...settings });
    return result.error?.issues.map(({ path, message: text }) => `${path.join('.')}: ${text}`);
  };
  it.each<[string, Record<string, object>, string]>([
    [
      'a placeholder nobody fills, in the body',
      { delivery: { ...DELIVERY, body: { a: ['{{name}}'] } } },
      'delivery.body: knows {{id}}, {{to}}, {{thread}}, {{contact}}, {{text}}, {{attachments}}, {{token}}',
    ],
    [
      'what customers write, in a header',
      { delivery: { ...DELIVERY, headers: { 'x-text': '{{text}}' } } },
      'delivery.headers.x-text: a header holds no {{…}} but {{token}}',
    ],
    [
      'a placeholder in the address',
      { delivery: { url: 'https://chat.example.com/{{token}}' } },
      'delivery.url: holds no {{…}}: those belong into the body and the headers',
    ],
    [
      'an address without TLS',
      { delivery: { url: 'http://chat.example.com' } },
      'delivery.url: must be https (http on this machine only)',
    ],
    [
      'a country that is none',
      { incoming: { ...INCOMING, phone: { defaultCountry: 'nl' } } },
      'incoming.phone.defaultCountry: must be two capital letters of ISO 3166',
    ],
  ])('are refused for %s', (_name, settings, fault) => {
    expect(faults(settings)).toEqual([fault]);
  });
});

describe('a sample of a webhook', () => {
  it('is what the parser reads', () => {
    const adapter = made({ incoming: { text: '/a~1b/~0c' } });
    const sample = adapter.sample({ id: 'test-1', contact: 'visitor-1', text: 'Hello' }, NOW);
    expect(JSON.parse(sample)).toEqual({
      id: 'test-1',
      from: { phone: 'visitor-1' },
      'a/b': { '~c': 'Hello' },
    });
    expect(message(adapter, sample)).toMatchObject({ id: 'test-1', contact: 'visitor-1', text: 'Hello' });
  });

  it('has a phone number that is nobody’s where contacts are phone numbers', () => {
    const adapter = made({ incoming: { phone: {} } });
    const sample = adapter.sample({ id: 'test-1', contact: 'visitor-1', text: 'Hello' }, NOW);
    expect(message(adapter, sample)).toMatchObject({ contact: '+15555550100' });
  });

  it.each([
    [true, { headers: { authorization: 'Bearer {{token}}' } }],
    [true, { body: { id: '{{id}}', text: '{{text}}', key: '{{token}}' } }],
    [false, { headers: { 'x-static': 'one' } }],
  ])('needs a token (%s) by where its settings put one', (needsToken, delivery) => {
    expect(made({ delivery }).needsToken).toBe(needsToken);
  });

  it('may be proved by any of the verifiers of the settings, and is accepted with 202', () => {
    const adapter = made();
    const headers = { 'x-webhook-token': 'secret' };
    const request = { headers, query: {}, body: Buffer.from('{}') };
    expect(
      verifyRequest({ ...request, verifiers: adapter.verifiers, secrets: ['secret'], now: NOW }).ok,
    ).toBe(true);
    expect(verifyRequest({ ...request, verifiers: adapter.verifiers, secrets: ['other'], now: NOW }).ok).toBe(
      false,
    );
    expect(adapter.accepted).toEqual({ status: 202, body: '{"status":"received"}' });
  });
});
