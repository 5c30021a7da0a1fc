import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules', 'dist'],
    // The scenarios run the compiled code, as users do.
    globalSetup: './scenarios/build.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Tests that may run side by side mostly wait: for retries, and for events that should not come.
    maxConcurrency: 40,
  },
});
