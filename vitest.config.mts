import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules', 'dist'],
    // The scenarios run the compiled code, as users do.
    globalSetup: './scenarios/build.ts',
    testTimeout: 20_000,
    hookTimeout: 20_000,
  },
});
