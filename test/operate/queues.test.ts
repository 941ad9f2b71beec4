import { ReceiveMessageCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { expect, it } from 'vitest';
import { countUnsentEvents, readQueueDepths } from '../../operate/queues.ts';
import { useQueue } from '../support/queue.ts';

const queueOf = useQueue();

it('the queues say what waits, what is being worked on, and what is dead, seen or not', async () => {
  const { client: sqs, url, deadLetterUrl } = queueOf();
  const send = (QueueUrl: string) => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' }));
  for (const queue of [url, url, url, deadLetterUrl, deadLetterUrl]) await send(queue);
  await sqs.send(new ReceiveMessageCommand({ QueueUrl: url }));
  await sqs.send(new ReceiveMessageCommand({ QueueUrl: deadLetterUrl }));
  const urls = {
    recharges: url,
    rechargeDeadLetters: deadLetterUrl,
    messages: deadLetterUrl,
    messageDeadLetters: deadLetterUrl,
  };
  expect(await readQueueDepths({ sqs, urls })).toEqual([
    { queue: 'recharges', waiting: 2, hidden: 1, deadLetters: 2 },
    { queue: 'messages', waiting: 1, hidden: 1, deadLetters: 2 },
  ]);
});

it('events that were not sent are counted where there are such queues', async () => {
  const { client: sqs, url, deadLetterUrl } = queueOf();
  await sqs.send(new SendMessageCommand({ QueueUrl: deadLetterUrl, MessageBody: '{}' }));
  const urls = { recharges: url, rechargeDeadLetters: url, messages: url, messageDeadLetters: url };
  expect(await countUnsentEvents({ sqs, urls })).toEqual({});
  const onAws = { ...urls, unreadChanges: url, undeliveredEvents: deadLetterUrl };
  expect(await countUnsentEvents({ sqs, urls: onAws })).toEqual({ unread: 0, undelivered: 1 });
});
