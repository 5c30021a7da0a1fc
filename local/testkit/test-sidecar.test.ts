import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { SharedMemory } from '../components';
import type { SidecarOptions } from '../sidecar-options';
import { startTestSidecar } from './test-sidecar';

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

type Answer = { status?: number; body?: unknown };
type Handler = (event: { id: string; data: unknown }, attempt: number) => Answer | Promise<Answer>;

const SUBSCRIPTION = { pubsubname: 'pubsub', topic: 'orders', route: '/orders' };

/** Starts an app that handles orders, and its sidecar. */
async function start(handle: Handler = () => ({}), subscription = {}, options: Partial<SidecarOptions> = {}) {
  let attempts = 0;
  const app = createServer(async (req, res) => {
    if (req.url === '/dapr/subscribe') return res.end(JSON.stringify([{ ...SUBSCRIPTION, ...subscription }]));
    if (req.url !== '/orders') return res.writeHead(404).end();
    attempts += 1;
    const event = JSON.parse(Buffer.concat(await req.toArray()).toString());
    const { status = 200, body } = await handle(event, attempts);
    return res.writeHead(status).end(body === undefined ? '' : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  cleanUps.push(() => app.close());
  const dapr = await startTestSidecar({ appId: 'shop', appPort: (app.address() as AddressInfo).port, ...options });
  cleanUps.push(() => dapr.close());
  return dapr;
}

/** Returns a folder with a broker and a policy that retries a delivery twice. */
function withRetries(): string {
  const folder = mkdtempSync(join(tmpdir(), 'resources-'));
  cleanUps.push(() => rmSync(folder, { recursive: true }));
  writeFileSync(
    join(folder, 'all.yaml'),
    `kind: Component
metadata: {name: pubsub}
spec: {type: pubsub.in-memory, version: v1}
---
kind: Resiliency
metadata: {name: r}
spec:
  policies: {retries: {twice: {policy: constant, duration: 5ms, maxRetries: 2}}}
  targets: {components: {pubsub: {inbound: {retry: twice}}}}
`,
  );
  return folder;
}

const publish = (dapr: { url: string }, data: unknown) =>
  fetch(`${dapr.url}/v1.0/publish/pubsub/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(data),
  });

test('When an event is delivered, then the call resolves with the event and the answer, before or after the delivery', async () => {
  const dapr = await start(() => ({ status: 200, body: { status: 'SUCCESS' } }));
  const early = dapr.delivered('orders');
  await publish(dapr, { item: 'tea' });
  const expected = { topic: 'orders', pubsubName: 'pubsub', path: '/orders', status: 200, body: { status: 'SUCCESS' } };
  expect(await early).toMatchObject({ ...expected, data: { item: 'tea' }, source: 'shop', answerLost: false });
  await publish(dapr, { item: 'milk' });
  await dapr.settled();
  expect(await dapr.delivered('orders')).toMatchObject({ ...expected, data: { item: 'milk' } });
  await expect(dapr.delivered('orders', {}, { timeoutMs: 1 })).rejects.toThrow(
    /^no delivery on topic orders within 1 ms\. Delivered: 2:\n- orders: \{"item":"tea"\}, id .+, the app answered 200, returned by an earlier call\n/,
  );
});

test('When deliveries are selected, then the others stay for later calls', async () => {
  const dapr = await start();
  for (const item of ['tea', 'milk', 'bread']) await publish(dapr, { item, n: [1] });
  expect((await dapr.delivered('orders', { data: { item: 'bread', n: [1] } })).data).toEqual({ item: 'bread', n: [1] });
  expect((await dapr.delivered('orders', ({ data }) => JSON.stringify(data).includes('milk'))).data).toMatchObject({
    item: 'milk',
  });
  expect((await dapr.delivered('orders')).data).toMatchObject({ item: 'tea' });
  await expect(dapr.delivered('orders', { data: { n: [1, 2] } }, { timeoutMs: 1 })).rejects.toThrow(
    'no delivery on topic orders with {"data":{"n":[1,2]}} within 1 ms. Delivered: 3:',
  );
  const failing = dapr.delivered('orders', () => {
    throw new Error('wrong check');
  });
  await publish(dapr, {});
  await expect(failing).rejects.toThrow('wrong check');
});

test('When nothing was delivered, then the error says so, and a close ends the wait', async () => {
  const dapr = await start();
  await expect(dapr.delivered('orders', {}, { timeoutMs: 1 })).rejects.toThrow('Nothing was delivered.');
  const waiting = dapr.delivered('orders');
  await dapr.close();
  await expect(waiting).rejects.toThrow('the sidecar was closed before a delivery on topic orders');
});

test('When an app fails, then each attempt is a delivery, and the dead letter names both topics', async () => {
  const dapr = await start(
    () => ({ status: 503 }),
    { deadLetterTopic: 'orders-dead' },
    { resourcesPaths: [withRetries()] },
  );
  await publish(dapr, { item: 'tea' });
  for (let i = 0; i < 3; i += 1) expect((await dapr.delivered('orders')).status).toBe(503);
  await dapr.settled();
  await expect(dapr.delivered('orders', {}, { timeoutMs: 1 })).rejects.toThrow('Delivered: 3');
  const [dead, ...more] = dapr.deadLetters('orders');
  expect(more).toEqual([]);
  expect(dead).toMatchObject({ topic: 'orders', deadLetterTopic: 'orders-dead', data: { item: 'tea' } });
  expect(dapr.deadLetters('orders-dead')).toEqual([dead]);
  expect(dapr.published('orders')).toMatchObject([{ id: dead?.id, data: { item: 'tea' } }]);
  expect(dapr.published('orders-dead')).toHaveLength(1);
});

test('When an event is handed in twice, then the app gets the same event twice', async () => {
  const ids: string[] = [];
  const dapr = await start(({ id }) => {
    ids.push(id);
    return {};
  });
  await dapr.deliver('orders', { id: 'o-1', type: 'ordered', data: { item: 'tea' } }, { times: 2 });
  expect(ids).toEqual(['o-1', 'o-1']);
  expect(await dapr.delivered('orders')).toMatchObject({
    id: 'o-1',
    type: 'ordered',
    source: 'test',
    data: { item: 'tea' },
  });
  await dapr.deliver('orders', { data: 1 });
  expect(ids.at(-1)).toMatch(/^[0-9a-f-]{36}$/);
  await dapr.deliver('orders', 'not a CloudEvent');
  expect(ids).toHaveLength(3);
});

test('When an event with binary data is handed in, then its data is a Buffer', async () => {
  const dapr = await start();
  await dapr.deliver('orders', { data_base64: Buffer.from([1, 2]).toString('base64') });
  expect((await dapr.delivered('orders')).data).toEqual(Buffer.from([1, 2]));
});

test('When a bulk subscription gets events, then each is a delivery with its status', async () => {
  const bulkSubscribe = { enabled: true, maxMessagesCount: 2, maxAwaitDurationMs: 5 };
  const dapr = await start(
    (batch) => ({
      body: {
        statuses: (batch as never as { entries: { entryId: string }[] }).entries.map(({ entryId }) => ({
          entryId,
          status: 'SUCCESS',
        })),
      },
    }),
    { bulkSubscribe },
  );
  await publish(dapr, { item: 'tea' });
  expect(await dapr.delivered('orders')).toMatchObject({
    data: { item: 'tea' },
    status: 200,
    body: { status: 'SUCCESS' },
  });
});

test('When publishes fail, then the app gets the given answers, and the next publish succeeds', async () => {
  const dapr = await start();
  dapr.fail('publish', { times: 2, status: 503 });
  dapr.fail('publish', { name: 'other', status: 500 });
  expect((await publish(dapr, 1)).status).toBe(503);
  const second = await publish(dapr, 2);
  expect(second.status).toBe(503);
  expect(await second.json()).toEqual({
    errorCode: 'ERR_PUBSUB_PUBLISH_MESSAGE',
    message: 'the test lets this publish fail: orders',
  });
  expect((await publish(dapr, 3)).status).toBe(204);
  expect(dapr.published('orders').map(({ data }) => data)).toEqual([3]);
});

test('When the connection of a publish breaks, then the event is published only with after', async () => {
  const dapr = await start();
  dapr.fail('publish', { disconnect: true });
  await expect(publish(dapr, 'before')).rejects.toThrow();
  dapr.fail('publish', { disconnect: true, after: true });
  await expect(publish(dapr, 'after')).rejects.toThrow();
  expect(dapr.published('orders').map(({ data }) => data)).toEqual(['after']);
});

test('When calls are slow, then they succeed after the delay, and a close does not wait for it', async () => {
  const dapr = await start();
  dapr.fail('publish', { delayMs: 50 });
  const startedAt = performance.now();
  expect((await publish(dapr, 1)).status).toBe(204);
  expect(performance.now() - startedAt).toBeGreaterThan(45);
  const end = dapr.fail('publish', { delayMs: 1_000_000, times: Number.POSITIVE_INFINITY });
  const slow = publish(dapr, 2).catch(() => 'broken');
  await dapr.close();
  expect(await slow).toBe('broken');
  end();
});

test('When state calls fail, then only the named store fails', async () => {
  const dapr = await start();
  const save = () => fetch(`${dapr.url}/v1.0/state/statestore`, { method: 'POST', body: '[{"key":"k","value":1}]' });
  dapr.fail('state', { name: 'other', status: 500 });
  expect((await save()).status).toBe(204);
  dapr.fail('state', { name: 'statestore', status: 409, body: { errorCode: 'MINE' } });
  const refused = await save();
  expect([refused.status, await refused.json()]).toEqual([409, { errorCode: 'MINE' }]);
  dapr.fail('state', { status: 500, after: true });
  expect((await fetch(`${dapr.url}/v1.0/state/statestore/k`, { method: 'DELETE' })).status).toBe(500);
  expect((await fetch(`${dapr.url}/v1.0/state/statestore/k`)).status).toBe(204);
});

test('When a delivery fails, then the app gets the event again, and with after it has had it before', async () => {
  let handled = 0;
  const dapr = await start(
    () => {
      handled += 1;
      return {};
    },
    { deadLetterTopic: 'orders-dead' },
    { resourcesPaths: [withRetries()] },
  );
  dapr.fail('deliver', { status: 500 });
  dapr.fail('deliver', { disconnect: true, after: true });
  await publish(dapr, 1);
  expect((await dapr.delivered('orders')).answerLost).toBe(true);
  expect((await dapr.delivered('orders')).answerLost).toBe(false);
  await dapr.settled();
  expect(handled).toBe(2);
  expect(dapr.deadLetters('orders')).toEqual([]);
});

test('When another app is a stub, then invocation reaches it, and its calls can be read', async () => {
  const dapr = await start();
  const stock = dapr.app('stock', {
    'GET /items/tea': { body: { left: 3 } },
    'POST /items': ({ body }) => ({
      status: 201,
      headers: { location: '/items/1' },
      body: `got ${JSON.stringify(body)}`,
    }),
    'GET /broken': () => {
      throw new Error('no shelf');
    },
  });
  const invoke = (path: string, init?: RequestInit) => fetch(`${dapr.url}/v1.0/invoke/stock/method/${path}`, init);
  const left = await invoke('items/tea?unit=kg');
  expect([left.status, left.headers.get('content-type'), await left.json()]).toEqual([
    200,
    'application/json',
    { left: 3 },
  ]);
  const made = await invoke('items', { method: 'POST', body: '{"item":"tea"}' });
  expect([made.status, made.headers.get('location'), await made.text()]).toEqual([
    201,
    '/items/1',
    'got {"item":"tea"}',
  ]);
  expect((await invoke('nothing')).status).toBe(404);
  expect(await (await invoke('broken')).text()).toBe('the stub of stock failed: no shelf');
  const byHeader = await fetch(`${dapr.url}/items/tea`, { headers: { 'dapr-app-id': 'stock' } });
  expect(byHeader.status).toBe(200);
  expect(stock.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
    'GET /items/tea',
    'POST /items',
    'GET /nothing',
    'GET /broken',
    'GET /items/tea',
  ]);
  expect(stock.calls[0]?.query.get('unit')).toBe('kg');
  expect(stock.calls[0]?.headers['dapr-caller-app-id']).toBe('shop');
  expect(stock.calls[1]?.body).toEqual({ item: 'tea' });
  dapr.fail('invoke', { name: 'stock', status: 502 });
  expect((await invoke('items/tea')).status).toBe(502);
  expect(stock.calls).toHaveLength(5);
});

test('When a stub gets a body in parts, then it is complete', async () => {
  const dapr = await start();
  const stock = dapr.app('stock');
  const body = new ReadableStream({
    start(controller) {
      for (const part of ['{"a":', '1}']) controller.enqueue(new TextEncoder().encode(part));
      controller.close();
    },
  });
  const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
  expect((await fetch(`${dapr.url}/v1.0/invoke/stock/method/m`, init)).status).toBe(200);
  expect(stock.calls[0]?.body).toEqual({ a: 1 });
});

test('When the test resets, then nothing is left of what happened before', async () => {
  const dapr = await start();
  const stock = dapr.app('stock');
  await publish(dapr, 1);
  await dapr.settled();
  await fetch(`${dapr.url}/v1.0/invoke/stock/method/m`);
  dapr.fail('publish', { status: 500 });
  dapr.reset();
  expect([dapr.published('orders'), stock.calls]).toEqual([[], []]);
  expect((await publish(dapr, 2)).status).toBe(204);
  expect((await dapr.delivered('orders')).data).toBe(2);
});

test('When two test sidecars share their memory, then each reports its own part, and they find each other', async () => {
  const memory = new SharedMemory();
  const shop = await start(() => ({}), {}, { memory });
  const publisher = await startTestSidecar({ appId: 'web', memory });
  cleanUps.push(() => publisher.close());
  await publish(publisher, 'from web');
  expect((await shop.delivered('orders')).source).toBe('web');
  expect([shop.published('orders'), publisher.published('orders').length]).toEqual([[], 1]);
  expect((await fetch(`${publisher.url}/v1.0/invoke/shop/method/nothing`)).status).toBe(404);
});

test.each<[string, (dapr: Awaited<ReturnType<typeof start>>) => unknown, string]>([
  [
    'delivered of an unknown topic',
    (d) => d.delivered('ordrs'),
    'delivered: the app does not subscribe to "ordrs"; allowed: orders (pubsub)',
  ],
  [
    'delivered with a text',
    (d) => d.delivered('orders', 'tea' as never),
    'where is "tea"; allowed: a function, or fields of a delivery',
  ],
  [
    'delivered with an unknown option',
    (d) => d.delivered('orders', {}, { timeout: 1 } as never),
    'options has the unknown field timeout; allowed: timeoutMs',
  ],
  [
    'delivered with a wrong deadline',
    (d) => d.delivered('orders', {}, { timeoutMs: 0 }),
    'timeoutMs is 0; allowed: a number from 1 to',
  ],
  [
    'deadLetters of an unknown topic',
    (d) => d.deadLetters('x'),
    'deadLetters: the app does not subscribe to "x"; allowed: orders (pubsub)',
  ],
  [
    'published without a topic',
    (d) => d.published(undefined as never),
    'published: the topic is undefined; allowed: a string that is not empty',
  ],
  ['deliver to an unknown topic', (d) => d.deliver('x', { data: 1 }), 'deliver: the app does not subscribe to "x"'],
  [
    'deliver to an unknown component',
    (d) => d.deliver('orders', { data: 1 }, { pubsubName: 'k' }),
    'subscribe to "orders" on k; allowed',
  ],
  [
    'deliver of data without an event',
    (d) => d.deliver('orders', { item: 'tea' }),
    'the event is {"item":"tea"}; allowed: { data, id, type, ... }',
  ],
  ['deliver of nothing', (d) => d.deliver('orders', undefined as never), 'the event is undefined; allowed'],
  ['deliver zero times', (d) => d.deliver('orders', { data: 1 }, { times: 0 }), 'times is 0; allowed: a number from 1'],
  [
    'fail of an unknown kind',
    (d) => d.fail('publsh' as never, { status: 500 }),
    'the kind is "publsh"; allowed: publish, state, invoke, bind, deliver',
  ],
  ['fail without a fault', (d) => d.fail('publish', {}), 'allowed: one of status, delayMs and disconnect at least'],
  [
    'fail with an unknown field',
    (d) => d.fail('publish', { code: 500 } as never),
    "fail('publish') has the unknown field code; allowed: times, status",
  ],
  [
    'fail with a wrong status',
    (d) => d.fail('publish', { status: 99 }),
    'status is 99; allowed: a number from 200 to 599',
  ],
  ['fail with two answers', (d) => d.fail('publish', { status: 500, disconnect: true }), 'exclude each other'],
  ['fail after nothing', (d) => d.fail('publish', { delayMs: 5, after: true }), 'after has no effect alone'],
  [
    'app with the id of the app',
    (d) => d.app('shop'),
    'app: "shop" is the app under test; allowed: the id of another app',
  ],
  ['app with a wrong route', (d) => d.app('stock', { '/items': {} }), 'app(\'stock\'): the route is "/items"'],
  ['app with a wrong answer', (d) => d.app('stock', { 'GET /items': 5 as never }), "allowed: { 'GET /path'"],
])('When a test misuses %s, then the error names the problem and what is allowed', async (_, misuse, message) => {
  const dapr = await start();
  await expect(async () => misuse(dapr)).rejects.toThrow(message);
});
