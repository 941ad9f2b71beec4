import { type BatchGetCommand, BatchWriteCommand, GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { createDynamoRows } from '../../../../shared/recharge/dynamo-rows.ts';
import type { Ledger } from '../../../../shared/recharge/ledger.ts';
import { LATEST_VERSION } from '../../../../shared/recharge/recharge.ts';
import { NewerRowError } from '../../../../shared/storage/table.ts';
import { meter, useLedger } from '../../../support/store.ts';
import { allDue, EMAIL, knownAccount, makeNewer, NOW, received } from './items.ts';

const store = useLedger();

describe('due', () => {
  /** The i-th row is due i ms after NOW; claimed in an order that is not the order they are due in. */
  const claimMany = async (ledger: Ledger, count: number) => {
    const offsets = Array.from({ length: count }, (_, index) => (index * 37) % count);
    await Promise.all(
      offsets.map((offset) => ledger.claim(received({ key: `key-${offset}`, nextAttemptAt: NOW + offset }))),
    );
  };

  it('names the rows due by now, the most overdue first, page after page', async () => {
    const { ledger } = store();
    await claimMany(ledger, 230);
    const pages = await allDue(ledger, NOW + 214);
    expect(pages.map((page) => page.length)).toEqual([100, 100, 15]);
    expect(pages.flat()).toEqual(
      Array.from({ length: 215 }, (_, index) => ({ key: `key-${index}`, nextAttemptAt: NOW + index })),
    );
  });

  it('goes on after the last row it named, though that has moved on meanwhile', async () => {
    const { ledger } = store();
    await claimMany(ledger, 110);
    const first = await ledger.due('time', NOW + 1_000);
    for (const item of first.items) await ledger.postpone(item, NOW + 180_000);
    const second = await ledger.due('time', NOW + 1_000, first.cursor);
    expect(second.items.map(({ key }) => key)).toEqual(
      Array.from({ length: 10 }, (_, index) => `key-${100 + index}`),
    );
    expect(second.cursor).toBeUndefined();
  });

  it('names nothing where nothing is due', async () => {
    const { ledger } = store();
    await ledger.claim(received({ nextAttemptAt: NOW + 1 }));
    expect(await ledger.due('time', NOW)).toEqual({ items: [] });
  });

  it('keeps apart keys that contain #', async () => {
    const { ledger } = store();
    await ledger.claim(received({ key: 'a#b#c', nextAttemptAt: NOW }));
    expect((await ledger.due('time', NOW)).items).toEqual([{ key: 'a#b#c', nextAttemptAt: NOW }]);
  });
});

describe('postpone', () => {
  it('moves a row on from the time that was read, once, and counts', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received({ nextAttemptAt: NOW }));
    const seen = { key: 'key-1', nextAttemptAt: NOW };
    expect(await ledger.postpone(seen, NOW + 180_000)).toEqual({ swept: 1, unanswered: 1 });
    expect(await ledger.postpone(seen, NOW + 999_000)).toBeUndefined();
    expect(await ledger.read('key-1')).toEqual({ ...row, nextAttemptAt: NOW + 180_000, swept: 1 });
    const later = { key: 'key-1', nextAttemptAt: NOW + 180_000 };
    expect(await ledger.postpone(later, NOW + 360_000)).toEqual({ swept: 2, unanswered: 2 });
    expect(await ledger.read('key-1')).toEqual({ ...row, nextAttemptAt: NOW + 360_000, swept: 2 });
    expect(await allDue(ledger, NOW + 359_999)).toEqual([[]]);
    expect(await allDue(ledger, NOW + 360_000)).toEqual([[{ key: 'key-1', nextAttemptAt: NOW + 360_000 }]]);
  });

  it('is done by exactly one of 20 sweepers', async () => {
    const { ledger } = store();
    await ledger.claim(received({ nextAttemptAt: NOW }));
    const counts = await Promise.all(
      Array.from({ length: 20 }, () => ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 180_000)),
    );
    expect(counts.filter((swept) => swept !== undefined)).toEqual([{ swept: 1, unanswered: 1 }]);
  });

  it('never brings back a row that has ended, nor makes one', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received({ nextAttemptAt: NOW }));
    const { nextAttemptAt: _, ...rest } = row;
    await ledger.write(row, { ...rest, phase: 'completed' });
    expect(await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 1)).toBeUndefined();
    expect(await allDue(ledger, Number.MAX_SAFE_INTEGER)).toEqual([[]]);
    expect(await ledger.postpone({ key: 'nobody', nextAttemptAt: NOW }, NOW + 1)).toBeUndefined();
    expect(await ledger.read('nobody')).toBeUndefined();
  });

  it('makes no write of a worker lose, is not undone by one that sets no time, and is forgotten by progress', async () => {
    const { ledger } = store();
    const { row: read } = await ledger.claim(received({ nextAttemptAt: NOW }));
    await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 180_000);
    const written = await ledger.write(read, { ...read, phase: 'granting', grantNo: 1 });
    expect(written.kind).toBe('written');
    expect(await ledger.read('key-1')).toEqual({
      ...read,
      phase: 'granting',
      grantNo: 1,
      version: 2,
      nextAttemptAt: NOW + 180_000,
    });
  });

  it('counts anew what nobody answered, once somebody wrote, though that was no progress', async () => {
    const { ledger } = store();
    const { row: read } = await ledger.claim(received({ nextAttemptAt: NOW }));
    await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 1);
    await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW + 1 }, NOW + 2);
    await ledger.write(read, { ...read, swept: 2, nextAttemptAt: NOW + 3 });
    const due = { key: 'key-1', nextAttemptAt: NOW + 3 };
    expect(await ledger.postpone(due, NOW + 4)).toEqual({ swept: 3, unanswered: 1 });
  });

  it('touches no row of a later version of this program, and says so', async () => {
    const { ledger, client, table } = store();
    await ledger.claim(received({ nextAttemptAt: NOW }));
    const Key = { pk: 'RECHARGE#key-1' };
    const values = {
      UpdateExpression: 'SET v = :v',
      ExpressionAttributeValues: { ':v': LATEST_VERSION + 1 },
    };
    await client.send(new UpdateCommand({ TableName: table, Key, ...values }));
    const stored = async () => (await client.send(new GetCommand({ TableName: table, Key }))).Item;
    const before = await stored();
    await expect(ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 1)).rejects.toThrow(
      NewerRowError,
    );
    expect(await stored()).toEqual(before);
  });

  it('gives way to a time that a worker sets, and to the end', async () => {
    const { ledger } = store();
    const { row: read } = await ledger.claim(received({ nextAttemptAt: NOW }));
    await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW }, NOW + 180_000);
    const { row } = await ledger.write(read, { ...read, nextAttemptAt: NOW + 5_000 });
    expect((await ledger.read('key-1'))?.nextAttemptAt).toBe(NOW + 5_000);
    await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW + 5_000 }, NOW + 185_000);
    const { nextAttemptAt: _, ...rest } = row;
    await ledger.write(row, { ...rest, phase: 'completed' });
    expect(await allDue(ledger, Number.MAX_SAFE_INTEGER)).toEqual([[]]);
  });
});

/** The rows of the store as people list them. */
const theRows = () => createDynamoRows(store().client, store().table);
const keysOf = ({ items }: { items: { key: string }[] }) => items.map(({ key }) => key);

describe('the recharges of a UTC day', () => {
  it('are named newest first, finished or not', async () => {
    const { ledger } = store();
    const at = (hour: number, minute: number) => Date.UTC(2026, 0, 5, hour, minute);
    await ledger.claim(received({ key: 'noon', receivedAt: at(12, 0) }));
    await ledger.claim(received({ key: 'first', receivedAt: at(0, 0), phase: 'completed' }));
    await ledger.claim(received({ key: 'last', receivedAt: at(24, 0) - 1 }));
    await ledger.claim(received({ key: 'the-day-before', receivedAt: at(0, 0) - 1 }));
    await ledger.claim(received({ key: 'the-day-after', receivedAt: at(24, 0) }));
    const rows = theRows();
    expect(keysOf(await rows.ofDay('2026-01-05'))).toEqual(['last', 'noon', 'first']);
    expect(await rows.ofDay('2026-01-04')).toEqual({
      items: [{ key: 'the-day-before', email: EMAIL, receivedAt: at(0, 0) - 1 }],
    });
    expect(await rows.ofDay('2026-01-07')).toEqual({ items: [] });
  });

  it('bear their keys and emails also where these contain #', async () => {
    const { ledger } = store();
    const named = { key: '#1#', email: '#b#a@example.com', receivedAt: NOW };
    await ledger.claim(received(named));
    expect(await theRows().ofDay('2026-01-05')).toEqual({ items: [named] });
  });

  it('go on page after page, and after any of them', async () => {
    const { ledger, client, table } = store();
    const all = Array.from({ length: 1_020 }, (_, index) => ({
      pk: `RECHARGE#key-${index}`,
      list: 'RECHARGE#2026-01-05',
      listKey: `${NOW + index}#${EMAIL}`,
    }));
    for (let from = 0; from < all.length; from += 25) {
      const RequestItems = { [table]: all.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } })) };
      await client.send(new BatchWriteCommand({ RequestItems }));
    }
    const rows = theRows();
    const first = await rows.ofDay('2026-01-05');
    const second = await rows.ofDay('2026-01-05', first.cursor);
    expect([...keysOf(first), ...keysOf(second)]).toEqual(all.map((_, index) => `key-${1_019 - index}`));
    expect(second.items).toHaveLength(20);
    expect(second.cursor).toBeUndefined();
    const [, , third] = second.items;
    expect(keysOf(await rows.ofDay('2026-01-05', third))).toEqual(keysOf(second).slice(3));
    // The one after which a page begins may be gone, or have moved.
    await ledger.claim(received({ key: 'late', receivedAt: NOW - 1 }));
    const gone = { key: 'gone', email: EMAIL, receivedAt: NOW };
    expect(keysOf(await rows.ofDay('2026-01-05', gone))).toEqual(['late']);
  });

  it('are no clients', async () => {
    const { ledger } = store();
    await knownAccount(ledger);
    await ledger.claim(received());
    expect(keysOf(await theRows().ofDay('2026-01-05'))).toEqual(['key-1']);
  });
});

describe('many rows at once', () => {
  it('are read a hundred a request, each once, and what is not there is left out', async () => {
    const { ledger, client, table } = store();
    const counted = meter(client);
    const keys = Array.from({ length: 230 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => ledger.claim(received({ key }))));
    await knownAccount(ledger);
    counted.reset();
    const rows = createDynamoRows(client, table);
    const { found } = await rows.recharges([...keys, 'key-1', 'no-such-key']);
    expect(found.size).toBe(230);
    expect(counted.requests).toBe(3);
    expect(found.get('key-7')).toEqual(await ledger.read('key-7'));
    expect(await rows.accounts([EMAIL, 'stranger@example.com'])).toEqual(
      new Map([[EMAIL, await ledger.readAccount(EMAIL)]]),
    );
    expect((await rows.accounts([])).size).toBe(0);
  });

  it('are asked for again where the table left some out', async () => {
    const { ledger, client, table } = store();
    await ledger.claim(received({ key: 'key-1' }));
    const send = client.send.bind(client);
    let left = 2;
    const scanty: typeof client = Object.assign(Object.create(client), {
      send: async (command: BatchGetCommand) => {
        left -= 1;
        return left < 0 ? send(command) : { Responses: {}, UnprocessedKeys: command.input.RequestItems };
      },
    });
    const { found } = await createDynamoRows(scanty, table).recharges(['key-1']);
    expect([...found.keys()]).toEqual(['key-1']);
  });

  it('are read beside one of a later version of this program, which is named', async () => {
    await store().ledger.claim(received({ key: 'key-1' }));
    await store().ledger.claim(received({ key: 'key-2', email: 'joe@example.com' }));
    await makeNewer(store(), 'key-2');
    const { found, newer } = await theRows().recharges(['key-1', 'key-2']);
    expect([...found.keys()]).toEqual(['key-1']);
    expect(newer).toEqual([{ key: 'key-2', email: 'joe@example.com', receivedAt: NOW, v: 4 }]);
  });
});
