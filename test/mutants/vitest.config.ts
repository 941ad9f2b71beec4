import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const TESTS = (process.env.RELAY_MUTANTS_TESTS ?? '').split(' ');

/** In the order of their list. Vitest would begin with the slowest, and the first failure ends the run. */
class AsListed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rankOf = ({ moduleId }: TestSpecification) => TESTS.findIndex((test) => moduleId.endsWith(test));
    return files.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

/** For Stryker, which starts it anew for each mutant, with the tests that run through the changed code. */
export default defineConfig({
  test: {
    include: TESTS,
    env: { RELAY_TEST_PAYMENTS: 'endpoint', RELAY_TEST_TABLE: 'memory' },
    // Stryker has a mutant of what runs while a module is loaded tried in a worker of its own.
    isolate: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    sequence: { sequencer: AsListed },
  },
});
