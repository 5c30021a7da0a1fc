import { afterEach, expect, test } from 'vitest';
import { startShop, stopShops } from '../testing/shop';

afterEach(stopShops);

test.each<[string, (dapr: Awaited<ReturnType<typeof startShop>>) => unknown, string]>([
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
  const dapr = await startShop();
  await expect(async () => misuse(dapr)).rejects.toThrow(message);
});
