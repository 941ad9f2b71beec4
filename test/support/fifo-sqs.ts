import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createFifo } from './fifo.ts';

type Fifo = ReturnType<typeof createFifo>;
type Asked = Record<string, any>;

const md5 = (text: string) => createHash('md5').update(text).digest('hex');
const nameOf = (url: string) => url.split('/').at(-1) ?? '';

/** What the queue did that a test looks at. */
interface Books {
  /** Of each receive that gave something, how many of one group came together at most. */
  together: number[];
  /** Messages that were deleted while an earlier one of their group was still there. */
  deletedBeforeTheirTurn: string[];
}

interface Gate {
  isClosed: boolean;
}

/**
 * SQS over HTTP, as far as `npm start` asks it, with ordered queues by its documentation. The engine of `npm start`
 * hands out one message of a group at a time, and SQS up to ten. Other queues hold nothing.
 */
export async function startFifoSqs() {
  const queues = new Map<string, Fifo>();
  const books: Books = { together: [], deletedBeforeTheirTurn: [] };
  const gate = { isClosed: false };
  const server = createServer(async (incoming, outgoing) => {
    let text = '';
    for await (const chunk of incoming) text += chunk;
    const [, action = ''] = String(incoming.headers['x-amz-target']).split('.');
    const asked: Asked = JSON.parse(text);
    const name = asked.QueueName ?? nameOf(asked.QueueUrl);
    const queue = queues.get(name) ?? createFifo(Date.now);
    queues.set(name, queue);
    const answer = await answerTo(action, asked, { name, queue, url, books, gate });
    outgoing.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    books,
    /** Until they are let go, messages gather, and nobody is handed one. */
    hold() {
      gate.isClosed = true;
    },
    letGo() {
      gate.isClosed = false;
    },
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function answerTo(
  action: string,
  asked: Asked,
  { name, queue, url, books, gate }: { name: string; queue: Fifo; url: string; books: Books; gate: Gate },
): Promise<object> {
  const each = (act: (entry: Asked) => void) => {
    for (const entry of asked.Entries) act(entry);
    return { Successful: asked.Entries.map(({ Id }: Asked) => ({ Id })), Failed: [] };
  };
  switch (action) {
    case 'CreateQueue':
    case 'GetQueueUrl':
      return { QueueUrl: `${url}/000000000000/${name}` };
    case 'GetQueueAttributes':
      return { Attributes: { QueueArn: `arn:aws:sqs:us-east-1:000000000000:${name}` } };
    case 'SetQueueAttributes':
      return {};
    case 'SendMessage':
      queue.send(asked.MessageGroupId, asked.MessageDeduplicationId, asked.MessageBody);
      return { MessageId: 'sent', MD5OfMessageBody: md5(asked.MessageBody) };
    case 'ReceiveMessage':
      return { Messages: await receive(queue, asked, { books, gate }) };
    case 'DeleteMessageBatch':
      return each(({ ReceiptHandle }) => {
        if (queue.isBehindAnother(ReceiptHandle)) books.deletedBeforeTheirTurn.push(ReceiptHandle);
        queue.delete(ReceiptHandle);
      });
    case 'ChangeMessageVisibilityBatch':
      return each(({ ReceiptHandle, VisibilityTimeout }) =>
        queue.hide(ReceiptHandle, VisibilityTimeout * 1_000),
      );
    default:
      throw new Error(`Nobody told this SQS what ${action} is.`);
  }
}

async function receive(queue: Fifo, asked: Asked, { books, gate }: { books: Books; gate: Gate }) {
  const endsAt = Date.now() + asked.WaitTimeSeconds * 1_000;
  for (;;) {
    const records = gate.isClosed ? [] : queue.receive(asked.MaxNumberOfMessages);
    if (records.length > 0) {
      const groups = Map.groupBy(records, ({ attributes }) => attributes.MessageGroupId);
      books.together.push(Math.max(...[...groups.values()].map((group) => group.length)));
      return records.map(({ messageId, receiptHandle, body, attributes }) => ({
        MessageId: messageId,
        ReceiptHandle: receiptHandle,
        Body: body,
        MD5OfBody: md5(body),
        Attributes: { ...attributes, SequenceNumber: messageId.slice('m-'.length) },
      }));
    }
    if (Date.now() >= endsAt) return [];
    await sleep(LOOKS_AGAIN_MS);
  }
}

const LOOKS_AGAIN_MS = 20;
