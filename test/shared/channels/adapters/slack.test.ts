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

const slack = adapterOf({ adapter: 'slack' });

/** As published at https://docs.slack.dev/reference/events/message.channels, in the envelope of every event. */
const MESSAGE = {
  type: 'message',
  channel: 'C024BE91L',
  user: 'U2147483697',
  text: 'Live long and prospect.',
  ts: '1355517523.000005',
  event_ts: '1355517523.000005',
  channel_type: 'channel',
};
const envelope = (event: object) => ({
  token: 'XXYYZZ',
  team_id: 'T123ABC456',
  api_app_id: 'A123ABC456',
  event,
  type: 'event_callback',
  authorizations: [
    { team_id: 'T123ABC456', user_id: 'U123ABC456', is_bot: true, is_enterprise_install: false },
  ],
  event_id: 'Ev123ABC456',
  event_time: 1355517523,
});
const given = (fields: object) => envelope({ ...MESSAGE, ...fields });

/** As published at https://docs.slack.dev/reference/events/reaction_added. */
const REACTION = {
  type: 'reaction_added',
  user: 'U123ABC456X',
  reaction: 'thumbsup',
  item_user: 'U222222222',
  item: { type: 'message', channel: 'C123ABC456', ts: '1360782400.498405' },
  event_ts: '1360782804.083113',
};

describe('an event of Slack', () => {
  it('is a message of a person in a channel, under the name that the message has there', () => {
    expect(message(slack, envelope(MESSAGE))).toEqual({
      id: 'C024BE91L:1355517523.000005',
      contact: 'C024BE91L:U2147483697',
      type: 'text',
      text: 'Live long and prospect.',
      attachments: [],
      replyTo: 'C024BE91L',
    });
  });

  it('is the same message in each repetition, and in each event about it', () => {
    const again = { ...envelope(MESSAGE), event_id: 'Ev999', event_time: 1355517600 };
    expect(message(slack, again)).toEqual(message(slack, envelope(MESSAGE)));
  });

  it.each([
    ['follow', 'C024BE91L', 'C024BE91L:1355510000.000001'],
    ['always', 'C024BE91L:1355517523.000005', 'C024BE91L:1355510000.000001'],
    ['never', 'C024BE91L', 'C024BE91L'],
  ])('is answered in channel or thread as the settings say: %s', (threads, outside, inside) => {
    const adapter = adapterOf({ adapter: 'slack', threads });
    expect(message(adapter, given({}))?.replyTo).toBe(outside);
    expect(message(adapter, given({ thread_ts: '1355510000.000001' }))?.replyTo).toBe(inside);
  });

  it('brings files as links that Slack opens for who may see them, never those that need the token', () => {
    // https://docs.slack.dev/reference/events/message/file_share
    const files = [
      {
        id: 'F0RDC39U1',
        name: 'ghostrap.png',
        url_private: 'https://files.slack.com/files-pri/T061EG9R6-F0RDC39U1/ghostrap.png',
        permalink: 'https://episod-slackform.slack.com/files/U061F7AUR/F0RDC39U1/ghostrap.png',
      },
    ];
    const share = { subtype: 'file_share', text: 'We got one!', files, bot_id: null };
    expect(message(slack, given(share))).toMatchObject({
      text: 'We got one!',
      attachments: ['https://episod-slackform.slack.com/files/U061F7AUR/F0RDC39U1/ghostrap.png'],
    });
    const hidden = { ...share, text: '', files: [{ id: 'F1', file_access: 'check_file_info' }] };
    expect(message(slack, given(hidden))).toMatchObject({ text: '[file]', attachments: [] });
  });

  it.each([
    ['Fish &amp; chips &lt;3 &gt; &amp;lt;', 'Fish & chips <3 > &lt;'],
    ['Hi <@U012AB3CD> and <@U012AB3CE|jane>', 'Hi @U012AB3CD and @jane'],
    ['in <#C024BE7LR> or <#C024BE7LS|general>', 'in #C024BE7LR or #general'],
    ['<!here> <!channel> <!subteam^SAZ94GDB8|@team>', '@here @channel @team'],
    ['<!date^1392734382^{date}|Feb 18, 2014>', 'Feb 18, 2014'],
    ['see <https://example.com/?a=1&amp;b=2>', 'see https://example.com/?a=1&b=2'],
    ['see <https://example.com|our page>', 'see our page (https://example.com)'],
    ['see <https://example.com|example.com>', 'see https://example.com'],
    [
      '<mailto:bob@example.com|bob@example.com> <tel:+31201234567|call me>',
      'bob@example.com call me (+31201234567)',
    ],
    ['a <b and *bold* :smile:', 'a <b and *bold* :smile:'],
  ])('is made readable: %s', (text, readable) => {
    expect(message(slack, given({ text }))?.text).toBe(readable);
  });

  describe('tells what stands beside its text:', () => {
    const LINK = 'https://shop.example.com/p/881';
    const ARCHIVE = 'https://x.slack.com/archives/C2/p1';
    it.each<[string, object, string]>([
      [
        'a message that was forwarded, with words of one’s own',
        {
          text: 'See',
          attachments: [{ is_share: true, author_name: 'Ria', text: `<${LINK}|this>`, from_url: ARCHIVE }],
        },
        `See\n[forwarded] from Ria: this (${LINK}) ${ARCHIVE}`,
      ],
      [
        'one that its link brings along, the link once',
        {
          text: `<${ARCHIVE}>`,
          attachments: [{ is_msg_unfurl: true, author_name: 'Ria', text: 'Hi', from_url: ARCHIVE }],
        },
        `${ARCHIVE}\n[forwarded] from Ria: Hi`,
      ],
      [
        'one that has blocks alone',
        {
          text: '',
          attachments: [
            {
              is_share: true,
              message_blocks: [
                {
                  message: { blocks: [{ type: 'section', text: { type: 'mrkdwn', text: 'Hi &amp; bye' } }] },
                },
              ],
            },
          ],
        },
        '[forwarded] Hi & bye',
      ],
      [
        'no preview of a link that the text has',
        { text: `<${LINK}>`, attachments: [{ from_url: LINK, title: 'Shoes' }] },
        LINK,
      ],
      [
        'whatever else is attached',
        {
          text: 'See',
          attachments: [{ title: 'Shoes', title_link: LINK, fields: [{ title: 'Size', value: '40' }] }],
        },
        `See\n[shared] Shoes\nSize\n40 (${LINK})`,
      ],
      [
        'a table, which no text repeats',
        {
          text: 'See',
          blocks: [
            {
              type: 'table',
              rows: [
                [
                  { type: 'raw_text', text: 'Size' },
                  { type: 'raw_text', text: '40' },
                ],
              ],
            },
          ],
        },
        'See\nSize\n40',
      ],
      [
        'formatted text, where there is no other',
        {
          text: '',
          blocks: [
            {
              type: 'rich_text',
              elements: [
                {
                  type: 'rich_text_section',
                  elements: [
                    { type: 'user', user_id: 'U1' },
                    { type: 'text', text: ' see ' },
                    { type: 'link', url: LINK, text: 'this' },
                    { type: 'emoji', name: 'smile' },
                  ],
                },
                {
                  type: 'rich_text_list',
                  elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'one' }] }],
                },
              ],
            },
          ],
        },
        `@U1 see this (${LINK}):smile:\none`,
      ],
      [
        'formatted text once, where the text has it',
        {
          text: 'Hi',
          blocks: [
            {
              type: 'rich_text',
              elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'Hi' }] }],
            },
          ],
        },
        'Hi',
      ],
      [
        'what a reply to the whole channel answers',
        { subtype: 'thread_broadcast', text: 'Yes', thread_ts: '1.1', root: { text: 'In <#C1|shoes>?' } },
        'Yes\n[quoted] In #shoes?',
      ],
      [
        'a file that was deleted, by its kind',
        { text: '', files: [{ mimetype: 'video/mp4', name: 'a.mp4' }] },
        '[video] a.mp4',
      ],
      [
        'a link that only its blocks have',
        {
          text: 'See this',
          blocks: [
            {
              type: 'rich_text',
              elements: [
                {
                  type: 'rich_text_section',
                  elements: [
                    { type: 'text', text: 'See ' },
                    { type: 'link', url: LINK, text: 'this' },
                  ],
                },
              ],
            },
          ],
        },
        `See this\nSee this (${LINK})`,
      ],
      ['the address of a date', { text: `<!date^1392734382^{date}^${LINK}|Feb 18>` }, `Feb 18 (${LINK})`],
    ])('%s', (_name, fields, text) => {
      expect(message(slack, given(fields))?.text).toBe(text);
    });

    it('the files of a message that was forwarded', () => {
      const files = [{ permalink: 'https://x.slack.com/files/1' }];
      const read = message(slack, given({ text: '', attachments: [{ is_share: true, text: 'Hi', files }] }));
      expect(read).toMatchObject({ text: '[forwarded] Hi', attachments: ['https://x.slack.com/files/1'] });
    });
  });

  it.each([undefined, null])('that names no person is the channel’s own: %s', (user) => {
    const read = message(slack, given({ user }));
    expect(read).toMatchObject({ contact: 'C024BE91L', replyTo: 'C024BE91L' });
    expect(bodies(slack, { contact: 'C024BE91L' })).toEqual([{ channel: 'C024BE91L', text: 'Hello' }]);
  });

  it('holds a reaction, under the id of the event', () => {
    expect(message(slack, envelope(REACTION))).toEqual({
      id: 'Ev123ABC456',
      contact: 'C123ABC456:U123ABC456X',
      type: 'reaction',
      text: ':thumbsup:',
      attachments: [],
    });
  });

  it('answers the question whether the address is ours, and nothing else', () => {
    // https://docs.slack.dev/reference/events/url_verification
    const challenge = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';
    expect(parsed(slack, { token: 'Jhj5dZrVaK7ZwHHjRyZWjbDl', challenge, type: 'url_verification' })).toEqual(
      {
        kind: 'reply',
        contentType: 'text/plain',
        body: challenge,
      },
    );
    for (const other of [undefined, '', {}, 'x'.repeat(1_001)]) {
      expect(parsed(slack, { challenge: other, type: 'url_verification' })).toEqual({
        kind: 'fault',
        fault: 'url_verification comes without a challenge',
      });
    }
  });

  it.each<[string, object, string]>([
    ['what an app wrote, ours too', given({ bot_id: 'B123' }), 'written by an app'],
    [
      'what an old integration wrote',
      given({ subtype: 'bot_message', user: undefined }),
      'written by an app',
    ],
    ['what our own user wrote', given({ user: 'U123ABC456' }), 'written by an app'],
    ['what Slackbot wrote', given({ user: 'USLACKBOT' }), 'written by an app'],
    ['our own reaction', envelope({ ...REACTION, user: 'U123ABC456' }), 'written by an app'],
    ['an edit', given({ subtype: 'message_changed' }), 'an edit, a deletion or a notice'],
    ['a deletion', given({ subtype: 'message_deleted' }), 'an edit, a deletion or a notice'],
    ['somebody who joins', given({ subtype: 'channel_join' }), 'an edit, a deletion or a notice'],
    ['nothing but an unfurled link', given({ text: '' }), 'neither text nor file'],
    [
      'a reaction to a file',
      envelope({ ...REACTION, item: { type: 'file', file: 'F1' } }),
      'a reaction to what is not a message',
    ],
    [
      'a reaction taken back',
      envelope({ ...REACTION, type: 'reaction_removed' }),
      'an event that is neither a message nor a reaction',
    ],
    [
      'a mention, which is a message too',
      given({ type: 'app_mention' }),
      'an event that is neither a message nor a reaction',
    ],
    ['events held back', { type: 'app_rate_limited' }, 'Slack says that it holds events back'],
    ['a button', { type: 'block_actions' }, 'not an event'],
  ])('is ignored: %s', (_name, payload, why) => {
    expect(parsed(slack, payload)).toEqual({ kind: 'ignored', why });
  });

  it.each<[string, unknown, string]>([
    ['no JSON', 'payload=%7B%7D', 'the body is not a JSON object in UTF-8'],
    ['no type', { event: MESSAGE }, 'type is not text: this is no event of Slack'],
    ['no event', { ...envelope(MESSAGE), event: 'x' }, 'not an event as Slack describes it'],
    ['no time', given({ ts: 1.5 }), 'not a message as Slack describes it: ts'],
    [
      'a reaction without a name',
      envelope({ ...REACTION, reaction: '' }),
      'not a reaction as Slack describes it',
    ],
  ])('is not understood, in a sentence without a value: %s', (_name, payload, fault) => {
    expect(parsed(slack, payload)).toEqual({ kind: 'fault', fault });
  });

  it('never makes the parser throw or hang', () => {
    const files = [{ permalink: 'https://a.example/1' }, {}];
    const challenge = { type: 'url_verification', challenge: 'abc' };
    const text = '<https://a.example|a> &amp; <@U1>';
    const attachments = [
      { is_share: true, author_name: 'R', text: 'x', from_url: 'https://b.example', files },
    ];
    const blocks = [
      {
        type: 'rich_text',
        elements: [{ type: 'rich_text_section', elements: [{ type: 'link', url: 'https://c.example' }] }],
      },
    ];
    const beside = given({ text: '', attachments, blocks, root: { text } });
    for (const payload of [given({ files, text, thread_ts: '1.2' }), beside, envelope(REACTION), challenge]) {
      expect(expectSound(slack, fuzzed(payload, 4)).fault).toBeGreaterThan(20);
    }
  });

  const SECRET = '8f742231b10e8888abcd99yyyzzz85a5';
  it('is proved by its signature over version, time and body: the example of Slack’s documentation', () => {
    // https://docs.slack.dev/authentication/verifying-requests-from-slack
    const body =
      'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c';
    const headers = {
      'x-slack-signature': 'v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503',
      'x-slack-request-timestamp': '1531420618',
    };
    expectBitsToCount(slack, SECRET, { headers, body, now: 1_531_420_618_000 });
    expect(slack.verifiers).toMatchObject([{ toleranceSeconds: 300 }]);
  });
});

describe('a delivery to Slack', () => {
  const [first] = slack.requests(forDelivery({ contact: 'C1:U1', replyTo: 'C1' }), 'xoxb-token');
  it('is a call of chat.postMessage', () => {
    expect(first).toEqual({
      method: 'POST',
      url: 'https://slack.com/api/chat.postMessage',
      headers: { 'content-type': 'application/json; charset=utf-8', authorization: 'Bearer xoxb-token' },
      body: '{"channel":"C1","text":"Hello"}',
    });
  });

  it('goes into the thread of its message, else into the channel of the contact', () => {
    const fields = { contact: 'C1:U1', replyTo: 'C1:1355510000.000001' };
    expect(bodies(slack, fields)).toEqual([{ channel: 'C1', text: 'Hello', thread_ts: '1355510000.000001' }]);
    expect(bodies(slack, { contact: 'C1:U1' })).toEqual([{ channel: 'C1', text: 'Hello' }]);
    expect(bodies(slack, { contact: 'U1' })).toEqual([{ channel: 'U1', text: 'Hello' }]);
  });

  it('escapes what Slack would take for its own, and no more', () => {
    const text = 'Fish & chips <!channel> <3 "quoted" &amp;';
    expect(bodies(slack, { text })[0].text).toBe(
      'Fish &amp; chips &lt;!channel&gt; &lt;3 "quoted" &amp;amp;',
    );
  });

  it('goes in parts of at most 4000 as a person counts, so that escapes never reach 40000', () => {
    const parts = bodies(slack, { text: '&'.repeat(4_001), attachments: ['https://a.example/?a=1&b=2'] });
    expect(parts.map(({ text }) => text)).toEqual([
      '&amp;'.repeat(4_000),
      '&amp;\nhttps://a.example/?a=1&amp;b=2',
    ]);
  });

  const no = (error: string, headers = {}) => reply(200, { ok: false, error }, headers);
  const refused = (error: string): [string, Reply, Delivery] => [
    error,
    no(error),
    { kind: 'refused', detail: `Slack says ${error}` },
  ];
  const waits = (error: string): [string, Reply, Delivery] => [
    error,
    no(error),
    { kind: 'not_applied', detail: `Slack says ${error}` },
  ];
  const unknown = (error: string): [string, Reply, Delivery] => [
    error,
    no(error),
    { kind: 'unknown', detail: `Slack says ${error}` },
  ];
  it.each<[string, Reply, Delivery]>([
    ...common('channel'),
    [
      'posted',
      reply(200, { ok: true, channel: 'C1', ts: '1503435956.000247', message: { text: 'Hello' } }),
      { kind: 'delivered', externalId: '1503435956.000247' },
    ],
    [
      '200 of somebody else',
      reply(200, 'ok'),
      { kind: 'unknown', detail: 'HTTP 200, but not an answer of Slack' },
    ],
    [
      'an error that is no word',
      no('a sentence with a value'),
      { kind: 'unknown', detail: 'HTTP 200, but not an answer of Slack' },
    ],
    [
      'too many, in words',
      no('ratelimited', { 'retry-after': '30' }),
      { kind: 'not_applied', detail: 'Slack says ratelimited', retryAfterMs: 30_000, whoWaits: 'channel' },
    ],
    ...[
      'rate_limited',
      'message_limit_exceeded',
      'not_authed',
      'invalid_auth',
      'account_inactive',
      'token_expired',
      'token_revoked',
      'not_allowed_token_type',
      'missing_scope',
      'no_permission',
      'access_denied',
      'accesslimited',
      'ekm_access_denied',
      'org_login_required',
      'team_access_not_granted',
      'team_added_to_org',
      'two_factor_setup_required',
      'request_timeout',
    ].map(waits),
    ...[
      'channel_not_found',
      'not_in_channel',
      'is_archived',
      'is_inactive',
      'user_not_found',
      'cannot_dm_bot',
      'messages_tab_disabled',
      'no_text',
      'restricted_action',
      'restricted_action_read_only_channel',
      'restricted_action_thread_only_channel',
      'restricted_action_non_threadable_channel',
      'restricted_action_thread_locked',
      'thread_not_found',
      'invalid_thread_ts',
      'message_not_found',
      'channel_type_not_supported',
      'user_is_bot',
      'too_many_attachments',
      'cannot_reply_to_message',
      'invalid_arguments',
      'invalid_arg_name',
      'posting_to_general_channel_denied',
    ].map(refused),
    ['msg_too_long', no('msg_too_long'), { kind: 'too_long', detail: 'Slack says msg_too_long' }],
    ...['fatal_error', 'internal_error', 'service_unavailable', 'an_error_of_next_year'].map(unknown),
  ])('is judged by its answer: %s', (_name, answer, delivery) => {
    expect(slack.judge(answer, NOW)).toEqual(delivery);
  });
});

describe('a sample of an event', () => {
  it('is what the parser reads', () => {
    const sample = slack.sample({ id: 'Ev1', contact: 'C1:U1', text: 'Hello' }, NOW);
    expect(message(slack, sample)).toMatchObject({
      id: 'C1:1795348800.000000',
      contact: 'C1:U1',
      text: 'Hello',
      replyTo: 'C1',
    });
    const later = slack.sample({ id: 'Ev2', contact: 'C1:U1', text: 'Hello' }, NOW + 1);
    expect(message(slack, later)?.id).toBe('C1:1795348800.001000');
    expect(message(slack, slack.sample({ id: 'Ev1', contact: 'D1', text: 'x' }, NOW))?.contact).toBe('D1:D1');
  });
});
