import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { SendMessageCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod/mini';
import { type AwsEngine, addressOf, createSqs } from '../../../shared/storage/aws-json.ts';
import { createSqsClient } from '../../../shared/storage/sqs-client.ts';

const MESSAGE = { QueueUrl: 'https://sqs.us-east-1.amazonaws.com/1/recharges', MessageBody: '{"key":"ü"}' };
/** The client of the SDK compares the digest. */
const SENT = {
  MessageId: 'm-1',
  MD5OfMessageBody: createHash('md5').update(MESSAGE.MessageBody).digest('hex'),
};

let server: Server;
let engine: AwsEngine;
let asked: { headers: IncomingHttpHeaders; body: string }[];
/** The next answers; then all is well. */
let answers: { status: number; body: unknown }[];

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    asked.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    const { status, body } = answers.shift() ?? { status: 200, body: SENT };
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  engine = {
    endpoint: `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`,
    region: 'us-east-1',
    credentials: { accessKeyId: 'key', secretAccessKey: 'secret' },
  };
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [asked, answers] = [[], []];
});

const send = () => createSqs(engine).ask('SendMessage', MESSAGE, z.object({ MessageId: z.string() }));

describe('a service of AWS that is asked in JSON', () => {
  it('is asked what the client of the SDK asks, and signed alike', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 28, 12) });
    expect(await send()).toEqual({ MessageId: 'm-1' });
    await createSqsClient(engine).send(new SendMessageCommand(MESSAGE));
    vi.useRealTimers();
    const [ours, theirs] = asked;
    expect(JSON.parse(ours?.body ?? '')).toEqual(JSON.parse(theirs?.body ?? ''));
    for (const name of ['host', 'content-type', 'content-length', 'x-amz-target', 'x-amz-date'])
      expect([name, ours?.headers[name]]).toEqual([name, theirs?.headers[name]]);
    const scope = 'AWS4-HMAC-SHA256 Credential=key/20261128/us-east-1/sqs/aws4_request, SignedHeaders=';
    expect(ours?.headers.authorization).toContain(scope);
    expect(theirs?.headers.authorization).toContain(scope);
  });

  it.each([
    ['has a fault', { status: 500, body: 'no JSON' }],
    ['is overloaded', { status: 400, body: { __type: 'com.amazonaws.sqs#RequestThrottled' } }],
    ['says that it is too much', { status: 429, body: {} }],
  ])('that %s is asked three times in all', async (_name, answer) => {
    answers = [answer, answer];
    expect(await send()).toEqual({ MessageId: 'm-1' });
    answers = [answer, answer, answer];
    await expect(send()).rejects.toThrow();
    expect(asked).toHaveLength(6);
  });

  it('that refuses is asked once, and its words stand in the error', async () => {
    const type = 'com.amazonaws.sqs#QueueDoesNotExist';
    answers = [{ status: 400, body: { __type: type, message: 'The specified queue does not exist.' } }];
    await expect(send()).rejects.toMatchObject({
      name: 'QueueDoesNotExist',
      message: 'The specified queue does not exist.',
      status: 400,
    });
    expect(asked).toHaveLength(1);
  });

  it('that answers something else is not asked again', async () => {
    answers = [{ status: 200, body: {} }];
    await expect(send()).rejects.toThrow();
    expect(asked).toHaveLength(1);
  });

  it('that does not answer is given up after three tries', async () => {
    const away = { ...engine, endpoint: 'http://127.0.0.1:1' };
    await expect(createSqs(away).ask('SendMessage', MESSAGE, z.unknown())).rejects.toThrow('ECONNREFUSED');
  });

  it('hears of the trace that it belongs to, on Lambda', async () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'recharge-webhook');
    vi.stubEnv('_X_AMZN_TRACE_ID', 'Root=1-2-3');
    await send();
    vi.unstubAllEnvs();
    await send();
    expect(asked.map(({ headers }) => headers['x-amzn-trace-id'])).toEqual(['Root=1-2-3', undefined]);
  });

  it.each([
    ['eu-central-1', 'https://sqs.eu-central-1.amazonaws.com'],
    ['cn-north-1', 'https://sqs.cn-north-1.amazonaws.com.cn'],
    ['eusc-de-east-1', 'https://sqs.eusc-de-east-1.amazonaws.eu'],
  ])('is found in the region %s', (region, address) => {
    expect(addressOf({ name: 'sqs' }, region)).toBe(address);
  });
});
