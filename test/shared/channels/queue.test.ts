import {
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message as QueueMessage,
  ReceiveMessageCommand,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { engineAt } from '../../../local/aws.ts';
import { createQueue, type Engine } from '../../../local/engines.ts';
import { startSqs } from '../../../local/sqs.ts';
import { type Message, messageIdOf, newMessage } from '../../../shared/channels/message.ts';
import {
  createSqsMessageQueue,
  createSqsWorkQueue,
  type Received,
  readMessageId,
} from '../../../shared/channels/queue.ts';
import { type AwsJson, createSqs } from '../../../shared/storage/aws-json.ts';
import { createSqsClient } from '../../../shared/storage/sqs-client.ts';

let engine: Engine;
let client: SQSClient;
beforeAll(async () => {
  engine = await startSqs();
  client = createSqsClient(engineAt(engine.endpoint));
});
afterAll(async () => {
  client.destroy();
  await engine.stop();
});

let queues = 0;
/** An ordered queue of the test's own, where a received message is hidden for half a minute. */
async function aQueue() {
  queues += 1;
  const name = `messages-${queues}`;
  const queueUrl = await createQueue(client, {
    name: `${name}.fifo`,
    deadLetterName: `${name}-dead.fifo`,
    visibilityTimeoutSeconds: 30,
    maxReceiveCount: 1_000,
  });
  const { QueueUrl: deadLetterUrl = '' } = await client.send(
    new GetQueueUrlCommand({ QueueName: `${name}-dead.fifo` }),
  );
  return {
    queueUrl,
    deadLetterUrl,
    ...createSqsMessageQueue(createSqs(engineAt(engine.endpoint)), queueUrl),
    ...createSqsWorkQueue(createSqs(engineAt(engine.endpoint)), { queueUrl, deadLetterUrl }),
    receive: () => receive(queueUrl),
    dead: () => receive(deadLetterUrl),
  };
}

async function receive(QueueUrl: string): Promise<(Received & { sent: QueueMessage })[]> {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, MessageSystemAttributeNames: ['All'] }),
  );
  return Messages.map((sent) => ({
    sent,
    messageId: sent.MessageId ?? '',
    receiptHandle: sent.ReceiptHandle ?? '',
    body: sent.Body ?? '',
    attributes: sent.Attributes as unknown as Received['attributes'],
  }));
}

const aMessage = (id: string, given: { contact?: string; channel?: string } = {}): Message =>
  newMessage(
    {
      channel: given.channel ?? 'support',
      direction: 'incoming',
      content: {
        id,
        contact: given.contact ?? '+15551234567',
        type: 'text',
        text: 'Hello ☃',
        attachments: [],
      },
    },
    0,
  );

describe('the queue of messages', () => {
  it('takes an id alone, in ASCII, under a group that tells nothing of the contact', async () => {
    const { send, receive } = await aQueue();
    const message = aMessage('ïd-☃');
    await send(message);
    const [received] = await receive();
    expect(received?.body).toBe(`{"message":"${messageIdOf(message)}"}`);
    expect(readMessageId(received?.body ?? '')).toBe(messageIdOf(message));
    expect(received?.attributes).toMatchObject({
      MessageGroupId: expect.stringMatching(/^[0-9a-f]{32}$/),
      MessageDeduplicationId: `${messageIdOf(message)}-1`,
    });
  });

  it('takes a message once, and its replay as another one', async () => {
    const { send, queueUrl } = await aQueue();
    const message = aMessage('a');
    await send(message);
    await send(message);
    await send({ ...message, queuedNo: 2 });
    const { Attributes } = await client.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['ApproximateNumberOfMessages'] }),
    );
    expect(Attributes?.ApproximateNumberOfMessages).toBe('2');
  });

  it('keeps one contact of one channel and way in order, and nobody else behind it', async () => {
    const { send, receive, hide } = await aQueue();
    await send(aMessage('a1', { contact: 'a' }));
    await send(aMessage('a2', { contact: 'a' }));
    await send(aMessage('b1', { contact: 'b' }));
    await send(aMessage('a3', { contact: 'a', channel: 'sales' }));
    await send({ ...aMessage('a4', { contact: 'a' }), direction: 'outgoing' });
    const first = await receive();
    const idsOf = (received: Received[]) => received.map(({ body }) => readMessageId(body));
    // SQS may hand out a2 with a1; the engine here does not.
    expect(idsOf(first)).toEqual(
      expect.arrayContaining([
        messageIdOf(aMessage('a1')),
        messageIdOf(aMessage('b1')),
        messageIdOf(aMessage('a3', { channel: 'sales' })),
        messageIdOf({ ...aMessage('a4'), direction: 'outgoing' }),
      ]),
    );
    // What is left of the contact does not come while a1 is hidden; then a1 comes first.
    expect(await receive()).toEqual([]);
    const [a1] = first.filter(({ body }) => readMessageId(body) === messageIdOf(aMessage('a1')));
    const group = first.filter(
      ({ attributes }) => attributes.MessageGroupId === a1?.attributes.MessageGroupId,
    );
    await hide(group, 0);
    expect(idsOf(await receive())[0]).toBe(messageIdOf(aMessage('a1')));
  });

  it('gives a hidden message back when its time has come, rounded up to seconds', async () => {
    const { send, receive, hide } = await aQueue();
    await send(aMessage('a'));
    await hide(await receive(), 1);
    expect(await receive()).toEqual([]);
    await vi.waitFor(async () => expect(await receive()).toHaveLength(1), { timeout: 5_000, interval: 50 });
  });

  it('hides nothing for longer than 11 hours, and says what it could not hide', async () => {
    const asked: unknown[] = [];
    const failing: AwsJson = {
      async ask(_operation, input, answer) {
        asked.push(input);
        return answer.parse({ Failed: [{ Id: '0' }] });
      },
    };
    const { hide } = createSqsWorkQueue(failing, {
      queueUrl: 'https://queue',
      deadLetterUrl: 'https://dead',
    });
    const received = [{ receiptHandle: 'handle-1' }, { receiptHandle: 'handle-2' }] as Received[];
    await expect(hide(received, 48 * 3_600_000)).rejects.toThrow('1 of 2 messages were not hidden');
    expect(asked).toEqual([
      {
        QueueUrl: 'https://queue',
        Entries: [
          { Id: '0', ReceiptHandle: 'handle-1', VisibilityTimeout: 39_600 },
          { Id: '1', ReceiptHandle: 'handle-2', VisibilityTimeout: 39_600 },
        ],
      },
    ]);
  });

  it('buries a copy, once, in the order of its group', async () => {
    const { send, receive, bury, dead } = await aQueue();
    await send(aMessage('a'));
    const [received] = await receive();
    if (!received) throw new Error('Nothing was received.');
    await bury(received);
    await bury(received);
    const buried = await dead();
    expect(buried.map(({ body }) => body)).toEqual([received.body]);
    expect(buried[0]?.attributes.MessageGroupId).toBe(received.attributes.MessageGroupId);
  });

  it.each(['', 'hello', '{}', '{"message":""}', '{"message":1}', '[]'])('does not read %j', (body) => {
    expect(() => readMessageId(body)).toThrow();
  });
});
