import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'local', include: ['**/*.test.ts'] } },
      // What needs Dapr itself on this machine: `npm run test:dapr`.
      { extends: true, test: { name: 'dapr', include: ['**/*.dapr.ts'], maxConcurrency: 8 } },
    ],
    exclude: ['node_modules', 'dist'],
    // The scenarios run the compiled code, as users do.
    globalSetup: './scenarios/build.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // More than Vitest's own number on a small machine, because the scenarios mostly wait, too.
    maxWorkers: 3,
    // Tests that may run side by side mostly wait: for retries, and for events that should not come.
    maxConcurrency: 40,
  },
});
