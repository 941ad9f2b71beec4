import { GetCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { record } from '../../../../shared/history.ts';
import { type Account, type Reservation, unknownAccount } from '../../../../shared/recharge/account.ts';
import { judge, withEntry } from '../../../../shared/recharge/guard.ts';
import type { DueRecharge, Ledger, WaitsFor } from '../../../../shared/recharge/ledger.ts';
import { decide } from '../../../../shared/recharge/machine/machine.ts';
import type { Moment, Outcome } from '../../../../shared/recharge/machine/outcome.ts';
import { productionPolicy } from '../../../../shared/recharge/policy.ts';
import { newRecharge, type Recharge } from '../../../../shared/recharge/recharge.ts';
import { NewerRowError } from '../../../../shared/storage/table.ts';
import { itemSize } from '../../../support/item-size.ts';
import { useLedger } from '../../../support/store.ts';

const store = useLedger();

const NOW = Date.UTC(2026, 0, 5, 9, 30, 0, 123);
const EMAIL = 'jane@example.com';

/** A row as the webhook claims it, due three minutes later. */
const received = (over: Partial<Recharge> = {}): Recharge => ({
  ...newRecharge({ key: 'key-1', email: EMAIL, credits: 500 }, NOW, NOW + 180_000),
  ...over,
});

/** Every field there is: the compiler misses none. */
const FULL_RECHARGE: Required<Recharge> = {
  v: 1,
  key: 'a key with # and / and ü',
  email: EMAIL,
  credits: 500,
  receivedAt: NOW,
  phase: 'needs_review',
  version: 1,
  attempt: 2,
  attemptStartedAt: NOW + 86_400_000,
  nextAttemptAt: NOW + 90_000_000,
  notBefore: NOW + 89_000_000,
  stopped: true,
  swept: 3,
  amount: 5_000,
  currency: 'USD',
  paymentRef: 'pi_3MtwBwLkdIwHu7ix28a3tqPa',
  actionUrl: 'https://pay.example.com/act?a=1&b=2',
  actBy: NOW + 259_200_000,
  grantEmail: 'Jane@Example.com',
  platformId: 'sub-7',
  balanceBefore: 12.5,
  grantNo: 2,
  grantToken: 'tok_abc',
  grantDeadline: NOW + 120_000,
  phaseDeadline: NOW + 300_000,
  refundStartedAt: NOW + 200_000,
  newBalance: 0,
  review: 'grant_unknown',
  reason: 'over_daily_count',
  history: [
    { at: NOW, event: 'received' },
    { at: NOW + 1, event: 'waiting', detail: 'payment unknown: timeout "ü" \u0000', times: 7 },
    { at: NOW + 2, event: 'left_out', times: 2 },
    { at: NOW + 3, event: 'paid', detail: '' },
  ],
};

const reserved = (at: number, amount = 5_000): Reservation => ({
  state: 'reserved',
  at,
  money: { amount, currency: 'USD' },
});

const FULL_ACCOUNT: Required<Account> = {
  email: EMAIL,
  revision: 0,
  status: 'suspended',
  grantEmail: 'Jane@Example.com',
  platformId: 'sub_1',
  customer: 'cus_1',
  pricing: {
    currency: 'USD',
    tiers: [{ upTo: 1_000, perCredit: '0.10' }, { perCredit: '0.08' }],
    minimumCharge: '5.00',
  },
  limits: { dailyCount: 0, monthlyAmount: 50_000, cooldownSeconds: 600 },
  last: { key: 'key-#-last', at: NOW },
  counts: { '2026-01-04': 2, '2026-01-05': 1 },
  spent: { '2025-12_USD': 15_000, '2026-01_JPY': 0, '2026-01_USD': 5_000 },
  reservations: {
    r_00000000000000a1_1: {
      ...reserved(NOW),
      customer: 'cus_1',
      platformId: 'sub_1',
      balanceBefore: 12.5,
    },
    r_00000000000000a2_1: reserved(NOW + 1),
    r_00000000000000a3_1: { state: 'refused', at: NOW + 2, word: 'account_unknown' },
    r_00000000000000a4_1: { ...reserved(NOW + 3), state: 'refused', word: 'cooldown' },
    r_00000000000000a5_1: {
      ...reserved(NOW + 4),
      state: 'released',
      reason: 'card_declined',
      retryable: true,
    },
    r_00000000000000a5_2: { ...reserved(NOW + 5), state: 'released', reason: '', retryable: false },
  },
};

/** The account as others wrote it so far; the client is known from here on. */
async function knownAccount(ledger: Ledger, over: Partial<Account> = {}): Promise<Account> {
  const written = await ledger.writeAccount(unknownAccount(EMAIL), {
    ...unknownAccount(EMAIL),
    status: 'active',
    ...over,
  });
  expect(written.kind).toBe('written');
  return written.row;
}

async function rawItem(pk: string): Promise<Record<string, unknown>> {
  const { client, table } = store();
  const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk }, ConsistentRead: true }));
  if (!Item) throw new Error(`There is no item ${pk}.`);
  return Item;
}

/** What a later version of this program would leave behind. */
async function makeNewer(key: string, pk = `RECHARGE#${key}`): Promise<void> {
  const { client, table } = store();
  await client.send(
    new UpdateCommand({
      TableName: table,
      Key: { pk },
      UpdateExpression: 'SET v = :v, phase = :phase',
      ExpressionAttributeValues: { ':v': 2, ':phase': 'a_phase_of_the_future' },
    }),
  );
}

async function allDue(ledger: Ledger, now: number, waitsFor: WaitsFor = 'time'): Promise<DueRecharge[][]> {
  const pages: DueRecharge[][] = [];
  let cursor: string | undefined;
  do {
    const page = await ledger.due(waitsFor, now, cursor);
    pages.push(page.items);
    cursor = page.cursor;
  } while (cursor !== undefined);
  return pages;
}

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

  it('refuses to read the row of a later version', async () => {
    const { ledger } = store();
    await ledger.claim(received());
    await makeNewer('key-1');
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
    await makeNewer('key-1');
    const reading = ledger.read('key-1');
    await expect(reading).rejects.toThrow(NewerRowError);
    await expect(reading).rejects.toThrow(
      'The row RECHARGE#key-1 is stored with schema version 2; this program knows 1.',
    );
  });
});

describe('write', () => {
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
    const item = await rawItem(`RECHARGE#${row.key}`);
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
      expect(await rawItem('RECHARGE#key-1')).not.toHaveProperty('open');
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
    await makeNewer('key-1');
    await expect(ledger.write(row, { ...row, phase: 'charged' })).rejects.toThrow(NewerRowError);
  });
});

describe('readAccount and writeAccount', () => {
  it('leave the account of a later version alone', async () => {
    const { ledger } = store();
    await ledger.writeAccount(unknownAccount(EMAIL), { ...unknownAccount(EMAIL), status: 'active' });
    await makeNewer('', `ACCOUNT#${EMAIL}`);
    await expect(ledger.readAccount(EMAIL)).rejects.toThrow(NewerRowError);
  });

  it('take a client without a row for an unknown one', async () => {
    expect(await store().ledger.readAccount(EMAIL)).toStrictEqual({
      email: EMAIL,
      revision: 0,
      limits: {},
      counts: {},
      spent: {},
      reservations: {},
    });
  });

  it('give every field back', async () => {
    const { ledger } = store();
    await ledger.writeAccount(unknownAccount(EMAIL), FULL_ACCOUNT);
    expect(await ledger.readAccount(EMAIL)).toStrictEqual({ ...FULL_ACCOUNT, revision: 1 });
  });

  it.each(
    Object.keys(FULL_ACCOUNT).filter(
      (field) => !['email', 'revision', 'limits', 'counts', 'spent', 'reservations'].includes(field),
    ) as (keyof Account)[],
  )('give an account back that lacks only %s', async (field) => {
    const { ledger } = store();
    const { [field]: _, ...rest } = FULL_ACCOUNT;
    const account = rest as Account;
    await ledger.writeAccount(unknownAccount(EMAIL), account);
    expect(await ledger.readAccount(EMAIL)).toStrictEqual({ ...account, revision: 1 });
  });

  it.each<NonNullable<Account['pricing']>>([
    { currency: 'JPY', perCredit: '15' },
    { currency: 'USD', perCredit: '0.10', minimumCharge: '5' },
    { currency: 'KWD', packs: [{ credits: 500, price: '12.345' }] },
  ])('give the price list %j back', async (pricing) => {
    const { ledger } = store();
    await knownAccount(ledger, { pricing });
    expect((await ledger.readAccount(EMAIL)).pricing).toStrictEqual(pricing);
  });

  it('make the account, from a full one to a bare one, exactly what was asked', async () => {
    const { ledger } = store();
    const { row } = await ledger.writeAccount(unknownAccount(EMAIL), FULL_ACCOUNT);
    expect((await ledger.writeAccount(row, unknownAccount(EMAIL))).kind).toBe('written');
    expect(await ledger.readAccount(EMAIL)).toStrictEqual({ ...unknownAccount(EMAIL), revision: 2 });
    expect(Object.keys(await rawItem(`ACCOUNT#${EMAIL}`)).sort()).toEqual(['pk', 'revision', 'v']);
  });

  it('let exactly one of 20 make the row that was not there', async () => {
    const { ledger } = store();
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        ledger.writeAccount(unknownAccount(EMAIL), { ...unknownAccount(EMAIL), customer: `cus_${index}` }),
      ),
    );
    expect(results.filter(({ kind }) => kind === 'written')).toHaveLength(1);
    const standing = await ledger.readAccount(EMAIL);
    expect(standing.revision).toBe(1);
    for (const { row } of results) expect(row).toEqual(standing);
  });

  it('lose to a newer revision and bring it back', async () => {
    const { ledger } = store();
    const read = await knownAccount(ledger);
    const { row: newer } = await ledger.writeAccount(read, { ...read, customer: 'cus_new' });
    expect(await ledger.writeAccount(read, { ...read, customer: 'cus_old' })).toEqual({
      kind: 'conflict',
      row: newer,
    });
    expect(await ledger.readAccount(EMAIL)).toEqual(newer);
  });

  it('keep clients apart whose addresses contain # or each other', async () => {
    const { ledger } = store();
    const emails = ['a@example.com', 'b#a@example.com', 'b', '#'];
    for (const email of emails) {
      await ledger.writeAccount(unknownAccount(email), {
        ...unknownAccount(email),
        customer: `cus_of_${email}`,
      });
    }
    for (const email of emails) {
      expect(await ledger.readAccount(email)).toMatchObject({
        email,
        revision: 1,
        customer: `cus_of_${email}`,
      });
    }
  });

  it('reserve no more than the daily count, however many at once', async () => {
    const { ledger } = store();
    await knownAccount(ledger);
    const settings = {
      mode: 'live',
      unknownAccounts: 'refuse',
      credits: { min: 1, max: 1_000 },
      limits: { dailyCount: 5 },
      pricing: { currency: 'USD', perCredit: '0.10' },
    } as const;
    const reserve = async (key: string): Promise<string> => {
      const row = received({ key });
      let account = await ledger.readAccount(EMAIL);
      for (;;) {
        const verdict = judge(row, account, undefined, settings, NOW);
        const entry: Reservation =
          verdict.kind === 'reserve'
            ? { state: 'reserved', at: NOW, money: verdict.money }
            : { state: 'refused', at: NOW, word: verdict.word };
        const written = await ledger.writeAccount(account, withEntry(account, row, entry));
        if (written.kind === 'written') return verdict.kind === 'reserve' ? 'reserved' : verdict.word;
        account = written.row;
      }
    };
    const words = await Promise.all(Array.from({ length: 20 }, (_, index) => reserve(`key-${index}`)));
    expect(words.filter((word) => word === 'reserved')).toHaveLength(5);
    expect(words.filter((word) => word === 'over_daily_count')).toHaveLength(15);
    const account = await ledger.readAccount(EMAIL);
    expect(account.counts).toEqual({ '2026-01-05': 5 });
    expect(account.spent).toEqual({ '2026-01_USD': 25_000 });
    expect(account.revision).toBe(21);
    const states = Object.values(account.reservations).map(({ state }) => state);
    expect(states.filter((state) => state === 'reserved')).toHaveLength(5);
    expect(states.filter((state) => state === 'refused')).toHaveLength(15);
  });

  it('lose no counter that was written while a setting was changed, nor the setting', async () => {
    const { ledger } = store();
    const shown = await knownAccount(ledger);
    const row = received();
    await ledger.writeAccount(shown, withEntry(shown, row, reserved(NOW)));

    const suspend = (account: Account): Account => ({
      ...account,
      status: 'suspended',
      limits: { dailyCount: 1 },
    });
    const first = await ledger.writeAccount(shown, suspend(shown));
    expect(first.kind).toBe('conflict');
    expect((await ledger.writeAccount(first.row, suspend(first.row))).kind).toBe('written');

    expect(await ledger.readAccount(EMAIL)).toMatchObject({
      status: 'suspended',
      limits: { dailyCount: 1 },
      last: { key: 'key-1', at: NOW },
      counts: { '2026-01-05': 1 },
      spent: { '2026-01_USD': 5_000 },
    });
  });

  it('make a reservation lose to a setting that changed meanwhile', async () => {
    const { ledger } = store();
    const judged = await knownAccount(ledger);
    await ledger.writeAccount(judged, { ...judged, status: 'suspended' });
    const lost = await ledger.writeAccount(judged, withEntry(judged, received(), reserved(NOW)));
    expect(lost).toMatchObject({
      kind: 'conflict',
      row: { status: 'suspended', counts: {}, reservations: {} },
    });
  });
});

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
    expect(await ledger.postpone(seen, NOW + 180_000)).toBe(1);
    expect(await ledger.postpone(seen, NOW + 999_000)).toBeUndefined();
    expect(await ledger.read('key-1')).toEqual({ ...row, nextAttemptAt: NOW + 180_000, swept: 1 });
    expect(await ledger.postpone({ key: 'key-1', nextAttemptAt: NOW + 180_000 }, NOW + 360_000)).toBe(2);
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
    expect(counts.filter((swept) => swept !== undefined)).toEqual([1]);
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

describe('list', () => {
  it('names the recharges of a UTC day, newest first, finished or not', async () => {
    const { ledger } = store();
    const at = (hour: number, minute: number) => Date.UTC(2026, 0, 5, hour, minute);
    await ledger.claim(received({ key: 'noon', receivedAt: at(12, 0) }));
    await ledger.claim(received({ key: 'first', receivedAt: at(0, 0), phase: 'completed' }));
    await ledger.claim(received({ key: 'last', receivedAt: at(24, 0) - 1 }));
    await ledger.claim(received({ key: 'the-day-before', receivedAt: at(0, 0) - 1 }));
    await ledger.claim(received({ key: 'the-day-after', receivedAt: at(24, 0) }));
    expect(await ledger.list('2026-01-05')).toEqual({ items: ['last', 'noon', 'first'] });
    expect(await ledger.list('2026-01-04')).toEqual({ items: ['the-day-before'] });
    expect(await ledger.list('2026-01-07')).toEqual({ items: [] });
  });

  it('names those of one client only, also where an address ends with another or contains #', async () => {
    const { ledger } = store();
    const emails = ['a@example.com', 'b-a@example.com', 'b#a@example.com', '#a@example.com'];
    for (const [index, email] of emails.entries()) {
      await ledger.claim(received({ key: `${index}-old`, email, receivedAt: NOW + index }));
      await ledger.claim(received({ key: `${index}-new`, email, receivedAt: NOW + 1_000 + index }));
    }
    for (const [index, email] of emails.entries()) {
      expect(await ledger.list('2026-01-05', email)).toEqual({ items: [`${index}-new`, `${index}-old`] });
    }
    expect(await ledger.list('2026-01-05', 'example.com')).toEqual({ items: [] });
  });

  it('goes on page after page', async () => {
    const { ledger } = store();
    await Promise.all(
      Array.from({ length: 130 }, (_, index) =>
        ledger.claim(
          received({
            key: `key-${index}`,
            receivedAt: NOW + index,
            email: index < 3 ? EMAIL : 'other@example.com',
          }),
        ),
      ),
    );
    const first = await ledger.list('2026-01-05');
    const second = await ledger.list('2026-01-05', undefined, first.cursor);
    expect([...first.items, ...second.items]).toEqual(
      Array.from({ length: 130 }, (_, index) => `key-${129 - index}`),
    );
    expect(second.cursor).toBeUndefined();

    const ofJane = await ledger.list('2026-01-05', EMAIL);
    expect(ofJane.items).toEqual([]);
    expect((await ledger.list('2026-01-05', EMAIL, ofJane.cursor)).items).toEqual([
      'key-2',
      'key-1',
      'key-0',
    ]);
  });

  it('does not take the list of clients for a day', async () => {
    const { ledger } = store();
    await knownAccount(ledger);
    await ledger.claim(received());
    expect((await ledger.list('2026-01-05')).items).toEqual(['key-1']);
  });
});

describe('the size of', () => {
  const KEY_64 = 'k'.repeat(64);
  const EMAIL_64 = `${'e'.repeat(52)}@example.com`;
  const at: Moment = {
    now: NOW + 2_000,
    policy: productionPolicy,
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
      },
    });
    expect(row.phase).toBe('granting');
    expect(itemSize(await rawItem(`RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(1_024);
    row = await decided(ledger, row, {
      kind: 'grant',
      token: at.token,
      result: { kind: 'granted', newBalance: 549.75 },
    });
    expect(row.phase).toBe('completed');
    expect(itemSize(await rawItem(`RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(1_024);
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
    expect(itemSize(await rawItem(`RECHARGE#${KEY_64}`))).toBeLessThanOrEqual(4_096);
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
    const item = await rawItem(`ACCOUNT#${EMAIL_64}`);
    expect(Object.keys(item).filter((name) => name.startsWith('r_'))).toHaveLength(10);
    expect(itemSize(item)).toBeLessThanOrEqual(1_024);
  });
});
