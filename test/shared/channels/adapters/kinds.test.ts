import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { cpuMsOf } from '../../../support/cpu.ts';
import { adapterOf, message } from './support.ts';

const SHOP = 'https://shop.example.com/p/881';
const FILE = 'https://files.example.com/a.pdf';
const MAP = 'https://www.google.com/maps/search/?api=1&query=48.2%2C16.37';

const JANE = { id: 5001, is_bot: false, first_name: 'Jane' };
const telegramMessage = (fields: object) => ({
  update_id: 6,
  message: { message_id: 11, date: 1, chat: { id: 5001, type: 'private' }, from: JANE, ...fields },
});
const slackMessage = (fields: object) => ({
  type: 'event_callback',
  event_id: 'Ev1',
  event: { type: 'message', channel: 'C1', user: 'U1', text: '', ts: '1.2', ...fields },
});
const chatwootMessage = (fields: object) => ({
  event: 'message_created',
  id: 7,
  content: null,
  message_type: 'incoming',
  sender: { id: 9, name: 'Jane', type: 'contact' },
  conversation: { id: 3 },
  account: { id: 1 },
  ...fields,
});
const TWILIO = {
  adapter: 'twilio',
  accountSid: `AC${'0'.repeat(32)}`,
  publicUrl: 'https://relay.example.com/channels/sms/incoming',
};
/** https://www.twilio.com/docs/messaging/guides/webhook-request */
const twilioMessage = (fields: object) => ({
  MessageSid: 'SM1',
  From: 'whatsapp:+436641234567',
  To: 'whatsapp:+14155238886',
  Body: '',
  ...fields,
});
const respondioMessage = (message: object) => ({ channelId: 'c', contactId: '+31201234567', message });
/** https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages */
const whatsAppMessage = (fields: object) => ({
  entry: [{ changes: [{ value: { messages: [{ id: 'wamid.1', from: '436641234567', ...fields }] } }] }],
});

const goHighLevelMessage = (fields: object) => ({
  contactId: 'contact-1',
  locationId: 'location-1',
  messageId: 'message-1',
  type: 'SMS',
  ...fields,
});

const AT = '/entry/0/changes/0/value/messages/0';
const adapters = {
  Telegram: { adapter: adapterOf({ adapter: 'telegram' }), payload: telegramMessage },
  Slack: { adapter: adapterOf({ adapter: 'slack' }), payload: slackMessage },
  Chatwoot: {
    adapter: adapterOf({ adapter: 'chatwoot', baseUrl: 'https://chat.example.com', accountId: 1 }),
    payload: chatwootMessage,
  },
  GoHighLevel: {
    adapter: adapterOf({ adapter: 'gohighlevel', locationId: 'location-1', provider: {} }),
    payload: goHighLevelMessage,
  },
  Twilio: { adapter: adapterOf(TWILIO), payload: twilioMessage },
  'respond.io': {
    adapter: adapterOf({ adapter: 'respondio', channelId: 'c' }),
    payload: respondioMessage,
  },
  webhook: {
    adapter: adapterOf({
      adapter: 'webhook',
      incoming: {
        verifiers: [{ type: 'token' }],
        id: `${AT}/id`,
        contact: `${AT}/from`,
        text: [`${AT}/text/body`, `${AT}/button/text`, `${AT}/interactive/button_reply/title`],
        attachments: `${AT}/files`,
        kind: `${AT}/type`,
        beside: {
          photo: `${AT}/image`,
          document: `${AT}/document`,
          location: `${AT}/location`,
          contact: `${AT}/contacts`,
          poll: `${AT}/poll`,
          order: `${AT}/order`,
          forwarded: `${AT}/context/forwarded_from`,
          quoted: `${AT}/context/quoted`,
          shared: `${AT}/referral`,
          subject: `${AT}/subject`,
          link: `${AT}/preview`,
          story: `${AT}/story`,
          button: `${AT}/offered`,
          checklist: `${AT}/checklist`,
          game: `${AT}/game`,
          dice: `${AT}/dice`,
          invoice: `${AT}/invoice`,
          giveaway: `${AT}/giveaway`,
        },
      },
      delivery: { url: 'https://chat.example.com/messages' },
    }),
    payload: whatsAppMessage,
  },
};
type Vendor = keyof typeof adapters;

/** A message that holds the kind, by vendor; a word says why there is none. */
type Row = [kind: string, words: string[], Record<Vendor, object | string>];

const NONE = '—';
const TABLE: Row[] = [
  [
    'a link behind words',
    ['this one', SHOP],
    {
      Telegram: {
        text: 'Is this one in stock?',
        entities: [{ type: 'text_link', offset: 3, length: 8, url: SHOP }],
      },
      Slack: { text: `Is <${SHOP}|this one> in stock?` },
      Chatwoot: { content: `Is [this one](${SHOP}) in stock?` },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { text: { body: `Is this one in stock? ${SHOP}` } },
    },
  ],
  [
    'a link behind words of a caption',
    ['this one', SHOP],
    {
      Telegram: {
        photo: [{ file_id: 'x' }],
        caption: 'Is this one in stock?',
        caption_entities: [{ type: 'text_link', offset: 3, length: 8, url: SHOP }],
      },
      Slack: NONE,
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { image: { id: '1', caption: `Is this one in stock? ${SHOP}` } },
    },
  ],
  [
    'a file as a link',
    [FILE],
    {
      Telegram: NONE,
      Slack: { text: 'See', files: [{ id: 'F1', permalink: FILE }] },
      Chatwoot: { attachments: [{ id: 1, file_type: 'file', data_url: FILE }] },
      GoHighLevel: { message: 'See', attachments: [FILE] },
      Twilio: { NumMedia: '1', MediaUrl0: FILE, MediaContentType0: 'application/pdf' },
      'respond.io': { type: 'attachment', attachment: { type: 'file', url: FILE } },
      webhook: { files: [FILE] },
    },
  ],
  [
    'a photo without a link',
    ['[photo]', 'My cat'],
    {
      Telegram: { photo: [{ file_id: 'x' }], caption: 'My cat' },
      Slack: { text: 'My cat', files: [{ id: 'F1', mimetype: 'image/png' }] },
      Chatwoot: { content: 'My cat', attachments: [{ id: 1, file_type: 'image', data_url: '' }] },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': { type: 'attachment', attachment: { type: 'image', description: 'My cat' } },
      webhook: { type: 'image', image: { id: '1', sha256: 'x', caption: 'My cat' } },
    },
  ],
  [
    'another file without a link, with its name',
    ['a.pdf'],
    {
      Telegram: { document: { file_id: 'x', file_name: 'a.pdf' } },
      Slack: { files: [{ id: 'F1', name: 'a.pdf', file_access: 'check_file_info' }] },
      Chatwoot: { attachments: [{ id: 1, file_type: 'file', fallback_title: 'a.pdf' }] },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': { type: 'file', fileName: 'a.pdf' },
      webhook: { type: 'document', document: { id: '1', filename: 'a.pdf' } },
    },
  ],
  [
    'a location',
    ['[location]', 'Café', MAP],
    {
      Telegram: { venue: { title: 'Café', location: { latitude: 48.2, longitude: 16.37 } } },
      Slack: NONE,
      Chatwoot: {
        attachments: [
          { file_type: 'location', coordinates_lat: 48.2, coordinates_long: 16.37, fallback_title: 'Café' },
        ],
      },
      GoHighLevel: NONE,
      Twilio: { Latitude: '48.2', Longitude: '16.37', Label: 'Café' },
      'respond.io': { type: 'location', name: 'Café', latitude: 48.2, longitude: 16.37 },
      webhook: { location: { latitude: 48.2, longitude: 16.37, name: 'Café' } },
    },
  ],
  [
    'a contact card',
    ['[contact]', 'Jan', '+31201234567'],
    {
      Telegram: { contact: { first_name: 'Jan', phone_number: '+31201234567' } },
      Slack: NONE,
      Chatwoot: {
        attachments: [
          { file_type: 'contact', fallback_title: '+31201234567', meta: { firstName: 'Jan', lastName: '' } },
        ],
      },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: {
        contacts: [{ name: { formatted_name: 'Jan' }, phones: [{ phone: '+31201234567', type: 'WORK' }] }],
      },
    },
  ],
  [
    'a poll, with its answers',
    ['[poll]', 'Friday?', 'yes', 'no'],
    {
      Telegram: { poll: { question: 'Friday?', options: [{ text: 'yes' }, { text: 'no' }] } },
      Slack: NONE,
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { poll: { question: 'Friday?', options: ['yes', 'no'] } },
    },
  ],
  [
    'a checklist',
    ['[checklist]', 'Move', 'boxes'],
    {
      Telegram: { checklist: { title: 'Move', tasks: [{ id: 1, text: 'boxes' }] } },
      Slack: NONE,
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { checklist: { title: 'Move', tasks: ['boxes'] } },
    },
  ],
  [
    'an order, an invoice',
    ['881', '2'],
    {
      Telegram: { invoice: { title: '881', total_amount: 2, currency: 'EUR' } },
      Slack: NONE,
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { order: { product_items: [{ product_retailer_id: '881', quantity: 2 }] } },
    },
  ],
  [
    'dice, a game, a giveaway',
    ['[dice]', '6'],
    {
      Telegram: { dice: { emoji: '🎲', value: 6 } },
      Slack: NONE,
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { dice: { value: 6 } },
    },
  ],
  [
    'a message that was forwarded, and whose it was',
    ['[forwarded]', 'Ria', 'Which size?'],
    {
      Telegram: {
        text: 'Which size?',
        forward_origin: { type: 'user', sender_user: { id: 1, first_name: 'Ria' } },
      },
      Slack: { attachments: [{ is_share: true, author_name: 'Ria', text: 'Which size?' }] },
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { text: { body: 'Which size?' }, context: { forwarded_from: 'Ria' } },
    },
  ],
  [
    'the message that is answered',
    ['[quoted]', 'Which size?', 'Large'],
    {
      Telegram: {
        text: 'Large',
        reply_to_message: { message_id: 3, from: { first_name: 'Ria' }, text: 'Which size?' },
      },
      Slack: { subtype: 'thread_broadcast', text: 'Large', thread_ts: '1.1', root: { text: 'Which size?' } },
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { text: { body: 'Large' }, context: { quoted: 'Which size?' } },
    },
  ],
  [
    'a page that was shared',
    ['[shared]', 'Sale', SHOP],
    {
      Telegram: NONE,
      Slack: { attachments: [{ title: 'Sale', title_link: SHOP }] },
      Chatwoot: { attachments: [{ file_type: 'fallback', fallback_title: 'Sale', data_url: SHOP }] },
      GoHighLevel: NONE,
      Twilio: { Body: 'Hi', ReferralHeadline: 'Sale', ReferralSourceUrl: SHOP },
      'respond.io': NONE,
      webhook: { text: { body: 'Hi' }, referral: { headline: 'Sale', source_url: SHOP } },
    },
  ],
  [
    'a story',
    ['[story]', 'https://'],
    {
      Telegram: { story: { id: 8, chat: { id: -1, type: 'channel', username: 'shop' } } },
      Slack: NONE,
      Chatwoot: { content: 'Nice', content_attributes: { story_url: 'https://ig.example.com/s/8' } },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { story: 'https://ig.example.com/s/8' },
    },
  ],
  [
    'formatted text that has no plain one',
    ['Large', SHOP],
    {
      Telegram: {
        rich_message: {
          blocks: [
            { type: 'paragraph', text: ['Large, ', { type: 'url', text: ['this ', 'one'], url: SHOP }] },
          ],
        },
      },
      Slack: {
        blocks: [
          {
            type: 'rich_text',
            elements: [
              {
                type: 'rich_text_section',
                elements: [
                  { type: 'text', text: 'Large, ' },
                  { type: 'link', url: SHOP, text: 'this one' },
                ],
              },
            ],
          },
        ],
      },
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: NONE,
    },
  ],
  [
    'the address of a preview or button',
    [SHOP],
    {
      Telegram: {
        text: 'Large',
        link_preview_options: { url: SHOP },
        reply_markup: { inline_keyboard: [[{ text: 'Buy', url: `${SHOP}/buy` }]] },
      },
      Slack: { text: 'Large', blocks: [{ type: 'image', image_url: SHOP, alt_text: 'the shoe' }] },
      Chatwoot: NONE,
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { text: { body: 'Large' }, preview: SHOP },
    },
  ],
  [
    'the subject of an email',
    ['[subject]', 'My order', 'Where is it?'],
    {
      Telegram: NONE,
      Slack: NONE,
      Chatwoot: {
        content: 'Where is it?',
        content_type: 'incoming_email',
        content_attributes: { email: { subject: 'My order' } },
      },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': { type: 'email', subject: 'My order', text: 'Where is it?' },
      webhook: { text: { body: 'Where is it?' }, subject: 'My order' },
    },
  ],
  [
    'what the system itself cannot show',
    ['[unsupported]'],
    {
      Telegram: NONE,
      Slack: NONE,
      Chatwoot: { content_attributes: { is_unsupported: true } },
      GoHighLevel: NONE,
      Twilio: NONE,
      'respond.io': NONE,
      webhook: { type: 'unsupported', errors: [{ code: 131051 }] },
    },
  ],
];

const cells = TABLE.flatMap(([kind, words, row]) =>
  Object.entries(adapters).flatMap(([vendor, { adapter, payload }]) => {
    const fields = row[vendor as Vendor];
    return typeof fields === 'string' ? [] : [{ kind, vendor, words, given: payload(fields), adapter }];
  }),
);

describe('what stands beside the text', () => {
  it.each(cells)('is told in the same words by each system that sends it: $kind, $vendor', (cell) => {
    const read = message(cell.adapter, cell.given);
    const said = [read?.text, ...(read?.attachments ?? [])].join('\n');
    for (const word of cell.words) expect(said).toContain(word);
  });

  it('is a file where a system calls its kind by a word that every object knows', () => {
    const { adapter, payload } = adapters.Slack;
    const given = payload({ files: [{ id: 'F1', name: 'a.pdf', mimetype: 'constructor/x' }] });
    expect(message(adapter, given)?.text).toBe('[file] a.pdf');
  });

  /**
   * Every text of a payload replaced by a long one that is made to hold up a pattern. What takes time by the square of the
   * length takes seconds here; what does not, a few milliseconds.
   */
  it.each(Object.keys(adapters) as Vendor[])('is read in time, however long it is: %s', (vendor) => {
    const { adapter, payload } = adapters[vendor];
    const rows = TABLE.flatMap(([, , row]) =>
      typeof row[vendor] === 'string' ? [] : [payload(row[vendor])],
    );
    const length = 50_000;
    for (const unit of [
      '<',
      '<a|',
      '&',
      ' ',
      '\n',
      '{',
      '-',
      'a ',
      'TEL:',
      '1',
      '@',
      '(',
      '!date^',
      '\u0301',
    ]) {
      const text = unit.repeat(length / unit.length);
      for (const given of rows) {
        const long = JSON.stringify(given, (name, value) =>
          typeof value === 'string' &&
          !/^(type|event|id|ts|channel|channelId|contactId|user|message_type|locationId|messageId)$/.test(
            name,
          )
            ? text
            : value,
        );
        const ms = cpuMsOf(() => adapter.parse({ headers: {}, query: {}, body: Buffer.from(long) }));
        expect(ms, `${unit} in ${JSON.stringify(given)}`).toBeLessThan(500);
      }
    }
  });

  it('stands in the documentation as it is tried here', () => {
    const vendors = Object.keys(adapters) as Vendor[];
    const mark = (cell: object | string) => (typeof cell === 'string' ? cell : 'yes');
    const table = [
      `| a message may hold | ${vendors.join(' | ')} |`,
      `|---|${vendors.map(() => '---|').join('')}`,
      ...TABLE.map(
        ([kind, , row]) => `| ${kind} | ${vendors.map((vendor) => mark(row[vendor])).join(' | ')} |`,
      ),
    ].join('\n');
    const page = readFileSync(new URL('../../../../docs/channels.md', import.meta.url), 'utf8');
    expect(page).toContain(table);
  });
});
