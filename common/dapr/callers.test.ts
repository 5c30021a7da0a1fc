import express from 'express';
import request from 'supertest';
import { expect, test } from 'vitest';
import { problemDetails } from '../http/problem-details';
import { captureLog } from '../testing/captured-log';
import { replayOf, requireCaller } from './callers';

const appThatAllows = (...allowed: string[]) =>
  express()
    .post('/followerAdded', requireCaller(...allowed), (_req, res) => void res.sendStatus(204))
    .use(problemDetails(captureLog().logger));
const app = appThatAllows(replayOf('email-notification-service'));

const invokedBy = (...callers: string[]) =>
  request(app)
    .post('/followerAdded')
    // A list becomes one header for each name. The types of supertest do not have it.
    .set({ 'dapr-caller-app-id': callers as unknown as string });

test('When the own sidecar delivers an event, then the request passes', async () => {
  await request(app).post('/followerAdded').expect(204);
});

test('When the replay of the service calls, then the request passes', async () => {
  await invokedBy('email-notification-service-replay').expect(204);
});

test.each([
  ['api-facade'],
  ['email-notification-service'],
  ['push-notification-service-replay'],
  ['Email-Notification-Service-Replay'],
  [''],
  // daprd adds the second name to the first, which the app has sent.
  ['email-notification-service-replay', 'api-facade'],
  ['email-notification-service-replay', 'email-notification-service-replay'],
])('When %j calls, then the request is refused', async (...callers) => {
  const { body } = await invokedBy(...callers).expect(403);
  expect(body.detail).toContain('may not invoke this route');
});

test('When no app may call, then every app is refused', async () => {
  const refuse = appThatAllows();
  await request(refuse).post('/followerAdded').expect(204);
  await request(refuse).post('/followerAdded').set('dapr-caller-app-id', 'api-facade').expect(403);
});
