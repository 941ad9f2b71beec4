import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { messageIdOf } from '../../shared/channels/message.ts';
import {
  type ChannelParties,
  OUTGOING,
  repliesTo,
  rowsOf,
  secretOf,
  tokenOf,
  useChannelParties,
} from '../support/channel-relay.ts';
import { eventually, type RunningRelay, useRelays } from '../support/relay-process.ts';

const { newFolder, start } = useRelays();
const newParties = useChannelParties();

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

interface Written {
  url: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

/** The answers of the vendors' documentation to a message that was taken. */
const TAKEN: [RegExp, object][] = [
  [/^\/telegram\/bot[^/]+\/sendMessage$/, { ok: true, result: { message_id: 501, date: 1, text: '' } }],
  [/^\/slack\/chat\.postMessage$/, { ok: true, channel: 'C024BE91L', ts: '1503435956.000247', message: {} }],
  [
    /^\/chatwoot\/api\/v1\/accounts\/1\/conversations\/7\/messages$/,
    { id: 601, content: '', message_type: 1 },
  ],
  [
    /^\/gohighlevel\/conversations\/messages\/inbound$/,
    { success: true, conversationId: 'ABC12h2F6uBrIkfXYazb', messageId: 't22c6DQcTDf3MjRhwf77', message: '' },
  ],
  [
    /^\/twilio\/2010-04-01\/Accounts\/AC0{32}\/Messages\.json$/,
    { sid: `SM${'5'.repeat(32)}`, status: 'queued', num_segments: '1', error_code: null },
  ],
  [/^\/respondio\/custom\/channel\/webhook\/$/, { success: true }],
];

/** Of a vendor that signs with a key of its own. */
const GO_HIGH_LEVEL = generateKeyPairSync('ed25519');
const ANOTHER = generateKeyPairSync('ed25519');

const ACCOUNT = `AC${'0'.repeat(32)}`;
/** As Twilio knows the relay; the tunnel from there is not what is tried here. */
const PUBLIC_URL = 'https://relay.example.com/channels/twilio/incoming';

/** A group of Telegram's that became a supergroup, which has another number. */
const [OLD_GROUP, NEW_GROUP] = [-4001, -1009000001];
const UPGRADED = {
  ok: false,
  error_code: 400,
  description: 'Bad Request: group chat was upgraded to a supergroup chat',
  parameters: { migrate_to_chat_id: NEW_GROUP },
};

/** https://www.twilio.com/docs/errors/21610 */
const UNSUBSCRIBED = {
  code: 21610,
  message: 'Attempt to send to unsubscribed recipient',
  more_info: 'https://www.twilio.com/docs/errors/21610',
  status: 400,
};

/** Forms as the object of their fields. */
const readBody = (body: string, type = '') =>
  type.startsWith('application/json') ? JSON.parse(body) : Object.fromEntries(new URLSearchParams(body));

/** The vendors on one port, each below a path of its own: all that they are asked is in the books. */
async function startVendors() {
  const books: Written[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { url = '', headers, method } = request;
    const [, answer] = TAKEN.find(([address]) => address.test(url) && method === 'POST') ?? [];
    const read = readBody(body, headers['content-type']);
    const isUpgraded = answer !== undefined && read.chat_id === OLD_GROUP;
    const isUnsubscribed = read.Body === 'You said: STOP';
    const taken = isUpgraded || isUnsubscribed ? undefined : answer;
    if (taken) books.push({ url, headers, body: read });
    response.writeHead(taken ? 200 : isUpgraded || isUnsubscribed ? 400 : 404, {
      'content-type': 'application/json',
    });
    response.end(
      JSON.stringify(
        taken ??
          (isUpgraded ? UPGRADED : isUnsubscribed ? UNSUBSCRIBED : { error: 'asked for something else' }),
      ),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    books,
    of: (vendor: string) => books.filter((one) => one.url.startsWith(`/${vendor}/`)),
    server,
  };
}

let vendors: Awaited<ReturnType<typeof startVendors>>;
let parties: ChannelParties;
let relay: RunningRelay;
beforeAll(async () => {
  vendors = await startVendors();
  const folder = newFolder();
  const common = { toId: 'agency-1', outgoing: OUTGOING };
  parties = await newParties(folder, () => ({
    telegram: { ...common, adapter: 'telegram', groups: true, apiUrl: `${vendors.url}/telegram` },
    slack: { ...common, adapter: 'slack', apiUrl: `${vendors.url}/slack` },
    chatwoot: {
      ...common,
      adapter: 'chatwoot',
      baseUrl: `${vendors.url}/chatwoot`,
      accountId: 1,
      inboxIds: [3],
    },
    gohighlevel: {
      ...common,
      adapter: 'gohighlevel',
      apiUrl: `${vendors.url}/gohighlevel`,
      locationId: 'GKAWb4yu7A4LSc0skQ6g',
      provider: {},
      publicKey: GO_HIGH_LEVEL.publicKey.export({ format: 'der', type: 'spki' }).toString('base64'),
    },
    twilio: {
      ...common,
      adapter: 'twilio',
      accountSid: ACCOUNT,
      publicUrl: PUBLIC_URL,
      apiUrl: `${vendors.url}/twilio`,
    },
    respondio: {
      ...common,
      adapter: 'respondio',
      channelId: 'gfd8g7fd89dgfd',
      baseUrl: `${vendors.url}/respondio`,
    },
  }));
  relay = await start({ folder, env: parties.env });
  repliesTo(parties.platform, relay);
});
afterAll(() => {
  vendors.server.closeAllConnections();
  vendors.server.close();
});

/** As the vendor proves itself, by its own documentation. */
const PROOFS: Record<string, (body: string, secret: string) => Record<string, string>> = {
  telegram: (_body, secret) => ({ 'x-telegram-bot-api-secret-token': secret }),
  slack(body, secret) {
    const time = String(Math.floor(Date.now() / 1_000));
    const digest = createHmac('sha256', secret).update(`v0:${time}:${body}`).digest('hex');
    return { 'x-slack-request-timestamp': time, 'x-slack-signature': `v0=${digest}` };
  },
  chatwoot(body, secret) {
    const time = String(Math.floor(Date.now() / 1_000));
    const digest = createHmac('sha256', secret).update(`${time}.${body}`).digest('hex');
    return { 'x-chatwoot-timestamp': time, 'x-chatwoot-signature': `sha256=${digest}` };
  },
  gohighlevel(body, secret) {
    const { privateKey } = secret === secretOf('gohighlevel', 'incoming') ? GO_HIGH_LEVEL : ANOTHER;
    return { 'x-ghl-signature': sign(null, Buffer.from(body), privateKey).toString('base64') };
  },
  twilio(body, secret) {
    const fields = [...new URLSearchParams(body)].map((field) => field.join('')).toSorted();
    const signed = createHmac('sha1', secret).update(PUBLIC_URL + fields.join(''));
    return {
      'x-twilio-signature': signed.digest('base64'),
      'content-type': 'application/x-www-form-urlencoded; charset=UTF-8',
    };
  },
  respondio: (_body, secret) => ({ authorization: `Bearer ${secret}` }),
};

async function says(
  vendor: string,
  payload: object,
  secret = secretOf(vendor, 'incoming'),
  { url } = relay,
  behind = '',
) {
  const body =
    vendor === 'twilio' ? new URLSearchParams(Object.entries(payload)).toString() : JSON.stringify(payload);
  const response = await fetch(`${url}/channels/${vendor}/incoming${behind}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...PROOFS[vendor]?.(body, secret) },
    body,
  });
  return { status: response.status, text: await response.text() };
}

interface Case {
  vendor: string;
  /** A contact's message, as the vendor's documentation has it. */
  incoming: (text: string) => object;
  /** The same, of the bot or app itself. */
  own: (text: string) => object;
  contact: string;
  address: string;
  headers: Record<string, string>;
  written: (text: string) => object;
  externalId: string;
}

const telegramMessage = (isBot: boolean, update_id: number) => (text: string) => ({
  update_id,
  message: {
    message_id: 1365,
    from: { id: 1111111, is_bot: isBot, first_name: 'Jane', last_name: 'Doe', language_code: 'en' },
    chat: { id: 1111111, first_name: 'Jane', last_name: 'Doe', type: 'private' },
    date: 1441645532,
    text,
  },
});
const slackMessage = (own: object, ts: string) => (text: string) => ({
  token: 'XXYYZZ',
  team_id: 'T061EG9R6',
  api_app_id: 'A0FFV41KK',
  type: 'event_callback',
  event_id: `Ev${ts}`,
  event: {
    type: 'message',
    channel: 'C024BE91L',
    channel_type: 'channel',
    user: 'U2147483697',
    text,
    ts,
    ...own,
  },
});
const chatwootMessage = (own: object, id: number) => (content: string) => ({
  event: 'message_created',
  id,
  content,
  content_type: 'text',
  message_type: 'incoming',
  private: false,
  created_at: '2026-01-05T12:00:00Z',
  sender: { id: 9, name: 'Jane Doe', email: 'jane@example.com', type: 'contact' },
  inbox: { id: 3, name: 'Website' },
  conversation: { id: 7, inbox_id: 3, status: 'open' },
  account: { id: 1, name: 'Agency' },
  ...own,
});

/** https://marketplace.gohighlevel.com/docs/webhook/ProviderOutboundMessage */
const goHighLevelMessage = (type: string, messageId: string) => (message: string) => ({
  contactId: 'GKBhT6BfwY9mjzXAU3sq',
  locationId: 'GKAWb4yu7A4LSc0skQ6g',
  messageId,
  type,
  phone: '+15864603685',
  message,
  attachments: [],
  userId: 'GK56r6wdJDrkUPd0xsmx',
});
const twilioMessage = (own: object) => (Body: string) => ({
  AccountSid: ACCOUNT,
  From: 'whatsapp:+14155552671',
  To: 'whatsapp:+14155238886',
  Body,
  NumMedia: '0',
  NumSegments: '1',
  ProfileName: 'Jane Doe',
  WaId: '14155552671',
  ApiVersion: '2010-04-01',
  ...own,
});

const CASES: Case[] = [
  {
    vendor: 'telegram',
    incoming: telegramMessage(false, 10000),
    own: telegramMessage(true, 10001),
    contact: '1111111',
    address: `/telegram/bot${tokenOf('telegram')}/sendMessage`,
    headers: {},
    written: (text) => ({ chat_id: 1111111, text }),
    externalId: '501',
  },
  {
    vendor: 'slack',
    incoming: slackMessage({}, '1355517523.000005'),
    own: slackMessage({ bot_id: 'B19LU7CSY', subtype: 'bot_message' }, '1355517524.000005'),
    contact: 'C024BE91L:U2147483697',
    address: '/slack/chat.postMessage',
    headers: { authorization: `Bearer ${tokenOf('slack')}` },
    written: (text) => ({ channel: 'C024BE91L', text }),
    externalId: '1503435956.000247',
  },
  {
    vendor: 'chatwoot',
    incoming: chatwootMessage({}, 41),
    own: chatwootMessage({ message_type: 'outgoing', sender: { id: 2, name: 'Agent', type: 'user' } }, 42),
    contact: '9',
    address: '/chatwoot/api/v1/accounts/1/conversations/7/messages',
    headers: { api_access_token: tokenOf('chatwoot') },
    written: (content) => ({ content, message_type: 'outgoing', private: false }),
    externalId: '601',
  },
  {
    vendor: 'gohighlevel',
    incoming: goHighLevelMessage('SMS', 'GKJxs4P5L8dWc5CFUITM'),
    own: goHighLevelMessage('OutboundMessage', 'GKJxs4P5L8dWc5CFUITN'),
    contact: 'GKBhT6BfwY9mjzXAU3sq',
    address: '/gohighlevel/conversations/messages/inbound',
    headers: { authorization: `Bearer ${tokenOf('gohighlevel')}`, version: '2021-04-15' },
    written: (message) => ({
      type: 'SMS',
      contactId: 'GKBhT6BfwY9mjzXAU3sq',
      message,
      direction: 'inbound',
      altId: expect.stringMatching(/^rrm-/),
    }),
    externalId: 't22c6DQcTDf3MjRhwf77',
  },
  {
    vendor: 'twilio',
    incoming: twilioMessage({ SmsStatus: 'received', MessageSid: `SM${'1'.repeat(32)}` }),
    own: twilioMessage({ MessageStatus: 'delivered', MessageSid: `SM${'2'.repeat(32)}` }),
    contact: 'whatsapp:+14155552671',
    address: `/twilio/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
    headers: {
      authorization: `Basic ${Buffer.from(`${ACCOUNT}:${tokenOf('twilio')}`).toString('base64')}`,
    },
    written: (Body) => ({
      To: 'whatsapp:+14155552671',
      From: 'whatsapp:+14155238886',
      Body,
      StatusCallback: PUBLIC_URL,
    }),
    externalId: `SM${'5'.repeat(32)}`,
  },
];

describe.concurrent('a contact', () => {
  it.each(CASES)('of $vendor writes once, is answered once, and nobody else is let in', async (vendor) => {
    const { vendor: name, incoming, own, contact } = vendor;
    const text = `Hello from ${name}`;
    expect((await says(name, own('from ourselves'))).status).toBe(200);
    expect((await says(name, incoming(text), 'another secret')).status).toBe(401);
    expect((await says(name, incoming(text), secretOf('slack', 'send'))).status).toBe(401);
    // And once more, since the answer to the first may get lost.
    expect((await says(name, incoming(text))).status).toBe(200);
    expect((await says(name, incoming(text))).status).toBe(200);

    const rows = await eventually(async () => {
      const both = (await rowsOf(relay)).filter(({ channel }) => channel === name);
      expect(both.map(({ direction, status }) => `${direction} ${status}`).toSorted()).toEqual([
        'incoming delivered',
        'outgoing delivered',
      ]);
      return both;
    });
    expect(parties.received(name)).toEqual([{ contact, text }]);
    expect(vendors.of(name)).toEqual([
      {
        url: vendor.address,
        headers: expect.objectContaining({
          'content-type': expect.stringMatching(/^application\/(json|x-www-form-urlencoded)/),
        }),
        body: vendor.written(`You said: ${text}`),
      },
    ]);
    expect(vendors.of(name)[0]?.headers).toMatchObject(vendor.headers);
    const reply = rows.find(({ direction }) => direction === 'outgoing');
    expect(reply?.externalIds).toEqual([vendor.externalId]);
    expect(reply?.content.contact).toBe(contact);

    const log = readFileSync(join(relay.folder, 'relay.log'), 'utf8');
    expect(log).toContain(`"channel":"${name}"`);
    for (const said of [text, tokenOf(name), secretOf(name, 'incoming'), 'from ourselves'])
      expect(log).not.toContain(said);
  });
});

describe('Slack', () => {
  it('gets its challenge back when it verifies the address, and nobody else does', async () => {
    const challenge = '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P';
    const payload = { token: 'Jhj5dZrVaK7ZwHHjRyZWjbDl', challenge, type: 'url_verification' };
    expect(await says('slack', payload)).toEqual({ status: 200, text: challenge });
    const { status, text } = await says('slack', payload, 'another secret');
    expect(status).toBe(401);
    expect(text).not.toContain(challenge);
  });
});

describe('respond.io', () => {
  // It puts `/message` behind the address that was entered.
  const writes = (payload: object, secret?: string) =>
    says('respondio', payload, secret, relay, '?to=/message');
  const of = (text: string, fields: object = {}) => ({
    channelId: 'gfd8g7fd89dgfd',
    contactId: '+60177872890',
    message: { type: 'text', text },
    ...fields,
  });
  const contact = '+60177872890';

  it('hears the name of each message, is answered as that contact, and is let in by its token alone', async () => {
    expect((await writes(of('from nobody'), 'another secret')).status).toBe(401);
    expect(await writes(of('of another channel', { channelId: 'other' }))).toEqual({
      status: 200,
      text: '{}',
    });
    expect(await writes({ ...of('echo'), events: [{ type: 'message_echo' }] })).toEqual({
      status: 200,
      text: '{}',
    });
    // Two equal ones are two: they have no id.
    const named = [await writes(of('Hello')), await writes(of('Hello'))];
    const ids = named.map(({ status, text }) => {
      expect(status).toBe(200);
      return JSON.parse(text).mId;
    });
    expect(new Set(ids).size).toBe(2);

    const rows = await eventually(async () => {
      const all = (await rowsOf(relay)).filter(({ channel }) => channel === 'respondio');
      expect(all.map(({ direction, status }) => `${direction} ${status}`).toSorted()).toEqual([
        'incoming delivered',
        'incoming delivered',
        'outgoing delivered',
        'outgoing delivered',
      ]);
      return all;
    });
    expect(
      rows
        .filter(({ direction }) => direction === 'incoming')
        .map(messageIdOf)
        .toSorted(),
    ).toEqual(ids.toSorted());
    expect(parties.received('respondio')).toEqual([
      { contact, text: 'Hello' },
      { contact, text: 'Hello' },
    ]);
    const eventOf = ({ body }: Written) => z.object({ events: z.tuple([z.any()]) }).parse(body).events[0];
    const receipts = await eventually(async () => {
      const all = vendors.of('respondio').map(eventOf);
      const heard = all.filter(({ type }) => type === 'message_status');
      expect(heard).toHaveLength(2);
      return heard;
    });
    expect(receipts.map(({ mId, status }) => `${mId} ${status.value}`).toSorted()).toEqual(
      ids.map((id) => `${id} delivered`).toSorted(),
    );
    const [written, ...others] = vendors.of('respondio').filter((one) => eventOf(one).type === 'message');
    expect(others).toHaveLength(1);
    expect(written).toMatchObject({
      url: '/respondio/custom/channel/webhook/',
      headers: { authorization: `Bearer ${tokenOf('respondio')}` },
      body: {
        channelId: 'gfd8g7fd89dgfd',
        contactId: contact,
        events: [
          {
            type: 'message',
            mId: expect.stringMatching(/^rrm-[0-9a-f]{24}$/),
            timestamp: expect.any(Number),
            message: { type: 'text', text: 'You said: Hello' },
          },
        ],
      },
    });
    // What it was given would be recognised, if it came back.
    const { body } = written ?? {};
    const { events } = z.object({ events: z.tuple([z.object({ mId: z.string() })]) }).parse(body);
    expect(await writes(of('You said: Hello', { mId: events[0].mId }))).toEqual({ status: 200, text: '{}' });
    const log = readFileSync(join(relay.folder, 'relay.log'), 'utf8');
    for (const said of ['You said: Hello', tokenOf('respondio'), secretOf('respondio', 'incoming')])
      expect(log).not.toContain(said);
  });
});

describe('Telegram', () => {
  const inGroup = (update_id: number, id: number, fields: object) => ({
    update_id,
    message: {
      message_id: update_id,
      from: { id: 5001, is_bot: false, first_name: 'Ria' },
      chat: { id, type: 'supergroup', title: 'Buyers' },
      date: 1,
      ...fields,
    },
  });
  const writtenTo = (chat: number) =>
    vendors
      .of('telegram')
      .filter(({ body }) => z.object({ chat_id: z.literal(chat) }).safeParse(body).success);

  it('is answered in the topic in which it was asked', async () => {
    const asked = { text: 'Which size?', message_thread_id: 42, is_topic_message: true };
    expect((await says('telegram', inGroup(20_001, -1007, asked))).status).toBe(200);
    await eventually(async () =>
      expect(writtenTo(-1007).map(({ body }) => body)).toEqual([
        { chat_id: -1007, message_thread_id: 42, text: 'You said: Which size?' },
      ]),
    );
  });

  it('is answered in the supergroup that a group became, from the first refusal on', async () => {
    expect((await says('telegram', inGroup(20_002, OLD_GROUP, { text: 'one' }))).status).toBe(200);
    const moved = await eventually(async () => {
      const rows = await rowsOf(relay);
      const row = rows.find(({ content }) => content.text === 'You said: one');
      expect(row).toMatchObject({ status: 'delivered' });
      return row;
    });
    const detail = `HTTP 400: ${UPGRADED.description}, to ${NEW_GROUP}`;
    expect(moved?.history.map(({ event }) => event)).toEqual(['received', 'moved', 'delivered']);
    expect(moved?.history).toContainEqual(expect.objectContaining({ event: 'moved', detail }));
    expect(writtenTo(NEW_GROUP).map(({ body }) => body)).toEqual([
      { chat_id: NEW_GROUP, text: 'You said: one' },
    ]);
  });
});

describe('the bot of the sandbox’s own platform', () => {
  it('answers in every channel, whatever it is called at the platform, without a word of it in the settings', async () => {
    const folder = newFolder();
    const { env } = await newParties(folder, () => ({
      telegram: { toId: 'agency-1', adapter: 'telegram', apiUrl: `${vendors.url}/telegram`, label: 'bot' },
      slack: { toId: 'agency-1', adapter: 'slack', apiUrl: `${vendors.url}/slack` },
    }));
    const { RELAY_CONFIG = '' } = env;
    // Of one channel no secret of replies is set yet.
    const file = join(folder, 'secrets.json');
    const { inbound, outbound } = JSON.parse(readFileSync(file, 'utf8'));
    delete inbound.channels['slack/outgoing'];
    writeFileSync(file, JSON.stringify({ inbound, outbound }));
    // A whole configuration: its parties are not asked here, and it is no demonstration that is wanted.
    const whole = JSON.parse(readFileSync(RELAY_CONFIG, 'utf8'));
    whole.platform.baseUrl = 'https://api.example.com/v1';
    whole.payment = { type: 'http', url: 'https://pay.example.com' };
    writeFileSync(RELAY_CONFIG, JSON.stringify(whole));
    const alone = await start({ folder, env: { RELAY_CONFIG }, args: ['--quiet'] });
    const heard = CASES.slice(0, 2).map(async ({ vendor, incoming }) => {
      const answer = await says(vendor, incoming(`Alone in ${vendor}`), undefined, alone);
      expect(answer.status).toBe(200);
      await eventually(async () =>
        expect(vendors.of(vendor).map(({ body }) => JSON.stringify(body))).toContainEqual(
          expect.stringContaining(`You said: Alone in ${vendor}`),
        ),
      );
    });
    await Promise.all(heard);
    const { stdout } = await alone.end();
    expect(stdout).toContain('https://pay.example.com is not asked: set PAYMENT_HOOK_URL');
    expect(stdout).not.toContain('jane writes');
    expect(stdout).not.toContain('<-- message');
    expect(stdout).toContain('Ctrl-C stops everything');
  });
});

describe('Twilio', () => {
  it('gets TwiML that says nothing, whether a message is relayed or not', async () => {
    const twiml = { status: 200, text: '<?xml version="1.0" encoding="UTF-8"?><Response></Response>' };
    const status = { MessageStatus: 'undelivered', MessageSid: `SM${'3'.repeat(32)}` };
    expect(await says('twilio', twilioMessage(status)('not relayed'))).toEqual(twiml);
    const relayed = { SmsStatus: 'received', MessageSid: `SM${'4'.repeat(32)}` };
    expect(await says('twilio', twilioMessage(relayed)('relayed'))).toEqual(twiml);
  });

  it('sends nothing to a contact who wrote STOP, and the row says so in its words', async () => {
    const stop = {
      SmsStatus: 'received',
      MessageSid: `SM${'6'.repeat(32)}`,
      From: '+14155550100',
      OptOutType: 'STOP',
    };
    await says('twilio', twilioMessage(stop)('STOP'));
    await eventually(async () => {
      const answer = (await rowsOf(relay)).find(
        ({ direction, content }) => direction === 'outgoing' && content.contact === '+14155550100',
      );
      expect(answer?.status).toBe('failed');
      expect(answer?.history.at(-1)?.detail).toBe(
        "Twilio's error 21610: Attempt to send to unsubscribed recipient",
      );
    });
  });

  it('says how many segments a message was, and the row keeps it', async () => {
    const sent = (await rowsOf(relay)).find((row) => row.externalIds.includes(`SM${'5'.repeat(32)}`));
    expect(sent?.history.at(-1)).toMatchObject({ event: 'delivered', detail: '1 segment' });
  });

  it('says later what became of a reply, at the address that came with it, and a person reads it', async () => {
    const MessageSid = `SM${'5'.repeat(32)}`;
    const StatusCallback = PUBLIC_URL;
    expect(vendors.of('twilio')[0]?.body).toMatchObject({ StatusCallback });
    const failed = { MessageStatus: 'undelivered', ErrorCode: '30003' };
    for (const status of [{ MessageStatus: 'sent' }, failed, { MessageStatus: 'delivered' }]) {
      const answer = await says('twilio', { AccountSid: ACCOUNT, MessageSid, SmsSid: MessageSid, ...status });
      expect(answer.status).toBe(200);
    }
    const row = (await rowsOf(relay)).find(({ externalIds }) => externalIds.includes(MessageSid));
    const id = row && messageIdOf(row);
    const { stdout } = await relay.cli('messages', 'show', `${id}`);
    expect(stdout).toContain('  receipts       delivered\n');
    for (const words of ['sent', "undelivered, Twilio's error 30003", 'delivered'])
      expect(stdout).toMatch(new RegExp(`  receipt: ${words}\n`));
    const { receipts } = await relay.json<any>('messages', 'show', `${id}`);
    expect(receipts).toMatchObject([
      { part: 1, external_id: MessageSid, status: 'delivered', said: [{ words: 'sent' }, {}, {}] },
    ]);
  });
});
