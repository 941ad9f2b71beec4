import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../../../shared/channels/adapter.ts';
import { type Reply, sendOnce } from '../../../../shared/http.ts';
import { adapterOf, bodies, common, forDelivery, NOW, reply } from './support.ts';

const telegram = adapterOf({ adapter: 'telegram' });
const TOKEN = '123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11';

/** As Telegram shows a chat in its answers. */
const CHAT = {
  id: 1111111,
  first_name: 'Test',
  last_name: 'Test Lastname',
  username: 'Test',
  type: 'private',
};

describe('a delivery to Telegram', () => {
  it('is a call of sendMessage, with the token in the address', () => {
    expect(telegram.requests(forDelivery({ contact: '1111111' }), TOKEN)).toEqual([
      {
        method: 'POST',
        url: `https://api.telegram.org/bot${TOKEN}/sendMessage`,
        headers: { 'content-type': 'application/json' },
        body: '{"chat_id":1111111,"text":"Hello"}',
      },
    ]);
  });

  it('goes to the group of a contact of a group, also where it has not written yet', () => {
    expect(bodies(telegram, { contact: '-100123:7', replyTo: '-100123' })[0].chat_id).toBe(-100123);
    expect(bodies(telegram, { contact: '-100123:7' })[0].chat_id).toBe(-100123);
    expect(bodies(telegram, { contact: '@somebody' })[0].chat_id).toBe('@somebody');
  });

  it('goes to no place within the chat that Telegram does not have', () => {
    expect(bodies(telegram, { contact: '1', replyTo: '1:topic=7' })[0]).toMatchObject({
      message_thread_id: 7,
    });
    for (const kind of ['constructor', 'nowhere'])
      expect(Object.keys(bodies(telegram, { contact: '1', replyTo: `1:${kind}=7` })[0])).toEqual([
        'chat_id',
        'text',
      ]);
  });

  it('may go to a Bot API server of one’s own, and a token cannot lead elsewhere', () => {
    const own = adapterOf({ adapter: 'telegram', apiUrl: 'http://127.0.0.1:8081//' });
    expect(own.requests(forDelivery(), '1:a/../b?c#d')[0]?.url).toBe(
      'http://127.0.0.1:8081/bot1:a%2F..%2Fb%3Fc%23d/sendMessage',
    );
  });

  it('goes in parts of at most 4096, without formatting, links below the text', () => {
    const parts = bodies(telegram, {
      contact: '1',
      text: '😀'.repeat(3_000),
      attachments: ['https://a.example/1'],
    });
    expect(parts.map(({ text }) => text.length)).toEqual([4_096, 1_904 + 1 + 19]);
    expect(parts[1].text.endsWith('😀\nhttps://a.example/1')).toBe(true);
    expect(Object.keys(parts[0])).toEqual(['chat_id', 'text']);
    expect(bodies(telegram, { contact: '1', text: 'x'.repeat(4_096) })).toHaveLength(1);
    expect(bodies(telegram, { contact: '1', text: 'x'.repeat(4_097) })).toHaveLength(2);
  });

  const refusal = (error_code: number, description: string, parameters?: object) =>
    reply(error_code, { ok: false, error_code, description, ...(parameters && { parameters }) });
  it.each<[string, Reply, Delivery]>([
    ...common('place'),
    [
      'sent',
      reply(200, { ok: true, result: { message_id: 1367, chat: CHAT, text: 'Hello' } }),
      { kind: 'delivered', externalId: '1367' },
    ],
    [
      '200 of somebody else',
      reply(200, 'OK'),
      { kind: 'unknown', detail: 'HTTP 200, but not an answer of the Bot API' },
    ],
    [
      '200 that says no',
      reply(200, { ok: false }),
      { kind: 'unknown', detail: 'HTTP 200, but not an answer of the Bot API' },
    ],
    [
      'no such chat',
      refusal(400, 'Bad Request: chat not found'),
      { kind: 'refused', detail: 'HTTP 400: Bad Request: chat not found' },
    ],
    [
      'a group that became another',
      refusal(400, 'Bad Request: group chat was upgraded to a supergroup chat', { migrate_to_chat_id: -100 }),
      {
        kind: 'moved',
        detail: 'HTTP 400: Bad Request: group chat was upgraded to a supergroup chat',
        replyTo: '-100',
      },
    ],
    [
      'a wait that stands in the description alone',
      refusal(429, 'Too Many Requests: retry after 35'),
      {
        kind: 'not_applied',
        detail: 'HTTP 429: Too Many Requests: retry after 35',
        retryAfterMs: 35_000,
        whoWaits: 'place',
      },
    ],
    [
      'no such topic',
      refusal(400, 'Bad Request: message thread not found'),
      { kind: 'refused', detail: 'HTTP 400: Bad Request: message thread not found' },
    ],
    [
      'too long',
      refusal(400, 'Bad Request: message is too long'),
      { kind: 'too_long', detail: 'HTTP 400: Bad Request: message is too long' },
    ],
    [
      'blocked by the user',
      refusal(403, 'Forbidden: bot was blocked by the user'),
      { kind: 'refused', detail: 'HTTP 403: Forbidden: bot was blocked by the user' },
    ],
    [
      'a revoked token',
      refusal(401, 'Unauthorized'),
      { kind: 'not_applied', detail: 'HTTP 401: Unauthorized' },
    ],
    [
      'a token that is none',
      refusal(404, 'Not Found'),
      { kind: 'not_applied', detail: 'HTTP 404: Not Found' },
    ],
    [
      'too many',
      refusal(429, 'Too Many Requests: retry after 35', { retry_after: 35 }),
      {
        kind: 'not_applied',
        detail: 'HTTP 429: Too Many Requests: retry after 35',
        retryAfterMs: 35_000,
        whoWaits: 'place',
      },
    ],
    [
      'too many, the wait in the header only',
      reply(429, { ok: false, description: 'Too Many Requests' }, { 'retry-after': '5' }),
      { kind: 'not_applied', detail: 'HTTP 429: Too Many Requests', retryAfterMs: 5_000, whoWaits: 'place' },
    ],
    [
      'an error of theirs',
      refusal(500, 'Internal Server Error'),
      { kind: 'unknown', detail: 'HTTP 500: Internal Server Error' },
    ],
    ['400 of a gateway', reply(400, '<html>'), { kind: 'refused', detail: 'HTTP 400' }],
  ])('is judged by its answer: %s', (_name, given, delivery) => {
    expect(telegram.judge(given, NOW)).toEqual(delivery);
  });

  it('never shows the token where it fails, over a real connection', async () => {
    const seen: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      seen.push(request.url);
      response
        .writeHead(403)
        .end('{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const adapter = adapterOf({ adapter: 'telegram', apiUrl: `http://127.0.0.1:${port}` });
    const send = async () => {
      const [request] = adapter.requests(forDelivery({ contact: '1' }), TOKEN);
      if (!request) throw new Error('no request');
      return adapter.judge(await sendOnce({ ...request, timeoutMs: 5_000 }), NOW);
    };
    try {
      expect(await send()).toEqual({
        kind: 'refused',
        detail: 'HTTP 403: Forbidden: bot was blocked by the user',
      });
      expect(seen).toEqual([`/bot${TOKEN}/sendMessage`]);
    } finally {
      server.close();
      server.closeAllConnections();
    }
    const refused = await send();
    expect(refused.kind).toBe('not_applied');
    expect(JSON.stringify(refused)).not.toContain('ABC-DEF');
  });
});
