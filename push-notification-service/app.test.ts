import request from 'supertest';
import { expect, test, vi } from 'vitest';
import type { Notify } from '../common/dapr/subscriber';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';

const notify = vi.fn<Notify>().mockResolvedValue();
const { logger } = captureLog('push-notification-service');
const app = createApp({
  notify,
  ready: async () => {},
  logger,
  pubsubName: 'pubsub',
  appApiToken: undefined,
  deadLetter: async () => {},
  eventsPerDelivery: 1,
});

test('When a follow is delivered, then the followee is told by push message', async () => {
  const data = { follower: 'alice', followee: 'bob' };
  await request(app)
    .post('/followerAdded')
    .set('content-type', 'application/cloudevents+json')
    .send(JSON.stringify({ specversion: '1.0', id: 'event-1', type: 'followerAdded', source: 's', data }))
    .expect(200);
  expect(notify).toHaveBeenCalledExactlyOnceWith(data, 'event-1', expect.any(AbortSignal));
});

test('When Dapr asks for subscriptions, then the dead letters are those of this service', async () => {
  const res = await request(app).get('/dapr/subscribe').expect(200);
  expect(res.body).toMatchObject([
    { topic: 'followerAdded', deadLetterTopic: 'push-notification-service-dead-letters' },
  ]);
});
