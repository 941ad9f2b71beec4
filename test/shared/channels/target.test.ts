import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery, ForDelivery } from '../../../shared/channels/adapter.ts';
import { splitText } from '../../../shared/channels/adapters/text.ts';
import { type Content, type Direction, type Message, newMessage } from '../../../shared/channels/message.ts';
import type { Known } from '../../../shared/channels/messages.ts';
import { createTargets, type TargetDeps } from '../../../shared/channels/target.ts';
import { PlatformError, PlatformRequestError } from '../../../shared/platform/operations.ts';
import { openedChannel, plainAdapter, plainSettings } from '../../support/chat-world.ts';

const NOW = 1_767_614_400_000;
const OUR_ID = /^rrm-[0-9a-f]{24}$/;

const CONTENT: Content = {
  id: 'their-1',
  contact: '+15551234567',
  type: 'text',
  text: 'Hello',
  attachments: [],
};

const aMessage = (direction: Direction, content: Partial<Content> = {}, channel = 'support'): Message =>
  newMessage({ channel, direction, content: { ...CONTENT, ...content } }, NOW);

/** What is known of delivering to every contact; whatever is learnt of one fails the test. */
const knowing = (known: Known): TargetDeps['messages'] => ({
  known: async () => known,
  rememberReplyTo: async () => expect.unreachable('nobody moved'),
  rememberLength: async () => expect.unreachable('nothing was too long'),
});

interface Given extends Partial<TargetDeps> {
  settings?: Record<string, unknown>;
  adapter?: Parameters<typeof plainAdapter>[0];
  tokens?: Record<string, string>;
}

/** What each operation of the platform was asked; any that the test does not expect fails it. */
function targets({ settings, adapter, tokens = {}, ...given }: Given = {}) {
  const asked: [operation: string, given: unknown][] = [];
  const unexpected = async (): Promise<never> => {
    throw new Error('This is not asked for here.');
  };
  return {
    asked,
    ...createTargets({
      channels: openedChannel('support', {
        settings: plainSettings(settings),
        adapter: plainAdapter(adapter),
      }),
      operations: {
        sendMessage: async (message) => {
          asked.push(['sendMessage', message]);
          return {};
        },
        receiveMessage: async (message) => {
          asked.push(['receiveMessage', message]);
          return { messageId: 'platform-1' };
        },
      },
      messages: { known: unexpected, rememberReplyTo: unexpected, rememberLength: unexpected },
      link: unexpected,
      waits: { until: unexpected, keep: unexpected },
      secrets: { get: async () => ({ channelTokens: tokens }), reread: async () => 'read', doubt: () => {} },
      callMs: 2_000,
      onUnauthorized: () => expect.unreachable('nobody said 401'),
      now: () => NOW,
      ...given,
    }),
  };
}

describe('an incoming message', () => {
  it('is handed to the platform under our id, with all it carries', async () => {
    const { asked, prepare, unknownPolicy } = targets({
      settings: { campaignId: 'campaign-1', label: 'Live chat' },
    });
    const names = { firstName: 'Jane', lastName: 'Smith', email: 'jane@example.com' };
    const message = aMessage('incoming', {
      ...names,
      attachments: ['https://a.example/1', 'https://a.example/2'],
    });
    const { parts, send } = await prepare(message);
    expect(parts).toBe(1);
    expect(await send(0)).toEqual({ kind: 'delivered', externalId: 'platform-1' });
    expect(asked).toEqual([
      [
        'receiveMessage',
        {
          messageSid: expect.stringMatching(OUR_ID),
          fromId: '+15551234567',
          toId: 'agency-1',
          body: 'Hello\nhttps://a.example/1\nhttps://a.example/2',
          channel: 'Live chat',
          messageType: 'text',
          campaignId: 'campaign-1',
          ...names,
        },
      ],
    ]);
    expect(unknownPolicy(message)).toBe('repeat');
  });

  it('may be an attachment or a reaction, and its own campaign goes before the channel’s', async () => {
    const { asked, prepare } = targets({ settings: { campaignId: 'campaign-1' } });
    await (await prepare(aMessage('incoming', { text: '', attachments: ['https://a.example/1'] }))).send(0);
    const reaction = aMessage('incoming', { type: 'reaction', text: '👍', campaignId: 'own', firstName: '' });
    await (await prepare(reaction)).send(0);
    expect(asked).toMatchObject([
      ['receiveMessage', { body: 'https://a.example/1', channel: 'support', campaignId: 'campaign-1' }],
      ['receiveMessage', { body: '👍', messageType: 'reaction', campaignId: 'own' }],
    ]);
    expect(asked[1]?.[1]).not.toHaveProperty('firstName');
  });
});

describe('a message of the agency’s own systems', () => {
  it('is sent through the channel’s name at the platform', async () => {
    const named = targets({ settings: { customChannel: 'my-channel' } });
    expect(await (await named.prepare(aMessage('send', { firstName: 'Jane' }))).send(0)).toEqual({
      kind: 'delivered',
    });
    expect(named.asked).toEqual([
      [
        'sendMessage',
        { fromId: '+15551234567', customChannel: 'my-channel', body: 'Hello', firstName: 'Jane' },
      ],
    ]);
    const unnamed = targets();
    await (await unnamed.prepare(aMessage('send'))).send(0);
    expect(unnamed.asked).toMatchObject([['sendMessage', { customChannel: 'support' }]]);
  });

  it('is repeated where nobody knows only if the agency says so', () => {
    expect(targets().unknownPolicy(aMessage('send'))).toBe('park');
    expect(targets({ settings: { send: { unknown: 'repeat' } } }).unknownPolicy(aMessage('send'))).toBe(
      'repeat',
    );
  });
});

describe('what the platform’s client says becomes what happened to the message:', () => {
  const failing = (error: unknown) => {
    const fails = () => Promise.reject(error);
    return targets({ operations: { sendMessage: fails, receiveMessage: fails } });
  };
  const platformError = (outcome: PlatformError['outcome'], retryAfterMs?: number) =>
    new PlatformError(
      {
        operation: 'sendMessage',
        outcome,
        mayRepeat: false,
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
      'status 429',
    );

  it.each([
    ['not applied', platformError('not_applied'), 'not_applied'],
    ['refused', platformError('refused'), 'refused'],
    ['unknown', platformError('unknown'), 'unknown'],
    ['a key that cannot be read, before there is a request', new Error('no secret'), 'not_applied'],
  ])('%s', async (_, error, kind) => {
    for (const direction of ['incoming', 'send'] as const) {
      const delivery = await (await failing(error).prepare(aMessage(direction))).send(0);
      expect(delivery).toEqual({ kind, detail: expect.stringContaining(error.message) });
    }
  });

  it('too large is refused: a repetition would hold up the contact for three days', async () => {
    const tooLarge = new PlatformError(
      { operation: 'receiveMessage', outcome: 'unknown', mayRepeat: true, status: 413 },
      'status 413',
    );
    for (const direction of ['incoming', 'send'] as const) {
      const delivery = await (await failing(tooLarge).prepare(aMessage(direction))).send(0);
      expect(delivery).toEqual({ kind: 'refused', detail: expect.stringContaining('413') });
    }
  });

  it.each([
    ['incoming', 'not_applied', 'park', false],
    ['incoming', 'unknown', 'park', false],
    ['incoming', 'refused', 'park', true],
    ['send', 'not_applied', 'park', false],
    ['send', 'unknown', 'park', true],
    ['send', 'unknown', 'repeat', false],
  ] as const)('%s, %s, where it would %s: with the name of the request: %s', async (...row) => {
    const [direction, outcome, unknown, named] = row;
    const error = new PlatformError(
      { operation: 'sendMessage', outcome, mayRepeat: false, status: 503, requestId: 'req-7' },
      'status 503 Not now. (request id req-7)',
    );
    const fails = () => Promise.reject(error);
    const { prepare } = targets({
      settings: { send: { unknown } },
      operations: { sendMessage: fails, receiveMessage: fails },
    });
    const delivery = await (await prepare(aMessage(direction))).send(0);
    const { detail } = delivery as { detail: string };
    expect(detail).toMatch(named ? /status 503 Not now\. \(/ : /status 503 Not now\. [A-Z]/);
    expect(detail.includes('req-7')).toBe(named);
  });

  it('a wait the platform asks for', async () => {
    const { prepare } = failing(platformError('not_applied', 7_000));
    expect(await (await prepare(aMessage('send'))).send(0)).toMatchObject({
      kind: 'not_applied',
      retryAfterMs: 7_000,
    });
  });

  it('arguments that cannot be meant are refused', async () => {
    const { prepare } = failing(
      new PlatformRequestError('receiveMessage', { issues: [], name: 'ZodError' } as never),
    );
    expect(await (await prepare(aMessage('incoming'))).send(0)).toMatchObject({ kind: 'refused' });
  });
});

describe('a reply for the chat', () => {
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  });

  async function aChat(answer: (path: string) => { status: number } | 'hang') {
    const requests: string[] = [];
    const server = createServer((request, response) => {
      requests.push(request.url ?? '');
      const said = answer(request.url ?? '');
      if (said !== 'hang') response.writeHead(said.status).end('{}');
    });
    servers.push(server.listen(0, '127.0.0.1'));
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('Bug! A server has no port.');
    return { url: `http://127.0.0.1:${address.port}`, requests };
  }

  it('is one request a part, judged by the adapter, to where the contact takes replies', async () => {
    const { url, requests } = await aChat(() => ({ status: 200 }));
    const seen: { message?: ForDelivery; token?: string; judged: unknown[] } = { judged: [] };
    const asked: string[] = [];
    const { prepare } = targets({
      tokens: { support: 'bot-token' },
      messages: {
        ...knowing({}),
        known: async (channel, contact) => {
          asked.push(`${channel} ${contact}`);
          return { replyTo: 'C1:17.2' };
        },
      },
      adapter: {
        requests(message, token) {
          Object.assign(seen, { message, token });
          return ['/1', '/2'].map((path) => ({ method: 'POST', url: url + path, headers: {}, body: '{}' }));
        },
        judge(reply, now) {
          seen.judged.push([reply.kind, now]);
          return { kind: 'delivered', externalId: `e-${seen.judged.length}` };
        },
      },
    });
    const message = aMessage('outgoing');
    const { parts, send } = await prepare(message);
    expect(parts).toBe(2);
    expect(requests).toEqual([]);
    expect(await send(1)).toEqual({ kind: 'delivered', externalId: 'e-1' });
    expect(await send(0)).toEqual({ kind: 'delivered', externalId: 'e-2' });
    expect(requests).toEqual(['/2', '/1']);
    expect(seen).toMatchObject({
      message: { ...CONTENT, ourId: expect.stringMatching(OUR_ID), replyTo: 'C1:17.2' },
      token: 'bot-token',
      judged: [
        ['response', NOW],
        ['response', NOW],
      ],
    });
    expect(asked).toEqual(['support +15551234567']);
  });

  it('has no place of its own where the contact never named one, and a blank token where none is set', async () => {
    const seen: unknown[] = [];
    const { prepare } = targets({
      messages: knowing({}),
      tokens: { sales: 'of another channel' },
      adapter: {
        requests(message, token) {
          seen.push(message, token);
          return [];
        },
      },
    });
    expect((await prepare(aMessage('outgoing'))).parts).toBe(0);
    expect(seen).toEqual([
      { ...CONTENT, receivedAt: expect.any(Number), ourId: expect.stringMatching(OUR_ID) },
      '',
    ]);
  });

  it('waits for its token where it needs one: a delivery without it might be taken for one', async () => {
    let asked = 0;
    const { prepare } = targets({
      messages: knowing({}),
      tokens: { support: ' ' },
      adapter: {
        needsToken: true,
        requests: () => {
          asked += 1;
          return [];
        },
      },
    });
    await expect(prepare(aMessage('outgoing'))).rejects.toThrow(
      'no token is set: npx relay secrets set support/token',
    );
    expect(asked).toBe(0);
  });

  it('has the token read again where the chat says 401, and is given up after its time', async () => {
    const { url } = await aChat((path) => (path === '/401' ? { status: 401 } : 'hang'));
    let unauthorized = 0;
    const { prepare } = targets({
      messages: knowing({}),
      callMs: 200,
      onUnauthorized: () => {
        unauthorized += 1;
      },
      adapter: {
        requests: () => ['/401', '/slow'].map((path) => ({ method: 'POST', url: url + path, headers: {} })),
        judge: (reply) => ({ kind: 'unknown', detail: reply.kind }),
      },
    });
    const { send } = await prepare(aMessage('outgoing'));
    expect(await send(0)).toEqual({ kind: 'unknown', detail: 'response' });
    expect(unauthorized).toBe(1);
    expect(await send(1)).toEqual({ kind: 'unknown', detail: 'no_answer' });
    expect(unauthorized).toBe(1);
    await expect(send(2)).rejects.toThrow('Bug!');
  });

  it('is noted by the names that the chat gave it, where the chat will tell by them what becomes of it', async () => {
    const noted: unknown[] = [];
    const link = async (of: unknown) => void noted.push(of);
    const taken = (direction: Direction) => ({ ...aMessage(direction), externalIds: ['a', 'b'] });
    const { link: silent } = targets({ link });
    const telling = targets({ link, adapter: { reportsDelivery: true } });
    await silent?.(taken('outgoing'));
    for (const direction of ['incoming', 'send', 'outgoing'] as const) await telling.link?.(taken(direction));
    const of = (part: number) => ({ id: expect.stringMatching(OUR_ID), part });
    expect(noted).toEqual([
      { channel: 'support', externalId: 'a', of: of(0) },
      { channel: 'support', externalId: 'b', of: of(1) },
    ]);
  });

  describe('on the end of what it wrote', () => {
    const ended = (status: Message['status'], direction: Direction = 'incoming') => ({
      ...aMessage(direction),
      status,
    });
    async function hearing(status = 200, adapter: Given['adapter'] = {}) {
      const { url, requests } = await aChat(() => ({ status }));
      const kept: unknown[] = [];
      const told: unknown[] = [];
      const { report = async () => expect.unreachable('nothing is reported') } = targets({
        tokens: { support: 'bot-token' },
        waits: { until: async () => undefined, keep: async (...wait) => void kept.push(wait) },
        adapter: {
          report(message, of) {
            told.push([message, of]);
            return { method: 'PUT', url: `${url}/status`, headers: {}, body: '{}' };
          },
          ...adapter,
        },
      });
      return { report, requests, told, kept };
    }

    it('is told of a message that was delivered or failed, in one request', async () => {
      const { report, requests, told } = await hearing();
      expect(await report(ended('delivered'))).toBeUndefined();
      expect(await report(ended('failed'))).toBeUndefined();
      expect(requests).toEqual(['/status', '/status']);
      const message = { id: 'their-1', contact: '+15551234567', ourId: expect.stringMatching(OUR_ID) };
      expect(told).toEqual(
        ['delivered', 'failed'].map((end) => [message, { ended: end, token: 'bot-token', now: NOW }]),
      );
    });

    it('is not told of its own replies, of what is parked, nor where it has no place for that', async () => {
      const { report, requests } = await hearing();
      for (const one of [ended('delivered', 'outgoing'), ended('delivered', 'send'), ended('parked')])
        expect(await report(one)).toBeUndefined();
      const { report: plain = async () => 'there is none' } = targets();
      expect(await plain(ended('delivered'))).toBeUndefined();
      expect(requests).toEqual([]);
    });

    it('may refuse to hear it, and the wait that it asks for is kept', async () => {
      const waits = {
        kind: 'not_applied',
        detail: 'HTTP 429',
        retryAfterMs: 10_000,
        whoWaits: 'channel',
      } as const;
      const { report, kept } = await hearing(429, { judge: () => waits });
      expect(await report(ended('delivered'))).toBe('HTTP 429');
      const sender = { channel: 'support', token: 'bot-token', place: '+15551234567' };
      expect(kept).toEqual([[sender, 'channel', NOW + 10_000]]);
    });

    it('is not asked while it has us wait, nor without its token', async () => {
      const until = async () => NOW + 1;
      const adapter = { report: () => expect.unreachable('it is not asked'), needsToken: true };
      const keep = async () => {};
      const { report: held } = targets({ adapter, tokens: { support: 't' }, waits: { until, keep } });
      expect(await held?.(ended('delivered'))).toBe('the chat asked us to wait');
      expect(await targets({ adapter }).report?.(ended('delivered'))).toBe('no token is set');
    });
  });

  describe('that the chat does not take now', () => {
    async function answered(delivery: Delivery, given: Partial<ForDelivery> & { known?: Known } = {}) {
      const { url } = await aChat(() => ({ status: 400 }));
      const learnt: unknown[] = [];
      const { known = {}, ...message } = given;
      const { prepare } = targets({
        tokens: { support: 'bot-token' },
        messages: {
          known: async () => known,
          rememberReplyTo: async (place) => void learnt.push(place),
          rememberLength: async (length) => void learnt.push(length),
        },
        waits: {
          until: async () => undefined,
          keep: async (sender, who, until) => void learnt.push([sender, who, until]),
        },
        adapter: {
          maxLength: 1_000,
          place: ({ replyTo }) => `place ${replyTo}`,
          requests: ({ text, cuts }) =>
            splitText(text, 1_000, cuts).map((body) => ({ method: 'POST', url, headers: {}, body })),
          judge: () => delivery,
        },
      });
      const prepared = await prepare({ ...aMessage('outgoing', { text: 'x'.repeat(2_500) }), ...message });
      return { prepared, sent: await prepared.send(1), learnt };
    }
    const CONTACT = { channel: 'support', contact: '+15551234567', at: NOW };

    it('tells whom a wait is for, before anybody asks again', async () => {
      const wait = { kind: 'not_applied', detail: 'HTTP 429', retryAfterMs: 7_000 } as const;
      const place = await answered({ ...wait, whoWaits: 'place' }, { known: { replyTo: '-100' } });
      expect(place.sent).toEqual(wait);
      const sender = { channel: 'support', token: 'bot-token', place: 'place -100' };
      expect(place.learnt).toEqual([[sender, 'place', NOW + 7_000]]);
      expect((await answered({ ...wait, whoWaits: 'channel' })).learnt).toMatchObject([
        [{}, 'channel', NOW + 7_000],
      ]);
      expect((await answered(wait)).learnt).toEqual([]);
      const unasked = { kind: 'not_applied', detail: 'HTTP 401', whoWaits: 'channel' } as const;
      expect((await answered(unasked)).learnt).toEqual([]);
    });

    it('tells a wait and a length in whole numbers, and no id that would fill the row', async () => {
      const wait = { kind: 'not_applied', detail: 'no', retryAfterMs: 64_570.4, whoWaits: 'place' } as const;
      const waits = await answered(wait);
      expect(waits.sent).toMatchObject({ retryAfterMs: 64_571 });
      expect(waits.learnt).toMatchObject([[{}, 'place', NOW + 64_571]]);
      const short = await answered({ kind: 'too_long', detail: 'no', maxLength: 160.9 });
      expect(short.sent).toMatchObject({ cuts: [{ fromPart: 1, maxLength: 160 }] });
      const named = await answered({ kind: 'delivered', externalId: 'x'.repeat(256) });
      expect(named.sent).toEqual({ kind: 'delivered' });
    });

    it('remembers where the contact has moved', async () => {
      const moved = { kind: 'moved', detail: 'HTTP 400', replyTo: '-100' } as const;
      const { sent, learnt } = await answered(moved);
      expect(sent).toEqual(moved);
      expect(learnt).toEqual([{ ...CONTACT, replyTo: '-100' }]);
    });

    it('remembers the longest text, and cuts what is left of this one', async () => {
      const cuts = [{ fromPart: 1, maxLength: 160 }];
      const { sent, learnt } = await answered({ kind: 'too_long', detail: 'no', maxLength: 160 });
      expect(sent).toEqual({ kind: 'shortened', detail: 'no', cuts });
      expect(learnt).toEqual([{ ...CONTACT, maxLength: 160 }]);
      const again = await answered({ kind: 'delivered' }, { cuts } as never);
      // The first part stays as it was delivered: 1,000, and ten of 160.
      expect(again.prepared.parts).toBe(11);
    });

    it('halves a text of which the chat only says that it is too long, until nothing is left to cut', async () => {
      const cut = { kind: 'too_long', detail: 'no' } as const;
      const half = await answered(cut);
      expect(half.sent).toMatchObject({ cuts: [{ fromPart: 1, maxLength: 500 }] });
      const known = await answered(cut, { known: { maxLength: 300 } });
      expect(known.sent).toMatchObject({
        cuts: [
          { fromPart: 0, maxLength: 300 },
          { fromPart: 1, maxLength: 150 },
        ],
      });
      const spent = await answered(cut, { known: { maxLength: 39 } });
      expect(spent.sent).toEqual({ kind: 'refused', detail: 'no' });
      expect(spent.learnt).toEqual([]);
    });

    it('says nothing of the token, though the chat repeats it', async () => {
      const { sent } = await answered({ kind: 'refused', detail: 'HTTP 400: Bearer bot-token is odd' });
      expect(sent).toEqual({ kind: 'refused', detail: 'HTTP 400: Bearer (the token) is odd' });
    });

    it('waits where what was learnt could not be kept: it is told again', async () => {
      const fails = async () => {
        throw new Error('no answer');
      };
      const { url } = await aChat(() => ({ status: 400 }));
      const { prepare } = targets({
        messages: { ...knowing({}), rememberReplyTo: fails },
        waits: { until: async () => undefined, keep: fails },
        adapter: {
          requests: () => [{ method: 'POST', url, headers: {} }],
          judge: () => ({ kind: 'moved', detail: 'HTTP 400', replyTo: '-100' }),
        },
      });
      const { send } = await prepare(aMessage('outgoing'));
      expect(await send(0)).toEqual({
        kind: 'not_applied',
        detail: 'HTTP 400, which could not be kept: Error: no answer',
      });
    });

    it('asks before each request whether it may be made', async () => {
      const asked: unknown[] = [];
      const { prepare } = targets({
        tokens: { support: 'bot-token' },
        messages: knowing({ replyTo: '-100' }),
        waits: {
          until: async (sender) => {
            asked.push(sender);
            return NOW + 5_000;
          },
          keep: async () => undefined,
        },
        adapter: { place: ({ replyTo }) => `place ${replyTo}` },
      });
      const { held } = await prepare(aMessage('outgoing'));
      expect(await held()).toBe(NOW + 5_000);
      expect(asked).toEqual([{ channel: 'support', token: 'bot-token', place: 'place -100' }]);
      expect(await (await prepare(aMessage('incoming'))).held()).toBeUndefined();
    });
  });

  it('is repeated where nobody knows if the chat dedupes by our id', () => {
    const message = aMessage('outgoing');
    const delivery = { url: 'https://chat.example.com', dedupes: true };
    expect(targets().unknownPolicy(message)).toBe('park');
    expect(targets({ settings: { delivery } }).unknownPolicy(message)).toBe('repeat');
  });
});

describe('a channel that the configuration no longer has', () => {
  it.each(['incoming', 'outgoing', 'send'] as const)('cannot be prepared for: %s', async (direction) => {
    const { prepare, unknownPolicy } = targets();
    const message = aMessage(direction, {}, 'constructor');
    await expect(prepare(message)).rejects.toThrow('the configuration has no such channel');
    expect(unknownPolicy(message)).toBe(direction === 'incoming' ? 'repeat' : 'park');
  });
});
