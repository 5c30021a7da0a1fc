import { afterEach, expect, test } from 'vitest';
import { publish, resourcesFolder, startShop, stopShops, WITH_RETRIES } from '../testing/shop';

afterEach(stopShops);

test('When publishes fail, then the app gets the given answers, and the next publish succeeds', async () => {
  const dapr = await startShop();
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
  const dapr = await startShop();
  dapr.fail('publish', { disconnect: true });
  await expect(publish(dapr, 'before')).rejects.toThrow();
  dapr.fail('publish', { disconnect: true, after: true });
  await expect(publish(dapr, 'after')).rejects.toThrow();
  expect(dapr.published('orders').map(({ data }) => data)).toEqual(['after']);
});

test('When calls are slow, then they succeed after the delay, and a close does not wait for it', async () => {
  const dapr = await startShop();
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
  const dapr = await startShop();
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
  const dapr = await startShop(
    () => {
      handled += 1;
      return {};
    },
    { deadLetterTopic: 'orders-dead' },
    { resourcesPaths: [resourcesFolder(WITH_RETRIES)] },
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
