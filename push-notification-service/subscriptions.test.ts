import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import request from 'supertest';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureLog } from '../common/testing/captured-log';
import { deliverFollow, testSubscriber } from '../common/testing/test-subscriber';
import { createPushSender } from './send-push';
import { subscriptions } from './subscriptions';

const messages: { topic: string; message: string }[] = [];
/** The status with which the server answers the next messages. */
let status = 200;
const server = createServer(async (req, res) => {
  const message = JSON.parse(Buffer.concat(await req.toArray()).toString());
  if (status === 200) messages.push(message);
  res.writeHead(status).end('{}');
});
let app: ReturnType<typeof testSubscriber>;
let close: () => void;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const pushUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { logger } = captureLog();
  const sender = createPushSender({ pushUrl, topicPrefix: 'followers-', token: undefined }, logger);
  close = sender.close;
  app = testSubscriber({ subscriptions: subscriptions(sender.sendPush), logger });
});
afterAll(() => {
  close();
  server.close().closeAllConnections();
});

const deliver = (id: string) => deliverFollow(app, id);

test('When Dapr asks for the subscriptions, then the answer has followerAdded', async () => {
  const { body } = await request(app).get('/dapr/subscribe').expect(200);
  expect(body).toMatchObject([{ topic: 'followerAdded', route: '/followerAdded' }]);
});

test('When a follow is delivered, then the topic of the followee gets a message, and the delivery succeeds', async () => {
  status = 200;
  expect((await deliver('event-1').expect(200)).body).toEqual({ status: 'SUCCESS' });
  expect(messages).toMatchObject([{ topic: 'followers-bob', message: 'alice follows you' }]);
});

test.each([429, 503])(
  'When the push server answers %s, then the status is 503, so that Dapr retries',
  async (answer) => {
    status = answer;
    await deliver(`event-${answer}`).expect(503);
  },
);

test('When the push server refuses the message permanently, then the event becomes a dead letter', async () => {
  status = 403;
  expect((await deliver('event-3').expect(200)).body).toEqual({ status: 'DROP' });
});
