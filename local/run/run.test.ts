import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { Run } from './run';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Starts programs, each with a sidecar. */
function startRun(programs: Record<string, string>): { run: Run; lines: string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'run-'));
  const lines: string[] = [];
  const run = new Run({
    apps: Object.entries(programs).map(([appId, program]) => ({
      sidecar: { appId },
      command: [process.execPath, '-e', program],
      directory,
      env: {},
      stopsLast: false,
    })),
    env: { ...process.env, DAPR_LOCAL_DIRECTORY: directory },
    onTerminal: false,
    print: (line) => lines.push(line),
  });
  cleanUps.push(
    () => rmSync(directory, { recursive: true }),
    () => run.stop(),
  );
  return { run, lines };
}

const STAYS = 'setInterval(() => {}, 1_000)';

test('When one of several apps exits with 0, then the others continue, and the run ends normally', async () => {
  const { run, lines } = startRun({ checkout: '', orders: STAYS });
  let failure: Error | undefined;
  void run.failed.then((error) => {
    failure = error;
  });
  await run.start();
  await vi.waitFor(() => expect(lines).toContain('checkout ended with exit code 0'), { timeout: 30_000 });
  expect(failure).toBeUndefined();
  expect(await run.stop()).toBe(true);
});

test('When one of several apps fails, then the run fails', async () => {
  const { run } = startRun({ checkout: 'process.exit(3)', orders: STAYS });
  void run.start().catch(() => {});
  expect((await run.failed).message).toBe('checkout ended with exit code 3');
});
