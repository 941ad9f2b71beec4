import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { engineAt } from '../../local/aws.ts';
import { createTable, type Engine, startDynamo } from '../../local/engines.ts';
import { createDynamoLedger } from '../../shared/recharge/dynamo-ledger.ts';
import { chargeIdOf, type Recharge } from '../../shared/recharge/recharge.ts';
import { createDocumentClient } from '../../shared/storage/clients.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { exits, runCommand } from '../support/command.ts';

const TABLE = 'recharge-relay';
const folder = mkdtempSync(join(tmpdir(), 'relay-find-'));
let engine: Engine;

beforeAll(async () => {
  engine = await startDynamo();
  const client = createDocumentClient(engineAt(engine.endpoint));
  await createTable(client, TABLE);
  const ledger = createDynamoLedger(client, TABLE);
  for (const row of ROWS) await ledger.claim(row);
  client.destroy();
});
afterAll(async () => {
  await engine.stop();
  rmSync(folder, { recursive: true, force: true });
});

const HOUR = 3_600_000;
const recent = (hoursAgo: number, given: Partial<Recharge>) =>
  aRecharge({ phase: 'completed', receivedAt: Date.now() - hoursAgo * HOUR, ...given });

const ROWS = [
  recent(1, { key: 'key one', paymentRef: 'pi_aaa111' }),
  recent(2, { key: 'key-2', paymentRef: 'pi_aaa222', email: 'jane@example.com', amount: 1_999 }),
  recent(3, { key: 'key-3', phase: 'blocked', reason: 'cooldown' }),
  recent(4, { key: 'key-4', phase: 'needs_review' }),
  recent(5, { key: 'key-5', goodwillRefund: 'refunded', refundRef: 're_5' }),
  // The books of January.
  aRecharge({ key: 'jan-1', phase: 'completed', paidAt: utc('2026-01-05 12:00:01') }),
  aRecharge({ key: 'jan-2', phase: 'blocked', reason: 'cooldown', amount: 5_000, currency: 'USD' }),
  aRecharge({
    key: 'jan-3',
    email: 'jane@example.com',
    phase: 'completed',
    paidAt: utc('2026-01-06 12:00:00'),
    goodwillRefund: 'refunded',
    refundedAt: utc('2026-01-07 12:00:00'),
  }),
];

const relay = (...args: string[]) =>
  runCommand(['recharges', ...args], {
    env: { DYNAMODB_ENDPOINT: engine.endpoint, RELAY_LOCAL_DIR: folder },
  });

async function keys(...args: string[]): Promise<string[]> {
  const { code, stdout } = await relay('list', ...args, '--json');
  expect(code).toBe(0);
  return JSON.parse(stdout).map(({ key }: { key: string }) => key);
}

describe('recharges list', () => {
  it('prints a table, and the command of the next page as it is to be pasted', async () => {
    const { stdout } = await relay('list', '--limit', '2');
    const [header, first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^received \(UTC\) +phase +credits +price +client +key$/);
    expect(first).toMatch(/Z +60 min ago +completed +500 +50\.00 USD +demo@example\.com +key one$/);
    expect(second).toMatch(/ 2 h ago +completed +500 +19\.99 USD +jane@example\.com +key-2$/);
    expect(rest).toEqual([
      '2 recharges, and there are more. Next page: npx relay recharges list --limit 2 --cursor key-2',
    ]);
    expect(await keys('--limit', '2', '--cursor', 'key-2')).toEqual(['key-3', 'key-4']);
    expect(await keys('--all')).toEqual(['key one', 'key-2', 'key-3', 'key-4', 'key-5']);
    const json = await relay('list', '--limit', '1', '--json');
    expect(json.stderr).toBe("There are more: add --cursor 'key one', or --all.\n");
    const { stdout: filtered } = await relay('list', '--phase', 'completed', '--min', '20', '--limit', '1');
    expect(filtered).toMatch(
      / Next page: npx relay recharges list --phase completed --min 20 --limit 1 --cursor 'key one'\n$/,
    );
  });

  it('takes filters', async () => {
    expect(await keys('--phase', 'blocked')).toEqual(['key-3']);
    expect(await keys('--reason', 'grant_unknown')).toEqual(['key-4']);
    expect(await keys('--email', 'Jane@Example.com')).toEqual(['key-2']);
    expect(await keys('--max', '19.99')).toEqual(['key-2']);
    expect(await keys('--from', '2026-01-01', '--to', '2026-01-31')).toEqual(['jan-3', 'jan-2', 'jan-1']);
    expect(await keys('pi_aaa')).toEqual(['key one', 'key-2']);
    const { stdout } = await relay('list', '--phase', 'declined');
    expect(stdout).toMatch(
      /^No recharge received since 20\d\d-\d\d-\d\d, or unfinished is such a one\. Farther back: --from 365d\n$/,
    );
  });

  it('says what is wrong with a filter', async () => {
    expect(await relay('list', '--from', '2026-02-30')).toEqual(exits(2, /--from <day>.* no such day/));
    expect(await relay('list', '--min', '5,00')).toEqual(
      exits(2, /an amount in major units, such as 50 or 49\.90/),
    );
    expect(await relay('list', '--phase', 'paid')).toEqual(exits(2, /Allowed choices are received,/));
    expect(await relay('list', '--reason', 'paid')).toEqual(
      exits(4, /^There is no reason "paid"\. There are: /),
    );
    expect(await relay('list', '--from', '2026-02-01', '--to', '2026-01-01')).toEqual(
      exits(4, 'The range is empty: it begins on 2026-02-01, after its end, 2026-01-01.'),
    );
  });
});

describe('recharges show', () => {
  it('finds a recharge by what names it', async () => {
    const [row] = ROWS;
    if (!row) throw new Error('There are rows.');
    for (const [reference, remark] of [
      ['key one', ''],
      ['key o', 'Found by its key.\n'],
      [chargeIdOf(row), 'Found by its charge id.\n'],
      ['pi_aaa111', 'Found by its payment reference.\n'],
      ['pi_aaa1', 'Found by its payment reference.\n'],
    ]) {
      const { code, stdout, stderr } = await relay('show', reference ?? '');
      expect({ code, stderr }).toEqual({ code: 0, stderr: remark });
      expect(stdout).toMatch(/^Recharge key one\n/);
    }
    expect((await relay('show', 're_5')).stdout).toMatch(/^Recharge key-5\n/);
    expect(await relay('show', 'pi_aaa')).toEqual(
      exits(4, /^2 recharges are named by what begins with pi_aaa:\n {2}key one \(payment reference\)\n/),
    );
    expect(await relay('show', 'nothing')).toEqual(
      exits(3, /^No recharge has the key nothing\. And of the recharges /),
    );
  });
});

describe('recharges export', () => {
  it('prints the books of a month, for people and for programs', async () => {
    const { code, stdout, stderr } = await relay('export', '--month', '2026-01');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^booked \(UTC\) +entry +amount +client +reference +key\n/);
    expect(stdout).toMatch(
      /2026-01-07T12:00:00Z +\S+ \S+ ago +refund +-50\.00 USD +jane@example\.com +jan-3\n/,
    );
    expect(stdout).toMatch(/\nall clients +2 +100\.00 USD +1 +50\.00 USD +50\.00 USD +0 +1000\n$/);
    expect(stderr).toBe(
      '3 entries of 2026-01 (UTC), from 3 recharges: those received since 2025-07-02, and older unfinished ones.\n' +
        'Not listed, for they took no money: 1 blocked.\n',
    );
    const csv = await relay('export', '--month', '2026-01', '--csv');
    const lines: Record<string, string>[] = parse(csv.stdout, { columns: true });
    expect(lines.map(({ entry, amount }) => `${entry} ${amount}`)).toEqual([
      'charge 50.00',
      'charge 50.00',
      'refund -50.00',
    ]);
    const totals = await relay('export', '--month', '2026-01', '--csv', '--totals');
    expect(totals.stdout.split('\r\n')).toEqual([
      expect.stringMatching(/^email,currency,charges,/),
      'demo@example.com,USD,1,50.00,5000,0,0.00,0,50.00,5000,0,500',
      'jane@example.com,USD,1,50.00,5000,1,50.00,5000,0.00,0,0,500',
      '',
    ]);
    const json = JSON.parse((await relay('export', '--month', '2026-01', '--json', '--totals')).stdout);
    expect(json).toMatchObject({ month: '2026-01', is_over: true, sums: [{ currency: 'USD', net: 5_000 }] });
    expect(json).not.toHaveProperty('lines');
  });

  it('says what is wrong with a month', async () => {
    expect(await relay('export')).toEqual(exits(2, /required option '--month <month>'/));
    expect(await relay('export', '--month', '2026-1')).toEqual(exits(2, /a month \(UTC\) such as 2026-10/));
    expect(await relay('export', '--month', '2099-01')).toEqual(exits(4, /^The month 2099-01 has not begun/));
    expect(await relay('export', '--month', '2026-01', '--csv', '--json')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('"message": "--csv and --json exclude each other."'),
    });
    expect(await relay('export', '--month', '2026-02')).toMatchObject({
      code: 0,
      stdout: 'No money moved.\n',
    });
  });
});
