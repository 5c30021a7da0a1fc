import { afterEach, expect, test } from 'vitest';
import { SharedMemory } from '../components';
import { atStop, publish, resourcesFolder, startShop, stopShops, WITH_RETRIES } from '../testing/shop';
import { startTestSidecar } from './test-sidecar';

afterEach(stopShops);

test('When an event is delivered, then the call resolves with the event and the answer, before or after the delivery', async () => {
  const dapr = await startShop(() => ({ status: 200, body: { status: 'SUCCESS' } }));
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
  const dapr = await startShop();
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
  const dapr = await startShop();
  await expect(dapr.delivered('orders', {}, { timeoutMs: 1 })).rejects.toThrow('Nothing was delivered.');
  const waiting = dapr.delivered('orders');
  await dapr.close();
  await expect(waiting).rejects.toThrow('the sidecar was closed before a delivery on topic orders');
});

test('When an app fails, then each attempt is a delivery, and the dead letter names both topics', async () => {
  const dapr = await startShop(
    () => ({ status: 503 }),
    { deadLetterTopic: 'orders-dead' },
    { resourcesPaths: [resourcesFolder(WITH_RETRIES)] },
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
  const dapr = await startShop(({ id }) => {
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
  const dapr = await startShop();
  await dapr.deliver('orders', { data_base64: Buffer.from([1, 2]).toString('base64') });
  expect((await dapr.delivered('orders')).data).toEqual(Buffer.from([1, 2]));
});

test('When a bulk subscription gets events, then each is a delivery with its status', async () => {
  const bulkSubscribe = { enabled: true, maxMessagesCount: 2, maxAwaitDurationMs: 5 };
  const dapr = await startShop(
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

test('When the test resets, then nothing is left of what happened before', async () => {
  const dapr = await startShop();
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
  const shop = await startShop(() => ({}), {}, { memory });
  const publisher = await startTestSidecar({ appId: 'web', memory });
  atStop(() => publisher.close());
  await publish(publisher, 'from web');
  expect((await shop.delivered('orders')).source).toBe('web');
  expect([shop.published('orders'), publisher.published('orders').length]).toEqual([[], 1]);
  expect((await fetch(`${publisher.url}/v1.0/invoke/shop/method/nothing`)).status).toBe(404);
});
