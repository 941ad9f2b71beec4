import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/engine.ts'],
    // Engines and processes start in a second here, and in several where other work runs beside.
    // The end-to-end tests wait as much as they work: with two workers, two cores are idle for a tenth of the time.
    maxWorkers: 3,
    // A worker of its own for each file would load the AWS clients eighty times: a tenth of all the time. What
    // a file changes of its process, it puts back.
    isolate: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
