import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { withEntry } from '../../shared/recharge/guard.ts';
import type { Ledger } from '../../shared/recharge/ledger.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { aRecharge, aReservation } from '../support/builders.ts';
import { runCommand } from '../support/command.ts';

const TABLE = 'recharge-relay';
const folder = mkdtempSync(join(tmpdir(), 'relay-accounts-'));
const at = (name: string) => join(folder, name);
let engine: Engine;
let ledger: Ledger;

beforeAll(async () => {
  engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  await createTable(client, TABLE);
  ledger = createDynamoLedger(client, TABLE);
  writeFileSync(
    at('relay.config.json'),
    JSON.stringify({
      pricing: { currency: 'USD', perCredit: '0.0333', minimumCharge: '5.00' },
      recharge: { minCredits: 10, maxCredits: 5_000 },
    }),
  );
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (args: string[], input = '') =>
  runCommand(args, {
    cwd: folder,
    input,
    env: {
      RELAY_LOCAL_DIR: folder,
      DYNAMODB_ENDPOINT: engine.endpoint,
      RELAY_CONFIG: at('relay.config.json'),
    },
  });

/** What a command that went well prints. */
async function said(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(args);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  return stdout;
}
const json = async <Value = Record<string, unknown>>(...args: string[]): Promise<Value> =>
  JSON.parse(await said(...args, '--json'));
const accounts = (...args: string[]) => run(['accounts', ...args]);

const refused = (code: number, sentence: string | RegExp) => ({
  code,
  stdout: '',
  stderr: expect.stringMatching(sentence),
});

describe('a client', () => {
  it('is added, changed, shown and listed, with money in whole units', async () => {
    const email = 'anna@example.com';
    await said('accounts', 'add', 'Anna@Example.com', '--platform-id', '4711', '--daily-count', '3');
    const set = await json(
      'accounts',
      'set',
      email,
      '--monthly-cap',
      '200.00 USD',
      '--grant-email',
      'Anna@Example.com',
    );
    expect(set).toMatchObject({
      email,
      status: 'active',
      platform_id: '4711',
      grant_email: 'Anna@Example.com',
      limits: { daily_count: 3, monthly_cap: { amount: 20_000, currency: 'USD' } },
      monthly_cap: { amount: 20_000, currency: 'USD' },
      spent_this_month: { amount: 0, currency: 'USD' },
    });
    expect(await json('accounts', 'show', email)).toEqual(set);
    const account = await ledger.readAccount(email);
    const row = aRecharge({ email, key: 'key of anna', phase: 'completed', receivedAt: Date.now() });
    await ledger.claim(row);
    await ledger.writeAccount(account, withEntry(account, row, aReservation({ at: Date.now() })));

    const shown = await said('accounts', 'show', email);
    expect(shown).toContain('Client anna@example.com\n  status       active\n');
    expect(shown).toContain('  this month   50.00 USD of 200.00 USD reserved\n');
    expect(shown).toMatch(/ {2}last {9}key of anna, completed, 50\.00 USD, at 20/);
    expect(shown).toContain('  price        0.0333 USD a credit, at least 5.00 USD\n');
    const list = await said('accounts', 'list');
    expect(list).toMatch(
      /^client +status +spent this month +of cap +last recharge \(UTC\) +outcome +price\n/,
    );
    expect(list).toMatch(
      /anna@example\.com +active +50\.00 USD +200\.00 USD +20.* completed, 50\.00 USD +0\.0333 USD a credit/,
    );
    expect(await json<unknown[]>('accounts', 'list', '--after', 'zoe@example.com')).toEqual([]);
  });

  it('who is not set up is not changed, and the command says who may be meant', async () => {
    await said('accounts', 'add', 'bob@example.com');
    expect(await accounts('set', 'bobb@example.com', '--daily-count', '3')).toEqual(
      refused(
        3,
        /There is no client bobb@example\.com\.\nDid you mean bob@example\.com\? npx relay accounts set bob/,
      ),
    );
    expect(await accounts('add', 'bob@example.com')).toEqual(
      refused(4, /is set up already\. To change them: /),
    );
  });

  it('gets no setting that cannot be meant: the options are named', async () => {
    const add = await accounts('add', 'new@example.com', '--monthly-cap', '1,250', '--daily-count', 'few');
    expect(add).toEqual(
      refused(
        2,
        /--daily-count: must be a whole number\.\n--monthly-cap: may mean 1250 or 1\.250: write one of these\./,
      ),
    );
    expect(await accounts('add', 'not an email')).toEqual(
      refused(2, /is not an email address in plain ASCII/),
    );
    expect(await accounts('show', 'new@example.com')).toMatchObject({ code: 3 });
  });

  it('is suspended and enabled with a note, which is shown', async () => {
    const email = 'carl@example.com';
    await said('accounts', 'add', email);
    expect(await accounts('suspend', email)).toEqual(refused(2, /required option '--note <text>'/));
    expect(await said('accounts', 'suspend', email, '--note', 'disputed a payment')).toBe(
      'carl@example.com is suspended: nothing is charged until npx relay accounts enable carl@example.com --note "why"\n',
    );
    expect(await said('accounts', 'show', email)).toMatch(
      / {2}since {8}20\S+Z by \S+@\S+: disputed a payment\n/,
    );
    expect(await json<unknown[]>('accounts', 'list', '--status', 'suspended')).toMatchObject([{ email }]);
    expect(await said('accounts', 'suspend', email, '--note', 'again')).toContain(
      'is suspended already. Nothing',
    );
    expect(await json('accounts', 'enable', email, '--note', 'paid')).toMatchObject({
      status: 'active',
      status_change: { note: 'paid' },
    });
  });

  it('loses an id of the platform that was not theirs', async () => {
    await said('accounts', 'add', 'dora@example.com', '--platform-id', 'sub_9');
    await said('accounts', 'add', 'emil@example.com');
    expect(await accounts('set', 'emil@example.com', '--platform-id', 'sub_9')).toEqual(
      refused(4, /is linked to dora@example\.com, .*: npx relay accounts unlink sub_9\n$/),
    );
    expect(await said('accounts', 'unlink', 'sub_9')).toBe(
      'The platform id sub_9 led to dora@example.com. A webhook that names it is quarantined now.\n',
    );
    expect(await accounts('unlink', 'sub_9')).toEqual(
      refused(3, /No client is linked to the platform id sub_9\.\n$/),
    );
  });
});

describe('a file of clients', () => {
  const HEADER = 'email;monthly_cap;status;note';

  it('is only looked at without --yes', async () => {
    writeFileSync(at('clients.csv'), `${HEADER}\nfay@example.com;200,00;;\n`);
    const looked = await run(['accounts', 'import', 'clients.csv']);
    expect(looked).toEqual({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(
        /2 +fay@example\.com +new +monthly_cap 200\.00 USD\n1 clients? read: 1 new, 0 changed, 0 unchanged\.\nNothing was written\. To write it: npx relay accounts import clients\.csv --yes\n$/,
      ),
    });
    expect((await accounts('show', 'fay@example.com')).code).toBe(3);
    expect(await said('accounts', 'import', 'clients.csv', '--yes')).toContain('written: 1 new, 0 changed');
    expect(await json('accounts', 'show', 'fay@example.com')).toMatchObject({
      monthly_cap: { amount: 20_000 },
    });
    expect(await json('accounts', 'import', 'clients.csv')).toMatchObject({
      clients: [{ line: 2, kind: 'unchanged' }],
      faults: [],
    });
  });

  it('with faults is not written, and each is named with file and line', async () => {
    writeFileSync(at('wrong.csv'), `${HEADER}\ngus@example.com;200;;\nhal;;;\nida@example.com;;gone;\n`);
    expect(await run(['accounts', 'import', 'wrong.csv', '--yes'])).toEqual({
      code: 1,
      stdout:
        'wrong.csv:3: email: is not an email address in plain ASCII\n' +
        'wrong.csv:4: status: must be active or suspended\n' +
        'Nothing was imported: wrong.csv has 2 faults. Mend them, and run this again.\n',
      stderr: '',
    });
    expect((await accounts('show', 'gus@example.com')).code).toBe(3);
    expect(await run(['accounts', 'import', 'nowhere.csv'])).toEqual(
      refused(2, /nowhere\.csv cannot be read \(ENOENT\)/),
    );
  });

  it('is exported, and nothing of it changes when it is imported', async () => {
    const { stdout } = await run(['accounts', 'export']);
    expect(stdout.split('\r\n')[0]).toContain('email,status,note,platform_id');
    expect(await said('accounts', 'export', '--file', at('all.csv'))).toMatch(/^\d+ clients in /);
    expect(readFileSync(at('all.csv'), 'utf8')).toBe(stdout);
    expect(statSync(at('all.csv')).mode & 0o777).toBe(0o600);
    const { clients } = await json<{ clients: { kind: string }[] }>('accounts', 'import', at('all.csv'));
    expect(clients.filter(({ kind }) => kind !== 'unchanged')).toEqual([]);
    expect(await json('accounts', 'export')).toMatchObject({ clients: expect.any(Number), csv: stdout });
    expect(await accounts('export', '--file', at('all.csv'))).toEqual(
      refused(2, /cannot be written \(EEXIST\)/),
    );
  });
});

describe('a price', () => {
  it('is calculated step by step, from the configuration or from prices of the client’s own', async () => {
    expect(await said('price', '50')).toBe(
      `${[
        '50 credits for any client who pays in USD: 5.00 USD',
        "  price list  the configuration's (relay.config.json)",
        '  per credit  0.0333 USD',
        '  exactly     50 × 0.0333 = 1.665 USD',
        '  rounded     1.67 USD, half up',
        '  minimum     5.00 USD raises it',
        '  allowed     10 to 5000 credits a recharge',
      ].join('\n')}\n`,
    );
    const packs = { currency: 'JPY', packs: [{ credits: 500, price: '7500' }] };
    await said('accounts', 'add', 'jo@example.com', '--pricing', JSON.stringify(packs));
    const own = await said('price', '500', '--email', 'jo@example.com');
    expect(own).toContain("500 credits for jo@example.com: 7500 JPY\n  price list  the client's own\n");
    expect(await said('price', '501', '--email', 'jo@example.com')).toContain('no price\n');
    expect(await json('price', '500', '--email', 'jo@example.com')).toMatchObject({
      credits: 500,
      email: 'jo@example.com',
      amount: 7_500,
      currency: 'JPY',
      price_list: 'client',
      basis: { kind: 'pack', price: '7500' },
    });
    expect(await json('price', '9')).toMatchObject({ amount: 500, refused: 'amount_out_of_range' });
  });
});

describe('erasing', () => {
  it('says what there is, and is done once', async () => {
    const email = 'kim@example.com';
    await said('accounts', 'add', email, '--platform-id', 'sub_kim');
    expect(await said('erase', email, '--dry-run')).toContain(
      'account    goes, with the link of the platform id sub_kim\n',
    );
    expect(await said('accounts', 'erase', email, '--yes')).toContain('kim@example.com is erased.');
    expect(await json('erase', email)).toMatchObject({ account: false, recharges: 0, obstacles: [] });
  });
});
