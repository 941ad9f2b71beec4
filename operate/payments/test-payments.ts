import { randomBytes } from 'node:crypto';
import type { Money } from '../../shared/money.ts';
import { productionPolicy } from '../../shared/recharge/policy.ts';
import { type Asker, type Client, createAsker, type Exchange } from './asker.ts';
import { MONEY_CHECKS } from './charge-checks.ts';
import type { PaymentEndpoint } from './endpoint.ts';
import { FIRST_CHECKS } from './first-checks.ts';
import type { Check, PaymentsReport, TestPayment } from './report.ts';
import { createTrial } from './trial.ts';
import { type CheckStep, fail, PASS, skipped } from './verdicts.ts';

/** Half of what the relay waits for: a slow day would make the answer an unknown one. */
const SLOW_MS = productionPolicy.chargeCallMs / 2;

const speed = (exchanges: Exchange[]): CheckStep => ({
  name: 'speed',
  wants: `Every answer comes within ${productionPolicy.chargeCallMs / 1000} s.`,
  async run() {
    const slowest = exchanges.reduce((slow, one) => (one.ms > slow.ms ? one : slow));
    const found = `The slowest took ${(slowest.ms / 1000).toFixed(1)} s: ${slowest.sent}.`;
    const todo =
      'Answer 202 {"status":"pending"} where the provider is slow: what comes too late is unknown.';
    if (exchanges.some(({ status, wasSent }) => status === 0 && wasSent)) return fail(found, undefined, todo);
    return { ...PASS, found, ...(slowest.ms > SLOW_MS ? { todo } : {}) };
  },
});

const echo = (exchanges: Exchange[]): CheckStep => ({
  name: 'names_charge',
  wants: 'Every answer names the charge_id; where it does not, the relay cannot tell a mixed-up answer.',
  async run() {
    const agreed = exchanges.filter(
      ({ status, signature }) => signature === 'right' && NAMING.includes(status),
    );
    if (agreed.length === 0) return skipped('Nothing was answered as agreed.');
    const without = agreed.find(({ namesCharge }) => !namesCharge);
    return without === undefined
      ? PASS
      : {
          ...PASS,
          found: `It does not in: ${without.came}`,
          todo: 'Name the charge_id that was asked about in every answer.',
        };
  },
});
const NAMING = [200, 202, 402, 404];

/**
 * Tries the payment contract on an endpoint: real requests, signed as the relay signs them, and real charges of a
 * small amount. Whatever was taken is asked back at the end, also where a check throws.
 *
 * @param options.money of one charge: small, for at least two are made.
 * @param options.tell hears of each check when it is done.
 * @param options.timeoutMs for each call; default: as the relay has it on AWS.
 */
export async function testPayments(
  { url, key }: Pick<PaymentEndpoint, 'url' | 'key'>,
  options: {
    client: Client;
    money: Money;
    rechargeKey: string;
    tell: (check: Check) => void;
    now: () => number;
    timeoutMs?: number;
  },
): Promise<PaymentsReport> {
  const { client, money, rechargeKey, now, tell, timeoutMs = productionPolicy.chargeCallMs } = options;
  const ask = createAsker({ url, key, client, money, rechargeKey, timeoutMs, now });
  const trial = createTrial(ask, { prefix: `rr_${rechargeKey}`, amount: money.amount });
  const checks: Check[] = [];
  let payments: TestPayment[] = [];
  try {
    const steps = [...FIRST_CHECKS, ...MONEY_CHECKS, echo(ask.exchanges), speed(ask.exchanges)];
    for (const step of steps) {
      const from = ask.exchanges.length;
      const closed = closedDoor(ask);
      const verdict = closed === undefined ? await step.run(trial) : skipped(closed);
      const { name, wants } = step;
      const check = { name, wants, ...verdict, exchanges: ask.exchanges.slice(from) };
      checks.push(check);
      tell(check);
    }
  } finally {
    payments = await trial.giveBack();
  }
  const passed =
    checks.every(({ result }) => result === 'pass') &&
    payments.every(({ state }) => state !== 'kept' && state !== 'unknown');
  return { url, rechargeKey, currency: money.currency, passed, checks, payments };
}

/** Of the ids and the `recharge_key` of one test. */
export const newTestName = () => `payments-test-${randomBytes(6).toString('hex')}`;

/** Where nobody answers our first request, or refuses its signature, nothing more can be learnt. */
function closedDoor({ exchanges: [first] }: Asker): string | undefined {
  if (first === undefined) return undefined;
  if (first.status === 0) return 'The endpoint did not answer the first request.';
  return [401, 403].includes(first.status)
    ? 'The endpoint refused the signature of the first request.'
    : undefined;
}
