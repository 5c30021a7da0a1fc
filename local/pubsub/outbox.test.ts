import { afterEach, expect, test } from 'vitest';
import { resourcesFolder, startShop, stopShops } from '../testing/shop';

afterEach(stopShops);

const RESOURCES = `kind: Component
metadata: {name: pubsub}
spec: {type: pubsub.in-memory, version: v1}
---
kind: Component
metadata: {name: store}
spec:
  type: state.in-memory
  version: v1
  metadata: [{name: outboxPublishPubsub, value: pubsub}, {name: outboxPublishTopic, value: orders}]
`;

const start = () => startShop(() => ({}), {}, { resourcesPaths: [resourcesFolder(RESOURCES)] });

const transact = (dapr: { url: string }, requests: object[]) =>
  fetch(`${dapr.url}/v1.0/state/store/transaction`, {
    method: 'POST',
    body: JSON.stringify({ operations: requests.map((request) => ({ operation: 'upsert', request })) }),
  });

test('When a transaction has several upserts, then each has an event, and its projection gives the data', async () => {
  const dapr = await start();
  const projection = { metadata: { 'outbox.projection': 'true' } };
  const upserts = [
    { key: 'a', value: 'projected a', ...projection },
    { key: 'b', value: 'projected b', ...projection },
  ];
  const answer = await transact(dapr, [
    ...upserts,
    { key: 'a', value: 1 },
    { key: 'b', value: 2 },
    { key: 'c', value: 3 },
  ]);
  expect(answer.status).toBe(204);
  await dapr.settled();
  expect(dapr.published('orders').map(({ data }) => data)).toEqual(['projected a', 'projected b', '3']);
  expect(await (await fetch(`${dapr.url}/v1.0/state/store/a`)).json()).toBe(1);
});

test('When a transaction fails, then its events are dropped soon, so that a test can check that there are none', async () => {
  const dapr = await start();
  const answer = await transact(dapr, [
    { key: 'a', value: 1 },
    { key: 'b', value: 2, etag: 'other' },
  ]);
  expect(answer.status).toBe(500);
  await dapr.settled();
  expect(dapr.published('orders')).toEqual([]);
});

test('When the sidecar closes, then it first moves the events of the outbox to their topic', async () => {
  const dapr = await start();
  await transact(dapr, [{ key: 'a', value: 1 }]);
  await dapr.close();
  expect(dapr.published('orders')).toHaveLength(1);
});
