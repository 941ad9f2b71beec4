import { describe, expect, it } from 'vitest';
import { createAdapter } from '../../../shared/channels/adapters/index.ts';
import { channelSchema, channelsSchema } from '../../../shared/channels/settings.ts';
import { outgoingUnknown } from '../../../shared/channels/target.ts';

const WEBHOOK = {
  adapter: 'webhook',
  toId: 'agency',
  incoming: { verifiers: [{ type: 'token' }], id: '/id', contact: '/from', text: '/text' },
  delivery: { url: 'https://chat.example.com/messages' },
};

const SID = `AC${'0'.repeat(32)}`;

describe('the settings of a channel', () => {
  it('have defaults for all but what only the agency knows', () => {
    const common = {
      toId: 'agency',
      outgoing: { verifiers: [], lists: 'each', only: [], ignore: [] },
      send: { verifiers: [], unknown: 'park' },
    };
    expect(channelSchema.parse(WEBHOOK)).toEqual({
      ...common,
      adapter: 'webhook',
      incoming: {
        verifiers: [{ type: 'token', header: 'x-webhook-token', prefix: '', query: 'token' }],
        id: ['/id'],
        contact: ['/from'],
        text: ['/text'],
        ignore: [],
        lists: 'each',
      },
      delivery: {
        url: 'https://chat.example.com/messages',
        headers: {},
        body: { id: '{{id}}', contact: '{{contact}}', text: '{{text}}' },
        dedupes: false,
        maxLength: 4_000,
        waits: 'channel',
        answer: { refused: [], waits: [], contactWaits: [] },
      },
    });
    expect(channelSchema.parse({ adapter: 'telegram', toId: 'agency' })).toEqual({
      ...common,
      adapter: 'telegram',
      apiUrl: 'https://api.telegram.org',
      groups: false,
    });
    expect(channelSchema.parse({ adapter: 'slack', toId: 'agency' })).toEqual({
      ...common,
      adapter: 'slack',
      apiUrl: 'https://slack.com/api',
      threads: 'follow',
    });
    const chatwoot = {
      adapter: 'chatwoot',
      toId: 'agency',
      baseUrl: 'https://chat.example.com/',
      accountId: 1,
    };
    expect(channelSchema.parse(chatwoot)).toEqual({
      ...common,
      adapter: 'chatwoot',
      baseUrl: 'https://chat.example.com',
      accountId: 1,
      maxLength: 4_000,
      verifiers: [
        {
          type: 'hmac',
          header: 'x-chatwoot-signature',
          encoding: 'hex',
          prefix: 'sha256=',
          signs: '{timestamp}.{body}',
          timestampHeader: 'x-chatwoot-timestamp',
          toleranceSeconds: 300,
        },
      ],
    });
  });

  it('make an adapter, each its own', () => {
    const urls = [
      { ...WEBHOOK },
      { adapter: 'telegram', toId: 'a' },
      { adapter: 'slack', toId: 'a' },
      {
        adapter: 'twilio',
        toId: 'a',
        accountSid: SID,
        publicUrl: 'https://relay.example.com/channels/sms/incoming',
      },
      { adapter: 'chatwoot', toId: 'a', baseUrl: 'https://chat.example.com', accountId: 1 },
      { adapter: 'respondio', toId: 'a', channelId: 'c' },
    ].map((settings) => {
      const message = {
        id: '1',
        contact: 'C',
        type: 'text' as const,
        text: 'x',
        attachments: [],
        ourId: 'o',
        receivedAt: 1,
      };
      return createAdapter(channelSchema.parse(settings)).requests({ ...message, replyTo: '7' }, 't')[0]?.url;
    });
    expect(urls).toEqual([
      'https://chat.example.com/messages',
      'https://api.telegram.org/bott/sendMessage',
      'https://slack.com/api/chat.postMessage',
      `https://api.twilio.com/2010-04-01/Accounts/${SID}/Messages.json`,
      'https://chat.example.com/api/v1/accounts/1/conversations/7/messages',
      'https://webhook.respond.io/custom/channel/webhook/',
    ]);
  });

  it('are refused under a name that cannot stand in an address', () => {
    for (const name of ['Support', 'a/b', '', 'x'.repeat(41), 'a_b']) {
      const channels = Object.fromEntries([[name, WEBHOOK]]);
      expect(channelsSchema.safeParse(channels).success, name).toBe(false);
    }
    expect(Object.keys(channelsSchema.parse({ 'support-2': WEBHOOK }))).toEqual(['support-2']);
    expect(channelsSchema.parse(undefined)).toEqual({});
  });
});

describe('an unknown outcome of a delivery', () => {
  const channel = (delivery: object, outgoing: object = {}) =>
    channelSchema.parse({ ...WEBHOOK, delivery: { ...WEBHOOK.delivery, ...delivery }, outgoing });

  it('is repeated where the system dedupes by our id, else left to a person', () => {
    expect(outgoingUnknown(channel({ dedupes: true }))).toBe('repeat');
    expect(outgoingUnknown(channel({}))).toBe('park');
    for (const adapter of ['telegram', 'slack']) {
      expect(outgoingUnknown(channelSchema.parse({ adapter, toId: 'agency' }))).toBe('park');
    }
  });

  it('is what the settings say, where they say it', () => {
    expect(outgoingUnknown(channel({ dedupes: true }, { unknown: 'park' }))).toBe('park');
    expect(outgoingUnknown(channel({}, { unknown: 'repeat' }))).toBe('repeat');
  });
});
