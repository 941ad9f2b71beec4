import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { type Account, type Reservation, unknownAccount } from '../../../../shared/recharge/account.ts';
import { judge, withEntry } from '../../../../shared/recharge/guard.ts';
import { NewerRowError } from '../../../../shared/storage/table.ts';
import { itemSize } from '../../../support/item-size.ts';
import { useLedger } from '../../../support/store.ts';
import { EMAIL, FULL_ACCOUNT, knownAccount, makeNewer, NOW, rawItem, received, reserved } from './items.ts';

const store = useLedger();

describe('readAccount and writeAccount', () => {
  it('leave the account of a later version alone', async () => {
    const { ledger } = store();
    await ledger.writeAccount(unknownAccount(EMAIL), { ...unknownAccount(EMAIL), status: 'active' });
    await makeNewer(store(), '', `ACCOUNT#${EMAIL}`);
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

  it('take a row for none that storage has forgotten since it was read', async () => {
    const { ledger, client, table } = store();
    const { row } = await ledger.writeAccount(unknownAccount(EMAIL), {
      ...unknownAccount(EMAIL),
      closedTo: NOW,
    });
    await client.send(new DeleteCommand({ TableName: table, Key: { pk: `ACCOUNT#${EMAIL}` } }));
    expect(await ledger.writeAccount(row, { ...row, status: 'active' })).toEqual({
      kind: 'conflict',
      row: unknownAccount(EMAIL),
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
    expect(Object.keys(await rawItem(store(), `ACCOUNT#${EMAIL}`)).sort()).toEqual(['pk', 'revision', 'v']);
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
      suspendAfterDeclines: 3,
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

  it('shrinks a row that an earlier version let grow, a bounded part with each write, and loses no way to write it', async () => {
    const { ledger, client, table } = store();
    const old = Array.from({ length: 1_000 }, (_, index) => [
      `r_${index.toString(16).padStart(16, '0')}_1`,
      { t: NOW - 3_600_000 + index, a: 5_000, c: 'USD', w: 'unfinished_recharge' },
    ]);
    const Item = { pk: `ACCOUNT#${EMAIL}`, v: 1, revision: 1, status: 'active', ...Object.fromEntries(old) };
    await client.send(new PutCommand({ TableName: table, Item }));
    let account = await ledger.readAccount(EMAIL);
    for (let write = 1; write <= 11; write += 1) {
      const row = received({ key: `key-${write}` });
      const written = await ledger.writeAccount(account, withEntry(account, row, reserved(NOW + write)));
      expect(written.kind).toBe('written');
      account = written.row;
    }
    expect(Object.keys(account.reservations).length).toBeLessThan(60);
    expect(itemSize(await rawItem(store(), `ACCOUNT#${EMAIL}`))).toBeLessThan(6_000);
  });
});
