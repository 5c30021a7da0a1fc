import request from 'supertest';
import { expect, test } from 'vitest';
import { captureLog } from '../common/test-support';
import { createApp } from './app';
import { createSendPush } from './send-push';

const { logger, lines } = captureLog('push-notification-service');
const app = createApp({
  notify: createSendPush(logger),
  ready: async () => {},
  logger,
  pubsubName: 'pubsub',
  appApiToken: undefined,
});

test('When a follow is delivered, then the followee is notified', async () => {
  const event = {
    specversion: '1.0',
    id: 'event-1',
    type: 'followerAdded',
    source: 's',
    data: { follower: 'alice', followee: 'bob' },
  };
  await request(app)
    .post('/followerAdded')
    .set('content-type', 'application/cloudevents+json')
    .send(JSON.stringify(event))
    .expect(200);
  expect(lines).toContainEqual(
    expect.objectContaining({ eventId: 'event-1', msg: 'notified bob by push message: alice follows you' }),
  );
});

test('When Dapr asks for subscriptions, then the dead letters are those of this service', async () => {
  const res = await request(app).get('/dapr/subscribe').expect(200);
  expect(res.body).toMatchObject([
    { topic: 'followerAdded', deadLetterTopic: 'push-notification-service-dead-letters' },
  ]);
});
