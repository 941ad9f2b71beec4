import { channel } from 'node:diagnostics_channel';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type Body, KEY } from './answering.ts';
import { differs, EMAIL, grant, granted, unknown, usePlatform } from './asking.ts';

const { platform, client, send } = usePlatform();

const notFound = { error: { code: 'NOT_FOUND', message: 'No sub-account' } };

const unreadable = (status: number) => unknown(`status ${status}: not the documented answer`);
const redirected = (status: number) => ({ ...unknown(`status ${status}`), agencyFault: 'redirected' });
const wrongAddress = (detail: string) => ({ kind: 'not_applied', detail, agencyFault: 'wrong_address' });

type Row = [name: string, status: number, body: Body, result: unknown];

describe('a grant', () => {
  it.each<Row>([
    ['as asked', 200, granted, { kind: 'granted', newBalance: 542.5 }],
    ['as asked, as something created', 201, granted, { kind: 'granted', newBalance: 542.5 }],
    ['as asked, without a balance', 200, { success: true, credits_added: 500 }, { kind: 'granted' }],
    [
      'as asked, naming the sub-account',
      200,
      { ...granted, email: ' Jane+1@Example.com' },
      { kind: 'granted', newBalance: 542.5 },
    ],
    ['with fewer credits', 200, { ...granted, credits_added: 250 }, differs('250 credits added, not 500')],
    ['with more credits', 200, { ...granted, credits_added: 501 }, differs('501 credits added, not 500')],
    [
      'with the credits as a text',
      200,
      { ...granted, credits_added: '500' },
      { kind: 'granted', newBalance: 542.5 },
    ],
    ['with the credits as 500.0', 200, '{"success":true,"credits_added":500.0}', { kind: 'granted' }],
    ['with success as a text', 200, { success: 'true', credits_added: 500 }, { kind: 'granted' }],
    [
      'with other credits as a text',
      200,
      { ...granted, credits_added: '50.00' },
      differs('50.00 credits added, not 500'),
    ],
    ['with no credits', 200, { ...granted, credits_added: 0 }, differs('0 credits added, not 500')],
    ['with success: false', 200, { ...granted, success: false }, differs('success is false')],
    ['with success: false and no more', 200, { success: false }, differs('success is false')],
    [
      'with an error of the platform under 200',
      200,
      { error: { code: 'X', message: 'no' } },
      { kind: 'differs', detail: 'status 200 X no: an error' },
    ],
    ['without the credits', 200, { success: true, new_balance: 542 }, unreadable(200)],
    ['without success', 200, { credits_added: 500 }, unreadable(200)],
    ['with credits that are no number', 200, { ...granted, credits_added: 'all' }, unreadable(200)],
    ['with a balance that is no number', 200, { ...granted, new_balance: 'much' }, { kind: 'granted' }],
    [
      'with an endless balance',
      200,
      '{"success":true,"credits_added":500,"new_balance":1e999}',
      { kind: 'granted' },
    ],
    ['with a balance beyond 2^53', 200, { ...granted, new_balance: 2 ** 60 }, { kind: 'granted' }],
    ['with a balance next to nothing', 200, { ...granted, new_balance: 5e-324 }, { kind: 'granted' }],
    ['with a balance of 0', 200, { ...granted, new_balance: 0 }, { kind: 'granted', newBalance: 0 }],
    ['to another email', 200, { ...granted, email: 'john@example.com' }, differs('another sub-account')],
    [
      'to another sub_account_email',
      200,
      { ...granted, sub_account_email: 'john@example.com' },
      differs('another sub-account'),
    ],
    [
      'to another sub_account',
      200,
      { ...granted, sub_account: { email: 'john@example.com' } },
      differs('another sub-account'),
    ],
    [
      'with blank names',
      200,
      { ...granted, email: '', sub_account_id: ' ' },
      { kind: 'granted', newBalance: 542.5 },
    ],
    ['with HTML under 200', 200, '<html>OK</html>', unreadable(200)],
    ['with half an answer under 200', 200, '{"success":true,"credits_ad', unreadable(200)],
    ['with nothing under 204', 204, '', unreadable(204)],
    ['with a list under 200', 200, [granted], unreadable(200)],
    ['with UTF-16 under 200', 200, JSON.stringify(granted).split('').join('\0'), unreadable(200)],
    [
      'with a byte order mark',
      200,
      `\ufeff${JSON.stringify(granted)}`,
      { kind: 'granted', newBalance: 542.5 },
    ],
    [
      'with the error of something else under 200',
      200,
      { error: 'no' },
      unknown('status 200 no: not the documented answer'),
    ],
    ['with 300', 300, '', redirected(300)],
    ['with 301', 301, '', redirected(301)],
    ['with 302', 302, granted, redirected(302)],
    ['with 303, as one who has acted says', 303, '', redirected(303)],
    ['with 304', 304, '', redirected(304)],
    ['with 307', 307, '', redirected(307)],
    ['with 401', 401, '', { kind: 'not_applied', detail: 'status 401', agencyFault: 'unauthorized' }],
    ['with 403', 403, '', { kind: 'not_applied', detail: 'status 403', agencyFault: 'forbidden' }],
    ['with 429 that does not say how long', 429, '', { kind: 'not_applied', detail: 'status 429' }],
    [
      'with an empty pool in the message',
      400,
      { error: { code: 'X', message: 'Insufficient Credits in agency' } },
      {
        kind: 'not_applied',
        detail: 'status 400 X Insufficient Credits in agency',
        agencyFault: 'pool_empty',
      },
    ],
    [
      'with an empty pool in an error text',
      400,
      { error: 'insufficient credits' },
      { kind: 'not_applied', detail: 'status 400 insufficient credits', agencyFault: 'pool_empty' },
    ],
    [
      'with an empty pool in a message alone',
      400,
      { message: 'insufficient credits' },
      { kind: 'not_applied', detail: 'status 400 insufficient credits', agencyFault: 'pool_empty' },
    ],
    [
      'with another 400 of the platform',
      400,
      { error: { code: 'INVALID', message: 'bad' } },
      { kind: 'refused', detail: 'status 400 INVALID bad' },
    ],
    ['with a 400 of something else', 400, '<html>Bad Request</html>', unknown('status 400')],
    [
      'with a 400 of a web framework',
      400,
      { statusCode: 400, error: 'Bad Request', message: 'no' },
      unknown('status 400 Bad Request'),
    ],
    [
      'with a 400 that speaks of an empty pool in HTML',
      400,
      '<html>insufficient credits</html>',
      unknown('status 400'),
    ],
    [
      'with 404 of the platform',
      404,
      notFound,
      { kind: 'refused', detail: 'status 404 NOT_FOUND No sub-account' },
    ],
    ['with 404 and an error text', 404, { error: 'Not Found' }, wrongAddress('status 404 Not Found')],
    [
      'with the 404 of a web framework',
      404,
      { message: 'Cannot POST /v1', error: 'Not Found', statusCode: 404 },
      wrongAddress('status 404 Not Found'),
    ],
    [
      'with 404 and a bare message, as API gateways give',
      404,
      { message: 'Not Found' },
      wrongAddress('status 404 Not Found'),
    ],
    [
      'with 404 and a number for a code, as front ends give',
      404,
      { error: { code: 404, message: 'Not found', status: 'NOT_FOUND' } },
      wrongAddress('status 404 404 Not found'),
    ],
    [
      'with 404 and a code alone',
      404,
      { error: { code: 'NOT_FOUND' } },
      wrongAddress('status 404 NOT_FOUND'),
    ],
    ['with 404 of something else', 404, '<html>Not Found</html>', wrongAddress('status 404')],
    ['with an empty 404', 404, '', wrongAddress('status 404')],
    ['with 404 and other JSON', 404, { success: false }, wrongAddress('status 404')],
    [
      'with 422 of the platform',
      422,
      { error: { code: 'INVALID', message: 'bad' } },
      { kind: 'refused', detail: 'status 422 INVALID bad' },
    ],
    ['with 422 and half the form', 422, { error: { code: 'INVALID' } }, unknown('status 422 INVALID')],
    ['with 422 of something else', 422, '', unknown('status 422')],
    ['with 402', 402, { error: 'insufficient credits' }, unknown('status 402 insufficient credits')],
    ['with 408', 408, { error: 'slow' }, unknown('status 408 slow')],
    ['with 409', 409, { error: 'conflict' }, unknown('status 409 conflict')],
    ['with 500', 500, granted, unknown('status 500')],
    ['with 502', 502, '', unknown('status 502')],
    ['with 503 that asks to wait', 503, '', unknown('status 503')],
  ])('answered %s (%i) is made once and read as agreed', async (_name, status, body, result) => {
    platform.answers(status, body, {
      location: '/v1/elsewhere',
      ...(status === 503 ? { 'retry-after': '1' } : {}),
    });
    expect(await send()).toStrictEqual(result);
    expect(platform.seen).toHaveLength(1);
    expect(platform.unauthorized).toBe(status === 401 ? 1 : 0);
  });

  it.each<[string, Record<string, string>]>([
    ['Retry-After', { 'retry-after': '30' }],
    ['X-RateLimit-Reset', { 'x-ratelimit-reset': '1700000030' }],
  ])('answered with 429 and %s was not applied, and says how long to wait', async (_name, headers) => {
    platform.answers(429, '', headers);
    expect(await send()).toEqual({ kind: 'not_applied', detail: 'status 429', retryAfterMs: 30_000 });
  });

  it.each([
    [401, { agencyFault: 'unauthorized' }],
    [403, { agencyFault: 'forbidden' }],
    [429, {}],
  ] as const)(
    'answered with %i is unknown where the profile does not call that a proof',
    async (status, more) => {
      platform.answers(status, '', { 'retry-after': '1' });
      const others = ([401, 403, 429] as const).filter((other) => other !== status);
      const notAppliedStatuses = others;
      expect(await send(client({ notAppliedStatuses }))).toEqual({ ...unknown(`status ${status}`), ...more });
      expect(platform.unauthorized).toBe(status === 401 ? 1 : 0);
    },
  );

  it.each<[number, Record<string, string>]>([
    [120, {}],
    [121, { agencyFault: 'rate_limited' }],
    [600, { agencyFault: 'rate_limited' }],
    [1e12, { agencyFault: 'rate_limited' }],
  ])(
    'answered with 429 and a wait of %d s stops new charges where that is no limit a minute',
    async (seconds, more) => {
      platform.answers(429, '', { 'retry-after': String(seconds) });
      const detail = 'status 429';
      expect(await send()).toMatchObject({ kind: 'not_applied', detail, ...more });
      expect(Object.keys(await send())).toHaveLength(3 + Object.keys(more).length);
      expect(await send(client({ notAppliedStatuses: [401] }))).toEqual({ ...unknown(detail), ...more });
    },
  );

  it('names the sub-account it went to: where ours is known, another one differs', async () => {
    const to = (platformId: string, sub_account_id: unknown) => {
      platform.answers(200, { ...granted, sub_account_id });
      return send(client(), { ...grant, platformId });
    };
    const done = { kind: 'granted', newBalance: 542.5 };
    expect(await to('abc123xyz', 'abc123xyz')).toEqual(done);
    expect(await to('abc123xyz', undefined)).toEqual(done);
    expect(await to('7', 7)).toEqual(done);
    expect(await to('abc123xyz', 'another')).toEqual(differs('another sub-account'));
    expect(await to('7', 8)).toEqual(differs('another sub-account'));
    // Rounded when it was read.
    expect(await to('9007199254740993', 2 ** 53 + 2)).toEqual(done);
  });

  it('is read where its answer came compressed', async () => {
    platform.answer = (response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(JSON.stringify(granted)));
    };
    expect(await send()).toEqual({ kind: 'granted', newBalance: 542.5 });
  });

  it('finds the empty pool by the pattern of the profile, in the code as well', async () => {
    platform.answers(400, { error: { code: 'POOL_EMPTY', message: 'no' } });
    expect(await send(client({ emptyPoolPattern: '^pool_' }))).toMatchObject({ agencyFault: 'pool_empty' });
    expect(await send()).toMatchObject({ kind: 'refused' });
  });

  it('finds no empty pool in what the platform does not say, nor far behind the beginning of it', async () => {
    platform.answers(400, '{}');
    expect(await send(client({ emptyPoolPattern: '.' }))).not.toHaveProperty('agencyFault');
    platform.answers(400, { error: { code: 'NO', message: `${'x'.repeat(995)} empty` } });
    expect(await send(client({ emptyPoolPattern: 'empt' }))).toMatchObject({ agencyFault: 'pool_empty' });
    expect(await send(client({ emptyPoolPattern: 'empty' }))).not.toHaveProperty('agencyFault');
  });

  it('that finds no platform was not applied', async () => {
    platform.close();
    expect(await send()).toEqual({
      kind: 'not_applied',
      detail: expect.stringMatching(/^not sent: ECONNREFUSED/),
      unsent: true,
    });
  });

  it('whose connection breaks after it was sent is unknown, and is not repeated', async () => {
    platform.answer = (response) => response.destroy();
    expect(await send()).toEqual(unknown(expect.stringMatching(/^no answer: ECONNRESET/)));
    expect(platform.seen).toHaveLength(1);
  });

  it('whose answer breaks off is unknown', async () => {
    platform.answer = (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"success":true');
      setTimeout(() => response.destroy(), 20);
    };
    expect(await send()).toMatchObject({ kind: 'unknown' });
    expect(platform.seen).toHaveLength(1);
  });

  it('that is not answered in time is unknown', async () => {
    platform.answer = () => {};
    expect(await send(client({}, { timeoutMs: 100 }))).toEqual(unknown('no answer: no answer in time'));
    expect(platform.seen).toHaveLength(1);
  });

  it('sends the key in a header and nowhere else', async () => {
    platform.answers(200, granted);
    await send(client({ baseUrl: `${platform.baseUrl}/` }));
    expect(platform.seen).toEqual([
      expect.objectContaining({ method: 'POST', url: '/v1/subaccounts/credits' }),
    ]);
    expect(platform.seen[0]?.headers).toMatchObject({ 'x-api-key': KEY, 'content-type': 'application/json' });
    expect(JSON.parse(platform.seen[0]?.body ?? '')).toEqual({
      email: EMAIL,
      amount: 500,
      description: 'rr-7f3a Auto-recharge',
    });
  });

  it('sends the key where the profile says', async () => {
    platform.answers(200, granted);
    await send(client({ keyHeader: 'X-Agency-Key' }));
    const prefixed = { keyHeader: 'X-Agency-Key', keyPrefix: 'Bearer ' };
    await send(client(prefixed));
    await send(client({ ...prefixed, keyPlacement: { credits: 'query' }, keyQuery: 'k' }));
    expect(
      platform.seen.map(({ url, headers }) => [url, headers['x-agency-key'], headers['x-api-key']]),
    ).toEqual([
      ['/v1/subaccounts/credits', KEY, undefined],
      ['/v1/subaccounts/credits', `Bearer ${KEY}`, undefined],
      [`/v1/subaccounts/credits?k=${KEY}`, undefined, undefined],
    ]);
  });

  it('cuts a description at its end', async () => {
    platform.answers(200, granted);
    await send(client({ maxDescriptionLength: 7 }));
    expect(JSON.parse(platform.seen[0]?.body ?? '').description).toBe('rr-7f3a');
  });

  it('takes a key with a line feed at its end', async () => {
    platform.answers(200, granted);
    expect(await send(client({}, { key: `${KEY}\n` }))).toMatchObject({ kind: 'granted' });
    expect(platform.seen[0]?.headers['x-api-key']).toBe(KEY);
  });

  it.each(['', ' ', 'two words', 'line\nfeed', 'schlüssel'])(
    'is not sent with the key %j, and the key is asked for anew',
    async (key) => {
      expect(await send(client({}, { key }))).toEqual({
        kind: 'not_applied',
        detail: 'not sent: the API key is empty or malformed',
        agencyFault: 'unauthorized',
        unsent: true,
      });
      expect(platform.seen).toHaveLength(0);
      expect(platform.unauthorized).toBe(1);
    },
  );

  it.each([0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    'of %d credits is not prepared',
    async (credits) => {
      await expect(client().prepareGrant({ ...grant, credits })).rejects.toThrow();
    },
  );

  it('goes out in the very turn in which send is called, and not before', async () => {
    platform.answers(200, granted);
    let created = 0;
    const count = () => {
      created += 1;
    };
    channel('http.client.request.created').subscribe(count);
    const prepared = await client().prepareGrant(grant);
    expect(created).toBe(0);
    const result = prepared.send();
    expect(created).toBe(1);
    await result;
    channel('http.client.request.created').unsubscribe(count);
  });
});

describe('a sub-account', () => {
  const found = {
    success: true,
    data: { email: EMAIL, uid: 'u1', usage_limits: { monthly_credits: 0, credits: 42.25 } },
  };
  const silent = (detail: string) => ({ kind: 'no_answer', detail });

  it.each<Row>([
    ['found', 200, found, { kind: 'found', balance: 42.25, platformId: 'u1' }],
    ['found, and no more is said', 200, { success: true, data: {} }, { kind: 'found' }],
    [
      'found with odd details',
      200,
      { success: true, data: { uid: 7, usage_limits: 'none' } },
      { kind: 'found' },
    ],
    [
      'found, but it is another',
      200,
      { success: true, data: { email: 'john@example.com' } },
      silent('status 200: another sub-account'),
    ],
    ['found without its data', 200, { success: true }, silent('status 200: not the documented answer')],
    ['HTML', 200, '<html>', silent('status 200: not the documented answer')],
    ['success: false', 200, { success: false }, { kind: 'not_found' }],
    ['404 of the platform', 404, notFound, { kind: 'not_found' }],
    ['404 of something else', 404, 'Not Found', silent('status 404')],
    ['the 404 of a web framework', 404, { error: 'Not Found' }, silent('status 404 Not Found')],
    ['the 404 of an API gateway', 404, { message: 'Not Found' }, silent('status 404 Not Found')],
    ['404 and half the form', 404, { error: { code: 404, message: 'No' } }, silent('status 404 404 No')],
    [
      'found, with a balance beyond 2^53',
      200,
      { ...found, data: { usage_limits: { credits: 1e300 } } },
      { kind: 'found' },
    ],
    ['204', 204, '', silent('status 204')],
    ['302, which is not followed', 302, found, silent('status 302')],
    ['400', 400, { error: 'Invalid request' }, silent('status 400 Invalid request')],
    ['401', 401, '', silent('status 401')],
    ['403', 403, notFound, silent('status 403 NOT_FOUND No sub-account')],
    ['429', 429, '', silent('status 429')],
    ['500', 500, { success: false }, silent('status 500')],
  ])('answered with %s (%i)', async (_name, status, body, result) => {
    platform.answers(status, body, { location: '/v1/elsewhere' });
    expect(await client().subAccount(EMAIL)).toStrictEqual(result);
    expect(platform.seen).toHaveLength(1);
    expect(platform.unauthorized).toBe(status === 401 ? 1 : 0);
  });

  it('gives no answer where the platform cannot be reached, or is silent', async () => {
    platform.answer = () => {};
    expect(await client({}, { timeoutMs: 100 }).subAccount(EMAIL)).toEqual(
      silent('no answer: no answer in time'),
    );
    platform.close();
    expect(await client().subAccount(EMAIL)).toEqual(
      silent(expect.stringMatching(/^not sent: ECONNREFUSED/)),
    );
  });

  it('is not asked for with an empty key', async () => {
    expect(await client({}, { key: '' }).subAccount(EMAIL)).toEqual(
      silent('not sent: the API key is empty or malformed'),
    );
    expect(platform.unauthorized).toBe(1);
  });

  it('is asked for by its escaped email, the key in the query', async () => {
    platform.answers(200, found);
    await client().subAccount(EMAIL);
    await client({ keyPlacement: { subAccounts: 'header' } }).subAccount(EMAIL);
    expect(
      platform.seen.map(({ method, url, headers, body }) => [method, url, headers['x-api-key'], body]),
    ).toEqual([
      ['GET', `/v1/subaccounts?email=jane%2B1%40example.com&apiKey=${KEY}`, undefined, ''],
      ['GET', '/v1/subaccounts?email=jane%2B1%40example.com', KEY, ''],
    ]);
  });
});
