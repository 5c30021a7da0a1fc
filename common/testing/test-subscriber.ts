import type { Express } from 'express';
import request from 'supertest';
import { createSubscriber, type Dependencies } from '../dapr/subscriber';
import { captureLog } from './captured-log';
import { FOLLOW_EVENT } from './follow-event';

/** Returns the app of a subscriber whose sidecar is ready and whose events are always new, unless `options` change that. */
export const testSubscriber = (options: Pick<Dependencies, 'subscriptions'> & Partial<Dependencies>): Express =>
  createSubscriber({
    service: 'email-notification-service',
    handleOnce: (_event, _signal, work) => work(),
    moveTo: async () => {},
    ready: async () => {},
    logger: captureLog().logger,
    pubsubName: 'pubsub',
    appApiToken: undefined,
    eventsPerDelivery: 1,
    ...options,
  });

/** Delivers an event about alice and bob as Dapr does. */
export const deliverFollow = (app: Express, id: string): request.Test =>
  request(app)
    .post('/followerAdded')
    .set('content-type', 'application/cloudevents+json')
    .send(JSON.stringify({ ...FOLLOW_EVENT, id }));
