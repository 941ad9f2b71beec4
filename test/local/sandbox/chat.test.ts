import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { createSandboxChat, type SandboxChatOptions } from '../../../local/sandbox/chat.ts';
import { call, startReceiver, useEndings } from '../../support/sandbox.ts';

const SECRET = 'chat-secret';
const atTheEnd = useEndings();

async function chatWith(options: Partial<SandboxChatOptions> = {}) {
  const chat = await createSandboxChat({ secret: SECRET, retryMs: [10], ...options });
  atTheEnd(chat.close);
  return chat;
}

const deliver = ({ url }: { url: string }, payload: unknown, secret = SECRET) =>
  call(`${url}/messages`, payload, { authorization: `Bearer ${secret}` });
const textsOf = (received: { body: string }[]) => received.map(({ body }) => JSON.parse(body).text);

describe('what a customer writes', () => {
  it('is sent to the relay, signed over its raw bytes', async () => {
    const { url: relayUrl, received } = await startReceiver(atTheEnd);
    const chat = await chatWith({ relayUrl: `${relayUrl}/channels/chat/incoming` });
    const said = await call(`${chat.url}/sandbox/say`, {
      contact: 'c-1',
      name: 'Jane Smith',
      text: 'Grüße',
      attachments: ['https://files.example.com/a.png'],
    });
    expect(said).toMatchObject({ status: 200, json: { id: expect.stringMatching(/./) } });
    await vi.waitFor(() => expect(chat.books).toHaveLength(2));
    expect(received).toHaveLength(1);
    const { url, headers, body } = received[0] ?? { url: '', headers: {}, body: '' };
    expect(url).toBe('/channels/chat/incoming');
    expect(JSON.parse(body)).toEqual({
      id: said.json.id,
      contact: { id: 'c-1', name: 'Jane Smith' },
      text: 'Grüße',
      attachments: ['https://files.example.com/a.png'],
    });
    const signature = createHmac('sha256', 'chat-secret').update(body).digest('hex');
    expect(headers['x-webhook-signature']).toBe(`sha256=${signature}`);
    expect(headers).not.toHaveProperty('x-webhook-token');
    expect(chat.books).toMatchObject([
      { kind: 'said', id: said.json.id, contact: 'c-1', name: 'Jane Smith', text: 'Grüße' },
      { kind: 'relay_delivery', id: said.json.id, attempt: 1, status: 200 },
    ]);
  });

  it('has the contact for a name and no attachments where none are said', async () => {
    const { url: relayUrl, received } = await startReceiver(atTheEnd);
    const { say } = await chatWith({ relayUrl });
    const { id } = say('c-1', 'Hello');
    await vi.waitFor(() => expect(received).toHaveLength(1));
    expect(received[0]?.body).toBe(
      JSON.stringify({ id, contact: { id: 'c-1', name: 'c-1' }, text: 'Hello' }),
    );
  });

  it('is repeated with the same bytes, beyond the end of the schedule, in the order of its contact', async () => {
    const { url: relayUrl, received } = await startReceiver(atTheEnd, ({ body }, index) =>
      body.includes('first') && index < 6 ? 500 : 202,
    );
    const chat = await chatWith({ relayUrl, retryMs: [5, 10] });
    chat.say('c-1', 'first');
    chat.say('c-1', 'second');
    chat.say('c-2', 'meanwhile');
    await vi.waitFor(() => expect(textsOf(received).at(-1)).toBe('second'));
    const texts = textsOf(received);
    expect(texts.filter((text) => text === 'second')).toHaveLength(1);
    expect(texts.indexOf('meanwhile')).toBeLessThan(texts.lastIndexOf('first'));
    const first = received.filter(({ body }) => body.includes('first'));
    expect(first.length).toBeGreaterThan(4);
    expect(new Set(first.map(({ body }) => body)).size).toBe(1);
    // Written once the answer has come back, which is after the receiver has seen the message.
    await vi.waitFor(() =>
      expect(
        chat.books.filter((event) => event.kind === 'relay_delivery' && event.status === 202),
      ).toHaveLength(3),
    );
  });

  it('waits for a relay that is not there yet', async () => {
    const chat = await chatWith();
    chat.say('c-1', 'first');
    chat.say('c-1', 'second');
    const { url, received } = await startReceiver(atTheEnd);
    expect((await call(`${chat.url}/sandbox/relay`, { url })).json).toEqual({ url });
    await vi.waitFor(() => expect(textsOf(received)).toEqual(['first', 'second']));
    const { url: other, received: moved } = await startReceiver(atTheEnd);
    chat.setRelay(other);
    chat.say('c-1', 'third');
    await vi.waitFor(() => expect(textsOf(moved)).toEqual(['third']));
    expect((await call(`${chat.url}/sandbox/relay`, {})).status).toBe(400);
  });

  it('can reach the relay twice, or not at first', async () => {
    const { url: relayUrl, received } = await startReceiver(atTheEnd);
    const chat = await chatWith({ relayUrl });
    chat.fault({ operation: 'relay', fault: 'twice' });
    chat.fault({ operation: 'relay', fault: 'lost', contact: 'c-2' });
    chat.say('c-1', 'x');
    await vi.waitFor(() => expect(received).toHaveLength(2));
    expect(received[0]?.body).toBe(received[1]?.body);
    chat.say('c-2', 'y');
    await vi.waitFor(() => expect(received).toHaveLength(3));
    await vi.waitFor(() => expect(chat.books).toHaveLength(6));
    expect(chat.books.slice(-2)).toMatchObject([
      { kind: 'relay_delivery', attempt: 1, status: 'lost' },
      { kind: 'relay_delivery', attempt: 2, status: 200 },
    ]);
  });

  it.each([
    { text: 'x' },
    { contact: 'c' },
    { contact: 'c', text: '' },
    { contact: 'c', text: 'x', attachments: ['y'] },
  ])('is refused as %j', async (payload) => {
    const chat = await chatWith();
    expect((await call(`${chat.url}/sandbox/say`, payload)).status).toBe(400);
    expect(chat.books).toEqual([]);
  });
});

describe('what is written to a customer', () => {
  const REPLY = { id: 'reply-1', contact: 'c-1', text: 'You said: Hello' };

  it('is taken once for each id', async () => {
    const chat = await chatWith();
    const first = await deliver(chat, REPLY);
    expect(first).toMatchObject({ status: 201, json: { id: expect.stringMatching(/./) } });
    expect(first.json.id).not.toBe('reply-1');
    expect(await deliver(chat, REPLY)).toMatchObject({
      status: 200,
      json: { id: first.json.id, duplicate: true },
    });
    const second = await deliver(chat, {
      ...REPLY,
      id: 'reply-2',
      attachments: ['https://files.example.com/b'],
    });
    expect(second.status).toBe(201);
    expect(chat.books).toEqual([
      {
        kind: 'delivered',
        at: expect.any(String),
        id: first.json.id,
        messageId: 'reply-1',
        contact: 'c-1',
        text: REPLY.text,
      },
      expect.objectContaining({ messageId: 'reply-2', attachments: ['https://files.example.com/b'] }),
    ]);
  });

  it('needs the bearer token', async () => {
    const chat = await chatWith();
    expect(await deliver(chat, REPLY, 'wrong')).toMatchObject({
      status: 401,
      json: { error: { code: 'UNAUTHORIZED' } },
    });
    expect((await call(`${chat.url}/messages`, REPLY)).status).toBe(401);
    expect(chat.books).toEqual([]);
  });

  it.each([
    '{',
    {},
    { ...REPLY, id: '' },
    { ...REPLY, text: 7 },
    { ...REPLY, text: '' },
    { ...REPLY, contact: { id: 'c' } },
  ])('is refused with 400 as %j', async (payload) => {
    const chat = await chatWith();
    expect(await deliver(chat, payload)).toMatchObject({
      status: 400,
      json: { error: { code: 'INVALID_REQUEST', message: expect.any(String) } },
    });
    expect(chat.books).toEqual([]);
  });

  it.each([
    ['rate_limited', 429, 0],
    ['unauthorized', 401, 0],
    ['forbidden', 403, 0],
    ['not_found', 404, 0],
    ['not_found_plain', 404, 0],
    ['invalid', 400, 0],
    ['error_before', 500, 0],
    ['error_after', 500, 1],
    ['garbage', 200, 1],
    ['slow', 201, 1],
  ])('meets the fault %s with %i, once', async (fault, status, taken) => {
    const chat = await chatWith();
    chat.fault({ operation: 'deliver', fault, ms: 20 });
    expect((await deliver(chat, REPLY)).status).toBe(status);
    expect(chat.books).toHaveLength(taken);
    expect((await deliver(chat, REPLY)).status).toBe(taken === 1 ? 200 : 201);
    expect(chat.books).toHaveLength(1);
  });

  it.each([
    ['hang_before', 0],
    ['reset_before', 0],
    ['hang_after', 1],
    ['reset_after', 1],
  ])('meets the fault %s without an answer', async (fault, taken) => {
    const chat = await chatWith();
    await call(`${chat.url}/sandbox/faults`, { operation: 'deliver', fault, ms: 20 });
    await expect(deliver(chat, REPLY)).rejects.toThrow();
    expect(chat.books).toHaveLength(taken);
  });
});

it('both directions are listed in the order in which they came', async () => {
  const chat = await chatWith();
  chat.say('c-1', 'one');
  await deliver(chat, { id: 'r', contact: 'c-1', text: 'two' });
  chat.say('c-2', 'three');
  chat.say('c-1', 'four');
  const listed = async (query: string) => {
    const { json } = await call(`${chat.url}/sandbox/messages${query}`);
    return json.messages.map(({ kind, text }: { kind: string; text: string }) => `${kind} ${text}`);
  };
  expect(await listed('?contact=c-1')).toEqual(['said one', 'delivered two', 'said four']);
  expect(await listed('')).toHaveLength(4);
  expect((await call(`${chat.url}/sandbox/books`)).json).toEqual({ events: chat.books });
  expect((await call(`${chat.url}/health`)).json).toEqual({ status: 'ok' });
});

describe('the sandbox chat as a process', () => {
  it('knows after a kill what it has taken, and goes on with what is undelivered', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    atTheEnd(() => rmSync(folder, { recursive: true }));
    const booksFile = join(folder, 'chat.jsonl');
    let accepts = false;
    const { url: relayUrl, received } = await startReceiver(atTheEnd, () => (accepts ? 200 : 503));
    const start = async () => {
      const options = { secret: SECRET, booksFile, relayUrl, retryMs: [100] };
      const child = fork(join(import.meta.dirname, '../../../local/sandbox/chat-process.ts'), [
        JSON.stringify(options),
      ]);
      atTheEnd(() => child.kill('SIGKILL'));
      const [{ port }] = (await once(child, 'message')) as [{ port: number }];
      return { child, url: `http://127.0.0.1:${port}` };
    };

    const first = await start();
    await call(`${first.url}/sandbox/say`, { contact: 'c-1', text: 'one' });
    await call(`${first.url}/sandbox/say`, { contact: 'c-1', text: 'two' });
    const taken = await deliver(first, { id: 'r', contact: 'c-1', text: 'reply' });
    await vi.waitFor(() => expect(readFileSync(booksFile, 'utf8')).toContain('"status":503'));
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const before = received.length;

    accepts = true;
    const second = await start();
    expect((await deliver(second, { id: 'r', contact: 'c-1', text: 'reply' })).json).toEqual({
      id: taken.json.id,
      duplicate: true,
    });
    await vi.waitFor(() => expect(textsOf(received).slice(before)).toEqual(['one', 'two']));
    expect(received[before]?.body).toBe(received[0]?.body);
    second.child.kill('SIGTERM');
    expect(await once(second.child, 'exit')).toEqual([0, null]);
  });
});
