import request from 'supertest';
import { beforeEach, expect, test, vi } from 'vitest';
import { SidecarError } from '../common/dapr/sidecar';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';
import type { Topics } from './kept-topics';

const take = vi.fn<(event: unknown) => Promise<void>>();
const topics = vi.fn<() => Promise<Topics>>();
const { logger } = captureLog();
const app = createApp({ topics, take, ready: async () => {}, logger, pubsubName: 'pubsub', appApiToken: 'sesame' });

beforeEach(() => {
  take.mockReset().mockResolvedValue();
  topics.mockReset().mockResolvedValue({ read: ['dead', 'kept-1'], kept: 'kept-2' });
});

const deliver = (headers: Record<string, string> = { 'dapr-api-token': 'sesame' }) =>
  request(app)
    .post('/dead-letter')
    .set({ 'content-type': 'application/cloudevents+json', ...headers })
    .send('{"id":"event-1"}');

test('When Dapr asks for the subscriptions, then a dead letter does not come back to a topic that the run reads', async () => {
  const res = await request(app).get('/dapr/subscribe').expect(200);
  const subscription = { pubsubname: 'pubsub', route: '/dead-letter', deadLetterTopic: 'kept-2' };
  expect(res.body).toEqual([
    { topic: 'dead', ...subscription },
    { topic: 'kept-1', ...subscription },
  ]);
});

test('When the state store is down, then Dapr is told so', async () => {
  topics.mockRejectedValue(new SidecarError('cannot read kept-topics'));
  const res = await request(app).get('/dapr/subscribe').expect(503);
  expect(JSON.parse(res.text).detail).not.toContain('kept-topics');
});

test('When a dead letter is taken, then it leaves its topic', async () => {
  expect((await deliver().expect(200)).body).toEqual({ status: 'SUCCESS' });
  expect(take).toHaveBeenCalledExactlyOnceWith({ id: 'event-1' });
});

test('When a dead letter cannot be kept, then it stays on its topic', async () => {
  take.mockRejectedValue(new SidecarError('cannot publish'));
  await deliver().expect(503);
});

test('When another app invokes the route, then the request is refused', async () => {
  await deliver({ 'dapr-api-token': 'sesame', 'dapr-caller-app-id': 'email-notification-service' }).expect(403);
  expect(take).not.toHaveBeenCalled();
});

test('When a request has no token, then it is refused', async () => {
  await deliver({}).expect(401);
  expect(take).not.toHaveBeenCalled();
});
