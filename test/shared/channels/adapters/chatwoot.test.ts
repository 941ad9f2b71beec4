import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../shared/channels/adapter.ts';
import type { Reply } from '../../../../shared/http.ts';
import {
  adapterOf,
  bodies,
  common,
  expectBitsToCount,
  expectSound,
  forDelivery,
  fuzzed,
  message,
  NOW,
  parsed,
  reply,
} from './support.ts';

const SETTINGS = { adapter: 'chatwoot', baseUrl: 'https://chat.example.com/', accountId: 1 };
const chatwoot = adapterOf(SETTINGS);

/** As published at https://www.chatwoot.com/docs/product/others/webhook-events, without what describes the browser. */
const DOCUMENTED = {
  id: 118,
  content: 'hi',
  created_at: '2021-07-23T18:02:48.000Z',
  message_type: 'incoming',
  content_type: 'text',
  private: false,
  content_attributes: {},
  source_id: null,
  sender: { id: 14, name: 'little-haze-776', avatar: '', type: 'contact' },
  inbox: { id: 1, name: 'Acme Support' },
  conversation: {
    can_reply: true,
    channel: 'Channel::WebWidget',
    id: 10,
    inbox_id: 1,
    contact_inbox: { id: 12, contact_id: 14, inbox_id: 1, source_id: '405f1d30', hmac_verified: false },
    messages: [{ id: 120, content: 'Get notified by email', message_type: 3, private: false }],
    meta: {
      sender: { email: null, id: 14, name: 'little-haze-776', phone_number: null, type: 'contact' },
      assignee: { id: 1, name: 'John', type: 'user' },
    },
    status: 'open',
  },
  account: { id: 1, name: 'Acme Inc' },
  event: 'message_created',
};
const given = (fields: object) => ({ ...DOCUMENTED, ...fields });

const NO_MESSAGE = 'neither a new message nor an answer to a form';
/** The form of https://github.com/chatwoot/docs, filled in: the message of a bot, updated with what the contact wrote. */
const FORM = {
  event: 'message_updated',
  content: 'form',
  message_type: 'outgoing',
  content_type: 'form',
  sender: { id: 1, name: 'Bot', type: 'agent_bot' },
  content_attributes: {
    items: [
      { name: 'email', type: 'email', label: 'Email' },
      { name: 'select', type: 'select', options: [{ label: '🍝 Pasta', value: 'Pasta' }] },
    ],
    submitted_values: [
      { name: 'email', value: 'jane@example.com' },
      { name: 'select', value: 'Pasta' },
    ],
  },
};

describe('a webhook of Chatwoot', () => {
  it('is a message of its contact, answered in its conversation', () => {
    expect(message(chatwoot, DOCUMENTED)).toEqual({
      id: '118',
      contact: '14',
      type: 'text',
      text: 'hi',
      attachments: [],
      firstName: 'little-haze-776',
      replyTo: '10',
    });
  });

  it('brings the name in two parts, and the email, of the sender or of the conversation', () => {
    const sender = { id: 14, name: ' Jane van der Berg ', email: 'Jane@acme.inc', type: 'contact' };
    expect(message(chatwoot, given({ sender }))).toMatchObject({
      firstName: 'Jane',
      lastName: 'van der Berg',
      email: 'jane@acme.inc',
    });
    const conversation = { ...DOCUMENTED.conversation, meta: { sender: { email: 'jane@acme.inc' } } };
    expect(message(chatwoot, given({ conversation }))?.email).toBe('jane@acme.inc');
  });

  it('may say the type by its number, ids as text, and the conversation by display_id, as older ones do', () => {
    const older = given({
      id: '1',
      message_type: 0,
      account: { id: '1' },
      conversation: { display_id: '7' },
      inbox: undefined,
    });
    expect(message(chatwoot, older)).toMatchObject({ id: '1', replyTo: '7' });
    const others = { message_type: '0', sender: { ...DOCUMENTED.sender, type: 'Contact' } };
    expect(message(chatwoot, given(others))).toMatchObject({ replyTo: expect.anything() });
  });

  describe('tells what stands beside its text:', () => {
    const PAGE = 'https://shop.example.com/p/881';
    it.each<[string, object, string, string[]]>([
      [
        'a place',
        {
          attachments: [
            { file_type: 'location', coordinates_lat: 48.2, coordinates_long: 16.37, fallback_title: 'Café' },
          ],
        },
        '[location] Café https://www.google.com/maps/search/?api=1&query=48.2%2C16.37',
        [],
      ],
      [
        'a card',
        {
          attachments: [
            {
              file_type: 'contact',
              fallback_title: '+31201234567',
              meta: { firstName: 'Jan', lastName: 'Day' },
            },
          ],
        },
        '[contact] Jan Day +31201234567',
        [],
      ],
      [
        'a page',
        { attachments: [{ file_type: 'fallback', fallback_title: 'Sale', data_url: PAGE }] },
        `[shared] Sale ${PAGE}`,
        [],
      ],
      ['a page without a title', { attachments: [{ file_type: 'share', data_url: PAGE }] }, '', [PAGE]],
      [
        'what a voice message says',
        { attachments: [{ file_type: 'audio', data_url: PAGE, transcribed_text: 'Call me' }] },
        '[audio] Call me',
        [PAGE],
      ],
      ['a photo that is gone', { attachments: [{ file_type: 'image', data_url: '' }] }, '[photo]', []],
      [
        'the subject of an email',
        { content: 'Where is it?', content_attributes: { email: { subject: 'My order', cc: [] } } },
        '[subject] My order\nWhere is it?',
        [],
      ],
      [
        'an email of which no text was made',
        {
          content_attributes: {
            email: {
              subject: 'My order',
              html_content: { full: 'Where is it?\n> Hello', reply: 'Where is it?' },
            },
          },
        },
        '[subject] My order\nWhere is it?',
        [],
      ],
      ['a story', { content: 'Nice', content_attributes: { story_url: PAGE } }, `Nice\n[story] ${PAGE}`, []],
      ['what cannot be shown', { content_attributes: { is_unsupported: true } }, '[unsupported]', []],
    ])('%s', (_name, fields, text, attachments) => {
      const read = message(chatwoot, given({ content: null, ...fields }));
      expect(read).toMatchObject({ text, attachments });
    });
  });

  describe('whose sender was deleted', () => {
    const meta = { sender: { id: 14, name: 'Jane Doe', email: 'jane@example.com' } };
    it('is the conversation’s contact’s', () => {
      const read = message(chatwoot, given({ sender: null, conversation: { id: 7, meta } }));
      expect(read).toMatchObject({
        contact: '14',
        firstName: 'Jane',
        email: 'jane@example.com',
        replyTo: '7',
      });
    });

    it('and its contact too, is the conversation’s own, which is no contact’s number', () => {
      for (const sender of [null, undefined, {}]) {
        const read = message(chatwoot, given({ sender, conversation: { id: 7 } }));
        expect(read).toMatchObject({ contact: 'conversation:7', replyTo: '7' });
      }
    });
  });

  it.each([
    ['a call', { content_type: 'voice_call', content: 'Voice Call' }, 'a call, in which nothing is written'],
    ['what its sender deleted', { content_attributes: { deleted: true } }, 'deleted by whoever wrote it'],
    ['a notice', { message_type: 'activity', content: 'Jane joined' }, 'not written by a contact'],
    ['a notice, in numbers', { message_type: 2 }, 'not written by a contact'],
    ['a template', { message_type: 'template' }, 'not written by a contact'],
  ])('is ignored: %s', (_name, fields, why) => {
    expect(parsed(chatwoot, given(fields))).toEqual({ kind: 'ignored', why });
  });

  it('brings attachments as links, and says that there was one where there is no link', () => {
    const attachments = [
      { id: 1, file_type: 'image', data_url: 'https://chat.example.com/rails/active_storage/a.png' },
      { id: 2, file_type: 'location', coordinates_lat: 1, data_url: null },
    ];
    expect(message(chatwoot, given({ content: null, attachments }))).toMatchObject({
      text: '[location] latitude 1',
      attachments: ['https://chat.example.com/rails/active_storage/a.png'],
    });
    expect(message(chatwoot, given({ content: null, attachments: attachments.slice(0, 1) }))?.text).toBe('');
  });

  it.each<[string, object, string]>([
    ['our own delivery, and what agents write', { message_type: 'outgoing' }, 'not written by a contact'],
    ['the same by its number', { message_type: 1 }, 'not written by a contact'],
    [
      'an outgoing one without a sender',
      { message_type: 'outgoing', sender: null },
      'not written by a contact',
    ],
    ['activity', { message_type: 'activity' }, 'not written by a contact'],
    ['a template', { message_type: 'template' }, 'not written by a contact'],
    ['written by an agent all the same', { sender: { id: 1, type: 'user' } }, 'not written by a contact'],
    ['a private note', { private: true }, 'a private note'],
    ['an update', { event: 'message_updated' }, NO_MESSAGE],
    ['an update of a form nobody has filled in', { ...FORM, content_attributes: { items: [] } }, NO_MESSAGE],
    [
      'a rating',
      { ...FORM, content_attributes: { submitted_values: { csat_survey_response: { rating: 4 } } } },
      NO_MESSAGE,
    ],
    ['a conversation', { event: 'conversation_created' }, NO_MESSAGE],
    ['an answer in another account', { ...FORM, account: { id: 2 } }, 'of another account'],
    ['another account', { account: { id: 2 } }, 'of another account'],
    ['blank', { content: ' ' }, 'neither text nor attachment'],
  ])('is ignored: %s', (_name, fields, why) => {
    expect(parsed(chatwoot, given(fields))).toEqual({ kind: 'ignored', why });
  });

  it('is the answer of its contact, where a form or options that an agent or bot sent are answered', () => {
    expect(message(chatwoot, given(FORM))).toEqual({
      id: expect.stringMatching(/^118:[0-9a-f]{8}$/),
      contact: '14',
      type: 'text',
      text: 'Email: jane@example.com\nselect: Pasta',
      attachments: [],
      firstName: 'little-haze-776',
      replyTo: '10',
    });
    const chosen = (submitted: object) =>
      message(chatwoot, given({ ...FORM, content_attributes: submitted }))?.text;
    expect(chosen({ submitted_values: [{ title: 'Option1', value: 'Option 1' }] })).toBe('Option1');
    expect(chosen({ submitted_email: 'jane@example.com' })).toBe('jane@example.com');
  });

  it('is one message however often the update comes, and another one where the answer is', () => {
    const idOf = (fields: object) => message(chatwoot, given({ ...FORM, ...fields }))?.id;
    expect(idOf({ status: 'read' })).toBe(idOf({}));
    const values = { submitted_values: [{ name: 'email', value: 'another@example.com' }] };
    expect(idOf({ content_attributes: values })).not.toBe(idOf({}));
  });

  describe('about a message that we sent', () => {
    const updated = (fields: object, last: object = {}) =>
      parsed(chatwoot, {
        ...DOCUMENTED,
        event: 'message_updated',
        message_type: 'outgoing',
        id: 118,
        content_attributes: {},
        conversation: { ...DOCUMENTED.conversation, messages: [last] },
        ...fields,
      });
    const of = (stage: string, words = stage) => ({
      kind: 'receipts',
      receipts: [{ externalId: '118', stage, words }],
    });
    const NO_NEWS = { kind: 'ignored', why: 'neither a new message nor an answer to a form' };

    it.each(['sent', 'delivered', 'read'])(
      'says that it is %s, itself or with the conversation',
      (status) => {
        expect(updated({ status })).toEqual(of(status));
        expect(updated({}, { id: 118, status, message_type: 1 })).toEqual(of(status));
        expect(updated({ message_type: 1 }, { id: 118, status })).toEqual(of(status));
      },
    );

    it('says why it failed, also where another message came after it', () => {
      const why = { content_attributes: { external_error: '131026: +15551234567 is not on WhatsApp' } };
      const words = 'failed: 131026: (number) is not on WhatsApp';
      expect(updated({ status: 'failed', ...why })).toEqual(of('failed', words));
      expect(updated(why, { id: 119, status: 'sent' })).toEqual(of('failed', words));
    });

    it.each<[string, object, object]>([
      ['how far it has come', {}, { id: 119, status: 'read' }],
      ['anything that we know', { status: 'progress' }, {}],
      ['its id', { id: null, status: 'read' }, {}],
      ['that we sent it', { message_type: 'incoming', status: 'read' }, {}],
    ])('is ignored where it does not say %s', (_, fields, last) => {
      expect(updated(fields, last)).toEqual(NO_NEWS);
    });

    it('is ignored where it is of another account', () => {
      const why = 'of another account';
      expect(updated({ status: 'read', account: { id: 77 } })).toEqual({ kind: 'ignored', why });
    });
  });

  it('of another inbox is ignored, where inboxes are named', () => {
    const some = adapterOf({ ...SETTINGS, inboxIds: [2, 3] });
    const why = 'of an inbox that is not in inboxIds';
    expect(parsed(some, DOCUMENTED)).toEqual({ kind: 'ignored', why });
    expect(parsed(some, given({ inbox: null }))).toEqual({ kind: 'ignored', why });
    expect(parsed(some, given({ inbox: { id: 3 } })).kind).toBe('messages');
  });

  it.each<[string, unknown, string]>([
    ['no JSON', '', 'the body is not a JSON object in UTF-8'],
    ['no event', given({ event: undefined }), 'event is not text: this is no webhook of Chatwoot'],
    [
      'no id and no sender',
      given({ id: null, sender: 1 }),
      'not a message as Chatwoot describes it: id, sender',
    ],
    ['no type', given({ message_type: null }), 'not a message as Chatwoot describes it: message_type'],
    ['content that is none', given({ content: [] }), 'not a message as Chatwoot describes it: content'],
    ['no conversation', given({ conversation: {} }), 'conversation.id is missing'],
  ])('is not understood, in a sentence without a value: %s', (_name, payload, fault) => {
    expect(parsed(chatwoot, payload)).toEqual({ kind: 'fault', fault });
  });

  it('never makes the parser throw or hang', () => {
    const attachments = [{ data_url: 'https://a.example/1' }, {}];
    expectSound(chatwoot, fuzzed(given(FORM), 5));
    const kinds = expectSound(chatwoot, fuzzed(given({ attachments }), 3));
    expect(kinds.messages).toBeGreaterThan(50);
    expect(kinds.fault).toBeGreaterThan(50);
  });

  it('is proved by its signature over time and body, every bit of it', () => {
    // Chatwoot publishes no example. `openssl dgst -sha256 -hmac chatwoot-webhook-secret` of `1795348800.` and the body.
    const signature = 'sha256=0642e569582752c743b8084463b7c92fb1ca562f320e01baebc05b8bdbefb5ad';
    const body = '{"event":"message_created","id":118,"content":"hi","message_type":"incoming"}';
    const headers = { 'x-chatwoot-signature': signature, 'x-chatwoot-timestamp': '1795348800' };
    expectBitsToCount(chatwoot, 'chatwoot-webhook-secret', { headers, body, now: NOW });
  });

  it('may be proved otherwise by an installation that does not sign', () => {
    expect(adapterOf({ ...SETTINGS, verifiers: [{ type: 'token' }] }).verifiers).toEqual([
      { type: 'token', header: 'x-webhook-token', query: 'token', prefix: '' },
    ]);
  });
});

describe('a delivery to Chatwoot', () => {
  it('is an outgoing message in the conversation', () => {
    expect(chatwoot.requests(forDelivery({ contact: '14', replyTo: '10' }), 'the-token')).toEqual([
      {
        method: 'POST',
        url: 'https://chat.example.com/api/v1/accounts/1/conversations/10/messages',
        headers: { 'content-type': 'application/json', api_access_token: 'the-token' },
        body: '{"content":"Hello","message_type":"outgoing","private":false}',
      },
    ]);
  });

  it('has nowhere to go to where the contact has not written', () => {
    expect(chatwoot.requests(forDelivery({ contact: '14' }), 'the-token')).toEqual([]);
  });

  it('stays at the messages of the account, whatever the conversation is called', () => {
    const [request] = chatwoot.requests(forDelivery({ replyTo: '../../agents?x' }), 'the-token');
    expect(request?.url).toBe(
      'https://chat.example.com/api/v1/accounts/1/conversations/..%2F..%2Fagents%3Fx/messages',
    );
  });

  it.each(['.', '..'])('goes nowhere where the conversation would be a step in the path: %s', (replyTo) => {
    expect(chatwoot.requests(forDelivery({ replyTo }), 'the-token')).toEqual([]);
  });

  it('holds no placeholder that Chatwoot would fill in, and reads the same', () => {
    const text = 'Dear {{{contact.name}}, {%raw%} {% if x %} {a} %}}}';
    const attachments = ['https://a.example/{{agent.email}}'];
    const [{ content }] = bodies(chatwoot, { replyTo: '10', text, attachments }) as [{ content: string }];
    expect(content).not.toMatch(/\{[{%]/);
    expect(content.replaceAll('\u200b', '')).toBe(`${text}\n${attachments[0]}`);
    expect(bodies(chatwoot, { replyTo: '10', text: '{a} }} 50%}' })).toMatchObject([
      { content: '{a} }} 50%}' },
    ]);
  });

  it('goes in parts of at most maxLength, links below the text', () => {
    const adapter = adapterOf({ ...SETTINGS, maxLength: 100 });
    const fields = { replyTo: '10', text: 'x'.repeat(100), attachments: ['https://a.example/1'] };
    expect(bodies(adapter, fields).map(({ content }) => content)).toEqual([
      'x'.repeat(100),
      'https://a.example/1',
    ]);
  });

  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    [
      'created',
      reply(200, { id: 121, content: 'Hello', message_type: 1 }),
      { kind: 'delivered', externalId: '121' },
    ],
    [
      '200 of somebody else',
      reply(200, '<html>Sign in</html>'),
      { kind: 'unknown', detail: 'a success, but not an answer of Chatwoot' },
    ],
    [
      'a wrong token',
      reply(401, { errors: ['You need to sign in or sign up before continuing.'] }),
      { kind: 'not_applied', detail: 'HTTP 401' },
    ],
    [
      'no such conversation',
      reply(404, { error: 'Resource could not be found' }),
      { kind: 'refused', detail: 'HTTP 404: Resource could not be found' },
    ],
    [
      'not valid',
      reply(422, { message: 'Message type is not included' }),
      { kind: 'refused', detail: 'HTTP 422: Message type is not included' },
    ],
    [
      'too long, with the longest that it takes',
      reply(422, { message: 'Content is too long (maximum is 150000 characters)' }),
      {
        kind: 'too_long',
        detail: 'HTTP 422: Content is too long (maximum is 150000 characters)',
        maxLength: 150_000,
      },
    ],
    [
      'too many in this conversation for a minute',
      reply(422, { message: 'Validation failed: Too many messages' }),
      {
        kind: 'not_applied',
        detail: 'HTTP 422: Validation failed: Too many messages',
        retryAfterMs: 60_000,
        whoWaits: 'place',
      },
    ],
  ])('is judged by its answer: %s', (_name, answer, delivery) => {
    expect(chatwoot.judge(answer, NOW)).toEqual(delivery);
  });
});

describe('a sample of a webhook of Chatwoot', () => {
  it('is what the parser reads', () => {
    const adapter = adapterOf({ ...SETTINGS, accountId: 7, inboxIds: [5] });
    const sample = adapter.sample({ id: 'test-1', contact: '14', text: 'Hello' }, NOW);
    expect(message(adapter, sample)).toMatchObject({
      id: 'test-1',
      contact: '14',
      text: 'Hello',
      // No conversation has this number: the answer to a test reaches no customer.
      replyTo: '0',
    });
  });
});
