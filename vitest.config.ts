import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Engines and processes start in a second here, and in several where other work runs beside.
    // The end-to-end tests mostly wait: one worker on two cores would leave half of them idle.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
