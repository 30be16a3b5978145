import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    reporters: ['default', './test/tally-reporter.ts'],
    testTimeout: 20_000,
  },
});
