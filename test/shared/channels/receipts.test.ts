import { ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { receiptsOf } from '../../../operate/messages.ts';
import { replayMessage } from '../../../shared/channels/accept.ts';
import { decide, productionMessagePolicy } from '../../../shared/channels/decide.ts';
import { type Message, messageIdOf, newMessage } from '../../../shared/channels/message.ts';
import { createDynamoMessages } from '../../../shared/channels/messages.ts';
import type { Receipt, Stage } from '../../../shared/channels/receipt.ts';
import { createDynamoReceipts } from '../../../shared/channels/receipts.ts';
import { settleReceipts } from '../../../shared/channels/settle-receipts.ts';
import { createLogger } from '../../../shared/logger.ts';
import { utc } from '../../support/builders.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const NOON = utc('2026-01-05 12:00:00');
const WORDS: Record<Stage, string> = {
  sent: 'sent',
  failed: "undelivered, Twilio's error 30003",
  delivered: 'delivered',
  read: 'read',
};

/** A reply in parts, and what a chat system and its worker do with it. */
function aReply() {
  const { client, table } = store();
  const clock = { now: NOON };
  const now = () => clock.now;
  const lines: string[] = [];
  const logger = createLogger((line) => lines.push(line), { now });
  const messages = createDynamoMessages(client, table, now);
  const receipts = createDynamoReceipts(client, table, now);
  const deps = { messages, receipts, logger, now };
  const content = { id: 'reply-1', contact: '+1555', type: 'text', text: 'Hi', attachments: [] } as const;
  const first = newMessage(
    { channel: 'sms', direction: 'outgoing', content: { ...content, attachments: [] } },
    NOON,
  );
  const id = messageIdOf(first);
  const read = async (): Promise<Message> =>
    (await messages.read(id)) ?? expect.unreachable('there is no row');
  const moment = () => ({ now: now(), jitter: 0, unknown: 'park', policy: productionMessagePolicy }) as const;
  return {
    client,
    clock,
    id,
    read,
    messages,
    receipts,
    deps,
    mark: () => messages.mark(first),
    /** What the worker writes once the chat system has answered, and then links. */
    async takes(externalId: string, part = 1, parts = 1) {
      const row = await read();
      const outcome = { kind: 'delivered', externalId, part, parts } as const;
      await messages.write(row, decide(row, outcome, moment()).next);
    },
    link: async (externalId: string, part = 1) =>
      settleReceipts(await receipts.link({ channel: 'sms', externalId, of: { id, part: part - 1 } }), deps),
    async says(externalId: string, stage: Stage, more: Partial<Receipt> = {}) {
      clock.now += 1_000;
      const standing = await receipts.note('sms', { externalId, stage, words: WORDS[stage], ...more });
      await settleReceipts(standing, deps);
      return standing;
    },
    replay: () =>
      replayMessage(id, {
        messages,
        queue: { send: async () => {} },
        logger,
        now,
      }),
    told: async () => receiptsOf({ receipts }, await read()),
    alerts: (): unknown[] =>
      lines.map((line) => JSON.parse(line)).flatMap((line) => (line.level === 'alert' ? [line.message] : [])),
    lines: (): any[] => lines.map((line) => JSON.parse(line)),
  };
}

/** One that the chat system has taken. */
async function aTakenReply() {
  const reply = aReply();
  await reply.mark();
  await reply.takes('SM1');
  await reply.link('SM1');
  return reply;
}

describe('a receipt of a reply', () => {
  it('is told with the words of the chat system, in the order in which they first came', async () => {
    const reply = await aTakenReply();
    for (const stage of ['sent', 'delivered', 'read', 'sent'] as const) await reply.says('SM1', stage);
    const said = (stage: Stage, n: number) => ({ at: NOON + n * 1_000, stage, words: WORDS[stage] });
    expect(await reply.told()).toEqual([
      {
        part: 1,
        externalId: 'SM1',
        stage: 'read',
        said: [said('sent', 1), said('delivered', 2), said('read', 3)],
      },
    ]);
    expect(await reply.read()).toMatchObject({ status: 'delivered', version: 2 });
  });

  it('costs one request and one write unit, and the reply one of each for the name it was given', async () => {
    const reply = aReply();
    await reply.mark();
    await reply.takes('SM1');
    const used = meter(reply.client);
    await reply.link('SM1');
    expect(used).toMatchObject({ requests: 1, writeUnits: 1, readUnits: 0 });
    await reply.says('SM1', 'delivered');
    expect(used).toMatchObject({ requests: 2, writeUnits: 2, readUnits: 0 });
  });

  const ORDERS: Stage[][] = [
    ['sent', 'failed', 'delivered'],
    ['delivered', 'failed', 'sent'],
    ['failed', 'delivered', 'failed', 'sent'],
  ];
  it.each(ORDERS)('only brings it forward, in whatever order they come: %s, %s, %s', async (...stages) => {
    const reply = await aTakenReply();
    for (const stage of stages) await reply.says('SM1', stage);
    expect((await reply.told())[0]?.stage).toBe('delivered');
    expect((await reply.read()).status).toBe('delivered');
  });

  it('that it failed makes it a failed message, with one alert, and sends nothing again', async () => {
    const reply = await aTakenReply();
    await reply.says('SM1', 'failed');
    await reply.says('SM1', 'failed');
    expect(await reply.read()).toMatchObject({ status: 'failed', undelivered: [0], queuedNo: 1 });
    expect((await reply.read()).history.at(-1)).toMatchObject({ event: 'undelivered', detail: WORDS.failed });
    expect(reply.alerts()).toEqual(['message_failed']);
    expect(reply.lines().at(-1)).toMatchObject({ id: reply.id, channel: 'sms', detail: WORDS.failed });
  });

  it('may come before we know what the reply is called, whichever it says', async () => {
    const reply = aReply();
    await reply.mark();
    await reply.says('SM1', 'failed');
    expect(reply.alerts()).toEqual([]);
    await reply.takes('SM1');
    await reply.link('SM1');
    expect((await reply.read()).status).toBe('failed');
    expect(reply.alerts()).toEqual(['message_failed']);
  });

  it('of somebody else’s message does nothing, and is forgotten after four days, while ours stay for thirty', async () => {
    const reply = await aTakenReply();
    const standing = await reply.says('SM-of-an-agent', 'failed');
    expect(standing.of).toBeUndefined();
    expect((await reply.read()).status).toBe('delivered');
    expect(reply.alerts()).toEqual([]);
    expect(await reply.receipts.read('another channel', 'SM-of-an-agent')).toBeUndefined();
    const { Items = [] } = await reply.client.send(new ScanCommand({ TableName: store().table }));
    const kept = Items.find((item) => 'failed' in item);
    expect(kept?.expiresAt).toBe((NOON + 4 * 86_400_000) / 1_000 + 1);
    await reply.says('SM1', 'sent');
    const { Items: later = [] } = await reply.client.send(new ScanCommand({ TableName: store().table }));
    expect(later.find((item) => 'sent' in item)?.expiresAt).toBe((NOON + 30 * 86_400_000) / 1_000);
  });

  it('counts where two come at once, though the one that says less is written last', async () => {
    const reply = await aTakenReply();
    const failed = await reply.receipts.note('sms', { externalId: 'SM1', stage: 'failed', words: 'failed' });
    const write: typeof reply.messages.write = async (...given) => {
      // The other one looks at the row before it says that it failed, and so has nothing to write.
      if (given[1].status === 'failed') await reply.says('SM1', 'delivered');
      return reply.messages.write(...given);
    };
    await settleReceipts(failed, { ...reply.deps, messages: { ...reply.messages, write } });
    expect(await reply.read()).toMatchObject({ status: 'delivered', history: expect.anything() });
    expect((await reply.read()).history.map(({ event }) => event).slice(-2)).toEqual([
      'undelivered',
      'arrived',
    ]);
    expect(reply.alerts()).toEqual([]);
  });
});

describe('a reply that did not reach its contact', () => {
  it('is sent again if a person says so, and is then judged by its new name alone', async () => {
    const reply = await aTakenReply();
    await reply.says('SM1', 'failed');
    expect((await reply.replay()).kind).toBe('replayed');
    expect(await reply.read()).toMatchObject({ status: 'queued', partsDelivered: 0, externalIds: [] });
    await reply.says('SM1', 'failed');
    expect(await reply.read()).not.toHaveProperty('undelivered');
    await reply.takes('SM2');
    await reply.link('SM2');
    await reply.says('SM2', 'delivered');
    expect(await reply.read()).toMatchObject({ status: 'delivered', externalIds: ['SM2'] });
    expect((await reply.told()).map(({ stage }) => stage)).toEqual(['delivered']);
  });

  it('is failed once all its parts are sent, and begins again with the part that is missing', async () => {
    const reply = aReply();
    await reply.mark();
    for (const part of [1, 2]) {
      await reply.takes(`SM${part}`, part, 3);
      await reply.link(`SM${part}`, part);
    }
    await reply.says('SM2', 'failed');
    expect(await reply.read()).toMatchObject({ status: 'queued', undelivered: [1] });
    await reply.takes('SM3', 3, 3);
    await reply.link('SM3', 3);
    expect(await reply.read()).toMatchObject({ status: 'failed', partsDelivered: 3 });
    expect((await reply.read()).history.map(({ detail }) => detail)).toContain(`part 2: ${WORDS.failed}`);
    await reply.replay();
    expect(await reply.read()).toMatchObject({ partsDelivered: 1, externalIds: ['SM1'] });
  });

  it.each([
    ['after', ['failed'], ['delivered'], 0],
    ['before', [], ['failed', 'delivered'], 1],
  ] as const)(
    'stays failed where another part is refused, %s that was said',
    async (_, first, then, parts) => {
      const reply = aReply();
      await reply.mark();
      await reply.takes('SM1', 1, 2);
      await reply.link('SM1');
      for (const stage of first) await reply.says('SM1', stage);
      const row = await reply.read();
      const at = { now: NOON, jitter: 0, unknown: 'park', policy: productionMessagePolicy } as const;
      await reply.messages.write(row, decide(row, { kind: 'refused', detail: 'no' }, at).next);
      for (const stage of then) await reply.says('SM1', stage);
      expect(await reply.read()).toMatchObject({ status: 'failed', partsDelivered: parts });
    },
  );
});
