import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { proposeChannel } from '../../operate/map-channel.ts';
import { proposeRecharge } from '../../operate/map-recharge.ts';
import { verifierSchema } from '../../shared/incoming/verifier-settings.ts';
import { signedIdHeaders } from '../../shared/incoming/verifiers.ts';
import { readOrder } from '../../shared/recharge/webhook.ts';
import { aConfig } from '../support/builders.ts';

/** What the relay reads of the payload with the proposed mapping. */
function readBack(payload: object) {
  const { body, fields, notes } = propose(JSON.stringify(payload));
  return { read: readOrder(body, aConfig({ recharge: fields }).recharge), fields, notes };
}

const sent = (body: string | Buffer, headers: Record<string, string> = {}) => ({
  body: Buffer.from(body),
  headers,
});

function propose(
  body: string,
  headers: Record<string, string> = {},
  verifier?: z.input<typeof verifierSchema>,
) {
  const delivery = sent(body, headers);
  return { ...delivery, ...proposeRecharge(delivery, verifier && verifierSchema.parse(verifier)) };
}

describe('the mapping that a captured webhook suggests', () => {
  it.each<[string, object, object]>([
    [
      'names that are documented',
      { idempotency_key: 'key-1', email: 'jane@example.com', credits: 500 },
      { keyFields: ['idempotency_key'], emailFields: ['email'], creditsField: 'credits' },
    ],
    [
      'an address under the name of whose it is',
      { event_id: 'key-1', data: { client: 'jane@example.com', credits: 500 } },
      { keyFields: ['event_id'], emailFields: ['data.client'], creditsField: 'data.credits' },
    ],
    [
      'members under data, in camel case, beside a balance and a threshold',
      {
        event: 'auto_recharge',
        data: {
          idempotencyKey: 'key-1',
          subAccount: { id: 'sub_1', email: 'jane@example.com', creditBalance: 12 },
          creditsRequested: 500,
          creditThreshold: 50,
          amount: 4_500,
          currency: 'usd',
        },
      },
      {
        keyFields: ['data.idempotencyKey'],
        emailFields: ['data.subAccount.email'],
        platformIdFields: ['data.subAccount.id'],
        creditsField: 'data.creditsRequested',
      },
    ],
    [
      'an event id, and a list',
      {
        event_id: 'key-1',
        accounts: [{ owner: 'x', client_email: 'jane@example.com' }],
        credits: { amount: 500 },
      },
      {
        keyFields: ['event_id'],
        emailFields: ['accounts.0.client_email'],
        creditsField: 'credits.amount',
      },
    ],
  ])('is accepted by the configuration and reads the order: %s', (_name, payload, fields) => {
    const result = readBack(payload);
    expect(result.fields).toEqual(fields);
    expect(result.read).toMatchObject({
      order: { key: 'key-1', client: { email: 'jane@example.com' }, credits: 500 },
    });
    expect(result.notes).toContainEqual(
      expect.stringMatching(/counts the credits to grant: not money, and not what is left/),
    );
  });

  it('names what else may be the credits beside those that are named so', () => {
    const payload = { idempotency_key: 'key-1', email: 'jane@example.com', credits: 42, amount: 500 };
    expect(readBack(payload).notes).toEqual([
      'creditsField: make sure that credits counts the credits to grant: not money, and not what is left. Beside it: amount (500)',
    ]);
    const { amount: _, ...alone } = payload;
    expect(readBack(alone).notes).toEqual([
      'creditsField: make sure that credits counts the credits to grant: not money, and not what is left',
    ]);
  });

  it('is by the platform’s id where there is no email, with the command that links it', () => {
    const { read, notes } = readBack({ idempotency_key: 'key-1', location: { id: 4711 }, credits: 500 });
    expect(read).toEqual({ order: { key: 'key-1', client: { platformId: '4711' }, credits: 500 } });
    expect(notes).toContain('link the id to its client: npx relay accounts set EMAIL --platform-id ID');
  });

  it.each<[string, object, RegExp]>([
    ['only an amount', { amount: 500 }, /: amount \(500\)\. An amount may as well be money$/],
    ['an amount and a quantity', { amount: 500, quantity: 5 }, /: amount \(500\), quantity \(5\)\./],
    [
      'two numbers of credits',
      { credits: 500, bonus_credits: 50 },
      /: credits \(500\), bonus_credits \(50\)\./,
    ],
    [
      'a price of the credits',
      { credit_price: 500 },
      /: credit_price \(500\)\. An amount may as well be money$/,
    ],
    ['credits with a fraction', { credits: 0.5 }, /no field holds whole credits/],
    ['a balance only', { credits_remaining: 12, credit_limit: 5 }, /no field holds whole credits/],
    ['credits as text that is no whole number', { credits: '500.0' }, /no field holds whole credits/],
    [
      'credits as a number and as text',
      { credits: '500', bonus_credits: 5 },
      /: credits \(500\), bonus_credits \(5\)\./,
    ],
  ])('never guesses the credits: %s', (_name, members, note) => {
    const { fields, read, notes } = readBack({
      idempotency_key: 'key-1',
      email: 'jane@example.com',
      ...members,
    });
    expect(fields).not.toHaveProperty('creditsField');
    expect(notes).toContainEqual(expect.stringMatching(note));
    expect(read).toEqual({ fault: 'recharge.credits or recharge.creditsField is not configured yet' });
  });

  it('takes credits as text where they are exactly a whole number, and says so where they are not', () => {
    const payload = { idempotency_key: 'key-1', email: 'jane@example.com' };
    const { fields, read } = readBack({ ...payload, credits: '500' });
    expect(fields).toMatchObject({ creditsField: 'credits', creditsAsText: true });
    expect(read).toMatchObject({ order: { credits: 500 } });
    expect(readBack({ ...payload, credits: '500.0' }).notes).toContain(
      'creditsField: credits is text, and not exactly a whole number',
    );
  });

  it('takes a whole number for a key, however many digits it has', () => {
    const { fields } = propose('{"id":9007199254740993,"email":"jane@example.com","credits":500}');
    expect(fields).toMatchObject({ keyFields: ['id'] });
    const body = Buffer.from('{"id":9007199254740993,"email":"jane@example.com","credits":500}');
    expect(readOrder(body, aConfig({ recharge: fields }).recharge)).toMatchObject({
      order: { key: '9007199254740993' },
    });
  });

  it.each<[string, string | Buffer, Record<string, string>]>([
    ['a list of one', '[{"idempotency_key":"key-1","email":"jane@example.com","credits":500}]', {}],
    [
      'a form',
      'idempotency_key=key-1&email=jane%40example.com&credits=500',
      { 'content-type': 'application/x-www-form-urlencoded' },
    ],
    [
      'gzip',
      gzipSync('{"idempotency_key":"key-1","email":"jane@example.com","credits":500}'),
      { 'content-encoding': 'gzip' },
    ],
  ])('is read from what the relay reads: %s', (_name, body, headers) => {
    const { fields } = proposeRecharge(sent(body, headers));
    expect(fields).toEqual({
      keyFields: ['idempotency_key'],
      emailFields: ['email'],
      creditsField: 'credits',
    });
  });

  it.each<[string, object, Record<string, string>, z.input<typeof verifierSchema> | undefined, object]>([
    [
      'is not in the body',
      {},
      { 'idempotency-key': 'evt_88', 'x-request-id': 'r', 'content-type': 'application/json' },
      { type: 'token' },
      { keyHeader: 'idempotency-key', keyHeaderTrusted: true },
    ],
    [
      'is covered by the signature',
      {},
      { 'svix-id': 'msg_1', 'x-event-id': 'e' },
      { type: 'standard-webhooks' },
      { keyHeader: 'svix-id' },
    ],
    [
      'is covered by the signature, and called so',
      {},
      { 'x-idempotency-key': 'k', 'x-event-id': 'e' },
      { type: 'hmac', header: 'x-s', signs: '{id}.{body}', idHeader: 'x-idempotency-key' },
      { keyHeader: 'x-idempotency-key' },
    ],
    [
      'is called so in a header, and only an id in the body',
      { id: 7 },
      { 'idempotency-key': 'evt_88' },
      undefined,
      { keyHeader: 'idempotency-key', keyHeaderTrusted: true },
    ],
    [
      'is called so in the body',
      { idempotency_key: 'k' },
      { 'idempotency-key': 'k' },
      undefined,
      { keyFields: ['idempotency_key'] },
    ],
    ['may be an id in the body', { id: 7 }, { 'x-event-id': 'e' }, undefined, { keyFields: ['id'] }],
    ['is nowhere', {}, { 'x-request-id': 'r', 'user-agent': 'u' }, undefined, {}],
  ])('proposes a header for the key where it %s', (_name, members, headers, verifier, expected) => {
    const payload = { email: 'jane@example.com', credits: 500, ...members };
    const { fields, notes, body } = propose(JSON.stringify(payload), headers, verifier);
    const { emailFields: _e, creditsField: _c, ...key } = fields;
    expect(key).toEqual(expected);
    expect(notes.some((note) => note.startsWith('keyHeaderTrusted: no signature covers'))).toBe(
      'keyHeaderTrusted' in expected,
    );
    const { recharge } = aConfig({ recharge: { ...fields, ...(verifier ? { verifiers: [verifier] } : {}) } });
    const covered = verifier ? signedIdHeaders(verifierSchema.parse(verifier)) : [];
    const header = covered.find((name) => name === recharge.keyHeader);
    const signed = header === undefined ? {} : { signedId: { header, value: headers[header] ?? '' } };
    const read = readOrder(body, recharge, { headers, ...signed });
    expect(read).toHaveProperty(Object.keys(expected).length === 0 ? 'fault' : 'order');
  });

  it('never guesses between two addresses, and warns of others beside the likely one', () => {
    const two = readBack({
      idempotency_key: 'k',
      agency: { email: 'a@example.com' },
      user: { email: 'b@example.com' },
    });
    expect(two.fields).not.toHaveProperty('emailFields');
    expect(two.notes).toContainEqual(expect.stringMatching(/only you know .+: agency\.email, user\.email$/));
    const likely = readBack({ agency_email: 'a@example.com', sub_account_email: 'b@example.com' });
    expect(likely.fields.emailFields).toEqual(['sub_account_email']);
    expect(likely.notes).toContain(
      "emailFields: make sure that the client's is sub_account_email, not agency_email",
    );
    expect(JSON.stringify([two.notes, likely.notes])).not.toContain('@');
  });

  it('asks to compare a repetition where the key has another name', () => {
    const { fields, notes } = readBack({ id: 'evt_1', email: 'jane@example.com', credits: 1 });
    expect(fields.keyFields).toEqual(['id']);
    expect(notes).toContainEqual(
      expect.stringMatching(/^keyFields: id must stay the same when .+ sent again/),
    );
    expect(readBack({ idempotency_key: 'k' }).notes.join()).not.toMatch(/keyFields/);
    expect(readBack({}).notes).toContain('keyFields: no field looks like one');
    expect(readBack({ event_id: 'a', request_id: 'b' }).notes).toContain(
      'keyFields: one of event_id, request_id?',
    );
  });

  it.each<[string, string]>([
    ['no JSON', 'idempotency_key=1'],
    ['a list', '[1]'],
    ['bytes that are not UTF-8', Buffer.from([0x7b, 0xff, 0x7d]).toString('latin1')],
    ['null', 'null'],
  ])('is none for %s', (_name, body) => {
    const expected = {
      fields: {},
      notes: ['the body is no JSON object in UTF-8, and no form that says so: the relay reads nothing else'],
    };
    expect(proposeRecharge(sent(Buffer.from(body, 'latin1')))).toEqual(expected);
    expect(proposeChannel(sent(Buffer.from(body, 'latin1')), 'outgoing')).toEqual(expected);
  });

  it('is not led astray by names that no setting can say, by depth, or by numbers of members', () => {
    const deep = `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    const many = Object.fromEntries(Array.from({ length: 50_000 }, (_, n) => [`m${n}`, n]));
    const body = Buffer.from(
      `{"sub.email":"x@example.com","__proto__":{"email":"y@example.com"},"email":"jane@example.com","deep":${deep},"many":${JSON.stringify(many)}}`,
    );
    const { fields } = proposeRecharge(sent(body));
    expect(fields.emailFields).toEqual(['email']);
    expect(() => aConfig({ recharge: fields })).not.toThrow();
  });
});

describe('the mapping that a captured message suggests', () => {
  const withChannel = (direction: 'incoming' | 'outgoing', fields: object) =>
    aConfig({
      channels: {
        support: {
          adapter: 'webhook',
          toId: 'agency',
          incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/contact', text: '/text' },
          delivery: { url: 'https://chat.example.com/messages' },
          [direction]: { verifiers: [{ type: 'token' }], ...fields },
        },
      },
    }).channels.support;

  it('is made of JSON pointers that the configuration accepts: a reply of the platform', () => {
    const payload = {
      event: 'message',
      data: {
        messageId: 'm-1',
        contact: { id: 'c-1', first_name: 'Zoë' },
        message: { body: 'Hello', attachments: ['https://files.example.com/1.png'] },
      },
    };
    const { fields, notes } = proposeChannel(sent(JSON.stringify(payload)), 'outgoing');
    expect(fields).toEqual({
      id: '/data/messageId',
      contact: '/data/contact/id',
      text: '/data/message/body',
      attachments: '/data/message/attachments',
    });
    expect(withChannel('outgoing', fields)).toMatchObject({ outgoing: { contact: ['/data/contact/id'] } });
    expect(notes).toEqual([
      expect.stringMatching(/^contact: make sure that \/data\/contact\/id is the person outside/),
    ]);
  });

  it('takes names and email of who writes in, and fields with a slash or a dot', () => {
    const payload = {
      'a/b.c': {
        sid: 7,
        from: '+4912345',
        text: 'Hi',
        first_name: 'Zoë',
        last_name: 'K',
        email: 'z@example.com',
      },
    };
    const { fields } = proposeChannel(sent(JSON.stringify(payload)), 'incoming');
    expect(fields).toEqual({
      id: '/a~1b.c/sid',
      contact: '/a~1b.c/from',
      text: '/a~1b.c/text',
      firstName: '/a~1b.c/first_name',
      lastName: '/a~1b.c/last_name',
      email: '/a~1b.c/email',
    });
    expect(withChannel('incoming', fields)).toMatchObject({ incoming: { text: ['/a~1b.c/text'] } });
  });

  it('takes a list for each of its elements, and says how numbers are written and what stands beside a text', () => {
    const payload = {
      entry: [
        {
          changes: [
            {
              value: {
                contacts: [{ profile: { name: 'Luz' }, wa_id: '436641234567' }],
                messages: [
                  {
                    id: 'wamid.A',
                    from: '436641234567',
                    text: { body: 'first' },
                    location: { latitude: 1, longitude: 2 },
                    thread_id: 't1',
                  },
                  { id: 'wamid.B', from: '16505551234', text: { body: 'second' } },
                ],
              },
            },
          ],
        },
      ],
    };
    const at = '/entry/0/changes/0/value/messages/0';
    const { fields, notes } = proposeChannel(sent(JSON.stringify(payload)), 'incoming');
    expect(fields).toEqual({
      id: `${at}/id`,
      contact: `${at}/from`,
      text: `${at}/text/body`,
      thread: `${at}/thread_id`,
      beside: { contact: '/entry/0/changes/0/value/contacts', location: `${at}/location` },
    });
    expect(notes).toEqual([
      expect.stringMatching(/^contact: make sure/),
      `phone: where ${at}/from is a phone number with its country code, {"written": "international"}`,
      'thread: a delivery needs {{thread}} in its body to be answered there',
    ]);
    expect(withChannel('incoming', fields)).toMatchObject({ incoming: { id: [`${at}/id`] } });
    expect(proposeChannel(sent('[{"id":1,"from":"a","text":"b"}]'), 'incoming').fields).toEqual({
      id: '/id',
      contact: '/from',
      text: '/text',
    });
  });

  it('takes what only tells of a message for none', () => {
    const payload = { entry: [{ statuses: [{ id: 'wamid.A', status: 'read' }] }] };
    const { fields, notes } = proposeChannel(sent(JSON.stringify(payload)), 'incoming');
    expect(fields).toMatchObject({ ignore: [{ at: '/entry/0/statuses', exists: true }] });
    expect(notes).toContain('ignore: where /entry/0/statuses is there, it seems to be no message');
    const mapped = withChannel('incoming', { contact: '/contact', text: '/text', id: '/id', ...fields });
    expect(mapped).toMatchObject({ incoming: { ignore: [{ exists: true }] } });
  });

  it('leaves out what is not clear, and what is not there', () => {
    const payload = { fromId: 'a', toId: 'b', body: 'one', text: 'two' };
    const { fields, notes } = proposeChannel(sent(JSON.stringify(payload)), 'outgoing');
    expect(fields).toEqual({ contact: '/toId' });
    expect(notes).toContain('text: one of /body, /text?');
    expect(proposeChannel(sent('{}'), 'incoming').notes).toEqual([
      'text: no field looks like it',
      'contact: no field looks like it',
    ]);
  });
});
