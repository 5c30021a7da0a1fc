import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { KEPT } from './clean-environment';
import { repositoryFiles } from './repository-files';
import { ROOT } from './root';

/** Files that run in a test. The programs that they start get their variables from the test. */
const RUNS_IN_TESTS = /^scenarios\/.*\.ts$|\/testing\/.*\.ts$|\.(test|dapr|compose|kubernetes)\.ts$/;

/** The first is set here; the others are read by a program that runs in a container. */
const NOT_FROM_OUTSIDE = [
  'NODE_ENV',
  'REDIS_PASSWORD',
  'REDIS_PASSWORD_FILE',
  'DAPR_HTTP_PORT',
  'DAPR_API_TOKEN',
  'API_FACADE_SERVICE_HOST',
];

test('When a test reads a variable of the environment, then the clean environment keeps it', () => {
  const read = repositoryFiles()
    .filter((file) => RUNS_IN_TESTS.test(file))
    .flatMap((file) => [...readFileSync(join(ROOT, file), 'utf8').matchAll(/process\.env\.(\w+)/g)])
    .map(([, name = '']) => name);
  expect(read).toContain('LOAD_IMAGES');
  const dropped = read.filter((name) => !KEPT.some((pattern) => pattern.test(name)));
  expect(dropped.filter((name) => !NOT_FROM_OUTSIDE.includes(name))).toEqual([]);
});
