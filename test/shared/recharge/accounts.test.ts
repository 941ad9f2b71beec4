import { GetCommand } from '@aws-sdk/lib-dynamodb';
import { describe, expect, it } from 'vitest';
import { type Account, unknownAccount } from '../../../shared/recharge/account.ts';
import { createAccounts } from '../../../shared/recharge/accounts.ts';
import { withEntry, withRelease } from '../../../shared/recharge/guard.ts';
import type { Ledger } from '../../../shared/recharge/ledger.ts';
import { aRecharge, aReservation, utc } from '../../support/builders.ts';
import { meter, useLedger } from '../../support/store.ts';

const store = useLedger();

const EMAIL = 'demo@example.com';

function accounts(ledger: Ledger = store().ledger) {
  const { client, table } = store();
  return createAccounts(client, table, ledger);
}

/** USD 50.00 for the recharge `key`, on 2026-01-05, as often as it takes. */
async function reserve(key: string, ledger = store().ledger): Promise<void> {
  let account = await ledger.readAccount(EMAIL);
  for (;;) {
    const written = await ledger.writeAccount(
      account,
      withEntry(account, aRecharge({ key }), aReservation()),
    );
    if (written.kind === 'written') return;
    account = written.row;
  }
}

const settingsOf = ({
  counts: _c,
  spent: _s,
  reservations: _r,
  last: _l,
  revision: _v,
  ...settings
}: Account) => settings;

describe('set', () => {
  it('makes a client known: active, with the configuration’s prices and limits', async () => {
    expect(await accounts().set(EMAIL, {})).toEqual({
      email: 'demo@example.com',
      revision: 1,
      status: 'active',
      limits: {},
      counts: {},
      spent: {},
      reservations: {},
    });
  });

  it('keeps every setting there is', async () => {
    await accounts().set(EMAIL, {
      status: 'suspended',
      grantEmail: 'Demo@Example.com',
      platformId: 'sub_1',
      customer: 'cus_1',
      pricing: { currency: 'EUR', perCredit: '0.08', minimumCharge: '5.00' },
      limits: { dailyCount: 3, monthlyAmount: 20_000, cooldownSeconds: 0 },
    });
    const account = await accounts().show(EMAIL);
    expect(account && settingsOf(account)).toEqual({
      email: 'demo@example.com',
      status: 'suspended',
      grantEmail: 'Demo@Example.com',
      platformId: 'sub_1',
      customer: 'cus_1',
      pricing: { currency: 'EUR', perCredit: '0.08', minimumCharge: '5.00' },
      limits: { dailyCount: 3, monthlyAmount: 20_000, cooldownSeconds: 0 },
    });
  });

  it('links no platform id where the client was changed meanwhile, and nothing is written', async () => {
    const read = await accounts().set(EMAIL, {});
    await accounts().set(EMAIL, { customer: 'cus_1' });
    const judge = ({ customer }: Account) => {
      if (customer !== undefined) throw new Error('changed meanwhile');
    };
    await expect(accounts().set(EMAIL, { platformId: 'sub_9' }, { read, judge })).rejects.toThrow('changed');
    expect(await accounts().emailOf('sub_9')).toBeUndefined();
  });

  it('changes what is given and leaves the rest, limit by limit', async () => {
    await accounts().set(EMAIL, { customer: 'cus_1', limits: { dailyCount: 3, cooldownSeconds: 60 } });
    await accounts().set(EMAIL, { status: 'disabled', limits: { dailyCount: 4, monthlyAmount: 1 } });
    const account = await accounts().set(EMAIL, {});
    expect(settingsOf(account)).toEqual({
      email: 'demo@example.com',
      status: 'disabled',
      customer: 'cus_1',
      limits: { dailyCount: 4, cooldownSeconds: 60, monthlyAmount: 1 },
    });
  });

  it('makes a client known whom a webhook named before, and keeps what the guard wrote', async () => {
    const { ledger } = store();
    const before = unknownAccount(EMAIL);
    const refused = { state: 'refused', at: utc('2026-01-05 12:00:00'), word: 'account_unknown' } as const;
    await ledger.writeAccount(before, withEntry(before, aRecharge(), refused));
    expect(await accounts().list()).toEqual([]);

    const account = await accounts().set(EMAIL, {});
    expect(account.status).toBe('active');
    expect(Object.values(account.reservations)).toEqual([refused]);
    expect(await accounts().list()).toEqual(['demo@example.com']);
  });

  it('never touches what the guard counts', async () => {
    await accounts().set(EMAIL, { customer: 'cus_1' });
    await reserve('key-1');
    const { revision, ...before } = await store().ledger.readAccount(EMAIL);
    const after = await accounts().set(EMAIL, { status: 'suspended', limits: { dailyCount: 1 } });
    expect(after).toEqual({
      ...before,
      revision: revision + 1,
      status: 'suspended',
      limits: { dailyCount: 1 },
    });
    expect(after).toMatchObject({
      last: { key: 'key-1', at: utc('2026-01-05 12:00:00') },
      counts: { '2026-01-05': 1 },
      spent: { '2026-01_USD': 5_000 },
    });
    expect(await store().ledger.readAccount(EMAIL)).toEqual(after);
  });

  it('loses against a reservation that is written meanwhile, and then keeps both', async () => {
    const { ledger } = store();
    await accounts().set(EMAIL, {});
    let meanwhile = async () => reserve('key-1');
    const slow: Ledger = {
      ...ledger,
      async writeAccount(read, next) {
        const before = meanwhile;
        meanwhile = async () => {};
        await before();
        return ledger.writeAccount(read, next);
      },
    };
    const account = await accounts(slow).set(EMAIL, { status: 'suspended' });
    expect(account).toMatchObject({ status: 'suspended', counts: { '2026-01-05': 1 } });
    expect(await ledger.readAccount(EMAIL)).toEqual(account);
  });

  it('and ten reservations and a release at once are all there in the end', async () => {
    const { ledger } = store();
    await reserve('key-0');
    const release = async () => {
      for (;;) {
        const account = await ledger.readAccount(EMAIL);
        const next = withRelease(account, aRecharge({ key: 'key-0' }), { reason: 'no', retryable: false });
        if (!next || (await ledger.writeAccount(account, next)).kind === 'written') return;
      }
    };
    await Promise.all([
      ...Array.from({ length: 10 }, (_, index) => reserve(`key-${index + 1}`)),
      ...Array.from({ length: 5 }, (_, index) => accounts().set(EMAIL, { limits: { dailyCount: index } })),
      accounts().set(EMAIL, { customer: 'cus_1' }),
      accounts().set(EMAIL, { platformId: 'sub_1' }),
      release(),
    ]);
    const account = await ledger.readAccount(EMAIL);
    expect(account).toMatchObject({
      status: 'active',
      customer: 'cus_1',
      platformId: 'sub_1',
      counts: { '2026-01-05': 11 },
      spent: { '2026-01_USD': 50_000 },
    });
    expect(Object.keys(account.reservations)).toHaveLength(11);
    expect(account.limits.dailyCount).toBeGreaterThanOrEqual(0);
  });
});

describe('a platform’s id', () => {
  it('leads to the account it was set on, by one consistent read', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    const counted = meter(store().client);
    expect(await accounts().emailOf('sub_1')).toBe('demo@example.com');
    expect(counted).toMatchObject({ requests: 1, readUnits: 1 });
    expect(await accounts().emailOf('sub_2')).toBeUndefined();
    expect(await accounts().emailOf('SUB_1')).toBeUndefined();
  });

  it('is not given to a second client until it was taken from the first: a slip would charge the wrong card', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    await expect(accounts().set('renamed@example.com', { platformId: 'sub_1' })).rejects.toThrow(
      'The platform id sub_1 is linked to demo@example.com, who is charged by webhooks that name it. Nothing was ' +
        'changed. If it is not theirs: npx relay accounts unlink sub_1',
    );
    expect(await accounts().show('renamed@example.com')).toBeUndefined();
    expect(await accounts().emailOf('sub_1')).toBe('demo@example.com');
    expect(await accounts().unlink('sub_1')).toBe('demo@example.com');
    expect(await accounts().show(EMAIL)).not.toHaveProperty('platformId');
    expect(await accounts().emailOf('sub_1')).toBeUndefined();
    expect(await accounts().unlink('sub_1')).toBeUndefined();
    await accounts().set('renamed@example.com', { platformId: 'sub_1' });
    expect(await accounts().emailOf('sub_1')).toBe('renamed@example.com');
  });

  it('taken away leaves alone what another client was given meanwhile', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    await accounts().set(EMAIL, { platformId: 'sub_2' });
    await accounts().set(EMAIL, { platformId: null });
    expect(await accounts().emailOf('sub_2')).toBeUndefined();
    expect((await accounts().show(EMAIL))?.platformId).toBeUndefined();
  });

  it('that is corrected leads nowhere at once: its real owner must not charge this client', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    await accounts().set(EMAIL, { platformId: 'sub_2' });
    expect(await accounts().emailOf('sub_1')).toBeUndefined();
    expect(await accounts().emailOf('sub_2')).toBe('demo@example.com');
    await accounts().set(EMAIL, { customer: 'cus_1' });
    expect(await accounts().emailOf('sub_2')).toBe('demo@example.com');
  });

  it('that is corrected leads nowhere, too, where the command dies before its write', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    const dying: Ledger = {
      ...store().ledger,
      writeAccount: async () => {
        throw new Error('the machine stops');
      },
    };
    await expect(accounts(dying).set(EMAIL, { platformId: 'sub_2' })).rejects.toThrow('the machine stops');
    expect(await accounts().emailOf('sub_1')).toBeUndefined();
    await accounts().set(EMAIL, { platformId: 'sub_2' });
    expect(await accounts().show(EMAIL)).toMatchObject({ platformId: 'sub_2' });
  });

  it('that two commands correct at once leads from one of them, the one that is shown', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_0' });
    const ids = ['sub_1', 'sub_2', 'sub_3', 'sub_4'];
    await Promise.all(ids.map((platformId) => accounts().set(EMAIL, { platformId })));
    const shown = (await accounts().show(EMAIL))?.platformId ?? '';
    expect(ids).toContain(shown);
    const leading = await Promise.all(['sub_0', ...ids].map((id) => accounts().emailOf(id)));
    expect(leading.filter((email) => email !== undefined)).toHaveLength(1);
    expect(await accounts().emailOf(shown)).toBe(EMAIL);
  });

  it('is freed by its name also where the account names another one', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    const account = await store().ledger.readAccount(EMAIL);
    await store().ledger.writeAccount(account, { ...account, platformId: 'sub_2' });
    expect(await accounts().unlink('sub_1')).toBe(EMAIL);
    expect(await accounts().emailOf('sub_1')).toBeUndefined();
    expect((await accounts().show(EMAIL))?.platformId).toBe('sub_2');
  });

  it('is kept as an item of its own', async () => {
    await accounts().set(EMAIL, { platformId: 'sub_1' });
    const { client, table } = store();
    const { Item } = await client.send(new GetCommand({ TableName: table, Key: { pk: 'ACCOUNT-ID#sub_1' } }));
    expect(Item).toEqual({ pk: 'ACCOUNT-ID#sub_1', v: 1, email: 'demo@example.com' });
  });
});

describe('show', () => {
  it('knows nobody whom neither a setting nor a webhook named', async () => {
    expect(await accounts().show(EMAIL)).toBeUndefined();
  });

  it('shows a client without settings whom a webhook named', async () => {
    await reserve('key-1');
    const account = await accounts().show(EMAIL);
    expect(account).toMatchObject({ email: EMAIL, counts: { '2026-01-05': 1 } });
    expect(account?.status).toBeUndefined();
  });
});

describe('list', () => {
  it('names the clients that are set up in alphabetical order, also more than one page of them', async () => {
    // DynamoDB's own page is 1 MB.
    store().client.middlewareStack.add((next, { commandName }) => (args) => {
      return next(commandName === 'QueryCommand' ? { ...args, input: { ...args.input, Limit: 50 } } : args);
    });
    const counted = meter(store().client);
    const names = Array.from({ length: 130 }, (_, index) => `client-${String(index).padStart(3, '0')}`);
    const emails = [...names, 'a', 'zoe'].map((name) => `${name}@${'x'.repeat(60)}.example.com`);
    await Promise.all([...emails].reverse().map((email) => accounts().set(email, {})));
    counted.reset();
    const listed = await accounts().list();
    expect(counted.requests).toBe(3);
    expect(listed).toHaveLength(132);
    expect(listed[0]).toMatch(/^a@/);
    expect(listed[1]).toMatch(/^client-000@/);
    expect(listed[131]).toMatch(/^zoe@/);
    expect(listed).toEqual([...emails].sort());
  });

  it('names a client once, whatever its status, and no recharge', async () => {
    await accounts().set(EMAIL, { status: 'disabled' });
    await accounts().set(EMAIL, { status: 'suspended', platformId: 'sub_1' });
    await store().ledger.claim(aRecharge());
    expect(await accounts().list()).toEqual(['demo@example.com']);
  });
});

describe('a setting that is taken away', () => {
  it("gives way to the configuration's, and leaves the others", async () => {
    await accounts().set(EMAIL, {
      grantEmail: 'Demo@example.com',
      customer: 'cus_1',
      pricing: { currency: 'USD', perCredit: '0.08' },
      limits: { dailyCount: 3, cooldownSeconds: 60 },
    });
    await accounts().set(EMAIL, { pricing: null, grantEmail: null, limits: { dailyCount: null } });
    const account = await accounts().show(EMAIL);
    expect(account).toMatchObject({ status: 'active', customer: 'cus_1', limits: { cooldownSeconds: 60 } });
    expect(account).not.toHaveProperty('pricing');
    expect(account).not.toHaveProperty('grantEmail');
    expect(account?.limits).not.toHaveProperty('dailyCount');
  });
});
