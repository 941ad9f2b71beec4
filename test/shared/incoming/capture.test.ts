import { GetCommand, PutCommand, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { captureDelivery, createDynamoCapture } from '../../../shared/incoming/capture.ts';
import { CAPTURED, createDynamoQuarantine } from '../../../shared/incoming/quarantine.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const ROUTE = '/webhooks/auto-recharge';
const CHANNEL = '/channels/support/outgoing';
const NOW = Date.UTC(2026, 0, 5, 9, 30);
const UNTIL = NOW + 3_600_000;

const theSwitch = () => createDynamoCapture(store().client, store().table);
const theQuarantine = () => createDynamoQuarantine(store().client, store().table);
const everything = async () =>
  (await store().client.send(new ScanCommand({ TableName: store().table, ConsistentRead: true }))).Items ??
  [];

describe('the switch of a route', () => {
  it('takes what holds its token until its time is over', async () => {
    const capture = theSwitch();
    const token = await capture.start(ROUTE, UNTIL);
    expect(token).toMatch(/^capture-[A-Za-z0-9_-]{24}$/);
    expect(await capture.take(ROUTE, token, NOW)).toBe(true);
    expect(await capture.take(ROUTE, token, UNTIL - 1)).toBe(true);
    expect(await capture.take(ROUTE, token, UNTIL)).toBe(false);
  });

  it('takes nothing for another token, or another route, or before it was ever on', async () => {
    const capture = theSwitch();
    expect(await capture.take(ROUTE, 'capture-x', NOW)).toBe(false);
    const token = await capture.start(ROUTE, UNTIL);
    const other = await capture.start(CHANNEL, UNTIL);
    expect(other).not.toBe(token);
    expect(await capture.take(CHANNEL, token, NOW)).toBe(false);
    expect(await capture.take(ROUTE, other, NOW)).toBe(false);
    expect(await capture.take('/channels/support/incoming', other, NOW)).toBe(false);
    expect(await capture.take(ROUTE, `${token}x`, NOW)).toBe(false);
    expect(await capture.list(NOW)).toMatchObject([{ kept: 0 }, { kept: 0 }]);
  });

  it('takes twenty, also of thirty that come at once', async () => {
    const capture = theSwitch();
    const token = await capture.start(ROUTE, UNTIL);
    const taken = await Promise.all(Array.from({ length: 30 }, () => capture.take(ROUTE, token, NOW)));
    expect(taken.filter(Boolean)).toHaveLength(20);
    expect(await capture.list(NOW)).toEqual([{ route: ROUTE, until: UNTIL, kept: 20 }]);
  });

  it('costs one request, whether it takes or not', async () => {
    const capture = theSwitch();
    const token = await capture.start(ROUTE, UNTIL);
    const counted = meter(store().client);
    await capture.take(ROUTE, token, NOW);
    expect(counted).toMatchObject({ requests: 1, writeUnits: 1, readUnits: 0 });
    await capture.take(ROUTE, 'capture-x', NOW);
    expect(counted.requests).toBe(2);
  });

  it('is switched off before its time, and another start ends the one before', async () => {
    const capture = theSwitch();
    expect(await capture.stop(ROUTE)).toBe(false);
    const first = await capture.start(ROUTE, UNTIL);
    const second = await capture.start(ROUTE, UNTIL);
    expect(await capture.take(ROUTE, first, NOW)).toBe(false);
    expect(await capture.take(ROUTE, second, NOW)).toBe(true);
    expect(await capture.stop(ROUTE)).toBe(true);
    expect(await capture.take(ROUTE, second, NOW)).toBe(false);
    expect(await capture.list(NOW)).toEqual([]);
  });

  it('is listed while it is on', async () => {
    const capture = theSwitch();
    await capture.start(ROUTE, UNTIL);
    await capture.start(CHANNEL, UNTIL + 1);
    expect(await capture.list(UNTIL)).toEqual([{ route: CHANNEL, until: UNTIL + 1, kept: 0 }]);
    expect(await capture.list(UNTIL + 1)).toEqual([]);
  });

  it('stores the hash of the token, and goes away by itself', async () => {
    const token = await theSwitch().start(ROUTE, UNTIL);
    const stored = await everything();
    expect(stored).toMatchObject([{ pk: `CONTROL#capture#${ROUTE}`, expiresAt: UNTIL / 1_000 }]);
    expect(JSON.stringify(stored)).not.toContain(token);
  });
});

describe('a delivery that nobody could verify', () => {
  const BODY = Buffer.from('{"name":"Zo\xeb"}', 'latin1');
  const HEADERS = { authorization: 'Bearer key', 'x-signature': 'v1=abc', 'content-type': 'text/plain' };
  const captured = (query: Record<string, string>, route = ROUTE, headers = HEADERS) =>
    captureDelivery({ headers, query, body: BODY }, route, {
      capture: theSwitch(),
      quarantine: theQuarantine(),
      now: () => Date.now(),
    });
  const on = () => theSwitch().start(ROUTE, Date.now() + 60_000);

  it('is kept whole, with all of its headers and its address, but for the token', async () => {
    const token = await on();
    const id = (await captured({ token, signature: 'of the address' })) ?? '';
    expect(await theQuarantine().show(id)).toEqual({
      route: ROUTE,
      headers: HEADERS,
      query: { signature: 'of the address' },
      body: BODY,
      reason: 'captured',
      receivedAt: expect.any(Number),
    });
    expect(JSON.stringify(await everything())).not.toContain(token);
  });

  it('is in a list of its own, by its route', async () => {
    const token = await on();
    const id = await captured({ token });
    expect(await Array.fromAsync(theQuarantine().list())).toEqual([]);
    expect(await Array.fromAsync(theQuarantine().list({ of: CAPTURED }))).toEqual([
      { id, receivedAt: expect.any(Number), route: ROUTE, reason: 'captured' },
    ]);
  });

  it('is kept once more where the same body comes with other headers', async () => {
    const token = await on();
    const ids = [
      await captured({ token }),
      await captured({ token }),
      await captured({ token }, ROUTE, { ...HEADERS, 'x-signature': 'v1=abd' }),
    ];
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(await Array.fromAsync(theQuarantine().list({ of: CAPTURED }))).toHaveLength(2);
  });

  it('is not hidden behind a webhook with the same body that was not understood', async () => {
    const token = await on();
    const webhook = { route: ROUTE, body: BODY, headers: {}, reason: 'no key', receivedAt: Date.now() };
    const id = await theQuarantine().keep(webhook);
    const other = (await captured({ token })) ?? '';
    expect(other).not.toBe(id);
    expect((await theQuarantine().show(other))?.headers).toEqual(HEADERS);
    expect(await Array.fromAsync(theQuarantine().list())).toEqual([
      { id, receivedAt: expect.any(Number), route: '/webhooks/auto-recharge', reason: 'no key' },
    ]);
  });

  it.each<[string, Record<string, string>]>([
    ['has no token', {}],
    ['has an empty token', { token: '' }],
    ['has a token that was not drawn by the switch', { token: 'the webhook secret' }],
    ['names its token otherwise', { Token: 'capture-x' }],
  ])('is not even asked about where it %s', async (_name, query) => {
    await on();
    const counted = meter(store().client);
    expect(await captured(query)).toBeUndefined();
    expect(counted.requests).toBe(0);
  });

  it('is not kept where the token is wrong', async () => {
    await on();
    expect(await captured({ token: 'capture-AAAAAAAAAAAAAAAAAAAAAAAA' })).toBeUndefined();
    expect(await everything()).toHaveLength(1);
  });
});

describe('why something is kept', () => {
  const kept = (at: number, reason: string) =>
    theQuarantine().keep({ route: ROUTE, body: Buffer.from(reason), headers: {}, reason, receivedAt: at });

  it('is in the list, for one read', async () => {
    const now = Date.now();
    const reasons = [
      'the credits (order#credits) are no number',
      `no ${'very '.repeat(40)}long field`,
      'no #',
    ];
    for (const [index, reason] of reasons.entries()) await kept(now + index, reason);
    const counted = meter(store().client);
    const listed = await Array.fromAsync(theQuarantine().list());
    // Keys only: as much as one read of 4 KB.
    expect(counted).toMatchObject({ requests: 1, readUnits: 0.5 });
    expect(listed.map(({ reason }) => reason)).toEqual(['no #', `no ${'very '.repeat(29)}ve`, reasons[0]]);
    expect(listed.map(({ receivedAt }) => receivedAt)).toEqual([now + 2, now + 1, now]);
    expect(await theQuarantine().show(listed[1]?.id ?? '')).toMatchObject({ reason: reasons[1] });
  });
});

describe('what was kept by an earlier version', () => {
  it('is listed without its route, and shown', async () => {
    const { client, table } = store();
    const receivedAt = Date.now();
    const Item = {
      pk: 'QUARANTINE#abc',
      v: 1,
      list: 'QUARANTINE',
      listKey: `${receivedAt}#abc`,
      route: ROUTE,
      receivedAt,
      reason: 'no key',
      headers: {},
      body: Buffer.from('{}'),
      expiresAt: Math.floor(receivedAt / 1_000) + 60,
    };
    await client.send(new PutCommand({ TableName: table, Item }));
    expect(await Array.fromAsync(theQuarantine().list())).toEqual([
      { id: 'abc', receivedAt, route: '', reason: '' },
    ]);
    expect(await theQuarantine().show('abc')).toMatchObject({ route: ROUTE, body: Buffer.from('{}') });
    const key = { TableName: table, Key: { pk: 'QUARANTINE#abc' } };
    expect((await client.send(new GetCommand(key))).Item).not.toHaveProperty('query');
  });
});
