import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type ParsedMail, simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';
import request from 'supertest';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { captureLog } from '../common/testing/captured-log';
import { deliverFollow, testSubscriber } from '../common/testing/test-subscriber';
import { createEmailSender } from './send-email';
import { subscriptions } from './subscriptions';

const mails: ParsedMail[] = [];
/** The reply code with which the server refuses the next mails; undefined if it accepts them. */
let refusal: number | undefined;
const server = new SMTPServer({
  disabledCommands: ['AUTH', 'STARTTLS'],
  onData: (stream, _session, callback) => {
    simpleParser(stream).then((mail) => {
      if (refusal !== undefined) return callback(Object.assign(new Error('no'), { responseCode: refusal }));
      mails.push(mail);
      callback();
    }, callback);
  },
});
let app: ReturnType<typeof testSubscriber>;
let close: () => void;

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const smtpUrl = `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  const { logger } = captureLog();
  const sender = createEmailSender({ smtpUrl, from: 'followers@example.test', domain: 'example.test' }, logger);
  close = sender.close;
  app = testSubscriber({ subscriptions: subscriptions(sender.sendEmail), logger });
});
afterAll(() => {
  close();
  server.close();
});

const deliver = (id: string) => deliverFollow(app, id);

test('When Dapr asks for the subscriptions, then the answer has followerAdded', async () => {
  const { body } = await request(app).get('/dapr/subscribe').expect(200);
  expect(body).toMatchObject([{ topic: 'followerAdded', route: '/followerAdded' }]);
});

test('When a follow is delivered, then the followee gets an e-mail, and the delivery succeeds', async () => {
  refusal = undefined;
  expect((await deliver('event-1').expect(200)).body).toEqual({ status: 'SUCCESS' });
  expect(mails.map(({ subject }) => subject)).toEqual(['alice follows you']);
});

test('When the mail server refuses the mail temporarily, then the status is 503, so that Dapr retries', async () => {
  refusal = 451;
  await deliver('event-2').expect(503);
});

test('When the mail server refuses the mail permanently, then the event becomes a dead letter', async () => {
  refusal = 550;
  expect((await deliver('event-3').expect(200)).body).toEqual({ status: 'DROP' });
});
