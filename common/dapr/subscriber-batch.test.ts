import request from 'supertest';
import { beforeEach, expect, test, vi } from 'vitest';
import { FOLLOWER_ADDED, type Follow, parseFollow } from '../follow';
import { captureLog } from '../testing/captured-log';
import { FOLLOW_EVENT as event, TRACE_ID } from '../testing/follow-event';
import { testSubscriber } from '../testing/test-subscriber';
import { type Handle, PermanentFailure, subscription } from './subscription';

const handle = vi.fn<Handle<Follow>>();
const moveTo = vi.fn<(topic: string, event: object) => Promise<void>>();
const { logger, lines } = captureLog();
const options = {
  subscriptions: [subscription({ topic: FOLLOWER_ADDED, route: '/followerAdded', parse: parseFollow, handle })],
  moveTo,
  logger,
  eventsPerDelivery: 50,
};
const app = testSubscriber(options);

beforeEach(() => {
  handle.mockReset().mockResolvedValue();
  moveTo.mockReset().mockResolvedValue();
  lines.length = 0;
});

const entry = (entryId: string, change: object = {}) => ({ entryId, event: { ...event, id: entryId, ...change } });
const deliverBatch = async (...entries: unknown[]) => {
  const res = await request(app)
    .post('/followerAdded')
    .send({ id: 'batch', topic: 'followerAdded', entries })
    .expect(200);
  return res.body.statuses as { entryId: string; status: string }[];
};

const RETRIES = 'email-notification-service-retries';
const DEAD_LETTERS = 'email-notification-service-dead-letters';

test('When batches are configured, then Dapr delivers the topic in batches, and the retries one by one', async () => {
  const declared = { pubsubname: 'pubsub', deadLetterTopic: DEAD_LETTERS };
  const bulkSubscribe = { enabled: true, maxMessagesCount: 50, maxAwaitDurationMs: 5 };
  expect((await request(app).get('/dapr/subscribe')).body).toEqual([
    { ...declared, topic: FOLLOWER_ADDED, route: '/followerAdded', bulkSubscribe },
    { ...declared, topic: RETRIES, route: '/retries' },
  ]);
});

test('When batches are not configured, then there is no topic for retries', async () => {
  const single = testSubscriber({ ...options, eventsPerDelivery: 1 });
  const { body } = await request(single).get('/dapr/subscribe');
  expect(body).toMatchObject([{ topic: FOLLOWER_ADDED }]);
  expect(body[0]).not.toHaveProperty('bulkSubscribe');
  await request(single).post('/retries').send(event).expect(404);
});

test('When one event of a batch fails for now, then it moves to the retries, and the batch is done', async () => {
  handle.mockImplementation(async (_follow, id) => {
    if (id === 'b') throw new Error('451');
  });
  const failing = entry('b');
  expect(await deliverBatch(entry('a'), failing, entry('c'))).toEqual([
    { entryId: 'a', status: 'SUCCESS' },
    { entryId: 'b', status: 'SUCCESS' },
    { entryId: 'c', status: 'SUCCESS' },
  ]);
  expect(moveTo).toHaveBeenCalledExactlyOnceWith(RETRIES, failing.event);
});

test.each([
  ['succeeds', undefined, 200, { status: 'SUCCESS' }],
  ['fails for now again', new Error('451'), 503, {}],
  ['fails for good', new PermanentFailure('550'), 200, { status: 'DROP' }],
])('When a retry %s, then Dapr gets the answer of a single event', async (_, failure, status, body) => {
  if (failure) handle.mockRejectedValue(failure);
  const res = await request(app).post('/retries').send(event).expect(status);
  expect(res.body).toMatchObject(body);
  expect(handle).toHaveBeenCalledExactlyOnceWith(event.data, 'event-1', expect.any(AbortSignal));
  expect(moveTo).not.toHaveBeenCalled();
});

test('When a retry is of a topic that the service does not subscribe to, then it becomes a dead letter', async () => {
  const res = await request(app)
    .post('/retries')
    .send({ ...event, topic: 'other' });
  expect(res.body).toEqual({ status: 'DROP' });
  expect(lines).toContainEqual(
    expect.objectContaining({ msg: 'dead letter: email-notification-service does not subscribe to "other"' }),
  );
});

test('When an event of a batch is not valid, then the service publishes it as a dead letter', async () => {
  const poison = entry('b', { data: { follower: '<b>', followee: 'bob' } });
  expect(await deliverBatch(entry('a'), poison)).toEqual([
    { entryId: 'a', status: 'SUCCESS' },
    { entryId: 'b', status: 'SUCCESS' },
  ]);
  expect(moveTo).toHaveBeenCalledExactlyOnceWith(DEAD_LETTERS, poison.event);
});

test.each([
  ['the dead letter', new PermanentFailure('550')],
  ['the retry', new Error('451')],
])('When the broker does not accept %s, then the answer asks Dapr to retry the event', async (_, failure) => {
  handle.mockRejectedValue(failure);
  moveTo.mockRejectedValue(new Error('the broker is down'));
  expect(await deliverBatch(entry('a'))).toEqual([{ entryId: 'a', status: 'RETRY' }]);
});

test('When more than 10 events of a batch listen to the signal, then Node does not warn of a leak', async () => {
  const warned = vi.fn();
  process.on('warning', warned);
  handle.mockImplementation(async (_follow, _id, signal) => signal.addEventListener('abort', () => {}));
  await deliverBatch(...Array.from({ length: 12 }, (_, i) => entry(`event-${i}`)));
  await new Promise((resolve) => setImmediate(resolve)); // Node emits warnings after the current turn
  process.off('warning', warned);
  expect(warned).not.toHaveBeenCalled();
});

test('When a batch is delivered, then the access log has one line for each event, with its ids and its status', async () => {
  handle.mockImplementation(async (_follow, id) => {
    if (id === 'b') throw new Error('451');
  });
  await deliverBatch(entry('a'), entry('b', { traceparent: `00-${'f'.repeat(32)}-b7ad6b7169203331-01` }));
  const access = () => lines.filter(({ method }) => method === 'POST');
  await vi.waitFor(() => expect(access()).toHaveLength(2));
  expect(access()).toMatchObject([
    { eventId: 'a', status: 200, traceId: TRACE_ID },
    { eventId: 'b', status: 503, traceId: 'f'.repeat(32) },
  ]);
});

test('When a CloudEvent has an attribute named entries, then it is handled as a single event', async () => {
  await request(app)
    .post('/followerAdded')
    .send({ ...event, entries: [entry('a')] })
    .expect(200);
  expect(handle).toHaveBeenCalledExactlyOnceWith(event.data, 'event-1', expect.any(AbortSignal));
});
