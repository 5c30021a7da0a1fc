import { afterEach, expect, test } from 'vitest';
import { startShop, stopShops } from '../testing/shop';

afterEach(stopShops);

test('When another app is a stub, then invocation reaches it, and its calls can be read', async () => {
  const dapr = await startShop();
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
  const dapr = await startShop();
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
