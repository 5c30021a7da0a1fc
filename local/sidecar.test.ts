import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { SharedMemory, startSidecar } from './sidecar';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Starts an app that subscribes to `orders`. */
async function startApp() {
  const received: unknown[] = [];
  const app = createServer(async (req, res) => {
    if (req.url === '/dapr/subscribe') return res.end('[{"pubsubname":"pubsub","topic":"orders","route":"/orders"}]');
    if (req.url !== '/orders') return res.writeHead(404).end();
    received.push(JSON.parse(Buffer.concat(await req.toArray()).toString()).data);
    return res.end();
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  cleanUps.push(() => app.close());
  return { port: (app.address() as AddressInfo).port, received };
}

const publish = (port: number, order: object) =>
  fetch(`http://127.0.0.1:${port}/v1.0/publish/pubsub/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(order),
  });

test('When a sidecar has no resource folder, then it has an in-memory broker and store', async () => {
  const sidecar = await startSidecar({ appId: 'shop' });
  cleanUps.push(() => sidecar.close());
  const metadata = await (await fetch(`http://127.0.0.1:${sidecar.port}/v1.0/metadata`)).json();
  expect((metadata as { components: unknown }).components).toMatchObject([
    { name: 'pubsub', type: 'pubsub.in-memory' },
    { name: 'statestore', type: 'state.in-memory' },
  ]);
});

test('When a client keeps its connection idle, then the sidecar does not close it', async () => {
  const sidecar = await startSidecar({ appId: 'shop' });
  cleanUps.push(() => sidecar.close());
  const response = await fetch(`http://127.0.0.1:${sidecar.port}/v1.0/healthz`);
  // A Node server with an idle timeout announces it in this header.
  expect(response.headers.get('keep-alive')).toBeNull();
  expect(response.headers.get('connection')).toBeNull(); // as in Go
});

test('When a store is queried, then the answer is that of daprd with a store without queries', async () => {
  const sidecar = await startSidecar({ appId: 'shop' });
  cleanUps.push(() => sidecar.close());
  const query = async (store: string) => {
    const url = `http://127.0.0.1:${sidecar.port}/v1.0-alpha1/state/${store}/query`;
    const response = await fetch(url, { method: 'POST', body: '{"filter":{}}' });
    return { status: response.status, body: await response.json() };
  };
  expect(await query('statestore')).toMatchObject({
    status: 500,
    body: { errorCode: 'ERR_STATE_STORE_NOT_SUPPORTED', message: 'state store does not support querying' },
  });
  expect(await query('other')).toMatchObject({ status: 400, body: { errorCode: 'ERR_STATE_STORE_NOT_FOUND' } });
});

test('When two sidecars share their memory, then an event from one reaches the app of the other', async () => {
  const app = await startApp();
  const memory = new SharedMemory();
  const subscriber = await startSidecar({ appId: 'subscriber', appPort: app.port, memory });
  const publisher = await startSidecar({ appId: 'publisher', memory });
  cleanUps.push(
    () => subscriber.close(),
    () => publisher.close(),
  );
  expect((await publish(publisher.port, { item: 'tea' })).status).toBe(204);
  await vi.waitFor(() => expect(app.received).toEqual([{ item: 'tea' }]), { timeout: 20_000 });
});

test('When a sidecar is closed, then it no longer answers, and it can be closed again', async () => {
  const sidecar = await startSidecar({ appId: 'shop' });
  const { port } = sidecar;
  expect(await sidecar.close()).toBe(true);
  expect(await sidecar.close()).toBe(true);
  await expect(fetch(`http://127.0.0.1:${port}/v1.0/healthz`)).rejects.toThrow();
});

test('When a sidecar closes during many calls, then they get their answers, and Node does not warn of a listener leak', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  cleanUps.push(() => process.off('warning', warned));
  const held: ServerResponse[] = [];
  const app = createServer((req, res) => void (req.url === '/slow' ? held.push(res) : res.end('[]')));
  await once(app.listen(0, '127.0.0.1'), 'listening');
  cleanUps.push(() => app.close());
  const sidecar = await startSidecar({ appId: 'shop', appPort: (app.address() as AddressInfo).port });
  const url = `http://127.0.0.1:${sidecar.port}/v1.0/invoke/shop/method/slow`;
  const calls = Promise.all(Array.from({ length: 12 }, () => fetch(url)));
  await vi.waitFor(() => expect(held).toHaveLength(12), { timeout: 20_000 });
  const closed = sidecar.close();
  // A connection that is open when the close begins ends with its next answer.
  const healthz = () => fetch(`http://127.0.0.1:${sidecar.port}/v1.0/healthz`);
  await vi.waitFor(() => expect(healthz()).rejects.toThrow(), { timeout: 20_000, interval: 1 });
  for (const res of held) res.end();
  for (const { status, headers } of await calls) {
    expect([status, headers.get('connection')]).toEqual([200, 'close']); // the client must not use the connection again
  }
  expect(await closed).toBe(true);
  expect(warnings).toEqual([]);
});

test('When the port is in use, then the start fails with EADDRINUSE', async () => {
  const first = await startSidecar({ appId: 'first' });
  cleanUps.push(() => first.close());
  await expect(startSidecar({ appId: 'second', httpPort: first.port })).rejects.toThrow(/EADDRINUSE/);
});

test('When a resource is invalid, then the error names the file and the field', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'resources-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'store.yaml'),
    'kind: Component\nmetadata: {name: s}\nspec: {type: state.etcd, version: v2}',
  );
  await expect(startSidecar({ appId: 'shop', resourcesPaths: [folder] })).rejects.toThrow(
    `${join(folder, 'store.yaml')}: component s: spec.type is state.etcd; allowed: `,
  );
});

test('When more than 10 deliveries are in flight, then Node does not warn of a listener leak', async () => {
  const warnings: Error[] = [];
  const warned = (warning: Error) => warnings.push(warning);
  process.on('warning', warned);
  const held: ServerResponse[] = [];
  const app = createServer((req, res) => {
    if (req.url === '/dapr/subscribe') res.end('[{"pubsubname":"pubsub","topic":"orders","route":"/orders"}]');
    else if (req.url === '/orders') held.push(res);
    else res.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  const sidecar = await startSidecar({ appId: 'shop', appPort: (app.address() as AddressInfo).port });
  cleanUps.push(
    () => process.off('warning', warned),
    () => app.close(),
    () => sidecar.close(),
    () => held.map((res) => res.end()),
  );
  await Promise.all(Array.from({ length: 12 }, (_, i) => publish(sidecar.port, { order: i })));
  await vi.waitFor(() => expect(held).toHaveLength(12), { timeout: 20_000 });
  expect(warnings).toEqual([]);
});
