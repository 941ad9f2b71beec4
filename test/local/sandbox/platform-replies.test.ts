import { fork } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import {
  createSandboxPlatform,
  type SandboxPlatform,
  type SandboxPlatformOptions,
} from '../../../local/sandbox/platform.ts';
import { call, startReceiver, useEndings } from '../../support/sandbox.ts';

const KEY = 'platform-key';
const SECRET = 'reply-secret';
const atTheEnd = useEndings();

async function platformWith(options: Partial<SandboxPlatformOptions> = {}) {
  const platform = await createSandboxPlatform({
    apiKey: KEY,
    webhookSecret: 'webhook-secret',
    replySecret: SECRET,
    webhookRetryMs: [10, 10, 10],
    ...options,
  });
  atTheEnd(platform.close);
  return platform;
}

/** A message of a contact; its body is also its id. */
function receive(
  { url }: { url: string },
  fromId: string,
  body: string,
  more: object = {},
  messageType = 'text',
) {
  return call(`${url}/v1/incoming_custom_channel_message?apiKey=${KEY}`, {
    customData: { messageSid: body, fromId, toId: 'me', body, channel: 'live chat', ...more },
    messageType,
  });
}

const events = (platform: SandboxPlatform, kind: string) =>
  platform.books.filter((event) => event.kind === kind);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const bodiesOf = (received: { body: string }[]) => received.map(({ body }) => JSON.parse(body).body);

describe('the bot', () => {
  it('answers a text message, signed, at the address of its channel', async () => {
    const { url, received } = await startReceiver(atTheEnd);
    const platform = await platformWith({ replyUrl: `${url}/channels/{channel}/outgoing` });
    await receive(platform, 'visitor-1', 'Grüße', { email: 'v@example.com' });
    await vi.waitFor(() => expect(events(platform, 'reply_delivery')).toHaveLength(1));

    expect(received).toHaveLength(1);
    expect(received[0]?.url).toBe('/channels/live%20chat/outgoing');
    const body = received[0]?.body ?? '';
    expect(JSON.parse(body)).toEqual({
      messageId: expect.stringMatching(/./),
      contactId: 'visitor-1',
      channel: 'live chat',
      body: 'You said: Grüße',
      direction: 'outbound',
    });
    expect(received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-webhook-token': SECRET,
      'x-webhook-signature': `sha256=${createHmac('sha256', 'reply-secret').update(body).digest('hex')}`,
    });
    const { messageId } = JSON.parse(body);
    const happened = { at: expect.any(String), email: 'v@example.com', messageId };
    expect(platform.books.slice(2)).toEqual([
      { kind: 'reply', ...happened, contactId: 'visitor-1', channel: 'live chat', body: 'You said: Grüße' },
      { kind: 'reply_delivery', ...happened, attempt: 1, status: 200 },
    ]);
  });

  it('says nothing to a repetition, a reaction or a silent contact', async () => {
    const { url, received } = await startReceiver(atTheEnd);
    const platform = await platformWith({ replyUrl: url });
    await receive(platform, 'silent-1', 'first');
    await receive(platform, 'visitor', 'thumbs up', {}, 'reaction');
    await receive(platform, 'visitor', 'second');
    await receive(platform, 'visitor', 'second');
    await vi.waitFor(() => expect(events(platform, 'reply_delivery')).toHaveLength(1));
    await pause(30);
    expect(bodiesOf(received)).toEqual(['You said: second']);
  });

  it('is silent until it is switched on, also over HTTP', async () => {
    const platform = await platformWith();
    await receive(platform, 'a', 'before');
    const { url, received } = await startReceiver(atTheEnd);
    const answer = await call(`${platform.url}/sandbox/replies`, {
      url: `${url}/{channel}`,
      secret: 'other',
    });
    expect(answer).toMatchObject({ status: 200, json: { url: `${url}/{channel}` } });
    await receive(platform, 'a', 'after', { channel: undefined });
    await vi.waitFor(() => expect(received).toHaveLength(1));
    expect(received[0]?.url).toBe('/custom');
    expect(received[0]?.headers['x-webhook-token']).toBe('other');
    platform.setReplies(`${url}/elsewhere`, SECRET);
    await receive(platform, 'a', 'later');
    await vi.waitFor(() => expect(received).toHaveLength(2));
    expect(received[1]).toMatchObject({ url: '/elsewhere', headers: { 'x-webhook-token': SECRET } });
    expect((await call(`${platform.url}/sandbox/replies`, { url })).status).toBe(400);
  });

  it('repeats the same bytes until they are accepted, and keeps the order of a contact', async () => {
    const { url, received } = await startReceiver(atTheEnd, ({ body }, index) =>
      JSON.parse(body).contactId === 'a' && index < 4 ? ([503, 302, 404][index] ?? 500) : 200,
    );
    const platform = await platformWith({ replyUrl: url, webhookRetryMs: [5, 5, 5, 5, 5, 5] });
    for (const body of ['1', '2', '3']) await receive(platform, 'a', body);
    await vi.waitFor(() => expect(events(platform, 'reply_delivery').at(-1)).toMatchObject({ status: 200 }));
    await vi.waitFor(() => expect(bodiesOf(received).at(-1)).toBe('You said: 3'));
    const first = received.filter(({ body }) => body.includes('You said: 1'));
    expect(first).toHaveLength(5);
    expect(new Set(first.map(({ body }) => body)).size).toBe(1);
    expect(new Set(first.map(({ headers }) => headers['x-webhook-signature'])).size).toBe(1);
    expect(bodiesOf(received).slice(4)).toEqual(['You said: 1', 'You said: 2', 'You said: 3']);
  });

  it('lets no contact wait for another, nor one channel for another', async () => {
    const release = Promise.withResolvers<void>();
    const { url, received } = await startReceiver(atTheEnd, async (_, index) => {
      if (index === 0) await release.promise;
      return 200;
    });
    const platform = await platformWith({ replyUrl: url });
    await receive(platform, 'a', '1', { channel: 'chat' });
    await vi.waitFor(() => expect(received).toHaveLength(1));
    await receive(platform, 'a', '2', { channel: 'chat' });
    await receive(platform, 'a', '3', { channel: 'mail' });
    await receive(platform, 'b', '4', { channel: 'chat' });
    await vi.waitFor(() => expect(events(platform, 'reply_delivery')).toHaveLength(2));
    expect(bodiesOf(received).sort()).toEqual(['You said: 1', 'You said: 3', 'You said: 4']);
    release.resolve();
    await vi.waitFor(() => expect(bodiesOf(received)[3]).toBe('You said: 2'));
  });

  it('gives a reply up at the end of the schedule, and goes on with the next', async () => {
    const { url } = await startReceiver(atTheEnd, ({ body }) => (body.includes('bad') ? 500 : 200));
    const platform = await platformWith({ replyUrl: url, webhookRetryMs: [5] });
    await receive(platform, 'a', 'bad');
    await receive(platform, 'a', 'good');
    await vi.waitFor(() => expect(events(platform, 'reply_delivery')).toHaveLength(3));
    const outcomes = platform.books.flatMap((event) => {
      if (event.kind === 'reply_delivery') return [`${event.attempt}: ${event.status}`];
      return event.kind === 'reply_given_up' ? ['given up'] : [];
    });
    expect(outcomes).toEqual(['1: 500', '2: 500', 'given up', '1: 200']);
    const { json } = await call(`${platform.url}/sandbox/messages?fromId=a`);
    expect(json.messages.filter(({ kind }: { kind: string }) => kind === 'reply')).toMatchObject([
      { body: 'You said: bad', delivery: 'given_up' },
      { body: 'You said: good', delivery: 'delivered' },
    ]);
  });

  it('can deliver a reply twice, or lose its first try', async () => {
    const { url, received } = await startReceiver(atTheEnd);
    const platform = await platformWith({ replyUrl: url });
    platform.fault({ operation: 'reply', fault: 'twice', contact: 'b' });
    platform.fault({ operation: 'reply', fault: 'lost' });
    await receive(platform, 'a', 'x');
    await vi.waitFor(() => expect(events(platform, 'reply_delivery')).toHaveLength(2));
    expect(events(platform, 'reply_delivery')).toMatchObject([
      { status: 'lost' },
      { attempt: 2, status: 200 },
    ]);
    expect(received).toHaveLength(1);
    await receive(platform, 'b', 'y');
    await vi.waitFor(() => expect(received).toHaveLength(3));
    expect(received[1]?.body).toBe(received[2]?.body);
  });
});

describe('a person on the platform', () => {
  it('writes to a contact, in order with the bot', async () => {
    const { url, received } = await startReceiver(atTheEnd);
    const platform = await platformWith({ replyUrl: url });
    await receive(platform, 'a', 'Hello');
    const say = (payload: unknown) => call(`${platform.url}/sandbox/say`, payload);
    const said = await say({ channel: 'live chat', contactId: 'a', body: 'How can I help?' });
    expect(said).toMatchObject({ status: 200, json: { messageId: expect.any(String) } });
    await vi.waitFor(() => expect(received).toHaveLength(2));
    expect(bodiesOf(received)).toEqual(['You said: Hello', 'How can I help?']);
    expect(JSON.parse(received[1]?.body ?? '')).toMatchObject({
      ...said.json,
      contactId: 'a',
      direction: 'outbound',
    });
    expect((await say({ contactId: 'a', body: 'x' })).status).toBe(400);
  });

  it('cannot write while there is no address for it', async () => {
    const platform = await platformWith();
    const answer = await call(`${platform.url}/sandbox/say`, { channel: 'c', contactId: 'a', body: 'x' });
    expect(answer).toMatchObject({
      status: 409,
      json: { error: expect.stringContaining('/sandbox/replies') },
    });
    expect(platform.books).toEqual([]);
  });
});

describe('after a kill', () => {
  async function start(options: object) {
    const child = fork(join(import.meta.dirname, '../../../local/sandbox/platform-process.ts'), [
      JSON.stringify({ apiKey: KEY, webhookSecret: 'webhook-secret', replySecret: SECRET, ...options }),
    ]);
    atTheEnd(() => child.kill('SIGKILL'));
    const [{ port }] = (await once(child, 'message')) as [{ port: number }];
    return { child, url: `http://127.0.0.1:${port}` };
  }

  it('contacts, lists, messages and undelivered replies are as they were', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sandbox-'));
    atTheEnd(() => rmSync(folder, { recursive: true }));
    const booksFile = join(folder, 'books.jsonl');
    let accepts = false;
    const { url: replyUrl, received } = await startReceiver(atTheEnd, () => (accepts ? 200 : 503));

    const first = await start({ booksFile, replyUrl, webhookRetryMs: [60_000] });
    const jane = await call(`${first.url}/v1/contacts?apiKey=${KEY}`, { phone: '+15551234567' });
    await call(`${first.url}/v1/lists/customers/contacts?apiKey=${KEY}`, { contactId: jane.json.id });
    const one = await receive(first, 'a', 'one');
    await receive(first, 'a', 'two');
    await vi.waitFor(() => expect(readFileSync(booksFile, 'utf8')).toContain('"status":503'));
    const look = async (url: string) => [
      (await call(`${url}/sandbox/contacts`)).json,
      (await call(`${url}/sandbox/lists`)).json,
      (await call(`${url}/sandbox/messages`)).json,
      (await call(`${url}/sandbox/books`)).json,
    ];
    const before = await look(first.url);
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');

    // Without an address what is left waits, and uses up no attempt.
    const second = await start({ booksFile, webhookRetryMs: [] });
    expect(await look(second.url)).toEqual(before);
    expect((await receive(second, 'a', 'one')).json).toEqual(one.json);
    expect(await call(`${second.url}/v1/contacts?apiKey=${KEY}`, { phone: '+15551234567' })).toMatchObject({
      status: 200,
      json: jane.json,
    });
    accepts = true;
    await call(`${second.url}/sandbox/replies`, { url: replyUrl, secret: SECRET });
    await vi.waitFor(() => expect(received).toHaveLength(3));
    expect(bodiesOf(received)).toEqual(['You said: one', 'You said: one', 'You said: two']);
    expect(received[1]?.body).toBe(received[0]?.body);
    const deliveries = () =>
      readFileSync(booksFile, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).attempt)
        .filter(Boolean);
    await vi.waitFor(() => expect(deliveries()).toEqual([1, 2, 1]));
    second.child.kill('SIGKILL');
    await once(second.child, 'exit');

    await start({ booksFile, replyUrl });
    await pause(100);
    expect(received).toHaveLength(3);
  });
});
