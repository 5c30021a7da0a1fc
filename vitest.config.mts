import { defineConfig } from 'vitest/config';

const contract = 'local/contract/*.test.ts';

export default defineConfig({
  test: {
    projects: [
      // Measures delays, so that nothing else runs beside it.
      { extends: true, test: { name: 'contract', include: [contract], sequence: { groupOrder: 0 } } },
      {
        extends: true,
        test: {
          name: 'local',
          include: ['**/*.test.ts'],
          exclude: ['node_modules', 'dist', contract],
          sequence: { groupOrder: 1 },
        },
      },
      // What needs Dapr itself on this machine: `npm run test:dapr`.
      { extends: true, test: { name: 'dapr', include: ['**/*.dapr.ts'], maxConcurrency: 8, fileParallelism: false } },
      // What needs Docker: `npm run test:compose`.
      { extends: true, test: { name: 'compose', include: ['**/*.compose.ts'], fileParallelism: false } },
    ],
    exclude: ['node_modules', 'dist'],
    // The scenarios run the compiled code, as users do.
    globalSetup: './scenarios/stacks/build.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // More than Vitest's own number on a small machine, because the scenarios mostly wait.
    maxWorkers: 3,
    // Tests that may run side by side mostly wait: for retries, and for events that should not come.
    maxConcurrency: 40,
  },
});
