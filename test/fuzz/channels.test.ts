import { generateKeyPairSync, sign } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { createChannelWebhookHandler } from '../../functions/channel-webhook/handler.ts';
import { createMemoryMessages } from '../../proof/memory-messages.ts';
import { channelsAtFirstUse } from '../../shared/channels/channels.ts';
import { productionMessagePolicy } from '../../shared/channels/decide.ts';
import { DIRECTIONS, type Direction, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { relayMessage } from '../../shared/channels/relay.ts';
import { channelsSchema } from '../../shared/channels/settings.ts';
import { createTargets } from '../../shared/channels/target.ts';
import type { Verifier } from '../../shared/incoming/verifier-settings.ts';
import { signRequest } from '../../shared/incoming/verifiers.ts';
import { createLogger } from '../../shared/logger.ts';
import { holds } from '../support/fuzz.ts';
import { hostileHeaders, hostileText, mutated, written } from '../support/hostile.ts';
import { aReply, useReplies } from '../support/replies.ts';

const NOW = 1_767_605_400_123;
const SECRET = 'channel-secret-canary-5c1e';
const CONTACT = 'jane.roe-canary@example.com';
const FILE = 'https://files.example.com/a.pdf';
const keys = generateKeyPairSync('ed25519');
const AT = '/entry/0/changes/0/value/messages/0';

const replies = useReplies();

/** A channel of each adapter, what its chat system writes, and what it answers to a message. */
const VENDORS = {
  telegram: {
    settings: { groups: true },
    says: [
      {
        update_id: 6,
        message: {
          message_id: 11,
          date: 1,
          chat: { id: 5001, type: 'supergroup' },
          from: { id: 5001, is_bot: false, first_name: 'Jane' },
          text: 'Is this one in stock?',
          entities: [{ type: 'text_link', offset: 3, length: 8, url: FILE }],
          reply_to_message: { message_id: 10, from: { first_name: 'Joe' }, text: 'Hello' },
        },
      },
      {
        update_id: 7,
        message_reaction: {
          chat: { id: 5001, type: 'private' },
          message_id: 11,
          user: { id: 5001, is_bot: false, first_name: 'Jane' },
          old_reaction: [],
          new_reaction: [{ type: 'emoji', emoji: '👍' }],
        },
      },
    ],
    answers: [
      { ok: true, result: { message_id: 12 } },
      {
        ok: false,
        description: 'Too Many Requests',
        parameters: { retry_after: 3, migrate_to_chat_id: -100 },
      },
    ],
    names: [
      'photo',
      'caption',
      'poll',
      'contact',
      'venue',
      'rich_message',
      'message_thread_id',
      'edited_message',
    ],
  },
  slack: {
    settings: {},
    says: [
      {
        type: 'event_callback',
        event_id: 'Ev1',
        authorizations: [{ user_id: 'U9', is_bot: true }],
        event: {
          type: 'message',
          channel: 'C1',
          user: 'U1',
          text: `Is <${FILE}|this one> in stock?`,
          ts: '1.2',
          files: [{ id: 'F1', mimetype: 'image/png', permalink: FILE }],
        },
      },
      { type: 'url_verification', challenge: 'c' },
    ],
    answers: [
      { ok: true, ts: '1.3' },
      { ok: false, error: 'ratelimited' },
    ],
    names: ['blocks', 'attachments', 'subtype', 'thread_ts', 'bot_id', 'root', 'elements'],
  },
  chatwoot: {
    settings: { baseUrl: '', accountId: 1 },
    says: [
      {
        event: 'message_created',
        id: 7,
        content: 'Is it in stock?',
        message_type: 'incoming',
        sender: { id: 9, name: 'Jane Roe', email: CONTACT, type: 'contact' },
        conversation: { id: 3, messages: [{ id: 7, status: 'delivered' }] },
        account: { id: 1 },
        attachments: [{ id: 1, file_type: 'location', coordinates_lat: 48.2, coordinates_long: 16.37 }],
      },
      { event: 'message_updated', id: 8, message_type: 'outgoing', status: 'failed', account: { id: 1 } },
    ],
    answers: [{ id: 12 }, { error: 'Too many messages' }],
    names: ['content_attributes', 'submitted_values', 'external_error', 'private', 'inbox'],
  },
  gohighlevel: {
    settings: {
      locationId: 'location-1',
      provider: { reports: true },
      publicKey: keys.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    },
    says: [
      {
        contactId: 'contact-1',
        locationId: 'location-1',
        messageId: 'message-1',
        type: 'SMS',
        phone: '+15864603685',
        message: 'Is it in stock?',
        attachments: [FILE],
      },
    ],
    answers: [
      { messageId: 'm', conversationId: 'c' },
      { message: 'too long', error: 'Bad Request' },
    ],
    names: ['customData', 'status', 'event', 'workflow'],
  },
  twilio: {
    settings: {
      accountSid: `AC${'0'.repeat(32)}`,
      publicUrl: 'https://relay.example.com/in',
      sender: '+15550001',
    },
    says: [
      {
        MessageSid: 'SM1',
        From: '+15551234567',
        To: '+15550001',
        Body: 'Is it?',
        NumMedia: '1',
        MediaUrl0: FILE,
      },
      { MessageSid: 'SM2', MessageStatus: 'undelivered', ErrorCode: '30003' },
    ],
    answers: [
      { sid: 'SM3', num_segments: '2' },
      { code: 21617, message: 'exceeds the 1600 character limit' },
    ],
    names: ['Latitude', 'ProfileName', 'MediaContentType0', 'ButtonText', 'SmsStatus', 'AccountSid'],
  },
  respondio: {
    settings: { channelId: 'c', baseUrl: '' },
    says: [
      {
        channelId: 'c',
        contactId: '+31201234567',
        mId: 'm-1',
        events: [{ type: 'message', mId: 'm-1', message: { type: 'text', text: 'Is it in stock?' } }],
        message: { type: 'text', text: 'Is it in stock?' },
      },
    ],
    answers: [{}, { error: { message: `no ${CONTACT}` } }],
    names: ['attachment', 'quick_reply', 'replies', 'type'],
  },
  webhook: {
    settings: {
      incoming: {
        verifiers: [{ type: 'hmac', header: 'x-hub-signature-256', prefix: 'sha256=' }],
        id: `${AT}/id`,
        contact: `${AT}/from`,
        text: [`${AT}/text/body`, `${AT}/button/text`],
        attachments: `${AT}/files`,
        kind: `${AT}/type`,
        ignore: [{ at: `${AT}/echo`, equals: true }],
      },
      delivery: {
        url: '',
        headers: { authorization: 'Bearer {{token}}' },
        externalId: '/messages/0/id',
        answer: {
          waits: [{ at: '/error/code', equals: 130_429 }],
          waitSeconds: '/error/retry_after',
          replyTo: '/error/moved_to',
          maxLength: '/error/max_length',
          refused: [{ at: '/error/code', equals: 131_026 }],
        },
      },
    },
    says: [
      {
        entry: [
          {
            changes: [
              {
                value: {
                  messages: [
                    { id: 'wamid.1', from: '436641234567', type: 'text', text: { body: 'Is it in stock?' } },
                    { id: 'wamid.2', from: '436641234568', type: 'image', files: [FILE] },
                  ],
                },
              },
            ],
          },
        ],
      },
    ],
    answers: [
      { messages: [{ id: 'wamid.3' }] },
      { error: { code: 130_429, retry_after: 64.57, message: 'slow down' } },
      { error: { code: 131_026, moved_to: 'x', max_length: 160.5, message: 'too long' } },
    ],
    names: ['echo', 'button', 'location', 'contacts'],
  },
};
type Vendor = keyof typeof VENDORS;
const NAMES = Object.keys(VENDORS) as Vendor[];

const MAPPED = {
  id: '/message/id',
  contact: '/message/to',
  text: '/message/text',
  attachments: '/message/files',
};

/** As a configuration has it, with the addresses of the test's own server. */
function settingsOf(vendor: Vendor, url: string) {
  const { settings } = VENDORS[vendor];
  const filled = JSON.parse(
    JSON.stringify({
      ...settings,
      ...(['telegram', 'slack', 'gohighlevel', 'twilio'].includes(vendor) ? { apiUrl: url } : {}),
    }).replaceAll(/"(url|baseUrl)":""/g, `"$1":"${url}"`),
  );
  const hmac = { type: 'hmac', header: 'x-webhook-signature', prefix: 'sha256=' };
  return {
    adapter: vendor,
    toId: 'agency',
    outgoing: { verifiers: [hmac], ...MAPPED },
    send: { verifiers: [hmac] },
    ...filled,
  };
}

const SAID: Record<Exclude<Direction, 'incoming'>, unknown[]> = {
  outgoing: [{ message: { id: 'reply-1', to: CONTACT, text: 'Yes, it is.', files: [FILE] } }],
  send: [{ id: 'own-1', fromId: CONTACT, body: 'It is ready.', firstName: 'Jane', email: CONTACT }],
};

const aDelivery = fc
  .record({
    vendor: fc.constantFrom(...NAMES),
    direction: fc.constantFrom('incoming' as const, ...DIRECTIONS),
  })
  .chain(({ vendor, direction }) =>
    fc.record({
      vendor: fc.constant(vendor),
      direction: fc.constant(direction),
      body: written(
        direction === 'incoming'
          ? mutated(VENDORS[vendor].says, VENDORS[vendor].names)
          : mutated(SAID[direction], ['message', 'id', 'to', 'contact', 'text']),
      ),
      headers: hostileHeaders(['x-slack-signature', 'x-twilio-signature', 'x-webhook-token', 'cookie']),
      isForm: fc.boolean(),
      isProved: fc.constantFrom(true, true, true, true, false),
    }),
  );
type Delivery = typeof aDelivery extends fc.Arbitrary<infer Value> ? Value : never;

/** What the body proves its sender by. */
function proofOf(vendor: Vendor, direction: Direction, body: Buffer, [verifier]: Verifier[]) {
  if (vendor === 'gohighlevel' && direction === 'incoming')
    return { 'x-ghl-signature': sign(null, body, keys.privateKey).toString('base64') };
  return verifier === undefined ? {} : signRequest({ secret: SECRET, body, now: NOW, verifier });
}

/** The handler over what is kept in memory. */
async function aWebhook(vendor: Vendor, direction: Direction) {
  const messages = createMemoryMessages(() => NOW);
  const channels = channelsAtFirstUse(channelsSchema.parse({ support: settingsOf(vendor, replies.url()) }));
  const queued: string[] = [];
  const quarantine = new Map<string, string>();
  const receipts: unknown[] = [];
  const lines: string[] = [];
  const handler = createChannelWebhookHandler({
    channels,
    messages,
    receipts: {
      async note(channel, receipt) {
        receipts.push(receipt);
        const { externalId, stage, words } = receipt;
        expect(externalId.length).toBeLessThanOrEqual(255);
        expect(words.length).toBeLessThan(300);
        return { channel, externalId, said: { [stage]: { at: NOW, words } } };
      },
      read: async () => undefined,
    },
    secrets: {
      get: async () => ({ channels: { [`support/${direction}`]: [SECRET] } }),
      reread: async () => 'kept',
      doubt: () => {},
    },
    quarantine: {
      async keep({ body, reason, headers }, tell) {
        for (const value of Object.values(headers)) expect(value).not.toContain(SECRET);
        expect(reason).toMatch(/^[^\p{C}]{5,400}$/u);
        quarantine.set(body.toString('base64'), reason);
        tell?.('id');
        return 'id';
      },
    },
    capture: { take: async () => false },
    secretUses: { saw: async () => {} },
    refusals: { answered: async () => {} },
    queue: { send: async (message) => void queued.push(messageIdOf(message)) },
    logger: createLogger((line) => lines.push(line), { now: () => NOW }),
    now: () => NOW,
  });
  const channel = await channels.open('support');
  if (channel === undefined) throw new Error('There is such a channel.');
  const verifiers = { incoming: channel.adapter.verifiers, outgoing: channel.settings.outgoing.verifiers };
  return {
    ...{ handler, messages, queued, quarantine, receipts, lines, channel },
    verifiers: verifiers[direction === 'incoming' ? 'incoming' : 'outgoing'],
  };
}

async function receive({ vendor, direction, body, headers, isForm, isProved }: Delivery) {
  const webhook = await aWebhook(vendor, direction);
  const asForm = isForm && vendor === 'twilio' && direction === 'incoming';
  const bytes = asForm ? formOf(body) : body;
  const own: Record<string, string> = {
    ...(asForm ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    ...(isProved ? proofOf(vendor, direction, bytes, webhook.verifiers) : {}),
  };
  const event = {
    rawPath: `/channels/support/${direction}`,
    headers: { ...headers, ...own },
    body: bytes.toString('base64'),
    isBase64Encoded: true,
  };
  const { statusCode: status = 0, body: said = '' } = await webhook.handler(event);
  return { ...webhook, bytes, status, said, event };
}

function formOf(body: Buffer): Buffer {
  try {
    const fields = Object.entries(JSON.parse(body.toString())).map(([name, value]) => [name, String(value)]);
    return Buffer.from(new URLSearchParams(Object.fromEntries(fields)).toString());
  } catch {
    return body;
  }
}

describe('whatever a chat system, the platform or an own system sends', () => {
  holds(
    'is answered; what was verified is queued, kept aside, noted, or passed over for a reason',
    aDelivery,
    async (delivery) => {
      const { status, bytes, queued, quarantine, receipts, lines, messages, channel, handler, event } =
        await receive(delivery);
      const answered = lines
        .map((line) => JSON.parse(line))
        .find(({ message }) => message === 'channel answered');
      const { word } = answered;
      expect([200, 202, 204, channel.adapter.accepted.status, 400, 401, 409, 413]).toContain(status);
      const isOnce = Object.keys(event.headers).every(
        (name, _, all) => all.filter((other) => other.toLowerCase() === name.toLowerCase()).length === 1,
      );
      if (delivery.isProved && isOnce && bytes.length < 65_536) expect(word).not.toBe('unauthorized');
      if (!delivery.isProved) expect([401, 413]).toContain(status);
      const { items } = await messages.list('2026-01-05');
      // The one word that is told is what happened.
      expect([
        'queued',
        'quarantined',
        'receipt',
        'ignored',
        'replied',
        'unauthorized',
        'too_large',
        'id_reused',
      ]).toContain(word);
      expect(items.length > 0).toBe(word === 'queued' || (word === 'id_reused' && queued.length > 0));
      if (word === 'quarantined' || word === 'id_reused')
        expect([...quarantine.keys()]).toEqual([bytes.toString('base64')]);
      if (word === 'receipt') expect(receipts.length).toBeGreaterThan(0);
      if (word === 'ignored') expect(answered.reason).toMatch(/^[\w ,.:'-]{5,}$/);
      if (status >= 400) expect([word, status]).toEqual([expect.anything(), expect.any(Number)]);
      expect(queued.toSorted()).toEqual(items.toSorted());
      for (const id of items) {
        const row = await messages.read(id);
        expect(row?.status).toBe('queued');
        expect(Buffer.byteLength(JSON.stringify(row))).toBeLessThan(380_000);
      }
      for (const line of lines) {
        expect(line).not.toContain(CONTACT);
        expect(line).not.toContain(SECRET);
      }
      // The same again is no other message, but where nothing of it names it.
      await handler(event);
      const again = await messages.list('2026-01-05');
      const ids = await Promise.all(items.map(async (id) => (await messages.read(id))?.content.id));
      if (!ids.some((id) => DRAWN.test(id ?? ''))) expect(again.items.toSorted()).toEqual(items.toSorted());
    },
    { runs: 250 },
  );
});

/** What names a message of which nothing else does. */
const DRAWN = /^[0-9a-f]{8}-[0-9a-f]{4}-4/;
const TOKEN = 'token-canary-9f2c';

describe('whatever a chat system answers to a message', () => {
  holds(
    'the message ends, or waits and can be read again, and nobody who waits for it waits for ever',
    fc.constantFrom(...NAMES).chain((vendor) =>
      fc.record({
        vendor: fc.constant(vendor),
        answer: aReply(VENDORS[vendor].answers, ['retry_after', 'id', 'ts', 'error', 'code', 'description']),
        text: fc.oneof(hostileText, fc.constant('x'.repeat(5_000))),
        replyTo: fc.option(fc.oneof(hostileText, fc.constantFrom('5001:topic=7', '3', 'C1:1.2')), {
          nil: undefined,
        }),
        contact: fc.oneof(fc.constantFrom('5001', '+31201234567', 'a:constructor=b'), hostileText),
      }),
    ),
    async ({ vendor, answer, text, replyTo, contact }) => {
      replies.say(answer);
      const messages = createMemoryMessages(() => NOW);
      const channels = channelsAtFirstUse(
        channelsSchema.parse({ support: settingsOf(vendor, replies.url()) }),
      );
      if (replyTo !== undefined)
        await messages.rememberReplyTo({ channel: 'support', contact, replyTo, at: NOW });
      const content = {
        id: '1',
        contact,
        type: 'text' as const,
        text: text.toWellFormed(),
        attachments: [FILE],
      };
      const message = newMessage({ channel: 'support', direction: 'outgoing', content }, NOW);
      await messages.mark(message);
      const lines: string[] = [];
      const unused = async () => expect.unreachable('It goes to the chat.');
      const targets = createTargets({
        ...{ channels, messages, callMs: 5_000, onUnauthorized: () => {}, now: () => NOW },
        operations: { sendMessage: unused, receiveMessage: unused },
        link: async ({ externalId }) => expect(externalId.length).toBeLessThanOrEqual(255),
        waits: {
          until: async () => undefined,
          keep: async (_sender, _who, until) => expect(Number.isSafeInteger(until), String(until)).toBe(true),
        },
        secrets: {
          get: async () => ({ channelTokens: { support: TOKEN } }),
          reread: async () => 'kept',
          doubt: () => {},
        },
      });
      const logger = createLogger((line) => lines.push(line), { now: () => NOW });
      const left = await relayMessage(messageIdOf(message), NOW + 60_000, {
        ...{
          messages,
          targets,
          logger,
          policy: productionMessagePolicy,
          now: () => NOW,
          sleep: async () => {},
        },
      });
      const row = await messages.read(messageIdOf(message));
      if (left?.kind === 'ended') expect(row?.status).toBe(left.status);
      else expect(left?.ms).toBeLessThanOrEqual(productionMessagePolicy.giveUpMs);
      if (row?.status === 'delivered') expect(answer.status).toBeLessThan(300);
      expect(JSON.stringify(row?.history)).not.toContain(TOKEN);
      expect(Buffer.byteLength(JSON.stringify({ ...row, content: undefined }))).toBeLessThan(6_000);
      await messages.known('support', contact);
      for (const line of lines) expect(line).not.toMatch(new RegExp(`${TOKEN}|${CONTACT}`));
    },
    { runs: 120 },
  );
});
