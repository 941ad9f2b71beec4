import { defineConfig } from 'vitest/config';

/** For Stryker, which starts it anew for each mutant, with the tests that run through the changed code. */
export default defineConfig({
  test: {
    include: (process.env.RELAY_MUTANTS_TESTS ?? '').split(' '),
    env: { RELAY_TEST_PAYMENTS: 'endpoint', RELAY_TEST_TABLE: 'memory' },
    // Stryker has a mutant of what runs while a module is loaded tried in a worker of its own.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
