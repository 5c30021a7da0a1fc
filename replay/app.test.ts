import request from 'supertest';
import { expect, test, vi } from 'vitest';
import { captureLog } from '../common/testing/captured-log';
import { createApp } from './app';
import type { Verdict } from './replay';

const take = vi.fn<(event: unknown) => Promise<Verdict>>();
const topics = async () => ({ read: ['dead', 'returned-1'], returned: 'returned-2' });
const { logger } = captureLog();
const app = createApp({ topics, take, ready: async () => {}, logger, pubsubName: 'pubsub', appApiToken: 'sesame' });

test('When Dapr asks for subscriptions, then what is dropped does not come back to a topic that is read', async () => {
  const res = await request(app).get('/dapr/subscribe').expect(200);
  const subscription = { pubsubname: 'pubsub', route: '/dead-letter', deadLetterTopic: 'returned-2' };
  expect(res.body).toEqual([
    { topic: 'dead', ...subscription },
    { topic: 'returned-1', ...subscription },
  ]);
});

test.each(['SUCCESS', 'DROP'] as const)(
  'When a dead letter is delivered and the verdict is %s, then Dapr is told',
  async (verdict) => {
    take.mockResolvedValue(verdict);
    const res = await request(app)
      .post('/dead-letter')
      .set({ 'content-type': 'application/cloudevents+json', 'dapr-api-token': 'sesame' })
      .send('{"id":"event-1"}')
      .expect(200);
    expect(res.body).toEqual({ status: verdict });
    expect(take).toHaveBeenLastCalledWith({ id: 'event-1' });
  },
);

test('When somebody else than the sidecar delivers, then it is refused', async () => {
  take.mockClear();
  await request(app).post('/dead-letter').set('content-type', 'application/json').send('{}').expect(401);
  expect(take).not.toHaveBeenCalled();
});
