import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { type GatewayOptions, startGateway } from '../../local/gateway.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function running(options: Omit<GatewayOptions, 'port'>) {
  const gateway = await startGateway({ port: 0, ...options });
  closing.push(gateway.close);
  return gateway;
}

/** One route, which keeps the events it gets. */
async function recording(result: APIGatewayProxyStructuredResultV2 = { statusCode: 200, body: '{}' }) {
  const events: APIGatewayProxyEventV2[] = [];
  const { url } = await running({
    routes: {
      'POST /hook': async (event) => {
        events.push(event);
        return result;
      },
    },
  });
  const eventOf = async (
    path: string,
    { headers = {}, body = Buffer.alloc(0) }: { headers?: Record<string, string | string[]>; body?: Buffer },
  ) => {
    await post(url + path, headers, body);
    const event = events.pop();
    if (!event) throw new Error('The route was not called.');
    return event;
  };
  return { url, eventOf };
}

async function post(url: string, headers: Record<string, string | string[]>, body: Buffer | string) {
  const outgoing = request(url, { method: 'POST', headers, agent: false });
  outgoing.end(body);
  const [response]: IncomingMessage[] = await once(outgoing, 'response');
  let text = '';
  for await (const chunk of response ?? []) text += chunk;
  return { status: response?.statusCode, headers: response?.headers, text };
}

/** What a handler makes of the body, as the webhook does. */
const bytesOf = ({ body = '', isBase64Encoded }: APIGatewayProxyEventV2) =>
  Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8');

it('requests that come at once, each on a connection of its own, are all taken before the first is handled', async () => {
  let turn = 0;
  let counter: NodeJS.Immediate = setImmediate(function count() {
    turn += 1;
    counter = setImmediate(count);
  });
  onTestFinished(() => clearImmediate(counter));
  const handledIn: number[] = [];
  const { url } = await running({
    routes: {
      'POST /hook': async () => {
        handledIn.push(turn);
        return { statusCode: 200 };
      },
    },
  });
  await Promise.all(Array.from({ length: 50 }, () => post(`${url}/hook`, {}, '{}')));
  expect(new Set(handledIn).size).toBeLessThanOrEqual(10);
});

describe('the events', () => {
  it('name the route by its pattern, and what stands in its place decoded', async () => {
    const events: APIGatewayProxyEventV2[] = [];
    const { url } = await running({
      routes: {
        'POST /channels/{channel}/{direction}': async (event) => {
          events.push(event);
          return { statusCode: 200, body: '{}' };
        },
      },
    });
    expect((await post(`${url}/channels/my%20shop/incoming?a=1`, {}, '')).status).toBe(200);
    expect(events).toMatchObject([
      {
        routeKey: 'POST /channels/{channel}/{direction}',
        rawPath: '/channels/my%20shop/incoming',
        pathParameters: { channel: 'my shop', direction: 'incoming' },
      },
    ]);
    for (const path of ['/channels/shop', '/channels/shop/incoming/more', '/channels/%zz/incoming']) {
      expect((await post(url + path, {}, '')).status).toBe(404);
    }
    expect(events).toHaveLength(1);
  });

  it('have header names in lower case, and the values of repeated ones joined', async () => {
    const { eventOf } = await recording();
    const { headers } = await eventOf('/hook', { headers: { 'X-Token': ['a', 'b'], 'X-ONE': 'c, d' } });
    expect(headers).toMatchObject({ 'x-token': 'a,b', 'x-one': 'c, d', host: expect.stringMatching(/^127/) });
  });

  it('have the query as it came, and its values decoded, repeated ones joined', async () => {
    const { eventOf } = await recording();
    const event = await eventOf('/hook?token=a%2Bb&tag=1&tag=2&empty=', {});
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /hook',
      rawPath: '/hook',
      rawQueryString: 'token=a%2Bb&tag=1&tag=2&empty=',
      queryStringParameters: { token: 'a+b', tag: '1,2', empty: '' },
      requestContext: { http: { method: 'POST', path: '/hook', sourceIp: '127.0.0.1' } },
    });
    expect(await eventOf('/hook', {})).not.toHaveProperty('queryStringParameters');
  });

  it('have cookies apart from the headers', async () => {
    const { eventOf } = await recording();
    const event = await eventOf('/hook', { headers: { cookie: 'a=1; b=2' } });
    expect(event.cookies).toEqual(['a=1', 'b=2']);
    expect(event.headers).not.toHaveProperty('cookie');
    expect(await eventOf('/hook', {})).not.toHaveProperty('cookies');
  });

  it('have text as text', async () => {
    const { eventOf } = await recording();
    const body = Buffer.from('\ufeff{"name":"Zoë"}\r\n');
    for (const type of ['application/json', 'application/json; charset=utf-8', 'text/plain']) {
      const event = await eventOf('/hook', { headers: { 'content-type': type }, body });
      expect(event).toMatchObject({ body: '\ufeff{"name":"Zoë"}\r\n', isBase64Encoded: false });
      expect(bytesOf(event).equals(body)).toBe(true);
    }
  });

  it('have all other bytes as base64, not one of them changed', async () => {
    const { eventOf } = await recording();
    const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
    const cases = [
      { type: 'application/json', body: everyByte },
      { type: 'application/x-www-form-urlencoded', body: Buffer.from('{"a":1}') },
      { type: 'application/octet-stream', body: everyByte },
    ];
    for (const { type, body } of cases) {
      const event = await eventOf('/hook', { headers: { 'content-type': type }, body });
      expect(event.isBase64Encoded).toBe(true);
      expect(event.body).toBe(body.toString('base64'));
    }
    const untyped = await eventOf('/hook', { body: Buffer.from('{"a":1}') });
    expect(untyped).toMatchObject({ body: 'eyJhIjoxfQ==', isBase64Encoded: true });
  });

  it('have no body where none came', async () => {
    const { eventOf } = await recording();
    const event = await eventOf('/hook', { headers: { 'content-type': 'application/json' } });
    expect(event).not.toHaveProperty('body');
    expect(event.isBase64Encoded).toBe(false);
  });
});

describe('the answers', () => {
  it('are the handler’s', async () => {
    const { url } = await recording({ statusCode: 409, headers: { 'x-why': 'reused' }, body: '{"a":1}' });
    const answer = await post(`${url}/hook`, {}, '');
    expect(answer).toMatchObject({ status: 409, text: '{"a":1}' });
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-why': 'reused' });
  });

  it('are 404 for an unknown path or method', async () => {
    const { url } = await recording();
    for (const [method, path] of [
      ['GET', '/hook'],
      ['POST', '/other'],
      ['POST', '/hook/'],
    ]) {
      const response = await fetch(url + path, { method: method ?? '' });
      expect(response.status).toBe(404);
      expect(await response.json()).toEqual({ message: 'Not Found' });
    }
  });

  it('are 500 without a word of why where the handler throws', async () => {
    const { url } = await running({
      routes: {
        'POST /hook': async () => {
          throw new Error('the secret is hunter2');
        },
      },
    });
    expect(await post(`${url}/hook`, {}, '')).toMatchObject({
      status: 500,
      text: '{"message":"Internal Server Error"}',
    });
  });

  it('are 413 for a body over 10 MB, which no handler sees', async () => {
    const { url, eventOf } = await recording();
    const limit = 10 * 1024 * 1024;
    expect(await post(`${url}/hook`, {}, Buffer.alloc(limit + 1, 'a'))).toMatchObject({
      status: 413,
      text: '{"message":"Request Too Long"}',
    });
    const { body } = await eventOf('/hook', {
      headers: { 'content-type': 'text/plain' },
      body: Buffer.alloc(limit, 'a'),
    });
    expect(body).toHaveLength(limit);
  });

  it('are waited for when the gateway closes, and no request is taken any more', async () => {
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const gateway = await startGateway({
      port: 0,
      routes: {
        'POST /hook': async () => {
          begin();
          await held;
          return { statusCode: 202, body: '{}' };
        },
      },
    });
    const answer = post(`${gateway.url}/hook`, {}, '');
    await begun;
    let closed = false;
    const closes = gateway.close().then(() => {
      closed = true;
    });
    await expect(fetch(gateway.url)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    expect(closed).toBe(false);
    release();
    expect(await answer).toMatchObject({ status: 202 });
    await closes;
  });
});

describe('the sandbox behind the gateway', () => {
  const behind = async (
    answer: (incoming: IncomingMessage, body: string) => [number, string] | 'break off',
  ) => {
    const server = createServer(async (incoming, outgoing) => {
      let body = '';
      for await (const chunk of incoming) body += chunk;
      const said = answer(incoming, body);
      if (said === 'break off') {
        outgoing.writeHead(200, { 'content-length': '100' }).write('half');
        setImmediate(() => outgoing.destroy());
      } else outgoing.writeHead(said[0], { 'x-from': 'sandbox' }).end(said[1]);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closing.push(async () => server.close());
    return originOf(server);
  };

  it('is reached under its prefix, the longer one first, with method, query, headers and body', async () => {
    const origin = await behind(({ method, url, headers }, body) => [
      418,
      JSON.stringify({ method, url, key: headers['x-api-key'], body }),
    ]);
    const { url } = await running({
      routes: {},
      passes: {
        '/sandbox/platform/v1/': { origin, prefix: '/v1/' },
        '/sandbox/platform/': { origin, prefix: '/sandbox/' },
      },
    });
    const api = await post(`${url}/sandbox/platform/v1/credits?a=%20b`, { 'X-API-Key': 'k' }, 'bytes');
    expect(api).toMatchObject({ status: 418, headers: { 'x-from': 'sandbox' } });
    expect(JSON.parse(api.text)).toEqual({
      method: 'POST',
      url: '/v1/credits?a=%20b',
      key: 'k',
      body: 'bytes',
    });
    const control = await fetch(`${url}/sandbox/platform/books`);
    expect(await control.json()).toEqual({ method: 'GET', url: '/sandbox/books', body: '' });
  });

  it('is 502 where it gives no answer, and breaks off where it breaks off', async () => {
    const origin = await behind(() => 'break off');
    const gone = createServer().listen(0, '127.0.0.1');
    await once(gone, 'listening');
    const nowhere = originOf(gone);
    gone.close();
    const { url } = await running({
      routes: {},
      passes: { '/gone/': { origin: nowhere, prefix: '/' }, '/broken/': { origin, prefix: '/' } },
    });
    const response = await fetch(`${url}/gone/books`);
    expect(response.status).toBe(502);
    expect(await response.json()).toEqual({ message: 'The sandbox gave no answer' });
    await expect(fetch(`${url}/broken/books`).then((half) => half.text())).rejects.toThrow('terminated');
  });
});

function originOf(server: Server): string {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Bug! A TCP server has no port.');
  return `http://127.0.0.1:${address.port}`;
}
