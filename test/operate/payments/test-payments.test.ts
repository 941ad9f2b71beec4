import { describe, expect, it } from 'vitest';
import { createSandboxPayments } from '../../../local/sandbox/payments.ts';
import type { Check, PaymentsReport } from '../../../operate/payments/report.ts';
import { newTestName, testPayments } from '../../../operate/payments/test-payments.ts';
import { signingKey } from '../../../shared/payments/signed-request.ts';
import { PAYMENT_SECRET, useEndpoints } from '../../support/payment-endpoint.ts';
import { useEndings } from '../../support/sandbox.ts';

const startEndpoint = useEndpoints();
const atTheEnd = useEndings();

function tried(url: string, { secret = PAYMENT_SECRET, timeoutMs = 5_000 } = {}): Promise<PaymentsReport> {
  const key = signingKey(secret);
  if (key === undefined) throw new Error('no key');
  return testPayments(
    { url, key },
    {
      client: { email: 'client@example.com', customer: 'cus_42' },
      money: { amount: 100, currency: 'USD' },
      rechargeKey: newTestName(),
      tell: () => {},
      now: Date.now,
      timeoutMs,
    },
  );
}

const named = (report: PaymentsReport, result: Check['result']) =>
  report.checks.filter((check) => check.result === result).map(({ name }) => name);
const check = (report: PaymentsReport, name: string) => report.checks.find((one) => one.name === name);
const states = ({ payments }: PaymentsReport) => payments.map(({ state }) => state);

const SIGNATURES = ['missing', 'other_secret', 'other_body', 'old', 'elsewhere'].map(
  (way) => `signature_${way}`,
);
/** What needs a charge that was paid. */
const ON_PAID = [
  'lookup',
  'repeat',
  'other_amount',
  'cancel_paid',
  'signature_elsewhere',
  'at_once',
  'refund',
  'refund_at_once',
  'lookup_refunded',
  'charge_after_refund',
];

describe.concurrent('a payment endpoint that keeps the contract', () => {
  it('passes every check, and has nothing of the money afterwards: the example', async ({ expect }) => {
    const report = await tried(await startEndpoint());
    expect(named(report, 'fail')).toEqual([]);
    expect(named(report, 'skipped')).toEqual([]);
    expect(report.passed).toBe(true);
    expect(states(report)).toEqual(['refunded', 'refunded']);
    expect(check(report, 'names_charge')).not.toHaveProperty('todo');
  });

  it('is also the sandbox, whose books hold as many refunds as captures', async ({ expect }) => {
    const sandbox = await createSandboxPayments({ secret: PAYMENT_SECRET });
    const report = await tried(sandbox.url);
    await sandbox.close();
    expect(named(report, 'fail')).toEqual([]);
    expect(report.passed).toBe(true);
    expect(sandbox.books.map(({ kind }) => kind)).toEqual(['capture', 'capture', 'refund', 'refund']);
    expect(sandbox.books.every(({ recharge_key }) => recharge_key === report.rechargeKey)).toBe(true);
  });
});

describe.concurrent('a payment endpoint that is wrong', () => {
  it.each<[what: string, fails: string[], field: string, changes: [string, string][]]>([
    [
      'that checks no signature',
      SIGNATURES,
      'webhook-signature',
      [['if (!isSigned(request.headers, raw))', 'if (false)']],
    ],
    [
      'that takes a signature of any age',
      ['signature_old'],
      'webhook-timestamp',
      [['if (!(Math.abs(Date.now() / 1000 - Number(time)) <= 300)) return false;', '']],
    ],
    [
      'that asks nobody for a signature who brings none',
      ['signature_missing', 'signature_elsewhere'],
      'webhook-signature',
      [
        [
          'if (!isSigned(request.headers, raw))',
          "if ('webhook-id' in request.headers && !isSigned(request.headers, raw))",
        ],
      ],
    ],
    [
      'that accepts another amount',
      ['other_amount'],
      'amount',
      [['JSON.stringify(row.body) !== JSON.stringify(body)', 'false']],
    ],
    [
      'whose 404 is that of a framework',
      ['unknown_charge', 'unknown_cancel'],
      'status',
      [["{ status: 'not_found', charge_id }]", "{ statusCode: 404, error: 'Not Found' }]"]],
    ],
    [
      'whose lookup knows no refund',
      ['lookup_refunded'],
      'status',
      [['refunds.get(charge_id)?.answer ?? charges', 'charges']],
    ],
    [
      'whose lookup names another payment',
      ['lookup', 'cancel_paid', 'at_once'],
      'payment_ref',
      [
        [
          'refunds.get(charge_id)?.answer ?? charges.get(charge_id).answer',
          `refunds.get(charge_id)?.answer ??
           [200, { ...charges.get(charge_id).answer[1], payment_ref: 'pay_of_another' }]`,
        ],
      ],
    ],
    [
      'that refunds again whenever it is asked',
      ['refund', 'refund_at_once'],
      'refund_ref',
      [
        [
          'return once(refunds, body, refund)',
          'return refunds.delete(body.charge_id), once(refunds, body, refund)',
        ],
      ],
    ],
  ])('%s fails for that', async (_what, fails, field, changes) => {
    const report = await tried(await startEndpoint(...changes));
    expect(named(report, 'fail')).toEqual(fails);
    expect(report.passed).toBe(false);
    expect(check(report, fails[0] ?? '')).toMatchObject({ field, todo: expect.any(String) });
    expect(states(report).every((state) => state === 'refunded')).toBe(true);
  });

  it('that takes the money of requests at the same moment twice, and what it keeps is named', async ({
    expect,
  }) => {
    const report = await tried(await startEndpoint(['if (row.answer || row.working)', 'if (row.answer)']));
    expect(named(report, 'fail')).toEqual(['at_once', 'refund_at_once']);
    expect(check(report, 'at_once')).toMatchObject({
      found: expect.stringMatching(/^The money was taken 5 times: pay_/),
      field: 'payment_ref',
      todo: expect.stringContaining('Reserve the charge_id first'),
    });
    const kept = report.payments.filter(({ state }) => state === 'kept');
    expect(kept).toHaveLength(4);
    expect(new Set(kept.map(({ paymentRef }) => paymentRef)).size).toBe(4);
    expect(kept[0]).toMatchObject({ amount: 100, came: expect.stringMatching(/^422 /) });
  });

  it('that charges again what was refunded, and what it keeps is named', async ({ expect }) => {
    const again = 'if (refunds.get(body.charge_id)?.answer) charges.delete(body.charge_id);';
    const report = await tried(
      await startEndpoint([
        "const body = JSON.parse(raw || '{}');",
        `const body = JSON.parse(raw || '{}');\n  if (request.url === '/charges') { ${again} }`,
      ]),
    );
    expect(named(report, 'fail')).toEqual(['charge_after_refund']);
    expect(check(report, 'charge_after_refund')).toMatchObject({ field: 'payment_ref' });
    expect(states(report)).toEqual(['refunded', 'refunded', 'kept']);
  });

  it.each<[what: string, found: RegExp, field: string, changes: [string, string][]]>([
    [
      'names no payment_ref',
      /200 without payment_ref/,
      'payment_ref',
      [["status: 'paid', payment_ref:", "status: 'paid', ref:"]],
    ],
    [
      'answers about another charge',
      /200 about another charge/,
      'charge_id',
      [['...done, charge_id: body.charge_id', "...done, charge_id: 'another'"]],
    ],
  ])('that %s is told which field it is', async (_what, found, field, changes) => {
    const report = await tried(await startEndpoint(...changes));
    expect(named(report, 'fail')).toEqual(['charge']);
    expect(check(report, 'charge')).toMatchObject({ found: expect.stringMatching(found), field });
    expect(named(report, 'skipped')).toEqual(ON_PAID);
    // It may have taken the money, and does not say under which reference.
    expect(states(report)).toEqual(['unknown']);
  });

  it('that answers too late fails, and what it took meanwhile goes back', async ({ expect }) => {
    const url = await startEndpoint(['sleep(50,', "sleep(what === 'pay' ? 600 : 50,"]);
    const report = await tried(url, { timeoutMs: 300 });
    expect(named(report, 'fail')).toEqual(['charge', 'speed']);
    expect(check(report, 'charge')).toMatchObject({ found: expect.stringContaining('no answer in time') });
    expect(states(report)).toEqual(['refunded']);
  });
});

describe('where nothing can be learnt', () => {
  it('says that the secret is another one, and charges nothing', async () => {
    const report = await tried(await startEndpoint(), {
      secret: `whsec_${Buffer.alloc(24).toString('base64')}`,
    });
    const [first, ...rest] = report.checks;
    expect(first).toMatchObject({ result: 'fail', todo: expect.stringContaining('Is its secret the one') });
    expect(rest.every(({ result }) => result === 'skipped')).toBe(true);
    expect(report.payments).toEqual([]);
    expect(first?.exchanges).toHaveLength(1);
  });

  it('says that nobody answers', async () => {
    const sandbox = await createSandboxPayments({ secret: PAYMENT_SECRET });
    await sandbox.close();
    const report = await tried(sandbox.url);
    expect(report.checks[0]).toMatchObject({
      result: 'fail',
      found: expect.stringContaining('ECONNREFUSED'),
    });
    expect(named(report, 'skipped')).toHaveLength(report.checks.length - 1);
  });

  it.each([
    ['decline', /declined \(card_declined\)/, []],
    ['pending_action', /pending/, ['cancelled']],
  ])('a client whose payment ends as %s is no test: another is asked for', async (fault, found, left) => {
    const sandbox = await createSandboxPayments({ secret: PAYMENT_SECRET });
    atTheEnd(() => sandbox.close());
    sandbox.fault({ operation: 'charge', fault });
    const report = await tried(sandbox.url);
    expect(check(report, 'charge')).toMatchObject({ result: 'skipped', found: expect.stringMatching(found) });
    expect(named(report, 'skipped')).toEqual(['charge', ...ON_PAID]);
    expect(report.passed).toBe(false);
    expect(states(report)).toEqual(left);
  });
});
