import { GetCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { engineAt } from '../../../local/aws.ts';
import { createDynamoCharging } from '../../../shared/recharge/dynamo-charging.ts';
import { createDocumentClient } from '../../../shared/storage/clients.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const NOW = Date.UTC(2026, 0, 5, 9, 30);
const FRESH_MS = 5_000;
const clock = { now: NOW };

/** The switch as one process sees it. Each call is another process. */
function aProcess() {
  clock.now = NOW;
  const { client, table } = store();
  return createDynamoCharging(client, table, { freshMs: FRESH_MS, now: () => clock.now });
}

async function stored(): Promise<Record<string, unknown> | undefined> {
  const { client, table } = store();
  const { Item } = await client.send(
    new GetCommand({ TableName: table, Key: { pk: 'CONTROL#charging' }, ConsistentRead: true }),
  );
  return Item;
}

describe('a pause', () => {
  it('is not there at first', async () => {
    expect(await aProcess().paused()).toBeUndefined();
    expect(await stored()).toBeUndefined();
  });

  it('by a person lasts until a person resumes', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'moving to another provider' });
    expect(await charging.paused()).toMatchObject({ reason: 'moving to another provider' });
    clock.now += 400 * 86_400_000;
    expect(await charging.paused()).toMatchObject({ reason: 'moving to another provider' });
    await charging.resume();
    expect(await charging.paused()).toBeUndefined();
  });

  it('by a fault ends by itself, to the millisecond', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    clock.now = NOW + 899_999;
    expect(await charging.paused()).toMatchObject({ reason: 'pool_empty', until: NOW + 900_000 });
    clock.now = NOW + 900_000;
    expect(await charging.paused()).toBeUndefined();
  });

  it('by a fault is prolonged by the next fault, never shortened', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    await charging.pause({ reason: 'forbidden', until: NOW + 300_000 });
    expect(await charging.paused()).toMatchObject({ reason: 'pool_empty', until: NOW + 900_000 });
    await charging.pause({ reason: 'forbidden', until: NOW + 1_000_000 });
    expect(await charging.paused()).toMatchObject({ reason: 'forbidden', until: NOW + 1_000_000 });
  });

  it('by a fault becomes endless where a person pauses too', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    await charging.pause({ reason: 'by hand' });
    clock.now = NOW + 900_000;
    expect(await charging.paused()).toMatchObject({ reason: 'by hand' });
  });

  it('by a person is not shortened by a fault', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'by hand' });
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    expect(await charging.paused()).toMatchObject({ reason: 'by hand' });
  });

  it('by a person is not shortened by a fault in a process that does not know of it yet', async () => {
    const person = aProcess();
    const worker = aProcess();
    expect(await worker.paused()).toBeUndefined();
    await person.pause({ reason: 'by hand' });
    await worker.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    // From here on it knows.
    expect(await worker.paused()).toMatchObject({ reason: 'by hand' });
    expect(await aProcess().paused()).toMatchObject({ reason: 'by hand' });
  });

  it('that is over gives way to a new one', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    clock.now = NOW + 2_000_000;
    await charging.pause({ reason: 'forbidden', until: NOW + 2_900_000 });
    expect(await charging.paused()).toMatchObject({ reason: 'forbidden', until: NOW + 2_900_000 });
  });
});

describe('who paused, and since when', () => {
  it('is told of a person, with the time', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'pool_empty', until: NOW + 900_000 });
    clock.now += 60_000;
    await charging.pause({ reason: 'by hand', by: 'jane@desk' });
    expect(await charging.paused()).toEqual({ reason: 'by hand', since: NOW + 60_000, by: 'jane@desk' });
    await charging.pause({ reason: 'by nobody who says so' });
    expect(await charging.paused()).toEqual({ reason: 'by nobody who says so', since: NOW + 60_000 });
  });

  it('of what the relay pauses again and again is since the first time, until a grant goes through', async () => {
    const charging = aProcess();
    for (let n = 1; n <= 3; n += 1) {
      await charging.pause({ reason: 'pool_empty', until: clock.now + 900_000 });
      clock.now += 900_000;
    }
    await charging.pause({ reason: 'pool_empty', until: clock.now + 900_000 });
    expect(await charging.paused()).toEqual({
      reason: 'pool_empty',
      since: NOW,
      until: clock.now + 900_000,
    });
    await charging.grantWentThrough();
    await charging.pause({ reason: 'pool_empty', until: clock.now + 900_000 });
    expect(await charging.paused()).toMatchObject({ since: clock.now });
  });
});

describe('what a process knows', () => {
  it('costs one read each time it is no longer fresh, and none in between', async () => {
    const charging = aProcess();
    const counted = meter(store().client);
    await Promise.all(Array.from({ length: 20 }, () => charging.paused()));
    clock.now = NOW + FRESH_MS - 1;
    await charging.paused();
    expect(counted.requests).toBe(1);
    clock.now = NOW + FRESH_MS;
    await charging.paused();
    expect(counted).toMatchObject({ requests: 2, writeUnits: 0 });
  });

  it('includes another’s pause, and its end, after that time at the latest', async () => {
    const person = aProcess();
    const worker = aProcess();
    await worker.paused();
    await person.pause({ reason: 'by hand' });
    clock.now = NOW + FRESH_MS;
    expect(await worker.paused()).toMatchObject({ reason: 'by hand' });
    await person.resume();
    clock.now = NOW + 2 * FRESH_MS;
    expect(await worker.paused()).toBeUndefined();
  });

  it('is read with another item in one request, where it is no longer fresh', async () => {
    const { client, table } = store();
    await client.send(new PutCommand({ TableName: table, Item: { pk: 'RECHARGE#1', credits: 5 } }));
    await aProcess().pause({ reason: 'by hand' });
    const charging = aProcess();
    const counted = meter(client);
    expect(await charging.getWithSwitch('RECHARGE#1')).toEqual({ pk: 'RECHARGE#1', credits: 5 });
    expect(await charging.paused()).toMatchObject({ reason: 'by hand' });
    expect(counted).toMatchObject({ requests: 1, readUnits: 2 });
    expect(await charging.getWithSwitch('RECHARGE#2')).toBeUndefined();
    expect(counted).toMatchObject({ requests: 2, readUnits: 3 });
    clock.now += FRESH_MS;
    await Promise.all([charging.getWithSwitch('RECHARGE#1'), charging.getWithSwitch('RECHARGE#2')]);
    expect(counted).toMatchObject({ requests: 4, readUnits: 6 });
  });

  it('is never a failure: the next question asks again', async () => {
    const { client, table } = store();
    let fails = true;
    client.middlewareStack.add((next) => (args) => {
      if (fails) throw new Error('no answer');
      return next(args);
    });
    const charging = createDynamoCharging(client, table, { freshMs: FRESH_MS, now: () => NOW });
    await expect(charging.paused()).rejects.toThrow('no answer');
    await expect(charging.getWithSwitch('RECHARGE#1')).rejects.toThrow('no answer');
    fails = false;
    expect(await charging.paused()).toBeUndefined();
  });

  it('is not guessed where the item cannot be understood', async () => {
    const { client, table } = store();
    const item = { pk: 'CONTROL#charging', pausedBecause: 'by hand', pausedUntil: 'tomorrow' };
    await client.send(new PutCommand({ TableName: table, Item: item }));
    await expect(aProcess().paused()).rejects.toThrow();
    // The other item can be.
    const charging = aProcess();
    expect(await charging.getWithSwitch('CONTROL#charging')).toMatchObject(item);
    await expect(charging.paused()).rejects.toThrow();
  });

  it('is asked of the table, and throws where the table does not answer', async () => {
    const client = createDocumentClient(engineAt('http://127.0.0.1:1'));
    const charging = createDynamoCharging(client, store().table, { freshMs: FRESH_MS, now: () => NOW });
    await expect(charging.paused()).rejects.toThrow();
    client.destroy();
  });
});

describe('grants that did not go through', () => {
  it('are counted by client, across processes, and begin anew once one went through', async () => {
    const one = aProcess();
    const other = aProcess();
    expect(await one.grantFailed('a@example.com')).toBe(1);
    expect(await other.grantFailed('b@example.com')).toBe(2);
    expect(await one.grantFailed('a@example.com')).toBe(2);
    await other.grantWentThrough();
    expect(await one.grantFailed('b@example.com')).toBe(1);
  });

  it('that come at once are all counted, to ten', async () => {
    const clients = Array.from({ length: 12 }, (_, index) => `client-${index}@example.com`);
    const counts = await Promise.all(clients.map((email) => aProcess().grantFailed(email)));
    expect(counts.sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10, 10]);
  });

  it('that never happened cost one that went through no write, and no read while that is fresh', async () => {
    const charging = aProcess();
    await charging.paused();
    const counted = meter(store().client);
    for (let granted = 0; granted < 5; granted += 1) await charging.grantWentThrough();
    expect(counted.requests).toBe(0);
    expect(await stored()).toBeUndefined();
  });

  it('are forgotten by one write for a person’s pause, not by every grant', async () => {
    const charging = aProcess();
    await charging.pause({ reason: 'the relay saw a fault', until: NOW + 900_000 });
    await charging.grantFailed('a@example.com');
    const counted = meter(store().client);
    await charging.grantWentThrough();
    await charging.grantWentThrough();
    expect(counted).toMatchObject({ requests: 1, writeUnits: 1 });
  });

  it('do not pause by themselves, and are kept over the pause they set off: its first failure renews it', async () => {
    const charging = aProcess();
    await charging.grantFailed('a@example.com');
    expect(await charging.paused()).toBeUndefined();
    await charging.grantFailed('b@example.com');
    await charging.pause({ reason: 'grants of 2 clients in a row', until: NOW + 900_000 });
    expect(await charging.grantFailed('c@example.com')).toBe(3);
    await charging.resume();
    expect(await charging.grantFailed('a@example.com')).toBe(1);
  });
});

describe('a grant that went through', () => {
  it('ends a pause that the relay made itself, and says so', async () => {
    await aProcess().pause({ reason: 'pool_empty', until: NOW + 900_000 });
    const charging = aProcess();
    expect(await charging.grantWentThrough()).toBe(true);
    expect(await charging.paused()).toBeUndefined();
    expect(await charging.grantWentThrough()).toBe(false);
  });

  it('does not end a person’s pause', async () => {
    const charging = aProcess();
    await charging.grantFailed('a@example.com');
    await charging.pause({ reason: 'by hand' });
    expect(await charging.grantWentThrough()).toBe(false);
    expect(await charging.paused()).toMatchObject({ reason: 'by hand' });
    expect(await charging.grantFailed('b@example.com')).toBe(1);
  });
});
