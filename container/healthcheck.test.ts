import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../scenarios/stacks/shell-command';

let folder: string;
let server: Server;
const statuses: number[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'health-'));
  server = createServer((_req, res) => res.writeHead(statuses.shift() ?? 200).end('{"status":"?"}'));
  // Longer than the test may take: the check must not wait until the server closes the connection.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
  statuses.length = 0;
});

const check = () => {
  const env = { ...process.env, TMPDIR: folder, APP_PORT: String((server.address() as AddressInfo).port) };
  return runCommand(process.execPath, [join(__dirname, '../dist/container/healthcheck.js')], { env, timeout: 50_000 });
};

test('When the service is ready, then the check succeeds, ends at once, and says so to the entry script', async () => {
  expect(await check()).toMatchObject({ code: 0, output: '' });
  expect(existsSync(join(folder, 'ready'))).toBe(true);
});

test('When the service becomes ready later, then the check waits for it', async () => {
  statuses.push(503, 503);
  expect((await check()).code).toBe(0);
});

test('When the container has failed, then the check fails with its reason', async () => {
  statuses.push(...Array.from({ length: 1_000 }, () => 503));
  writeFileSync(join(folder, 'failed'), 'the sidecar has ended\n');
  expect(await check()).toMatchObject({ code: 1, output: 'the sidecar has ended\n' });
  expect(existsSync(join(folder, 'reported'))).toBe(true);
  expect(existsSync(join(folder, 'ready'))).toBe(false);
});
