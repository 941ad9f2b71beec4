import { readFileSync } from 'node:fs';
import { parse } from 'csv-parse/sync';
import { describe, expect, it } from 'vitest';
import { monthBooks } from '../../operate/month-books.ts';
import { booksJson, linesCsv, totalsCsv } from '../../operate/month-export.ts';
import { refundRecharge } from '../../operate/recharges.ts';
import { createDynamoRows } from '../../shared/recharge/dynamo-rows.ts';
import type { Recharge } from '../../shared/recharge/recharge.ts';
import { makeNewer } from '../shared/recharge/dynamo-ledger/items.ts';
import { aRecharge, utc } from '../support/builders.ts';
import { nextRun, useWorlds } from '../support/course.ts';

const { store, worldWith } = useWorlds();

const connection = (now = utc('2026-12-24 12:00:00')) => {
  const { client, table, ledger } = store();
  return { ledger, rows: createDynamoRows(client, table), now: () => now };
};

const books = (month: string, lookBackDays = 31) => monthBooks(connection(), { month, lookBackDays });

async function keep(...rows: Partial<Recharge>[]): Promise<void> {
  await Promise.all(rows.map((row) => store().ledger.claim(aRecharge({ phase: 'completed', ...row }))));
}

const parsed = (csv: string): Record<string, string>[] => parse(csv, { columns: true });

/** Nobody knows how much it was. */
async function keepUnpriced(...rows: Partial<Recharge>[]): Promise<void> {
  for (const row of rows) {
    const { amount: _a, currency: _c, ...unpriced } = aRecharge({ phase: 'completed', ...row });
    await store().ledger.claim(unpriced);
  }
}

/** What the lines are about: key, kind and signed minor units. */
const entries = async (month: string) =>
  booksJson(await books(month), { withLines: true }).lines?.map(
    ({ recharge_key, entry, amount }) => `${recharge_key} ${entry} ${amount}`,
  );

describe('the books of a month', () => {
  it('have a payment where it was paid, and a refund where it was given back, each once', async () => {
    await keep(
      {
        key: 'at-the-border',
        receivedAt: utc('2026-10-31 23:59:58'),
        paidAt: utc('2026-11-01 00:00:01'),
      },
      { key: 'first', receivedAt: utc('2026-10-01 00:00:00'), paidAt: utc('2026-10-01 00:00:00') },
      { key: 'last', receivedAt: utc('2026-10-31 10:00:00'), paidAt: utc('2026-10-31 23:59:59.999') },
      {
        key: 'given-back-later',
        receivedAt: utc('2026-10-10 10:00:00'),
        paidAt: utc('2026-10-10 10:00:01'),
        goodwillRefund: 'refunded',
        refundedAt: utc('2026-11-20 09:00:00'),
        refundRef: 're_1',
      },
      {
        key: 'given-back-at-once',
        phase: 'refunded',
        receivedAt: utc('2026-10-11 10:00:00'),
        paidAt: utc('2026-10-11 10:00:01'),
        refundedAt: utc('2026-10-12 10:00:01'),
      },
      // The clock of the webhook was ahead of the worker's.
      { key: 'clocks', receivedAt: utc('2026-11-01 00:00:00.200'), paidAt: utc('2026-10-31 23:59:59.900') },
    );
    expect(await entries('2026-10')).toEqual([
      'first charge 5000',
      'given-back-later charge 5000',
      'given-back-at-once charge 5000',
      'given-back-at-once refund -5000',
      'last charge 5000',
    ]);
    expect(await entries('2026-11')).toEqual([
      'clocks charge 5000',
      'at-the-border charge 5000',
      'given-back-later refund -5000',
    ]);
    expect(await entries('2026-09')).toEqual([]);
  });

  it('say so where a refund through the relay falls into the month after', async () => {
    const world = await worldWith();
    expect(await world.start().run()).toMatchObject({ phase: 'completed' });
    const operator = { ...world, storageNow: world.now };
    world.moveTo(utc('2026-02-03 10:00:00'));
    await refundRecharge(operator, 'key-1', 'she was charged for a test');
    expect((await monthBooks(world, { month: '2026-02' })).unsettled).toEqual(['key-1']);
    await nextRun(world);
    const lines = async (month: string) =>
      booksJson(await monthBooks(world, { month }), { withLines: true }).lines ?? [];
    const [charge, ...moreOfJanuary] = await lines('2026-01');
    expect(charge).toMatchObject({
      entry: 'charge',
      amount: 5_000,
      currency: 'USD',
      credits_granted: 500,
      phase: 'completed',
      paid_at: '2026-01-05T12:00:00.000Z',
      refunded_at: expect.stringMatching(/^2026-02-03T/),
    });
    expect(charge).not.toHaveProperty('note', expect.any(String));
    const [refund, ...moreOfFebruary] = await lines('2026-02');
    expect(refund).toMatchObject({
      entry: 'refund',
      amount: -5_000,
      credits_granted: 0,
      payment_ref: charge?.payment_ref,
      refund_ref: expect.stringMatching(/^re/),
      refund_id: expect.stringMatching(/^rr_[0-9a-f]{32}_1_refund$/),
      note: 'she was charged for a test',
    });
    expect([...moreOfJanuary, ...moreOfFebruary]).toEqual([]);
  });

  it('have nothing for a recharge that took no money, and say how many there were', async () => {
    const receivedAt = utc('2026-10-05 10:00:00');
    const money = { amount: 5_000, currency: 'USD' };
    await keep(
      { key: 'over-the-cap', phase: 'blocked', reason: 'over_monthly_amount', receivedAt, ...money },
      { key: 'observed', phase: 'blocked', reason: 'observe_only', receivedAt, ...money },
      { key: 'poor', phase: 'declined', receivedAt, ...money },
      { key: 'poor-before', phase: 'declined', receivedAt: utc('2026-09-05 10:00:00'), ...money },
      { key: 'new', phase: 'received', receivedAt },
      { key: 'unknown', phase: 'needs_review', review: 'charge_unknown', receivedAt, ...money },
    );
    const { lines, totals, sums, withoutMoney, unsettled, looked } = await books('2026-10');
    expect({ lines, totals, sums }).toEqual({ lines: [], totals: [], sums: [] });
    expect(withoutMoney).toEqual({ blocked: 2, declined: 1 });
    expect(unsettled.toSorted()).toEqual(['new', 'unknown']);
    expect(looked).toBe(6);
  });

  it('name what was granted without a charge, and what was paid for nothing', async () => {
    const receivedAt = utc('2026-10-05 10:00:00');
    await keepUnpriced(
      {
        key: 'a-present',
        prepaid: true,
        paymentRef: 'prepaid',
        receivedAt,
        history: [
          { at: receivedAt, event: 'started', detail: 'paid by invoice 17' },
          { at: receivedAt + 1_000, event: 'prepaid' },
          { at: receivedAt + 2_000, event: 'granted' },
        ],
      },
      {
        key: 'nobody-knows',
        phase: 'completed',
        receivedAt,
        history: [
          { at: receivedAt, event: 'received' },
          { at: receivedAt + 70_000, event: 'confirm-charged', detail: 'seen' },
        ],
      },
    );
    await keep({
      key: 'came-late',
      phase: 'declined',
      amount: 700,
      currency: 'EUR',
      receivedAt,
      history: [
        { at: receivedAt, event: 'received' },
        { at: receivedAt + 60_000, event: 'paid_late', detail: 'attempt 1: pay_late' },
      ],
    });
    const { lines, sums } = booksJson(await books('2026-10'), { withLines: true });
    expect(lines).toEqual([
      expect.objectContaining({
        recharge_key: 'a-present',
        entry: 'not_charged',
        credits_granted: 500,
        note: 'paid by invoice 17',
        amount: undefined,
        payment_ref: undefined,
        charge_id: undefined,
      }),
      expect.objectContaining({
        recharge_key: 'came-late',
        entry: 'charge',
        amount: 700,
        credits_granted: 0,
        payment_ref: 'pay_late',
        attention: 'paid_after_end',
      }),
      expect.objectContaining({
        recharge_key: 'nobody-knows',
        entry: 'charge',
        amount: undefined,
        attention: 'amount_unknown',
        booked_at: '2026-10-05T10:01:10.000Z',
      }),
    ]);
    expect(sums).toMatchObject([
      { currency: undefined, charges: 1, charged: 0, not_charged: 1, credits_granted: 1_000 },
      { currency: 'EUR', charges: 1, charged: 700, net: 700, credits_granted: 0 },
    ]);
  });

  it('look half a year back for what was paid or given back later, or as far as they are told to', async () => {
    const late = { refundedAt: utc('2026-10-20 09:00:00'), goodwillRefund: 'refunded' as const };
    await keep(
      { key: 'spring', receivedAt: utc('2026-04-02 10:00:00'), paidAt: utc('2026-04-02 10:00:00'), ...late },
      { key: 'winter', receivedAt: utc('2026-03-02 10:00:00'), paidAt: utc('2026-03-02 10:00:00'), ...late },
      {
        key: 'still-open',
        receivedAt: utc('2026-02-02 10:00:00'),
        phase: 'charged',
        paidAt: utc('2026-10-02'),
      },
    );
    const near = await monthBooks(connection(), { month: '2026-10' });
    expect(near).toMatchObject({ lookedBackTo: '2026-04-01' });
    expect(near.lines.map(({ row }) => row.key)).toEqual(['still-open', 'spring']);
    const far = await books('2026-10', 240);
    expect(far).toMatchObject({ lookedBackTo: '2026-02-03' });
    expect(far.lines.map(({ row }) => row.key)).toEqual(['still-open', 'spring', 'winter']);
  });

  it('are not whole where a later version wrote a row, which they name', async () => {
    await keep(
      { key: 'ours', receivedAt: utc('2026-10-05 10:00:00') },
      { key: 'theirs', receivedAt: utc('2026-10-05 10:00:00') },
    );
    await makeNewer(store(), 'theirs');
    const { lines, newer } = await books('2026-10');
    expect(lines.map(({ row }) => row.key)).toEqual(['ours']);
    expect(newer).toMatchObject([{ key: 'theirs', v: 4 }]);
  });

  it.each([
    ['2026-13', /^"2026-13" is no month: a month \(UTC\) such as 2026-10\.$/],
    ['October', /^"October" is no month/],
    ['2027-01', /^The month 2027-01 has not begun: today is 2026-12-24 \(UTC\)\.$/],
  ])('of %s are refused in one sentence', async (month, sentence) => {
    await expect(books(month)).rejects.toThrow(sentence);
  });
});

describe('the books as CSV', () => {
  it('add up: the totals are the sums of the lines, by currency and client', async () => {
    const at = (minute: number) => utc('2026-10-05 10:00:00') + minute * 60_000;
    const clients = ['a@example.com', 'b@example.com', 'c@example.com'];
    const currencies = ['USD', 'EUR', 'JPY', 'KWD'];
    await keep(
      ...Array.from(
        { length: 40 },
        (_, index): Partial<Recharge> => ({
          key: `key-${index}`,
          email: clients[index % 3] ?? '',
          currency: currencies[index % 4] ?? '',
          amount: 1 + index * 7,
          receivedAt: at(index),
          paidAt: at(index),
          ...(index % 5 === 0 ? { phase: 'refunded', refundedAt: at(index + 60) } : {}),
        }),
      ),
    );
    const whole = await books('2026-10');
    const lines = parsed(linesCsv(whole));
    const totals = parsed(totalsCsv(whole));
    expect(lines).toHaveLength(48);
    expect(totals).toHaveLength(12);
    for (const total of totals) {
      const own = lines.filter(({ email, currency }) => email === total.email && currency === total.currency);
      const sum = (column: string) => own.reduce((all, line) => all + Number(line[column]), 0);
      expect(Number(total.net_minor)).toBe(sum('amount_minor'));
      expect(Number(total.net)).toBeCloseTo(sum('amount'), 6);
      expect(Number(total.charged_minor) - Number(total.refunded_minor)).toBe(Number(total.net_minor));
      expect(Number(total.credits_granted)).toBe(sum('credits_granted'));
    }
    const minor = (currency: string) =>
      totals
        .filter((total) => total.currency === currency)
        .reduce((all, { net_minor }) => all + Number(net_minor), 0);
    expect(whole.sums.map(({ currency = '', net }) => [currency, net])).toEqual(
      currencies.toSorted().map((currency) => [currency, minor(currency)]),
    );
    expect(lines.find(({ recharge_key }) => recharge_key === 'key-2')).toMatchObject({
      amount: '15',
      currency: 'JPY',
      amount_minor: '15',
    });
    expect(lines.find(({ recharge_key }) => recharge_key === 'key-3')).toMatchObject({ amount: '0.022' });
    expect(lines.find(({ entry }) => entry === 'refund')).toMatchObject({
      amount: '-0.01',
      amount_minor: '-1',
    });
  });

  it('have the columns that are documented, and nothing that a spreadsheet would run', async () => {
    const receivedAt = utc('2026-10-05 10:00:00');
    await keep({
      key: '=HYPERLINK("http://evil.example.com","a, b")',
      email: '+1@example.com',
      paymentRef: '@SUM(A1)',
      reason: '\ttwo\nlines, with "quotes"',
      receivedAt,
      paidAt: receivedAt,
    });
    const csv = linesCsv(await books('2026-10'));
    const [header = '', line = ''] = csv.split('\r\n');
    expect(header).toBe(
      'entry,booked_at,email,amount,currency,amount_minor,credits_granted,recharge_key,payment_ref,refund_ref,' +
        'charge_id,refund_id,grant_mark,received_at,paid_at,granted_at,refunded_at,phase,reason,attention,note',
    );
    const page = readFileSync('docs/months-books.md', 'utf8');
    const documented = [...page.matchAll(/^\| (`\w+`(?:, `\w+`)*) \|/gm)].flatMap(([, names = '']) =>
      names.replaceAll('`', '').split(', '),
    );
    expect(documented).toEqual(expect.arrayContaining(header.split(',')));
    expect(line).toContain(
      `charge,2026-10-05T10:00:00.000Z,'+1@example.com,50.00,USD,5000,500,"'=HYPERLINK(""http://evil.example.com"",""a, b"")",'@SUM(A1),`,
    );
    expect(parsed(csv)).toMatchObject([{ reason: '\'\ttwo\nlines, with "quotes"' }]);
    const totals = totalsCsv(await books('2026-10')).split('\r\n');
    expect(documented).toEqual(expect.arrayContaining(totals[0]?.split(',') ?? []));
    expect(totals).toEqual([
      'email,currency,charges,charged,charged_minor,refunds,refunded,refunded_minor,net,net_minor,not_charged,credits_granted',
      "'+1@example.com,USD,1,50.00,5000,0,0.00,0,50.00,5000,0,500",
      '',
    ]);
  });
});
