import { describe, expect, it } from 'vitest';
import {
  adapterOf,
  bodies,
  expectBitsToCount,
  expectSound,
  fuzzed,
  message,
  NOW,
  parsed,
} from './support.ts';

const telegram = adapterOf({ adapter: 'telegram' });
const inGroups = adapterOf({ adapter: 'telegram', groups: true });

/** As published at https://core.telegram.org/bots/webhooks#testing-your-bot-with-updates, where the chat has no type. */
const DOCUMENTED = {
  update_id: 10000,
  message: {
    date: 1441645532,
    chat: { last_name: 'Test Lastname', id: 1111111, first_name: 'Test', username: 'Test' },
    message_id: 1365,
    from: { last_name: 'Test Lastname', id: 1111111, first_name: 'Test', username: 'Test' },
    text: '/start',
  },
};
const CHAT = { ...DOCUMENTED.message.chat, type: 'private' };
const JANE = { id: 1111111, is_bot: false, first_name: 'Jane', last_name: 'Smith' };
const update = (fields: object) => ({
  update_id: 10001,
  message: { message_id: 1366, date: 1441645532, chat: CHAT, from: JANE, ...fields },
});
const PERSON = { contact: '1111111', firstName: 'Jane', lastName: 'Smith' };

describe('an update of Telegram', () => {
  it('is a message of the chat’s person, under the id of the update', () => {
    const expected = {
      id: '10000',
      contact: '1111111',
      type: 'text',
      text: '/start',
      attachments: [],
      firstName: 'Test',
      lastName: 'Test Lastname',
    };
    expect(message(telegram, DOCUMENTED)).toEqual(expected);
    const typed = { ...DOCUMENTED, message: { ...DOCUMENTED.message, chat: CHAT } };
    expect(message(telegram, typed)).toEqual(expected);
  });

  it('may have the largest ids Telegram gives, and no last name', () => {
    const id = 2 ** 52 - 1;
    const from = { id, is_bot: false, first_name: '👩‍🚀' };
    expect(message(telegram, update({ chat: { id, type: 'private' }, from, text: 'Hi' }))).toEqual({
      id: '10001',
      contact: '4503599627370495',
      type: 'text',
      text: 'Hi',
      attachments: [],
      firstName: '👩‍🚀',
    });
  });

  it.each<[string, object, string]>([
    ['a photo', { photo: [{ file_id: 'AgAD' }] }, '[photo]'],
    ['a photo with a caption', { photo: [], caption: 'My cat' }, '[photo] My cat'],
    ['a voice', { voice: { file_id: 'x', duration: 5 } }, '[voice]'],
    ['a document', { document: { file_id: 'x', file_name: 'a.pdf' } }, '[document] a.pdf'],
    ['an animation, which is a document too', { document: {}, animation: {} }, '[animation]'],
    ['a video note', { video_note: {} }, '[video note]'],
    ['a sticker', { sticker: { emoji: '😀' } }, '[sticker] 😀'],
    ['audio', { audio: {}, caption: 'song' }, '[audio] song'],
    ['a video', { video: {} }, '[video]'],
    [
      'a location',
      { location: { latitude: 52.379189, longitude: -4.5 } },
      '[location] https://www.google.com/maps/search/?api=1&query=52.379189%2C-4.5',
    ],
    [
      'a venue, which is a location too',
      {
        location: { latitude: 1, longitude: 2 },
        venue: { location: { latitude: 1, longitude: 2 }, title: 'Centraal', address: 'Stationsplein' },
      },
      '[location] Centraal, Stationsplein https://www.google.com/maps/search/?api=1&query=1%2C2',
    ],
    [
      'a contact',
      { contact: { phone_number: '+31201234567', first_name: 'Jan' } },
      '[contact] Jan +31201234567',
    ],
    ['a poll', { poll: { id: '1', question: 'Friday?', options: [] } }, '[poll] Friday?'],
    ['dice', { dice: { emoji: '🎲', value: 6 } }, '[dice] 🎲 6'],
  ])('tells what came where the file itself cannot be linked: %s', (_name, fields, text) => {
    expect(message(telegram, update(fields))).toEqual({
      id: '10001',
      type: 'text',
      text,
      attachments: [],
      ...PERSON,
    });
  });

  it('holds a reaction: what was added', () => {
    const emoji = (text: string) => ({ type: 'emoji', emoji: text });
    const reaction = (old_reaction: object[], new_reaction: object[], more = {}) => ({
      update_id: 10002,
      message_reaction: {
        chat: CHAT,
        message_id: 1,
        user: JANE,
        date: 1,
        old_reaction,
        new_reaction,
        ...more,
      },
    });
    const expected = { id: '10002', type: 'reaction', attachments: [], ...PERSON };
    expect(message(telegram, reaction([], [emoji('👍')]))).toEqual({ ...expected, text: '👍' });
    expect(message(telegram, reaction([emoji('👍')], [emoji('👍'), emoji('🔥')]))?.text).toBe('🔥');
    const special = [{ type: 'custom_emoji', custom_emoji_id: '1' }, { type: 'paid' }];
    expect(message(telegram, reaction([], special))?.text).toBe('[custom reaction] [paid reaction]');
    expect(parsed(telegram, reaction([emoji('👍')], []))).toEqual({
      kind: 'ignored',
      why: 'a reaction taken back',
    });
    const bot = { user: { ...JANE, is_bot: true } };
    expect(parsed(telegram, reaction([], [emoji('👍')], bot))).toEqual({
      kind: 'ignored',
      why: 'written by a bot',
    });
  });

  describe('tells what stands beside its text:', () => {
    const LINK = 'https://shop.example.com/p/881';
    const link = (offset: number, length: number, url: string = LINK) => ({
      type: 'text_link',
      offset,
      length,
      url,
    });
    const user = { type: 'user', date: 1, sender_user: { id: 7, first_name: 'Ria', last_name: 'Day' } };
    const post = {
      type: 'channel',
      date: 1,
      chat: { id: -1, title: 'Shoes', username: 'shoes' },
      message_id: 9,
    };
    it.each<[string, object, string]>([
      [
        'the address of a word, counted in UTF-16 units',
        { text: '👟👟 this one?', entities: [link(5, 8)] },
        `👟👟 this one (${LINK})?`,
      ],
      [
        'of two words, given in any order',
        { text: 'a or b', entities: [link(5, 1, 'https://b.example'), link(0, 1, 'https://a.example')] },
        'a (https://a.example) or b (https://b.example)',
      ],
      ['an address that is its own words, once', { text: LINK, entities: [link(0, 30)] }, LINK],
      [
        'one that is no link of a reader',
        { text: 'me', entities: [link(0, 2, 'tg://user?id=7')] },
        'me (tg://user?id=7)',
      ],
      [
        'one beyond the text',
        { text: 'Hi', entities: [link(5, 8), { ...link(0, 0), offset: 'x' }] },
        `Hi\n${LINK}\n${LINK}`,
      ],
      ['none of bold text', { text: 'Hi', entities: [{ type: 'bold', offset: 0, length: 2 }] }, 'Hi'],
      [
        'the address of a word of a caption',
        { video: {}, caption: 'this one?', caption_entities: [link(0, 8)] },
        `[video] this one (${LINK})?`,
      ],
      ['who wrote it first', { text: 'Hi', forward_origin: user }, '[forwarded] from Ria Day\nHi'],
      [
        'whose post it was, and where',
        { photo: [], forward_origin: post },
        '[forwarded] from Shoes https://t.me/shoes/9\n[photo]',
      ],
      [
        'who wrote it first and hides it',
        { text: 'Hi', forward_origin: { type: 'hidden_user', sender_user_name: 'R.' } },
        '[forwarded] from R.\nHi',
      ],
      ['the same from an older server', { text: 'Hi', forward_sender_name: 'R.' }, '[forwarded] from R.\nHi'],
      [
        'the part that it quotes',
        {
          text: 'Yes',
          quote: { text: 'size 40', position: 4 },
          reply_to_message: { message_id: 3, text: 'In size 40 or 41?', from: { first_name: 'Ria' } },
        },
        'Yes\n[quoted] from Ria: size 40',
      ],
      [
        'the message that it answers',
        {
          text: 'Yes',
          reply_to_message: { message_id: 3, photo: [], caption: 'This?', from: { first_name: 'Ria' } },
        },
        'Yes\n[quoted] from Ria: [photo] This?',
      ],
      [
        'the post that it comments on',
        {
          text: 'Yes',
          reply_to_message: {
            message_id: 3,
            from: { id: 777000, first_name: 'Telegram' },
            sender_chat: { id: -1, title: 'Shoes' },
            is_automatic_forward: true,
            text: 'Sale',
          },
        },
        'Yes\n[quoted] from Shoes: Sale',
      ],
      [
        'the beginning of a long one',
        { text: 'Yes', reply_to_message: { message_id: 3, text: 'x'.repeat(501) } },
        `Yes\n[quoted] ${'x'.repeat(500)}…`,
      ],
      [
        'what it answers in another chat',
        { text: 'Yes', external_reply: { origin: post, video: {} } },
        'Yes\n[quoted] from Shoes https://t.me/shoes/9: [video]',
      ],
      [
        'nothing of the opening of its topic',
        { text: 'Yes', reply_to_message: { message_id: 3, forum_topic_created: { name: 'Sizes' } } },
        'Yes',
      ],
      [
        'an address that only its preview has',
        { text: 'Hi', link_preview_options: { url: LINK } },
        `Hi\n[link] ${LINK}`,
      ],
      [
        'the addresses of buttons',
        {
          text: 'Hi',
          reply_markup: {
            inline_keyboard: [
              [
                { text: 'Buy', url: LINK },
                { text: 'x', callback_data: 'y' },
              ],
            ],
          },
        },
        `Hi\n[button] Buy (${LINK})`,
      ],
      [
        'a card with all that leads to the person',
        {
          contact: {
            phone_number: '+31201234567',
            first_name: 'Jan',
            last_name: 'Day',
            vcard:
              'BEGIN:VCARD\r\nTEL;MOBILE:+31201234567\r\nEMAIL:jan@example.com\r\nORG:Shoes;Sales\r\nEND:VCARD',
          },
        },
        '[contact] Jan Day +31201234567 jan@example.com Shoes Sales',
      ],
      [
        'the answers of a poll',
        { poll: { question: 'Friday?', options: [{ text: 'yes' }, { text: 'no' }], description: 'at 8' } },
        '[poll] Friday? (yes / no) at 8',
      ],
      ['a song', { audio: { title: 'Blue', performer: 'Joni', file_name: 'b.mp3' } }, '[audio] Blue Joni'],
      ['a game', { game: { title: 'Chess', description: 'Play', photo: [] } }, '[game] Chess Play'],
      ['a live photo, which is a photo too', { live_photo: {}, photo: [] }, '[photo]'],
      ['paid media', { paid_media: { star_count: 1, paid_media: [] }, caption: 'look' }, '[paid media] look'],
      [
        'a formatted message',
        {
          rich_message: {
            blocks: [
              { type: 'heading', text: 'Sizes', size: 1 },
              {
                type: 'list',
                items: [
                  {
                    label: '1.',
                    blocks: [{ type: 'paragraph', text: ['for ', { type: 'bold', text: 'you' }] }],
                  },
                ],
              },
              { type: 'paragraph', text: { type: 'url', text: 'all of them', url: LINK } },
            ],
          },
        },
        `Sizes\n1.\nfor you\nall of them (${LINK})`,
      ],
    ])('%s', (_name, fields, text) => {
      expect(message(telegram, update(fields))?.text).toBe(text);
    });
  });

  it.each<[string, object]>([
    [
      'a post of a linked channel, which Telegram forwards',
      {
        from: { id: 777000, is_bot: false, first_name: 'Telegram' },
        sender_chat: { id: -1009000002, type: 'channel', title: 'News' },
        is_automatic_forward: true,
      },
    ],
    [
      'the same, where only its sender says so',
      { from: { id: 777000, is_bot: false, first_name: 'Telegram' } },
    ],
    ['a post in the name of a channel', { sender_chat: { id: -1, type: 'channel' } }],
    ['an anonymous administrator that has no mark', { from: { id: 1087968824, first_name: 'Group' } }],
    ['a post in the name of the group', { sender_chat: { id: -1001, type: 'supergroup' } }],
  ])('that no person wrote is ignored: %s', (_name, fields) => {
    const chat = { id: -1001, type: 'supergroup', title: 'Buyers' };
    expect(parsed(inGroups, update({ chat, text: 'Sale', ...fields }))).toEqual({
      kind: 'ignored',
      why: 'in the name of a channel or group: no person wrote it',
    });
  });

  it.each([
    'left_chat_member',
    'new_chat_title',
    'new_chat_photo',
    'delete_chat_photo',
    'group_chat_created',
    'message_auto_delete_timer_changed',
    'migrate_to_chat_id',
    'migrate_from_chat_id',
    'pinned_message',
    'successful_payment',
    'users_shared',
    'chat_shared',
    'gift',
    'write_access_allowed',
    'proximity_alert_triggered',
    'boost_added',
    'chat_background_set',
    'checklist_tasks_done',
    'forum_topic_created',
    'forum_topic_edited',
    'forum_topic_closed',
    'forum_topic_reopened',
    'general_forum_topic_hidden',
    'giveaway_created',
    'video_chat_scheduled',
    'video_chat_started',
    'video_chat_ended',
    'video_chat_participants_invited',
    'web_app_data',
  ])('that tells of %s is a service message, and nobody’s words', (name) => {
    const chat = { id: -1001, type: 'supergroup', is_forum: true };
    const given = update({ chat, message_thread_id: 5, is_topic_message: true, [name]: { any: 'thing' } });
    expect(parsed(inGroups, given)).toEqual({ kind: 'ignored', why: 'a service message of the chat' });
  });

  it('of a kind that is not known here is kept aside, not lost', () => {
    expect(parsed(telegram, update({ hologram: { file_id: 'x' } }))).toEqual({
      kind: 'fault',
      fault: 'a message of a kind that is not known here',
    });
  });

  describe('is answered in the place where it stands:', () => {
    const forum = { id: -1009000001, type: 'supergroup', title: 'Buyers', is_forum: true };
    const group = { id: -1001, type: 'supergroup', title: 'Us' };
    const direct = { id: -1002, type: 'supergroup', is_direct_messages: true };
    const answered = (adapter: typeof telegram, fields: object) => {
      const read = message(adapter, update({ text: 'Which size?', ...fields }));
      return bodies(adapter, { contact: read?.contact, replyTo: read?.replyTo, text: 'All' } as never)[0];
    };
    it('a topic of a forum', () => {
      const fields = { chat: forum, message_thread_id: 42, is_topic_message: true };
      expect(answered(inGroups, fields)).toEqual({
        chat_id: -1009000001,
        message_thread_id: 42,
        text: 'All',
      });
    });

    it('the general topic, which has no number', () => {
      const named = { message_thread_id: 1, is_topic_message: true };
      for (const fields of [{}, named]) {
        const sent = answered(inGroups, { chat: forum, ...fields });
        expect(sent).toEqual({ chat_id: -1009000001, text: 'All' });
      }
      expect(answered(telegram, named)).toMatchObject({ message_thread_id: 1 });
    });

    it('a topic of a private chat', () => {
      const fields = { message_thread_id: 42, is_topic_message: true };
      expect(answered(telegram, fields)).toEqual({ chat_id: 1111111, message_thread_id: 42, text: 'All' });
      expect(message(telegram, update({ text: 'Hi', message_thread_id: 7 }))).not.toHaveProperty('replyTo');
    });

    it('the thread below a post, in a group that has no topics', () => {
      expect(answered(inGroups, { chat: group, message_thread_id: 500 })).toEqual({
        chat_id: -1001,
        reply_parameters: { message_id: 500, allow_sending_without_reply: true },
        text: 'All',
      });
    });

    it('the conversation of a channel’s direct messages, though groups are not relayed', () => {
      const fields = { chat: direct, direct_messages_topic: { topic_id: 77 } };
      expect(answered(telegram, fields)).toEqual({
        chat_id: -1002,
        direct_messages_topic_id: 77,
        text: 'All',
      });
    });

    it('the chat of a business account, whose own words are not relayed', () => {
      const given = (from: object) => ({
        update_id: 1,
        business_message: {
          message_id: 1,
          business_connection_id: 'bc-1',
          chat: CHAT,
          from,
          date: 1,
          text: 'Hi',
        },
      });
      const read = message(telegram, given(JANE));
      expect(read).toMatchObject({ contact: '1111111:business=bc-1', text: 'Hi' });
      expect(bodies(telegram, { contact: read?.contact ?? '', text: 'All' })[0]).toEqual({
        chat_id: 1111111,
        business_connection_id: 'bc-1',
        text: 'All',
      });
      expect(parsed(telegram, given({ ...JANE, id: 5 }))).toEqual({
        kind: 'ignored',
        why: 'written by the business itself',
      });
    });

    it('not moved by a reaction, which names no topic', () => {
      const message_reaction = {
        chat: forum,
        message_id: 1,
        user: JANE,
        date: 1,
        old_reaction: [],
        new_reaction: [{ type: 'emoji', emoji: '👍' }],
      };
      const read = message(inGroups, { update_id: 3, message_reaction });
      expect(read).toMatchObject({ contact: '-1009000001:1111111', type: 'reaction' });
      expect(read).not.toHaveProperty('replyTo');
    });
  });

  it('from a group is relayed only where the settings say so, each person of it as a contact', () => {
    for (const type of ['group', 'supergroup']) {
      const given = update({ chat: { id: -1001234567890, type, title: 'Us' }, text: 'Hi' });
      expect(parsed(telegram, given)).toEqual({
        kind: 'ignored',
        why: 'from a group, and groups are not relayed',
      });
      expect(message(inGroups, given)).toEqual({
        id: '10001',
        type: 'text',
        text: 'Hi',
        attachments: [],
        contact: '-1001234567890:1111111',
        replyTo: '-1001234567890',
        firstName: 'Jane',
        lastName: 'Smith',
      });
    }
  });

  it.each<[string, object, string]>([
    ['by a bot, ours too', update({ from: { ...JANE, is_bot: true }, text: 'Hi' }), 'written by a bot'],
    [
      'by the anonymous administrator of a group',
      update({ chat: { id: -1, type: 'group' }, from: { id: 1087968824, is_bot: true }, text: 'Hi' }),
      'in the name of a channel or group: no person wrote it',
    ],
    [
      'by nobody in a group',
      update({ chat: { id: -1, type: 'group' }, from: undefined, text: 'Hi' }),
      'from a group, by nobody in particular',
    ],
    [
      'in a channel',
      update({ chat: { id: -1, type: 'channel' }, text: 'Hi' }),
      'not from a chat with people',
    ],
    ['an edit', { update_id: 1, edited_message: DOCUMENTED.message }, 'an edit of a message'],
    [
      'a button of a message',
      { update_id: 1, callback_query: { id: '1' } },
      'an update that is neither a message nor a reaction',
    ],
    ['nothing', { update_id: 1 }, 'an update that is neither a message nor a reaction'],
    ['a service message', update({ new_chat_members: [JANE] }), 'a service message of the chat'],
  ])('is ignored: %s', (_name, given, why) => {
    expect(parsed(inGroups, given)).toEqual({ kind: 'ignored', why });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'hello', 'the body is not a JSON object in UTF-8'],
    ['no update', { message: DOCUMENTED.message }, 'update_id is not an id: this is no update'],
    [
      'a message without a chat',
      { update_id: 1, message: { text: 'x' } },
      'message is not a message as Telegram describes it',
    ],
    [
      'a message whose text is none',
      update({ text: { secret: 1 } }),
      'message is not a message as Telegram describes it',
    ],
    [
      'a reaction without its list',
      { update_id: 1, message_reaction: { chat: CHAT, user: JANE } },
      'message_reaction is not a reaction as Telegram describes it',
    ],
  ])('is not understood, in a sentence without a value: %s', (_name, given, fault) => {
    expect(parsed(telegram, given)).toEqual({ kind: 'fault', fault });
  });

  it('never makes the parser throw or hang', () => {
    const reaction = {
      update_id: 1,
      message_reaction: {
        chat: CHAT,
        user: JANE,
        old_reaction: [],
        new_reaction: [{ type: 'emoji', emoji: '👍' }],
      },
    };
    const venue = { location: { latitude: 1, longitude: 2 }, title: 'x' };
    const entities = [{ type: 'text_link', offset: 0, length: 1, url: 'https://a.example' }];
    const rich = {
      blocks: [{ type: 'paragraph', text: ['a', { type: 'url', text: 'b', url: 'https://b.example' }] }],
    };
    const beside = update({
      text: 'Hi',
      entities,
      forward_origin: { type: 'user', sender_user: JANE },
      reply_to_message: { text: 'x', entities, from: JANE },
      external_reply: { origin: { type: 'hidden_user', sender_user_name: 'R' } },
      quote: { text: 'y' },
      link_preview_options: { url: 'https://c.example' },
      reply_markup: { inline_keyboard: [[{ text: 'b', url: 'https://d.example' }]] },
      message_thread_id: 5,
      is_topic_message: true,
    });
    const others = [
      update({ photo: [], caption: 'c', caption_entities: entities }),
      update({ venue }),
      update({ rich_message: rich }),
      update({ contact: { first_name: 'J', vcard: 'TEL:1\nEMAIL:x' } }),
      update({ poll: { question: 'q', options: [{ text: 'a' }] } }),
    ];
    for (const given of [DOCUMENTED, reaction, beside, ...others]) {
      expect(expectSound(inGroups, fuzzed(given, 2)).fault).toBeGreaterThan(50);
    }
  });

  it('is proved by the secret token of setWebhook, every bit of it', () => {
    const secret = 'Secret_Token-1';
    const headers = { 'x-telegram-bot-api-secret-token': secret };
    expectBitsToCount(telegram, secret, { headers, body: JSON.stringify(DOCUMENTED), now: NOW });
  });

  it('is accepted with an empty 200: what stands in the answer, Telegram would take for a call', () => {
    expect(telegram.accepted).toEqual({ status: 200, body: '' });
  });
});

describe('a sample of an update', () => {
  it('is what the parser reads', () => {
    const sample = telegram.sample({ id: '42', contact: '1111111', text: 'Hello' }, NOW);
    expect(JSON.parse(sample)).toMatchObject({
      update_id: 42,
      message: { date: 1_795_348_800, chat: { id: 1111111 } },
    });
    expect(message(telegram, sample)).toMatchObject({ id: '42', contact: '1111111', text: 'Hello' });
    const other = telegram.sample({ id: 'test-1', contact: 'visitor', text: 'Hello' }, NOW);
    expect(message(telegram, other)).toMatchObject({ id: 'test-1', contact: 'visitor' });
  });
});
