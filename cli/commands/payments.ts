import * as z from 'zod';
import { findPaymentEndpoint } from '../../operate/payments/endpoint.ts';
import {
  type Check,
  type PaymentsReport,
  reportJson,
  type TestPayment,
} from '../../operate/payments/report.ts';
import { newTestName, testPayments } from '../../operate/payments/test-payments.ts';
import { currencyDecimals, formatMoney, toMinorUnits } from '../../shared/money.ts';
import { printableLine } from '../../shared/printable.ts';
import { confirmChange, YES } from '../confirm.ts';
import { UsageError } from '../failure.ts';
import { type Cli, checked, examples, text } from '../program.ts';
import { typedEmail } from './platform.ts';

const decimal = checked(z.string().regex(/^\d{1,9}(\.\d{1,4})?$/, 'a decimal number, such as 1.00'));
const currencyCode = checked(z.string().regex(/^[A-Z]{3}$/, 'three capital letters, such as USD'));

interface TestFlags {
  url?: string;
  email: string;
  customer?: string;
  platformId?: string;
  amount?: string;
  currency?: string;
  yes?: boolean;
  json?: boolean;
}

export function addPaymentCommands(cli: Cli): void {
  cli.program
    .command('payments')
    .description('the payment endpoint')
    .command('test')
    .description('tries the payment contract on the endpoint, with real charges of a small amount')
    .option('--url <url>', 'the endpoint; else as configured', text)
    .option(
      '--email <email>',
      'the client that is charged: a test account of yours',
      typedEmail,
      'demo@example.com',
    )
    .option('--customer <id>', 'your own id of that client', text)
    .option('--platform-id <id>', "the platform's id of that client", text)
    .option(
      '--amount <money>',
      'of one charge, such as 2.50; 1.00 unless given, or 100 where a currency has no decimals',
      decimal,
    )
    .option('--currency <code>', 'such as USD; that of your prices unless given', currencyCode)
    .option(...YES)
    .option('--json', 'the whole report, with every request and answer, as a JSON object')
    .addHelpText(
      'after',
      examples(
        'payments test --email test-client@example.com',
        'payments test --url https://pay.example.com/relay --email test-client@example.com --amount 2.50',
      ),
    )
    .action((flags: TestFlags) => runTest(cli, flags));
}

async function runTest(cli: Cli, flags: TestFlags): Promise<void> {
  const { target, say, sayJson, fail, io } = cli;
  const { email, customer, platformId, json = false } = flags;
  const endpoint = await findPaymentEndpoint(target(), flags.url);
  const currency = flags.currency ?? endpoint.currency;
  const money = { amount: amountOf(flags.amount, currency), currency };
  if (money.amount === 0) throw new UsageError('--amount: nothing would be charged.');
  const rechargeKey = newTestName();
  const which = endpoint.isSandbox
    ? `The sandbox's payment endpoint ${endpoint.url} is tried. It takes no money. This charges ${email} there`
    : `The payment endpoint ${endpoint.url} is tried. This charges ${email} for real`;
  cli.tell(
    `${which}: ${formatMoney(money)}, twice, or more often where the endpoint errs. All of it is asked back at the end. ` +
      `Each charge bears recharge_key ${rechargeKey}.`,
  );
  await confirmChange(cli, { question: 'Go on?', yes: flags.yes, always: true });

  let reason: string | undefined;
  const report = await testPayments(endpoint, {
    client: {
      email,
      ...(customer === undefined ? {} : { customer }),
      ...(platformId === undefined ? {} : { platformId }),
    },
    money,
    rechargeKey,
    now: io.now,
    tell: (check) => {
      // Where the first check stops all others, their reason is the same: it is said once.
      const isSaid = check.result === 'skipped' && check.found === reason;
      reason = check.found;
      if (!json) for (const line of checkLines(check, isSaid)) say(printableLine(line));
    },
  });
  if (!report.passed) fail();
  if (json) return sayJson(reportJson(report));
  for (const line of closingLines(report)) say(printableLine(line));
}

/** Below 0.50 USD or so, card processors refuse a charge. */
const MIN_AMOUNT = 100;

const amountOf = (typed: string | undefined, currency: string) =>
  typed === undefined
    ? Math.max(MIN_AMOUNT, 10 ** currencyDecimals(currency))
    : toMinorUnits(typed, 1, currency);

/** A line, and for what is not as agreed also what was sent, what came, and what to do. */
function checkLines(check: Check, isSaid: boolean): string[] {
  const { name, wants, result, exchanges } = check;
  const lines = [`${result.toUpperCase().padEnd(8)}${name}: ${wants}`];
  if (check.found !== undefined && !isSaid) lines.push(`          ${check.found}`);
  if (check.result === 'fail') {
    if (check.field !== undefined) lines.push(`          wrong: ${check.field}`);
    for (const { sent, body, signature, came } of exchanges) {
      const how = signature === 'right' ? '' : ` (signature: ${signature})`;
      lines.push(`          sent: ${sent}${how}${body === undefined ? '' : ` ${JSON.stringify(body)}`}`);
      lines.push(`          came: ${came}`);
    }
  }
  if (check.result !== 'skipped' && check.todo !== undefined) lines.push(`          do: ${check.todo}`);
  return lines;
}

function closingLines({ checks, payments, currency, rechargeKey, passed }: PaymentsReport): string[] {
  const count = (result: Check['result']) => checks.filter((check) => check.result === result).length;
  const lines = [
    '',
    `${count('pass')} passed, ${count('fail')} failed, ${count('skipped')} could not be tried.`,
    ...payments.map((payment) => paymentLine(payment, currency)),
  ];
  if (!passed) lines.push(`The contract: docs/payment-hook.md. The charges: recharge_key ${rechargeKey}.`);
  return lines;
}

const STATES: Record<TestPayment['state'], string> = {
  refunded: 'went back',
  refund_pending: 'is going back: the endpoint says that the refund is pending',
  cancelled: 'was not taken',
  kept: 'WAS NOT REFUNDED: give it back yourself',
  unknown: 'MAY HAVE BEEN TAKEN: look for the charge at your provider',
};

function paymentLine({ chargeId, paymentRef, amount, state, came }: TestPayment, currency: string): string {
  const which = paymentRef === undefined ? chargeId : `${paymentRef} (${chargeId})`;
  return `${formatMoney({ amount, currency })} of ${which} ${STATES[state]}.${came === undefined ? '' : ` It answered: ${came}`}`;
}
