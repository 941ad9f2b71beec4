import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import {
  countDeadLetters,
  listDeadLetters,
  type ReplayedLetter,
  replayDeadLetters,
} from '../../operate/dead-letters.ts';
import { type Message, messageIdOf, newMessage } from '../../shared/channels/message.ts';
import { aRecharge } from '../support/builders.ts';
import { useTraces } from '../support/traces.ts';

const traces = useTraces();

async function bury(queue: 'rechargeDeadLetters' | 'messageDeadLetters', body: string, group = 'a-contact') {
  const { sqs, urls } = traces();
  const ordered = { MessageGroupId: group, MessageDeduplicationId: String(Math.random()) };
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: urls[queue],
      MessageBody: body,
      ...(queue === 'messageDeadLetters' ? ordered : {}),
    }),
  );
}

const inQueue = async (queue: 'recharges' | 'messages') => {
  const { sqs, urls } = traces();
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: urls[queue], MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body = '' }) => JSON.parse(Body));
};

/** Stores one that was given up. */
async function aFailedMessage(contact: string, status: Message['status'] = 'failed'): Promise<string> {
  const { messages } = traces().connection;
  const content = { id: `their-${contact}`, contact, type: 'text' as const, text: 'Hello', attachments: [] };
  const row = newMessage({ channel: 'support', direction: 'incoming', content }, Date.now());
  await messages.mark(row);
  await messages.write(row, { ...row, status });
  return messageIdOf(row);
}

const replay = async (queue: 'recharges' | 'messages', options = {}) => {
  const told: ReplayedLetter[] = [];
  const counts = await replayDeadLetters(traces().connection, queue, options, (one) => told.push(one));
  return { counts, told: told.map(({ names, done }) => [names, done]) };
};

describe('dead letters of recharges', () => {
  it('are listed with the phase of the row that each names, and all of them stay', async () => {
    const { ledger } = traces().connection;
    await ledger.claim(aRecharge({ key: 'waits', phase: 'charged' }));
    await ledger.claim(aRecharge({ key: 'is over', phase: 'completed' }));
    await ledger.claim(aRecharge({ key: 'asks', phase: 'needs_review' }));
    for (const key of ['waits', 'is over', 'asks', 'never seen'])
      await bury('rechargeDeadLetters', JSON.stringify({ key }));
    await bury('rechargeDeadLetters', 'not ours');

    const look = async () => {
      const letters = await listDeadLetters(traces().connection, 'recharges', 100);
      return letters.map(({ names, state, plan }) => [names, state, plan]);
    };
    const seen = await look();
    expect(seen).toHaveLength(5);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['waits', 'charged', 'queue'],
        ['is over', 'completed', 'forget'],
        ['asks', 'needs_review', 'forget'],
        ['never seen', undefined, 'leave'],
        [undefined, undefined, 'leave'],
      ]),
    );
    // None is hidden from whoever looks next.
    expect(await look()).toHaveLength(5);
    expect(await listDeadLetters(traces().connection, 'recharges', 2)).toHaveLength(2);
    expect(await countDeadLetters(traces().connection)).toEqual({ recharges: 5, messages: 0 });
  });

  it('are queued again by their key, unless they have ended; what names nothing stays until it is dropped', async () => {
    const { ledger } = traces().connection;
    await ledger.claim(aRecharge({ key: 'waits', phase: 'charged' }));
    await ledger.claim(aRecharge({ key: 'is over', phase: 'completed' }));
    for (const key of ['waits', 'is over', 'never seen'])
      await bury('rechargeDeadLetters', JSON.stringify({ key }));

    const first = await replay('recharges');
    expect(first.counts).toEqual({ queued: 1, forgotten: 1, dropped: 0, left: 1 });
    expect(first.told).toEqual(
      expect.arrayContaining([
        ['waits', 'queued'],
        ['is over', 'forgotten'],
        ['never seen', 'left'],
      ]),
    );
    expect(await inQueue('recharges')).toEqual([{ key: 'waits' }]);

    expect((await replay('recharges')).told).toEqual([['never seen', 'left']]);
    expect((await replay('recharges', { dropUnreadable: true })).told).toEqual([['never seen', 'dropped']]);
    expect(await countDeadLetters(traces().connection)).toEqual({ recharges: 0, messages: 0 });
  });

  it('that could not be queued is still there, and visible', async () => {
    const { connection, urls } = traces();
    await connection.ledger.claim(aRecharge({ key: 'waits', phase: 'charged' }));
    await bury('rechargeDeadLetters', JSON.stringify({ key: 'waits' }));
    const queues = await connection.queues();
    const away = { ...urls, recharges: `${urls.recharges}-away` };
    const broken = { ...connection, queues: async () => ({ ...queues, urls: away }) };
    await expect(replayDeadLetters(broken, 'recharges', {}, () => {})).rejects.toThrow();
    expect(await listDeadLetters(connection, 'recharges', 10)).toHaveLength(1);
  });
});

describe('dead letters of messages', () => {
  it('are tried again as new messages to the queue, in the order of their contact', async () => {
    const [first, second] = [await aFailedMessage('1'), await aFailedMessage('2', 'parked')];
    const delivered = await aFailedMessage('3', 'delivered');
    for (const message of [first, second, delivered])
      await bury('messageDeadLetters', JSON.stringify({ message }));

    const { counts, told } = await replay('messages');
    expect(counts).toEqual({ queued: 2, forgotten: 1, dropped: 0, left: 0 });
    expect(told).toEqual([
      [first, 'queued'],
      [second, 'queued'],
      [delivered, 'forgotten'],
    ]);
    const { messages } = traces().connection;
    expect(await messages.read(first)).toMatchObject({ status: 'queued', queuedNo: 2 });
    expect(await inQueue('messages')).toContainEqual({ message: first });
    expect(await countDeadLetters(traces().connection)).toEqual({ recharges: 0, messages: 0 });
  });

  it('that goes on already is only taken out', async () => {
    const id = await aFailedMessage('1', 'queued');
    await bury('messageDeadLetters', JSON.stringify({ message: id }));
    expect((await replay('messages')).told).toEqual([[id, 'forgotten']]);
  });
});
