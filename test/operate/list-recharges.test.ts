import { describe, expect, it } from 'vitest';
import { rangeOf } from '../../operate/days.ts';
import { findRecharge } from '../../operate/find-recharge.ts';
import { lastRechargesOf, listRecharges, pagesOfRecharges } from '../../operate/list-recharges.ts';
import type { RechargeFilter } from '../../operate/recharge-filter.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import { chargeIdOf, grantMarkOf, type Recharge, refundIdOf } from '../../shared/recharge/recharge.ts';
import { makeNewer } from '../shared/recharge/dynamo-ledger/items.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { meter, useLedger } from '../support/store.ts';

const store = useLedger();

const NOW = utc('2026-03-20 12:00:00');

const connection = () => {
  const { client, table, ledger } = store();
  return { ledger, rows: createDynamoRows(client, table), now: () => NOW };
};

/** Rows as they stand, whatever phase they are in. */
async function keep(...rows: Partial<Recharge>[]): Promise<Recharge[]> {
  const whole = rows.map((row) => aRecharge({ receivedAt: utc('2026-03-20 11:00:00'), ...row }));
  await Promise.all(whole.map((row) => store().ledger.claim(row)));
  return whole;
}

const list = async (filter: RechargeFilter = {}, limit = 50) =>
  (await listRecharges(connection(), filter, { limit })).rows.map(({ key }) => key);

/** One row a day, the n-th received n days ago. */
const aDayEach = (count: number, given: Partial<Recharge> = {}) =>
  keep(
    ...Array.from({ length: count }, (_, days) => ({
      key: `${days}-days-ago`,
      receivedAt: NOW - days * 86_400_000,
      phase: 'completed' as const,
      ...given,
    })),
  );

describe('a list of recharges', () => {
  it('has those of the last 31 days, newest first, and the older ones that are unfinished', async () => {
    await aDayEach(40);
    const old = { receivedAt: utc('2026-01-02 12:00:00') };
    await keep(
      { ...old, key: 'waiting', phase: 'charge_pending' },
      { ...old, key: 'in-review', phase: 'needs_review', receivedAt: utc('2026-01-02 13:00:00') },
      { ...old, key: 'ended', phase: 'completed', nextAttemptAt: NOW },
      { ...old, key: 'given-back', phase: 'completed', goodwillRefund: 'under_way', nextAttemptAt: NOW },
    );
    expect(await list()).toEqual([
      ...Array.from({ length: 31 }, (_, days) => `${days}-days-ago`),
      'in-review',
      'waiting',
      'given-back',
    ]);
  });

  it('has those of the days it is asked for, the first and the last included, and no others', async () => {
    await aDayEach(10);
    await keep({ key: 'old', phase: 'needs_review', receivedAt: utc('2026-01-02 12:00:00') });
    expect(await list({ from: '2026-03-17', to: '2026-03-18' })).toEqual(['2-days-ago', '3-days-ago']);
    expect(await list({ from: '1d' })).toEqual(['0-days-ago', '1-days-ago']);
    expect(await list({ to: '8d' })).toEqual(['8-days-ago', '9-days-ago']);
  });

  it('looks at no day after tomorrow, however far somebody asks', () => {
    const today = utc('2026-01-05 12:00:00');
    expect(rangeOf({ from: '2026-01-04', to: '9999-12-31' }, today).days).toEqual([
      '2026-01-06',
      '2026-01-05',
      '2026-01-04',
    ]);
  });

  it('goes on page after page, in whatever part of it a page ends', async () => {
    await aDayEach(33);
    await keep(
      { key: 'open-1', phase: 'needs_review', receivedAt: utc('2026-01-02 12:00:00') },
      { key: 'open-2', phase: 'received', receivedAt: utc('2026-01-01 12:00:00') },
    );
    const all = await list({}, 100);
    expect(all).toHaveLength(33);
    for (const limit of [3, 31, 32]) {
      const pages: string[][] = [];
      for await (const page of pagesOfRecharges(connection(), {}, { limit }))
        pages.push(page.rows.map(({ key }) => key));
      expect(pages.flat()).toEqual(all);
      expect(pages.map((page) => page.length).slice(0, -1)).toEqual(Array(pages.length - 1).fill(limit));
      expect(pages.at(-1)).not.toEqual([]);
    }
    await expect(listRecharges(connection(), {}, { limit: 5, cursor: 'nobody' })).rejects.toThrow(
      /^No recharge has the key nobody, after which the page was to begin\.$/,
    );
  });

  it('filters by phase, reason, client and price in the currency of each', async () => {
    await keep(
      { key: 'usd', phase: 'completed', amount: 5_000, email: 'a@example.com' },
      { key: 'jpy', phase: 'completed', amount: 50, currency: 'JPY' },
      { key: 'free', phase: 'completed', amount: 5_000, prepaid: true },
      { key: 'poor', phase: 'declined', reason: 'insufficient_funds' },
      { key: 'slow', phase: 'blocked', reason: 'cooldown', amount: 4_999, currency: 'USD' },
      { key: 'asked', phase: 'needs_review', review: 'grant_refused', email: 'a@example.com' },
      { key: 'unknown', phase: 'needs_review', review: 'charge_unknown' },
    );
    expect(await list({ phase: 'blocked' })).toEqual(['slow']);
    expect(await list({ reason: 'cooldown' })).toEqual(['slow']);
    expect(await list({ phase: 'declined', reason: 'insufficient_funds' })).toEqual(['poor']);
    expect(await list({ reason: 'grant_refused' })).toEqual(['asked']);
    expect(await list({ phase: 'needs_review', reason: 'charge_unknown' })).toEqual(['unknown']);
    expect(await list({ email: 'a@example.com' })).toEqual(['usd', 'asked']);
    expect(await list({ min: '50' })).toEqual(['jpy', 'usd', 'asked']);
    expect(await list({ min: '49.99', max: '49.99' })).toEqual(['slow']);
    expect(await list({ email: 'a@example.com', phase: 'completed' })).toEqual(['usd']);
  });

  it('of unfinished ones alone has them however old, and of a range only its own', async () => {
    await keep(
      { key: 'old', phase: 'needs_review', receivedAt: utc('2026-01-02 12:00:00') },
      { key: 'new', phase: 'needs_review' },
      { key: 'done', phase: 'completed' },
    );
    expect(await list({ phase: 'needs_review' })).toEqual(['new', 'old']);
    expect(await list({ phase: 'needs_review', from: '2026-03-01' })).toEqual(['new']);
    expect(await list({ phase: 'needs_review' }, 1)).toEqual(['new']);
  });

  it.each<[RechargeFilter, RegExp]>([
    [{ from: '2026-02-30' }, /^"2026-02-30" is no day to list from or to: no such day\.$/],
    [
      { to: 'yesterday' },
      /^"yesterday" is no day .*: a day in UTC such as 2026-10-31, or 7d for seven days ago\.$/,
    ],
    [
      { from: '2026-03-02', to: '2026-03-01' },
      /^The range is empty: it begins on 2026-03-02, after its end, 2026-03-01\.$/,
    ],
    [
      { from: '2026-03-21' },
      /^No recharge was received yet from 2026-03-21 on: today is 2026-03-20 \(UTC\)\.$/,
    ],
    [
      { reason: 'lazyness' },
      /^There is no reason "lazyness"\. There are: charge_unknown, .* any word of the payment endpoint\.$/,
    ],
    [{ min: '50,00' }, /^"50,00" is no amount: an amount in major units, such as 50 or 49\.90\.$/],
    [{ min: '60', max: '50' }, /^No amount is at least 60 and at most 50\.$/],
    [{ reference: 'pay' }, /^"pay" is too short to look for: give at least 4 characters of it\.$/],
  ])('says in one sentence what is wrong with %o', async (filter, sentence) => {
    await expect(list(filter)).rejects.toThrow(sentence);
  });

  it('names a row of a later version of this program, and shows the others', async () => {
    await keep({ key: 'ours' }, { key: 'theirs', email: 'joe@example.com' });
    await makeNewer(store(), 'theirs');
    const page = await listRecharges(connection(), {}, { limit: 10 });
    expect(page.rows.map(({ key }) => key)).toEqual(['ours']);
    expect(page.newer).toEqual([
      { key: 'theirs', email: 'joe@example.com', receivedAt: utc('2026-03-20 11:00:00'), v: 4 },
    ]);
    expect((await listRecharges(connection(), { phase: 'received' }, { limit: 10 })).newer).toHaveLength(1);
  });

  it('costs a full first page a handful of requests, however much is stored', async () => {
    await keep(
      ...Array.from({ length: 300 }, (_, index) => ({
        key: `key-${index}`,
        phase: 'completed' as const,
        receivedAt: NOW - index,
      })),
    );
    const counted = meter(store().client);
    expect(await list({}, 50)).toHaveLength(50);
    // Tomorrow and today, and one batch.
    expect(counted.requests).toBeLessThanOrEqual(4);
    counted.reset();
    expect(await list({}, 300)).toHaveLength(300);
    expect(counted.requests).toBeLessThan(45);
  });

  it('ends a page also where hardly anything is wanted, and says how far it looked', async () => {
    await aDayEach(5);
    const filter = { phase: 'blocked' } as const;
    const page = await listRecharges(connection(), filter, { limit: 10, lookAtMost: 1 });
    expect(page).toMatchObject({ rows: [], looked: 2, cursor: '1-days-ago', lookedBackTo: '2026-03-19' });
    const rest = await listRecharges(connection(), filter, { limit: 10, cursor: '1-days-ago' });
    expect(rest).toMatchObject({ rows: [], looked: 3, lookedBackTo: '2026-02-18' });
    expect(rest).not.toHaveProperty('cursor');
  });
});

describe('a recharge', () => {
  const find = async (reference: string, from?: string) => {
    const { row, by } = await findRecharge(connection(), reference, from === undefined ? {} : { from });
    return [row.key, by.kind, by.whole ? 'whole' : 'beginning'];
  };

  it('is found by all that names it, and by the beginning of that', async () => {
    const [row] = await keep(
      {
        key: 'recharge-1',
        phase: 'completed',
        attempt: 2,
        grantNo: 2,
        paymentRef: 'pi_111222',
        refundRef: 're_333444',
      },
      { key: 'other-2', phase: 'completed', paymentRef: 'pi_999' },
    );
    if (!row) throw new Error('It was kept.');
    expect(await find(' recharge-1 ')).toEqual(['recharge-1', 'key', 'whole']);
    expect(await find('rech')).toEqual(['recharge-1', 'key', 'beginning']);
    expect(await find(chargeIdOf(row))).toEqual(['recharge-1', 'charge id', 'whole']);
    // Of the attempt before.
    expect(await find(chargeIdOf({ ...row, attempt: 1 }))).toEqual(['recharge-1', 'charge id', 'whole']);
    expect(await find(chargeIdOf(row).slice(0, 10))).toEqual(['recharge-1', 'charge id', 'beginning']);
    expect(await find(refundIdOf(row))).toEqual(['recharge-1', 'refund id', 'whole']);
    expect(await find(grantMarkOf(row))).toEqual(['recharge-1', 'grant mark', 'whole']);
    expect(await find(grantMarkOf(row).slice(0, 9))).toEqual(['recharge-1', 'grant mark', 'beginning']);
    expect(await find('pi_111222')).toEqual(['recharge-1', 'payment reference', 'whole']);
    expect(await find('pi_111')).toEqual(['recharge-1', 'payment reference', 'beginning']);
    expect(await find('re_333444')).toEqual(['recharge-1', 'refund reference', 'whole']);
  });

  it('of which only the beginning is given is named beside all the others it may be', async () => {
    await keep(
      { key: 'key-1', phase: 'completed', paymentRef: 'pi_1111' },
      { key: 'key-2', phase: 'completed', paymentRef: 'pi_1112' },
      { key: 'key-3', phase: 'completed', paymentRef: 'pi_111' },
    );
    await expect(find('pi_11')).rejects.toThrow(
      [
        '3 recharges are named by what begins with pi_11:',
        '  key-3 (payment reference)',
        '  key-2 (payment reference)',
        '  key-1 (payment reference)',
        'Give more of it, or the key of one.',
      ].join('\n'),
    );
    expect(await find('pi_111')).toEqual(['key-3', 'payment reference', 'whole']);
    await keep(
      ...Array.from({ length: 30 }, (_, index) => ({
        key: `many-${index}`,
        paymentRef: `no-17${index}`,
        receivedAt: NOW - index,
      })),
      { key: 'older', phase: 'completed', paymentRef: 'no-17', receivedAt: utc('2026-03-01 12:00:00') },
    );
    expect(await find('no-17')).toEqual(['older', 'payment reference', 'whole']);
    await expect(find('no-1')).rejects.toThrow(
      /^31 recharges are named by what begins with no-1:\n {2}many-0 .*\n {2}and 11 older ones\nGive more of it/s,
    );
  });

  it('is found by its key however old it is, and by the rest within three months, or from a day on', async () => {
    await keep(
      { key: 'old-key', phase: 'completed', paymentRef: 'pi_old', receivedAt: utc('2025-11-20 12:00:00') },
      { key: 'open-key', phase: 'charged', paymentRef: 'pi_open', receivedAt: utc('2025-11-20 12:00:00') },
      { key: 'new-key', phase: 'completed', paymentRef: 'pi_new' },
    );
    expect(await find('old-key')).toEqual(['old-key', 'key', 'whole']);
    expect(await find('pi_open')).toEqual(['open-key', 'payment reference', 'whole']);
    await expect(find('pi_old')).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringMatching(
        /^No recharge has the key pi_old\. And of the recharges that were received since 2025-12-19, or are unfinished \(\d in all\), none has /,
      ),
    });
    expect(await find('pi_old', '2025-11-01')).toEqual(['old-key', 'payment reference', 'whole']);
  });

  it('is looked for by our own ids without reading a row', async () => {
    await aDayEach(20);
    const [, row] = await keep({ key: 'some', phase: 'completed' }, { key: 'wanted', phase: 'completed' });
    if (!row) throw new Error('It was kept.');
    const read: string[] = [];
    const { rows, ...rest } = connection();
    const recharges: typeof rows.recharges = (keys) => {
      read.push(...keys);
      return rows.recharges(keys);
    };
    const found = await findRecharge({ ...rest, rows: { ...rows, recharges } }, chargeIdOf(row));
    expect(found.row.key).toBe('wanted');
    expect(read).toEqual(['wanted']);
  });
});

describe('the last recharges of a client', () => {
  it('are theirs alone, newest first, and the one that was reserved last, however old', async () => {
    const email = 'jane@example.com';
    await aDayEach(5);
    await keep(
      { key: 'jane-1', email, receivedAt: utc('2026-03-10 12:00:00'), phase: 'blocked' },
      { key: 'jane-2', email, receivedAt: utc('2026-03-11 12:00:00'), phase: 'blocked' },
      { key: 'jane-0', email, receivedAt: utc('2025-12-11 12:00:00'), phase: 'completed' },
    );
    const last = async (limit: number) =>
      (await lastRechargesOf(connection(), email, limit)).map(({ key }) => key);
    expect(await last(10)).toEqual(['jane-2', 'jane-1']);
    const { ledger } = store();
    const account = await ledger.readAccount(email);
    await ledger.writeAccount(account, {
      ...account,
      last: { key: 'jane-0', at: utc('2025-12-11 12:00:00') },
    });
    expect(await last(10)).toEqual(['jane-2', 'jane-1', 'jane-0']);
    expect(await last(1)).toEqual(['jane-2']);
  });
});
