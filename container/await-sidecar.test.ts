import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCommand } from '../scenarios/stacks/shell-command';

let server: Server;
let requests: string[] = [];

beforeEach(async () => {
  requests = [];
  server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`);
    res.writeHead(503).end(); // a sidecar that stops is not healthy
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void server.close().closeAllConnections());

const start = () => {
  const env = { ...process.env, DAPR_HTTP_PORT: String((server.address() as AddressInfo).port) };
  return startCommand(process.execPath, [join(__dirname, '../dist/container/await-sidecar.js')], { env });
};

test('When the sidecar finishes its deliveries, then the program waits until it has ended, and only asks', async () => {
  const { result, child } = start();
  await expect.poll(() => requests.length, { timeout: 20_000 }).toBeGreaterThan(3);
  expect(child.exitCode).toBeNull();
  server.close().closeAllConnections();
  expect(await result).toEqual({ code: 0, output: '' });
  expect(new Set(requests)).toEqual(new Set(['GET /v1.0/healthz']));
});

test('When the sidecar has ended before, then the program succeeds', async () => {
  const { result } = start();
  server.close().closeAllConnections();
  expect(await result).toEqual({ code: 0, output: '' });
});
