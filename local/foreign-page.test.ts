import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Directory } from './invocation/directory';
import { type Sidecar, startSidecar } from './sidecar';
import { call } from './testing/test-inbox';

let folder: string;
let sidecar: Sidecar;
let other: Sidecar;
let open: Sidecar;
const stops: string[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sidecars-'));
  const start = (appId: string, listenAddress?: string) =>
    startSidecar({
      appId,
      directory: new Directory(folder),
      onShutdown: () => stops.push(appId),
      ...(listenAddress && { listenAddresses: [listenAddress] }),
    });
  sidecar = await start('shop');
  other = await start('other');
  open = await start('open', '0.0.0.0');
});
afterAll(async () => {
  await Promise.all([sidecar.close(), other.close(), open.close()]);
  rmSync(folder, { recursive: true });
});

const send = (headers: Record<string, string>, path = '/v1.0/publish/pubsub/orders', { port } = sidecar) =>
  call(`http://127.0.0.1:${port}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', ...headers },
    body: 'x',
  });
const own = () => `localhost:${sidecar.port}`;

describe('the API on loopback', () => {
  test('When a client is not a browser, or the page has the same origin, then the call is served', async () => {
    for (const headers of [
      {},
      { host: own() },
      { host: `[::1]:${sidecar.port}` },
      { host: own(), origin: `http://${own()}` },
      { host: own(), origin: `http://${own()}`, 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { 'user-agent': 'fasthttp' },
    ]) {
      expect(await send(headers)).toMatchObject({ status: 204 });
    }
  });

  test.each([
    [421, 'ERR_FOREIGN_HOST', { host: 'rebind.example' }],
    [421, 'ERR_FOREIGN_HOST', { host: 'rebind.example', origin: 'http://rebind.example' }],
    [403, 'ERR_FOREIGN_ORIGIN', { origin: 'null' }],
    [403, 'ERR_FOREIGN_ORIGIN', { origin: 'http://evil.example' }],
    [403, 'ERR_FOREIGN_ORIGIN', { origin: 'http://localhost:1' }],
    [403, 'ERR_FOREIGN_ORIGIN', { 'sec-fetch-site': 'same-site' }],
    [403, 'ERR_FOREIGN_ORIGIN', { 'sec-fetch-site': 'cross-site' }],
    [403, 'ERR_FOREIGN_ORIGIN', { origin: 'http://evil.example', 'x-local-sidecar': 'guess' }],
  ])(
    'When a foreign page calls, then the status is %s and the code %s on every path: %j',
    async (status, errorCode, headers) => {
      for (const path of [
        '/v1.0/publish/pubsub/orders',
        '/v1.0/shutdown',
        '/v1.0/metadata',
        '/v1.0/healthz',
        '/x',
        '/v1.0/invoke/shop/method/x',
      ]) {
        expect(await send(headers, path)).toMatchObject({ status, json: { errorCode } });
      }
      expect(stops).toEqual([]);
    },
  );
});

test('When a page of the own origin invokes another app, then the sidecars pass the call on', async () => {
  const headers = { host: own(), origin: `http://${own()}`, 'sec-fetch-site': 'same-origin' };
  expect(await send(headers, '/v1.0/invoke/other/method/x')).toMatchObject({
    json: { errorCode: 'ERR_DIRECT_INVOKE' },
  });
});

test('When the API listens on all addresses, then every host and page may call it', async () => {
  const headers = { host: 'shop.example', origin: 'https://shop.example', 'sec-fetch-site': 'cross-site' };
  expect(await send(headers, undefined, open)).toMatchObject({ status: 204 });
});
