import { describe, expect, it } from 'vitest';
import { addAccount, setStatus } from '../../operate/accounts.ts';
import { exportAccounts, importAccounts, planImport } from '../../operate/import-accounts.ts';
import { withEntry } from '../../shared/recharge/guard.ts';
import { aRecharge, aReservation } from '../support/builders.ts';
import { aTerms, clientsOf } from '../support/clients.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();

const file = (...lines: string[]) => Buffer.from(`${lines.join('\n')}\n`);
const planned = async (...lines: string[]) => planImport(clientsOf(store()), file(...lines));
const faultsOf = async (...lines: string[]) => (await planned(...lines)).faults;

describe('a file of clients', () => {
  it('sets up who is new and changes who is not, as far as its cells say so', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, 'anna@example.com', { customer: 'cus_1', dailyCount: '3' });
    await addAccount(connection, 'bob@example.com', { customer: 'cus_2' });
    const clients = file(
      'email,customer,daily_count,monthly_cap,price_per_credit',
      'Anna@Example.com,,none,200.00 USD,',
      'bob@example.com,cus_2,,,',
      'carl@example.com,cus_3,5,150,0.08 EUR',
    );
    const plan = await planImport(connection, clients);
    expect(plan).toEqual({
      faults: [],
      clients: [
        {
          line: 2,
          email: 'anna@example.com',
          kind: 'changed',
          changes: [
            { column: 'daily_count', from: '3' },
            { column: 'monthly_cap', to: '200.00 USD' },
          ],
        },
        { line: 3, email: 'bob@example.com', kind: 'unchanged', changes: [] },
        {
          line: 4,
          email: 'carl@example.com',
          kind: 'new',
          changes: [
            { column: 'status', to: 'active' },
            { column: 'customer', to: 'cus_3' },
            { column: 'price_per_credit', to: '0.08 EUR' },
            { column: 'daily_count', to: '5' },
            { column: 'monthly_cap', to: '150.00 EUR' },
          ],
        },
      ],
    });
    expect(await connection.accounts.list()).toEqual(['anna@example.com', 'bob@example.com']);

    const told: [number, number][] = [];
    expect(await importAccounts(connection, clients, (done, of) => told.push([done, of]))).toEqual(plan);
    expect(told).toEqual([
      [1, 2],
      [2, 2],
    ]);
    expect(await connection.accounts.show('anna@example.com')).toMatchObject({
      customer: 'cus_1',
      limits: { monthlyAmount: 20_000 },
    });
    expect(await connection.accounts.show('carl@example.com')).toMatchObject({
      status: 'active',
      pricing: { currency: 'EUR', perCredit: '0.08' },
      limits: { dailyCount: 5, monthlyAmount: 15_000 },
    });
    // Done again, nothing is left to do, and nothing is written.
    const counted = meter(store().client);
    const again = await importAccounts(clientsOf(store()), clients);
    expect(again.clients.map(({ kind }) => kind)).toEqual(['unchanged', 'unchanged', 'unchanged']);
    expect(counted.writeUnits).toBe(0);
  });

  it('never touches what the guard counted, nor the last recharge and its reservation', async () => {
    const connection = clientsOf(store());
    const { ledger } = connection;
    await addAccount(connection, 'anna@example.com', {});
    const account = await ledger.readAccount('anna@example.com');
    const reserved = withEntry(account, aRecharge({ email: account.email }), aReservation());
    await ledger.writeAccount(account, reserved);
    await importAccounts(connection, file('email,daily_count', 'anna@example.com,2'));
    expect(await ledger.readAccount('anna@example.com')).toEqual({
      ...reserved,
      revision: 3,
      limits: { dailyCount: 2 },
    });
  });

  const NOTES =
    'Email;Status;Note\r\nanna@example.com;suspended;Müller, Anna\r\n;;\r\n\r\nbob@example.com;suspended;"a ""b""\r\nc"\r\n';
  it.each([
    ['with semicolons and CRLF, in UTF-8', Buffer.from(NOTES)],
    ['with a mark for UTF-8', Buffer.from(`\ufeff${NOTES}`)],
    ['in UTF-16', Buffer.from(`\ufeff${NOTES}`, 'utf16le')],
    ['in Windows-1252', Buffer.from(NOTES, 'latin1')],
    ['with line feeds', Buffer.from(NOTES.replaceAll('\r\n', '\n'))],
    ['with tabs', Buffer.from(NOTES.replaceAll(';', '\t'))],
    ['with commas', Buffer.from(NOTES.replace('Müller, Anna', '"Müller, Anna"').replaceAll(';', ','))],
    ['without the semicolons at an end', Buffer.from(NOTES.replace('\n;;', '\n;'))],
  ])('is understood %s', async (_, bytes) => {
    const { clients, faults } = await planImport(clientsOf(store()), bytes);
    expect(faults).toEqual([]);
    expect(clients.map(({ line, email, changes }) => [line, email, changes.at(-1)])).toEqual([
      [2, 'anna@example.com', { column: 'note', to: 'Müller, Anna' }],
      [5, 'bob@example.com', { column: 'note', to: 'a "b"\nc' }],
    ]);
  });

  it('takes a setting away from several clients at once', async () => {
    const connection = clientsOf(store());
    for (const [index, email] of ['a@example.com', 'b@example.com'].entries())
      await addAccount(connection, email, { platformId: `id-${index}` });
    const lines = file('email,platform_id', 'a@example.com,none', 'b@example.com,None');
    expect((await importAccounts(connection, lines)).faults).toEqual([]);
    expect(await connection.accounts.emailOf('id-0')).toBeUndefined();
    expect(await connection.accounts.emailOf('id-1')).toBeUndefined();
  });

  it('may begin with a line that names the separator, which is counted', async () => {
    const { clients } = await planned('sep=;', 'email;daily count', 'anna@example.com;3');
    expect(clients).toMatchObject([{ line: 3, changes: [{}, { column: 'daily_count', to: '3' }] }]);
  });
});

describe('a fault', () => {
  it('is named with its line and column, all at once, and nothing is written', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, 'taken@example.com', { platformId: '4711' });
    await addAccount(connection, 'f@example.com', {});
    const lines = [
      'email,platform_id,monthly_cap,price_per_credit,daily_count,status,note',
      'good@example.com,1,,,,,',
      'not an email,,,,,,',
      'GOOD@example.com,,,,,,',
      'a@example.com,1,,,,,',
      'b@example.com,4711,,,,,',
      'c@example.com,,"1,250",,few,,',
      'd@example.com,,200 GBP,,,,',
      'e@example.com,,,0.10 XXQ,,,',
      'f@example.com,,,,,suspended,',
      'g@example.com,,,,,gone,why',
      'h@example.com,,,,,,why',
      'i@example.com,,,,,,,surplus',
    ];
    expect(await faultsOf(...lines)).toEqual([
      { line: 3, column: 'email', message: 'is not an email address in plain ASCII' },
      { line: 4, column: 'email', message: 'good@example.com is on line 2, too' },
      { line: 5, column: 'platform_id', message: '1 is on line 2, too' },
      {
        line: 6,
        column: 'platform_id',
        message: 'is linked to taken@example.com: npx relay accounts unlink 4711',
      },
      { line: 7, column: 'daily_count', message: 'must be a whole number' },
      { line: 7, column: 'monthly_cap', message: 'may mean 1250 or 1.250: write one of these' },
      { line: 8, column: 'monthly_cap', message: 'is in GBP, and this client pays in USD' },
      { line: 9, column: 'price_per_credit', message: 'names XXQ, which is no currency of ISO 4217' },
      { line: 10, column: 'note', message: 'must say why the client is suspended' },
      { line: 11, column: 'status', message: 'must be active or suspended' },
      { line: 12, column: 'note', message: 'goes with a status' },
      { line: 13, message: 'its cell 8 stands under no column' },
    ]);
    await expect(importAccounts(connection, file(...lines))).rejects.toMatchObject({
      kind: 'refused',
      message: 'Nothing was imported: the file has 12 faults, the first on line 3.',
    });
    expect(await connection.accounts.list()).toEqual(['f@example.com', 'taken@example.com']);
    expect(await connection.accounts.emailOf('1')).toBeUndefined();
  });

  it.each([
    [
      ['email,montly_cap,daily_limit,email', 'a@example.com,1,2,b@example.com'],
      [
        { line: 1, column: 'montly_cap', message: 'is no column of clients. Did you mean monthly_cap?' },
        {
          line: 1,
          column: 'daily_limit',
          message: expect.stringContaining('Possible: email, status, note,'),
        },
        { line: 1, column: 'email', message: 'is there twice' },
      ],
    ],
    [
      ['anna@example.com,3'],
      [
        { line: 1, column: 'anna@example.com', message: expect.stringContaining('is no column of clients.') },
        { line: 1, column: '3', message: expect.stringContaining('is no column of clients.') },
        { line: 1, column: 'email', message: 'is missing: the first line must name the columns' },
      ],
    ],
    [
      ['email,note', 'a@example.com,x', 'b@example.com,"never', 'closed'],
      [{ line: 3, message: 'a quote is opened here, and never closed' }],
    ],
    [
      ['email,note', 'a@example.com,x"y'],
      [{ line: 2, message: expect.stringContaining('a quote stands where none') }],
    ],
    [['', ''], [{ line: 1, message: 'the file is empty' }]],
  ])('of the form is named, too: %j', async (lines, faults) => {
    expect(await faultsOf(...lines)).toEqual(faults);
  });
});

describe('an export', () => {
  it('is read back as the same clients, here as nothing to change and elsewhere as all of them', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, "'=o'hara@example.com", {
      customer: '=HYPERLINK("http://x")',
      grantEmail: '+A@Example.com',
    });
    await addAccount(connection, 'anna@example.com', {
      platformId: '@4711',
      pricePerCredit: '0.0315 KWD',
      minimumCharge: '1.5',
      monthlyCap: '60.125',
      dailyCount: '0',
      cooldownSeconds: '60',
      customer: "'-2+3",
    });
    await addAccount(connection, 'bob@example.com', {
      pricing: '{"currency":"JPY","packs":[{"credits":500,"price":"7500"}]}',
      monthlyCap: '30000 JPY',
    });
    await setStatus(connection, 'bob@example.com', {
      status: 'suspended',
      note: '  he said "no",\nand; left  ',
    });
    await connection.accounts.set('old@example.com', { status: 'disabled' });
    const { csv, clients } = await exportAccounts(connection);
    expect(clients).toBe(4);
    const cells = csv.split(/[\r\n,]+/).map((cell) => cell.replace(/^"/, ''));
    expect(cells.filter((cell) => /^[=+\-@]/.test(cell))).toEqual([]);
    const again = await planImport(connection, Buffer.from(csv));
    expect(again.faults).toEqual([]);
    expect(again.clients.map(({ kind }) => kind)).toEqual([
      'unchanged',
      'unchanged',
      'unchanged',
      'unchanged',
    ]);

    // The same table, as another relay has it: empty.
    const before = await Promise.all(again.clients.map(({ email }) => connection.accounts.show(email)));
    for (const { email } of again.clients) await connection.accounts.erase(email, async () => {}, 0);
    await importAccounts(connection, Buffer.from(csv));
    for (const account of before) {
      const {
        revision: _r,
        closedTo: _c,
        ...now
      } = (await connection.accounts.show(account?.email ?? '')) ?? {};
      const { revision: _, ...then } = account ?? {};
      expect(now).toEqual(then);
    }
    expect((await exportAccounts(connection)).csv).toBe(csv);
  });

  it('says in which currency each limit is, or that it is not known', async () => {
    const connection = clientsOf(store());
    await addAccount(connection, 'anna@example.com', { monthlyCap: '200' });
    expect((await exportAccounts(connection)).csv).toContain(',200.00 USD,');
    const elsewhere = { ...connection, terms: () => undefined };
    await expect(exportAccounts(elsewhere)).rejects.toMatchObject({ kind: 'not_ready' });
    const dollars = { ...connection, terms: () => aTerms({ pricing: { currency: 'JPY', perCredit: '15' } }) };
    expect((await exportAccounts(dollars)).csv).toContain(',20000 JPY,');
  });
});

it('a run that died in the middle is done again, and ends as it would have', async () => {
  const connection = clientsOf(store());
  const lines = Array.from({ length: 100 }, (_, index) => `client-${index}@example.com,${index},150.00 USD`);
  const clients = file('email,platform_id,monthly_cap', ...lines);
  const dying = {
    ...connection,
    accounts: {
      ...connection.accounts,
      set: async (email: string, ...given: [Parameters<typeof connection.accounts.set>[1]]) => {
        if (email === 'client-50@example.com') throw new Error('the process died');
        return connection.accounts.set(email, ...given);
      },
    },
  };
  await expect(importAccounts(dying, clients)).rejects.toThrow('the process died');
  const { clients: rest } = await importAccounts(connection, clients);
  expect(rest.filter(({ kind }) => kind === 'unchanged').length).toBeGreaterThanOrEqual(50);
  expect(rest.some(({ kind }) => kind === 'new')).toBe(true);
  const { clients: again } = await planImport(connection, clients);
  expect(again.filter(({ kind }) => kind !== 'unchanged')).toEqual([]);
  expect(await connection.accounts.emailOf('99')).toBe('client-99@example.com');
});

it('a client who is changed by somebody else meanwhile is not overwritten', async () => {
  const connection = clientsOf(store());
  await addAccount(connection, 'anna@example.com', {});
  const raced = {
    ...connection,
    accounts: {
      ...connection.accounts,
      set: async (...given: Parameters<typeof connection.accounts.set>) => {
        await connection.accounts.set('anna@example.com', { customer: 'cus_9' });
        return connection.accounts.set(...given);
      },
    },
  };
  const importing = importAccounts(raced, file('email,customer', 'anna@example.com,cus_1'));
  await expect(importing).rejects.toMatchObject({ kind: 'changed' });
  expect(await connection.accounts.show('anna@example.com')).toMatchObject({ customer: 'cus_9' });
});
