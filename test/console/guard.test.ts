import { request } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type RunningConsole, startConsole } from '../../console/server.ts';
import { useFoundRelay } from '../support/found-relay.ts';

const found = useFoundRelay();
const ASSETS = new Map([['/', { type: 'text/html', body: '<p>the page</p>' }]]);

/** Ends with the test. */
async function start(readOnly = false): Promise<RunningConsole> {
  const { connection, target } = found();
  const running = await startConsole({ connection, target, readOnly, who: 'jane@desk', assets: ASSETS });
  onTestFinished(running.close);
  return running;
}

interface Asked {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** As any program of this machine can ask, with every header of its choice. */
function ask({ port }: RunningConsole, { path = '/', method = 'GET', headers = {}, body }: Asked) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part) => {
          text += part;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
      });
      sent.on('error', reject).end(body);
    },
  );
}

async function cookieOf(one: RunningConsole): Promise<string> {
  const { headers } = await ask(one, { path: one.path });
  return String(headers['set-cookie']).split(';')[0] ?? '';
}

const changeOf = (one: RunningConsole, cookie: string, more: Record<string, string> = {}) => ({
  cookie,
  origin: `http://127.0.0.1:${one.port}`,
  'x-relay-console': 'change',
  'content-type': 'application/json',
  ...more,
});

const PAUSE = { path: '/api/pause', method: 'POST', body: '{"note":"tried"}' };

describe('who has the whole address', () => {
  it('gets a cookie that no script can read and no other site can use, and an address without the token', async () => {
    const running = await start();
    const { status, headers } = await ask(running, { path: running.path });
    expect([status, headers.location]).toEqual([303, '/']);
    expect(String(headers['set-cookie'])).toMatch(
      new RegExp(`^relay_console_${running.port}=[0-9a-f]{48}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    expect(String(headers['set-cookie'])).not.toContain(running.path.split('=')[1]);
  });

  it('is told no, and nothing breaks, with as many characters of another kind', async () => {
    const running = await start();
    const cookie = await cookieOf(running);
    const path = `/?token=${encodeURIComponent('é'.repeat(48))}`;
    expect((await ask(running, { path })).status).toBe(401);
    const strange = `${cookie.split('=')[0]}=${encodeURIComponent('é'.repeat(48))}`;
    expect((await ask(running, { path: '/api/bar', headers: { cookie: strange } })).status).toBe(401);
  });

  it('sees the page and every view, and may change', async () => {
    const running = await start();
    const cookie = await cookieOf(running);
    expect(await ask(running, { headers: { cookie } })).toMatchObject({
      status: 200,
      body: '<p>the page</p>',
    });
    expect((await ask(running, { path: '/api/bar', headers: { cookie } })).status).toBe(200);
    expect((await ask(running, { ...PAUSE, headers: changeOf(running, cookie) })).status).toBe(200);
    expect(await found().connection.charging.paused()).toMatchObject({ reason: 'tried', by: 'jane@desk' });
  });
});

describe('refused, and nothing is changed:', () => {
  const attacks: [string, (one: RunningConsole, cookie: string) => Asked, number][] = [
    ['whoever has no cookie', () => ({ path: '/api/status' }), 401],
    ['a page of nobody known', () => ({}), 401],
    ['a wrong token', () => ({ path: '/?token=0123456789abcdef0123456789abcdef0123456789abcdef' }), 401],
    [
      'a token elsewhere than at the first page',
      ({ path }) => ({ path: path.replace('/?', '/api/status?') }),
      401,
    ],
    [
      'another name of this machine (DNS rebinding)',
      (_, cookie) => ({ headers: { cookie, host: 'evil.example.com' } }),
      403,
    ],
    [
      'our port under another name',
      ({ port }, cookie) => ({ headers: { cookie, host: `localhost:${port}` } }),
      403,
    ],
    [
      'another name with the whole address',
      ({ path }) => ({ path, headers: { host: 'evil.example.com' } }),
      403,
    ],
    [
      'a view that another site asks for',
      (_, cookie) => ({ path: '/api/status', headers: { cookie, origin: 'https://evil.example.com' } }),
      403,
    ],
    [
      'a picture that another site puts into its page',
      (_, cookie) => ({ path: '/api/status', headers: { cookie, 'sec-fetch-site': 'cross-site' } }),
      403,
    ],
    [
      'a view that a page on another port of this machine asks for',
      (_, cookie) => ({ path: '/api/status', headers: { cookie, 'sec-fetch-site': 'same-site' } }),
      403,
    ],
    [
      'a change from another site',
      (one, cookie) => ({ ...PAUSE, headers: changeOf(one, cookie, { origin: 'https://evil.example.com' }) }),
      403,
    ],
    [
      'a change from a page that hides where it is from',
      (one, cookie) => ({ ...PAUSE, headers: changeOf(one, cookie, { origin: 'null' }) }),
      403,
    ],
    [
      'a change from another port of this machine',
      (one, cookie) => ({ ...PAUSE, headers: changeOf(one, cookie, { origin: 'http://127.0.0.1:3000' }) }),
      403,
    ],
    [
      'a change as a form sends it',
      (one, cookie) => ({
        ...PAUSE,
        headers: { cookie, origin: `http://127.0.0.1:${one.port}`, 'content-type': 'text/plain' },
      }),
      403,
    ],
    ['a change without a cookie', (one) => ({ ...PAUSE, headers: changeOf(one, '') }), 401],
    ['a change by a link', (_, cookie) => ({ path: '/api/pause?note=tried', headers: { cookie } }), 404],
    [
      'a deed that there is none of',
      (one, cookie) => ({ ...PAUSE, path: '/api/constructor', headers: changeOf(one, cookie) }),
      404,
    ],
    ['a view that there is none of', (_, cookie) => ({ path: '/api/__proto__', headers: { cookie } }), 404],
    [
      'a body that is no JSON',
      (one, cookie) => ({ ...PAUSE, body: 'note=tried', headers: changeOf(one, cookie) }),
      400,
    ],
    [
      'a body with more than is asked for',
      (one, cookie) => ({
        ...PAUSE,
        body: '{"note":"tried","by":"somebody else"}',
        headers: changeOf(one, cookie),
      }),
      422,
    ],
    [
      'a preflight of another site',
      (_, cookie) => ({
        path: '/api/pause',
        method: 'OPTIONS',
        headers: { cookie, origin: 'https://evil.example.com', 'access-control-request-method': 'POST' },
      }),
      403,
    ],
  ];

  it.each(attacks)('%s', async (_name, attack, status) => {
    const running = await start();
    const answer = await ask(running, attack(running, await cookieOf(running)));
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.body).not.toContain('<p>the page</p>');
    expect(await found().connection.charging.paused()).toBeUndefined();
  });

  it('every change, where the console only shows', async () => {
    const reading = await start(true);
    const cookie = await cookieOf(reading);
    const { status, body } = await ask(reading, { ...PAUSE, headers: changeOf(reading, cookie) });
    expect([status, JSON.parse(body).error.code]).toEqual([403, 'read_only']);
    expect(await found().connection.charging.paused()).toBeUndefined();
  });
});

describe('every answer', () => {
  it('lets no script run but our own, is kept nowhere, and goes into no other page', async () => {
    const running = await start();
    const cookie = await cookieOf(running);
    for (const asked of [{ headers: { cookie } }, { path: '/api/bar', headers: { cookie } }, {}]) {
      const { headers } = await ask(running, asked);
      expect(headers['content-security-policy']).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/,
      );
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
      });
    }
  });

  it('is given on 127.0.0.1 alone', async () => {
    const running = await start();
    await expect(fetch(`http://[::1]:${running.port}/`)).rejects.toThrow();
  });
});
