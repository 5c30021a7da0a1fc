import { lstatSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingForCompose } from '../stacks/compose-requirements';
import { runInShell } from '../stacks/shell-command';
import { commands, readPage } from './markdown';
import { RepositoryCopy } from './repository-copy';

const lineWith = (text: string, output: string): string => output.split('\n').find((line) => line.includes(text)) ?? '';

// Runs the commands for a machine without Node.js, word for word, in a clone of this repository. They need npm's registry.

const missing = missingForCompose();
describe.skipIf(missing)(`A machine without Node.js [${missing ?? 'available'}]`, () => {
  const [install = '', runTests = ''] = commands(readPage('docs/containers.md')).filter((command) =>
    command.includes('docker-compose-setup.yml'),
  );
  let copy: RepositoryCopy;
  const run = (command: string) =>
    runInShell(command, { cwd: copy.root, env: { ...process.env, COMPOSE_PROJECT_NAME: `setup-${process.pid}` } });
  beforeAll(() => {
    copy = new RepositoryCopy();
    rmSync(join(copy.root, 'node_modules'));
  });
  afterAll(async () => {
    await run('docker compose down --volumes --remove-orphans --timeout 5');
    copy.remove();
  });

  test('When the packages are installed, then they belong to the owner of the folder, and the programs are compiled', async () => {
    const { code, output } = await run(install);
    expect(code, output).toBe(0);
    expect(output).toContain('exited with code 0');
    const owner = lstatSync(copy.root).uid;
    for (const path of ['node_modules', 'dist/local/main.js']) expect(lstatSync(join(copy.root, path)).uid).toBe(owner);
  }, 600_000);

  test('When the tests run in the container, then none fails, and the files that need Redis or Chromium are skipped', async () => {
    const { code, output } = await run(runTests);
    expect(code, output.slice(-20_000)).toBe(0);
    expect(output).toMatch(/Tests .*\d+ passed/);
    for (const file of ['delivery.redis.test.ts', 'page-browser.test.ts'])
      expect(lineWith(file, output)).toContain('skipped');
  }, 1_800_000);

  test('When another file of the project is used next, then no container is called an orphan', async () => {
    const { code, output } = await run('docker compose up --detach --no-deps redis');
    expect(code, output).toBe(0);
    expect(output).not.toMatch(/orphan/i);
  }, 60_000);
});
