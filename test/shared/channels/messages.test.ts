import { createHash } from 'node:crypto';
import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { type Content, type Message, messageIdOf, newMessage } from '../../../shared/channels/message.ts';
import { createDynamoMessages, messagesOfDays } from '../../../shared/channels/messages.ts';
import { newRecharge } from '../../../shared/recharge/recharge.ts';
import { utc } from '../../support/builders.ts';
import { itemSize } from '../../support/item-size.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const NOON = utc('2026-01-05 12:00:00');
const DAY = 86_400_000;

const CONTENT: Content = {
  id: 'their-1',
  contact: '+15551234567',
  type: 'text',
  text: 'Hello 👋',
  attachments: ['https://files.example.com/1.png'],
};

const aMessage = (content: Partial<Content> = {}, at = NOON): Message =>
  newMessage({ channel: 'support', direction: 'incoming', content: { ...CONTENT, ...content } }, at);

/** The messages of this test's table, and a clock. */
function messagesAt(start = NOON) {
  const { client, table } = store();
  const clock = { now: start };
  return { clock, client, table, ...createDynamoMessages(client, table, () => clock.now) };
}

const itemOf = async (id: string) => {
  const { client, table } = store();
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: `MESSAGE#${id}` } }));
  return Item;
};

describe('a message', () => {
  it('is marked once; who comes later gets the one that stands', async () => {
    const { mark, read } = messagesAt();
    const first = aMessage();
    expect(await mark(first)).toEqual({ kind: 'written', row: first });
    const again = aMessage({ text: 'another' }, NOON + 1_000);
    expect(await mark(again)).toEqual({ kind: 'conflict', row: first });
    expect(await read(messageIdOf(first))).toEqual(first);
    expect(await read('rrm-unknown')).toBeUndefined();
  });

  it('comes back as it was written, with all that it may carry', async () => {
    const { mark, write, read } = messagesAt();
    const full = aMessage({
      firstName: 'Jane',
      lastName: 'Smith',
      email: 'jane@example.com',
      replyTo: 'C1:17.2',
      campaignId: 'campaign-1',
      attachments: [],
    });
    await mark(full);
    const history = [...full.history, { at: NOON + 5, event: 'waiting', detail: 'HTTP 503', times: 2 }];
    const more: Partial<Message> = {
      status: 'delivering',
      intent: 'token-1',
      externalIds: ['a'],
      partsDelivered: 1,
    };
    const written = await write(full, { ...full, ...more, history });
    expect(written).toEqual({ kind: 'written', row: { ...full, ...more, history, version: 2 } });
    expect(await read(messageIdOf(full))).toEqual(written.row);
    const { intent: _, ...settled } = written.row;
    await write(written.row, settled);
    expect(await read(messageIdOf(full))).toEqual({ ...settled, version: 3 });
  });

  it('is written only over what was read', async () => {
    const { mark, write, read } = messagesAt();
    const first = aMessage();
    await mark(first);
    const won = await write(first, { ...first, status: 'queued' });
    const lost = await write(first, { ...first, status: 'failed' });
    expect(lost).toEqual({ kind: 'conflict', row: won.row });
    expect(await read(messageIdOf(first))).toMatchObject({ status: 'queued', version: 2 });
  });

  it('of another channel, way or id is another one', async () => {
    const { mark } = messagesAt();
    const all = [
      aMessage(),
      aMessage({ id: 'their-2' }),
      { ...aMessage(), channel: 'sales' },
      { ...aMessage(), direction: 'outgoing' as const },
    ];
    for (const message of all) expect((await mark(message)).kind).toBe('written');
    expect(new Set(all.map(messageIdOf)).size).toBe(4);
  });

  it('is forgotten after 30 days, though it may still stand there, and its id is free again', async () => {
    const { clock, mark, read } = messagesAt();
    const first = aMessage();
    const id = messageIdOf(first);
    await mark(first);
    clock.now = NOON + 30 * DAY - 1;
    expect(await read(id)).toEqual(first);
    expect((await mark(aMessage({}, clock.now))).kind).toBe('conflict');
    clock.now = NOON + 30 * DAY;
    expect(await itemOf(id)).toMatchObject({ expiresAt: clock.now / 1_000 });
    expect(await read(id)).toBeUndefined();
    expect((await mark(aMessage({}, clock.now))).kind).toBe('written');
  });

  it('lives 30 days from its replay', async () => {
    const { clock, mark, write, read } = messagesAt();
    const first = aMessage();
    await mark(first);
    clock.now = NOON + 29 * DAY;
    await write(first, { ...first, queuedAt: clock.now, queuedNo: 2 });
    clock.now = NOON + 58 * DAY;
    expect(await read(messageIdOf(first))).toMatchObject({ queuedNo: 2, receivedAt: NOON });
  });

  it('of a later version is left alone', async () => {
    const { client, table, mark, write, read } = messagesAt();
    const first = aMessage();
    await mark(first);
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${messageIdOf(first)}` },
        UpdateExpression: 'SET v = :v, version = :version',
        ExpressionAttributeValues: { ':v': 99, ':version': 7 },
      }),
    );
    await expect(read(messageIdOf(first))).rejects.toThrow('schema version 99');
    await expect(mark(first)).rejects.toThrow('schema version 99');
    await expect(write(first, { ...first, status: 'queued' })).rejects.toThrow('schema version 99');
  });

  it('is among those of the last days, newest first, today being the first of them, and past one page', async () => {
    const { mark, ...messages } = messagesAt();
    const days = [0, 1, 2].map((ago) => aMessage({ id: `day-${ago}` }, NOON - ago * DAY));
    const many = Array.from({ length: 101 }, (_, n) => aMessage({ id: `many-${n}` }, NOON - DAY - n - 1));
    for (const message of [...days, ...many]) await mark(message);
    const ids = async (count: number) =>
      (await messagesOfDays(messages, count, NOON)).map(({ content }) => content.id);
    expect(await ids(1)).toEqual(['day-0']);
    expect(await ids(2)).toEqual(['day-0', 'day-1', ...many.map(({ content }) => content.id)]);
    expect((await ids(3)).at(-1)).toBe('day-2');
  });

  it('is listed under the UTC day it came on, newest first, page by page', async () => {
    const { mark, write, list } = messagesAt();
    const messages = Array.from({ length: 105 }, (_, index) =>
      aMessage({ id: `their-${index}` }, NOON + index),
    );
    for (const message of messages) await mark(message);
    const midnight = aMessage({ id: 'midnight' }, utc('2026-01-06 00:00:00'));
    await mark(midnight);
    await write(midnight, { ...midnight, status: 'queued', queuedAt: NOON + 9 * DAY });
    const first = await list('2026-01-05');
    const second = await list('2026-01-05', first.cursor);
    expect([...first.items, ...second.items]).toEqual(messages.map(messageIdOf).toReversed());
    expect(second.cursor).toBeUndefined();
    expect((await list('2026-01-06')).items).toEqual([messageIdOf(midnight)]);
  });

  it('of 100 characters costs 3 write units to mark, 2 to say it is queued, then 1 a write, and half a KB', async () => {
    const { client, table } = store();
    const { mark, write, read } = createDynamoMessages(client, table, () => NOON);
    const message = aMessage({ text: 'x'.repeat(100), firstName: 'Jane', replyTo: 'C1:17.2' });
    const counted = meter(client);
    await mark(message);
    expect(counted).toMatchObject({ requests: 1, writeUnits: 3, readUnits: 0 });
    counted.reset();
    const { row } = await write(message, { ...message, status: 'queued' });
    expect(counted).toMatchObject({ requests: 1, writeUnits: 2, readUnits: 0 });
    counted.reset();
    await write(row, { ...row, status: 'delivered' });
    await read(messageIdOf(message));
    expect(counted).toMatchObject({ requests: 2, writeUnits: 1, readUnits: 1 });
    expect(itemSize((await itemOf(messageIdOf(message))) ?? {})).toBeLessThan(700);
  });
});

describe('a message that should have been queued a minute ago', () => {
  const MINUTE = 60_000;
  /** All that are due some day. */
  const allDue = async ({ due }: Pick<ReturnType<typeof messagesAt>, 'due'>) =>
    (await due(Number.MAX_SAFE_INTEGER)).items;

  it('is due for as long as it says no more than that it was received, the oldest first, page by page', async () => {
    const { mark, due } = messagesAt();
    const all = Array.from({ length: 105 }, (_, n) => aMessage({ id: `their-${n}` }, NOON + n));
    for (const message of all.toReversed()) await mark(message);
    expect((await due(NOON + MINUTE - 1)).items).toEqual([]);
    expect(await due(NOON + MINUTE)).toEqual({ items: [messageIdOf(all[0] ?? expect.unreachable())] });
    const first = await due(NOON + DAY);
    const second = await due(NOON + DAY, first.cursor);
    expect([...first.items, ...second.items]).toEqual(all.map(messageIdOf));
    expect(second.cursor).toBeUndefined();
  });

  it.each(['queued', 'delivering', 'delivered', 'failed', 'parked'] as const)(
    'is due no longer where it is %s, and again where it is replayed, a minute after that',
    async (status) => {
      const { mark, write, ...messages } = messagesAt();
      const first = aMessage();
      const id = messageIdOf(first);
      await mark(first);
      const { row } = await write(first, { ...first, status });
      expect(await allDue(messages)).toEqual([]);
      const stored = await itemOf(id);
      expect(stored).not.toHaveProperty('open');
      expect(stored).not.toHaveProperty('nextAttemptAt');
      const again = await write(row, { ...row, status: 'received', queuedAt: NOON + DAY });
      expect((await messages.due(NOON + DAY + MINUTE - 1)).items).toEqual([]);
      expect((await messages.due(NOON + DAY + MINUTE)).items).toEqual([id]);
      // Another word on a row that stays: replayed anew.
      await write(again.row, { ...again.row, queuedAt: NOON + 2 * DAY });
      expect((await messages.due(NOON + 2 * DAY + MINUTE - 1)).items).toEqual([]);
      expect(await allDue(messages)).toEqual([id]);
    },
  );

  it('is taken out of the index by any write, where a version that did not know it left it there', async () => {
    const { client, table, mark, write, ...messages } = messagesAt();
    const first = aMessage();
    const id = messageIdOf(first);
    await mark(first);
    const { row } = await write(first, { ...first, status: 'queued' });
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${id}` },
        UpdateExpression: 'SET #open = :open, nextAttemptAt = :at',
        ExpressionAttributeNames: { '#open': 'open' },
        ExpressionAttributeValues: { ':open': 'message', ':at': NOON },
      }),
    );
    expect(await allDue(messages)).toEqual([id]);
    expect(await messages.read(id)).toEqual(row);
    await write(row, { ...row, status: 'delivered' });
    expect(await allDue(messages)).toEqual([]);
  });

  it('is put into the index by a replay, where a version that did not know it marked it', async () => {
    const { client, table, mark, write, ...messages } = messagesAt();
    const first = aMessage();
    const id = messageIdOf(first);
    await mark(first);
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: `MESSAGE#${id}` },
        UpdateExpression: 'REMOVE #open, nextAttemptAt',
        ExpressionAttributeNames: { '#open': 'open' },
      }),
    );
    expect(await allDue(messages)).toEqual([]);
    await write(first, { ...first, queuedNo: 2, queuedAt: NOON + DAY });
    expect(await allDue(messages)).toEqual([id]);
  });

  it('is in no list of recharges, nor a recharge in its', async () => {
    const { mark, due } = messagesAt();
    await mark(aMessage());
    const { ledger } = store();
    await ledger.claim(newRecharge({ key: 'k', email: 'jane@example.com', credits: 5 }, NOON, NOON));
    expect((await ledger.due('time', NOON + DAY)).items).toEqual([{ key: 'k', nextAttemptAt: NOON }]);
    expect((await ledger.due('person', NOON + DAY)).items).toEqual([]);
    expect((await due(NOON + DAY)).items).toEqual([messageIdOf(aMessage())]);
  });
});

describe('where a contact takes replies', () => {
  const place = { channel: 'support', contact: 'U1', replyTo: 'C1:17.2', at: NOON };

  it('is what its newest message says', async () => {
    const { rememberReplyTo, known } = messagesAt();
    expect((await known('support', 'U1')).replyTo).toBeUndefined();
    await rememberReplyTo(place);
    expect((await known('support', 'U1')).replyTo).toBe('C1:17.2');
    await rememberReplyTo({ ...place, replyTo: 'C1:18.0', at: NOON + 1 });
    await rememberReplyTo({ ...place, replyTo: 'late', at: NOON - 1 });
    expect((await known('support', 'U1')).replyTo).toBe('C1:18.0');
    expect((await known('support', 'U2')).replyTo).toBeUndefined();
    expect((await known('sales', 'U1')).replyTo).toBeUndefined();
  });

  it('is forgotten after 400 days without a message', async () => {
    const { clock, rememberReplyTo, known } = messagesAt();
    await rememberReplyTo(place);
    clock.now = NOON + 400 * DAY - 1;
    expect((await known('support', 'U1')).replyTo).toBe('C1:17.2');
    clock.now += 1;
    expect((await known('support', 'U1')).replyTo).toBeUndefined();
  });

  it('is stored under a name that tells no phone number or email', async () => {
    const { client, table, rememberReplyTo } = messagesAt();
    await rememberReplyTo({ ...place, contact: '+15551234567' });
    const hash = createHash('sha256').update('+15551234567').digest('hex').slice(0, 32);
    const Key = { pk: `CONTACT#support#${hash}` };
    expect((await client.send(new GetCommand({ TableName: table, Key }))).Item).toMatchObject({
      replyTo: 'C1:17.2',
    });
  });
});
