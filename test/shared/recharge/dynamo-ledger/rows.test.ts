import { PutCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { record } from '../../../../shared/history.ts';
import { type Account, unknownAccount } from '../../../../shared/recharge/account.ts';
import { claimedAttributes } from '../../../../shared/recharge/dynamo-recharges.ts';
import { withEntry } from '../../../../shared/recharge/guard.ts';
import type { Ledger } from '../../../../shared/recharge/ledger.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Moment, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import type { Recharge } from '../../../../shared/recharge/recharge.ts';
import { NewerRowError } from '../../../../shared/storage/table.ts';
import { itemSize } from '../../../support/item-size.ts';
import { useLedger } from '../../../support/store.ts';
import { allDue, FULL_RECHARGE, makeNewer, NOW, rawItem, received, reserved } from './items.ts';

const store = useLedger();

describe('claim', () => {
  it('is won by exactly one of 20 at the same time, and shows its row to all others', async () => {
    const { ledger } = store();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ledger.claim(received({ credits: 100 + index }))),
    );
    const winners = results.filter(({ kind }) => kind === 'written');
    expect(winners).toHaveLength(1);
    const standing = await ledger.read('key-1');
    expect(results.map(({ row }) => row)).toEqual(Array.from({ length: 20 }, () => standing));
    expect(winners[0]?.row).toEqual(standing);
  });

  it('returns the row of a known key as it is now, and changes nothing of it', async () => {
    const { ledger } = store();
    const first = await ledger.claim(received());
    const { row } = await ledger.write(first.row, { ...first.row, phase: 'charged', paymentRef: 'pi_1' });
    expect(await ledger.claim(received({ email: 'other@example.com', credits: 9 }))).toEqual({
      kind: 'conflict',
      row,
    });
    expect(await ledger.read('key-1')).toEqual(row);
  });

  it('keeps two keys apart', async () => {
    const { ledger } = store();
    expect((await ledger.claim(received())).kind).toBe('written');
    expect((await ledger.claim(received({ key: 'key-2' }))).kind).toBe('written');
  });

  it('writes what a claim says and nothing else: no phase, no version, no grant, no history', async () => {
    const { ledger } = store();
    const row = received({ grantEmail: 'Jane@Example.com' });
    await ledger.claim(row);
    const item = await rawItem(store(), 'RECHARGE#key-1');
    expect(Object.keys(item).sort()).toEqual(claimedAttributes().sort());
    expect(item).toEqual({
      pk: 'RECHARGE#key-1',
      v: 2,
      email: 'jane@example.com',
      grantEmail: 'Jane@Example.com',
      credits: 500,
      receivedAt: NOW,
      nextAttemptAt: NOW + 180_000,
      open: 'time',
      list: 'RECHARGE#2026-01-05',
      listKey: `${NOW}#jane@example.com`,
    });
    expect(await ledger.read('key-1')).toEqual(row);
  });

  it('cannot set back a row that has gone on, and its rights alone could not either: it changes no attribute of that', async () => {
    const { ledger, client, table } = store();
    const { row } = await ledger.claim(received());
    const { nextAttemptAt: _, ...rest } = row;
    const gone = { phase: 'completed', paymentRef: 'pi_1', grantNo: 1, grantToken: 'a' } as const;
    const { row: completed } = await ledger.write(row, { ...rest, ...gone });
    // What a claim sends, without its condition.
    const Item = await rawItem(store(), 'RECHARGE#key-1');
    const claimed = claimedAttributes().filter((name) => name !== 'pk' && name in Item);
    await client.send(
      new UpdateCommand({
        TableName: table,
        Key: { pk: 'RECHARGE#key-1' },
        UpdateExpression: `SET ${claimed.map((name) => `#${name} = :${name}`)}, #open = :open`,
        ExpressionAttributeNames: Object.fromEntries([...claimed, 'open'].map((name) => [`#${name}`, name])),
        ExpressionAttributeValues: {
          ...Object.fromEntries(claimed.map((name) => [`:${name}`, Item[name]])),
          ':open': 'time',
        },
      }),
    );
    expect(await ledger.read('key-1')).toEqual(completed);
  });

  it('refuses to read the row of a later version', async () => {
    const { ledger } = store();
    await ledger.claim(received());
    await makeNewer(store(), 'key-1');
    await expect(ledger.claim(received())).rejects.toThrow(NewerRowError);
  });
});

describe('read', () => {
  it('gives every field back as it was claimed', async () => {
    const { ledger } = store();
    await ledger.claim(FULL_RECHARGE);
    expect(await ledger.read(FULL_RECHARGE.key)).toStrictEqual(FULL_RECHARGE);
  });

  it('gives a row without any optional field back without any', async () => {
    const { ledger } = store();
    const { nextAttemptAt: _, ...least } = received({ phase: 'completed' });
    await ledger.claim(least);
    expect(await ledger.read('key-1')).toStrictEqual(least);
  });

  it.each(Object.keys(FULL_RECHARGE) as (keyof Recharge)[])(
    'gives a row back that lacks only %s',
    async (field) => {
      const { ledger } = store();
      const { [field]: value, ...rest } = FULL_RECHARGE;
      const always: (keyof Recharge)[] = [
        ...(['v', 'key', 'email', 'credits', 'receivedAt', 'phase', 'version', 'attempt'] as const),
        ...(['attemptStartedAt', 'grantNo', 'history'] as const),
      ];
      const row = (always.includes(field) ? { ...rest, [field]: value } : rest) as Recharge;
      await ledger.claim(row);
      expect(await ledger.read(row.key)).toStrictEqual(row);
    },
  );

  it('says of an unknown key that there is no row', async () => {
    expect(await store().ledger.read('nobody')).toBeUndefined();
  });

  it('refuses to read the row of a later version, and names key and version', async () => {
    const { ledger } = store();
    await ledger.claim(received());
    await makeNewer(store(), 'key-1');
    const reading = ledger.read('key-1');
    await expect(reading).rejects.toThrow(NewerRowError);
    await expect(reading).rejects.toThrow(
      'The row RECHARGE#key-1 is stored with schema version 4; this program knows 3.',
    );
  });
});

describe('write', () => {
  it('goes on with a row that an earlier version claimed, which says in full what is left out now', async () => {
    const { ledger, client, table } = store();
    const { key, ...row } = received();
    const Item = { ...row, pk: `RECHARGE#${key}`, v: 1, open: 'time', history: [{ t: NOW, e: 'received' }] };
    await client.send(new PutCommand({ TableName: table, Item }));
    const read = await ledger.read(key);
    expect(read).toEqual({ ...row, key, v: 1 });
    if (!read) return;
    const written = await ledger.write(read, { ...read, phase: 'charged' });
    expect(written).toEqual({ kind: 'written', row: { ...row, key, phase: 'charged', version: 2 } });
    expect((await ledger.write(read, { ...read, phase: 'blocked' })).kind).toBe('conflict');
    expect(await ledger.read(key)).toEqual(written.row);
  });

  it('makes no row where none was claimed', async () => {
    await expect(store().ledger.write(received(), received({ phase: 'charged' }))).rejects.toThrow();
    expect(await store().ledger.read('key-1')).toBeUndefined();
  });

  it('counts the version on, on disk as in its answer', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received());
    const written = await ledger.write(row, { ...row, phase: 'charged' });
    expect(written).toEqual({ kind: 'written', row: { ...row, phase: 'charged', version: 2 } });
    expect(await ledger.read('key-1')).toEqual(written.row);
  });

  it('loses to a newer row, changes nothing of it and brings it back', async () => {
    const { ledger } = store();
    const { row: read } = await ledger.claim(received());
    const { row: newer } = await ledger.write(read, { ...read, phase: 'charged', paymentRef: 'pi_1' });
    expect(await ledger.write(read, { ...read, phase: 'declined', reason: 'late' })).toEqual({
      kind: 'conflict',
      row: newer,
    });
    expect(await ledger.read('key-1')).toEqual(newer);
  });

  it('is won by exactly one of 20 that read the same row', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received());
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) => ledger.write(row, { ...row, paymentRef: `pi_${index}` })),
    );
    expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    expect((await ledger.read('key-1'))?.version).toBe(2);
  });

  it('makes the row, from a full one to a bare one and back, exactly what was asked', async () => {
    const { ledger } = store();
    const { nextAttemptAt: _, ...least } = received({ key: FULL_RECHARGE.key, phase: 'completed' });
    const { row: full } = await ledger.claim(FULL_RECHARGE);
    const { row: bare } = await ledger.write(full, { ...least, version: 0 });
    expect(await ledger.read(full.key)).toStrictEqual({ ...least, version: 2 });
    await ledger.write(bare, FULL_RECHARGE);
    expect(await ledger.read(full.key)).toStrictEqual({ ...FULL_RECHARGE, version: 3 });
  });

  it('takes a removed field off the disk', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(FULL_RECHARGE);
    const { review: _r, actionUrl: _u, ...rest } = row;
    await ledger.write(row, rest);
    const item = await rawItem(store(), `RECHARGE#${row.key}`);
    expect(item).toHaveProperty('reason');
    expect(item).not.toHaveProperty('review');
    expect(item).not.toHaveProperty('actionUrl');
  });

  it.each(['completed', 'declined', 'blocked', 'refunded'] as const)(
    'takes a %s row out of the open ones',
    async (phase) => {
      const { ledger } = store();
      const { row } = await ledger.claim(received());
      expect(await allDue(ledger, NOW + 180_000)).toEqual([[{ key: 'key-1', nextAttemptAt: NOW + 180_000 }]]);
      const { nextAttemptAt: _, ...rest } = row;
      await ledger.write(row, { ...rest, phase });
      expect(await allDue(ledger, Number.MAX_SAFE_INTEGER)).toEqual([[]]);
      expect(await rawItem(store(), 'RECHARGE#key-1')).not.toHaveProperty('open');
    },
  );

  it('leaves a row that waits for a person among the open ones, apart from those that go on by themselves', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received());
    await ledger.write(row, {
      ...row,
      phase: 'needs_review',
      review: 'grant_unknown',
      nextAttemptAt: NOW + 5,
    });
    expect(await allDue(ledger, NOW + 5, 'person')).toEqual([[{ key: 'key-1', nextAttemptAt: NOW + 5 }]]);
    expect(await allDue(ledger, NOW + 5, 'time')).toEqual([[]]);
  });

  it('never makes a row where there is none', async () => {
    const { ledger } = store();
    await expect(ledger.write(received(), received({ phase: 'charged' }))).rejects.toThrow();
    expect(await ledger.read('key-1')).toBeUndefined();
  });

  it('refuses to read the row of a later version that it lost to', async () => {
    const { ledger } = store();
    const { row } = await ledger.claim(received());
    await ledger.write(row, { ...row, grantNo: 1 });
    await makeNewer(store(), 'key-1');
    await expect(ledger.write(row, { ...row, phase: 'charged' })).rejects.toThrow(NewerRowError);
  });
});

describe('the size of', () => {
  const KEY_64 = 'k'.repeat(64);
  const EMAIL_64 = `${'e'.repeat(52)}@example.com`;
  const at: Moment = {
    now: NOW + 2_000,
    policy: productionPolicy,
    parties: { payment: { fingerprint: '~01234567' }, platform: { fingerprint: '~89abcdef' } },
    token: 't'.repeat(16),
    jitter: 0.5,
    timeToGrant: true,
  };

  const decided = async (ledger: Ledger, row: Recharge, outcome: Outcome): Promise<Recharge> => {
    const { next } = decide(row, outcome, at);
    if (!next) throw new Error(`Nothing was decided on ${outcome.kind}.`);
    return (await ledger.write(row, next)).row;
  };

  it('a row that went well is at most 1 KB, one write unit, at every step', async () => {
    const { ledger } = store();
    let { row } = await ledger.claim(received({ key: KEY_64, email: EMAIL_64 }));
    row = await decided(ledger, row, {
      kind: 'payment',
      attempt: 1,
      asked: 'charge',
      result: { kind: 'paid', paymentRef: 'pi_3MtwBwLkdIwHu7ix28a3tqPa' },
      frozen: {
        money: { amount: 5_000, currency: 'USD' },
        grantEmail: `E${EMAIL_64.slice(1)}`,
        balanceBefore: 49.75,
        paymentParty: '~01234567',
        platformParty: '~89abcdef',
      },
    });
    expect(row.phase).toBe('granting');
    expect(itemSize(await rawItem(store(), `RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(1_024);
    row = await decided(ledger, row, {
      kind: 'grant',
      token: at.token,
      result: { kind: 'granted', newBalance: 549.75 },
    });
    expect(row.phase).toBe('completed');
    expect(itemSize(await rawItem(store(), `RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(1_024);
  });

  it('a row with every field and the longest history of plain letters is at most 4 KB, one read unit', async () => {
    const { ledger } = store();
    let worst: Recharge = {
      ...FULL_RECHARGE,
      key: KEY_64,
      email: EMAIL_64,
      grantEmail: `E${EMAIL_64.slice(1)}`,
    };
    for (let event = 0; event < 200; event += 1) {
      const detail = `${event} `.padEnd(300, 'no answer from the provider: ');
      worst = { ...worst, history: record(worst, at, 'granted_after_refund', detail) };
    }
    worst = { ...worst, paymentRef: 'p'.repeat(255), reason: 'r'.repeat(100), grantToken: at.token };
    worst.actionUrl = `https://pay.example.com/${'u'.repeat(976)}`;
    await ledger.claim(worst);
    expect(itemSize(await rawItem(store(), `RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(4_096);
  });

  it('an account with ten reservations is at most 1 KB', async () => {
    const { ledger } = store();
    const customer = 'cus_NffrFeUfNV2Hib';
    let account: Account = { ...unknownAccount(EMAIL_64), status: 'active', customer };
    for (let index = 0; index < 10; index += 1) {
      const entry = { ...reserved(NOW + index, 12_345), customer };
      account = withEntry(account, received({ key: `key-${index}`, email: EMAIL_64 }), entry);
    }
    await ledger.writeAccount(unknownAccount(EMAIL_64), account);
    const item = await rawItem(store(), `ACCOUNT#${EMAIL_64}`);
    expect(Object.keys(item).filter((name) => name.startsWith('r_'))).toHaveLength(10);
    expect(itemSize(item)).toBeLessThanOrEqual(1_024);
  });
});
