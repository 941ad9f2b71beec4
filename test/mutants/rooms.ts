/**
 * Files that decide what becomes of money, and the tests of each that are quick enough to be run for every mutant: the
 * quickest first.
 */
interface Room {
  files: readonly string[];
  tests: readonly string[];
}

const under = (folder: string, ...names: string[]) => names.map((name) => `${folder}/${name}`);

const MACHINE_TESTS = under(
  'test/shared/recharge/machine',
  'grant.test.ts',
  'payment.test.ts',
  'refund.test.ts',
  'prepaid.test.ts',
  'effects.test.ts',
  'late.test.ts',
  'races.test.ts',
  'woken.test.ts',
  'waiting.test.ts',
  'goodwill.test.ts',
  'parties.test.ts',
  'deadlines.test.ts',
  'books.test.ts',
  'matrix.test.ts',
);

export const ROOMS: readonly Room[] = [
  {
    files: under(
      'shared/recharge/machine',
      'books.ts',
      'ends.ts',
      'goodwill.ts',
      'grant.ts',
      'late-payment.ts',
      'machine.ts',
      'moves.ts',
      'outcome.ts',
      'parties.ts',
      'payment.ts',
      'refund.ts',
      'woken.ts',
    ),
    tests: MACHINE_TESTS,
  },
  {
    files: ['shared/recharge/perform.ts'],
    tests: ['test/shared/recharge/perform.test.ts'],
  },
  {
    files: ['shared/recharge/reserve.ts'],
    tests: ['test/shared/recharge/reserve.test.ts'],
  },
  {
    files: ['shared/recharge/run-recharge.ts'],
    tests: ['test/shared/recharge/run-recharge/loop.test.ts'],
  },
  { files: ['shared/recharge/guard.ts'], tests: ['test/shared/recharge/guard.test.ts'] },
  {
    files: ['shared/money.ts', 'shared/recharge/pricing.ts'],
    tests: [
      'test/shared/money.test.ts',
      'test/shared/recharge/pricing.test.ts',
      'test/shared/settings/config.test.ts',
    ],
  },
  { files: ['shared/recharge/answers.ts'], tests: ['test/shared/recharge/answers.test.ts'] },
  {
    files: under('shared/incoming', 'verifiers.ts', 'signature.ts', 'standard-webhooks.ts', 'token.ts'),
    tests: under(
      'test/shared/incoming',
      'senders.test.ts',
      'signature.test.ts',
      'signing.test.ts',
      'verifiers.test.ts',
    ),
  },
  {
    files: under('shared/platform', 'outcome.ts', 'client.ts'),
    tests: under(
      'test/shared/platform',
      'outcome.test.ts',
      'call.test.ts',
      'client.test.ts',
      'operations.test.ts',
      'seed-page.test.ts',
      'usage-export.test.ts',
    ),
  },
  {
    files: ['functions/recharge-webhook/handler.ts'],
    tests: ['test/functions/recharge-webhook/handler.test.ts'],
  },
  {
    files: ['shared/payments/stripe/payment-hook.ts'],
    tests: ['test/shared/payments/stripe/answers.test.ts'],
  },
  {
    files: under('shared/payments/stripe', 'amounts.ts', 'declines.ts', 'errors.ts', 'intents.ts'),
    tests: under(
      'test/shared/payments/stripe',
      'amounts.test.ts',
      'document.test.ts',
      'errors.test.ts',
      'intents.test.ts',
    ),
  },
  {
    files: under('shared/payments', 'contract.ts', 'declines.ts', 'http-answers.ts', 'http-payment-hook.ts'),
    tests: [
      ...under('test/shared/payments', 'contract.test.ts', 'declines.test.ts', 'http-payment-hook.test.ts'),
      'test/infra/openapi/payment-hook.test.ts',
    ],
  },
];
