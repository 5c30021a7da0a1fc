import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startCommand } from '../scenarios/stacks/shell-command';

let server: Server;
let requests: string[] = [];
let status = 204;

beforeEach(async () => {
  requests = [];
  status = 204;
  server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url} ${req.headers['dapr-api-token']}`);
    res.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void server.close().closeAllConnections());

const start = () => {
  const env = {
    ...process.env,
    DAPR_HTTP_PORT: String((server.address() as AddressInfo).port),
    DAPR_API_TOKEN: 'sesame',
  };
  return startCommand(process.execPath, [join(__dirname, '../dist/container/stop-sidecar.js')], { env });
};

test('When the sidecar finishes its deliveries, then the program tells it to stop once, and waits until it has ended', async () => {
  const { result, child } = start();
  await expect.poll(() => requests.length, { timeout: 20_000 }).toBeGreaterThan(3);
  expect(child.exitCode).toBeNull();
  server.close().closeAllConnections();
  expect(await result).toEqual({ code: 0, output: '' });
  expect(requests.filter((request) => request.startsWith('POST'))).toEqual(['POST /v1.0/shutdown sesame']);
});

test('When the sidecar has ended before, then the program succeeds', async () => {
  const { result } = start();
  server.close().closeAllConnections();
  expect(await result).toEqual({ code: 0, output: '' });
});

test('When the sidecar refuses to stop, then the program fails and says so', async () => {
  status = 401;
  expect(await start().result).toEqual({ code: 1, output: 'the sidecar refuses to shut down: 401 \n' });
});
