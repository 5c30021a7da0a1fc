import request from 'supertest';
import { beforeEach, expect, test, vi } from 'vitest';
import { FOLLOWER_ADDED, type Follow, parseFollow } from '../follow';
import { captureLog } from '../testing/captured-log';
import { FOLLOW_EVENT as event, TRACE_ID } from '../testing/follow-event';
import { testSubscriber } from '../testing/test-subscriber';
import { type Handle, PermanentFailure, subscription } from './subscription';

const handle = vi.fn<Handle<Follow>>();
const deadLetter = vi.fn<(event: object) => Promise<void>>();
const { logger, lines } = captureLog();
const options = {
  subscriptions: [subscription({ topic: FOLLOWER_ADDED, route: '/followerAdded', parse: parseFollow, handle })],
  deadLetter,
  logger,
};
const app = testSubscriber(options);

beforeEach(() => {
  handle.mockReset().mockResolvedValue();
  deadLetter.mockReset().mockResolvedValue();
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

test('When batches are configured, then the subscriptions ask for them with their size; otherwise they do not', async () => {
  const inBatches = testSubscriber({ ...options, eventsPerDelivery: 50 });
  const { body } = await request(inBatches).get('/dapr/subscribe');
  expect(body[0].bulkSubscribe).toMatchObject({ enabled: true, maxMessagesCount: 50 });
  expect((await request(app).get('/dapr/subscribe')).body[0]).not.toHaveProperty('bulkSubscribe');
});

test('When one event of a batch fails, then the answer asks Dapr to retry only that event', async () => {
  handle.mockImplementation(async (_follow, id) => {
    if (id === 'b') throw new Error('451');
  });
  expect(await deliverBatch(entry('a'), entry('b'), entry('c'))).toEqual([
    { entryId: 'a', status: 'SUCCESS' },
    { entryId: 'b', status: 'RETRY' },
    { entryId: 'c', status: 'SUCCESS' },
  ]);
  expect(deadLetter).not.toHaveBeenCalled();
});

test('When an event of a batch is not valid, then the service publishes it as a dead letter', async () => {
  const poison = entry('b', { data: { follower: '<b>', followee: 'bob' } });
  expect(await deliverBatch(entry('a'), poison)).toEqual([
    { entryId: 'a', status: 'SUCCESS' },
    { entryId: 'b', status: 'SUCCESS' },
  ]);
  expect(deadLetter).toHaveBeenCalledExactlyOnceWith(poison.event);
});

test('When the broker does not accept the dead letter, then the answer asks Dapr to retry the event', async () => {
  handle.mockRejectedValue(new PermanentFailure('550'));
  deadLetter.mockRejectedValue(new Error('the broker is down'));
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
