import { describe, expect, it } from 'vitest';
import {
  addAccount,
  clientJson,
  listAccounts,
  readAccount,
  setAccount,
  setStatus,
} from '../../operate/accounts.ts';
import { SettingFaults, type WrittenSettings } from '../../operate/client-settings.ts';
import { suspensionBy, unknownAccount } from '../../shared/recharge/account.ts';
import { withEntry } from '../../shared/recharge/guard.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { aRecharge, aReservation } from '../support/builders.ts';
import { aTerms, clientsOf } from '../support/clients.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();

const EMAIL = 'anna@example.com';

/** Faults by setting. */
async function faultsOf(deed: Promise<unknown>) {
  const error = await deed.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof SettingFaults)) throw error ?? new Error('It was done.');
  return Object.fromEntries(error.faults.map(({ setting, message }) => [setting, message]));
}

/** A client with a recharge that was reserved at noon. */
async function recharged(email: string, given: Partial<Recharge> = {}) {
  const connection = clientsOf(store());
  const { ledger } = connection;
  await addAccount(connection, email, {});
  const row = aRecharge({ key: `key of ${email}`, email, phase: 'completed', ...given });
  await ledger.claim(row);
  const account = await ledger.readAccount(email);
  await ledger.writeAccount(account, withEntry(account, row, aReservation()));
  return connection;
}

describe('a client', () => {
  it('is added once, and changed after that', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, { dailyCount: '3' });
    await expect(addAccount(connection, EMAIL, {})).rejects.toMatchObject({
      kind: 'refused',
      message:
        'The client anna@example.com is set up already. To change them: npx relay accounts set anna@example.com',
    });
    await setAccount(connection, EMAIL, { customer: 'cus_1' });
    const { account } = await readAccount(connection, EMAIL);
    expect(account).toMatchObject({ status: 'active', customer: 'cus_1', limits: { dailyCount: 3 } });
  });

  it('who is not set up is not changed, and those are named who may be meant', async () => {
    const connection = clientsOf(store());
    for (const email of [EMAIL, 'hanna@example.com', 'bob@example.com'])
      await addAccount(connection, email, {});
    const unknown = setAccount(connection, 'ann@example.com', { dailyCount: '1' });
    await expect(unknown).rejects.toMatchObject({
      kind: 'not_found',
      message: [
        'There is no client ann@example.com.',
        'Did you mean anna@example.com? npx relay accounts set anna@example.com',
        'To set them up: npx relay accounts add ann@example.com',
      ].join('\n'),
    });
    await expect(readAccount(connection, 'stranger@elsewhere.org')).rejects.toMatchObject({
      message:
        'There is no client stranger@elsewhere.org.\nTo set them up: npx relay accounts add stranger@elsewhere.org',
    });
    expect(await connection.accounts.list()).toHaveLength(3);
  });

  it('whom only a webhook named is added, and what the guard noted stays', async () => {
    const connection = clientsOf(store());
    const { ledger } = connection;
    const account = await ledger.readAccount(EMAIL);
    const refusal = { state: 'refused', at: connection.now(), word: 'account_unknown' } as const;
    await ledger.writeAccount(account, withEntry(account, aRecharge({ email: EMAIL }), refusal));
    const added = await addAccount(connection, EMAIL, {});
    expect(added).toMatchObject({
      status: 'active',
      reservations: { [Object.keys(added.reservations)[0] ?? '']: refusal },
    });
    expect(added).not.toHaveProperty('expiresAt');
  });
});

describe('money', () => {
  const monthlyCap = async (written: WrittenSettings, terms = aTerms()) => {
    const connection = clientsOf(store(), terms);
    await addAccount(connection, EMAIL, written);
    return (await readAccount(connection, EMAIL)).cap;
  };

  it.each([
    ['200.00 USD', 20_000],
    ['200', 20_000],
    ['usd 200.5', 20_050],
    ['200,50', 20_050],
  ])('of a cap is in major units: %s', async (written, amount) => {
    expect(await monthlyCap({ monthlyCap: written })).toEqual({ amount, currency: 'USD' });
  });

  it('is in the currency the client pays in, with as many decimals as that has', async () => {
    const yen = { pricePerCredit: '12.5 JPY', monthlyCap: '30000' };
    expect(await monthlyCap(yen)).toEqual({ amount: 30_000, currency: 'JPY' });
  });

  it('of a currency with three decimals has three', async () => {
    const dinars = aTerms({ pricing: { currency: 'KWD', perCredit: '0.0315' } });
    expect(await monthlyCap({ monthlyCap: '60.125' }, dinars)).toEqual({ amount: 60_125, currency: 'KWD' });
  });

  it('that cannot be meant is refused, every fault at once, with nothing written', async () => {
    const connection = clientsOf(store());
    const written = {
      platformId: 'has a blank',
      grantEmail: 'nobody',
      dailyCount: 'few',
      monthlyCap: '1,250',
      cooldownSeconds: '-1',
      pricePerCredit: '0.10 XXQ',
      customer: ' ',
    };
    expect(await faultsOf(addAccount(connection, EMAIL, written))).toEqual({
      platformId: 'must be up to 128 ASCII characters without blanks',
      grantEmail: 'is not an email address in plain ASCII',
      dailyCount: 'must be a whole number',
      monthlyCap: 'may mean 1250 or 1.250: write one of these',
      cooldownSeconds: 'must be a whole number',
      pricePerCredit: 'names XXQ, which is no currency of ISO 4217',
      customer: 'is blank',
    });
    expect(await connection.accounts.list()).toEqual([]);
  });

  it.each<[WrittenSettings, Record<string, string>]>([
    [{ monthlyCap: '200.00 EUR' }, { monthlyCap: 'is in EUR, and this client pays in USD' }],
    [{ monthlyCap: '1.005' }, { monthlyCap: 'has more decimals than USD, which has 2' }],
    [
      { pricePerCredit: '10 JPY', monthlyCap: '20.50' },
      { monthlyCap: 'has more decimals than JPY, which has none' },
    ],
    [{ minimumCharge: '5.00' }, { minimumCharge: "goes with a price per credit of the client's own" }],
    [
      { pricePerCredit: '0.08 EUR', minimumCharge: '5.00 USD' },
      { minimumCharge: 'is in USD, and the price in EUR' },
    ],
    [
      { pricePerCredit: '0.08', pricing: '{"currency":"USD","packs":[{"credits":1,"price":"1"}]}' },
      { pricePerCredit: 'cannot stand beside a price list (pricing)' },
    ],
  ])('%j is refused', async (written, faults) => {
    expect(await faultsOf(addAccount(clientsOf(store()), EMAIL, written))).toEqual(faults);
  });

  it('of a cap is given anew where the price changes its currency', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, { monthlyCap: '200' });
    const price = { pricePerCredit: '0.08 EUR' };
    expect(await faultsOf(setAccount(connection, EMAIL, price))).toEqual({
      monthlyCap: 'must be given anew: it is in USD, and the price no longer is',
    });
    await setAccount(connection, EMAIL, { ...price, monthlyCap: '150 EUR' });
    expect((await readAccount(connection, EMAIL)).cap).toEqual({ amount: 15_000, currency: 'EUR' });
  });

  it('needs its currency where no configuration is known here', async () => {
    const connection = { ...clientsOf(store()), terms: () => undefined };
    expect(
      await faultsOf(addAccount(connection, EMAIL, { monthlyCap: '200', pricePerCredit: '0.1' })),
    ).toEqual({
      monthlyCap: 'names no currency, and none is configured here: write it as in "200.00 EUR"',
      pricePerCredit: 'names no currency, and none is configured here: write it as in "0.08 EUR"',
    });
    await addAccount(connection, EMAIL, { monthlyCap: '200 EUR' });
    expect((await readAccount(connection, EMAIL)).account.limits).toEqual({ monthlyAmount: 20_000 });
  });

  it('a price of their own keeps its minimum until that is changed or the currency is', async () => {
    const connection = clientsOf(store());
    const pricing = async (written: WrittenSettings) =>
      (await setAccount(connection, EMAIL, written)).pricing;
    await addAccount(connection, EMAIL, { pricePerCredit: '0,08 EUR', minimumCharge: '5.00' });
    expect(await pricing({ pricePerCredit: '0.09 EUR' })).toEqual({
      currency: 'EUR',
      perCredit: '0.09',
      minimumCharge: '5.00',
    });
    expect(await pricing({ minimumCharge: '6' })).toMatchObject({ perCredit: '0.09', minimumCharge: '6' });
    expect(await pricing({ minimumCharge: 'none' })).toEqual({ currency: 'EUR', perCredit: '0.09' });
    expect(await pricing({ pricePerCredit: 'none' })).toBeUndefined();
  });
});

describe('a status', () => {
  it('is changed with a note, which is shown, and lasts', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, {});
    const suspended = await setStatus(connection, EMAIL, {
      status: 'suspended',
      note: ' disputed ',
      by: 'jane',
    });
    expect(suspended).toMatchObject({ changed: true, account: { status: 'suspended' } });
    await setAccount(connection, EMAIL, { dailyCount: '3' });
    const json = clientJson(await readAccount(connection, EMAIL));
    expect(json).toMatchObject({
      status: 'suspended',
      status_change: { at: '2026-01-05T12:00:00.000Z', note: 'disputed', by: 'jane' },
    });
    const again = await setStatus(connection, EMAIL, { status: 'suspended', note: 'another' });
    expect(again).toMatchObject({ changed: false, account: { statusChange: { note: 'disputed' } } });
    const enabled = await setStatus(connection, EMAIL, { status: 'active', note: 'new card' });
    expect(enabled).toMatchObject({
      changed: true,
      account: { status: 'active', statusChange: { note: 'new card' } },
    });
    expect(enabled.account.statusChange).not.toHaveProperty('by');
  });

  it('that a person gives a client whom the relay has suspended outlasts their next card', async () => {
    const connection = clientsOf(store());
    const statusChange = { at: 1, note: '3 declines in a row: card_refused', forDeclines: true } as const;
    await connection.accounts.set(EMAIL, { status: 'suspended', statusChange });
    const said = await setStatus(connection, EMAIL, { status: 'suspended', note: 'disputed' });
    expect(said).toMatchObject({ changed: true, account: { statusChange: { note: 'disputed' } } });
    expect(
      suspensionBy(said.account, { paymentMethod: { id: 'pm_2', type: 'card', fingerprint: 'another' } }),
    ).toBeUndefined();
  });

  it('of an earlier version, disabled, ends by enabling, too', async () => {
    const connection = clientsOf(store());
    await connection.accounts.set(EMAIL, { status: 'disabled' });
    expect(await setStatus(connection, EMAIL, { status: 'active', note: 'back again' })).toMatchObject({
      account: { status: 'active' },
    });
  });

  it('does not bring back who was erased meanwhile', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, {});
    const raced = {
      ...connection,
      accounts: {
        ...connection.accounts,
        async set(...given: Parameters<typeof connection.accounts.set>) {
          await connection.accounts.erase(EMAIL, async () => {}, connection.now());
          return connection.accounts.set(...given);
        },
      },
    };
    const suspended = setStatus(raced, EMAIL, { status: 'suspended', note: 'x' });
    await expect(suspended).rejects.toMatchObject({ kind: 'changed' });
    expect(await connection.accounts.show(EMAIL)).toBeUndefined();
  });

  it('that another one was written for meanwhile is not ended unseen', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, {});
    await setStatus(connection, EMAIL, { status: 'suspended', note: 'on holiday' });
    const dispute = { at: 2, note: 'Dispute du_1' };
    const raced = {
      ...connection,
      accounts: {
        ...connection.accounts,
        async set(...given: Parameters<typeof connection.accounts.set>) {
          await connection.accounts.set(EMAIL, { status: 'suspended', statusChange: dispute });
          return connection.accounts.set(...given);
        },
      },
    };
    const enabled = setStatus(raced, EMAIL, { status: 'active', note: 'back again' });
    await expect(enabled).rejects.toMatchObject({ kind: 'changed' });
    expect(await connection.ledger.readAccount(EMAIL)).toMatchObject({
      status: 'suspended',
      statusChange: dispute,
    });
  });

  it('is not changed without a note, nor of a stranger', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, EMAIL, {});
    const suspend = (email: string, note: string) =>
      setStatus(connection, email, { status: 'suspended', note });
    await expect(suspend(EMAIL, ' ')).rejects.toThrow('Say in --note why the client is suspended.');
    await expect(suspend(EMAIL, 'x'.repeat(161))).rejects.toThrow('Keep the note under 160 bytes');
    await expect(suspend('anne@example.com', 'x')).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('npx relay accounts suspend anna@example.com'),
    });
  });
});

describe('a list of clients', () => {
  it('says what each spent of the cap this month, their last recharge and their price', async () => {
    const connection = await recharged(EMAIL);
    await recharged('bob@example.com', { phase: 'declined', reason: 'card_declined' });
    await addAccount(connection, 'carl@example.com', { pricePerCredit: '0.08 EUR', monthlyCap: '20 EUR' });
    const { clients, more } = await listAccounts(connection, { limit: 10 });
    expect(more).toBe(false);
    expect(clients.map(clientJson)).toMatchObject([
      {
        email: EMAIL,
        status: 'active',
        spent_this_month: { amount: 5_000, currency: 'USD' },
        monthly_cap: { amount: 10_000, currency: 'USD' },
        own_pricing: false,
        last: { phase: 'completed', reserved_at: '2026-01-05T12:00:00.000Z', amount: 5_000, currency: 'USD' },
      },
      { email: 'bob@example.com', last: { phase: 'declined', reason: 'card_declined' } },
      {
        email: 'carl@example.com',
        spent_this_month: { amount: 0, currency: 'EUR' },
        monthly_cap: { amount: 2_000, currency: 'EUR' },
        own_pricing: true,
        last: undefined,
      },
    ]);
  });

  it('goes on after a client, takes those of one status, and reads a hundred a request', async () => {
    const connection = await recharged('client-000@example.com');
    const emails = Array.from(
      { length: 130 },
      (_, index) => `client-${String(index).padStart(3, '0')}@example.com`,
    );
    const account = { status: 'active', limits: {}, counts: {}, spent: {}, reservations: {} } as const;
    await Promise.all(
      emails
        .slice(1)
        .map((email) =>
          connection.ledger.writeAccount(unknownAccount(email), { ...account, email, revision: 0 }),
        ),
    );
    for (const email of [emails[7] ?? '', emails[120] ?? '', emails[121] ?? ''])
      await setStatus(connection, email, { status: 'suspended', note: 'x' });
    const list = async (filter: Parameters<typeof listAccounts>[1]) => {
      const { clients, more } = await listAccounts(connection, filter);
      return { emails: clients.map(({ account: { email } }) => email), more };
    };
    expect(await list({ limit: 2 })).toEqual({ emails: emails.slice(0, 2), more: true });
    expect(await list({ limit: 2, after: emails[127] ?? '' })).toEqual({
      emails: emails.slice(128),
      more: false,
    });
    expect(await list({ limit: 2, status: 'suspended' })).toEqual({
      emails: [emails[7], emails[120]],
      more: true,
    });
    expect(await list({ limit: 3, status: 'suspended' })).toEqual({
      emails: [emails[7], emails[120], emails[121]],
      more: false,
    });
    const counted = meter(store().client);
    expect((await list({ limit: 1_000 })).emails).toEqual(emails);
    // Their names, two hundreds of them, and the one recharge.
    expect(counted.requests).toBe(4);
  });
});
