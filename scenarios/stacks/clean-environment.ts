// Runs before each test file. A developer's shell may set FORCE_COLOR, TZ, a proxy, NODE_ENV, DAPR_API_TOKEN or SMTP_URL.
// Tests, and the programs that they start, must not depend on that, so only these variables stay.

/** What programs need to run, and what the tests ask for by name (CONTRIBUTING.md). */
export const KEPT = [
  /^(PATH|HOME|USER|LOGNAME|SHELL|TMPDIR|TMP|TEMP)$/,
  /^(DAPR_CONTEXT|DAPR_RUNTIME_PATH|RECORD_TO|STOPS|FOLLOWS|LOAD_IMAGES|TEST_CONTEXT|KUBECONFIG)$/,
  /^(DOCKER|BUILDX|BUILDKIT)_/,
  // Set by Vitest.
  /^(VITEST|VITEST_\w+|TEST|MODE|PROD|DEV|SSR|BASE_URL)$/,
];

for (const name of Object.keys(process.env)) {
  if (!KEPT.some((pattern) => pattern.test(name))) delete process.env[name];
}
process.env.NODE_ENV = 'test';
