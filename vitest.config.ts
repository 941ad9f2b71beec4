import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The tests of what becomes of money, which are run once more with Stripe taking it: `npm run test:stripe`. Rows that
 * `npm test` keeps in memory are on the engine there (`useQuickWorlds`).
 */
const WITH_STRIPE = [
  'test/shared/recharge/{crash,storm,wake,waking,zombie}.test.ts',
  'test/shared/recharge/run-recharge/*.test.ts',
  'test/operate/{refund,retry,start,stop}.test.ts',
  'test/local/{concurrency,crash,outage}.test.ts',
];

/** What `npm run test:mass` sends 1,000 messages through. `npm test` sends a few. */
const MASS = ['test/local/channels-vendors.test.ts'];
/** `npm run screenshots` makes the pictures of the documents. */
const PICTURES = ['test/console/screenshots.ts'];
/** `npm run bench:console` waits for the console's pages before 10,000 recharges. */
const MANY = ['test/console/many.ts'];
/** `npm run fuzz` tries the properties for long; `npm test` tries a few values of each. */
const FUZZ = ['test/fuzz/*.test.ts'];
/** `npm run proof:engine` makes on the real engine what the explorer does in memory. */
const ENGINE = ['test/proof/ledger-contract.test.ts'];
const OF_MODE: Record<string, string[]> = {
  engine: ENGINE,
  stripe: WITH_STRIPE,
  mass: MASS,
  screenshots: PICTURES,
  many: MANY,
  fuzz: FUZZ,
};

/**
 * They take five seconds or more. Whichever of them began last would run while the other core has nothing left to do. Those that
 * mostly wait stand between those that take a core.
 */
const LONG = [
  'console/journeys',
  'proof/explorer',
  'local/crash',
  'proof/simulator',
  'local/demonstration',
  'local/channels',
  'console/looks',
  'local/channels-vendors',
  'infra/bundles',
  'local/outage',
  'shared/recharge/crash',
  'cli/recharges',
  'shared/recharge/zombie',
  'local/concurrency',
  'infra/assembly',
  'local/stranger',
  'fuzz/channel-order',
  'local/demo-life',
  'proof/ledger-contract',
  'local/event-source',
];

/** Vitest begins with what took longest the last time, and in a fresh clone with the largest files, which is something else. */
class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => {
      const rank = LONG.findIndex((name) => moduleId.endsWith(`test/${name}.test.ts`));
      return rank < 0 ? LONG.length : rank;
    };
    return (await super.sort(files)).toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

export default defineConfig(({ mode }) => ({
  test: {
    include: OF_MODE[mode] ?? ['test/**/*.test.ts'],
    ...(mode === 'mass' ? { testNamePattern: 'every adapter' } : {}),
    env: {
      RELAY_TEST_PAYMENTS: mode === 'stripe' ? 'stripe' : 'endpoint',
      RELAY_PROOF_WAYS: mode === 'engine' ? 'all' : 'some',
      RELAY_TEST_MASS: mode === 'mass' ? 'whole' : 'some',
    },
    globalSetup: ['test/support/engine.ts'],
    sequence: { sequencer: LongFirst },
    // Engines and processes start in a second here, and in several where other work runs beside.
    // The end-to-end tests wait as much as they work: with three workers two cores are idle for a sixth of the time, with four for a tenth.
    maxWorkers: 4,
    // A worker of its own for each file would load the AWS clients eighty times: a tenth of all the time. What
    // a file changes of its process, it puts back.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
}));
