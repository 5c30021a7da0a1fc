import { defineConfig } from 'vitest/config';

const contract = 'local/contract/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      // These tests measure delays, so neither another project nor another file runs at the same time.
      {
        extends: true,
        test: { name: 'contract', include: [contract], fileParallelism: false, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'local',
          include: ['**/*.test.ts'],
          exclude: ['node_modules', 'dist', contract],
          sequence: { groupOrder: 1 },
        },
      },
      // `npm run test:dapr` runs the tests that need Dapr on this machine.
      { extends: true, test: { name: 'dapr', include: ['**/*.dapr.ts'], maxConcurrency: 8, fileParallelism: false } },
      // `npm run test:compose` runs the tests that need Docker Compose.
      { extends: true, test: { name: 'compose', include: ['**/*.compose.ts'], fileParallelism: false } },
      // `npm run test:kubernetes` runs the tests that need a cluster.
      { extends: true, test: { name: 'kubernetes', include: ['**/*.kubernetes.ts'], fileParallelism: false } },
    ],
    exclude: ['node_modules', 'dist'],
    // The scenarios run the compiled programs, as users do.
    globalSetup: './scenarios/stacks/build.ts',
    setupFiles: ['./scenarios/stacks/clean-environment.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // On a small machine, this is more than Vitest's default. The scenarios mostly wait, so more of them fit.
    maxWorkers: 3,
    // Concurrent tests mostly wait for retries, or check that no event arrives.
    maxConcurrency: 40,
  },
});
